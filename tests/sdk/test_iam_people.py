"""Groups, users and memberships through the vendor's unchanged IAM client."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from official_iam import GOOD_PASSWORD, IamServer, Person, open_iam, raw_of

ID = re.compile(r"[0-9a-f]{32}")
NOWHERE = "0" * 32

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IamServer]:
    with open_iam(tmp_path_factory.mktemp("iam")) as opened:
        yield opened.server


@pytest.fixture(scope="module")
def manager(iam: IamServer) -> Person:
    """A user who is no owner, with Security Administrator."""
    return iam.make_person(globally=[iam.role_id("Security Administrator")])


@pytest.fixture(scope="module")
def guest(iam: IamServer) -> Person:
    return iam.make_person(everywhere=[iam.role_id("Tenant Guest")])


def fresh(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(4)}"


def user_body(iam: IamServer, **fields: Any) -> dict[str, Any]:
    return {"user": {"name": fresh("user"), "domain_id": iam.account_id, **fields}}


class TestGroups:
    def test_a_group_is_made_shown_changed_and_removed(
        self, iam: IamServer, manager: Person
    ) -> None:
        caller, name, now_ms = iam.caller(manager.key), fresh("检测"), time.time() * 1000
        body = {"group": {"name": name, "description": "质检", "domain_id": iam.account_id}}
        made = caller("keystone_create_group", body)
        assert made.status_code == 201
        group = made.group
        assert ID.fullmatch(group.id)
        assert (group.name, group.description) == (name, "质检")
        assert group.domain_id == iam.account_id
        assert abs(group.create_time - now_ms) < 60_000
        assert group.links._self.endswith(f"/v3/groups/{group.id}")

        shown = caller("keystone_show_group", group_id=group.id)
        assert shown.status_code == 200
        assert raw_of(shown)["group"].items() >= {
            ("id", group.id),
            ("name", name),
            ("create_time", group.create_time),
        }
        change = {"group": {"name": f"{name}-2", "description": ""}}
        changed = caller("keystone_update_group", change, group_id=group.id)
        assert (changed.status_code, changed.group.name) == (200, f"{name}-2")
        assert changed.group.description == ""
        assert changed.group.create_time == group.create_time

        removed = caller("keystone_delete_group", group_id=group.id)
        assert (removed.status_code, removed.raw_content) == (204, b"")
        refused = caller.refused("keystone_show_group", group_id=group.id)
        assert (refused.status, refused.code) == (404, 404)
        assert group.id in refused.text
        assert ID.fullmatch(refused.request_id)

    def test_a_change_of_one_field_leaves_the_other(self, iam: IamServer) -> None:
        group_id = iam.make_group()
        change: dict[str, Any] = {"group": {"description": "only this"}}
        one = iam.owner("keystone_update_group", change, group_id=group_id).group
        change = {"group": {"name": fresh("group")}}
        other = iam.owner("keystone_update_group", change, group_id=group_id).group
        assert other.description == one.description == "only this"
        assert other.name != one.name

    def test_lists_are_complete_and_filtered_by_name_and_account(self, iam: IamServer) -> None:
        name = fresh("group")
        group_id = iam.make_group(name)
        everything = iam.owner("keystone_list_groups")
        assert group_id in {group.id for group in everything.groups}
        assert everything.links._self
        assert raw_of(everything)["links"].keys() >= {"self", "next", "previous"}
        named = iam.owner("keystone_list_groups", name=name, domain_id=iam.account_id)
        assert [group.id for group in named.groups] == [group_id]
        assert iam.owner("keystone_list_groups", name=fresh("none")).groups == []

    def test_a_name_that_is_there_already_is_a_conflict(self, iam: IamServer) -> None:
        name = fresh("group")
        iam.make_group(name)
        refused = iam.owner.refused("keystone_create_group", {"group": {"name": name}})
        assert (refused.status, refused.code) == (409, 409)
        change = {"group": {"name": name}}
        other = iam.make_group()
        assert iam.owner.refused("keystone_update_group", change, group_id=other).status == 409

    @pytest.mark.parametrize(
        "group",
        [
            {},
            {"name": ""},
            {"name": "g" * 129},
            {"name": 5},
            {"name": "tab\tin it"},
            {"name": "fine", "description": "界" * 86},
            {"name": "fine", "description": 5},
        ],
    )
    def test_what_is_no_group_is_refused(self, iam: IamServer, group: dict[str, Any]) -> None:
        refused = iam.owner.refused("keystone_create_group", {"group": group})
        assert (refused.status, refused.code) == (400, 400)
        assert refused.text

    def test_the_longest_name_and_description_are_taken(self, iam: IamServer) -> None:
        name = (fresh("g") + "组" * 128)[:128]
        group = iam.owner(
            "keystone_create_group", {"group": {"name": name, "description": "界" * 85}}
        ).group
        assert (group.name, group.description) == (name, "界" * 85)

    def test_another_accounts_id_in_the_body_is_refused(self, iam: IamServer) -> None:
        body = {"group": {"name": fresh("group"), "domain_id": NOWHERE}}
        assert iam.owner.refused("keystone_create_group", body).status == 403

    def test_unknown_groups_are_not_found_by_any_call(self, iam: IamServer) -> None:
        change = {"group": {"name": "other"}}
        for operation, body in (
            ("keystone_show_group", None),
            ("keystone_update_group", change),
            ("keystone_delete_group", None),
            ("keystone_list_users_for_group_by_admin", None),
        ):
            refused = iam.owner.refused(operation, body, group_id=NOWHERE)
            assert (refused.status, refused.code) == (404, 404), operation


class TestUsers:
    def test_the_recommended_form_answers_every_field(
        self, iam: IamServer, manager: Person
    ) -> None:
        name = fresh("张伟 2.a_b")
        made = iam.caller(manager.key)(
            "create_user",
            user_body(
                iam,
                name=name,
                password=GOOD_PASSWORD,
                email="zhang@example.test",
                areacode="0086",
                phone="13800000000",
                enabled=True,
                pwd_status=False,
                access_mode="programmatic",
                description="质检线",
            ),
        )
        assert made.status_code == 201
        user = made.user
        assert ID.fullmatch(user.id)
        assert (user.name, user.domain_id, user.enabled) == (name, iam.account_id, True)
        assert (user.email, user.areacode, user.phone) == (
            "zhang@example.test",
            "0086",
            "13800000000",
        )
        assert (user.access_mode, user.description) == ("programmatic", "质检线")
        assert user.is_domain_owner is False
        assert user.pwd_status is False
        assert user.create_time
        assert GOOD_PASSWORD.encode() not in made.raw_content

        shown = iam.owner("show_user", user_id=user.id)
        assert shown.status_code == 200
        for field in ("id", "name", "domain_id", "enabled", "email", "areacode", "phone"):
            assert getattr(shown.user, field) == getattr(user, field), field
        assert shown.user.access_mode == "programmatic"
        assert shown.user.is_domain_owner is False
        assert shown.user.create_time
        assert shown.user.description == "质检线"

    def test_the_shorter_form_answers_its_fields(self, iam: IamServer) -> None:
        made = iam.owner(
            "keystone_create_user",
            user_body(iam, password=GOOD_PASSWORD, description="short", enabled=True),
        )
        assert made.status_code == 201
        user = made.user
        assert ID.fullmatch(user.id)
        assert (user.domain_id, user.enabled, user.description) == (iam.account_id, True, "short")
        assert user.links._self.endswith(f"/v3/users/{user.id}")
        assert "password_expires_at" in raw_of(made)["user"]
        shown = iam.owner("keystone_show_user", user_id=user.id)
        assert shown.status_code == 200
        assert (shown.user.name, shown.user.enabled) == (user.name, True)
        assert shown.user.links._self
        fields = raw_of(shown)["user"].keys()
        assert fields >= {"password_expires_at", "pwd_status", "last_project_id", "description"}

    def test_lists_are_filtered_by_name_and_status(self, iam: IamServer) -> None:
        on, off = fresh("user"), fresh("user")
        on_id, off_id = iam.make_user(on), iam.make_user(off, enabled=False)
        users = iam.owner("keystone_list_users")
        listed = {user.id: user for user in users.users}
        assert listed.keys() >= {on_id, off_id}
        assert listed[off_id].enabled is False
        assert listed[on_id].domain_id == iam.account_id
        assert users.links._self
        named = iam.owner("keystone_list_users", name=off, domain_id=iam.account_id)
        assert [user.id for user in named.users] == [off_id]
        enabled = {u.id for u in iam.owner("keystone_list_users", enabled=True).users}
        assert on_id in enabled
        assert off_id not in enabled
        disabled = {u.id for u in iam.owner("keystone_list_users", enabled=False).users}
        assert off_id in disabled
        assert on_id not in disabled
        assert iam.owner("keystone_list_users", name=fresh("none")).users == []

    def test_both_forms_of_change_change_what_they_name(self, iam: IamServer) -> None:
        user_id, name = iam.make_user(description="before"), fresh("user")
        change: dict[str, Any] = {"user": {"name": name, "enabled": False}}
        changed = iam.owner("keystone_update_user_by_admin", change, user_id=user_id)
        assert changed.status_code == 200
        assert (changed.user.id, changed.user.name) == (user_id, name)
        assert (changed.user.enabled, changed.user.description) == (False, "before")
        change = {
            "user": {
                "enabled": True,
                "email": "new@example.test",
                "access_mode": "console",
                "description": "after",
            }
        }
        changed = iam.owner("update_user", change, user_id=user_id)
        assert changed.status_code == 200
        assert (changed.user.name, changed.user.enabled) == (name, True)
        assert (changed.user.email, changed.user.access_mode) == ("new@example.test", "console")
        shown = iam.owner("show_user", user_id=user_id).user
        assert (shown.description, shown.email, shown.enabled) == (
            "after",
            "new@example.test",
            True,
        )

    def test_a_removed_user_is_gone_with_keys_and_memberships(self, iam: IamServer) -> None:
        person = iam.make_person()
        removed = iam.owner("keystone_delete_user", user_id=person.id)
        assert (removed.status_code, removed.raw_content) == (204, b"")
        for operation in ("keystone_show_user", "show_user", "keystone_delete_user"):
            assert iam.owner.refused(operation, user_id=person.id).status == 404, operation
        group = person.group_ids[0]
        assert iam.owner("keystone_list_users_for_group_by_admin", group_id=group).users == []
        refused = iam.caller(person.key).refused("keystone_list_auth_domains")
        assert refused.status == 401
        assert "ak not exist" in refused.text

    def test_users_change_their_own_address_and_nobody_elses(self, iam: IamServer) -> None:
        person, other = iam.make_person(), iam.make_person()
        caller = iam.caller(person.key)
        change = {"user": {"email": "own@example.test", "mobile": "0086-13800000000"}}
        changed = caller("update_user_information", change, user_id=person.id)
        assert (changed.status_code, changed.raw_content) == (204, b"")
        shown = caller("show_user", user_id=person.id).user
        assert (shown.email, shown.areacode, shown.phone) == (
            "own@example.test",
            "0086",
            "13800000000",
        )
        refused = caller.refused("update_user_information", change, user_id=other.id)
        assert refused.status == 403
        change = {"user": {"email": "no address"}}
        refused = caller.refused("update_user_information", change, user_id=person.id)
        assert refused.status == 400

    def test_the_owner_cannot_be_removed_or_disabled(self, iam: IamServer, manager: Person) -> None:
        users = iam.owner("keystone_list_users").users
        owner_id = next(
            user.id
            for user in users
            if iam.owner("show_user", user_id=user.id).user.is_domain_owner
        )
        caller = iam.caller(manager.key)
        assert caller.refused("keystone_delete_user", user_id=owner_id).status in {400, 403, 409}
        change = {"user": {"enabled": False}}
        for operation in ("keystone_update_user_by_admin", "update_user"):
            refused = caller.refused(operation, change, user_id=owner_id)
            assert refused.status in {400, 403, 409}, operation
        assert iam.owner("keystone_show_user", user_id=owner_id).user.enabled is True

    @pytest.mark.parametrize("operation", ["create_user", "keystone_create_user"])
    def test_a_name_that_is_there_already_is_a_conflict(
        self, iam: IamServer, operation: str
    ) -> None:
        name = fresh("user")
        iam.make_user(name)
        refused = iam.owner.refused(operation, user_body(iam, name=name))
        assert refused.status == 409
        other = iam.make_user()
        change = {"user": {"name": name}}
        for update in ("keystone_update_user_by_admin", "update_user"):
            assert iam.owner.refused(update, change, user_id=other).status == 409

    def test_the_newer_form_tells_the_vendors_codes(self, iam: IamServer) -> None:
        name = fresh("user")
        iam.make_user(name)
        told = {}
        for fields, code in (
            ({"name": name}, "IAM.1109"),
            ({"name": "2nd"}, "IAM.1101"),
            ({"name": "n" * 65}, "IAM.1101"),
            ({"password": "short"}, "IAM.1103"),
            ({"password": "Aa1" * 11}, "IAM.1103"),
            ({"password": "alllowercase"}, "IAM.1118"),
        ):
            refused = iam.owner.refused("create_user", user_body(iam, **fields))
            assert refused.status == (409 if code == "IAM.1109" else 400), fields
            told[str(fields)] = (refused.code, code)
            assert str(fields.get("password", "\0")) not in refused.text
        assert {fields: code for fields, (code, wanted) in told.items() if code != wanted} == {}

    @pytest.mark.parametrize("operation", ["create_user", "keystone_create_user"])
    @pytest.mark.parametrize(
        "fields",
        [
            {"name": None},
            {"name": ""},
            {"name": 7},
            {"name": "a/b"},
            {"name": "a@b"},
            {"enabled": "yes"},
            {"password": 12345678},
            {"description": ["a"]},
        ],
    )
    def test_what_is_no_user_is_refused(
        self, iam: IamServer, operation: str, fields: dict[str, Any]
    ) -> None:
        before = len(iam.owner("keystone_list_users").users)
        assert iam.owner.refused(operation, user_body(iam, **fields)).status == 400
        assert len(iam.owner("keystone_list_users").users) == before

    @pytest.mark.parametrize(
        "fields",
        [
            {"email": "no address"},
            {"phone": "138"},
            {"areacode": "0086"},
            {"access_mode": "sideways"},
            {"pwd_status": 1},
        ],
    )
    def test_what_only_the_newer_form_has_is_checked(
        self, iam: IamServer, fields: dict[str, Any]
    ) -> None:
        assert iam.owner.refused("create_user", user_body(iam, **fields)).status == 400

    def test_another_accounts_id_in_the_body_is_refused(self, iam: IamServer) -> None:
        for operation in ("create_user", "keystone_create_user"):
            refused = iam.owner.refused(operation, user_body(iam, domain_id=NOWHERE))
            assert refused.status == 403, operation

    def test_unknown_users_are_not_found_by_any_call(self, iam: IamServer) -> None:
        change = {"user": {"description": "x"}}
        for operation, body in (
            ("keystone_show_user", None),
            ("show_user", None),
            ("keystone_update_user_by_admin", change),
            ("update_user", change),
            ("keystone_delete_user", None),
            ("keystone_list_groups_for_user", None),
            ("keystone_list_projects_for_user", None),
        ):
            refused = iam.owner.refused(operation, body, user_id=NOWHERE)
            assert refused.status == 404, operation


class TestMemberships:
    def test_a_user_joins_is_seen_and_leaves(self, iam: IamServer, manager: Person) -> None:
        caller = iam.caller(manager.key)
        both = {"group_id": iam.make_group(), "user_id": iam.make_user()}
        assert caller.refused("keystone_check_user_in_group", **both).status == 404
        for _again in range(2):
            joined = caller("keystone_add_user_to_group", **both)
            assert (joined.status_code, joined.raw_content) == (204, b"")
        assert caller("keystone_check_user_in_group", **both).status_code == 204
        users = caller("keystone_list_users_for_group_by_admin", group_id=both["group_id"])
        assert [user.id for user in users.users] == [both["user_id"]]
        assert users.users[0].domain_id == iam.account_id
        assert users.links._self
        groups = caller("keystone_list_groups_for_user", user_id=both["user_id"])
        assert [group.id for group in groups.groups] == [both["group_id"]]
        assert groups.groups[0].create_time
        left = caller("keystone_remove_user_from_group", **both)
        assert (left.status_code, left.raw_content) == (204, b"")
        assert caller.refused("keystone_check_user_in_group", **both).status == 404
        users = caller("keystone_list_users_for_group_by_admin", group_id=both["group_id"])
        assert users.users == []

    def test_neither_an_unknown_user_nor_an_unknown_group_is_joined(self, iam: IamServer) -> None:
        group_id, user_id = iam.make_group(), iam.make_user()
        for both in (
            {"group_id": NOWHERE, "user_id": user_id},
            {"group_id": group_id, "user_id": NOWHERE},
        ):
            for operation in (
                "keystone_add_user_to_group",
                "keystone_check_user_in_group",
                "keystone_remove_user_from_group",
            ):
                assert iam.owner.refused(operation, **both).status == 404, operation

    def test_a_user_sees_their_own_groups_and_projects_without_any_right(
        self, iam: IamServer
    ) -> None:
        person = iam.make_person()
        caller = iam.caller(person.key)
        groups = caller("keystone_list_groups_for_user", user_id=person.id).groups
        assert [group.id for group in groups] == list(person.group_ids)
        assert caller("keystone_show_user", user_id=person.id).user.name == person.name
        listed = caller("keystone_list_projects_for_user", user_id=person.id)
        assert {project.id for project in listed.projects} == set(iam.project_ids.values())


class TestWithoutTheRight:
    """Tenant Guest and a user without any role: every call that is not about themselves is 403."""

    @pytest.fixture(scope="class")
    def others(self, iam: IamServer) -> Person:
        return iam.make_person()

    @pytest.fixture(params=["guest", "nobody"])
    def caller(self, iam: IamServer, guest: Person, request: pytest.FixtureRequest) -> Any:
        person = guest if request.param == "guest" else iam.make_person()
        return iam.caller(person.key)

    def test_calls_about_others_are_refused(
        self, iam: IamServer, caller: Any, others: Person
    ) -> None:
        group_id = others.group_ids[0]
        both = {"group_id": group_id, "user_id": others.id}
        group, user = {"group": {"name": fresh("g")}}, {"user": {"description": "x"}}
        refusals = {
            operation: caller.refused(operation, body, **fields)
            for operation, body, fields in (
                ("keystone_create_group", group, {}),
                ("keystone_list_groups", None, {}),
                ("keystone_show_group", None, {"group_id": group_id}),
                ("keystone_update_group", group, {"group_id": group_id}),
                ("keystone_delete_group", None, {"group_id": group_id}),
                ("create_user", user_body(iam), {}),
                ("keystone_create_user", user_body(iam), {}),
                ("keystone_list_users", None, {}),
                ("keystone_show_user", None, {"user_id": others.id}),
                ("show_user", None, {"user_id": others.id}),
                ("keystone_update_user_by_admin", user, {"user_id": others.id}),
                ("update_user", user, {"user_id": others.id}),
                ("keystone_delete_user", None, {"user_id": others.id}),
                ("keystone_list_groups_for_user", None, {"user_id": others.id}),
                ("keystone_list_users_for_group_by_admin", None, {"group_id": group_id}),
                ("keystone_list_projects_for_user", None, {"user_id": others.id}),
                ("keystone_add_user_to_group", None, both),
                ("keystone_check_user_in_group", None, both),
                ("keystone_remove_user_from_group", None, both),
            )
        }
        assert {refused.status for refused in refusals.values()} == {403}, refusals
        refused = refusals["keystone_list_users"]
        assert refused.code == 403
        assert "not authorized" in refused.text
        assert refusals["create_user"].code in {"IAM.0002", "IAM.0003"}

    def test_nobody_lifts_themselves(self, iam: IamServer) -> None:
        person = iam.make_person()
        caller = iam.caller(person.key)
        admins = iam.make_group()
        both = {"group_id": admins, "user_id": person.id}
        assert caller.refused("keystone_add_user_to_group", **both).status == 403
        grant = {
            "domain_id": iam.account_id,
            "group_id": person.group_ids[0],
            "role_id": iam.role_id("Security Administrator"),
        }
        operation = "keystone_associate_group_with_domain_permission"
        assert caller.refused(operation, **grant).status == 403
        for operation, change in (
            ("keystone_update_user_by_admin", {"enabled": True}),
            ("keystone_update_user_by_admin", {"name": fresh("user")}),
            ("update_user", {"access_mode": "default"}),
            ("update_user", {"password": GOOD_PASSWORD}),
        ):
            refused = caller.refused(operation, {"user": change}, user_id=person.id)
            assert refused.status == 403, (operation, change)
