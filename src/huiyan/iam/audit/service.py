"""The audit log: told by everyone, read by the account it belongs to.

Owns: that an entry is durable before the deed goes on, at a cost that many callers share, when
repeated refusals are told, and how a log is read whole. Has no opinion on: how entries are stored,
and who may read them.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from huiyan.iam.audit.model import AuditEntry, AuditPage, AuditQuery, AuditRecord
from huiyan.iam.audit.repetition import Repetition, Repetitions
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import DatabaseError, RecordingError
from huiyan.kernel.ids import AccountId

RETRY_FOR_S = 2.0
EXPORT_PAGE = 500

_FIRST_PAUSE_S = 0.02


class AuditStore(Protocol):
    """Where the log is kept."""

    def prepare(self, entry: AuditEntry) -> AuditRecord:
        """Give an entry its id, and a form that every database takes."""
        ...

    def append(self, records: Sequence[AuditRecord]) -> None:
        """Store records in one transaction, or raise; those that are there are passed over.

        ``DatabaseError`` if a later try may succeed, ``RecordingError`` if not.
        """
        ...

    def list_records(
        self, account_id: AccountId, query: AuditQuery, limit: int, marker: str | None = None
    ) -> AuditPage:
        """List records of one account, newest first."""
        ...


class _Waiting:
    """A record that a thread waits for."""

    __slots__ = ("is_settled", "problem", "record")

    def __init__(self, record: AuditRecord) -> None:
        self.record = record
        self.is_settled = False
        self.problem = ""

    def settle(self, problem: str = "") -> None:
        self.problem = problem
        self.is_settled = True


class AuditService:
    """Takes entries from many threads and answers what was told.

    While one thread waits for the disk, the entries of others gather; the next of them to have its
    turn stores all that has gathered in one transaction.

    Of refusals alike (those that carry a pattern), the first is told at once. The others within a
    minute are counted in memory and told as one entry by ``flush``, which the process calls every
    second, and by ``close``: whoever is refused without end must not fill the disk. A killed
    process loses at most a minute's count.

    Parameters
    ----------
    store : AuditStore
        Where the log is kept.
    clock : Clock
        For how long a failing database is tried again, and when repeated refusals are told.
    """

    def __init__(self, store: AuditStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._gathering = threading.Lock()
        self._gathered: list[_Waiting] = []
        self._writing = threading.Lock()
        self._repetitions = Repetitions()

    def record(self, entry: AuditEntry) -> None:
        """Append an entry; durable when this returns, or counted if it is a repeated refusal.

        Parameters
        ----------
        entry : AuditEntry
            Anything; what a database cannot hold is replaced, what is too long is cut.

        Raises
        ------
        RecordingError
            It could not be made durable: then nothing must be done. It may be in the log all the
            same, if the database failed after storing it.
        """
        if not self._repetitions.is_news(entry, self._clock.monotonic_s()):
            return
        mine = _Waiting(self._store.prepare(entry))
        self._store_all((mine,))
        if mine.problem:
            self._repetitions.was_not_told(entry)
            raise _unwritten(mine)

    def flush(self) -> None:
        """Tell of the refusals that were repeated in a minute that is over.

        Raises
        ------
        RecordingError
            Some could not be told; they are kept for the next time.
        """
        self._tell_repetitions(self._repetitions.take(self._clock.monotonic_s()))

    def close(self) -> None:
        """Tell of all refusals that were repeated, as nobody will later.

        Raises
        ------
        RecordingError
            Some could not be told.
        """
        self._tell_repetitions(self._repetitions.take(math.inf))

    def entries(
        self, account_id: AccountId, query: AuditQuery, limit: int, marker: str | None = None
    ) -> AuditPage:
        """List what was told about one account, newest first.

        Parameters
        ----------
        account_id : AccountId
            Whose log.
        query : AuditQuery
            Which of it.
        limit : int
            The most that is listed.
        marker : str, optional
            Of the page before; entries told since do not shift what follows.

        Returns
        -------
        AuditPage
            The entries, and the marker of the next page.

        Raises
        ------
        InvalidParameterError
            The marker is none of ours.
        DatabaseError
            The database failed.
        """
        return self._store.list_records(account_id, query, limit, marker)

    def export(self, account_id: AccountId, query: AuditQuery) -> Iterator[tuple[AuditRecord, ...]]:
        """Read a log whole, newest first, in bounded memory and without a long transaction.

        Parameters
        ----------
        account_id : AccountId
            Whose log.
        query : AuditQuery
            Which of it.

        Yields
        ------
        tuple of AuditRecord
            Up to 500 at a time, never none; what is told meanwhile is left out.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        marker = None
        while True:
            page = self.entries(account_id, query, EXPORT_PAGE, marker)
            if page.records:
                yield page.records
            marker = page.marker
            if marker is None:
                return

    def _tell_repetitions(self, repetitions: Sequence[Repetition]) -> None:
        now = self._clock.now()
        waiting = [_Waiting(self._store.prepare(it.entry(now))) for it in repetitions]
        if waiting:
            self._store_all(waiting)
        untold = [it for it in zip(repetitions, waiting, strict=True) if it[1].problem]
        if untold:
            self._repetitions.put_back(repetition for repetition, _ in untold)
            raise _unwritten(untold[0][1])

    def _store_all(self, mine: Sequence[_Waiting]) -> None:
        with self._gathering:
            self._gathered.extend(mine)
        with self._writing:
            if not mine[-1].is_settled:
                with self._gathering:
                    batch, self._gathered = self._gathered, []
                self._settle(batch)

    def _settle(self, batch: Sequence[_Waiting]) -> None:
        deadline_s = self._clock.monotonic_s() + RETRY_FOR_S
        try:
            try:
                self._append(batch, deadline_s)
            except RecordingError:
                # One record is at fault: alone, the others go through.
                for waiting in batch:
                    try:
                        self._append((waiting,), deadline_s)
                    except RecordingError as error:
                        waiting.settle(error.detail)
        except DatabaseError as error:
            for waiting in batch:
                if not waiting.is_settled:
                    waiting.settle(error.detail)
        finally:
            # Reached with records in hand only through a fault in this program; nobody may believe
            # that such a record is there.
            for waiting in batch:
                if not waiting.is_settled:
                    waiting.settle("the writer failed")

    def _append(self, batch: Sequence[_Waiting], deadline_s: float) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                self._store.append([waiting.record for waiting in batch])
            except DatabaseError:
                if self._clock.monotonic_s() + pause_s > deadline_s:
                    raise
                time.sleep(pause_s)
                pause_s *= 2
            else:
                for waiting in batch:
                    waiting.settle()
                return


def _unwritten(waiting: _Waiting) -> RecordingError:
    return RecordingError(f"the audit log cannot be written: {waiting.problem}")
