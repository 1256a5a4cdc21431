import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from migrated import open_migrated
from postgresql_server import PostgresqlServer, serve_postgresql
from structlog.testing import capture_logs

from huiyan.iam.tokens.lockout import (
    ADDRESS_LIMIT,
    FAMILIAR_FOR,
    NAME_FROM_ADDRESS_LIMIT,
    NAME_LIMIT,
    SITE_LIMIT,
    WINDOW,
    counters_for,
)
from huiyan.iam.tokens.repository import LockoutRepository
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database
from huiyan.persistence.query import select_everywhere
from huiyan.persistence.schema import LOGIN_FAILURE


def rows(house: Any) -> list[Any]:
    with house.database.reading() as connection:
        return list(connection.execute(select_everywhere("a test", LOGIN_FAILURE)))


def counters(house: Any, name: str = "ada", address: str = "192.0.2.1") -> Any:
    return counters_for(house.account.id, (name,), address)


def reserve(house: Any, name: str = "ada", address: str = "192.0.2.1") -> bool:
    """Whether the try would be looked at."""
    return house.lockouts.reserve(counters(house, name, address), house.clock.now()) is None


def test_a_name_is_locked_after_five_failures_for_fifteen_minutes(house: Any) -> None:
    assert [reserve(house) for _ in range(7)] == [True] * NAME_FROM_ADDRESS_LIMIT + [False] * 2
    house.clock.instant += WINDOW - timedelta(milliseconds=1)
    assert not reserve(house)
    house.clock.instant += timedelta(milliseconds=1)
    assert reserve(house)


def test_nobody_is_locked_out_from_elsewhere(house: Any) -> None:
    for _ in range(50):
        reserve(house, address="192.0.2.66")
    assert reserve(house, address="192.0.2.1")


def test_tries_at_a_locked_name_do_not_lengthen_the_lock(house: Any) -> None:
    for _ in range(5):
        reserve(house)
    for _ in range(14):
        house.clock.move(minutes=1)
        assert not reserve(house)
    house.clock.move(minutes=1)
    assert reserve(house)


def test_an_address_is_locked_after_twenty_failures_at_any_names(house: Any) -> None:
    looked_at = [reserve(house, name=f"user{number}") for number in range(25)]
    assert looked_at == [True] * ADDRESS_LIMIT + [False] * 5
    assert reserve(house, "ada", "192.0.2.2")


def test_a_name_is_locked_everywhere_after_a_hundred_failures_from_anywhere(house: Any) -> None:
    looked_at = sum(reserve(house, address=f"198.51.100.{number // 4}") for number in range(120))
    assert looked_at == NAME_LIMIT
    assert not reserve(house, address="203.0.113.9")
    assert reserve(house, "bob", "203.0.113.9")


def test_a_right_password_wipes_out_what_was_counted_for_the_name_here(house: Any) -> None:
    for _ in range(5):
        assert reserve(house)
    house.lockouts.forgive(counters(house))
    assert [reserve(house) for _ in range(6)] == [True] * 5 + [False]


def test_right_passwords_leave_nothing_but_that_the_address_is_a_usual_one(house: Any) -> None:
    for _ in range(60):
        assert reserve(house)
        house.lockouts.forgive(counters(house))
    assert [row.failures for row in rows(house)] == [0]


def lock_everywhere(house: Any, name: str = "ada") -> None:
    for number in range(NAME_LIMIT):
        assert reserve(house, name, f"198.51.100.{number // 4}")


def log_in(house: Any, address: str = "192.0.2.1") -> None:
    assert reserve(house, address=address)
    house.lockouts.forgive(counters(house, address=address))


