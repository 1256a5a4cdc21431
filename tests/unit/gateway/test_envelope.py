"""The headers of every reply."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from huiyan.gateway.call import Reply
from huiyan.gateway.envelope import reply_headers, send_reply
from huiyan.kernel.ids import RequestId

REQUEST_ID = RequestId("0123456789abcdef0123456789abcdef")


def test_every_reply_carries_type_length_and_request_id() -> None:
    headers = dict(reply_headers(Reply(200, "{}图".encode()), REQUEST_ID))
    assert headers == {
        b"content-type": b"application/json",
        b"content-length": b"5",
        b"x-request-id": REQUEST_ID.encode(),
    }


def test_the_media_type_is_exactly_json() -> None:
    # The client parses "application/xml" and "application/bson" differently, nothing else.
    assert (b"content-type", b"application/json") in reply_headers(Reply(404, b""), REQUEST_ID)


def test_a_reply_that_says_when_to_come_back_has_the_header() -> None:
    headers = dict(reply_headers(Reply(429, b"{}", "X", 3), REQUEST_ID))
    assert headers[b"retry-after"] == b"3"


def test_a_reply_is_sent_as_one_start_and_one_body() -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(send_reply(Reply(403, b"{}"), REQUEST_ID, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 403
    assert sent[1]["body"] == b"{}"
