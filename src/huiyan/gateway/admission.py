"""The bounded queue: how many calls, and how many bytes of them, the server holds at once.

Owns: the count of calls in hand and of the bytes received, and who holds them. Has no opinion on:
what a claim is worth; nobody has been authenticated yet.

A call takes a place when its body is complete, so that clients that are slow to send, or never do,
keep nobody out; while a body arrives it weighs what has come of it.

Places and bytes are shared by one rule (``kernel.shares``): whoever holds some leaves room for one
who comes anew. Bytes that arrive belong to the address that they come from, whatever they claim;
once complete, they and the call's place belong to the project that the call claims. So neither
invented projects nor another's name help a client that is slow on purpose, and calls whose claim
is false hold a place only until authentication has refused them. What remains possible: a client
with very many addresses can fill the bytes for the time a body may take, one address (a proxy that
does not buffer bodies) that is at its bound refuses all behind it, and whoever sends false calls
faster than they can be refused keeps a project out whose name they use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address

from huiyan.kernel.errors import QueueFullError
from huiyan.kernel.shares import Shares

RETRY_AFTER_S = 1
IPV6_PREFIX_BITS = 64
"""What one client of IPv6 is given: all its addresses are one."""

_ACCESS_KEY = re.compile(r"\b(?:Access|Credential)=([^,/\s]+)")

Hold = Callable[[int], None]
"""Takes up so many more bytes; raises ``QueueFullError`` when that is too many."""


class Weight:
    """The bytes of one body, while it arrives and while its call is in hand.

    Parameters
    ----------
    shares : Shares
        Of all bytes.
    address : str
        Where it comes from.
    """

    __slots__ = ("_held_bytes", "_party", "_shares")

    def __init__(self, shares: Shares, address: str) -> None:
        self._shares = shares
        self._party: Hashable = ("address", address_party(address))
        self._held_bytes = 0

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
        if not self._shares.fits(self._party, size_bytes, own=self._held_bytes):
            raise _full()
        self._shares.take(self._party, size_bytes)
        self._held_bytes += size_bytes

    def hand_to(self, claim: str) -> None:
        """Let the complete body belong to a project.

        Parameters
        ----------
        claim : str
            The project that the call claims.

        Raises
        ------
        QueueFullError
            The project's bodies are too heavy with this one.
        """
        held_bytes, party = self._held_bytes, ("project", claim)
        self.drop()
        if not self._shares.fits(party, held_bytes):
            raise _full()
        self._party, self._held_bytes = party, held_bytes
        self._shares.take(party, held_bytes)

    def drop(self) -> None:
        """Hold nothing any more."""
        self._shares.give_back(self._party, self._held_bytes)
        self._held_bytes = 0


class Admission:
    """Counts calls in hand; used on the event loop's thread only.

    Parameters
    ----------
    max_calls : int
        Calls at once, waiting ones included.
    max_bytes : int
        Bytes of bodies at once, arriving ones included.
    """

    def __init__(self, max_calls: int, max_bytes: int) -> None:
        self._places = Shares(max_calls)
        self._bytes = Shares(max_bytes)

    def require_place(self, claim: str) -> None:
        """See that there is a place, before a body is read for nothing.

        Parameters
        ----------
        claim : str
            The project that the call claims.

        Raises
        ------
        QueueFullError
            There is none, or none for a project that holds as many.
        """
        if not self._places.fits(claim, 1):
            raise _full()

    @contextmanager
    def weigh(self, address: str = "") -> Iterator[Weight]:
        """Count the bytes of one body from its first until its call has ended.

        Parameters
        ----------
        address : str, optional
            Where it comes from; all unknown addresses are one.

        Yields
        ------
        Weight
            To be told of bytes as they arrive. A body that is alone is never too heavy.
        """
        weight = Weight(self._bytes, address)
        try:
            yield weight
        finally:
            weight.drop()

    @contextmanager
    def admit(self, claim: str, weight: Weight) -> Iterator[None]:
        """Hold a place while the call is in hand.

        Parameters
        ----------
        claim : str
            The project that the call claims.
        weight : Weight
            Its complete body, which belongs to the project from now on.

        Yields
        ------
        None
            While the place is held.

        Raises
        ------
        QueueFullError
            There is no place, or the project holds too much.
        """
        self.require_place(claim)
        weight.hand_to(claim)
        self._places.take(claim, 1)
        try:
            yield
        finally:
            self._places.give_back(claim, 1)

    @property
    def calls(self) -> int:
        """Calls in hand."""
        return self._places.used


def claimed_project(named: str | None, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Tell in whose name a call comes, before anybody knows whether that is true.

    Parameters
    ----------
    named : str or None
        The project in the path.
    headers : iterable of tuple of bytes
        Lower-case names and values.

    Returns
    -------
    str
        The project in the path, else the one in ``X-Project-Id``, else the access key of the
        signature or the token; the first character tells which.
    """
    listed = tuple(headers)
    project = (named or _first(listed, b"x-project-id")).strip()
    if project:
        return f"p{project}"
    signature = _first(listed, b"authorization")
    key = _ACCESS_KEY.search(signature)
    if key is not None:
        return f"k{key[1]}"
    return f"t{_first(listed, b'x-auth-token') or signature}"


def address_party(address: str) -> str:
    """Tell which client an address belongs to.

    Parameters
    ----------
    address : str
        As the connection has it.

    Returns
    -------
    str
        The network of an IPv6 address, so that a client with a whole one is one; any other
        address as it is.
    """
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> (128 - IPV6_PREFIX_BITS):x}/{IPV6_PREFIX_BITS}"


def _first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    values = (value for named, value in headers if named == name)
    return next(filter(None, values), b"").decode("latin-1")


def _full() -> QueueFullError:
    return QueueFullError("try again later", retry_after_s=RETRY_AFTER_S)
