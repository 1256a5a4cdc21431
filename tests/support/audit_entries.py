"""An entry of the audit log to vary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from huiyan.iam.audit.model import AuditEntry
from huiyan.kernel.ids import AccountId, RequestId, UserId

AT = datetime(2026, 3, 31, 8, 15, 0, 123_000, tzinfo=UTC)
ACCOUNT = AccountId("a" * 32)
OTHER_ACCOUNT = AccountId("b" * 32)

_PLAIN = AuditEntry(
    at=AT,
    account_id=ACCOUNT,
    project_id="p" * 32,
    user_id=UserId("u" * 32),
    user_name="someone",
    credential_id="AK",
    address="192.0.2.1",
    request_id=RequestId("e" * 32),
    action="iam:users:createUser",
    resource="/v3/users",
    allowed=True,
    reason="Account owner: statement 1 allows",
    detail={"user.name": "新用户"},
)


def an_entry(**changes: Any) -> AuditEntry:
    """Vary the plain entry."""
    return replace(_PLAIN, **changes)
