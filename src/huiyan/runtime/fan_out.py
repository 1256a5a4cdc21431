"""The jobs of one request, side by side while cores are idle.

Owns: who does which job. Has no opinion on: what the jobs do, and how many requests there are at
once.

A request that finds the machine idle spreads its networks over the cores and answers sooner. One
that finds it busy does everything itself: threads that wait for a core would only slow all requests
down together.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


class FanOut:
    """Lends idle cores to requests.

    One instance serves all threads of a process.

    Parameters
    ----------
    cores : int
        How many threads may work on jobs at once before nobody gets help; at least 1.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._working = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max(1, cores - 1), thread_name_prefix="fan-out")

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Do all jobs; the calling thread works too.

        Parameters
        ----------
        jobs : sequence of callable
            Independent of each other; the longest first, so that the last to end ends early. A job
            may fan out itself.

        Returns
        -------
        list
            What each job returned, in the order given.

        Raises
        ------
        Exception
            What the first failing job, in the order given, raised; the jobs under way have ended,
            those that no thread had begun are not begun.
        """
        results: list[Future[T]] = [Future() for _ in jobs]
        waiting = deque(zip(jobs, results, strict=True))
        with self._lock:
            self._working += 1
            helpers = max(0, min(len(jobs) - 1, self._cores - self._working))
            self._working += helpers
        helping = [self._pool.submit(self._help, waiting) for _ in range(helpers)]
        try:
            _work_off(waiting)
        finally:
            with self._lock:
                self._working -= 1
            for future in helping:
                if future.cancel():
                    self._leave()
            wait(helping)
        failed = next((it for it in results if it.done() and it.exception() is not None), None)
        if failed is not None:
            failed.result()
        return [result.result() for result in results]

    def close(self) -> None:
        """End the helping threads; nothing may run any more."""
        self._pool.shutdown()

    def _help(self, waiting: deque[tuple[Callable[[], T], Future[T]]]) -> None:
        try:
            _work_off(waiting)
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._working -= 1


def _work_off(waiting: deque[tuple[Callable[[], T], Future[T]]]) -> None:
    """Do jobs until none is left; one that fails ends the rest."""
    while True:
        try:
            job, result = waiting.popleft()
        except IndexError:
            return
        try:
            result.set_result(job())
        except BaseException as error:  # noqa: BLE001 -- handed to the thread that asked
            result.set_exception(error)
            waiting.clear()
