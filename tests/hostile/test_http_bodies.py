"""Request bodies that no honest client sends, against a real server process."""

from __future__ import annotations

import base64
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from live_server import LiveServer, tagging_body
from made_pictures import animated_png, animation, encoded, jpeg, photograph_like, png_bomb
from raw_socket import converse
from signed_call import Answer, connect, send

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("unharmed")]
PICTURE = jpeg(400, 300)
MIB = 2**20


def assert_vendor_shaped(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.error_code) == (status, code), answer.body
    assert answer.json["error_msg"]
    assert answer.json["request_id"] == answer.request_id


def renamed(form: str) -> bytes:
    return encoded(photograph_like(), form)


PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes": (lambda: b"", "AIS.0011"),
    "one byte": (lambda: b"\xff", "AIS.0502"),
    "only a JPEG's start": (lambda: b"\xff\xd8\xff", "AIS.0503"),
    "only a PNG's start": (lambda: b"\x89PNG\r\n\x1a\n", "AIS.0503"),
    "one pixel": (lambda: jpeg(1, 1), "AIS.0504"),
    "one row": (lambda: jpeg(4000, 1), "AIS.0504"),
    "a truncated JPEG head": (lambda: PICTURE[:100], "AIS.0503"),
    "a truncated PNG": (lambda: renamed("PNG")[:-200], "AIS.0503"),
    "a truncated WebP": (lambda: renamed("WEBP")[:60], "AIS.0503"),
    "a truncated BMP": (lambda: renamed("BMP")[:200], "AIS.0503"),
    "a GIF under another name": (lambda: renamed("GIF"), "AIS.0502"),
    "a TIFF": (lambda: renamed("TIFF"), "AIS.0502"),
    "a PDF": (lambda: b"%PDF-1.7\n" + bytes(2000), "AIS.0502"),
    "a ZIP": (lambda: b"PK\x03\x04" + bytes(2000), "AIS.0502"),
    "an SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "AIS.0502"),
    "text": (lambda: "慧眼".encode() * 400, "AIS.0502"),
    "a PNG bomb": (lambda: png_bomb(30_000, 30_000), "AIS.0504"),
    "a PNG that says 2³¹ px": (lambda: png_bomb(2**31 - 1, 1)[:4000], "AIS.0504"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_hostile_picture_is_refused(server: LiveServer, name: str) -> None:
    make, code = PICTURES[name]
    assert_vendor_shaped(server.tag(make()), 400, code)


def test_an_animation_is_judged_by_its_first_frame(server: LiveServer) -> None:
    for picture in (animation(), animated_png()):
        assert server.tag(picture).status == 200


def test_a_jpeg_cut_in_its_pixels_is_refused_or_answered(server: LiveServer) -> None:
    for share in (0.3, 0.6, 0.9):
        answer = server.tag(PICTURE[: int(len(PICTURE) * share)])
        assert answer.status == 200 or answer.error_code == "AIS.0503"


@pytest.mark.parametrize("turns", [50, pytest.param(100, marks=pytest.mark.slow)])
def test_bytes_turned_at_random_never_break_the_server(server: LiveServer, turns: int) -> None:
    chance = random.Random(7)
    good = [PICTURE, renamed("PNG"), renamed("WEBP"), renamed("BMP"), animation()]
    connection = connect(server.port)
    for turn in range(turns):
        picture = bytearray(good[turn % len(good)])
        for _ in range(chance.randint(1, 20)):
            picture[chance.randrange(len(picture))] = chance.randrange(256)
        answer = server.tag(bytes(picture), connection=connection)
        if answer.status != 200:
            assert answer.status == 400
            assert answer.error_code in {"AIS.0502", "AIS.0503", "AIS.0504"}, answer.body
    connection.close()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"x":' * 500_000 + b"1" + b"}" * 500_000, "AIS.0014"),
        (b"[" * 5_000_000, "AIS.0014"),
        (b'{"image":' * 1_000_000, "AIS.0014"),
        (b'{"url":' + b"[" * 100 + b"]" * 100 + b"}", "AIS.0501"),
        (b'{"image": "' + b"\\u0041" * 400_000 + b'"}', "AIS.0502"),
        (b'{"image": "' + b"\xff" * 100 + b'"}', "AIS.0015"),
        (b'{"image": "' + b"A" * 400_001 + b'"}', "AIS.0015"),
        (b'{"image": "' + b"=" * 400_000 + b'"}', "AIS.0015"),
        (b'{"image": "A' + b"\\n" * 2_000_000 + b'"}', "AIS.0015"),
        (b"{" + b'"a":1,' * 500_000 + b'"url":1}', "AIS.0501"),
        (b"\xef\xbb\xbf{}", "AIS.0014"),
        (b"\x00" * 1000, "AIS.0014"),
        (json.dumps({"image": "x"}).encode("utf-16"), "AIS.0014"),
    ],
)
def test_a_hostile_json_is_refused(server: LiveServer, body: bytes, code: str) -> None:
    assert_vendor_shaped(server.tag(body=body), 400, code)


