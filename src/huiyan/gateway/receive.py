"""The body of a request, read within its limits.

Owns: the size and time limits of bodies. Has no opinion on: what is in them.

Source: ``docs/wire.md``, "Errors of the gateway".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope

from huiyan.kernel.errors import BodyTimeoutError, BodyTooLargeError, MalformedRequestError
from huiyan.kernel.units import MIB_BYTES

MAX_BODY_BYTES = 12 * MIB_BYTES


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


def declared_bytes(scope: Scope, limits: BodyLimits) -> int:
    """Tell how large the body says it is.

    Parameters
    ----------
    scope : Scope
        The request's ASGI scope.
    limits : BodyLimits
        The limits.

    Returns
    -------
    int
        Content-Length; the limit itself where there is none.

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
            return int(value)
    return limits.max_bytes


async def receive_body(receive: Receive, limits: BodyLimits) -> bytes:
    """Read the whole body.

    Parameters
    ----------
    receive : Receive
        The request's ASGI channel.
    limits : BodyLimits
        The limits.

    Returns
    -------
    bytes
        The body.

    Raises
    ------
    BodyTooLargeError, BodyTimeoutError
        A limit is passed. The rest of the body is discarded by the connection.
    ClientGoneError
        The client went away.
    """
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _collect(receive, limits.max_bytes)
    except TimeoutError as error:
        raise _too_slow(limits) from error


def within_limits(receive: Receive, limits: BodyLimits) -> Receive:
    """Give a channel whose body must arrive in time, for handlers that read it themselves.

    Parameters
    ----------
    receive : Receive
        The request's ASGI channel.
    limits : BodyLimits
        The limits; only the time counts here.

    Returns
    -------
    Receive
        The same messages; raises ``BodyTimeoutError`` and ``ClientGoneError`` as ``receive_body``.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + limits.timeout_s

    async def receive_in_time() -> Message:
        try:
            async with asyncio.timeout_at(deadline_s):
                message = await receive()
        except TimeoutError as error:
            raise _too_slow(limits) from error
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        return message

    return receive_in_time


def _too_slow(limits: BodyLimits) -> BodyTimeoutError:
    return BodyTimeoutError(f"the body did not arrive within {limits.timeout_s:g} seconds")


async def _collect(receive: Receive, max_bytes: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"]:
        body: bytes = message["body"]
        if len(body) > max_bytes:
            raise BodyTooLargeError(f"more than {max_bytes} bytes")
        return body
    chunks: list[bytes] = []
    total_bytes = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunks.append(message["body"])
        total_bytes += len(message["body"])
        if total_bytes > max_bytes:
            raise BodyTooLargeError(f"more than {max_bytes} bytes")
        if not message["more_body"]:
            return b"".join(chunks)
        message = await receive()
