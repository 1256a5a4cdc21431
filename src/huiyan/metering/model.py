"""The record of one use.

Owns: its fields. Has no opinion on: what use costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from huiyan.kernel.ids import AccountId, ProjectId, RegionId, RequestId, UserId


@dataclass(frozen=True, slots=True)
class UseRecord:
    """One call that passed authentication, succeeded or failed.

    Parameters
    ----------
    request_id : RequestId
        32 hexadecimal digits, made by the server; recording the same one again changes nothing.
    at : datetime
        When the call came; aware, stored in UTC to the millisecond.
    account_id : AccountId
        Who pays.
    project_id : ProjectId
        The project called.
    region : RegionId
        The project's region.
    user_id : UserId
        Who called.
    credential_id : str
        What proved it.
    interface : str
        The last segment of the path, for example ``tagging``.
    version : str
        The first segment of the path, for example ``v2``.
    succeeded : bool
        Whether the answer was one.
    error_code : str or None
        The vendor's code of a failure.
    http_status : int
        The status of the reply.
    bytes_in : int
        Bytes of the request's body.
    width_px : int or None
        Width of the picture, in pixels; None if none was decoded.
    height_px : int or None
        Height of the picture, in pixels; None if none was decoded.
    duration_ms : int
        Milliseconds from the call's arrival to its recording.

    Notes
    -----
    ``docs/database.md``, section "Recorded use".
    """

    request_id: RequestId
    at: datetime
    account_id: AccountId
    project_id: ProjectId
    region: RegionId
    user_id: UserId
    credential_id: str
    interface: str
    version: str
    succeeded: bool
    error_code: str | None
    http_status: int
    bytes_in: int
    width_px: int | None
    height_px: int | None
    duration_ms: int


class Meter(Protocol):
    """What whoever answers calls is given to record them."""

    def record(self, use: UseRecord) -> None:
        """Record one use; return only when it is durable.

        Raises ``RecordingError`` if it could not be made so: then no reply may leave.
        """
        ...


class NullMeter:
    """A meter that records nothing, for local commands."""

    def record(self, use: UseRecord) -> None:
        """Record nothing.

        Parameters
        ----------
        use : UseRecord
            What would be recorded.
        """