@pytest.mark.parametrize(
    ("usual", "now"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:1::1", "2001:db8:1:2::1")],
)
def test_many_addresses_keep_nobody_out_of_the_usual_one(house: Any, usual: str, now: str) -> None:
    log_in(house, usual)
    lock_everywhere(house)
    assert not reserve(house, address="203.0.113.9")
    log_in(house, now)
    for _ in range(NAME_FROM_ADDRESS_LIMIT):
        assert reserve(house, address=now)
    assert not reserve(house, address=now)
    assert not reserve(house, address="203.0.113.9")
    house.clock.instant += WINDOW
    assert reserve(house, address="203.0.113.9")


def test_a_usual_address_is_usual_for_one_name_only(house: Any) -> None:
    log_in(house)
    lock_everywhere(house, "bob")
    assert not reserve(house, "bob")


def test_an_address_is_usual_for_thirty_days_after_the_last_right_password(house: Any) -> None:
    log_in(house)
    house.clock.instant += FAMILIAR_FOR - WINDOW
    log_in(house)
    house.clock.instant += FAMILIAR_FOR - WINDOW
    lock_everywhere(house)
    assert reserve(house)
    house.clock.instant += 2 * WINDOW
    lock_everywhere(house)
    assert not reserve(house)
    assert 0 not in {row.failures for row in rows(house)}


def test_a_try_that_was_not_looked_at_makes_no_address_usual(house: Any) -> None:
    assert reserve(house)
    house.lockouts.take_back(counters(house))
    assert rows(house) == []


def test_the_end_of_lock_outs_leaves_usual_addresses(house: Any) -> None:
    log_in(house)
    lock_everywhere(house)
    house.lockouts.clear(house.account.id)
    assert [row.failures for row in rows(house)] == [0]
    lock_everywhere(house)
    log_in(house)


def test_a_site_of_ipv6_gets_forty_tries_however_many_networks_it_has(house: Any) -> None:
    looked_at = [reserve(house, address=f"2001:db8:1:{number:x}::1") for number in range(64)]
    assert looked_at == [True] * SITE_LIMIT + [False] * 24
    assert reserve(house, address="2001:db8:2::1")


def test_a_locked_address_of_an_inside_network_is_logged_once(house: Any) -> None:
    with capture_logs() as logs:
        for number in range(ADDRESS_LIMIT + 5):
            reserve(house, f"user{number}", "203.0.113.9")
            reserve(house, f"user{number}", "10.0.0.7")
    assert logs == [
        {"event": "lockout_shared_address", "log_level": "warning", "address": "10.0.0.7"}
    ]


def test_a_right_password_takes_back_only_its_own_try_from_the_address(house: Any) -> None:
    for number in range(ADDRESS_LIMIT - 1):
        assert reserve(house, f"user{number}")
    assert reserve(house)
    house.lockouts.forgive(counters(house))
    assert reserve(house, "another")
    assert not reserve(house, "a third")


def test_forgiving_what_was_never_counted_does_nothing(house: Any) -> None:
    house.lockouts.forgive(counters(house))
    assert rows(house) == []


def test_names_of_unknown_accounts_are_counted_alike(house: Any) -> None:
    unknown = counters_for(AccountId(""), ("nowhere", "ada"), "")
    now = house.clock.now()
    tried = [house.lockouts.reserve(unknown, now) is None for _ in range(6)]
    assert tried == [True] * 5 + [False]


def test_only_digests_are_stored(house: Any) -> None:
    reserve(house)
    for row in rows(house):
        assert "ada" not in str(row.digest)
        assert len(row.digest) == 64


def test_rows_whose_time_is_over_are_removed(house: Any) -> None:
    for number in range(15):
        reserve(house, f"user{number}", f"198.51.100.{number}")
    assert len(rows(house)) == 45
    house.clock.move(minutes=16)
    reserve(house)
    assert len(rows(house)) == 3


def test_locked_rows_are_kept_until_their_lock_is_over(house: Any) -> None:
    for _ in range(4):
        reserve(house)
    house.clock.move(minutes=14)
    reserve(house)
    house.clock.move(minutes=10)
    reserve(house, "bob", "192.0.2.9")
    assert not reserve(house)


@pytest.mark.parametrize("names", [1, 16])
def test_sixteen_threads_get_no_more_looks_than_the_limit(house: Any, names: int) -> None:
    looked_at, lock, ready = [0], threading.Lock(), threading.Barrier(16)

    def guess(number: int) -> None:
        ready.wait()
        for _ in range(3):
            if reserve(house, f"user{number % names}"):
                with lock:
                    looked_at[0] += 1

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert looked_at == [NAME_FROM_ADDRESS_LIMIT if names == 1 else ADDRESS_LIMIT]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer]:
    yield from serve_postgresql()


@pytest.fixture
def served(postgresql: PostgresqlServer) -> Iterator[Database]:
    database = open_migrated(postgresql.create_schema())
    yield database
    database.close()


def test_on_postgresql_threads_get_no_more_looks_and_never_wait_in_a_circle(
    served: Database,
) -> None:
    lockouts, now = LockoutRepository(served), datetime(2026, 3, 31, 8, 15, tzinfo=UTC)
    looked_at: Counter[tuple[str, str, datetime]] = Counter()
    lock, failed, ready = threading.Lock(), list[Exception](), threading.Barrier(8)

    def guess(number: int) -> None:
        ready.wait()
        try:
            for attempt in range(24):
                if attempt == 12:
                    ready.wait()
                # Names and addresses cross, rows run out and are swept, some tries are forgiven.
                name, address = f"user{(number + attempt) % 4}", f"192.0.2.{attempt % 3}"
                counted = counters_for(AccountId("a" * 32), (name,), address)
                at = now + (WINDOW if attempt >= 12 else timedelta())
                if lockouts.reserve(counted, at) is None:
                    with lock:
                        looked_at[name, address, at] += 1
                    if attempt >= 12 and number < 4:
                        lockouts.forgive(counted)
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failed.append(error)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    before = [count for (_name, _address, at), count in looked_at.items() if at == now]
    assert before
    assert max(before) == NAME_FROM_ADDRESS_LIMIT
