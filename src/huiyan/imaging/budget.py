"""How much memory decoding may take, shared fairly.

Owns: who may decode something large, and when. Has no opinion on: how much a picture takes; the
formats estimate that.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from huiyan.kernel.errors import PictureSizeError
from huiyan.kernel.units import MIB_BYTES

FREE_BYTES = 16 * MIB_BYTES
"""Decodes up to this size wait for nobody: they are as many as there are compute threads."""


class MemoryBudget:
    """A weighted semaphore that serves in the order of arrival.

    A decode names all it needs at once and holds nothing while it waits, so nobody can wait for
    each other; afterwards it may give back what it does not need any more. The first in the queue
    is never overtaken by a smaller one behind it, so nobody starves.

    For work that comes from one place; pictures of many projects get memory and turn in one step
    (``recognition.turns``), within the same total.

    Parameters
    ----------
    total_bytes : int
        What the decodes that are under way may take together, in bytes; at least 1.
    """

    __slots__ = ("_free_bytes", "_lock", "_queue", "total_bytes")

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self._free_bytes = total_bytes
        self._lock = threading.Lock()
        self._queue: deque[tuple[int, threading.Event]] = deque()

    def check(self, needed_bytes: int) -> None:
        """Refuse what would not do even alone.

        Parameters
        ----------
        needed_bytes : int
            What the work takes at its peak, in bytes.

        Raises
        ------
        PictureSizeError
            The whole budget would not do.
        """
        if needed_bytes > self.total_bytes:
            raise PictureSizeError(
                f"decoding this picture would take {-(-needed_bytes // MIB_BYTES)} MiB of memory; "
                f"at most {self.total_bytes // MIB_BYTES} MiB are allowed"
            )

    @contextmanager
    def reserve(self, needed_bytes: int) -> Iterator[Callable[[int], None]]:
        """Hold a share of the budget.

        Parameters
        ----------
        needed_bytes : int
            What the work takes at its peak, in bytes; up to `FREE_BYTES` passes uncounted.

        Yields
        ------
        callable
            Once the share is there: given how many bytes are still needed, it gives back the rest.
            What is left goes back when the block ends.

        Raises
        ------
        PictureSizeError
            The whole budget would not do.
        """
        self.check(needed_bytes)
        held_bytes = needed_bytes if needed_bytes > FREE_BYTES else 0

        def keep(still_needed_bytes: int) -> None:
            nonlocal held_bytes
            left_bytes = still_needed_bytes if still_needed_bytes > FREE_BYTES else 0
            if left_bytes < held_bytes:
                self._release(held_bytes - left_bytes)
                held_bytes = left_bytes

        if held_bytes:
            self._acquire(held_bytes)
        try:
            yield keep
        finally:
            if held_bytes:
                self._release(held_bytes)

    def _acquire(self, needed_bytes: int) -> None:
        with self._lock:
            if not self._queue and needed_bytes <= self._free_bytes:
                self._free_bytes -= needed_bytes
                return
            turn = (needed_bytes, threading.Event())
            self._queue.append(turn)
        try:
            turn[1].wait()
        except BaseException:  # an interrupted wait must give its place or its share back
            with self._lock:
                was_served = turn[1].is_set()
                if not was_served:
                    self._queue.remove(turn)
                    self._serve_queue()
            if was_served:
                self._release(needed_bytes)
            raise

    def _release(self, needed_bytes: int) -> None:
        with self._lock:
            self._free_bytes += needed_bytes
            self._serve_queue()

    def _serve_queue(self) -> None:
        while self._queue and self._queue[0][0] <= self._free_bytes:
            needed_bytes, served = self._queue.popleft()
            self._free_bytes -= needed_bytes
            served.set()
