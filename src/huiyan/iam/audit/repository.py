"""Where the audit log is kept.

Owns: every statement about it, and how an entry becomes a row that every database takes. Has no
opinion on: what is told to the log, and who may read it.

There is no statement that changes or removes a row, and the database refuses one
(``migrations/versions/v0003_audit_is_append_only.py``).
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, func, or_, tuple_

from huiyan.iam.audit.model import AuditEntry, AuditPage, AuditQuery, AuditRecord
from huiyan.kernel.errors import InvalidParameterError, RecordingError
from huiyan.kernel.ids import AccountId, RequestId, UserId
from huiyan.persistence.appender import RefusedRowsError
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, append_once, select_in
from huiyan.persistence.schema import AUDIT_RECORD, to_milliseconds

RESOURCE_CHARACTERS = 2000
REASON_CHARACTERS = 2000
DETAIL_CHARACTERS = 8000
"""The most that one entry holds of each; what is longer is cut and ends with an ellipsis."""

_FACT_CHARACTERS = 6200
_CUT = "…"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# PostgreSQL refuses NUL and lone surrogates; the others could forge lines where logs are read.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ID = re.compile(r"[0-9a-f]{32}")
_INSTANT_DIGITS = 12
_SEQUENCE_DIGITS = 4
_RANDOM_BYTES = 8

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_TABLE = AUDIT_RECORD.c
_WIDTHS = {
    column.name: column.type.length
    for column in AUDIT_RECORD.columns
    if isinstance(column.type, String) and column.type.length is not None
}
_SEARCHED = (
    _TABLE.resource,
    _TABLE.reason,
    _TABLE.detail,
    _TABLE.address,
    _TABLE.credential_id,
)


class AuditRepository:
    """Keeps the audit log.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect_name = database.engine.dialect.name
        self._appender = database.appender(append_once(dialect_name, AUDIT_RECORD))
        self._sequence = itertools.count()

    def prepare(self, entry: AuditEntry) -> AuditRecord:
        """Give an entry its id, and a form that every database takes.

        Parameters
        ----------
        entry : AuditEntry
            Anything, hostile text too.

        Returns
        -------
        AuditRecord
            As it will be read back: the instant in whole milliseconds, unprintable characters
            replaced, long text cut.
        """
        at = max(entry.at.astimezone(UTC), _EPOCH)
        at_ms = to_milliseconds(at)
        sequence = next(self._sequence) % 16**_SEQUENCE_DIGITS
        place = f"{at_ms:0{_INSTANT_DIGITS}x}{sequence:0{_SEQUENCE_DIGITS}x}"
        clean = replace(
            entry,
            at=_EPOCH + at_ms * _MILLISECOND,
            account_id=AccountId(_fit("account_id", entry.account_id)),
            project_id=_fit("project_id", entry.project_id),
            user_id=UserId(_fit("user_id", entry.user_id)),
            user_name=_fit("user_name", entry.user_name),
            credential_id=_fit("credential_id", entry.credential_id),
            address=_fit("address", entry.address),
            request_id=RequestId(_fit("request_id", entry.request_id)),
            action=_fit("action", entry.action),
            resource=_clean(entry.resource, RESOURCE_CHARACTERS),
            reason=_clean(entry.reason, REASON_CHARACTERS),
            detail=_fit_detail(entry.detail),
            pattern="",
        )
        return AuditRecord(place + secrets.token_hex(_RANDOM_BYTES), clean)

    def append(self, records: Sequence[AuditRecord]) -> None:
        """Store records in one transaction; durable when this returns.

        Parameters
        ----------
        records : sequence of AuditRecord
            From ``prepare``; one whose id is stored already is passed over.

        Raises
        ------
        DatabaseError
            The database could not be written; a later try may succeed.
        RecordingError
            The database refuses one of these records for what it holds; none was stored.
        """
        try:
            self._appender.append([_to_row(record) for record in records])
        except RefusedRowsError as error:
            raise RecordingError("the database refuses an audit record") from error

    def list_records(
        self, account_id: AccountId, query: AuditQuery, limit: int, marker: str | None = None
    ) -> AuditPage:
        """List records of one account, newest first.

        Parameters
        ----------
        account_id : AccountId
            Whose log.
        query : AuditQuery
            Which of them.
        limit : int
            The most that is listed.
        marker : str, optional
            Of the page before; records added since do not shift what follows.

        Returns
        -------
        AuditPage
            By instant and id, falling.

        Raises
        ------
        InvalidParameterError
            The marker is none of ours.
        DatabaseError
            The database failed.
        """
        place = (_TABLE.at_ms, _TABLE.id)
        statement = (
            _matching(select_in(Scope(account_id), AUDIT_RECORD), query)
            .order_by(*(column.desc() for column in place))
            .limit(limit + 1)
        )
        if marker is not None:
            statement = statement.where(_before(marker))
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        records = tuple(_from_row(row) for row in rows[:limit])
        return AuditPage(records, records[-1].id if len(rows) > limit else None)


