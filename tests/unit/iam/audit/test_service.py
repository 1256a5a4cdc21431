import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
from audit_entries import ACCOUNT, AT, OTHER_ACCOUNT, an_entry

from huiyan.iam.audit.model import AuditEntry, AuditPage, AuditQuery, AuditRecord
from huiyan.iam.audit.repository import AuditRepository
from huiyan.iam.audit.service import EXPORT_PAGE, AuditService
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import DatabaseError, RecordingError
from huiyan.kernel.ids import AccountId, RequestId, new_request_id
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.migration import migrate

ALL = AuditQuery()


def in_threads(count: int, deed: object) -> None:
    assert callable(deed)
    threads = [threading.Thread(target=deed) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class FlakyStore:
    """Keeps records in memory; fails at the calls told, and refuses records of one action."""

    def __init__(
        self, failing: Collection[int] = (), problem: type[BaseException] = DatabaseError
    ) -> None:
        self.failing = failing
        self.problem = problem
        self.batches: list[int] = []
        self.kept: list[AuditRecord] = []
        self.prepared = 0
        self.gate = threading.Event()
        self.gate.set()

    def wait_for(self, prepared: int) -> None:
        """Wait until so many threads have come as far as they can."""
        while self.prepared < prepared:
            time.sleep(0.01)
        time.sleep(0.1)

    def prepare(self, entry: AuditEntry) -> AuditRecord:
        self.prepared += 1
        return AuditRecord(new_request_id(), entry)

    def append(self, records: Sequence[AuditRecord]) -> None:
        self.gate.wait()
        self.batches.append(len(records))
        if len(self.batches) in self.failing:
            raise self.problem("out of order")
        if any(record.entry.action == "refused" for record in records):
            raise RecordingError("refused")
        self.kept += records

    def list_records(
        self, account_id: AccountId, query: AuditQuery, limit: int, marker: str | None = None
    ) -> AuditPage:
        raise DatabaseError(f"out of order: {account_id} {query} {limit} {marker}")


def start_after_the_first(threads: Sequence[threading.Thread], store: FlakyStore) -> None:
    """Start threads so that the first writes and the others gather."""
    threads[0].start()
    store.wait_for(1)
    for thread in threads[1:]:
        thread.start()
    store.wait_for(len(threads))


class HastyClock(SystemClock):
    """Says that a minute has gone by whenever it is asked."""

    def __init__(self) -> None:
        self._asked = 0

    def monotonic_s(self) -> float:
        self._asked += 1
        return self._asked * 60.0


def test_eight_threads_lose_and_double_nothing(service: AuditService) -> None:
    told: list[RequestId] = []

    def tell() -> None:
        for _ in range(25):
            request_id = new_request_id()
            service.record(an_entry(request_id=request_id))
            told.append(request_id)

    in_threads(8, tell)
    kept = [r.entry.request_id for r in service.entries(ACCOUNT, ALL, 1000).records]
    assert sorted(kept) == sorted(told)


def test_those_who_wait_together_share_a_transaction() -> None:
    store = FlakyStore()
    service = AuditService(store, SystemClock())
    store.gate.clear()
    threads = [threading.Thread(target=service.record, args=(an_entry(),)) for _ in range(8)]
    start_after_the_first(threads, store)
    store.gate.set()
    for thread in threads:
        thread.join()
    assert store.batches == [1, 7]


def test_a_passing_fault_is_waited_out() -> None:
    store = FlakyStore({1, 2})
    AuditService(store, SystemClock()).record(an_entry())
    assert [record.entry for record in store.kept] == [an_entry()]


def test_a_lasting_fault_is_told() -> None:
    store = FlakyStore(range(1000))
    with pytest.raises(RecordingError, match="out of order"):
        AuditService(store, HastyClock()).record(an_entry())
    assert store.batches == [1]


def test_a_record_that_is_refused_fails_alone() -> None:
    store = FlakyStore()
    service = AuditService(store, SystemClock())
    failed: list[str] = []

    def tell(action: str) -> None:
        try:
            service.record(an_entry(action=action))
        except RecordingError:
            failed.append(action)

    store.gate.clear()
    actions = ("first", "a", "refused", "b", "c")
    threads = [threading.Thread(target=tell, args=(action,)) for action in actions]
    start_after_the_first(threads, store)
    store.gate.set()
    for thread in threads:
        thread.join()
    assert failed == ["refused"]
    assert sorted(record.entry.action for record in store.kept) == ["a", "b", "c", "first"]


def test_nobody_who_shared_a_transaction_that_broke_believes_it_was_kept() -> None:
    store = FlakyStore({2}, MemoryError)
    service = AuditService(store, SystemClock())
    outcomes: list[str] = []

    def tell() -> None:
        try:
            service.record(an_entry())
        except (RecordingError, MemoryError) as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("kept")

    store.gate.clear()
    threads = [threading.Thread(target=tell) for _ in range(4)]
    start_after_the_first(threads, store)
    store.gate.set()
    for thread in threads:
        thread.join()
    assert store.batches == [1, 3]
    assert sorted(outcomes) == ["MemoryError", "RecordingError", "RecordingError", "kept"]
    service.record(an_entry())
    assert len(store.kept) == 2


def test_a_database_that_is_gone_is_a_recording_error(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'huiyan.db'}")
    service = AuditService(AuditRepository(database), HastyClock())
    with pytest.raises(RecordingError, match="audit log"):
        service.record(an_entry())
    database.close()


def test_export_reads_everything_newest_first_while_more_is_told(
    database: Database, service: AuditService
) -> None:
    repository = AuditRepository(database)
    records = [repository.prepare(an_entry()) for _ in range(2 * EXPORT_PAGE + 1)]
    repository.append(records)
    repository.append([repository.prepare(an_entry(account_id=OTHER_ACCOUNT))])
    pages = service.export(ACCOUNT, ALL)
    first = next(pages)
    service.record(an_entry(at=AT.replace(year=2030)))
    rest = list(pages)
    assert [len(page) for page in (first, *rest)] == [EXPORT_PAGE, EXPORT_PAGE, 1]
    assert [record for page in (first, *rest) for record in page] == records[::-1]


def test_export_of_nothing_is_nothing(service: AuditService) -> None:
    assert list(service.export(ACCOUNT, ALL)) == []


PROGRAM = textwrap.dedent(
    """
    import os, sys, threading
    from audit_entries import an_entry
    from huiyan.iam.audit.repository import AuditRepository
    from huiyan.iam.audit.service import AuditService
    from huiyan.kernel.clock import SystemClock
    from huiyan.kernel.ids import new_request_id
    from huiyan.persistence.database import open_database

    service = AuditService(AuditRepository(open_database(sys.argv[1])), SystemClock())

    def tell():
        while True:
            request_id = new_request_id()
            service.record(an_entry(request_id=request_id, detail={"id": request_id}))
            os.write(1, request_id.encode() + b"\\n")

    for _ in range(8):
        threading.Thread(target=tell).start()
    """
)


def test_whatever_was_told_is_whole_after_a_kill(database_url: str, service: AuditService) -> None:
    support = str(Path(sys.modules["audit_entries"].__file__ or "").parent)
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.append({support!r})\n{PROGRAM}",
            database_url,
        ],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline()]
        reading = threading.Thread(target=seen.extend, args=(process.stdout,))
        reading.start()
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        reading.join()
    told = {line.decode().strip() for line in seen if len(line) == 33}
    kept = [record.entry for page in service.export(ACCOUNT, ALL) for record in page]
    ids = {entry.request_id for entry in kept}
    assert told
    assert told <= ids
    assert len(ids) == len(kept) <= len(told) + 8
    for entry in kept:
        assert entry == an_entry(request_id=entry.request_id, detail={"id": entry.request_id})


