"""A reply as HTTP messages.

Owns: the headers of every reply. Has no opinion on: what it says.
"""

from __future__ import annotations

from starlette.types import Send

from huiyan.gateway.call import Reply
from huiyan.kernel.ids import RequestId


def reply_headers(reply: Reply, request_id: RequestId) -> list[tuple[bytes, bytes]]:
    """Build the headers of a reply.

    Parameters
    ----------
    reply : Reply
        The reply.
    request_id : RequestId
        The call's id; sent on every reply, which the clients show to people.

    Returns
    -------
    list of tuple of bytes
        Names in lower case, and values.
    """
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(reply.body)).encode("ascii")),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    if reply.retry_after_s is not None:
        headers.append((b"retry-after", str(reply.retry_after_s).encode("ascii")))
    return headers


async def send_reply(reply: Reply, request_id: RequestId, send: Send) -> None:
    """Send a reply.

    Parameters
    ----------
    reply : Reply
        The reply.
    request_id : RequestId
        The call's id.
    send : Send
        The request's ASGI channel.
    """
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": reply_headers(reply, request_id),
        }
    )
    await send({"type": "http.response.body", "body": reply.body})
