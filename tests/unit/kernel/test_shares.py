"""The rule by which a capacity is shared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.kernel.shares import SHARE_OF_FREE, Shares


def fill(shares: Shares, party: str) -> int:
    """Let a party take one at a time as long as it may."""
    count = 0
    while shares.fits(party, 1) and count < 10_000:
        shares.take(party, 1)
        count += 1
    return count


def test_nothing_is_held_at_first() -> None:
    assert Shares(1).used == 0
    assert Shares(1).fits("a", 1)


@pytest.mark.parametrize(
    ("capacity", "alone"), [(1, 1), (2, 1), (3, 2), (9, 8), (32, 28), (64, 56), (900, 800)]
)
def test_one_party_alone_leaves_room(capacity: int, alone: int) -> None:
    shares = Shares(capacity)
    assert fill(shares, "a") == alone
    if capacity > 1:
        assert shares.fits("b", 1)


def test_what_comes_back_goes_to_those_who_hold_little() -> None:
    """One party has all it may; others come one after the other and get their part as it ends."""
    shares = Shares(64)
    fill(shares, "a")
    for party in "bcdefg":
        while not fill(shares, party):
            shares.give_back("a", 1)
            assert not shares.fits("a", 1)
    for _ in range(2000):
        for party in "abcdefg":
            if shares._held.get(party):
                shares.give_back(party, 1)
            for asking in "gfedcba":
                if shares.fits(asking, 1):
                    shares.take(asking, 1)
                    break
    held = shares._held
    assert max(held.values()) - min(held.values()) <= 2 * SHARE_OF_FREE
    assert min(held.values()) >= 1


def test_the_last_piece_is_for_one_who_holds_nothing() -> None:
    shares = Shares(2)
    shares.take("a", 1)
    assert not shares.fits("a", 1)
    assert shares.fits("b", 1)
    shares.take("b", 1)
    assert not shares.fits("c", 1)


def test_one_who_holds_much_gets_room_again_when_others_give_back() -> None:
    shares = Shares(90)
    fill(shares, "a")
    shares.take("b", 10)
    shares.give_back("a", 40)
    assert shares.fits("a", 1)
    shares.take("c", 38)
    assert not shares.fits("a", 1)
    shares.give_back("c", 38)
    assert shares.fits("a", 1)


def test_a_thing_that_is_alone_fits_however_large() -> None:
    shares = Shares(10)
    assert shares.fits("a", 1000)
    shares.take("a", 1000)
    assert shares.fits("a", 1000, own=1000)
    assert not shares.fits("b", 1)
    assert not shares.fits("a", 1)


def test_a_partys_only_thing_may_grow_into_all_that_is_free() -> None:
    shares = Shares(10)
    shares.take("a", 1)
    shares.take("b", 2)
    assert shares.fits("b", 7, own=2)
    assert not shares.fits("b", 7)
    assert not shares.fits("b", 8, own=2)


def test_nothing_more_always_leaves_things_as_they_are() -> None:
    shares = Shares(10)
    shares.take("a", 0)
    shares.give_back("a", 0)
    assert shares.used == 0
    assert shares._held == {}


@given(
    capacity=st.integers(1, 200),
    steps=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.booleans()), max_size=200),
)
def test_whatever_happens_the_capacity_holds_and_the_greedy_leave_room(
    capacity: int, steps: list[tuple[int, int, bool]]
) -> None:
    shares = Shares(capacity)
    held = dict.fromkeys(range(5), 0)
    for party, amount, gives in steps:
        if gives:
            amount = min(amount, held[party])  # noqa: PLW2901 -- what it can give
            shares.give_back(party, amount)
            held[party] -= amount
        elif shares.fits(party, amount):
            alone = shares.used == 0
            shares.take(party, amount)
            if held[party]:
                free = capacity - shares.used
                assert alone or held[party] + amount <= SHARE_OF_FREE * free
            held[party] += amount
        assert shares.used == sum(held.values())
        assert shares.used <= max(capacity, 9)
        assert set(shares._held) == {it for it, much in held.items() if much}
