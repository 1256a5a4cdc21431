"""Whose turn it is on a lane."""

from __future__ import annotations

import asyncio
import threading

import pytest

from huiyan.iam.lane import LaneTurns
from huiyan.kernel.errors import QueueFullError


class Work:
    """Calls that end when they are let."""

    def __init__(self, turns: LaneTurns) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self._let = threading.Semaphore(0)

    def start(self, party: str) -> asyncio.Task[None]:
        return asyncio.create_task(self.turns.run(party, lambda: self._run(party)))

    def _run(self, party: str) -> None:
        self.begun.append(party)
        assert self._let.acquire(timeout=20)

    def let(self, count: int = 1) -> None:
        self._let.release(count)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.begun) < count:  # noqa: ASYNC110 -- what is waited for tells nobody
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert len(self.begun) == count


async def finish(work: Work, tasks: list[asyncio.Task[None]]) -> None:
    work.let(1000)
    await asyncio.gather(*tasks, return_exceptions=True)


def test_one_party_leaves_room_for_one_that_has_nothing_under_way() -> None:
    async def run() -> None:
        work = Work(LaneTurns(8, 32, kept=2))
        tasks = [work.start("greedy") for _ in range(20)]
        await work.until(6)
        tasks += [work.start("first"), work.start("second")]
        await work.until(8)
        assert work.begun[6:] == ["first", "second"]
        await finish(work, tasks)
        assert len(work.begun) == 22

    asyncio.run(run())


def test_what_is_kept_is_given_back_to_newcomers_only() -> None:
    async def run() -> None:
        work = Work(LaneTurns(3, 32, kept=1))
        tasks = [work.start("greedy") for _ in range(6)]
        await work.until(2)
        tasks.append(work.start("first"))
        await work.until(3)
        tasks.append(work.start("second"))
        await work.until(3)
        work.let()
        await work.until(4)
        # Whoever ended, the newcomer was next: the greedy one has one running still.
        assert work.begun[3] == "second"
        await finish(work, tasks)
        assert sorted(work.begun) == ["first", *["greedy"] * 6, "second"]

    asyncio.run(run())


def test_without_anything_kept_a_lone_party_has_every_place() -> None:
    async def run() -> None:
        work = Work(LaneTurns(2, 4))
        tasks = [work.start("one") for _ in range(4)]
        await work.until(2)
        await finish(work, tasks)
        assert len(work.begun) == 4

    asyncio.run(run())


def test_who_leaves_while_waiting_is_passed_over() -> None:
    async def run() -> None:
        work = Work(LaneTurns(1, 8))
        tasks = [work.start(party) for party in ("a", "b", "b", "c")]
        await work.until(1)
        tasks[1].cancel()
        tasks[2].cancel()
        await asyncio.sleep(0)
        work.let()
        await work.until(2)
        assert work.begun == ["a", "c"]
        await finish(work, tasks)
        last = work.start("b")
        await asyncio.wait_for(last, 5)
        assert work.begun == ["a", "c", "b"]

    asyncio.run(run())


def test_a_call_that_fails_ends_its_turn() -> None:
    async def run() -> None:
        turns = LaneTurns(1, 1)

        def fail() -> None:
            raise ZeroDivisionError

        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await turns.run("a", fail)
        assert await turns.run("b", lambda: 7) == 7

    asyncio.run(run())


def test_more_than_may_wait_are_refused() -> None:
    async def run() -> None:
        work = Work(LaneTurns(1, 2))
        tasks = [work.start(party) for party in "abc"]
        await work.until(1)
        with pytest.raises(QueueFullError):
            work.turns.require_room("d")
        with pytest.raises(QueueFullError):
            await work.turns.run("d", lambda: None)
        await finish(work, tasks)
        work.turns.require_room("d")

    asyncio.run(run())
