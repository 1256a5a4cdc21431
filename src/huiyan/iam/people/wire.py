"""Users as the vendor's JSON.

Owns: which fields of a body are read, and how users are shown. Has no opinion on: which values are
good beyond their types.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from huiyan.iam.field import Document, flag_field, required_text, text_field
from huiyan.iam.model import AccessMode, User
from huiyan.iam.people.model import NewUser, UserChange
from huiyan.kernel.errors import InvalidParameterError, MissingParameterError

_ACCESS_MODES: Final[dict[str, AccessMode]] = {
    "default": "default",
    "programmatic": "programmatic",
    "console": "console",
}
_MOBILE = re.compile(r"(?:([0-9]{1,8})-|([0-9]{4}))([0-9]{1,32})")
_PASSWORD_CHARACTERS = 128
_WHERE = "user."

RenderUser = Callable[[User, str], Document]
"""Shows a user; the text is scheme and host as the caller sees them."""


def parse_new_user(fields: Document) -> NewUser:
    """Parse a user about to be made.

    Parameters
    ----------
    fields : dict
        The body's ``user``.

    Returns
    -------
    NewUser
        With the vendor's defaults.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        A field is missing or of the wrong type.

    Notes
    -----
    ``docs/wire.md``, section "Users and groups".
    """
    enabled, must_change = flag_field(fields, "enabled", _WHERE), _must_change(fields)
    return NewUser(
        name=required_text(fields, "name", _WHERE),
        password=text_field(fields, "password", _WHERE, most=_PASSWORD_CHARACTERS),
        description=text_field(fields, "description", _WHERE) or "",
        email=text_field(fields, "email", _WHERE) or "",
        area_code=text_field(fields, "areacode", _WHERE) or "",
        phone=text_field(fields, "phone", _WHERE) or "",
        enabled=True if enabled is None else enabled,
        access_mode=_access_mode(fields) or "default",
        must_change_password=True if must_change is None else must_change,
    )


def parse_user_change(fields: Document) -> UserChange:
    """Parse what is to change about a user.

    Parameters
    ----------
    fields : dict
        The body's ``user``.

    Returns
    -------
    UserChange
        What is given.

    Raises
    ------
    InvalidParameterError
        A field is of the wrong type.
    """
    return UserChange(
        name=text_field(fields, "name", _WHERE),
        password=text_field(fields, "password", _WHERE, most=_PASSWORD_CHARACTERS),
        description=text_field(fields, "description", _WHERE),
        email=text_field(fields, "email", _WHERE),
        area_code=text_field(fields, "areacode", _WHERE),
        phone=text_field(fields, "phone", _WHERE),
        enabled=flag_field(fields, "enabled", _WHERE),
        access_mode=_access_mode(fields),
        must_change_password=_must_change(fields),
    )


def parse_own_change(fields: Document) -> UserChange:
    """Parse what users may change about themselves.

    Parameters
    ----------
    fields : dict
        The body's ``user``: ``email`` and ``mobile``, the latter such as ``0086-123456789``.

    Returns
    -------
    UserChange
        What is given; nothing else is looked at.

    Raises
    ------
    MissingParameterError
        Neither is given.
    InvalidParameterError
        A field is malformed.
    """
    email, mobile = text_field(fields, "email", _WHERE), text_field(fields, "mobile", _WHERE)
    if email is None and mobile is None:
        raise MissingParameterError("'user.email' or 'user.mobile' is a required property")
    if not mobile:
        return UserChange(email=email, area_code=mobile, phone=mobile)
    parts = _MOBILE.fullmatch(mobile)
    if parts is None:
        raise InvalidParameterError("user.mobile", "must be a country code, a hyphen and a number")
    return UserChange(email=email, area_code=parts[1] or parts[2], phone=parts[3])


def parse_passwords(fields: Document) -> tuple[str, str]:
    """Parse the change of one's own password.

    Parameters
    ----------
    fields : dict
        The body's ``user``.

    Returns
    -------
    original, password : str
        The present one and the new one.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        One of them is missing or no text.
    """
    return (
        required_text(fields, "original_password", _WHERE, most=_PASSWORD_CHARACTERS),
        required_text(fields, "password", _WHERE, most=_PASSWORD_CHARACTERS),
    )


def render_user(user: User, origin: str) -> Document:
    """Render a user for the calls under ``/v3``.

    Parameters
    ----------
    user : User
        The user.
    origin : str
        Scheme and host as the caller sees them.

    Returns
    -------
    dict
        The vendor's ``user``.
    """
    return {
        "id": user.id,
        "name": user.name,
        "domain_id": user.account_id,
        "enabled": user.enabled,
        "description": user.description,
        "password_expires_at": None,
        "pwd_status": user.must_change_password,
        "last_project_id": "",
        "access_mode": user.access_mode,
        "links": {"self": f"{origin}/v3/users/{user.id}", "next": None, "previous": None},
    }


def render_new_user(user: User, origin: str) -> Document:
    """Render a user for the newer calls that make and change one.

    Parameters
    ----------
    user : User
        The user.
    origin : str
        Scheme and host as the caller sees them.

    Returns
    -------
    dict
        The vendor's ``user``.
    """
    return {
        "id": user.id,
        "name": user.name,
        "domain_id": user.account_id,
        "enabled": user.enabled,
        "description": user.description,
        "email": user.email,
        "areacode": user.area_code,
        "phone": user.phone,
        "access_mode": user.access_mode,
        "pwd_status": user.must_change_password,
        "password_expires_at": None,
        "is_domain_owner": user.is_owner,
        "create_time": render_instant(user.created_at),
        "links": {"self": f"{origin}/v3.0/OS-USER/users/{user.id}"},
    }


def render_user_details(user: User, origin: str) -> Document:
    """Render a user for the newer call that shows one.

    Parameters
    ----------
    user : User
        The user.
    origin : str
        Scheme and host as the caller sees them.

    Returns
    -------
    dict
        The vendor's ``user``; its instants are written otherwise than elsewhere.
    """
    at = user.created_at
    return {
        "id": user.id,
        "name": user.name,
        "domain_id": user.account_id,
        "enabled": user.enabled,
        "description": user.description,
        "email": user.email,
        "areacode": user.area_code,
        "phone": user.phone,
        "access_mode": user.access_mode,
        "pwd_status": user.must_change_password,
        "is_domain_owner": user.is_owner,
        "create_time": None if at is None else at.strftime("%Y-%m-%d %H:%M:%S.0"),
        "update_time": None,
        "last_login_time": None,
        "links": {
            "self": f"{origin}/v3.0/OS-USER/users/{user.id}",
            "next": None,
            "previous": None,
        },
    }


def render_instant(at: datetime | None) -> str | None:
    """Render an instant.

    Parameters
    ----------
    at : datetime or None
        In UTC.

    Returns
    -------
    str or None
        Such as ``2020-01-08T06:26:08.123000Z``.
    """
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _access_mode(fields: Document) -> AccessMode | None:
    told = text_field(fields, "access_mode", _WHERE)
    if told is None:
        return None
    if told not in _ACCESS_MODES:
        raise InvalidParameterError(
            "user.access_mode", "must be one of default, programmatic, console"
        )
    return _ACCESS_MODES[told]


def _must_change(fields: Document) -> bool | None:
    return flag_field(fields, "pwd_status", _WHERE)
