import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from huiyan.kernel.errors import DatabaseError, RecordingError
from huiyan.kernel.ids import AccountId, ProjectId, RegionId, RequestId, UserId
from huiyan.metering.model import NullMeter, UseRecord
from huiyan.metering.service import GroupCommitMeter


def a_use(request_id: str) -> UseRecord:
    return UseRecord(
        request_id=RequestId(request_id),
        at=datetime(2026, 3, 31, tzinfo=UTC),
        account_id=AccountId("a"),
        project_id=ProjectId("p"),
        region=RegionId("r"),
        user_id=UserId("u"),
        credential_id="AK",
        interface="tagging",
        version="v2",
        succeeded=True,
        error_code=None,
        http_status=200,
        bytes_in=1,
        width_px=1,
        height_px=1,
        duration_ms=1,
    )


class Store:
    """Keeps batches in memory; fails, waits and refuses as told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.failures: list[Exception] = []
        self.refused: set[str] = set()
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    def append(self, uses: Sequence[UseRecord]) -> None:
        self.entered.set()
        assert self.open.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        ids = [use.request_id for use in uses]
        if self.refused & set(ids):
            raise RecordingError("refused")
        self.batches.append(list(ids))


def together(*tasks: Callable[[], object]) -> list[Exception | None]:
    outcomes: list[Exception | None] = [None] * len(tasks)

    def run(place: int) -> None:
        try:
            tasks[place]()
        except RecordingError as error:
            outcomes[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return outcomes


def while_writer_is_held(
    meter: GroupCommitMeter, store: Store, *ids: str
) -> list[Exception | None]:
    store.open.clear()
    first = threading.Thread(target=meter.record, args=(a_use("first"),))
    first.start()
    assert store.entered.wait(10)

    def release() -> None:
        deadline = time.monotonic() + 10
        while len(meter._gathering.uses) < len(ids) and time.monotonic() < deadline:
            time.sleep(0.001)
        store.open.set()

    outcomes = together(release, *(lambda i=i: meter.record(a_use(i)) for i in ids))
    first.join()
    return outcomes[1:]


def test_closing_a_meter_that_recorded_nothing_ends_its_thread() -> None:
    meter = GroupCommitMeter(Store())
    meter.close()
    assert not meter._writer.is_alive()


def test_a_closed_meter_refuses() -> None:
    meter = GroupCommitMeter(Store())
    meter.close()
    with pytest.raises(RecordingError, match="closed"):
        meter.record(a_use("late"))


def test_what_waits_while_the_writer_is_busy_shares_one_transaction() -> None:
    store = Store()
    meter = GroupCommitMeter(store)
    ids = [str(number) for number in range(16)]
    assert while_writer_is_held(meter, store, *ids) == [None] * 16
    meter.close()
    assert store.batches[0] == ["first"]
    assert sorted(store.batches[1]) == sorted(ids)
    assert len(store.batches) == 2


def test_one_refused_record_fails_alone() -> None:
    store = Store()
    store.refused = {"bad"}
    meter = GroupCommitMeter(store)
    outcomes = while_writer_is_held(meter, store, "a", "bad", "b")
    meter.close()
    assert [outcome is None for outcome in outcomes] == [True, False, True]
    assert {record for batch in store.batches for record in batch} == {"first", "a", "b"}


def test_a_database_that_comes_back_in_time_is_not_noticed() -> None:
    store = Store()
    store.failures = [DatabaseError("locked"), DatabaseError("locked")]
    meter = GroupCommitMeter(store)
    meter.record(a_use("a"))
    meter.close()
    assert store.batches == [["a"]]


def test_a_database_that_stays_away_is_told_and_the_meter_lives_on() -> None:
    store = Store()
    store.failures = [DatabaseError("unreachable")] * 3
    meter = GroupCommitMeter(store, retry_for_s=0.05)
    with pytest.raises(RecordingError, match="unreachable"):
        meter.record(a_use("a"))
    store.failures = []
    meter.record(a_use("b"))
    meter.close()
    assert store.batches == [["b"]]


def test_a_database_that_goes_away_half_way_through_single_records_fails_the_rest() -> None:
    class HalfWay(Store):
        calls = 0

        def append(self, uses: Sequence[UseRecord]) -> None:
            self.calls += 1
            if len(uses) > 1:
                raise RecordingError("one of them")
            if self.calls == 4:
                raise DatabaseError("gone")
            super().append(uses)

    half_way = HalfWay()
    meter = GroupCommitMeter(half_way, retry_for_s=0)
    outcomes = while_writer_is_held(meter, half_way, "a", "b", "c")
    meter.close()
    assert sum(outcome is None for outcome in outcomes) == 1


def test_closing_waits_for_what_was_taken() -> None:
    store = Store()
    meter = GroupCommitMeter(store)
    store.open.clear()
    recording = threading.Thread(target=meter.record, args=(a_use("a"),))
    recording.start()
    assert store.entered.wait(10)
    closing = threading.Thread(target=meter.close)
    closing.start()
    store.open.set()
    recording.join()
    closing.join()
    assert store.batches == [["a"]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_the_writer_leaves_nobody_waiting() -> None:
    store = Store()
    store.failures = [ZeroDivisionError()]
    meter = GroupCommitMeter(store)
    with pytest.raises(RecordingError, match="stopped"):
        meter.record(a_use("a"))
    meter._writer.join()
    with pytest.raises(RecordingError, match="closed"):
        meter.record(a_use("b"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_meter_whose_writer_ended_says_that_it_does_not_run() -> None:
    store = Store()
    meter = GroupCommitMeter(store)
    meter.record(a_use("a"))
    assert meter.is_running()
    store.failures = [ZeroDivisionError()]
    with pytest.raises(RecordingError, match="stopped"):
        meter.record(a_use("b"))
    assert not meter.is_running()
    with pytest.raises(RecordingError):
        meter.record(a_use("c"))
    meter.close()
    assert store.batches == [["a"]]


def test_a_closed_meter_does_not_run() -> None:
    meter = GroupCommitMeter(Store())
    meter.close()
    assert not meter.is_running()


def test_the_null_meter_takes_anything() -> None:
    NullMeter().record(a_use("a"))
