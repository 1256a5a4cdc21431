from __future__ import annotations

import re
from typing import Any

import pytest

KEYS = "/v3.0/OS-CREDENTIAL/credentials"


def create(house: Any, user_id: object, by: str | None = None, **fields: object) -> Any:
    return house.call("POST", KEYS, {"credential": {"user_id": user_id} | fields}, by=by)


def made(house: Any, user_id: str) -> str:
    return str(create(house, user_id).json()["credential"]["access"])


def test_the_secret_is_shown_at_creation_only(house: Any) -> None:
    alice = house.user("alice")
    answer = create(house, alice.id, description="描述")
    assert answer.status_code == 201
    credential = answer.json()["credential"]
    assert re.fullmatch("[0-9A-Z]{20}", credential["access"])
    assert re.fullmatch("[0-9A-Za-z]{40}", credential["secret"])
    shown = {
        "access": credential["access"],
        "user_id": alice.id,
        "status": "active",
        "create_time": "2026-03-31T08:15:30.123000Z",
        "description": "描述",
    }
    assert credential == shown | {"secret": credential["secret"]}
    usable = house.identity.directory.keys[credential["access"]]
    assert (usable.principal.user_id, usable.secret.decode()) == (alice.id, credential["secret"])
    path = f"{KEYS}/{credential['access']}"
    listed = house.call("GET", f"{KEYS}?user_id={alice.id}").json()
    assert listed == {"credentials": [shown]}
    assert house.call("GET", path).json() == {
        "credential": shown | {"last_use_time": shown["create_time"]}
    }
    changed = house.call("PUT", path, {"credential": {"status": "inactive"}}).json()
    assert changed == {"credential": shown | {"status": "inactive"}}
    assert credential["secret"] not in repr(house.audit.entries)


def test_the_last_use_is_told(house: Any) -> None:
    access = house.made.key.access_key
    at = house.clock.at.replace(year=2027)
    house.repository.keys.touch_keys([(house.account_id, access, at)])
    told = house.call("GET", f"{KEYS}/{access}").json()["credential"]
    assert told["last_use_time"] == "2027-03-31T08:15:30.123000Z"


def test_a_third_key_is_refused_and_a_removed_one_makes_room(house: Any) -> None:
    alice = house.user("alice")
    first, _second = made(house, alice.id), made(house, alice.id)
    for status in ("active", "inactive"):
        house.call("PUT", f"{KEYS}/{first}", {"credential": {"status": status}})
        answer = create(house, alice.id)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "akSkNumExceed"
    assert house.call("DELETE", f"{KEYS}/{first}").status_code == 204
    assert create(house, alice.id).status_code == 201


def test_a_stopped_key_is_useless_until_it_is_let_go_on(house: Any) -> None:
    access = made(house, house.user("alice").id)
    path = f"{KEYS}/{access}"
    for status, usable in (("inactive", False), ("active", True)):
        assert house.call("PUT", path, {"credential": {"status": status}}).status_code == 200
        assert (access in house.identity.directory.keys) is usable
    described = house.call("PUT", path, {"credential": {"description": "d"}}).json()["credential"]
    assert (described["status"], described["description"]) == ("active", "d")


def test_users_manage_their_own_keys_without_a_right(house: Any) -> None:
    alice = house.user("alice")
    answer = create(house, alice.id, by=alice.id)
    assert answer.status_code == 201
    access = answer.json()["credential"]["access"]
    for path in (KEYS, f"{KEYS}?user_id={alice.id}"):
        listed = house.call("GET", path, by=alice.id).json()["credentials"]
        assert [key["access"] for key in listed] == [access]
    stop = {"credential": {"status": "inactive"}}
    for method, status in (("GET", 200), ("PUT", 200), ("GET", 200), ("DELETE", 204)):
        answer = house.call(method, f"{KEYS}/{access}", stop, by=alice.id)
        assert answer.status_code == status
    assert house.call("GET", KEYS, by=alice.id).json() == {"credentials": []}


def test_users_reach_nobody_elses_keys_without_the_right(house: Any) -> None:
    alice, bob = house.user("alice"), house.user("bob")
    access = made(house, bob.id)
    for by, status in ((alice.id, 403), (house.guest().id, 403), (house.stranger_id, 404)):
        assert create(house, bob.id, by=by).status_code == status
        assert house.call("GET", f"{KEYS}?user_id={bob.id}", by=by).status_code == status
        for method in ("GET", "PUT", "DELETE"):
            wish = {"credential": {"status": "inactive"}}
            assert house.call(method, f"{KEYS}/{access}", wish, by=by).status_code == status
            absent = house.call(method, f"{KEYS}/{'A' * 20}", wish, by=by)
            assert absent.status_code == status
    administrator = house.administrator().id
    assert create(house, bob.id, by=administrator).status_code == 201
    assert house.call("DELETE", f"{KEYS}/{access}", by=administrator).status_code == 204


@pytest.mark.parametrize(
    "fields",
    [
        {"user_id": None},
        {"user_id": ""},
        {"user_id": 5},
        {"user_id": {}},
        {"description": 5},
        {"description": "d" * 256},
        {"description": "描" * 86},
        {"description": "\x00"},
    ],
)
def test_a_bad_wish_for_a_key_is_refused(quiet_house: Any, fields: dict[str, object]) -> None:
    told = {"user_id": quiet_house.owner_id} | fields
    answer = quiet_house.call("POST", KEYS, {"credential": told})
    assert answer.status_code == 400
    assert f"credential.{next(iter(fields))}" in answer.json()["error"]["message"]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"credential":1}', b'{"credential":' * 999])
def test_a_body_that_is_none_is_refused(quiet_house: Any, raw: bytes) -> None:
    access = quiet_house.made.key.access_key
    for method, path in (("POST", KEYS), ("PUT", f"{KEYS}/{access}")):
        assert quiet_house.call(method, path, raw=raw).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": None},
        {"status": "gone"},
        {"status": True},
        {"status": ""},
        {"description": 5},
        {"status": "inactive", "description": "d" * 256},
    ],
)
def test_a_bad_change_changes_nothing(quiet_house: Any, fields: dict[str, object]) -> None:
    access = quiet_house.made.key.access_key
    answer = quiet_house.call("PUT", f"{KEYS}/{access}", {"credential": fields})
    assert answer.status_code == 400


@pytest.mark.parametrize("access", ["ABSENT", "%00", "a%0ab", "A" * 900, "%ff", "'--", "%ED%A0%80"])
def test_a_key_that_is_not_there_is_not_found(quiet_house: Any, access: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        wish = {"credential": {"status": "active"}}
        assert quiet_house.call(method, f"{KEYS}/{access}", wish).status_code == 404


def test_keys_of_nobody_are_not_found(quiet_house: Any) -> None:
    assert quiet_house.call("GET", f"{KEYS}?user_id=absent").status_code == 404
    assert create(quiet_house, "absent").status_code == 404
