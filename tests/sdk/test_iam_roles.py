"""Projects, roles, custom policies and grants through the vendor's unchanged IAM client."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from official_iam import GOOD_PASSWORD, IamServer, Person, open_iam, raw_of

ID = re.compile(r"[0-9a-f]{32}")
NOWHERE = "0" * 32
SYSTEM = {
    "Tenant Guest": ("readonly", "AA", "BASE", "1.0"),
    "Tenant Administrator": ("te_admin", "AA", "BASE", "1.0"),
    "Security Administrator": ("secu_admin", "AX", "BASE", "1.0"),
    "OBS Buckets Viewer": ("obs_b_list", "AX", "OBS", "1.0"),
    "OBS ReadOnlyAccess": ("system_all_64", "AX", "OBS", "1.1"),
    "OBS OperateAccess": ("system_all_72", "AX", "OBS", "1.1"),
}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IamServer]:
    with open_iam(tmp_path_factory.mktemp("iam")) as opened:
        yield opened.server


@pytest.fixture(scope="module")
def manager(iam: IamServer) -> Person:
    return iam.make_person(globally=[iam.role_id("Security Administrator")])


@pytest.fixture(scope="module")
def guest(iam: IamServer) -> Person:
    return iam.make_person(everywhere=[iam.role_id("Tenant Guest")])


def role_body(**fields: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": ["image:tagging:run"]}
    return {
        "role": {
            "display_name": f"policy-{secrets.token_hex(4)}",
            "type": "XA",
            "description": "tags",
            "description_cn": "打标签",
            "policy": {"Version": "1.1", "Statement": [statement]},
            **fields,
        }
    }


def make_role(iam: IamServer, **fields: Any) -> Any:
    return iam.owner("create_cloud_service_custom_policy", role_body(**fields)).role


class TestProjects:
    def test_lists_are_filtered_and_paged(self, iam: IamServer) -> None:
        everything = iam.owner("keystone_list_projects")
        assert everything.status_code == 200
        assert {p.name: p.id for p in everything.projects} == iam.project_ids
        assert everything.links._self
        one = everything.projects[0]
        assert (one.domain_id, one.parent_id) == (iam.account_id, iam.account_id)
        assert (one.enabled, one.is_domain) == (True, False)
        assert one.description is not None
        assert one.links._self.endswith(f"/v3/projects/{one.id}")
        pages = [
            iam.owner("keystone_list_projects", page=page, per_page=1).projects
            for page in (1, 2, 3)
        ]
        assert [len(page) for page in pages] == [1, 1, 0]
        assert {page[0].id for page in pages[:2]} == set(iam.project_ids.values())
        named = iam.owner("keystone_list_projects", name="cn-east-3").projects
        assert [project.id for project in named] == [iam.project_ids["cn-east-3"]]
        own = {"domain_id": iam.account_id, "parent_id": iam.account_id, "enabled": True}
        assert len(iam.owner("keystone_list_projects", **own).projects) == 2
        assert iam.owner("keystone_list_projects", enabled=False).projects == []
        assert iam.owner("keystone_list_projects", is_domain=True).projects == []
        for wrong in ({"page": 0, "per_page": 1}, {"page": 1, "per_page": 5001}):
            assert iam.owner.refused("keystone_list_projects", **wrong).status == 400

    def test_one_and_ones_own(self, iam: IamServer, guest: Person) -> None:
        caller = iam.caller(guest.key)
        shown = caller("keystone_show_project", project_id=iam.project_id).project
        assert (shown.id, shown.name) == (iam.project_id, "cn-north-4")
        assert len(caller("keystone_list_auth_projects").projects) == 2
        domains = caller("keystone_list_auth_domains").domains
        assert [(one.id, one.name, one.enabled) for one in domains] == [
            (iam.account_id, iam.account_name, True)
        ]
        assert domains[0].links._self
        assert caller.refused("keystone_show_project", project_id=NOWHERE).status == 404

    def test_the_versions_need_no_credentials(self, iam: IamServer) -> None:
        version = iam.owner("keystone_show_version").version
        assert version.id
        assert version.status
        assert iam.owner("keystone_list_versions").versions.values
        assert iam.plain("GET", "/v3").status == 200


class TestRoles:
    def test_the_system_has_the_entries_that_programs_look_for(self, iam: IamServer) -> None:
        listed = iam.owner("keystone_list_permissions")
        assert listed.status_code == 200
        roles = {role.display_name: role for role in listed.roles}
        assert roles.keys() >= SYSTEM.keys()
        assert listed.total_number == len(listed.roles)
        assert listed.links._self
        for name, (code, kind, catalog, version) in SYSTEM.items():
            role = roles[name]
            assert ID.fullmatch(role.id)
            assert (role.name, role.type, role.catalog) == (code, kind, catalog)
            assert role.policy.version == version
            assert role.policy.statement
            assert role.description
            assert role.description_cn
            assert role.domain_id is None
            assert role.links._self.endswith(f"/v3/roles/{role.id}")
            assert role.flag == ("fine_grained" if version == "1.1" else None)
            shown = iam.owner("keystone_show_permission", role_id=role.id)
            assert shown.status_code == 200
            assert raw_of(shown)["role"]["policy"] == next(
                one["policy"] for one in raw_of(listed)["roles"] if one["id"] == role.id
            )

    def test_filters(self, iam: IamServer) -> None:
        def names(**query: Any) -> set[str]:
            roles = iam.owner("keystone_list_permissions", **query).roles
            return {role.display_name for role in roles}

        assert names(display_name="Tenant Guest") == {"Tenant Guest"}
        assert names(name="obs_b_list") == {"OBS Buckets Viewer"}
        assert names(permission_type="role").isdisjoint({"OBS ReadOnlyAccess"})
        assert "OBS ReadOnlyAccess" in names(permission_type="policy")
        assert "Tenant Guest" not in names(permission_type="policy")
        assert "OBS Buckets Viewer" in names(type="domain")
        assert names(type="project") >= {"Tenant Guest", "Tenant Administrator"}
        assert "OBS Buckets Viewer" not in names(type="project")
        assert names(type="all") >= SYSTEM.keys()
        catalog = names(catalog="OBS")
        assert "OBS Buckets Viewer" in catalog
        assert "Tenant Guest" not in catalog
        for wrong in ({"permission_type": "x"}, {"type": "x"}):
            assert iam.owner.refused("keystone_list_permissions", **wrong).status == 400

    def test_pages(self, iam: IamServer) -> None:
        whole = [role.id for role in iam.owner("keystone_list_permissions").roles]
        paged: list[str] = []
        for page in range(1, len(whole) // 3 + 2):
            listed = iam.owner("keystone_list_permissions", page=page, per_page=3)
            assert listed.total_number == len(whole)
            paged += [role.id for role in listed.roles]
        assert paged == whole

    def test_without_a_right_the_systems_entries_only(self, iam: IamServer, guest: Person) -> None:
        caller = iam.caller(guest.key)
        assert caller("keystone_list_permissions").roles
        refused = caller.refused("keystone_list_permissions", domain_id=iam.account_id)
        assert refused.status == 403
        own = make_role(iam)
        assert caller.refused("keystone_show_permission", role_id=own.id).status == 403

    def test_an_unknown_role_is_not_found(self, iam: IamServer) -> None:
        assert iam.owner.refused("keystone_show_permission", role_id=NOWHERE).status == 404
        refused = iam.owner.refused("keystone_list_permissions", domain_id=NOWHERE)
        assert refused.status == 403


class TestCustomPolicies:
    def test_one_is_made_shown_changed_listed_and_removed(
        self, iam: IamServer, manager: Person
    ) -> None:
        caller = iam.caller(manager.key)
        condition = {"StringEquals": {"g:UserName": ["a", "b"]}}
        statements = [
            {
                "Effect": "Allow",
                "Action": ["image:*:run", "huiyan:service:read"],
                "Resource": ["image:*:*:tagging:*"],
                "Condition": condition,
            },
            {"Effect": "Deny", "Action": ["image:recapture-detect:run"]},
        ]
        policy = {"Version": "1.1", "Statement": statements}
        body = role_body(policy=policy)
        made = caller("create_cloud_service_custom_policy", body)
        assert made.status_code == 201
        role = made.role
        assert ID.fullmatch(role.id)
        assert role.display_name == body["role"]["display_name"]
        assert (role.catalog, role.type, role.domain_id) == ("CUSTOMED", "XA", iam.account_id)
        assert re.fullmatch(rf"custom_{iam.account_id}_\d+", role.name)
        assert (role.description, role.description_cn) == ("tags", "打标签")
        assert raw_of(made)["role"]["policy"] == policy
        assert role.created_time.isdigit()
        assert role.links._self

        shown = caller("show_custom_policy", role_id=role.id)
        assert shown.status_code == 200
        assert raw_of(shown)["role"]["policy"] == policy
        assert shown.role.references == 0
        assert caller("keystone_show_permission", role_id=role.id).role.name == role.name
        listed = caller("list_custom_policies")
        assert listed.status_code == 200
        assert role.id in {one.id for one in listed.roles}
        assert listed.total_number == len(listed.roles)
        own = caller("keystone_list_permissions", domain_id=iam.account_id)
        assert role.id in {one.id for one in own.roles}
        assert {one.catalog for one in own.roles} == {"CUSTOMED"}

        change = role_body(description="changed")
        changed = caller("update_cloud_service_custom_policy", change, role_id=role.id)
        assert changed.status_code == 200
        assert (changed.role.id, changed.role.name) == (role.id, role.name)
        assert changed.role.description == "changed"
        assert changed.role.display_name == change["role"]["display_name"]
        assert raw_of(changed)["role"]["policy"] == change["role"]["policy"]

        removed = caller("delete_custom_policy", role_id=role.id)
        assert removed.status_code in {200, 204}
        assert caller.refused("show_custom_policy", role_id=role.id).status == 404

    def test_one_for_agencies(self, iam: IamServer) -> None:
        statement = {
            "Effect": "Allow",
            "Action": ["iam:agencies:assume"],
            "Resource": {"uri": [f"/iam/agencies/{NOWHERE}"]},
        }
        policy = {"Version": "1.1", "Statement": [statement]}
        made = iam.owner("create_agency_custom_policy", role_body(type="AX", policy=policy))
        assert made.status_code == 201
        assert raw_of(made)["role"]["policy"] == policy
        change = role_body(type="AX", policy=policy, description="other")
        changed = iam.owner("update_agency_custom_policy", change, role_id=made.role.id)
        assert changed.role.description == "other"

    def test_numbers_in_names_differ(self, iam: IamServer) -> None:
        names = {make_role(iam).name for _each in range(3)}
        assert len(names) == 3

    def test_a_list_in_pages(self, iam: IamServer) -> None:
        for _each in range(3):
            make_role(iam)
        whole = {role.id for role in iam.owner("list_custom_policies").roles}
        paged: set[str] = set()
        for page in range(1, len(whole) + 1):
            paged |= {r.id for r in iam.owner("list_custom_policies", page=page, per_page=1).roles}
        assert paged == whole

    def test_a_name_that_is_there_already_is_a_conflict(self, iam: IamServer) -> None:
        name = make_role(iam).display_name
        for taken in (name, "Tenant Guest"):
            body = role_body(display_name=taken)
            refused = iam.owner.refused("create_cloud_service_custom_policy", body)
            assert refused.status == 409, taken
            assert str(refused.code).startswith("IAM.")
        other = make_role(iam).id
        body = role_body(display_name=name)
        refused = iam.owner.refused("update_cloud_service_custom_policy", body, role_id=other)
        assert refused.status == 409

    @pytest.mark.parametrize(
        "fields",
        [
            {"display_name": None},
            {"display_name": ""},
            {"display_name": "n" * 65},
            {"type": None},
            {"type": "AA"},
            {"type": "XX"},
            {"policy": None},
            {"policy": {"Version": "1.1", "Statement": []}},
            {"policy": {"Version": "1.0", "Statement": [{"Effect": "Allow", "Action": ["a:b:c"]}]}},
            {"policy": {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": []}]}},
            {"policy": {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["a:b"]}]}},
            {"policy": {"Version": "1.1", "Statement": [{"Effect": "allow", "Action": ["a:b:c"]}]}},
            {
                "policy": {
                    "Version": "1.1",
                    "Statement": [{"Effect": "Allow", "Action": [f"a:b:{n}" for n in range(101)]}],
                }
            },
        ],
    )
    def test_what_is_no_policy_is_refused(self, iam: IamServer, fields: dict[str, Any]) -> None:
        refused = iam.owner.refused("create_cloud_service_custom_policy", role_body(**fields))
        assert refused.status == 400
        assert str(refused.code).startswith("IAM.")
        assert refused.text

    def test_the_systems_entries_are_nobodys_to_change(self, iam: IamServer) -> None:
        guest = iam.role_id("Tenant Guest")
        for refused in (
            iam.owner.refused("update_cloud_service_custom_policy", role_body(), role_id=guest),
            iam.owner.refused("delete_custom_policy", role_id=guest),
            iam.owner.refused("show_custom_policy", role_id=guest),
        ):
            assert refused.status in {403, 404}
        assert iam.role_id("Tenant Guest") == guest

    def test_a_policy_that_is_granted_is_told_so_and_stays(self, iam: IamServer) -> None:
        role = make_role(iam)
        place = {"domain_id": iam.account_id, "group_id": iam.make_group(), "role_id": role.id}
        iam.owner("update_domain_group_inherit_role", **place)
        assert iam.owner("show_custom_policy", role_id=role.id).role.references == 1
        assert iam.owner.refused("delete_custom_policy", role_id=role.id).status == 409
        iam.owner("delete_domain_group_inherited_role", **place)
        assert iam.owner("delete_custom_policy", role_id=role.id).status_code in {200, 204}

    def test_only_with_the_right(self, iam: IamServer, guest: Person) -> None:
        caller, role = iam.caller(guest.key), make_role(iam)
        for refused in (
            caller.refused("create_cloud_service_custom_policy", role_body()),
            caller.refused("list_custom_policies"),
            caller.refused("show_custom_policy", role_id=role.id),
            caller.refused("update_cloud_service_custom_policy", role_body(), role_id=role.id),
            caller.refused("delete_custom_policy", role_id=role.id),
        ):
            assert refused.status == 403
            assert refused.code in {"IAM.0002", "IAM.0003"}


PLACES = {
    "domain": (
        "keystone_associate_group_with_domain_permission",
        "keystone_check_domain_permission_for_group",
        "keystone_remove_domain_permission_from_group",
        "keystone_list_domain_permissions_for_group",
    ),
    "project": (
        "keystone_associate_group_with_project_permission",
        "keystone_check_project_permission_for_group",
        "keystone_remove_project_permission_from_group",
        "keystone_list_project_permissions_for_group",
    ),
    "inherited": (
        "update_domain_group_inherit_role",
        "keystone_checkrole_for_group",
        "delete_domain_group_inherited_role",
        "keystone_list_all_project_permissions_for_group",
    ),
}


@pytest.mark.parametrize("place", PLACES)
class TestGrants:
    def where(self, iam: IamServer, place: str) -> dict[str, str]:
        if place == "project":
            return {"project_id": iam.project_id}
        return {"domain_id": iam.account_id}

    def test_a_role_is_given_seen_and_taken(
        self, iam: IamServer, manager: Person, place: str
    ) -> None:
        grant, check, remove, show = PLACES[place]
        caller, where = iam.caller(manager.key), self.where(iam, place)
        where["group_id"] = iam.make_group()
        both = where | {"role_id": iam.role_id("Tenant Guest")}
        assert caller(show, **where).roles == []
        assert caller.refused(check, **both).status == 404
        for _again in range(2):
            given = caller(grant, **both)
            assert (given.status_code, given.raw_content) == (204, b"")
        assert caller(check, **both).status_code == 204
        listed = caller(show, **where)
        assert listed.status_code == 200
        role = listed.roles[0]
        assert [one.id for one in listed.roles] == [both["role_id"]]
        assert (role.name, role.display_name) == ("readonly", "Tenant Guest")
        assert role.policy.version == "1.0"
        assert role.links._self
        assert listed.links._self
        for other, operations in PLACES.items():
            if other != place:
                elsewhere = self.where(iam, other) | {"group_id": where["group_id"]}
                assert caller(operations[3], **elsewhere).roles == []
        taken = caller(remove, **both)
        assert (taken.status_code, taken.raw_content) == (204, b"")
        assert caller.refused(check, **both).status == 404
        assert caller.refused(remove, **both).status == 404
        assert caller(show, **where).roles == []

    def test_everything_that_is_named_must_be_there(self, iam: IamServer, place: str) -> None:
        grant, check, remove, show = PLACES[place]
        good = self.where(iam, place) | {
            "group_id": iam.make_group(),
            "role_id": iam.role_id("Tenant Guest"),
        }
        for name in good:
            bad = good | {name: NOWHERE}
            expected = {403, 404} if name == "domain_id" else {404}
            for operation in (grant, check, remove):
                refused = iam.owner.refused(operation, **bad)
                assert refused.status in expected, (operation, name)
            if name != "role_id":
                del bad["role_id"]
                assert iam.owner.refused(show, **bad).status in expected
        del good["role_id"]
        assert iam.owner(show, **good).roles == []

    def test_a_role_that_means_nothing_there_is_not_given(self, iam: IamServer, place: str) -> None:
        name = "OBS Buckets Viewer"
        role_id = make_role(iam).id if place == "domain" else iam.role_id(name)
        both = self.where(iam, place) | {"group_id": iam.make_group(), "role_id": role_id}
        assert 400 <= iam.owner.refused(PLACES[place][0], **both).status < 404

    def test_only_with_the_right(self, iam: IamServer, guest: Person, place: str) -> None:
        caller = iam.caller(guest.key)
        where = self.where(iam, place) | {"group_id": guest.group_ids[0]}
        both = where | {"role_id": iam.role_id("Tenant Administrator")}
        grant, check, remove, show = PLACES[place]
        for operation in (grant, check, remove):
            assert caller.refused(operation, **both).status == 403, operation
        assert caller.refused(show, **where).status == 403

    def test_a_grant_counts_for_a_users_tokens_at_once(self, iam: IamServer, place: str) -> None:
        person = iam.make_person(password=GOOD_PASSWORD)
        scope: dict[str, Any] = {"project": {"id": iam.project_id}}
        if place == "domain":
            scope = {"domain": {"id": iam.account_id}}
        assert not iam.log_in(person.name, GOOD_PASSWORD, **scope).token.roles
        both = self.where(iam, place) | {
            "group_id": person.group_ids[0],
            "role_id": iam.role_id("Tenant Guest"),
        }
        iam.owner(PLACES[place][0], **both)
        roles = iam.log_in(person.name, GOOD_PASSWORD, **scope).token.roles
        assert [role.name for role in roles] == ["readonly"]


class TestAssignments:
    @pytest.fixture(scope="class")
    def granted(self, iam: IamServer) -> Person:
        guest, viewer = iam.role_id("Tenant Guest"), iam.role_id("OBS Buckets Viewer")
        person = iam.make_person(globally=[guest, viewer], everywhere=[guest])
        iam.owner(
            "keystone_associate_group_with_project_permission",
            project_id=iam.project_id,
            group_id=person.group_ids[0],
            role_id=iam.role_id("Tenant Administrator"),
        )
        return person

    def found(self, iam: IamServer, **query: Any) -> list[Any]:
        listed = iam.owner("show_domain_role_assignments", domain_id=iam.account_id, **query)
        assert listed.status_code == 200
        assert listed.total_num >= len(listed.role_assignments)
        return list(listed.role_assignments)

    def test_a_groups_grants_in_all_three_places(self, iam: IamServer, granted: Person) -> None:
        group_id = granted.group_ids[0]
        found = self.found(iam, subject_group_id=group_id)
        assert len(found) == 4
        assert {one.group.id for one in found} == {group_id}
        guest = iam.role_id("Tenant Guest")
        told = {(one.role.id, bool(one.scope.project), one.is_inherited) for one in found}
        assert told == {
            (guest, False, False),
            (iam.role_id("OBS Buckets Viewer"), False, False),
            (guest, False, True),
            (iam.role_id("Tenant Administrator"), True, False),
        }
        for one in found:
            if one.scope.project:
                assert one.scope.project.id == iam.project_id
            else:
                assert one.scope.domain.id == iam.account_id

    def test_filters(self, iam: IamServer, granted: Person) -> None:
        group = {"subject_group_id": granted.group_ids[0]}
        guest = iam.role_id("Tenant Guest")
        assert len(self.found(iam, role_id=guest, **group)) == 2
        assert len(self.found(iam, scope_project_id=iam.project_id, **group)) == 1
        assert len(self.found(iam, scope_domain_id=iam.account_id, **group)) == 2
        inherited = self.found(iam, scope_domain_id=iam.account_id, is_inherited=True, **group)
        assert [one.role.id for one in inherited] == [guest]
        assert {one.role.id for one in self.found(iam, subject_user_id=granted.id)} == {
            guest,
            iam.role_id("OBS Buckets Viewer"),
            iam.role_id("Tenant Administrator"),
        }
        assert len(self.found(iam, subject="group")) >= 4
        assert self.found(iam, subject_group_id=NOWHERE) == []
        paged = iam.owner(
            "show_domain_role_assignments",
            domain_id=iam.account_id,
            page=2,
            per_page=3,
            **group,
        )
        assert (len(paged.role_assignments), paged.total_num) == (1, 4)

    def test_only_ones_own_account_and_only_with_the_right(
        self, iam: IamServer, guest: Person
    ) -> None:
        operation = "show_domain_role_assignments"
        assert iam.owner.refused(operation, domain_id=NOWHERE).status == 403
        refused = iam.caller(guest.key).refused(operation, domain_id=iam.account_id)
        assert refused.status == 403
        for wrong in (
            {"subject": "everyone"},
            {"scope": "galaxy"},
            {"subject_group_id": NOWHERE, "subject_user_id": NOWHERE},
        ):
            refused = iam.owner.refused(operation, domain_id=iam.account_id, **wrong)
            assert refused.status == 400, wrong
