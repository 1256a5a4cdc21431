from __future__ import annotations

import re
from typing import Any

import pytest


def text_of(answer: Any) -> str:
    return str(answer.json()["error"]["message"])


def create(house: Any, **fields: object) -> Any:
    return house.call("POST", "/v3/groups", {"group": {"name": "staff"} | fields})


def made(house: Any, **fields: object) -> str:
    return str(create(house, **fields).json()["group"]["id"])


class TestGroups:
    def test_one_is_made(self, house: Any) -> None:
        answer = create(house, description="描述", domain_id=house.account_id)
        assert answer.status_code == 201
        group = answer.json()["group"]
        assert re.fullmatch("[0-9a-f]{32}", group["id"])
        assert group == {
            "id": group["id"],
            "name": "staff",
            "description": "描述",
            "domain_id": house.account_id,
            "create_time": 1774944930123,
            "links": {
                "self": f"http://testserver/v3/groups/{group['id']}",
                "next": None,
                "previous": None,
            },
        }
        shown = house.call("GET", f"/v3/groups/{group['id']}")
        assert (shown.status_code, shown.json()["group"]) == (200, group)

    def test_a_name_is_taken_in_its_account_only(self, house: Any) -> None:
        assert create(house).status_code == 201
        answer = create(house)
        assert answer.status_code == 409
        assert answer.json()["error"]["title"] == "Conflict"
        assert create(house, name="Staff").status_code == 201
        house.people.groups.create(house.stranger_account_id, "staff")

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": None},
            {"name": ""},
            {"name": 1},
            {"name": "a" * 129},
            {"name": "a\n"},
            {"name": " "},
            {"description": "描" * 86},
            {"description": 1},
            {"domain_id": 7},
        ],
    )
    def test_a_bad_field_is_refused(self, quiet_house: Any, fields: dict[str, object]) -> None:
        answer = create(quiet_house, **fields)
        assert answer.status_code == 400
        assert f"group.{next(iter(fields))}" in text_of(answer)

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"group":7}', b'{"group":' * 2000])
    def test_a_body_that_is_none_is_refused(self, quiet_house: Any, raw: bytes) -> None:
        assert quiet_house.call("POST", "/v3/groups", raw=raw).status_code == 400

    def test_another_account_is_refused(self, quiet_house: Any) -> None:
        other = quiet_house.stranger_account_id
        assert create(quiet_house, domain_id=other).status_code == 403
        assert quiet_house.call("GET", f"/v3/groups?domain_id={other}").status_code == 403

    def test_the_list_is_by_name_and_can_be_filtered(self, house: Any) -> None:
        for name in ("b", "a", "c"):
            create(house, name=name)
        house.people.groups.create(house.stranger_account_id, "d")
        for query, names in (
            ("", ["a", "b", "c"]),
            (f"?domain_id={house.account_id}", ["a", "b", "c"]),
            ("?name=b", ["b"]),
            ("?name=B", []),
            ("?name=", ["a", "b", "c"]),
            ("?per_page=2&page=2", ["c"]),
        ):
            answer = house.call("GET", f"/v3/groups{query}")
            assert [group["name"] for group in answer.json()["groups"]] == names, query
            assert answer.json()["links"]["self"] == "http://testserver/v3/groups"

    def test_what_is_given_is_changed(self, house: Any) -> None:
        path = f"/v3/groups/{made(house, description='d')}"
        for change, name, description in (
            ({"name": "people"}, "people", "d"),
            ({"description": ""}, "people", ""),
            ({}, "people", ""),
            ({"name": "people", "domain_id": house.account_id}, "people", ""),
        ):
            answer = house.call("PATCH", path, {"group": change})
            assert answer.status_code == 200
            told = answer.json()["group"]
            assert (told["name"], told["description"]) == (name, description)

    def test_a_bad_or_taken_change_is_refused(self, house: Any) -> None:
        made(house, name="taken")
        path = f"/v3/groups/{made(house)}"
        for change, status in (
            ({"name": "taken"}, 409),
            ({"name": ""}, 400),
            ({"name": 5}, 400),
            ({"description": "d" * 256}, 400),
            ({"domain_id": house.stranger_account_id}, 403),
        ):
            assert house.call("PATCH", path, {"group": change}).status_code == status
        assert house.call("GET", path).json()["group"]["name"] == "staff"

    def test_a_removed_one_takes_its_grants_and_memberships_along(self, house: Any) -> None:
        alice = house.administrator("alice")
        (group,) = house.people.roster.groups(house.account_id)
        assert house.call("GET", "/v3/users", by=alice.id).status_code == 200
        answer = house.call("DELETE", f"/v3/groups/{group.id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert house.call("GET", "/v3/users", by=alice.id).status_code == 403
        directory = house.identity.directory
        assert (directory.groups, dict(directory.memberships), directory.grants) == ({}, {}, {})
        assert house.call("DELETE", f"/v3/groups/{group.id}").status_code == 404

    def test_managing_needs_the_right(self, house: Any) -> None:
        group_id, guest = made(house), house.guest()
        for method, path in (
            ("POST", "/v3/groups"),
            ("GET", "/v3/groups"),
            ("GET", f"/v3/groups/{group_id}"),
            ("PATCH", f"/v3/groups/{group_id}"),
            ("DELETE", f"/v3/groups/{group_id}"),
            ("GET", f"/v3/groups/{group_id}/users"),
            ("PUT", f"/v3/groups/{group_id}/users/{guest.id}"),
            ("HEAD", f"/v3/groups/{group_id}/users/{guest.id}"),
            ("DELETE", f"/v3/groups/{group_id}/users/{guest.id}"),
        ):
            answer = house.call(method, path, {"group": {"name": "x"}}, by=guest.id)
            assert answer.status_code == 403, path

    @pytest.mark.parametrize("group_id", ["absent", "%00", "a" * 900, "%ff"])
    def test_one_that_is_not_there_is_not_found(self, quiet_house: Any, group_id: str) -> None:
        for method in ("GET", "PATCH", "DELETE"):
            path = f"/v3/groups/{group_id}"
            answer = quiet_house.call(method, path, {"group": {"name": "x"}})
            assert answer.status_code == 404
        assert "Could not find group" in text_of(answer)


class TestMemberships:
    def test_a_user_is_put_in_found_and_taken_out(self, house: Any) -> None:
        alice = house.user("alice")
        path = f"/v3/groups/{made(house)}/users/{alice.id}"
        statuses = [
            house.call(method, path).status_code
            for method in ("HEAD", "PUT", "PUT", "HEAD", "DELETE", "HEAD", "DELETE")
        ]
        assert statuses == [404, 204, 204, 204, 204, 404, 404]

    def test_both_lists_tell_it(self, house: Any) -> None:
        group_id, other_id = made(house), made(house, name="others")
        users = [house.user(name) for name in ("bob", "alice")]
        for user in users:
            house.call("PUT", f"/v3/groups/{group_id}/users/{user.id}")
        answer = house.call("GET", f"/v3/groups/{group_id}/users")
        assert [user["name"] for user in answer.json()["users"]] == ["alice", "bob"]
        assert "self" in answer.json()["links"]
        page = house.call("GET", f"/v3/groups/{group_id}/users?per_page=1&page=2").json()
        assert [user["name"] for user in page["users"]] == ["bob"]
        assert house.call("GET", f"/v3/groups/{other_id}/users").json()["users"] == []
        answer = house.call("GET", f"/v3/users/{users[0].id}/groups")
        assert [group["id"] for group in answer.json()["groups"]] == [group_id]
        own = house.call("GET", f"/v3/users/{users[0].id}/groups", by=users[0].id)
        assert own.json() == answer.json()
        for by in (users[1].id, house.guest().id):
            path = f"/v3/users/{users[0].id}/groups"
            assert house.call("GET", path, by=by).status_code == 403

    def test_what_a_group_allows_begins_and_ends_with_the_membership(self, house: Any) -> None:
        house.administrator()
        (group,) = house.people.roster.groups(house.account_id)
        alice = house.user("alice")
        path = f"/v3/groups/{group.id}/users/{alice.id}"
        for method, status in (("PUT", 200), ("DELETE", 403)):
            house.call(method, path)
            assert house.call("GET", "/v3/users", by=alice.id).status_code == status

    def test_nobody_of_another_account_is_put_in(self, house: Any) -> None:
        group_id, alice = made(house), house.user("alice")
        foreign = house.people.groups.create(house.stranger_account_id, "foreign")
        for path in (
            f"/v3/groups/{group_id}/users/{house.stranger_id}",
            f"/v3/groups/{foreign.id}/users/{alice.id}",
            f"/v3/groups/{foreign.id}/users/{house.stranger_id}",
            f"/v3/groups/{group_id}/users/absent",
            f"/v3/groups/absent/users/{alice.id}",
        ):
            for method in ("PUT", "HEAD", "DELETE"):
                assert house.call(method, path).status_code == 404
        assert house.identity.directory.memberships == {}
