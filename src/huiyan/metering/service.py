"""Making use durable before the reply leaves, many records at a time.

Owns: the writer thread, who waits for what, and for how long a failed write is tried again. Has no
opinion on: how records are stored and what they are for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from huiyan.kernel.errors import DatabaseError, RecordingError
from huiyan.metering.model import UseRecord

RETRY_FOR_S = 10.0

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0


class UseStore(Protocol):
    """Where the meter puts records."""

    def append(self, uses: Sequence[UseRecord]) -> None:
        """Store records in one transaction, or raise.

        ``DatabaseError`` if a later try may succeed, ``RecordingError`` if not.
        """
        ...


class _Batch:
    """Records that become durable together, and what their threads wait for."""

    __slots__ = ("done", "failures", "uses")

    def __init__(self) -> None:
        self.uses: list[UseRecord] = []
        self.failures: dict[int, RecordingError] = {}
        self.done = threading.Event()

    def fail_from(self, place: int, reason: str) -> None:
        for lost in range(place, len(self.uses)):
            self.failures[lost] = RecordingError(reason)


class GroupCommitMeter:
    """Records use through one writer thread.

    While the writer waits for the disk, further records gather; they share the next transaction, so
    that a commit's cost is shared by as many callers as wait at once. A batch never holds more
    records than there are threads waiting.

    Parameters
    ----------
    store : UseStore
        Where records go.
    retry_for_s : float, default 10
        For how long a failing database is tried again before the waiting calls are told.
    """

    def __init__(self, store: UseStore, retry_for_s: float = RETRY_FOR_S) -> None:
        self._store = store
        self._retry_for_s = retry_for_s
        self._changed = threading.Condition()
        self._gathering = _Batch()
        self._closing = False
        self._writer = threading.Thread(target=self._write, name="huiyan-meter", daemon=True)
        self._writer.start()

    def record(self, use: UseRecord) -> None:
        """Record one use; durable when this returns.

        Parameters
        ----------
        use : UseRecord
            The record.

        Raises
        ------
        RecordingError
            It could not be made durable, or the meter is closed.
        """
        with self._changed:
            if self._closing:
                raise RecordingError("the meter is closed")
            batch = self._gathering
            place = len(batch.uses)
            batch.uses.append(use)
            if place == 0:
                self._changed.notify()
        batch.done.wait()
        failure = batch.failures.get(place)
        if failure is not None:
            raise failure

    def is_running(self) -> bool:
        """Tell whether records are taken.

        Returns
        -------
        bool
            False once closed, or once the writer ended through a fault in this program.
        """
        return not self._closing and self._writer.is_alive()

    def close(self) -> None:
        """Take no more records, and return when those taken are settled."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join()

    def _write(self) -> None:
        batch = _Batch()
        try:
            while True:
                with self._changed:
                    while not self._gathering.uses and not self._closing:
                        self._changed.wait()
                    batch, self._gathering = self._gathering, _Batch()
                if not batch.uses:
                    return
                self._settle(batch)
                batch.done.set()
        finally:
            # Reached with records in hand only through a fault in this program; nobody may wait
            # for ever, and nobody may believe that the record is there.
            with self._changed:
                self._closing = True
            for left in (batch, self._gathering):
                if not left.done.is_set():
                    left.fail_from(0, "the meter has stopped")
                    left.done.set()

    def _settle(self, batch: _Batch) -> None:
        deadline_s = time.monotonic() + self._retry_for_s
        place = 0
        try:
            try:
                self._append(batch.uses, deadline_s)
            except RecordingError:
                # One record is at fault: alone, the others go through.
                for place, use in enumerate(batch.uses):
                    try:
                        self._append((use,), deadline_s)
                    except RecordingError as error:
                        batch.failures[place] = error
        except DatabaseError as error:
            batch.fail_from(place, error.detail)

    def _append(self, uses: Sequence[UseRecord], deadline_s: float) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                self._store.append(uses)
            except DatabaseError:
                if time.monotonic() + pause_s > deadline_s:
                    raise
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                return
