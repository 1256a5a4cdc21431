"""How entries of the audit log, and questions to it, look on the wire.

Owns: the fields of an entry as JSON and as CSV, and the parameters of a question. Has no opinion
on: who may ask.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from huiyan.iam.audit.model import AuditQuery, AuditRecord
from huiyan.iam.call import Call
from huiyan.iam.field import Document
from huiyan.kernel.errors import InvalidParameterError

FILTERS: Final = frozenset(
    ("from", "to", "user_id", "user_name", "action", "allowed", "request_id", "text")
)
"""The parameters that ``parse_query`` reads."""

_TEXT_CHARACTERS = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_COLUMNS = (
    "id",
    "time",
    "project_id",
    "user_id",
    "user_name",
    "credential_id",
    "address",
    "request_id",
    "action",
    "resource",
    "allowed",
    "reason",
    "detail",
)


def parse_query(call: Call, project_id: str | None) -> AuditQuery:
    """Parse which entries are wanted.

    Parameters
    ----------
    call : Call
        The call.
    project_id : str or None
        The only project that is asked about; None for the whole account.

    Returns
    -------
    AuditQuery
        A parameter that is empty counts as absent.

    Raises
    ------
    InvalidParameterError
        A parameter is malformed.

    Notes
    -----
    ``docs/wire.md``, section "Audit log".
    """
    return AuditQuery(
        since=_instant(call, "from"),
        until=_instant(call, "to"),
        project_id=project_id,
        user_id=_text(call, "user_id"),
        user_name=_text(call, "user_name"),
        action=_action(call),
        allowed=call.flag("allowed"),
        request_id=_text(call, "request_id"),
        text=_text(call, "text"),
    )


def render_record(record: AuditRecord) -> Document:
    """Render an entry.

    Parameters
    ----------
    record : AuditRecord
        The entry.

    Returns
    -------
    dict
        The JSON object.

    Notes
    -----
    ``docs/wire.md``, section "Audit log".
    """
    entry = record.entry
    return {
        "id": record.id,
        "time": entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "project_id": entry.project_id,
        "user_id": entry.user_id,
        "user_name": entry.user_name,
        "credential_id": entry.credential_id,
        "address": entry.address,
        "request_id": entry.request_id,
        "action": entry.action,
        "resource": entry.resource,
        "allowed": entry.allowed,
        "reason": entry.reason,
        "detail": dict(entry.detail),
    }


def render_lines(pages: Iterable[Iterable[AuditRecord]]) -> Iterable[bytes]:
    """Render entries as JSON, one a line.

    Parameters
    ----------
    pages : iterable of iterable of AuditRecord
        The entries.

    Yields
    ------
    bytes
        UTF-8, a page's lines each time.
    """
    for page in pages:
        lines = (json.dumps(render_record(record), ensure_ascii=False) for record in page)
        yield "".join(f"{line}\n" for line in lines).encode()


def render_table(pages: Iterable[Iterable[AuditRecord]]) -> Iterable[bytes]:
    """Render entries as CSV that a spreadsheet can open without running anything.

    Parameters
    ----------
    pages : iterable of iterable of AuditRecord
        The entries.

    Yields
    ------
    bytes
        UTF-8; the line of names first, then a page's lines each time. A cell that a spreadsheet
        would take for a formula begins with an apostrophe.
    """
    yield _csv((_COLUMNS,))
    for page in pages:
        yield _csv(_cells(render_record(record)) for record in page)


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(rendered: Document) -> list[str]:
    cells = []
    for name in _COLUMNS:
        value = rendered[name]
        cell = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        cells.append(f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell)
    return cells


def _text(call: Call, name: str) -> str | None:
    text = call.query.get(name, "")
    if len(text) > _TEXT_CHARACTERS:
        raise InvalidParameterError(name, f"must not exceed {_TEXT_CHARACTERS} characters")
    return text or None


def _action(call: Call) -> str | None:
    action = _text(call, "action")
    if action is not None and "*" in action[:-1]:
        raise InvalidParameterError("action", "may hold an asterisk at its end only")
    return action


def _instant(call: Call, name: str) -> datetime | None:
    text = _text(call, name)
    if text is None:
        return None
    # A plus sign that the caller did not escape has become a space.
    parse = _from_milliseconds if text.isascii() and text.isdigit() else datetime.fromisoformat
    return _parsed(parse, text.replace(" ", "+"), name)


def _parsed(parse: Callable[[str], datetime], text: str, name: str) -> datetime:
    try:
        instant = parse(text)
    except (ValueError, OverflowError) as error:
        raise InvalidParameterError(
            name, "must be ISO 8601, such as 2026-01-31T08:00:00Z, or milliseconds since 1970"
        ) from error
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _from_milliseconds(text: str) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(text))
