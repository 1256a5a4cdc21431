"""The guarded connection on a transport that only remembers, with a clock that is real."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from raw_socket import Heard
from uvicorn import Config
from uvicorn.server import ServerState

from huiyan.gateway.observe import Observer
from huiyan.gateway.protocol import (
    GUARD_STATE_KEY,
    MAX_HEAD_BYTES,
    MAX_HEADER_BYTES,
    MAX_URI_BYTES,
    ConnectionGuard,
    GuardedProtocol,
)
from huiyan.kernel.clock import SystemClock
from huiyan.monitoring.prometheus import Metrics

PATIENCE_S = 0.15
GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"


class MemoryTransport(asyncio.Transport):
    """Remembers what was written, and whether it was closed or half closed."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 6)})
        self.written = b""
        self.closed = False
        self.half_closed = False
        self.aborted = False

    def write(self, data: Any) -> None:
        assert not self.half_closed, "written after the end was said"
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Line:
    """One connection whose other end is the test."""

    def __init__(self, application: Any, keep_alive_s: float = 5) -> None:
        self.metrics = Metrics()
        self.transport = MemoryTransport()
        config = Config(application, log_config=None, access_log=False, lifespan="off")
        config.timeout_keep_alive = keep_alive_s  # type: ignore[assignment]
        observer = Observer(self.metrics, SystemClock())
        state = {GUARD_STATE_KEY: ConnectionGuard(PATIENCE_S, observer)}
        loop = asyncio.get_running_loop()
        self.protocol = GuardedProtocol(config, ServerState(), state, loop)
        self.protocol.connection_made(self.transport)

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)
            await settle()

    @property
    def statuses(self) -> list[int]:
        return [
            answer.status
            for answer in Heard(self.transport.written, closed=True, seconds=0).answers
        ]

    def hang_up(self) -> None:
        self.transport.close()
        self.protocol.connection_lost(None)


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