def test_opening_the_log_again_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'huiyan.db'}"
    for _ in range(2):
        database = open_database(url)
        migrate(database)
        AuditService(AuditRepository(database), SystemClock()).record(an_entry())
        database.close()
    database = open_database(url)
    page = AuditRepository(database).list_records(ACCOUNT, ALL, 10)
    assert [record.entry for record in page.records] == [an_entry(), an_entry()]
    database.close()


class SteppingClock(SystemClock):
    """Lets time pass when told to."""

    seconds = 0.0

    def monotonic_s(self) -> float:
        return self.seconds


REFUSAL = an_entry(
    allowed=False, reason="no statement allows it", pattern="GET /v3/users", detail={}
)


def times(record: AuditRecord) -> str:
    return record.entry.detail.get("repeated", "")


def test_a_flood_of_refusals_is_two_entries_a_minute() -> None:
    store, clock = FlakyStore(), SteppingClock()
    service = AuditService(store, clock)
    for _ in range(3):
        for _ in range(500):
            service.record(REFUSAL)
        clock.seconds += 61
        service.flush()
    assert [times(record) for record in store.kept] == ["", "499"] * 3
    service.flush()
    service.close()
    assert len(store.kept) == 6


def test_closing_tells_what_was_counted() -> None:
    store = FlakyStore()
    service = AuditService(store, SteppingClock())
    service.close()
    for _ in range(3):
        service.record(REFUSAL)
    service.flush()
    assert len(store.kept) == 1
    service.close()
    assert times(store.kept[-1]) == "2"
    assert store.kept[-1].entry.reason == REFUSAL.reason


def test_a_first_refusal_that_cannot_be_told_is_a_fault_and_the_next_is_told() -> None:
    store = FlakyStore({1, 2}, RecordingError)
    service = AuditService(store, SteppingClock())
    with pytest.raises(RecordingError):
        service.record(REFUSAL)
    service.record(REFUSAL)
    assert len(store.kept) == 1


def test_counts_that_cannot_be_told_are_kept() -> None:
    store, clock = FlakyStore(), SteppingClock()
    service = AuditService(store, clock)
    for _ in range(4):
        service.record(REFUSAL)
    clock.seconds += 61
    store.failing, store.problem = {2, 3}, RecordingError
    with pytest.raises(RecordingError):
        service.flush()
    service.flush()
    assert [times(record) for record in store.kept] == ["", "3"]


def test_eight_threads_of_refusals_are_counted_exactly(service: AuditService) -> None:
    def refuse() -> None:
        for _ in range(200):
            service.record(REFUSAL)

    in_threads(8, refuse)
    service.close()
    told = [times(record) for record in service.entries(ACCOUNT, ALL, 1000).records]
    assert told == ["1599", ""]
