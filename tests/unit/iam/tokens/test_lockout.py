from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.iam.tokens.lockout import (
    ADDRESS_LIMIT,
    NAME_FROM_ADDRESS_LIMIT,
    NAME_LIMIT,
    SITE_LIMIT,
    WINDOW,
    Tally,
    counters_for,
)
from huiyan.kernel.ids import AccountId

NOW = datetime(2026, 3, 31, 8, 15, tzinfo=UTC)
NONE = Tally(0, NOW, None)
ACCOUNT = AccountId("a" * 32)


def digests(name: tuple[str, ...] = ("ada",), address: str = "192.0.2.1") -> set[str]:
    return {counter.digest for counter in counters_for(ACCOUNT, name, address)}


def test_a_try_counts_for_the_name_here_the_name_anywhere_and_the_address() -> None:
    counters = counters_for(ACCOUNT, ("ada",), "192.0.2.1")
    assert sorted((c.kind, c.limit, c.account_id) for c in counters) == [
        ("address", ADDRESS_LIMIT, ""),
        ("user", NAME_FROM_ADDRESS_LIMIT, ACCOUNT),
        ("user", NAME_LIMIT, ACCOUNT),
    ]


def test_an_unknown_address_is_not_counted_by_itself() -> None:
    assert {c.kind for c in counters_for(ACCOUNT, ("ada",), "")} == {"user"}


def test_an_ipv6_address_counts_for_its_network_and_its_site() -> None:
    def addresses(address: str) -> dict[int, str]:
        counters = counters_for(ACCOUNT, ("ada",), address)
        return {c.limit: c.digest for c in counters if c.kind == "address"}

    here = addresses("2001:db8:1:1::1")
    neighbour, stranger = addresses("2001:db8:1:2::1"), addresses("2001:db8:2:1::1")
    assert set(here) == {ADDRESS_LIMIT, SITE_LIMIT}
    assert here[SITE_LIMIT] == neighbour[SITE_LIMIT] != stranger[SITE_LIMIT]
    assert here[ADDRESS_LIMIT] != neighbour[ADDRESS_LIMIT]


def test_only_the_count_of_a_name_from_everywhere_spares_usual_addresses() -> None:
    counters = counters_for(ACCOUNT, ("ada",), "192.0.2.1")
    assert [c.limit for c in counters if c.familiar_digest] == [NAME_LIMIT]
    assert not any(c.familiar_digest for c in counters_for(ACCOUNT, ("ada",), ""))
    assert not {c.familiar_digest for c in counters if c.familiar_digest} & digests()


@pytest.mark.parametrize(
    ("address", "shared"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:192.168.0.1", "192.168.0.1"),
        ("100.64.0.1", "100.64.0.1"),
        ("fd00::1", "fd00::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("203.0.113.1", ""),
        ("2001:db8::1", ""),
        ("no address", ""),
    ],
)
def test_addresses_of_inside_networks_may_be_a_proxys(address: str, shared: str) -> None:
    counters = counters_for(ACCOUNT, ("ada",), address)
    assert {c.shared_address for c in counters if c.kind == "address"} == (
        {shared} if ":" not in address or "ffff" in address else {shared, ""}
    )


def test_names_and_addresses_are_kept_as_digests_only() -> None:
    told = repr(counters_for(ACCOUNT, ("ada",), "192.0.2.1"))
    assert "ada" not in told.replace(ACCOUNT, "")
    assert "192.0.2.1" not in told


def test_another_name_from_the_same_address_shares_only_the_address() -> None:
    assert len(digests() & digests(("bob",))) == 1


def test_the_same_name_from_another_address_shares_only_the_name() -> None:
    assert len(digests() & digests(address="192.0.2.2")) == 1


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:0::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("not an address", "another", False),
    ],
)
def test_one_party_is_one_address(one: str, two: str, *, same: bool) -> None:
    assert (digests(address=one) == digests(address=two)) is same


def test_parts_of_a_name_cannot_be_shifted() -> None:
    assert not digests(("ab", "c"), "") & digests(("a", "bc"), "")


def test_the_order_is_always_the_same_so_that_nobody_waits_in_a_circle() -> None:
    counters = counters_for(ACCOUNT, ("ada",), "192.0.2.1")
    assert list(counters) == sorted(counters, key=lambda c: (c.kind, c.digest))


def test_the_last_failure_allowed_locks() -> None:
    tally = NONE
    for _ in range(4):
        tally = tally.with_failure(5, NOW)
        assert not tally.is_locked(NOW)
    tally = tally.with_failure(5, NOW)
    assert tally.is_locked(NOW)
    assert tally.is_locked(NOW + WINDOW - timedelta(microseconds=1))
    assert not tally.is_locked(NOW + WINDOW)


def test_failures_further_apart_than_the_window_do_not_add_up() -> None:
    tally = NONE
    for number in range(20):
        tally = tally.with_failure(5, NOW + number * WINDOW / 4)
        assert not tally.is_locked(NOW + number * WINDOW / 4)


def test_counting_begins_anew_after_a_lock() -> None:
    locked = Tally(5, NOW, NOW + WINDOW)
    assert locked.with_failure(5, NOW + WINDOW) == Tally(1, NOW + WINDOW, None)


def test_failures_during_a_lock_do_not_lengthen_it() -> None:
    locked = Tally(100, NOW, NOW + WINDOW)
    later = locked.with_failure(100, NOW + WINDOW / 2)
    assert later == Tally(101, NOW, NOW + WINDOW)
    assert later.without_failure(100) == locked


def test_taking_the_locking_failure_back_unlocks() -> None:
    locked = Tally(4, NOW, None).with_failure(5, NOW)
    assert locked.without_failure(5) == Tally(4, NOW, None)


def test_taking_one_back_leaves_the_lock_of_others() -> None:
    assert Tally(6, NOW, NOW + WINDOW).without_failure(5).is_locked(NOW)
    assert Tally(0, NOW, None).without_failure(5) == NONE


@given(st.lists(st.integers(0, 2000), max_size=40))
def test_no_window_ever_sees_more_tries_than_twice_the_limit(gaps_s: list[int]) -> None:
    """Two adjoining windows are the worst case of windows that begin with the first failure."""
    tally, now, tried = NONE, NOW, []
    for gap_s in gaps_s:
        now += timedelta(seconds=gap_s)
        if not tally.is_locked(now):
            tally = tally.with_failure(5, now)
            tried.append(now)
    for start in tried:
        assert sum(start <= at < start + WINDOW for at in tried) < 10