class TestTooLarge:
    """12 MiB are taken, one byte more is not; the refusal can always be read."""

    def test_the_largest_body_is_taken(self, server: LiveServer) -> None:
        body = tagging_body(PICTURE)
        answer = server.tag(body=body + b" " * (12 * MIB - len(body)))
        assert answer.status == 200

    def test_the_largest_picture_is_decoded_and_one_byte_more_is_not(
        self, server: LiveServer
    ) -> None:
        largest = PICTURE + bytes(7_864_320 - len(PICTURE))
        assert server.tag(largest).status == 200
        text = base64.b64encode(largest + b"1").decode()
        assert len(text) > 10_485_760
        assert_vendor_shaped(server.tag(body=json.dumps({"image": text}).encode()), 400, "AIS.0020")

    def test_a_declared_body(self, server: LiveServer) -> None:
        request = server.request(body=b" " * (12 * MIB + 1))
        connection = connect(server.port)
        assert_vendor_shaped(send(connection, request), 413, "APIGW.0201")
        assert send(connection, server.request(PICTURE)).status == 200
        connection.close()

    def test_a_declared_body_of_a_client_that_closes(self, server: LiveServer) -> None:
        request = server.request(body=b" " * (40 * MIB))
        pieces = [request.wire("Connection: close")]
        heard = converse(server.port, pieces, wait_s=15)
        assert_vendor_shaped(heard.answer, 413, "APIGW.0201")

    def test_a_body_in_chunks(self, server: LiveServer) -> None:
        def pieces() -> Iterator[bytes]:
            yield server.request().wire("Transfer-Encoding: chunked", declare_body=False)
            for _ in range(20):
                yield b"100000\r\n" + b" " * MIB + b"\r\n"
            yield b"0\r\n\r\n"

        heard = converse(server.port, pieces(), until_closed=False)
        assert_vendor_shaped(heard.answer, 413, "APIGW.0201")

    def test_a_body_in_chunks_without_end(self, server: LiveServer) -> None:
        def pieces() -> Iterator[bytes]:
            yield server.request().wire("Transfer-Encoding: chunked", declare_body=False)
            for _ in range(200):
                yield b"100000\r\n" + b" " * MIB + b"\r\n"

        heard = converse(server.port, pieces())
        assert heard.closed
        assert heard.seconds < 8

    @pytest.mark.parametrize(
        "lines", [("Content-Length: 13000000",), ("Transfer-Encoding: chunked",)]
    )
    def test_a_client_that_asks_before_sending(
        self, server: LiveServer, lines: tuple[str, ...]
    ) -> None:
        request = server.request(PICTURE)
        head = request.wire("Expect: 100-continue", *lines, declare_body=False)
        heard = converse(server.port, [head], until_closed=False, wait_s=0.5)
        if lines[0].startswith("Content-Length"):
            assert_vendor_shaped(heard.answer, 413, "APIGW.0201")
        else:
            assert heard.raw == b"HTTP/1.1 100 Continue\r\n\r\n"

    def test_a_client_that_asks_and_may(self, server: LiveServer) -> None:
        request = server.request(PICTURE)
        lines = ("Expect: 100-continue", f"Content-Length: {len(request.body)}")
        head = request.wire(*lines, declare_body=False)
        heard = converse(server.port, [head, 0.1, request.body], wait_s=2)
        assert heard.raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert heard.answer.status == 200

    def test_a_large_body_to_a_path_that_is_not_there(self, server: LiveServer) -> None:
        for line in ("Connection: keep-alive", "Connection: close"):
            wire = (
                f"POST /nowhere HTTP/1.1\r\nHost: a\r\n{line}\r\nContent-Length: {8 * MIB}\r\n\r\n"
            )
            heard = converse(server.port, [wire.encode(), bytes(8 * MIB)], until_closed=False)
            assert_vendor_shaped(heard.answer, 404, "APIGW.0101")

    def test_a_large_body_to_the_accounts(self, server: LiveServer) -> None:
        wire = f"GET /v3/projects HTTP/1.1\r\nHost: a\r\nContent-Length: {8 * MIB}\r\n\r\n"
        heard = converse(server.port, [wire.encode(), bytes(8 * MIB)], until_closed=False)
        assert heard.answer.status == 413


