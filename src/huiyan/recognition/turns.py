"""Who computes and who fetches next, fairly between projects.

Owns: the turns of those that wait to compute, and the places of those that fetch. Has no opinion
on: what is done in a turn, and how many calls a project may make (``gateway.throttle``).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from huiyan.kernel.errors import QueueFullError
from huiyan.kernel.ids import ProjectId
from huiyan.kernel.shares import Shares


class Turns:
    """So many turns at once, given to waiting projects one after the other.

    A free turn goes to the waiting project that has the fewest under way; among equals, projects
    take turns, and inside a project calls go in the order of arrival. So a call whose project has
    no other waits for the turn that is under way and one of each other waiting project at most,
    however many calls those have; and projects whose pictures take long get no more of the
    machine than those whose pictures are quick. A turn passes straight from the call that ends to
    the one that is next: nobody who comes in between overtakes.

    Parameters
    ----------
    slots : int
        Turns at once, at least 1.
    """

    __slots__ = ("_free", "_lock", "_running", "_waiting")

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._lock = threading.Lock()
        self._running: dict[ProjectId, int] = {}
        # A project is in it while one of its calls waits, the one that was served last at the end.
        # While a turn is free nobody waits.
        self._waiting: dict[ProjectId, deque[threading.Lock]] = {}

    @contextmanager
    def turn(self, project_id: ProjectId) -> Iterator[None]:
        """Wait for a turn and hold it.

        Parameters
        ----------
        project_id : ProjectId
            For whom.

        Yields
        ------
        None
            Once it is the call's turn; it ends with the block.
        """
        self._take(project_id)
        try:
            yield
        finally:
            self._pass_on(project_id)

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def _take(self, project_id: ProjectId) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                self._running[project_id] = self._running.get(project_id, 0) + 1
                return
            served = threading.Lock()
            served.acquire()
            self._waiting.setdefault(project_id, deque()).append(served)
        try:
            served.acquire()
        except BaseException:  # an interrupted wait must give its place or its turn back
            with self._lock:
                was_served = served not in self._waiting.get(project_id, ())
                if not was_served:
                    self._leave_queue(project_id, served)
            if was_served:
                self._pass_on(project_id)
            raise

    def _pass_on(self, project_id: ProjectId) -> None:
        with self._lock:
            running = self._running[project_id] - 1
            if running:
                self._running[project_id] = running
            else:
                del self._running[project_id]
            if not self._waiting:
                self._free += 1
                return
            following = min(self._waiting, key=self._running_of)
            queue = self._waiting.pop(following)
            served = queue.popleft()
            if queue:
                self._waiting[following] = queue
            self._running[following] = self._running.get(following, 0) + 1
            served.release()

    def _running_of(self, project_id: ProjectId) -> int:
        return self._running.get(project_id, 0)

    def _leave_queue(self, project_id: ProjectId, served: threading.Lock) -> None:
        queue = self._waiting[project_id]
        queue.remove(served)
        if not queue:
            del self._waiting[project_id]


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
