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
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Run:
    """The jobs of one call of `FanOut.run`."""

    root: object
    waiting: deque[tuple[Callable[[], Any], Future[Any]]]
    under_way: int = 0


class _Here(threading.local):
    """Whose job this thread is doing; None outside of any."""

    root: object = None


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
        self._changed = threading.Condition()
        self._here = _Here()
        self._runs: list[_Run] = []
        self._pool = ThreadPoolExecutor(max(1, cores - 1), thread_name_prefix="fan-out")

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Do all jobs; the calling thread works too.

        Parameters
        ----------
        jobs : sequence of callable
            Independent of each other; the longest first, so that the last to end ends early. A job
            may fan out itself: threads that run out of jobs help with its parts.

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
        outer = self._here.root
        own = _Run(object() if outer is None else outer, deque(zip(jobs, results, strict=True)))
        with self._changed:
            self._runs.append(own)
            # A thread that fans out again is counted already.
            self._working += outer is None
            helpers = max(0, min(len(jobs) - 1, self._cores - self._working))
            self._working += helpers
            self._changed.notify_all()
        try:
            for _ in range(helpers):
                self._call_helper()
            self._finish(own)
        finally:
            with self._changed:
                own.waiting.clear()
                self._changed.wait_for(lambda: not own.under_way)
                self._runs.remove(own)
                self._working -= outer is None
        failed = next((it for it in results if it.done() and it.exception() is not None), None)
        if failed is not None:
            failed.result()
        return [result.result() for result in results]

    def close(self) -> None:
        """End the helping threads; nothing may run any more."""
        self._pool.shutdown()

    def _call_helper(self) -> None:
        """Send for one more thread; where there is none to be had, those there are do it all."""
        try:
            self._pool.submit(self._help)
        except RuntimeError:
            with self._changed:
                self._working -= 1

    def _finish(self, own: _Run) -> None:
        """Work until a run's jobs have ended; on parts of them while others do the rest."""
        while True:
            with self._changed:
                run = own if own.waiting else self._find(own.root)
                while run is None and own.under_way:
                    self._changed.wait()
                    run = self._find(own.root)
                if run is None or not (own.waiting or own.under_way):
                    return
                job, result = self._begin(run)
            self._do(run, job, result)

    def _help(self) -> None:
        """Work on whatever waits, until nothing does."""
        while True:
            with self._changed:
                run = self._find(None)
                if run is None:
                    self._working -= 1
                    self._changed.notify_all()
                    return
                job, result = self._begin(run)
            self._do(run, job, result)

    def _find(self, root: object) -> _Run | None:
        """Find the newest run with a job that nobody has begun, of one request or of any."""
        found = (it for it in reversed(self._runs) if it.waiting and root in {None, it.root})
        return next(found, None)

    @staticmethod
    def _begin(run: _Run) -> tuple[Callable[[], Any], Future[Any]]:
        run.under_way += 1
        return run.waiting.popleft()

    def _do(self, run: _Run, job: Callable[[], Any], result: Future[Any]) -> None:
        outer, self._here.root = self._here.root, run.root
        try:
            result.set_result(job())
        except BaseException as error:  # noqa: BLE001 -- handed to the thread that asked
            result.set_exception(error)
            with self._changed:
                run.waiting.clear()
        finally:
            self._here.root = outer
            with self._changed:
                run.under_way -= 1
                self._changed.notify_all()
