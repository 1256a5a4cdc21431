"""What a capability is, who calls it, and where its picture comes from.

Owns: ``Capability`` as a value, the parsed request, the caller, the picture's source. Has no
opinion on: any one capability, HTTP, or how a picture is fetched, decoded or billed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from huiyan.imaging.picture import Image, PictureLimits
from huiyan.kernel.ids import AccountId, ProjectId, RegionId, RequestId, UserId
from huiyan.kernel.principal import Principal
from huiyan.persistence.query import Scope

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PictureBytes:
    """A picture that came inside the request.

    Parameters
    ----------
    data : bytes
        The file.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class PictureUrl:
    """A picture named by its URL.

    Parameters
    ----------
    url : str
        The URL as the caller wrote it; not checked yet.
    """

    url: str


PictureSource = PictureBytes | PictureUrl


@dataclass(frozen=True, slots=True)
class ParsedRequest(Generic[P]):
    """A wire body, understood.

    Parameters
    ----------
    params : P
        The capability's parameters, in our units.
    source : PictureSource
        Where the picture is.
    """

    params: P
    source: PictureSource


@dataclass(frozen=True, slots=True)
class Capability(Generic[P, R]):
    """One operation of the service: how to understand, answer and say it.

    Parameters
    ----------
    interface : str
        The operation's name in use records and metrics: the last segment of its path.
    version : str
        The wire version, for example ``v2``.
    path : str
        The route, with ``{project_id}`` where the wire has one.
    limits : PictureLimits
        Which pictures it takes.
    min_short_side_px : int or None
        The short side that its networks need, in pixels; ``None`` for the full picture.
    parse : callable
        Wire body to ``ParsedRequest``.
    recognise : callable
        Picture, parameters and the project asked in to result. Thread-safe; reads no settings,
        clock or caller. Most answer alike in every project, see `alike_everywhere`.
    render : callable
        Result and parameters to wire body.
    tells : callable, optional
        What the audit log is told of a result, by name: ids and numbers, nothing that a person may
        ask to have deleted. Without it, calls are in the use records only.
    prepare : callable, optional
        Loads what the project needs and may take seconds to load; called before the call's turn, so
        that nobody else's picture waits for it.
    """

    interface: str
    version: str
    path: str
    limits: PictureLimits
    min_short_side_px: int | None
    parse: Callable[[bytes], ParsedRequest[P]]
    recognise: Callable[[Image, P, Scope], R]
    render: Callable[[R, P], bytes]
    tells: Callable[[R], Mapping[str, str]] | None = None
    prepare: Callable[[Scope], None] | None = None


def alike_everywhere(recognise: Callable[[Image, P], R]) -> Callable[[Image, P, Scope], R]:
    """Let a recogniser that knows nothing of projects serve them all.

    Parameters
    ----------
    recognise : callable
        Picture and parameters to result.

    Returns
    -------
    callable
        The same for every project, as `Capability` wants it.
    """

    def recognise_anywhere(image: Image, params: P, _scope: Scope) -> R:
        return recognise(image, params)

    return recognise_anywhere


AnyCapability = Capability[Any, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf, and as which call, a picture is recognised.

    Parameters
    ----------
    request_id : RequestId
        The call's id.
    principal : Principal
        Who calls.
    project_id : ProjectId
        The project that is charged.
    region : RegionId
        The project's region.
    arrived : datetime
        When the call arrived, UTC.
    arrived_monotonic_s : float
        The same on the clock of durations, in seconds.
    address : str
        From where; empty if unknown.
    """

    request_id: RequestId
    principal: Principal
    project_id: ProjectId
    region: RegionId
    arrived: datetime
    arrived_monotonic_s: float
    address: str

    @property
    def scope(self) -> Scope:
        """Whose rows the call may touch.

        Returns
        -------
        Scope
            The account and the project.
        """
        return Scope(self.principal.account_id, self.project_id)


LOCAL_PRINCIPAL = Principal(
    account_id=AccountId("local"),
    user_id=UserId("local"),
    user_name="local",
    credential_id="",
    is_owner=True,
)
"""Who runs a local command: nobody who is charged."""
