"""Names into addresses, within a time.

Owns: the system's look-up kept to a deadline, and how many look-ups may be under way.
Has no opinion on: whether an address may be visited.

``getaddrinfo`` cannot be interrupted, so each look-up runs in a daemon thread that the caller stops
waiting for. A thread that is still stuck keeps its place among the limited number of look-ups, so
slow name servers cannot pile threads up.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import Protocol, TypeAlias

from huiyan.imaging.address import IpAddress
from huiyan.kernel.errors import DownloadError

LookUp: TypeAlias = Callable[[str], Sequence[str]]

_TOO_SLOW = "the name of the url's host was not resolved in time; try again later"
_UNKNOWN = "the name of the url's host cannot be resolved; check its spelling"


class Resolver(Protocol):
    """What turns a host name into addresses."""

    def resolve(self, host: str, timeout_s: float) -> tuple[IpAddress, ...]:
        """Give every address of a name, best first.

        Raises DownloadError if there is none or it took longer than ``timeout_s`` seconds.
        """
        ...


def look_up_addresses(host: str) -> tuple[str, ...]:
    """Ask the system for the addresses of a name.

    Parameters
    ----------
    host : str
        A host name, ASCII.

    Returns
    -------
    tuple of str
        Addresses as text, in the system's order of preference. OSError is left to the caller.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(str(entry[4][0]) for entry in found)


class SystemResolver:
    """The machine's own resolver, kept to a deadline.

    Parameters
    ----------
    max_pending : int
        How many look-ups may be under way, stuck ones counted; at least 1.
    look_up : callable
        Takes a host name, gives addresses as text, raises OSError where there are none.
    """

    def __init__(self, max_pending: int = 64, look_up: LookUp = look_up_addresses) -> None:
        self._places = BoundedSemaphore(max_pending)
        self._look_up = look_up

    def resolve(self, host: str, timeout_s: float) -> tuple[IpAddress, ...]:
        """Give every address of a name.

        Parameters
        ----------
        host : str
            A host name, ASCII.
        timeout_s : float
            How long to wait, in seconds; waiting for a place included.

        Returns
        -------
        tuple of IPv4Address or IPv6Address
            At least one, without repetition, best first.

        Raises
        ------
        DownloadError
            The name is unknown, or the look-up too slow.
        """
        until_s = monotonic() + timeout_s
        if not self._places.acquire(timeout=timeout_s):
            raise DownloadError(_TOO_SLOW)
        outcome: SimpleQueue[tuple[str, ...] | None] = SimpleQueue()
        thread = Thread(target=self._run, args=(host, outcome), name="resolve", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._places.release()
            raise DownloadError(
                "the server has no thread left to resolve the url's host; try again later"
            ) from error
        try:
            texts = outcome.get(timeout=max(0.0, until_s - monotonic()))
        except Empty:
            raise DownloadError(_TOO_SLOW) from None
        if not texts:
            raise DownloadError(_UNKNOWN)
        return tuple(dict.fromkeys(ip_address(text) for text in texts))

    def _run(self, host: str, outcome: SimpleQueue[tuple[str, ...] | None]) -> None:
        found: tuple[str, ...] | None = None
        try:
            found = tuple(self._look_up(host))
        except (OSError, UnicodeError):
            found = None
        finally:
            self._places.release()
            outcome.put(found)
