"""Bodies within their limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from huiyan.gateway import receive as receive_module
from huiyan.gateway.admission import Admission
from huiyan.gateway.receive import (
    MAX_BODY_BYTES,
    MIN_BYTES_PER_S,
    BodyLimits,
    ClientGoneError,
    check_declared_size,
    receive_body,
    within_limits,
)
from huiyan.kernel.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    MalformedRequestError,
    QueueFullError,
)

LIMITS = BodyLimits(timeout_s=5.0, max_bytes=10)


class Channel:
    """Gives messages in order; after the last it stays silent, as a slow client does."""

    def __init__(self, messages: Sequence[dict[str, Any]]) -> None:
        self._messages = list(messages)
        self.taken = 0

    async def __call__(self) -> dict[str, Any]:
        if self.taken == len(self._messages):
            await asyncio.sleep(3600)
        self.taken += 1
        return self._messages[self.taken - 1]


def chunks(*pieces: bytes, complete: bool = True) -> Channel:
    return Channel(
        [
            {
                "type": "http.request",
                "body": piece,
                "more_body": not complete or position < len(pieces) - 1,
            }
            for position, piece in enumerate(pieces)
        ]
    )


def receive(channel: Channel, limits: BodyLimits = LIMITS) -> bytes:
    with Admission(1, 1000).holding() as hold:
        return asyncio.run(receive_body(channel, limits, hold))


def unweighed(_size_bytes: int) -> None:
    pass


def declared(*headers: tuple[bytes, bytes]) -> None:
    check_declared_size({"type": "http", "headers": list(headers)}, LIMITS)


def test_the_limit_is_twelve_mebibytes() -> None:
    assert BodyLimits(1.0).max_bytes == MAX_BODY_BYTES == 12 * 1024 * 1024


def test_an_empty_body_is_a_body() -> None:
    assert receive(chunks(b"")) == b""


def test_pieces_are_joined_in_order() -> None:
    assert receive(chunks(b"ab", b"", b"cd", b"")) == b"abcd"


@pytest.mark.parametrize("pieces", [(b"0123456789",), (b"01234", b"56789"), (b"0123456789", b"")])
def test_a_body_of_the_limit_is_taken(pieces: tuple[bytes, ...]) -> None:
    assert receive(chunks(*pieces)) == b"0123456789"


@pytest.mark.parametrize("pieces", [(b"0123456789a",), (b"01234", b"56789", b"a")])
def test_one_byte_more_is_refused(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(BodyTooLargeError):
        receive(chunks(*pieces))


def test_an_endless_body_is_refused_as_soon_as_it_passes_the_limit() -> None:
    channel = chunks(*[b"0123"] * 100, complete=False)
    with pytest.raises(BodyTooLargeError):
        receive(channel)
    assert channel.taken == 3


def test_a_body_that_stops_arriving_is_told_so() -> None:
    with pytest.raises(BodyTimeoutError, match=r"0\.05 seconds"):
        receive(chunks(b"01", complete=False), BodyLimits(timeout_s=0.05, max_bytes=10))


def test_a_body_that_never_begins_is_told_so() -> None:
    with pytest.raises(BodyTimeoutError):
        receive(Channel([]), BodyLimits(timeout_s=0.05, max_bytes=10))


class Trickle:
    """Gives a piece every 10 ms, without end."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece
        self.taken = 0

    async def __call__(self) -> dict[str, Any]:
        await asyncio.sleep(0.01)
        self.taken += 1
        return {"type": "http.request", "body": self._piece, "more_body": True}


