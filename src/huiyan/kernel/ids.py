"""Identifiers as types of their own.

Owns: the id types and how new ones are made. Has no opinion on: what they identify.
"""

from __future__ import annotations

import secrets
from typing import NewType

AccountId = NewType("AccountId", str)
ProjectId = NewType("ProjectId", str)
UserId = NewType("UserId", str)
GroupId = NewType("GroupId", str)
AgencyId = NewType("AgencyId", str)
RequestId = NewType("RequestId", str)
AccessKey = NewType("AccessKey", str)
RegionId = NewType("RegionId", str)


def new_hex_id() -> str:
    """Make a fresh identifier.

    Returns
    -------
    str
        32 lower-case hex digits, unguessable.
    """
    return secrets.token_hex(16)


def new_request_id() -> RequestId:
    """Make the id of one call.

    Returns
    -------
    RequestId
        32 lower-case hex digits; a caller's ``X-Request-Id`` is never taken as ours.
    """
    return RequestId(new_hex_id())
