"""One HTTP request as it came over the wire.

Owns: the raw request as a value, and how it is taken from the web framework. Has no opinion on: who
sent it and what it asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request

from huiyan.kernel.errors import BodyTooLargeError
from huiyan.web.address import plain_address


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request before anything was decoded; signatures are verified on this.

    Parameters
    ----------
    method : str
        The method as sent.
    raw_path : bytes
        The path as sent, percent signs included, without the query.
    raw_query : bytes
        What followed the question mark; empty without one.
    headers : tuple of tuple of bytes
        Names (any case) and values in the order sent; a name may come twice.
    body : bytes
        The whole body.
    client_address : str
        The address of the other end of the connection, without a port; empty if unknown.
    """

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    client_address: str


def raw_request(request: Request, body: bytes) -> RawRequest:
    """Take the raw request out of the framework's.

    Parameters
    ----------
    request : Request
        The framework's request.
    body : bytes
        Its whole body.

    Returns
    -------
    RawRequest
        The request as sent.
    """
    scope = request.scope
    raw_path = scope.get("raw_path")
    if raw_path is None:
        raw_path = quote(scope["path"]).encode("ascii")
    return RawRequest(
        method=scope["method"],
        # Some servers leave the query at the end of the raw path.
        raw_path=raw_path.partition(b"?")[0],
        raw_query=scope["query_string"],
        headers=tuple((bytes(name), bytes(value)) for name, value in scope["headers"]),
        body=body,
        client_address=plain_address(request.client.host) if request.client else "",
    )


async def receive_body(request: Request, limit_bytes: int) -> bytes:
    """Receive a body without ever holding more than a limit.

    Parameters
    ----------
    request : Request
        The framework's request.
    limit_bytes : int
        The most that is taken.

    Returns
    -------
    bytes
        The whole body.

    Raises
    ------
    BodyTooLargeError
        There is more; the rest was not read.
    """
    pieces: list[bytes] = []
    size_bytes = 0
    async for piece in request.stream():
        size_bytes += len(piece)
        if size_bytes > limit_bytes:
            raise BodyTooLargeError(f"the body has more than {limit_bytes} bytes")
        pieces.append(piece)
    return b"".join(pieces)
