"""Access keys as the vendor's JSON.

Owns: which fields of a body are read, and how keys are shown. Has no opinion on: everything else
about them.
"""

from __future__ import annotations

from typing import Final

from huiyan.iam.field import Document, text_field
from huiyan.iam.model import IssuedKey, KeyStatus
from huiyan.iam.people.keys.model import StoredKey
from huiyan.iam.people.wire import render_instant
from huiyan.kernel.errors import InvalidParameterError, MissingParameterError

_STATUSES: Final[dict[str, KeyStatus]] = {"active": "active", "inactive": "inactive"}
_WHERE = "credential."


def parse_key_change(fields: Document) -> tuple[KeyStatus | None, str | None]:
    """Parse what is to change about a key.

    Parameters
    ----------
    fields : dict
        The body's ``credential``.

    Returns
    -------
    status : {'active', 'inactive'} or None
        None if it is not given.
    description : str or None
        None if it is not given.

    Raises
    ------
    MissingParameterError
        Neither is given.
    InvalidParameterError
        A field is malformed.
    """
    status, description = (
        text_field(fields, "status", _WHERE),
        text_field(fields, "description", _WHERE),
    )
    if status is None and description is None:
        raise MissingParameterError(
            "'credential.status' or 'credential.description' is a required property"
        )
    if status is not None and status not in _STATUSES:
        raise InvalidParameterError("credential.status", "must be active or inactive")
    return None if status is None else _STATUSES[status], description


def render_key(key: StoredKey) -> Document:
    """Render a key.

    Parameters
    ----------
    key : StoredKey
        The key.

    Returns
    -------
    dict
        The vendor's ``credential`` without its secret.

    Notes
    -----
    ``docs/wire.md``, section "Access keys".
    """
    return {
        "access": key.access_key,
        "user_id": key.user_id,
        "status": key.status,
        "create_time": render_instant(key.created_at),
        "description": key.description,
    }


def render_new_key(key: StoredKey, issued: IssuedKey) -> Document:
    """Render a key that was just made.

    Parameters
    ----------
    key : StoredKey
        The key.
    issued : IssuedKey
        The same with its secret.

    Returns
    -------
    dict
        The vendor's ``credential``, this once with the secret.
    """
    return render_key(key) | {"secret": issued.secret_key}


def render_key_details(key: StoredKey) -> Document:
    """Render a key with its last use.

    Parameters
    ----------
    key : StoredKey
        The key.

    Returns
    -------
    dict
        The vendor's ``credential``; a key that was never used tells when it was made instead.
    """
    return render_key(key) | {"last_use_time": render_instant(key.last_used_at or key.created_at)}
