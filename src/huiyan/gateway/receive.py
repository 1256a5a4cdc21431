"""The body of a request, read within its limits.

Owns: the size and time limits of bodies. Has no opinion on: what is in them.

Source: ``docs/wire.md``, "Errors of the gateway".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope

from huiyan.gateway.admission import Hold
from huiyan.kernel.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    MalformedRequestError,
    MissingCredentialsError,
)
from huiyan.kernel.units import KIB_BYTES, MIB_BYTES

MAX_BODY_BYTES = 12 * MIB_BYTES
MIN_BYTES_PER_S = 16 * KIB_BYTES
CREDENTIAL_HEADERS = (b"authorization", b"x-auth-token")

_UNHURRIED_S = 5.0


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How much body is taken and how long it may take.

    Parameters
    ----------
    timeout_s : float
        Seconds for the whole body.
    max_bytes : int
        Bytes of the body, at most.
    """

    timeout_s: float
    max_bytes: int = MAX_BODY_BYTES


class ClientGoneError(Exception):
    """The client closed the connection before its body was complete; nobody waits for a reply."""


def check_declared_size(scope: Scope, limits: BodyLimits) -> None:
    """Refuse a body that says itself that it is too large.

    Parameters
    ----------
    scope : Scope
        The request's ASGI scope.
    limits : BodyLimits
        The limits.

    Raises
    ------
    BodyTooLargeError
        It says more than the limit.
    MalformedRequestError
        It says no number.
    """
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit():
                raise MalformedRequestError("Content-Length is no number")
            if len(value) > 18 or int(value) > limits.max_bytes:
                raise BodyTooLargeError("Content-Length is over the limit")


def require_credentials(scope: Scope) -> None:
    """Refuse a call that names no caller, before its body is read for nothing.

    Parameters
    ----------
    scope : Scope
        The request's ASGI scope.

    Raises
    ------
    MissingCredentialsError
        It has neither a signature nor a token.
    """
    if not any(value for name, value in scope["headers"] if name in CREDENTIAL_HEADERS):
        raise MissingCredentialsError


async def receive_body(receive: Receive, limits: BodyLimits, hold: Hold) -> bytes:
    """Read the whole body.

    Parameters
    ----------
    receive : Receive
        The request's ASGI channel.
    limits : BodyLimits
        The limits.
    hold : Hold
        Told of bytes as they arrive; may refuse more.

    Returns
    -------
    bytes
        The body.

    Raises
    ------
    BodyTooLargeError, BodyTimeoutError
        A limit is passed. The rest of the body is discarded by the connection.
    QueueFullError
        All bodies together are too heavy.
    ClientGoneError
        The client went away.
    """
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _collect(receive, limits.max_bytes, hold)
    except TimeoutError as error:
        raise _too_slow(limits) from error


def within_limits(receive: Receive, limits: BodyLimits, hold: Hold) -> Receive:
    """Give a channel whose body must arrive in time, for handlers that read it themselves.

    Parameters
    ----------
    receive : Receive
        The request's ASGI channel.
    limits : BodyLimits
        The limits; how large a body may be is the handler's.
    hold : Hold
        Told of bytes as they arrive; may refuse more.

    Returns
    -------
    Receive
        The same messages; raises ``BodyTimeoutError``, ``QueueFullError`` and ``ClientGoneError``
        as ``receive_body``.
    """
    pace = _Pace()
    deadline_s = asyncio.get_running_loop().time() + limits.timeout_s
    is_complete = False

    async def receive_in_time() -> Message:
        nonlocal is_complete
        if is_complete:  # a reply that is sent piece by piece waits here for the client's end
            return await receive()
        try:
            async with asyncio.timeout_at(deadline_s):
                message = await receive()
        except TimeoutError as error:
            raise _too_slow(limits) from error
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        size_bytes = len(message.get("body", b""))
        hold(size_bytes)
        is_complete = not message.get("more_body", False)
        if not is_complete:
            pace.require(size_bytes)
        return message

    return receive_in_time


class _Pace:
    """How fast the body of one request arrives, from now on."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()
        self._total_bytes = 0

    def require(self, size_bytes: int) -> None:
        """See that the body, of which more has come, is not sent slowly on purpose."""
        self._total_bytes += size_bytes
        elapsed_s = self._loop.time() - self._started_s
        if elapsed_s > _UNHURRIED_S and self._total_bytes < MIN_BYTES_PER_S * elapsed_s:
            raise BodyTimeoutError("the body arrives too slowly")


def _too_slow(limits: BodyLimits) -> BodyTimeoutError:
    return BodyTimeoutError(f"the body did not arrive within {limits.timeout_s:g} seconds")


async def _collect(receive: Receive, max_bytes: int, hold: Hold) -> bytes:
    pace = _Pace()
    chunks: list[bytes] = []
    total_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk: bytes = message["body"]
        total_bytes += len(chunk)
        if total_bytes > max_bytes:
            raise BodyTooLargeError(f"more than {max_bytes} bytes")
        hold(len(chunk))
        chunks.append(chunk)
        if not message["more_body"]:
            return chunk if len(chunks) == 1 else b"".join(chunks)
        pace.require(len(chunk))
