"""One call as it enters, and the reply as it leaves.

Owns: the values that the stages of the gateway hand on. Has no opinion on: what the stages do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from huiyan.kernel.ids import ProjectId, RequestId
from huiyan.recognition.model import AnyCapability


def _settle_nowhere(_project_id: ProjectId) -> None:
    """Take note of nothing: nobody counts this call."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call's identity and when it came.

    Parameters
    ----------
    request_id : RequestId
        Ours; a caller's ``X-Request-Id`` is never taken.
    instant : datetime
        UTC.
    monotonic_s : float
        The same on the clock of durations, in seconds.
    settle : callable
        To be told, once, whose the call is when that is certain, from any thread: until then it
        counts for its address. Raises ``QueueFullError`` if the project has no place left.
    """

    request_id: RequestId
    instant: datetime
    monotonic_s: float
    settle: Callable[[ProjectId], None] = _settle_nowhere


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names.

    Parameters
    ----------
    capability : Capability
        The operation.
    project_id : str or None
        As in the path, percent-decoded; ``None`` where the wire has no project in the path.
    """

    capability: AnyCapability
    project_id: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, complete.

    Parameters
    ----------
    status : int
        HTTP status.
    body : bytes
        JSON text.
    error_code : str
        The vendor's code, empty on success.
    retry_after_s : int or None
        For ``Retry-After``.
    """

    status: int
    body: bytes
    error_code: str = ""
    retry_after_s: int | None = None