def _before(marker: str) -> ColumnElement[bool]:
    """Say which rows follow a marker in the list: it is the id of the last row before them."""
    if _ID.fullmatch(marker):
        with suppress(OverflowError):
            at = _EPOCH + int(marker[:_INSTANT_DIGITS], 16) * _MILLISECOND
            return tuple_(_TABLE.at_ms, _TABLE.id) < (at, marker)
    raise InvalidParameterError("marker", "is not one that was given out")


def _matching(statement: Select[Any], query: AuditQuery) -> Select[Any]:
    if query.since is not None:
        statement = statement.where(_TABLE.at_ms >= query.since)
    if query.until is not None:
        statement = statement.where(_TABLE.at_ms < query.until)
    if query.allowed is not None:
        statement = statement.where(_TABLE.allowed == query.allowed)
    exact = {
        "project_id": query.project_id,
        "user_id": query.user_id,
        "user_name": query.user_name,
        "request_id": query.request_id,
    }
    for name, value in exact.items():
        if value is not None:
            statement = statement.where(_TABLE[name] == _fit(name, value))
    if query.action is not None:
        statement = statement.where(_of_action(_printable(query.action).lower()))
    if query.text is not None:
        wanted = _printable(query.text).lower()
        found = (func.lower(column).contains(wanted, autoescape=True) for column in _SEARCHED)
        statement = statement.where(or_(*found))
    return statement


def _of_action(action: str) -> ColumnElement[bool]:
    told = func.lower(_TABLE.action)
    if action.endswith("*"):
        return told.startswith(action[:-1], autoescape=True)
    return told == action


def _fit(column: str, text: str) -> str:
    return _clean(text, _WIDTHS[column])


def _clean(text: str, most: int) -> str:
    if len(text) > most:
        text = text[: most - len(_CUT)] + _CUT
    return _printable(text)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(_REPLACEMENT, text)


def _fit_detail(detail: Mapping[str, str]) -> dict[str, str]:
    """Keep as many facts as fit, and say so if not all did."""
    kept: dict[str, str] = {}
    left = DETAIL_CHARACTERS
    for name, fact in detail.items():
        clean = (_clean(name, _FACT_CHARACTERS), _clean(fact, _FACT_CHARACTERS))
        left -= len(clean[0]) + len(clean[1])
        if left < 0:
            kept[_CUT] = _CUT
            break
        kept[clean[0]] = clean[1]
    return kept


def _to_row(record: AuditRecord) -> tuple[object, ...]:
    entry = record.entry
    return (
        record.id,
        to_milliseconds(entry.at),
        entry.account_id,
        entry.project_id,
        entry.user_id,
        entry.user_name,
        entry.credential_id,
        entry.address,
        entry.request_id,
        entry.action,
        entry.resource,
        entry.allowed,
        entry.reason,
        json.dumps(entry.detail, ensure_ascii=False),
    )


def _from_row(row: Any) -> AuditRecord:  # noqa: ANN401 - the database library's rows have no types
    return AuditRecord(
        id=row.id,
        entry=AuditEntry(
            at=row.at_ms,
            account_id=AccountId(row.account_id),
            project_id=row.project_id,
            user_id=UserId(row.user_id),
            user_name=row.user_name,
            credential_id=row.credential_id,
            address=row.address,
            request_id=RequestId(row.request_id),
            action=row.action,
            resource=row.resource,
            allowed=row.allowed,
            reason=row.reason,
            detail=json.loads(row.detail),
        ),
    )
