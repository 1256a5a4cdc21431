"""What the audit log holds.

Owns: the entry's shape and the one way to add to the log. Has no opinion on: where it is kept, and
which deeds are told to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from huiyan.kernel.ids import AccountId, RequestId, UserId


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did or tried what. Never holds a secret.

    Parameters
    ----------
    at : datetime
        When, in UTC.
    account_id : AccountId
        Whose log it belongs to.
    project_id : str
        In which project; empty if in none.
    user_id : UserId
        Who.
    user_name : str
        Their name at the time.
    credential_id : str
        By which key or token.
    address : str
        From where; empty if unknown.
    request_id : RequestId
        In which request.
    action : str
        What: ``service:resource:operation``.
    resource : str
        On what; empty for no one thing.
    allowed : bool
        Whether it was allowed.
    reason : str
        By which statement, or why not.
    detail : mapping of str to str, optional
        Further facts by name.
    pattern : str, optional
        What the resources of refusals alike share, such as the path without its ids; given for a
        refusal, those that are repeated within a minute are told as one. Not kept.
    """

    at: datetime
    account_id: AccountId
    project_id: str
    user_id: UserId
    user_name: str
    credential_id: str
    address: str
    request_id: RequestId
    action: str
    resource: str
    allowed: bool
    reason: str
    detail: Mapping[str, str] = field(default_factory=dict)
    pattern: str = ""


class AuditLog(Protocol):
    """Where deeds are told."""

    def record(self, entry: AuditEntry) -> None:
        """Append an entry; durable when this returns, but for refusals alike, which are counted.

        Raises ``RecordingError`` if it cannot be made durable: then nothing must be done.
        """
        ...


class NullAuditLog:
    """A log that keeps nothing, for local commands that no account is told of."""

    def record(self, entry: AuditEntry) -> None:
        """Keep nothing.

        Parameters
        ----------
        entry : AuditEntry
            What would be told.
        """


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry as the log keeps it.

    Parameters
    ----------
    id : str
        32 hexadecimal digits; ids sort by instant, those of one instant in one process by order.
    entry : AuditEntry
        What it tells.
    """

    id: str
    entry: AuditEntry


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries of an account's log are wanted; without any condition, all.

    Parameters
    ----------
    since : datetime, optional
        From this instant on.
    until : datetime, optional
        Before this instant.
    project_id : str, optional
        In this project.
    user_id : str, optional
        By this user.
    user_name : str, optional
        By users of this name at the time.
    action : str, optional
        Of this action in any case of letters; a ``*`` at the end stands for anything.
    allowed : bool, optional
        Only what was allowed, or only what was refused.
    request_id : str, optional
        In this request.
    text : str, optional
        With this text, in any case of letters A to Z, in resource, reason, detail, address or
        credential.
    """

    since: datetime | None = None
    until: datetime | None = None
    project_id: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    action: str | None = None
    allowed: bool | None = None
    request_id: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries of a log, newest first.

    Parameters
    ----------
    records : tuple of AuditRecord
        The entries.
    marker : str or None
        Give it to get those that follow; None if there are none.
    """

    records: tuple[AuditRecord, ...]
    marker: str | None
