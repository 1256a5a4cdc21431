"""The bounded queue: how many calls, and how many bytes of them, the server holds at once.

Owns: the count of calls in hand and of the bytes received, and who holds them. Has no opinion on:
who a caller is; it is told that by whoever finds out.

Until a call is known to be of a project, nothing that it says counts: its bytes, from the first,
and its place, from the moment its body is complete, belong to the address that it comes from. Once
its caller is known and may call in the project, both pass to the project. Places of strangers and
places of projects are apart, as many of each, so strangers take none that a project could have;
they need theirs only until they are identified or refused. The project that a call claims serves
one thing: if that project has no place left, the call is refused before its body is read.

Places and bytes are shared by one rule (``kernel.shares``): whoever holds some leaves room for one
who comes anew. So a client that invents projects or uses another's name shuts out nobody but those
behind its own address, and a project with its many callers behind one address still has the whole
queue. What remains possible: a client with very many addresses can fill the bytes for the time a
body may take, and the strangers' places for as long as it sends faster than calls are refused; and
an address at its bound (a proxy that is not trusted to tell whom it speaks for) refuses all behind
it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager

from huiyan.kernel.errors import QueueFullError
from huiyan.kernel.ids import ProjectId
from huiyan.kernel.shares import Shares
from huiyan.web.address import address_party

RETRY_AFTER_S = 1

Hold = Callable[[int], None]
"""Takes up so many more bytes; raises ``QueueFullError`` when that is too many."""


class Admission:
    """Counts calls in hand and their bytes; thread-safe.

    Parameters
    ----------
    max_calls : int
        Calls of known projects at once, waiting ones included; and as many whose project is not
        known yet.
    max_bytes : int
        Bytes of bodies at once, arriving ones included.
    """

    def __init__(self, max_calls: int, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._strangers = Shares(max_calls)
        self._places = Shares(max_calls)
        self._bytes = Shares(max_bytes)

    @contextmanager
    def holding(self, address: str = "") -> Iterator[Holding]:
        """Count what one request holds, from its first byte until it has been answered.

        Parameters
        ----------
        address : str, optional
            Where it comes from; all unknown addresses are one.

        Yields
        ------
        Holding
            To be told of bytes as they arrive. A body that is alone is never too heavy.
        """
        holding = Holding(self._lock, self._strangers, self._places, self._bytes, address)
        try:
            yield holding
        finally:
            holding.drop()

    @property
    def calls(self) -> int:
        """Calls in hand."""
        return self._strangers.used + self._places.used


class Holding:
    """What one request holds; made by ``Admission.holding``.

    Parameters
    ----------
    lock : Lock
        Guards the shares.
    strangers : Shares
        Places of calls that are not known to be of a project.
    places : Shares
        Places of projects.
    weights : Shares
        Bytes, of addresses and of projects.
    address : str
        Where it comes from.
    """

    __slots__ = (
        "_address",
        "_held_bytes",
        "_holder",
        "_lock",
        "_place",
        "_places",
        "_strangers",
        "_weights",
    )

    def __init__(
        self,
        lock: threading.Lock,
        strangers: Shares,
        places: Shares,
        weights: Shares,
        address: str,
    ) -> None:
        self._lock = lock
        self._strangers = strangers
        self._places = places
        self._weights = weights
        self._address = address_party(address)
        self._holder: Hashable = ("address", self._address)
        self._held_bytes = 0
        self._place: tuple[Shares, Hashable] | None = None

    def __call__(self, size_bytes: int) -> None:
        """Count bytes as they arrive.

        Parameters
        ----------
        size_bytes : int
            How many more.

        Raises
        ------
        QueueFullError
            They are too many, of all or of the address.
        """
        if not size_bytes:
            return
        with self._lock:
            if not self._weights.fits(self._holder, size_bytes, own=self._held_bytes):
                raise _full()
            self._weights.take(self._holder, size_bytes)
            self._held_bytes += size_bytes

    def require_place(self, claim: str) -> None:
        """See that there is a place, before a body is read for nothing.

        Parameters
        ----------
        claim : str
            The project that the call claims; empty if it claims none.

        Raises
        ------
        QueueFullError
            There is none for the address, or none for that project.
        """
        with self._lock:
            self._require_place(claim)

    def enter(self, claim: str) -> None:
        """Take a place for the call, whose body is complete.

        Parameters
        ----------
        claim : str
            As for ``require_place``.

        Raises
        ------
        QueueFullError
            As for ``require_place``.
        """
        with self._lock:
            self._require_place(claim)
            self._strangers.take(self._address, 1)
            self._place = (self._strangers, self._address)

    def settle(self, project_id: ProjectId) -> None:
        """Let place and bytes belong to a project from now on.

        Parameters
        ----------
        project_id : ProjectId
            The project, in which the caller may make the call.

        Raises
        ------
        QueueFullError
            The project's calls are too many or too heavy with this one, which holds nothing more.
        """
        with self._lock:
            if self._place is None:  # the call has ended: nobody waits for it any more
                return
            held_bytes = self._held_bytes
            self._drop()
            holder = ("project", project_id)
            if not self._places.fits(project_id, 1) or not self._weights.fits(holder, held_bytes):
                raise _full()
            self._places.take(project_id, 1)
            self._place = (self._places, project_id)
            self._weights.take(holder, held_bytes)
            self._holder, self._held_bytes = holder, held_bytes

    def drop(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._drop()

    def _require_place(self, claim: str) -> None:
        if not self._strangers.fits(self._address, 1) or not self._places.fits(claim, 1):
            raise _full()

    def _drop(self) -> None:
        self._weights.give_back(self._holder, self._held_bytes)
        self._held_bytes = 0
        if self._place is not None:
            shares, party = self._place
            shares.give_back(party, 1)
            self._place = None


def claimed_project(named: str | None, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Tell for which project a call says to be, before anybody knows whether that is true.

    Parameters
    ----------
    named : str or None
        The project in the path.
    headers : iterable of tuple of bytes
        Lower-case names and values.

    Returns
    -------
    str
        The project in the path, else the one in ``X-Project-Id``, else the empty one.
    """
    if named is not None:
        return named
    values = (value.strip() for name, value in headers if name == b"x-project-id")
    return next(filter(None, values), b"").decode("latin-1")


def _full() -> QueueFullError:
    return QueueFullError("try again later", retry_after_s=RETRY_AFTER_S)
