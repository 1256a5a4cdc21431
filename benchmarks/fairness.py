"""What a project that floods the server costs one that calls now and then.

Run: ``python benchmarks/fairness.py [--seconds S] [--work-ms MS] [--clients N]``. The queue, the
worker threads and ``RecognitionService.answer`` are the server's own; recognition is a stand-in
that holds its turn for a given time, so the figures are of waiting and not of any network. The
quiet project has one client, the flooding one has many; a client that is refused tries again after
``RETRY_S``. The way before, one count for all and a semaphore, is kept here for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from PIL import Image as Photograph

from huiyan.gateway.admission import Admission
from huiyan.iam.audit.model import NullAuditLog
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import QueueFullError
from huiyan.kernel.ids import ProjectId, RegionId, new_request_id
from huiyan.kernel.units import MIB_BYTES
from huiyan.metering.model import UseRecord
from huiyan.persistence.query import Scope
from huiyan.recognition.model import (
    LOCAL_PRINCIPAL,
    AnyCapability,
    Caller,
    Capability,
    ParsedRequest,
    PictureBytes,
)
from huiyan.recognition.service import RecognitionService
from huiyan.recognition.turns import Turns

PLACES = 64
MEMORY_BYTES = 64 * MIB_BYTES
COMPUTE_THREADS = 4
RETRY_S = 0.02
BODY_BYTES = 100_000


class Queue(Protocol):
    """Where a call waits."""

    def held(self, project: str) -> AbstractContextManager[None]:
        """Hold a place while the call is in hand."""
        ...


class SharedQueue:
    """The queue as it is: places shared by projects, once they are known."""

    def __init__(self) -> None:
        self._admission = Admission(PLACES, 256 * MIB_BYTES)

    @contextmanager
    def held(self, project: str) -> Iterator[None]:
        """Hold a place."""
        with self._admission.holding("192.0.2.1") as holding:
            holding(BODY_BYTES)
            holding.enter(project)
            holding.settle(ProjectId(project))
            yield


class CountedQueue:
    """The queue as it was: places by count, whoever takes them."""

    def __init__(self) -> None:
        self._calls = 0

    @contextmanager
    def held(self, _project: str) -> Iterator[None]:
        """Hold a place."""
        if self._calls >= PLACES:
            raise QueueFullError
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1


class SemaphoreTurns(Turns):
    """The turns as they were: whoever the semaphore wakes."""

    __slots__ = ("_semaphore",)

    def __init__(self, slots: int) -> None:
        super().__init__(slots, MEMORY_BYTES)
        self._semaphore = threading.Semaphore(slots)

    @contextmanager
    def turn(self, _project_id: ProjectId, _needed_bytes: int) -> Iterator[Callable[[int], None]]:
        """Wait for a turn and hold it; its small pictures need no memory that counts."""
        with self._semaphore:
            yield lambda _still_needed_bytes: None


class FairTurns(Turns):
    """The turns as they are."""

    __slots__ = ()

    def __init__(self, slots: int) -> None:
        super().__init__(slots, MEMORY_BYTES)


class NoMeter:
    """Records nothing."""

    def record(self, _use: UseRecord) -> None:
        """Record nothing."""


class NoFetcher:
    """Fetches nothing; all pictures are sent."""

    def fetch(self, url: str) -> bytes:
        """Fail."""
        raise NotImplementedError(url)


@dataclass
class Side:
    """What one project saw."""

    waits_ms: list[float] = field(default_factory=list)
    refused: int = 0

    def row(self, seconds: float) -> str:
        """Give calls a second, refusals, median, 99th percentile and most, in milliseconds."""
        ordered = sorted(self.waits_ms)
        if not ordered:
            return f"{0:7.1f} | {self.refused:7d} |    none |    none |    none"
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        return (
            f"{len(ordered) / seconds:7.1f} | {self.refused:7d} | "
            f"{statistics.median(ordered):7.1f} | {p99:7.1f} | {ordered[-1]:7.1f}"
        )


class Server:
    """The queue, the threads and the service, without HTTP."""

    def __init__(self, queue: Queue, turns: Turns, work_ms: float) -> None:
        self._queue = queue
        self._executor = ThreadPoolExecutor(PLACES)
        self._service = RecognitionService(
            NoFetcher(), MemoryBudget(MEMORY_BYTES), SystemClock(), COMPUTE_THREADS, 1
        )
        self._service._computing = turns  # noqa: SLF001 -- the comparison is the point
        self._capability = stand_in(work_ms)

    async def call(self, project: str) -> None:
        """Answer one call as the gateway does once its body has arrived."""
        with self._queue.held(project):
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._executor, self._work, project)

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown()

    def _work(self, project: str) -> None:
        clock = SystemClock()
        caller = Caller(
            new_request_id(),
            LOCAL_PRINCIPAL,
            ProjectId(project),
            RegionId("local"),
            clock.now(),
            clock.monotonic_s(),
            address="",
        )
        self._service.answer(self._capability, b"", caller, NoMeter(), NullAuditLog())


def stand_in(work_ms: float) -> AnyCapability:
    """Make a capability that decodes a small picture and then takes its time."""
    file = io.BytesIO()
    Photograph.new("RGB", (64, 48)).save(file, "JPEG")
    source = PictureBytes(file.getvalue())

    def recognise(_image: Image, _params: None, _scope: Scope) -> None:
        time.sleep(work_ms / 1000)

    return Capability(
        interface="stand-in",
        version="v2",
        path="/stand-in",
        limits=PictureLimits(frozenset({Format.JPEG}), 15, 4096),
        min_short_side_px=None,
        parse=lambda _body: ParsedRequest(None, source),
        recognise=recognise,
        render=lambda _result, _params: b"{}",
    )


async def client(server: Server, project: str, side: Side, ended: asyncio.Event) -> None:
    """Call, one after the other, until it is over; a wait counts from the first try."""
    while not ended.is_set():
        started_s = time.perf_counter()
        while True:
            try:
                await server.call(project)
                break
            except QueueFullError:
                side.refused += 1
                if ended.is_set():
                    return
                await asyncio.sleep(RETRY_S)
        side.waits_ms.append((time.perf_counter() - started_s) * 1000)


async def run(server: Server, clients: int, seconds: float) -> tuple[Side, Side]:
    """Let the quiet project call beside so many clients of the flooding one."""
    quiet, flood, ended = Side(), Side(), asyncio.Event()
    tasks = [asyncio.create_task(client(server, "flood", flood, ended)) for _ in range(clients)]
    await asyncio.sleep(seconds / 10)
    tasks.append(asyncio.create_task(client(server, "quiet", quiet, ended)))
    await asyncio.sleep(seconds)
    ended.set()
    await asyncio.gather(*tasks)
    return quiet, flood


def turn_cost_us(turns: Turns) -> float:
    """Measure what a turn costs that nobody contends for, in microseconds."""
    project, best_s = ProjectId("a"), 1.0
    for _ in range(50):
        started_s = time.perf_counter()
        for _ in range(1000):
            with turns.turn(project, 0):
                pass
        best_s = min(best_s, (time.perf_counter() - started_s) / 1000)
    return best_s * 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--work-ms", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=200)
    given = parser.parse_args()
    before, now = CountedQueue, SharedQueue
    few = PLACES // 2
    rows: tuple[tuple[str, int, Callable[[], Queue], type[SemaphoreTurns | FairTurns]], ...] = (
        ("alone", 0, now, FairTurns),
        (f"{few} clients, before", few, before, SemaphoreTurns),
        (f"{few} clients, fair", few, now, FairTurns),
        (f"{given.clients} clients, before", given.clients, before, SemaphoreTurns),
        (f"{given.clients} clients, fair queue only", given.clients, now, SemaphoreTurns),
        (f"{given.clients} clients, fair", given.clients, now, FairTurns),
    )
    print(f"{COMPUTE_THREADS} turns of {given.work_ms:g} ms, {PLACES} places\n")
    print(
        "| beside the quiet project | its calls/s | refused | p50 ms | p99 ms | most ms | flood/s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, clients, queue, turns in rows:
        server = Server(queue(), turns(COMPUTE_THREADS), given.work_ms)
        quiet, flood = asyncio.run(run(server, clients, given.seconds))
        server.close()
        flood_rate = len(flood.waits_ms) / (1.1 * given.seconds)
        print(f"| {name:32s} | {quiet.row(given.seconds)} | {flood_rate:6.1f} |", flush=True)
    print(f"\nA turn without contention: {turn_cost_us(FairTurns(4)):.2f} µs")
    print(f"The semaphore: {turn_cost_us(SemaphoreTurns(4)):.2f} µs")


if __name__ == "__main__":
    main()
