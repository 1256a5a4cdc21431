"""A picture's bytes from a caller's URL, guarded.

Owns: the policy, the order of checks, redirects, and whom to ask first.
Has no opinion on: what the bytes are.

A caller can write any URL, and the server stands where the caller does not: inside a network. So
each hop is read strictly, its name resolved once, every address checked, and the connection made to
an address that was checked.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin

from huiyan.imaging.address import (
    IpAddress,
    IpNetwork,
    is_allowed,
    is_local_name,
    is_metadata_name,
    is_permitted,
)
from huiyan.imaging.download import Deadline, Reply, download, load_tls_context
from huiyan.imaging.resolve import Resolver, SystemResolver
from huiyan.imaging.target import MAX_URL_CHARS, Target, parse_target
from huiyan.kernel.clock import Clock, SystemClock
from huiyan.kernel.errors import DownloadError, DownloadTooLargeError, RefusedUrlError


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What a fetch may do.

    Parameters
    ----------
    ports : frozenset of int
        Ports that may be connected to.
    allowed_networks : tuple of IPv4Network or IPv6Network
        Networks that pass although they are not public.
    timeout_s : float
        Time for a whole fetch, name look-ups and redirects included, in seconds.
    max_bytes : int
        The largest picture, in bytes.
    max_redirects : int
        Redirects to follow; at least 0.
    """

    ports: frozenset[int] = frozenset({80, 443})
    allowed_networks: tuple[IpNetwork, ...] = ()
    timeout_s: float = 20.0
    max_bytes: int = 7_864_320
    max_redirects: int = 5


class ObjectReader(Protocol):
    """What reads our own object storage without the network."""

    def find(self, url: str) -> bytes | None:
        """Give the object behind a URL; None if the URL is not one of ours."""
        ...


class Fetcher:
    """Fetches pictures. One serves all threads.

    Parameters
    ----------
    policy : FetchPolicy
        What is allowed.
    reader : ObjectReader, optional
        Asked first, with the URL that the caller wrote; never with the target of a redirect.
    resolver : Resolver, optional
        Resolves names; the machine's own by default.
    tls_context : SSLContext, optional
        Whom to trust; the machine's store by default. Must check certificates and names.
    clock : Clock, optional
        Tells the time; the machine's own by default.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        reader: ObjectReader | None = None,
        resolver: Resolver | None = None,
        tls_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._policy = policy
        self._reader = reader
        self._resolver = SystemResolver() if resolver is None else resolver
        self._tls_context = load_tls_context() if tls_context is None else tls_context
        self._clock = SystemClock() if clock is None else clock

    def fetch(self, url: str) -> bytes:
        """Fetch the bytes behind a URL.

        Parameters
        ----------
        url : str
            As the caller wrote it.

        Returns
        -------
        bytes
            The whole body; 1 to ``policy.max_bytes`` bytes of anything.

        Raises
        ------
        RefusedUrlError
            The URL, or one it redirects to, is never fetched. The text does not tell what a name
            resolves to.
        DownloadError
            The network or the other side failed, or was too slow.
        DownloadTooLargeError
            There are more bytes than allowed.

        Notes
        -----
        Blocks for up to ``policy.timeout_s`` seconds: call it in a worker thread.
        """
        deadline = Deadline(self._policy.timeout_s, self._clock)
        target = parse_target(url)
        stored = None if self._reader is None else self._reader.find(url)
        if stored is not None:
            return self._check_stored(stored)
        here = url
        for _ in range(self._policy.max_redirects + 1):
            reply = self._visit(target, deadline)
            if reply.location is None:
                return reply.body
            here = _join(here, reply.location)
            target = _follow(target, here)
        raise DownloadError(
            f"the url redirects more than {self._policy.max_redirects} times; use the final url"
        )

    def _visit(self, target: Target, deadline: Deadline) -> Reply:
        if target.port not in self._policy.ports:
            ports = " or ".join(str(port) for port in sorted(self._policy.ports))
            raise RefusedUrlError(f"the url's port is not allowed here; use port {ports}")
        return download(
            target,
            self._get_addresses(target, deadline),
            tls_context=self._tls_context,
            deadline=deadline,
            max_bytes=self._policy.max_bytes,
        )

    def _get_addresses(self, target: Target, deadline: Deadline) -> tuple[IpAddress, ...]:
        """Resolve once and check every address."""
        allowed = self._policy.allowed_networks
        is_local = is_local_name(target.host)
        if is_metadata_name(target.host) or (is_local and not allowed):
            raise _refused_host()
        if target.address is not None:
            addresses: tuple[IpAddress, ...] = (target.address,)
        else:
            addresses = self._resolver.resolve(target.host, deadline.remaining_s())
        for address in addresses:
            if not is_permitted(address, allowed):
                raise _refused_host()
            if is_local and not is_allowed(address, allowed):
                raise _refused_host()
        return addresses

    def _check_stored(self, stored: bytes) -> bytes:
        if len(stored) > self._policy.max_bytes:
            raise DownloadTooLargeError(
                f"the stored picture is larger than {self._policy.max_bytes} bytes; use a "
                "smaller one"
            )
        if not stored:
            raise DownloadError("the stored object is empty; check its key")
        return stored


def _refused_host() -> RefusedUrlError:
    return RefusedUrlError(
        "the url's host is not one that may be visited; use a public host, send the picture "
        "itself in image, or ask the operator to add its network to fetch_allowed_networks"
    )


def _join(here: str, location: str) -> str:
    if len(location) > MAX_URL_CHARS:
        raise RefusedUrlError("the url redirects to an overlong url; use the final url")
    try:
        return urljoin(here, location)
    except ValueError as error:
        raise RefusedUrlError("the url redirects to a malformed url; use the final url") from error


def _follow(target: Target, url: str) -> Target:
    try:
        following = parse_target(url)
    except RefusedUrlError as error:
        raise RefusedUrlError(f"after a redirect, {error.detail}") from error
    if target.scheme == "https" and following.scheme == "http":
        raise RefusedUrlError("the url redirects from https to http; use the final url")
    return following