class TestPace:
    UNHURRIED_S = 0.1
    LIMITS = BodyLimits(timeout_s=5.0, max_bytes=200_000)

    @pytest.fixture(autouse=True)
    def _little_patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert (MIN_BYTES_PER_S, receive_module._UNHURRIED_S) == (16 * 1024, 5.0)
        monkeypatch.setattr(receive_module, "_UNHURRIED_S", self.UNHURRIED_S)

    def receive(self, channel: Any) -> bytes:
        with Admission(1, 10_000_000).holding() as hold:
            return asyncio.run(receive_body(channel, self.LIMITS, hold))

    def test_a_trickle_is_refused_long_before_the_time_is_over(self) -> None:
        channel = Trickle(b"x" * 20)
        started_s = time.monotonic()
        with pytest.raises(BodyTimeoutError, match="too slowly"):
            self.receive(channel)
        assert self.UNHURRIED_S <= time.monotonic() - started_s < self.LIMITS.timeout_s / 2
        assert channel.taken > 1

    def test_a_fair_pace_is_not(self) -> None:
        with pytest.raises(BodyTooLargeError):
            self.receive(Trickle(b"x" * 4000))

    def test_a_trickle_that_a_handler_reads_is_refused_too(self) -> None:
        channel = Trickle(b"x" * 20)

        async def run() -> None:
            in_time = within_limits(channel, self.LIMITS, unweighed)
            while True:
                await in_time()

        started_s = time.monotonic()
        with pytest.raises(BodyTimeoutError, match="too slowly"):
            asyncio.run(run())
        assert self.UNHURRIED_S <= time.monotonic() - started_s < self.LIMITS.timeout_s / 2

    def test_the_last_piece_of_a_slow_body_is_taken(self) -> None:
        pieces = iter([(b"ab", True), (b"c", False)])

        async def slow() -> dict[str, Any]:
            piece, more = next(pieces)
            await asyncio.sleep(0 if more else self.UNHURRIED_S * 1.5)
            return {"type": "http.request", "body": piece, "more_body": more}

        assert self.receive(slow) == b"abc"


def test_a_client_that_leaves_is_noticed() -> None:
    gone = {"type": "http.disconnect"}
    with pytest.raises(ClientGoneError):
        receive(Channel([gone]))
    part = {"type": "http.request", "body": b"01", "more_body": True}
    with pytest.raises(ClientGoneError):
        receive(Channel([part, gone]))


def test_a_declared_size_up_to_the_limit_passes() -> None:
    declared((b"host", b"h"), (b"content-length", b"10"))
    declared((b"transfer-encoding", b"chunked"))


def test_bodies_that_are_too_heavy_together_are_refused_as_they_arrive() -> None:
    admission = Admission(1, 5)
    channel = chunks(b"012", b"345", b"678")
    with admission.holding("10.0.0.1") as other, admission.holding("10.0.0.2") as hold:
        other(2)
        with pytest.raises(QueueFullError):
            asyncio.run(receive_body(channel, LIMITS, hold))
    assert channel.taken == 2


def test_a_declared_size_over_the_limit_is_refused_before_the_body() -> None:
    with pytest.raises(BodyTooLargeError):
        declared((b"content-length", b"11"))


@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"1.0", b"0x1", b"1 1", b"one", b"\xb2"])
def test_a_declared_size_that_is_no_number_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        declared((b"content-length", value))


def test_a_declared_size_of_thousands_of_digits_is_refused_and_no_crash() -> None:
    with pytest.raises((BodyTooLargeError, MalformedRequestError)):
        declared((b"content-length", b"9" * 5000))


def test_once_the_body_has_come_a_reply_may_take_its_time_and_see_the_client_go() -> None:
    async def run() -> dict[str, Any]:
        whole = {"type": "http.request", "body": b"", "more_body": False}
        channel = Channel([whole, {"type": "http.disconnect"}])
        in_time = within_limits(channel, BodyLimits(timeout_s=0.05), unweighed)
        assert await in_time() == whole
        await asyncio.sleep(0.1)
        return dict(await in_time())

    assert asyncio.run(run()) == {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("messages", "fault"),
    [([], BodyTimeoutError), ([{"type": "http.disconnect"}], ClientGoneError)],
)
def test_a_body_read_by_a_handler_must_come_in_time(
    messages: list[dict[str, Any]], fault: type[Exception]
) -> None:
    async def run() -> None:
        await within_limits(Channel(messages), BodyLimits(timeout_s=0.05), unweighed)()

    with pytest.raises(fault):
        asyncio.run(run())


def test_a_body_read_by_a_handler_weighs_what_has_come_of_it() -> None:
    admission = Admission(1, 5)

    async def run() -> None:
        with admission.holding("10.0.0.1") as other, admission.holding("10.0.0.2") as hold:
            other(2)
            in_time = within_limits(chunks(b"012", b"3"), LIMITS, hold)
            await in_time()
            assert admission._bytes.used == 5
            with pytest.raises(QueueFullError):
                await in_time()

    asyncio.run(run())
    assert admission._bytes.used == 0
