"""Agencies as JSON.

Owns: the vendor's fields and their limits. Has no opinion on: what the calls do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from huiyan.iam.directory.model import Agency
from huiyan.iam.field import Document, required_text, text_field
from huiyan.iam.people.rules import check_legible
from huiyan.iam.roles.agency.model import (
    FOREVER,
    MAX_DAYS,
    ONE_DAY,
    AgencyChange,
    AgencyDraft,
    Trust,
    days_of,
    ends_at,
)
from huiyan.kernel.errors import InvalidParameterError, MissingParameterError

MAX_NAME_CHARACTERS: Final = 64
MAX_DESCRIPTION_CHARACTERS: Final = 255
_WHERE = "agency."
_HOURS_A_DAY = 24


def parse_agency_draft(document: Document) -> AgencyDraft:
    """Read the ``agency`` of a call that makes one.

    Parameters
    ----------
    document : dict
        Its fields, but ``domain_id``.

    Returns
    -------
    AgencyDraft
        The agency to make.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        A field is missing or malformed.

    Notes
    -----
    ``docs/wire.md``, section "Agencies".
    """
    name = required_text(document, "name", _WHERE, most=MAX_NAME_CHARACTERS)
    if name != name.strip():
        raise InvalidParameterError(f"{_WHERE}name", "must not begin or end with a space")
    check_legible(name, f"{_WHERE}name")
    trust = _parse_trust(document)
    if trust is None:
        raise MissingParameterError(f"'{_WHERE}trust_domain_name' is a required property")
    return AgencyDraft(
        name=name,
        trust=trust,
        description=_parse_description(document) or "",
        duration=_parse_duration(document) or FOREVER,
    )


def parse_agency_change(document: Document) -> AgencyChange:
    """Read the ``agency`` of a call that changes one.

    Parameters
    ----------
    document : dict
        Its fields; what is missing or null stays as it is.

    Returns
    -------
    AgencyChange
        What it becomes.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        No field is given, or one is malformed.

    Notes
    -----
    ``docs/wire.md``, section "Agencies".
    """
    change = AgencyChange(
        _parse_trust(document), _parse_description(document), _parse_duration(document)
    )
    if change == AgencyChange():
        raise MissingParameterError(f"'{_WHERE}description' is a required property")
    return change


def render_agency(agency: Agency) -> Document:
    """Show an agency.

    Parameters
    ----------
    agency : Agency
        The agency.

    Returns
    -------
    dict
        Its fields.

    Notes
    -----
    ``docs/wire.md``, section "Agencies".
    """
    days, end = days_of(agency), ends_at(agency)
    return {
        "id": agency.id,
        "name": agency.name,
        "domain_id": agency.account_id,
        "trust_domain_id": agency.trusted_account_id or None,
        "trust_domain_name": agency.trusted_account_name,
        "description": agency.description,
        "duration": FOREVER if days is None else str(days * _HOURS_A_DAY),
        "create_time": _instant(agency.created_at),
        "expire_time": None if end is None else _instant(end),
        "agency_urn": f"iam::{agency.account_id}:agency:{agency.name}",
    }


def _parse_trust(document: Document) -> Trust | None:
    account_id = text_field(document, "trust_domain_id", _WHERE)
    account_name = text_field(document, "trust_domain_name", _WHERE)
    if not account_id and not account_name:
        return None
    return Trust(account_id or "", account_name or "")


def _parse_description(document: Document) -> str | None:
    return text_field(document, "description", _WHERE, most=MAX_DESCRIPTION_CHARACTERS)


def _parse_duration(document: Document) -> str | None:
    value = document.get("duration")
    if value is None:
        return None
    text = value if isinstance(value, str) else ""
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    if text in {FOREVER, ONE_DAY}:
        return text
    plain = len(text) <= 5 and text.isascii() and text.isdigit()
    if not plain or not 1 <= int(text) <= MAX_DAYS:
        raise InvalidParameterError(
            f"{_WHERE}duration", f"must be {FOREVER}, {ONE_DAY} or days from 1 to {MAX_DAYS}"
        )
    return str(int(text))


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