class Answering:
    """An application that reads the body and answers with its size, once it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()
        self.sizes: list[int] = []
        self.headers: list[dict[bytes, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message["body"])
            if not message["more_body"]:
                break
        await self.may.wait()
        self.sizes.append(size)
        self.headers.append(dict(scope["headers"]))
        await reply(send)


async def refuse_at_once(_scope: Any, _receive: Any, send: Any) -> None:
    await reply(send)


async def reply(send: Any) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def converse(
    conversation: Callable[[Line], Awaitable[None]], application: Any = None, **options: Any
) -> Line:
    async def run() -> Line:
        line = Line(application or Answering(), **options)
        try:
            await conversation(line)
            await settle()
        finally:
            line.hang_up()
            await settle()
        return line

    return asyncio.run(run())


def post(body: bytes, *lines: bytes) -> bytes:
    head = [b"POST /a HTTP/1.1", b"Host: h", b"Content-Length: %d" % len(body), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def said(*pieces: bytes) -> Line:
    async def conversation(line: Line) -> None:
        await line.say(*pieces)

    return converse(conversation)


def test_a_request_is_answered_and_the_connection_stays() -> None:
    async def conversation(line: Line) -> None:
        await line.say(GET)
        assert line.statuses == [200]
        assert not line.transport.closed
        await line.say(GET[:10], GET[10:])
        assert line.statuses == [200, 200]

    converse(conversation)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ([b"\x00\x01\x02"], 400),
        ([b"GET /" + b"a" * MAX_URI_BYTES + b" HTTP/1.1\r\n"], 414),
        ([b"GET /"] + [b"a" * 1000] * 40, 414),
        ([b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEADER_BYTES + b"\r\nY: b\r\n"], 494),
        ([b"GET / HTTP/1.1\r\n"] + [b"X: " + b"a" * 1000 + b"\r\n"] * 140, 494),
        ([b"GET / HTTP/1.1\r\nX: "] + [b"a" * 50_000] * 4, 494),
        ([b"\r\n" * (MAX_HEAD_BYTES // 2 + 1)], 494),
    ],
)
def test_a_head_past_its_limits_is_refused_in_the_vendors_shape(
    head: Sequence[bytes], status: int
) -> None:
    line = said(*head)
    (answer,) = Heard(line.transport.written, closed=True, seconds=0).answers
    assert (answer.status, answer.error_code) == (status, "APIGW.0201")
    assert answer.headers["connection"] == "close"
    assert line.transport.half_closed
    text = f'huiyan_refused_requests_total{{error_code="APIGW.0201",status="{status}"}} 1.0'
    assert text in line.metrics.render().decode()


def test_after_a_refusal_the_rest_is_read_for_a_while_and_thrown_away() -> None:
    async def conversation(line: Line) -> None:
        await line.say(b"\x00\x01", b"more", GET)
        assert line.statuses == [400]
        assert not line.transport.closed
        await asyncio.sleep(PATIENCE_S * 1.5)
        assert line.transport.closed

    converse(conversation)


@pytest.mark.parametrize(
    "cut", [1, 60, 100_000, 299_990], ids=["start", "head", "middle", "nearly all"]
)
def test_a_large_body_is_never_taken_for_a_head(cut: int) -> None:
    wire = post(b"x" * 300_000)
    assert said(wire).statuses == [200]
    assert said(wire[:cut], wire[cut:]).statuses == [200]
    assert said(wire + wire[:cut], wire[cut:]).statuses == [200, 200]


def test_a_trailer_or_chunk_without_end_is_refused() -> None:
    head = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    for start in (b"0\r\nX: ", b"5;x="):
        assert said(head, start, *[b"a" * 60_000] * 4).statuses == [494]


def test_a_body_in_many_chunks_is_no_flood() -> None:
    head = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert said(head, *[b"1\r\nx\r\n" * 9000] * 5, b"0\r\n\r\n").statuses == [200]


def test_a_broken_body_ends_its_own_request_once() -> None:
    head = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert said(head, b"zz\r\n").statuses == [400]


def test_a_broken_next_request_waits_for_the_reply_that_is_owed() -> None:
    application = Answering()

    async def conversation(line: Line) -> None:
        application.may.clear()
        await line.say(GET + b"\x00\x01", b"\x02\x03")
        assert line.transport.written == b""
        application.may.set()
        await settle()
        assert line.statuses == [200, 400]

    converse(conversation, application)


class TestTime:
    def test_silence_is_closed_without_a_word(self) -> None:
        async def conversation(line: Line) -> None:
            await asyncio.sleep(PATIENCE_S * 1.5)
            assert line.transport.closed
            assert line.transport.written == b""

        converse(conversation)

    def test_half_a_head_is_answered_408(self) -> None:
        async def conversation(line: Line) -> None:
            await line.say(b"GET /a HTTP/1.1\r\nHost: h\r\n")
            await asyncio.sleep(PATIENCE_S * 1.5)
            assert line.statuses == [408]

        converse(conversation)

    def test_half_a_next_head_does_not_cost_the_reply_that_is_owed(self) -> None:
        application = Answering()

        async def conversation(line: Line) -> None:
            application.may.clear()
            await line.say(GET, b"GET /b")
            await asyncio.sleep(PATIENCE_S * 2.5)
            assert not line.transport.closed
            application.may.set()
            await asyncio.sleep(PATIENCE_S * 2.5)
            assert line.statuses == [200, 408]

        converse(conversation, application)

    def test_a_refused_body_has_little_time_and_then_the_connection_is_free(self) -> None:
        async def conversation(line: Line) -> None:
            await line.say(post(b"x" * 100)[:-50])
            assert line.statuses == [200]
            await line.say(b"x" * 50, GET)
            assert line.statuses == [200, 200]
            await line.say(post(b"x" * 100)[:-50])
            await asyncio.sleep(PATIENCE_S * 1.5)
            assert line.transport.closed

        converse(conversation, refuse_at_once)

    def test_after_a_refused_body_an_idle_connection_is_closed_in_its_time(self) -> None:
        async def conversation(line: Line) -> None:
            await line.say(post(b"x" * 100)[:-50], b"x" * 50)
            await asyncio.sleep(0.2)
            assert line.transport.closed

        converse(conversation, refuse_at_once, keep_alive_s=0.1)


class TestAClientThatDoesNotRead:
    """Writing is paused while a reply is owed, so that no other clock runs."""

    KEEP_ALIVE_S = 0.1

    def paused(self, *, then_reads: bool) -> bool:
        application = Answering()
        aborted: list[bool] = []

        async def conversation(line: Line) -> None:
            application.may.clear()
            await line.say(GET)
            line.protocol.pause_writing()
            await asyncio.sleep(self.KEEP_ALIVE_S / 2)
            assert not line.transport.closed
            if then_reads:
                line.protocol.resume_writing()
            await asyncio.sleep(self.KEEP_ALIVE_S * 2)
            aborted.append(line.transport.aborted)

        converse(conversation, application, keep_alive_s=self.KEEP_ALIVE_S)
        return aborted[0]

    def test_is_let_go_after_the_time_of_an_idle_connection(self) -> None:
        assert self.paused(then_reads=False)

    def test_is_kept_when_it_reads_again(self) -> None:
        assert not self.paused(then_reads=True)

    def test_leaves_no_timer_when_it_hangs_up_itself(self) -> None:
        async def conversation(line: Line) -> None:
            line.protocol.pause_writing()
            line.protocol.connection_lost(None)
            await asyncio.sleep(self.KEEP_ALIVE_S * 2)
            assert not line.transport.aborted
            line.protocol.connection_made(MemoryTransport())

        converse(conversation, keep_alive_s=self.KEEP_ALIVE_S)

    def test_holds_no_application_on_a_real_socket(self) -> None:
        ended = asyncio.Event()

        async def flood(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(64):
                body = {"type": "http.response.body", "body": bytes(2**20), "more_body": True}
                await send(body)
            ended.set()

        async def run() -> float:
            loop = asyncio.get_running_loop()
            config = Config(flood, log_config=None, access_log=False, lifespan="off")
            config.timeout_keep_alive = self.KEEP_ALIVE_S  # type: ignore[assignment]
            guard = ConnectionGuard(PATIENCE_S, Observer(Metrics(), SystemClock()))
            state = {GUARD_STATE_KEY: guard}
            served = ServerState()
            listening = await loop.create_server(
                lambda: GuardedProtocol(config, served, state, loop), "127.0.0.1", 0
            )
            port = listening.sockets[0].getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as link:
                link.sendall(GET)
                started_s = loop.time()
                await asyncio.wait_for(ended.wait(), 5)
                assert not served.connections
                listening.close()
                return loop.time() - started_s

        assert asyncio.run(run()) >= self.KEEP_ALIVE_S


def test_a_reply_that_closes_waits_for_a_client_that_still_sends() -> None:
    async def conversation(line: Line) -> None:
        await line.say(post(b"x" * 100, b"Connection: close")[:-50])
        assert line.statuses == [200]
        assert line.transport.half_closed
        assert not line.transport.closed
        await line.say(b"x" * 50)
        await asyncio.sleep(PATIENCE_S * 1.5)
        assert line.transport.closed

    converse(conversation, refuse_at_once)


def test_a_reply_that_closes_closes_at_once_when_all_was_read() -> None:
    async def conversation(line: Line) -> None:
        await line.say(post(b"x", b"Connection: close"))
        assert line.transport.closed
        assert not line.transport.half_closed

    converse(conversation)


def test_a_refused_body_is_not_read_for_ever() -> None:
    async def conversation(line: Line) -> None:
        await line.say(post(b"")[:-4].replace(b": 0", b": 999999999") + b"\r\n\r\n")
        piece = bytes(2**20)
        for _ in range(66):
            line.protocol.data_received(piece)
        assert line.transport.closed

    converse(conversation, refuse_at_once)


@pytest.mark.parametrize("cut", [0, 40, 130])
def test_an_offer_of_another_protocol_is_passed_over_with_its_body(cut: int) -> None:
    application = Answering()
    offer = post(b"hello", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"X: y")
    wire = offer + offer + GET

    async def conversation(line: Line) -> None:
        await line.say(wire[:cut] or b"\r\n", wire[cut:])
        await settle()
        assert line.statuses == [200, 200, 200]

    converse(conversation, application)
    assert application.sizes == [5, 5, 0]
    assert application.headers[0][b"x"] == b"y"
    assert application.headers[0][b"connection"] == b"Upgrade, HTTP2-Settings"
