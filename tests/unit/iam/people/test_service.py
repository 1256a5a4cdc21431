from __future__ import annotations

from typing import Any

import pytest
from keys import issue_key

from huiyan.iam.people.model import NewUser, UserChange
from huiyan.iam.tokens.lockout import NAME_FROM_ADDRESS_LIMIT
from huiyan.kernel.errors import (
    DatabaseError,
    NotFoundError,
    NotPermittedError,
    QueueFullError,
    QuotaError,
    WrongPasswordError,
)
from huiyan.kernel.ids import AccessKey, AccountId, UserId

PASSWORD = "Correct-horse7"


def test_secrets_stay_out_of_repr() -> None:
    assert PASSWORD not in repr(NewUser("a", PASSWORD))
    assert PASSWORD not in repr(UserChange(password=PASSWORD))


def test_a_key_is_issued_by_name_and_stopped(house: Any) -> None:
    house.user("alice")
    issued = issue_key(house.people, house.account_id, "alice")
    assert house.identity.directory.keys[issued.access_key].secret == issued.secret_key.encode()
    for status, usable in (("inactive", False), ("active", True)):
        house.people.keys.change(house.account_id, issued.access_key, status)
        assert (issued.access_key in house.identity.directory.keys) is usable
    issue_key(house.people, house.account_id, "alice")
    with pytest.raises(QuotaError):
        issue_key(house.people, house.account_id, "alice")


def test_a_key_for_nobody_and_nobodys_key_are_refused(house: Any) -> None:
    for account_id, user_id in (
        (house.account_id, "absent"),
        (AccountId("f" * 32), house.owner_id),
    ):
        with pytest.raises(NotFoundError):
            house.people.keys.create(account_id, user_id)
    before = house.identities.revision()
    for account_id, access in (
        (house.stranger_account_id, house.made.key.access_key),
        (house.account_id, AccessKey("ABSENT")),
    ):
        with pytest.raises(NotFoundError):
            house.people.keys.change(account_id, access, "inactive")
    assert house.identities.revision() == before


def test_an_operator_may_give_the_owner_a_password_but_not_remove_it(house: Any) -> None:
    house.people.change_user(house.account_id, house.owner_id, UserChange(password=PASSWORD))
    with pytest.raises(NotPermittedError):
        house.people.change_user(house.account_id, house.owner_id, UserChange(enabled=False))
    with pytest.raises(NotPermittedError):
        house.people.delete_user(house.account_id, house.owner_id)


def test_a_password_changed_meanwhile_is_not_overwritten(any_house: Any) -> None:
    house = any_house
    alice = house.user("alice", PASSWORD)
    repository = house.repository
    stored = repository.find_password_hash(alice.account_id, alice.id)
    repository.set_password(alice.account_id, alice.id, "new", must_change=True)
    with pytest.raises(WrongPasswordError):
        repository.set_password(
            alice.account_id, alice.id, "other", must_change=False, replacing=stored
        )
    assert repository.find_password_hash(alice.account_id, alice.id) == "new"
    assert house.epoch(alice) == 1


def test_a_renewed_hash_withdraws_nothing(any_house: Any) -> None:
    house = any_house
    alice = house.user("alice", PASSWORD)
    repository, before = house.repository, house.identities.revision()
    repository.renew_hash(alice.account_id, alice.id, "another", "wrong")
    stored = repository.find_password_hash(alice.account_id, alice.id)
    repository.renew_hash(alice.account_id, alice.id, stored, "renewed")
    assert repository.find_password_hash(alice.account_id, alice.id) == "renewed"
    assert house.epoch(alice) == 0
    assert house.identities.revision() == before


def test_a_hash_is_found_in_its_own_account_only(house: Any) -> None:
    alice = house.user("alice", PASSWORD)
    find = house.repository.find_password_hash
    assert find(alice.account_id, alice.id)
    assert find(house.stranger_account_id, alice.id) is None
    assert find(alice.account_id, UserId("absent")) is None
    with pytest.raises(NotFoundError):
        house.repository.set_password(
            house.stranger_account_id, alice.id, "stolen", must_change=False
        )


def test_another_process_sees_a_new_user_at_once(house: Any) -> None:
    other = type(house.identity)(house.identities, house.vault, house.clock)
    alice = house.user("alice")
    assert alice.id not in other.directory.users
    assert type(house.people.roster)(other).get_user(alice.account_id, alice.id) == alice


def test_a_failing_database_is_no_missing_user(house: Any) -> None:
    def fail() -> int:
        raise DatabaseError("unreachable")

    house.identities.revision = fail
    assert house.call("GET", "/v3/users").status_code == 503


def test_a_try_that_found_no_room_is_no_failure(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.people.change_user(house.account_id, house.owner_id, UserChange(password=PASSWORD))

    def full(_stored: str | None, _password: str) -> bool:
        raise QueueFullError("too many passwords are being checked")

    with monkeypatch.context() as patched:
        patched.setattr(house.hasher, "verify", full)
        for _ in range(2 * NAME_FROM_ADDRESS_LIMIT):
            with pytest.raises(QueueFullError):
                house.people.change_own_password(
                    house.account_id, house.owner_id, PASSWORD, f"{PASSWORD}-2", "192.0.2.1"
                )
    house.people.change_own_password(
        house.account_id, house.owner_id, PASSWORD, f"{PASSWORD}-2", "192.0.2.1"
    )
