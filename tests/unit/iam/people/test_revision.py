"""What changes nothing makes no process read the accounts anew."""

from __future__ import annotations

from typing import Any

from huiyan.iam.people.model import UserChange


def test_only_a_change_of_values_raises_the_revision(any_house: Any) -> None:
    house, people = any_house, any_house.people
    account_id, user = house.account_id, house.user("alice", "Correct-horse7")
    group = people.groups.create(account_id, "readers", "who read")
    people.groups.add_member(account_id, group.id, user.id)
    stored, _issued = people.keys.create(account_id, user.id)
    key = stored.access_key
    before = house.identities.revision()
    same = UserChange(name="alice", enabled=True, description="", email="")
    assert people.change_user(account_id, user.id, same).name == "alice"
    people.change_user(account_id, user.id, UserChange())
    people.groups.change(account_id, group.id)
    assert people.groups.change(account_id, group.id, "readers", "who read") == group
    people.groups.add_member(account_id, group.id, user.id)
    people.keys.change(account_id, key, "active")
    told = people.keys.change(account_id, key, description="for the printer")
    assert told.description == "for the printer"
    assert house.identities.revision() == before
    for number, change in enumerate(
        (
            lambda: people.change_user(account_id, user.id, UserChange(description="new")),
            lambda: people.groups.change(account_id, group.id, description="new"),
            lambda: people.keys.change(account_id, key, "inactive"),
            lambda: people.groups.remove_member(account_id, group.id, user.id),
        ),
        1,
    ):
        change()
        assert house.identities.revision() == before + number


def test_the_same_status_withdraws_no_token(house: Any) -> None:
    user = house.user("alice", "Correct-horse7")
    house.people.change_user(house.account_id, user.id, UserChange(enabled=True))
    assert house.epoch(user) == 0
