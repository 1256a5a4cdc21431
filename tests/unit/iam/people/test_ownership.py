"""Nobody takes over the owner, and no narrow credential makes itself a wide one."""

from __future__ import annotations

from typing import Any

import pytest
from keys import issue_key

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
    access = issue_key(house.people, house.account_id, "alice").access_key
    for user_id, key in ((alice.id, access), (house.owner_id, house.made.key.access_key)):
        for method, path, wish in attacks(user_id, key):
            answer = house.call(method, path, wish, by=user_id, headers={"x-narrowed": narrowed})
            assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize(
    "headers",
    [{"x-temporary": "yes"}, {"x-narrowed": "*:*:*"}, {"x-narrowed": "iam:credentials:*"}],
    ids=["whole", "narrowed to all", "narrowed to keys"],
)
def test_a_temporary_key_makes_and_revives_no_key_whatever_its_rights(
    house: Any, headers: dict[str, str]
) -> None:
    alice, administrator = house.user("alice"), house.administrator()
    own = issue_key(house.people, house.account_id, "alice").access_key
    house.people.keys.change(house.account_id, own, "inactive")
    before = house.identities.revision()
    for by, user_id in (
        (alice.id, alice.id),
        (administrator.id, alice.id),
        (administrator.id, administrator.id),
        (house.owner_id, alice.id),
        (house.owner_id, house.owner_id),
    ):
        wish = {"credential": {"user_id": user_id}}
        refused = house.call("POST", KEYS, wish, by=by, headers=headers)
        assert refused.status_code == 403, (by, user_id)
        assert not house.audit.entries[-1].allowed
    for by in (alice.id, administrator.id, house.owner_id):
        for change in ({"status": "active"}, {"status": "inactive"}, {"description": "x"}):
            wish = {"credential": change}
            refused = house.call("PUT", f"{KEYS}/{own}", wish, by=by, headers=headers)
            assert refused.status_code == 403, (by, change)
    assert house.identities.revision() == before
    assert own not in house.identity.directory.keys


@pytest.mark.parametrize("headers", [{"x-temporary": "yes"}, {"x-narrowed": "*:*:*"}])
def test_a_temporary_key_sets_no_password_whatever_its_rights(
    house: Any, headers: dict[str, str]
) -> None:
    alice, administrator = house.user("alice", PASSWORD), house.administrator()
    owner = house.owner_id
    before = house.identities.revision()
    for by, method, path, wish in (
        (alice.id, "POST", f"/v3/users/{alice.id}/password", {"original_password": PASSWORD}),
        (administrator.id, "PATCH", f"/v3/users/{alice.id}", {}),
        (administrator.id, "PUT", f"{NEWER}/{alice.id}", {}),
        (administrator.id, "POST", "/v3/users", {"name": "eve"}),
        (owner, "POST", NEWER, {"name": "eve", "domain_id": house.account_id}),
        (owner, "PATCH", f"/v3/users/{owner}", {}),
    ):
        fields = wish | {"password": "Another-1"}
        refused = house.call(method, path, {"user": fields}, by=by, headers=headers)
        assert refused.status_code == 403, (method, path)
        assert not house.audit.entries[-1].allowed
    assert house.identities.revision() == before


def test_a_temporary_key_still_manages_users_without_passwords(house: Any) -> None:
    administrator, headers = house.administrator(), {"x-temporary": "yes"}
    wish = {"user": {"name": "eve"}}
    made = house.call("POST", "/v3/users", wish, by=administrator.id, headers=headers)
    assert made.status_code == 201
    change = {"user": {"enabled": False}}
    path = f"/v3/users/{made.json()['user']['id']}"
    assert house.call("PATCH", path, change, by=administrator.id, headers=headers).is_success


def test_a_temporary_key_still_shows_and_removes_keys(house: Any) -> None:
    alice = house.user("alice")
    own = issue_key(house.people, house.account_id, "alice").access_key
    headers = {"x-temporary": "yes"}
    for method, path, status in (
        ("GET", KEYS, 200),
        ("GET", f"{KEYS}/{own}", 200),
        ("DELETE", f"{KEYS}/{own}", 204),
    ):
        answer = house.call(method, path, by=alice.id, headers=headers)
        assert answer.status_code == status


def test_another_account_reaches_nothing_with_our_ids(house: Any) -> None:
    alice = house.user("alice", PASSWORD)
    access = issue_key(house.people, house.account_id, "alice").access_key
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
