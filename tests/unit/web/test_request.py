import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from huiyan.kernel.errors import BodyTooLargeError
from huiyan.web.request import RawRequest, raw_request, receive_body


def request_of(*pieces: bytes, **scope: Any) -> Request:
    waiting = list(pieces) or [b""]

    async def receive() -> dict[str, Any]:
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    defaults = {
        "type": "http",
        "method": "POST",
        "path": "/a b/用户",
        "query_string": b"x=%20",
        "headers": [(b"host", b"h"), (b"x", b"\xe5\x9b\xbe")],
        "client": ("192.0.2.1", 1234),
    }
    return Request({**defaults, **scope}, receive)


def test_a_request_is_taken_as_it_was_sent() -> None:
    taken = raw_request(request_of(raw_path=b"/a%20b/%E7%94%A8"), b"body")
    headers = ((b"host", b"h"), (b"x", b"\xe5\x9b\xbe"))
    assert taken == RawRequest("POST", b"/a%20b/%E7%94%A8", b"x=%20", headers, b"body", "192.0.2.1")


def test_a_server_that_keeps_no_raw_path_gets_one_encoded() -> None:
    assert raw_request(request_of(), b"").raw_path == b"/a%20b/%E7%94%A8%E6%88%B7"


def test_a_query_left_at_the_end_of_the_path_is_cut() -> None:
    assert raw_request(request_of(raw_path=b"/a?x=1"), b"").raw_path == b"/a"


def test_a_connection_without_an_address_has_an_empty_one() -> None:
    assert raw_request(request_of(client=None), b"").client_address == ""


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1:5678", "192.0.2.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("no address", ""),
    ],
)
def test_an_address_has_no_port_and_is_one(host: str, address: str) -> None:
    assert raw_request(request_of(client=(host, 0)), b"").client_address == address


@pytest.mark.parametrize("pieces", [(), (b"",), (b"ab",), (b"a", b"", b"b"), (b"abc", b"d")])
def test_a_body_within_the_limit_is_received_whole(pieces: tuple[bytes, ...]) -> None:
    assert asyncio.run(receive_body(request_of(*pieces), 4)) == b"".join(pieces)


@pytest.mark.parametrize("pieces", [(b"abcde",), (b"abcd", b"e"), (b"a",) * 5])
def test_a_larger_body_is_refused(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(BodyTooLargeError):
        asyncio.run(receive_body(request_of(*pieces), 4))
