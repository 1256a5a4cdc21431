"""Many at once, on either database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from huiyan.kernel.errors import ConflictError, HuiyanError, NotFoundError, QuotaError

THREADS = 8


def at_once(*deeds: Callable[[], object]) -> Counter[str]:
    """Do all at once; tell how each ended."""
    ended: Counter[str] = Counter()
    barrier, lock = threading.Barrier(len(deeds)), threading.Lock()

    def run(deed: Callable[[], object]) -> None:
        barrier.wait(10)
        try:
            deed()
            end = "done"
        except HuiyanError as error:
            end = type(error).__name__
        with lock:
            ended[end] += 1

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return ended


def test_of_many_who_make_the_same_name_one_does(any_house: Any) -> None:
    house = any_house
    ended = at_once(*[lambda: house.user("alice", "Correct-horse7")] * THREADS)
    assert ended == {"done": 1, ConflictError.__name__: THREADS - 1}
    create = house.people.groups.create
    ended = at_once(*[lambda: create(house.account_id, "staff")] * THREADS)
    assert ended == {"done": 1, ConflictError.__name__: THREADS - 1}


def test_of_many_who_make_the_last_keys_two_do(any_house: Any) -> None:
    house = any_house
    alice = house.user("alice")
    ended = at_once(*[lambda: house.people.keys.create(house.account_id, alice.id)] * THREADS)
    assert ended == {"done": 2, QuotaError.__name__: THREADS - 2}
    assert len(house.people.keys.keys_of(house.account_id, alice.id)) == 2


def test_many_who_put_the_same_user_in_all_find_it_done(any_house: Any) -> None:
    house = any_house
    alice, group = house.user("alice"), house.people.groups.create(house.account_id, "staff")
    groups = house.people.groups
    ended = at_once(*[lambda: groups.add_member(house.account_id, group.id, alice.id)] * THREADS)
    assert ended == {"done": THREADS}
    assert groups.roster.members(house.account_id, group.id) == (alice,)


def test_a_user_removed_meanwhile_leaves_nothing_behind(any_house: Any) -> None:
    house = any_house
    group = house.people.groups.create(house.account_id, "staff")
    for turn in range(3):
        alice = house.user(f"alice {turn}")
        deeds = [
            lambda alice=alice: house.people.delete_user(house.account_id, alice.id),
            lambda alice=alice: house.people.keys.create(house.account_id, alice.id),
            lambda alice=alice: house.people.groups.add_member(
                house.account_id, group.id, alice.id
            ),
        ] * 2
        ended = at_once(*deeds)
        assert set(ended) <= {"done", NotFoundError.__name__}
        assert ended["done"] >= 1
    directory = house.people.roster.directory()
    assert directory.memberships == {}
    assert {key.principal.user_name for key in directory.keys.values()} == {"admin"}


def test_a_group_removed_meanwhile_leaves_nothing_behind(any_house: Any) -> None:
    house = any_house
    alice = house.user("alice")
    group = house.people.groups.create(house.account_id, "staff")
    ended = at_once(
        *[lambda: house.people.groups.delete(house.account_id, group.id)] * 2,
        *[lambda: house.people.groups.add_member(house.account_id, group.id, alice.id)] * 4,
        *[lambda: house.people.groups.change(house.account_id, group.id, "renamed")] * 2,
    )
    assert set(ended) <= {"done", NotFoundError.__name__}
    assert house.people.roster.directory().memberships == {}


def test_status_changes_at_once_each_raise_the_epoch_or_not_at_all(any_house: Any) -> None:
    house = any_house
    alice = house.user("alice")
    change = {"user": {"enabled": False}}
    at_once(*[lambda: house.call("PATCH", f"/v3/users/{alice.id}", change)] * 4)
    assert house.epoch(alice) == 1


def test_of_many_who_make_the_last_user_one_does(
    any_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.iam.people.repository.MAX_USERS", 3)
    house = any_house
    house.user("first")
    ended = at_once(*[lambda name=f"user{n}": house.user(name) for n in range(4)])
    assert ended == Counter({"done": 1, QuotaError.__name__: 3})
    assert house.user("elsewhere", account_id=house.stranger_account_id)


def test_of_many_who_make_the_last_group_one_does(
    any_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.iam.people.groups.repository.MAX_GROUPS", 2)
    house = any_house
    create = house.people.groups.create
    create(house.account_id, "first")
    ended = at_once(*[lambda name=f"group{n}": create(house.account_id, name) for n in range(4)])
    assert ended == Counter({"done": 1, QuotaError.__name__: 3})
    assert create(house.stranger_account_id, "elsewhere")
