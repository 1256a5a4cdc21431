"""Calls that must not fill the server, each kind on a way of its own.

Owns: which kinds there are, how many calls of each run and wait at once, and whose turn is next.
Has no opinion on: which calls are of which kind, and what they do.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from huiyan.kernel.errors import QueueFullError
from huiyan.kernel.shares import Shares

LOGINS_AT_ONCE = 2
LOGINS_WAITING = 64

PICTURES_AT_ONCE = 8
"""Each looks at one picture at a time and waits most of that time for its project's turn or for
the picture's host."""

PICTURES_WAITING = 32
PICTURES_KEPT = 2
"""For addresses that have no such call under way: one that names slow hosts keeps nobody out."""

SURVEYS_AT_ONCE = 1
SURVEYS_WAITING = 8

R = TypeVar("R")


class Lane(Enum):
    """How heavy a call is."""

    LIGHT = "light"
    """Answers from memory or by a few statements."""

    PASSWORD = "password"  # noqa: S105 -- a kind of call
    """Compares passwords, which is slow on purpose."""

    PICTURE = "picture"
    """Looks at pictures, or moves a lot of data."""

    SURVEY = "survey"
    """Compares everything with everything, which may take minutes."""


class LaneTurns:
    """So many calls at once, and so many that wait; for one event loop.

    A few calls run at once, on threads that no other lane has, and few more wait: so nobody can
    fill the server with what is costly. Those few are shared by the addresses that they come from,
    which take turns: so no one address keeps the others out. How many may wait is shared by
    ``Shares``; a free turn goes to the party that has waited longest since its last one, so one
    that comes anew waits for a turn of each other at most.

    Parameters
    ----------
    at_once : int
        Calls that run at once, at least 1.
    waiting : int
        Calls that wait, of all parties together.
    kept : int, default 0
        How many of those that run at once are kept for parties of which none runs.
    """

    def __init__(self, at_once: int, waiting: int, kept: int = 0) -> None:
        self._in_hand = Shares(at_once + waiting)
        self._threads = CapacityLimiter(at_once)
        self._free = at_once
        self._kept = kept
        self._running: Counter[str] = Counter()
        # A party is in it while something of it waits, the one that was served last at the end.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def require_room(self, party: str) -> None:
        """See that a call would not be refused, before its body is read for nothing.

        Parameters
        ----------
        party : str
            Where it comes from.

        Raises
        ------
        QueueFullError
            Too many wait, of all or of the party.
        """
        if not self._in_hand.fits(party, 1):
            raise QueueFullError("too many calls of this kind at once")

    async def run(self, party: str, work: Callable[[], R]) -> R:
        """Do something when it is the party's turn.

        Parameters
        ----------
        party : str
            For whom.
        work : callable
            Runs on a worker thread.

        Returns
        -------
        R
            What ``work`` returns.

        Raises
        ------
        QueueFullError
            Too many wait, of all or of the party.
        """
        async with self._turn(party):
            return await to_thread.run_sync(work, limiter=self._threads)

    @asynccontextmanager
    async def _turn(self, party: str) -> AsyncIterator[None]:
        self.require_room(party)
        self._in_hand.take(party, 1)
        try:
            await self._wait(party)
            try:
                yield
            finally:
                self._end(party)
        finally:
            self._in_hand.give_back(party, 1)

    async def _wait(self, party: str) -> None:
        if self._may_run(party):
            self._begin(party)
            return
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party, deque()).append(served)
        try:
            await served
        except asyncio.CancelledError:
            if not served.cancelled():  # served and cancelled at one moment
                self._end(party)
            raise

    def _may_run(self, party: str) -> bool:
        return self._free > (self._kept if self._running[party] else 0)

    def _begin(self, party: str) -> None:
        self._free -= 1
        self._running[party] += 1

    def _end(self, party: str) -> None:
        self._free += 1
        self._running[party] -= 1
        self._running += Counter()  # forgets who has none
        while self._serve_next():
            pass

    def _serve_next(self) -> bool:
        for party, queue in self._waiting.items():
            while queue and queue[0].done():  # gone while they waited
                queue.popleft()
            if not queue:
                del self._waiting[party]
                return True
            if self._may_run(party):
                # The one that was served last waits at the end.
                del self._waiting[party]
                served = queue.popleft()
                if queue:
                    self._waiting[party] = queue
                self._begin(party)
                served.set_result(None)
                return True
        return False
