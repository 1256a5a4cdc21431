"""Nobody takes over the owner, and no narrow credential makes itself a wide one."""

from __future__ import annotations

from typing import Any

import pytest

KEYS = "/v3.0/OS-CREDENTIAL/credentials"
NEWER = "/v3.0/OS-USER/users"
PASSWORD = "Correct-horse7"


def attacks(user_id: str, access: str) -> list[tuple[str, str, object]]:
    """Every call by which someone could come to act as a user, or keep the user from acting."""
    user, newer = f"/v3/users/{user_id}", f"{NEWER}/{user_id}"
    wishes: list[dict[str, object]] = [
        {"password": "Another-1"},
        {"enabled": False},
        {"name": "x"},
        {"access_mode": "console"},
        {"pwd_status": False},
    ]
    changes = [
        (method, path, {"user": wish})
        for wish in wishes
        for method, path in (("PATCH", user), ("PUT", newer))
    ]
    return [
        *changes,
        ("PUT", f"{newer}/info", {"user": {"email": "x@y"}}),
        ("POST", f"{user}/password", {
            "user": {"original_password": PASSWORD, "password": "Another-1"}}),
        ("DELETE", user, None),
        ("POST", KEYS, {"credential": {"user_id": user_id}}),
        ("PUT", f"{KEYS}/{access}", {"credential": {"status": "inactive"}}),
        ("PUT", f"{KEYS}/{access}", {"credential": {"description": "x"}}),
        ("DELETE", f"{KEYS}/{access}", None),
    ]  # fmt: skip


def test_a_security_administrator_cannot_take_over_the_owner(house: Any) -> None:
    administrator = house.administrator()
    owner = house.people.roster.get_user(house.account_id, house.owner_id)
    before = house.identities.revision()
    for method, path, wish in attacks(house.owner_id, house.made.key.access_key):
        answer = house.call(method, path, wish, by=administrator.id)
        assert answer.status_code == 403, (method, path, wish)
        assert "not authorized" in answer.text
    assert house.identities.revision() == before
    assert house.people.roster.get_user(house.account_id, house.owner_id) == owner


def test_who_acts_for_an_agency_is_not_taken_for_the_owner(house: Any) -> None:
    headers = {"x-agency": "a" * 32}
    for method, path, wish in attacks(house.owner_id, house.made.key.access_key):
        with_agency = house.call(method, path, wish, headers=headers)
        assert with_agency.status_code == 403, (method, path)


def test_the_owner_manages_itself_but_stays(house: Any) -> None:
    path = f"/v3/users/{house.owner_id}"
    assert house.call("DELETE", path).status_code == 403
    for method, to in (("PATCH", path), ("PUT", f"{NEWER}/{house.owner_id}")):
        assert house.call(method, to, {"user": {"enabled": False}}).status_code == 403
        assert house.call(method, to, {"user": {"enabled": True}}).status_code == 200
    change = {"user": {"password": PASSWORD, "name": "chief", "is_domain_owner": False}}
    assert house.call("PATCH", path, change).status_code == 200
    owner = house.people.roster.get_user(house.account_id, house.owner_id)
    assert (owner.name, owner.is_owner, owner.enabled) == ("chief", True, True)
    made = house.call("POST", KEYS, {"credential": {"user_id": house.owner_id}})
    assert made.status_code == 201


@pytest.mark.parametrize("narrowed", ["image:*:*", "iam:users:getUser"])
def test_a_narrowed_key_cannot_make_itself_a_wide_one(house: Any, narrowed: str) -> None:
    alice = house.user("alice", PASSWORD)
    access = house.people.issue_key(house.account_id, "alice").access_key
    for user_id, key in ((alice.id, access), (house.owner_id, house.made.key.access_key)):
        for method, path, wish in attacks(user_id, key):
            answer = house.call(method, path, wish, by=user_id, headers={"x-narrowed": narrowed})
            assert answer.status_code == 403, (method, path)


def test_a_key_narrowed_to_keys_may_still_do_that(house: Any) -> None:
    headers = {"x-narrowed": "iam:credentials:*"}
    wish = {"credential": {"user_id": house.owner_id}}
    assert house.call("POST", KEYS, wish, headers=headers).status_code == 201
    alice = house.user("alice")
    wish = {"credential": {"user_id": alice.id}}
    assert house.call("POST", KEYS, wish, by=alice.id, headers=headers).status_code == 403


def test_another_account_reaches_nothing_with_our_ids(house: Any) -> None:
    alice = house.user("alice", PASSWORD)
    access = house.people.issue_key(house.account_id, "alice").access_key
    group = house.people.groups.create(house.account_id, "staff")
    house.people.groups.add_member(house.account_id, group.id, alice.id)
    own = house.people.groups.create(house.stranger_account_id, "own")
    before = house.identities.revision()
    for method, path, wish in (
        *attacks(alice.id, access),
        ("GET", f"/v3/users/{alice.id}", None),
        ("GET", f"{NEWER}/{alice.id}", None),
        ("GET", f"/v3/users/{alice.id}/groups", None),
        ("GET", f"{KEYS}/{access}", None),
        ("GET", f"{KEYS}?user_id={alice.id}", None),
        ("GET", f"/v3/groups/{group.id}", None),
        ("PATCH", f"/v3/groups/{group.id}", {"group": {"name": "x"}}),
        ("DELETE", f"/v3/groups/{group.id}", None),
        ("GET", f"/v3/groups/{group.id}/users", None),
        ("PUT", f"/v3/groups/{own.id}/users/{alice.id}", None),
        ("PUT", f"/v3/groups/{group.id}/users/{house.stranger_id}", None),
        ("HEAD", f"/v3/groups/{group.id}/users/{alice.id}", None),
        ("DELETE", f"/v3/groups/{group.id}/users/{alice.id}", None),
    ):
        answer = house.call(method, path, wish, by=house.stranger_id)
        assert answer.status_code == 404, (method, path, answer.text)
    assert house.identities.revision() == before
    listed = house.call("GET", "/v3/users", by=house.stranger_id).json()["users"]
    assert [user["domain_id"] for user in listed] == [house.stranger_account_id]


def test_without_credentials_nothing_is_answered(quiet_house: Any) -> None:
    for method, path, wish in attacks("x", "y"):
        assert quiet_house.call(method, path, wish, by="nobody").status_code == 401
