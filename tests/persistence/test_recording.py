import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from migrated import open_migrated

from huiyan.kernel.errors import RecordingError
from huiyan.kernel.ids import AccountId, ProjectId, RegionId, UserId, new_request_id
from huiyan.metering.model import UseRecord
from huiyan.metering.repository import UseRepository
from huiyan.metering.service import GroupCommitMeter
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.query import Scope

AT = datetime(2026, 3, 31, 8, 15, 0, 123_000, tzinfo=UTC)
ACCOUNT = AccountId("a" * 32)


def a_use() -> UseRecord:
    return UseRecord(
        request_id=new_request_id(),
        at=AT,
        account_id=ACCOUNT,
        project_id=ProjectId("p" * 32),
        region=RegionId("cn-north-4"),
        user_id=UserId("u" * 32),
        credential_id="AK",
        interface="tagging",
        version="v2",
        succeeded=True,
        error_code=None,
        http_status=200,
        bytes_in=10_000_000_000,
        width_px=500,
        height_px=400,
        duration_ms=20,
    )


@pytest.fixture
def repository(database: Database) -> UseRepository:
    return UseRepository(database)


@pytest.fixture
def meter(repository: UseRepository) -> Iterator[GroupCommitMeter]:
    meter = GroupCommitMeter(repository)
    yield meter
    meter.close()


def test_no_use_is_an_empty_list(repository: UseRepository) -> None:
    assert repository.list_uses(Scope(ACCOUNT)) == ()
    assert repository.count_uses(Scope(ACCOUNT)) == 0


def test_what_was_recorded_is_read_back_the_same(
    repository: UseRepository, meter: GroupCommitMeter
) -> None:
    success = a_use()
    failure = replace(
        a_use(),
        at=AT + timedelta(milliseconds=1),
        succeeded=False,
        error_code="AIS.0503",
        http_status=400,
        width_px=None,
        height_px=None,
        interface="标签",
    )
    meter.record(failure)
    meter.record(success)
    assert repository.list_uses(Scope(ACCOUNT)) == (success, failure)


def test_the_same_request_is_stored_once(
    repository: UseRepository, meter: GroupCommitMeter
) -> None:
    use = a_use()
    meter.record(use)
    meter.record(replace(use, http_status=500))
    repository.append([use, use])
    assert repository.list_uses(Scope(ACCOUNT)) == (use,)


def test_a_record_that_cannot_be_stored_fails_alone(
    repository: UseRepository, meter: GroupCommitMeter
) -> None:
    bad = replace(a_use(), region=None)  # type: ignore[arg-type]
    good = [a_use() for _ in range(12)]
    failed: list[RecordingError] = []

    def record(use: UseRecord) -> None:
        try:
            meter.record(use)
        except RecordingError as error:
            failed.append(error)

    threads = [threading.Thread(target=record, args=(use,)) for use in (*good[:6], bad, *good[6:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 1
    stored = {use.request_id for use in repository.list_uses(Scope(ACCOUNT))}
    assert stored == {use.request_id for use in good}


def test_a_batch_with_a_bad_record_stores_none_of_it(repository: UseRepository) -> None:
    bad = replace(a_use(), region=None)  # type: ignore[arg-type]
    with pytest.raises(RecordingError):
        repository.append([a_use(), bad, a_use()])
    assert repository.count_uses(Scope(ACCOUNT)) == 0


def test_an_account_sees_its_own_use_only(
    repository: UseRepository, meter: GroupCommitMeter
) -> None:
    meter.record(a_use())
    meter.record(replace(a_use(), account_id=AccountId("b" * 32)))
    meter.record(replace(a_use(), project_id=ProjectId("q" * 32)))
    assert repository.count_uses(Scope(ACCOUNT)) == 2
    assert repository.count_uses(Scope(ACCOUNT, ProjectId("q" * 32))) == 1
    assert repository.count_uses(Scope(AccountId("c" * 32))) == 0


def test_a_period_holds_its_start_and_not_its_end(
    repository: UseRepository, meter: GroupCommitMeter
) -> None:
    for minutes in range(4):
        meter.record(replace(a_use(), at=AT + timedelta(minutes=minutes)))
    since, until = AT + timedelta(minutes=1), AT + timedelta(minutes=3)
    assert repository.count_uses(Scope(ACCOUNT), since, until) == 2
    listed = repository.list_uses(Scope(ACCOUNT), since, until)
    assert [use.at for use in listed] == [since, AT + timedelta(minutes=2)]
    assert len(repository.list_uses(Scope(ACCOUNT), limit=3)) == 3


def test_many_threads_lose_nothing(repository: UseRepository, meter: GroupCommitMeter) -> None:
    def record() -> None:
        for _ in range(25):
            meter.record(a_use())

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert repository.count_uses(Scope(ACCOUNT)) == 200


def test_a_full_disk_is_told_and_recording_goes_on_once_there_is_room(tmp_path: Path) -> None:
    database = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    repository = UseRepository(database)
    meter = GroupCommitMeter(repository, retry_for_s=0.1)

    def limit_pages(count: int) -> None:
        # The limit is a connection's own, and records have a connection to themselves.
        connection = repository._appender._connection
        assert connection is not None
        connection.cursor().execute(f"PRAGMA max_page_count = {count}")

    def record_until_full() -> None:
        while len(told) < 1000:
            use = a_use()
            meter.record(use)
            told.append(use.request_id)

    told: list[str] = []
    first = a_use()
    meter.record(first)
    told.append(first.request_id)
    limit_pages(1)
    with pytest.raises(RecordingError, match="free some space"):
        record_until_full()
    limit_pages(1_000_000)
    meter.record(a_use())
    meter.close()
    assert repository.count_uses(Scope(ACCOUNT)) == len(told) + 1
    database.close()


def test_connections_cut_under_load_lose_and_repeat_nothing(postgresql: Any) -> None:
    database = open_migrated(postgresql.create())
    repository = UseRepository(database)
    meter = GroupCommitMeter(repository)
    told: list[str] = []
    stopping = threading.Event()

    def record() -> None:
        while not stopping.is_set():
            use = a_use()
            meter.record(use)
            told.append(use.request_id)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    operator = open_database(str(postgresql.url("postgres")))
    for _ in range(8):
        time.sleep(0.05)
        with operator.reading() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %(name)s",
                {"name": database.engine.url.database},
            )
    stopping.set()
    for thread in threads:
        thread.join()
    meter.close()
    stored = [use.request_id for use in repository.list_uses(Scope(ACCOUNT), limit=1_000_000)]
    assert sorted(stored) == sorted(told)
    operator.close()
    database.close()
