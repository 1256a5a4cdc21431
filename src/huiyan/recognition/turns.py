"""Who computes and who fetches next, fairly between projects.

Owns: the turns of those that wait to compute, the memory they take for it, and the places of those
that fetch. Has no opinion on: what is done in a turn, how much a picture takes (``imaging``), and
how many calls a project may make (``gateway.throttle``).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from huiyan.imaging.budget import FREE_BYTES
from huiyan.kernel.errors import QueueFullError
from huiyan.kernel.ids import ProjectId
from huiyan.kernel.shares import Shares

K = TypeVar("K")


@dataclass(slots=True, eq=False)
class _Call:
    project_id: ProjectId
    needed_bytes: int
    served: threading.Lock
    is_passed_over: bool = False
    overtook: _Call | None = None
    """For whom memory was being saved when this one was served."""


class Turns:
    """So many turns at once, each with the memory it needs, given to projects one after the other.

    A free turn goes to the waiting project that has the fewest under way; among equals, projects
    take turns, and inside a project calls go in the order of arrival. So a call whose project has
    no other waits for the turn that is under way and one of each other waiting project at most,
    however many calls those have; and projects whose pictures take long get no more of the
    machine than those whose pictures are quick. A turn passes straight from the call that ends to
    the one that is next: nobody who comes in between overtakes.

    A call gets its turn and its memory in the same step and holds neither while it waits, so no
    two calls can wait for each other, and no turn is spent on waiting. One whose memory is not
    there is passed over, by others of its project, too. So that it comes to its turn all the same,
    memory is saved for one such call at a time: what overtakes it must fit beside it. Once those
    that held memory before have ended, it fits, whatever came since. Projects take turns at having
    memory saved for them, as do, inside a project, calls that need more than half of the memory
    and others: a middling picture waits for one giant of each project at most, not for all.

    Parameters
    ----------
    slots : int
        Turns at once, at least 1.
    memory_bytes : int
        What the calls that have their turns may take together, in bytes; at least 1.
    """

    __slots__ = (
        "_first",
        "_free",
        "_holding",
        "_lock",
        "_memory_bytes",
        "_passed_over",
        "_running",
        "_waiting",
    )

    def __init__(self, slots: int, memory_bytes: int) -> None:
        self._free = slots
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._running: dict[ProjectId, int] = {}
        # A project is in it while one of its calls waits, the one that was served last at the end.
        # While a turn is free nobody waits for whom there is memory.
        self._waiting: dict[ProjectId, deque[_Call]] = {}
        self._holding: dict[_Call, int] = {}
        # Of those that wait, the ones that were passed over, by project and whether they need more
        # than half; the key whose call had memory saved last is at the end.
        self._passed_over: dict[tuple[ProjectId, bool], deque[_Call]] = {}
        self._first: _Call | None = None

    @contextmanager
    def turn(self, project_id: ProjectId, needed_bytes: int) -> Iterator[Callable[[int], None]]:
        """Wait for a turn and hold it.

        Parameters
        ----------
        project_id : ProjectId
            For whom.
        needed_bytes : int
            What the work takes at its peak, in bytes; up to ``FREE_BYTES`` passes uncounted, and
            what would take more than there is has all of it.

        Yields
        ------
        callable
            Once it is the call's turn: given how many bytes are still needed, it gives back the
            rest. Turn and memory end with the block.
        """
        counted_bytes = min(_count(needed_bytes), self._memory_bytes)
        call = _Call(project_id, counted_bytes, threading.Lock())
        self._take(call)
        try:
            yield partial(self._keep, call)
        finally:
            self._pass_on(call)

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def _take(self, call: _Call) -> None:
        with self._lock:
            if self._free and not call.needed_bytes:
                self._start(call)
                return
            call.served.acquire()
            self._waiting.setdefault(call.project_id, deque()).append(call)
            self._serve()
        try:
            call.served.acquire()
        except BaseException:  # an interrupted wait must give its place or its turn back
            with self._lock:
                was_served = call not in self._waiting.get(call.project_id, ())
                if not was_served:
                    self._leave_queue(call)
                    self._serve()
            if was_served:
                self._pass_on(call)
            raise

    def _keep(self, call: _Call, still_needed_bytes: int) -> None:
        if not call.needed_bytes:
            return
        left_bytes = _count(still_needed_bytes)
        with self._lock:
            if left_bytes < self._holding[call]:
                self._holding[call] = left_bytes
                self._serve()

    def _pass_on(self, call: _Call) -> None:
        with self._lock:
            running = self._running[call.project_id] - 1
            if running:
                self._running[call.project_id] = running
            else:
                del self._running[call.project_id]
            self._free += 1
            if call.needed_bytes:
                del self._holding[call]
            if self._waiting:
                self._serve()

    def _serve(self) -> None:
        while self._free and (call := self._find_next()) is not None:
            call.overtook = None if call is self._first else self._first
            self._leave_queue(call)
            _put_last(self._waiting, call.project_id)
            self._start(call)
            call.served.release()

    def _start(self, call: _Call) -> None:
        self._free -= 1
        self._running[call.project_id] = self._running.get(call.project_id, 0) + 1
        if call.needed_bytes:
            self._holding[call] = call.needed_bytes

    def _find_next(self) -> _Call | None:
        for project_id in sorted(self._waiting, key=self._running_of):
            for call in self._waiting[project_id]:
                if not call.needed_bytes or call.needed_bytes <= self._room_bytes(call):
                    return call
                if not call.is_passed_over:
                    call.is_passed_over = True
                    self._passed_over.setdefault(self._lane(call), deque()).append(call)
                if self._first is None:
                    self._choose_first()
        return None

    def _room_bytes(self, call: _Call) -> int:
        free_bytes = self._memory_bytes - sum(self._holding.values())
        first = self._first
        if first is None or first is call:
            return free_bytes
        overtaking_bytes = sum(it for by, it in self._holding.items() if by.overtook is first)
        return min(free_bytes, self._memory_bytes - first.needed_bytes - overtaking_bytes)

    def _choose_first(self) -> None:
        queue = next(iter(self._passed_over.values()), None)
        self._first = queue[0] if queue else None

    def _lane(self, call: _Call) -> tuple[ProjectId, bool]:
        return call.project_id, 2 * call.needed_bytes > self._memory_bytes

    def _running_of(self, project_id: ProjectId) -> int:
        return self._running.get(project_id, 0)

    def _leave_queue(self, call: _Call) -> None:
        _remove(self._waiting, call.project_id, call)
        if call.is_passed_over:
            _remove(self._passed_over, self._lane(call), call)
        if call is self._first:
            _put_last(self._passed_over, self._lane(call))
            self._choose_first()


def _count(needed_bytes: int) -> int:
    return needed_bytes if needed_bytes > FREE_BYTES else 0


def _remove(queues: dict[K, deque[_Call]], key: K, call: _Call) -> None:
    queue = queues[key]
    queue.remove(call)
    if not queue:
        del queues[key]


def _put_last(queues: dict[K, deque[_Call]], key: K) -> None:
    if key in queues:
        queues[key] = queues.pop(key)


class Places:
    """So many places at once, of which no project can take all; one more is refused.

    Parameters
    ----------
    places : int
        Places at once, at least 1.
    refusal : str
        What a refused caller is told.
    """

    __slots__ = ("_lock", "_refusal", "_shares")

    def __init__(self, places: int, refusal: str) -> None:
        self._lock = threading.Lock()
        self._refusal = refusal
        self._shares = Shares(places)

    @contextmanager
    def place(self, project_id: ProjectId) -> Iterator[None]:
        """Hold a place.

        Parameters
        ----------
        project_id : ProjectId
            For whom.

        Yields
        ------
        None
            While the place is held.

        Raises
        ------
        QueueFullError
            There is none, or none for a project that holds as many (``kernel.shares``).
        """
        with self._lock:
            if not self._shares.fits(project_id, 1):
                raise QueueFullError(self._refusal)
            self._shares.take(project_id, 1)
        try:
            yield
        finally:
            with self._lock:
                self._shares.give_back(project_id, 1)