class TestBrokenChunks:
    @pytest.mark.parametrize(
        "chunks",
        [
            b"zz\r\nhello\r\n",
            b"-5\r\nhello\r\n",
            b"5\r\nhelloworld\r\n",
            b"ffffffffffffffffff\r\n",
            b"5 \x00\r\nhello\r\n",
        ],
    )
    def test_they_are_refused(self, server: LiveServer, chunks: bytes) -> None:
        head = server.request().wire("Transfer-Encoding: chunked", declare_body=False)
        heard = converse(server.port, [head, chunks])
        assert_vendor_shaped(heard.answer, 400, "APIGW.0201")
        assert heard.closed

    @pytest.mark.parametrize("start", [b"0\r\nX: ", b"0\r\n", b"5;", b"5;x=", b"0" * 16])
    def test_a_line_without_end_takes_no_memory(self, server: LiveServer, start: bytes) -> None:
        before = psutil.Process(server.process.pid).memory_info().rss
        head = server.request().wire("Transfer-Encoding: chunked", declare_body=False)
        heard = converse(server.port, [head, start, *[b"a" * MIB] * 60])
        assert 400 <= heard.answer.status < 500
        assert heard.closed
        assert psutil.Process(server.process.pid).memory_info().rss < before + 20 * MIB


class TestSlowBodies:
    def test_a_body_that_drips_is_given_up(self, server: LiveServer) -> None:
        request = server.request(PICTURE)
        wire = request.wire()
        cut = wire.index(b"\r\n\r\n") + 4

        def drip() -> Iterator[bytes | float]:
            yield wire[:cut]
            for byte in wire[cut : cut + 15]:
                yield bytes([byte])
                yield 0.1

        heard = converse(server.port, drip())
        assert_vendor_shaped(heard.answer, 408, "APIGW.0201")
        assert heard.closed
        assert heard.seconds < 8

    @pytest.mark.parametrize("path", ["/v3/projects", "/v3/auth/domains", "/healthz", "/metrics"])
    def test_a_body_that_never_comes_is_given_up_everywhere(
        self, server: LiveServer, path: str
    ) -> None:
        head = f"GET {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
        heard = converse(server.port, [head.encode()])
        assert heard.closed
        assert heard.seconds < 6

    def test_a_refused_body_that_never_comes_does_not_hold_the_connection(
        self, server: LiveServer
    ) -> None:
        head = server.request().wire(f"Content-Length: {13 * MIB}", declare_body=False)
        heard = converse(server.port, [head])
        assert_vendor_shaped(heard.answer, 413, "APIGW.0201")
        assert heard.closed

    def test_a_refused_body_that_came_leaves_an_ordinary_idle_connection(
        self, server: LiveServer
    ) -> None:
        wire = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
        heard = converse(server.port, [wire, 0.3, b"0123456789"], wait_s=8)
        assert_vendor_shaped(heard.answer, 404, "APIGW.0101")
        assert heard.closed


class TestClientsThatLeave:
    def test_in_the_middle_of_anything(self, server: LiveServer) -> None:
        wire = server.request(PICTURE).wire()
        chance = random.Random(3)
        for _ in range(60):
            link = socket.create_connection(("127.0.0.1", server.port))
            link.sendall(wire[: chance.randrange(len(wire) + 1)])
            if chance.random() < 0.5:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            link.close()

    def test_without_reading_the_reply(self, server: LiveServer) -> None:
        request = server.request(PICTURE).wire()
        for _ in range(20):
            link = socket.create_connection(("127.0.0.1", server.port))
            link.sendall(request * 3)
            link.close()
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("first", "second"), [(100, 200), pytest.param(400, 800, marks=pytest.mark.slow)]
)
def test_many_mixed_requests_leave_nothing_behind(
    server: LiveServer, unharmed: Callable[[], None], first: int, second: int
) -> None:
    pictures = [PICTURE, jpeg(20, 20), png_bomb(20_000, 20_000), animation(), renamed("PNG")[:-50]]
    bodies = [*map(tagging_body, pictures), b"[" * 100_000, b"{}"]

    def run(count: int, seed: int) -> None:
        chance, connection = random.Random(seed), connect(server.port)
        for _ in range(count):
            assert send(connection, server.request(body=chance.choice(bodies))).status in {200, 400}
        connection.close()

    def round_of(count: int) -> None:
        threads = [threading.Thread(target=run, args=(count // 4, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    process = psutil.Process(server.process.pid)
    round_of(first)  # networks make their working memory as more calls meet
    before = process.memory_info().rss
    round_of(second)
    grown_mib = (process.memory_info().rss - before) / MIB
    assert grown_mib < 40, f"the last {second} grew the process by {grown_mib:.1f} MiB"
    unharmed()
