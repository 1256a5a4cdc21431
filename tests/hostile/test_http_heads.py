"""Request heads that no honest client sends, against a real server process."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from live_server import LiveServer, tagging_body
from made_pictures import jpeg
from raw_socket import Heard, converse
from signed_call import Answer

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("unharmed")]
PICTURE = jpeg(400, 300)
HOST = b"Host: 127.0.0.1\r\n"


def assert_refused(heard: Heard, status: int, code: str = "APIGW.0201") -> Answer:
    answer = heard.answer
    assert (answer.status, answer.error_code) == (status, code)
    assert answer.json["error_msg"]
    assert answer.json["request_id"] == answer.request_id
    assert heard.closed
    return answer


FLOODS: dict[str, tuple[list[bytes], int]] = {
    "one header of 40 KB": ([b"X: " + b"a" * 40_960 + b"\r\n"], 494),
    "200 KB of headers": ([b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(200)], 494),
    "one endless header": ([b"X: "] + [b"a" * 65_536] * 40, 494),
    "one endless header name": ([b"a" * 65_536] * 40, 494),
    "100,000 tiny headers": ([b"a:b\r\n" * 1000] * 100, 494),
    "100,000 headers without value": ([b"a:\r\n" * 1000] * 200, 494),
    "endless empty continuation": ([b"X: a\r\n"] + [b" \r\n" * 20_000] * 20, 400),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_headers_is_refused(server: LiveServer, name: str) -> None:
    flood, status = FLOODS[name]
    heard = converse(server.port, [b"GET /healthz HTTP/1.1\r\n", HOST, *flood, b"\r\n"])
    assert_refused(heard, status)
    assert heard.seconds < 8


def test_a_header_just_within_the_limit_is_taken(server: LiveServer) -> None:
    lines = b"X: " + b"a" * 32_000 + b"\r\nY: " + b"a" * 32_000 + b"\r\n"
    request = b"GET /healthz HTTP/1.1\r\n" + HOST + lines + b"\r\n"
    assert converse(server.port, [request], until_closed=False).answer.status == 200


@pytest.mark.parametrize("sent", [b"GET /", b"GET /v2/"])
def test_a_uri_over_32_kb_is_refused(server: LiveServer, sent: bytes) -> None:
    target = [sent, *[b"a" * 8192] * 5, b" HTTP/1.1\r\n", HOST, b"\r\n"]
    assert_refused(converse(server.port, target), 414)
    query = [sent + b"?", *[b"a" * 8192] * 5, b" HTTP/1.1\r\n", HOST, b"\r\n"]
    assert_refused(converse(server.port, query), 414)


def test_an_endless_uri_is_refused(server: LiveServer) -> None:
    assert_refused(converse(server.port, [b"GET /", *[b"a" * 65_536] * 100]), 414)


def test_blank_lines_without_end_are_refused(server: LiveServer) -> None:
    heard = converse(server.port, [b"\r\n" * 32_768] * 20)
    assert heard.closed
    assert heard.raw == b"" or assert_refused(heard, 494)


BROKEN: dict[str, bytes] = {
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "an SSH greeting": b"SSH-2.0-OpenSSH_9.6\r\n",
    "noise": bytes(range(256)) * 4,
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a strange version": b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n",
    "an unknown method": b"FETCH /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a bare asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes above ASCII in the path": b"GET /\xe7\x8b\x97 HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
    "a header without colon": b"GET / HTTP/1.1\r\n" + HOST + b"hello\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n",
}
for _name, _lines in {
    "conflicting lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "a negative length": b"Content-Length: -5\r\n",
    "a length of text": b"Content-Length: five\r\n",
    "a signed length": b"Content-Length: +5\r\n",
    "a length beyond 64 bits": b"Content-Length: 99999999999999999999\r\n",
    "an empty length": b"Content-Length: \r\n",
    "an unknown transfer coding": b"Transfer-Encoding: gzip\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, gzip\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
}.items():
    BROKEN[_name] = b"POST /v1.0/image/tagging HTTP/1.1\r\n" + HOST + _lines + b"\r\nhello"


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_http_gets_an_answer_of_the_vendors_shape(server: LiveServer, name: str) -> None:
    heard = converse(server.port, [BROKEN[name]])
    answer = heard.answers[0]
    assert 400 <= answer.status < 500
    assert answer.error_code.startswith("APIGW.")
    assert answer.json["request_id"] == answer.request_id
    assert heard.closed
    assert heard.seconds < 8


def test_a_length_that_nobody_could_send_is_refused_at_once(server: LiveServer) -> None:
    request = server.request(PICTURE)
    head = request.wire(f"Content-Length: {2**63 - 1}", declare_body=False)
    heard = converse(server.port, [head], until_closed=False)
    assert (heard.answer.status, heard.answer.error_code) == (413, "APIGW.0201")
    assert heard.seconds < 1


class TestSlowHeads:
    def test_a_connection_that_says_nothing_is_closed(self, server: LiveServer) -> None:
        heard = converse(server.port, [], wait_s=6)
        assert (heard.raw, heard.closed) == (b"", True)
        assert heard.seconds < 4

    def test_half_a_request_line_is_not_waited_for(self, server: LiveServer) -> None:
        assert converse(server.port, [b"POST /v2/abc"], wait_s=6).closed

    def test_headers_that_drip_are_refused(self, server: LiveServer) -> None:
        def drip() -> Iterator[bytes | float]:
            yield b"GET /healthz HTTP/1.1\r\n"
            for _ in range(15):
                yield b"X: a\r\n"
                yield 0.1

        heard = converse(server.port, drip())
        assert_refused(heard, 408)

    def test_after_a_reply_the_next_head_may_not_drip_either(self, server: LiveServer) -> None:
        first = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
        heard = converse(server.port, [first, 0.2, b"GET /healthz HTTP/1.1\r\nX: ", 0.1, b"a"])
        assert [answer.status for answer in heard.answers] == [200, 408]

    def test_an_idle_connection_is_closed(self, server: LiveServer) -> None:
        heard = converse(server.port, [b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"], wait_s=8)
        assert heard.answer.status == 200
        assert heard.closed

    def test_many_slow_connections_at_once_hold_up_nobody(self, server: LiveServer) -> None:
        links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
        for link in links:
            link.sendall(b"POST /v2/x/image/tagging HTTP/1.1\r\n")
        started_s = time.monotonic()
        assert server.tag(PICTURE).status == 200
        assert time.monotonic() - started_s < 5
        for link in links:
            link.settimeout(6)
            while link.recv(4096):
                pass
            link.close()


class TestHonestButUnusual:
    def test_http_1_0_is_answered_and_closed(self, server: LiveServer) -> None:
        request = server.request(PICTURE).wire().replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        heard = converse(server.port, [request])
        assert heard.answer.status == 200
        assert heard.closed

    def test_a_request_that_asks_to_close_is_closed(self, server: LiveServer) -> None:
        heard = converse(server.port, [server.request(PICTURE).wire("Connection: close")])
        assert heard.answer.status == 200
        assert heard.closed
        assert heard.seconds < 0.9

    def test_pipelined_requests_are_answered_in_order(self, server: LiveServer) -> None:
        good, bad = server.request(PICTURE), server.request(body=b"{}")
        wire = good.wire() + bad.wire() + good.wire("Connection: close")
        heard = converse(server.port, [wire])
        assert [answer.status for answer in heard.answers] == [200, 400, 200]

    def test_a_broken_request_behind_a_good_one_does_not_cost_its_reply(
        self, server: LiveServer
    ) -> None:
        heard = converse(server.port, [server.request(PICTURE).wire() + b"\x00\x01\x02\x03"])
        assert [answer.status for answer in heard.answers] == [200, 400]
        assert heard.closed

    def test_half_a_request_behind_a_good_one_does_not_cost_its_reply(
        self, server: LiveServer
    ) -> None:
        heard = converse(server.port, [server.request(PICTURE).wire() + b"POST /v2/"])
        assert heard.answers[0].status == 200
        assert heard.closed

    def test_an_offer_of_http_2_is_passed_over(self, server: LiveServer) -> None:
        offer = (
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        )
        wire = server.request(PICTURE).wire(*offer)
        cut = wire.index(b"\r\n\r\n") + 4
        for pieces in ([wire], [wire[:cut], 0.05, wire[cut : cut + 9], 0.05, wire[cut + 9 :]]):
            heard = converse(server.port, pieces, until_closed=False)
            assert heard.answer.status == 200, heard.raw
        twice = converse(server.port, [wire + wire], wait_s=5)
        assert [answer.status for answer in twice.answers] == [200, 200]

    def test_an_offer_of_websocket_is_passed_over(self, server: LiveServer) -> None:
        request = (
            b"GET /healthz HTTP/1.1\r\n"
            + HOST
            + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert converse(server.port, [request], until_closed=False).answer.status == 200

    def test_an_absolute_target_is_understood(self, server: LiveServer) -> None:
        request = b"GET http://127.0.0.1/healthz HTTP/1.1\r\n" + HOST + b"\r\n"
        assert converse(server.port, [request], until_closed=False).answer.status == 200

    def test_a_stray_line_break_between_requests_is_ignored(self, server: LiveServer) -> None:
        wire = server.request(PICTURE).wire()
        heard = converse(server.port, [wire + b"\r\n", 0.3, wire], wait_s=5)
        assert [answer.status for answer in heard.answers] == [200, 200]


def test_bodies_survive_any_packet_borders(server: LiveServer) -> None:
    """A body that ends in a packet far larger than a head may be is no head."""
    body = tagging_body(PICTURE) + b" " * 900_000
    for _ in range(5):
        assert server.tag(body=body).status == 200
