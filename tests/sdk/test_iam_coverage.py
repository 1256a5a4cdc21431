"""That the vendor's IAM client was tried on every route it knows, and how answers are checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from official_iam import OpenIam, filled, open_iam, type_faults

CONTRACT = [
    "keystone_create_user_token_by_password",
    "keystone_create_agency_token",
    "keystone_validate_token",
    "create_temporary_access_key_by_token",
    "create_temporary_access_key_by_agency",
    "keystone_list_projects",
    "keystone_list_auth_projects",
    "keystone_show_project",
    "keystone_list_projects_for_user",
    "keystone_list_auth_domains",
    "keystone_create_group",
    "keystone_list_groups",
    "keystone_show_group",
    "keystone_update_group",
    "keystone_delete_group",
    "create_user",
    "keystone_create_user",
    "keystone_list_users",
    "keystone_show_user",
    "show_user",
    "keystone_update_user_by_admin",
    "update_user",
    "keystone_delete_user",
    "keystone_add_user_to_group",
    "keystone_check_user_in_group",
    "keystone_remove_user_from_group",
    "keystone_list_users_for_group_by_admin",
    "keystone_list_groups_for_user",
    "keystone_update_user_password",
    "create_permanent_access_key",
    "list_permanent_access_keys",
    "show_permanent_access_key",
    "update_permanent_access_key",
    "delete_permanent_access_key",
    "keystone_list_permissions",
    "keystone_show_permission",
    "keystone_associate_group_with_domain_permission",
    "keystone_check_domain_permission_for_group",
    "keystone_remove_domain_permission_from_group",
    "keystone_list_domain_permissions_for_group",
    "keystone_associate_group_with_project_permission",
    "keystone_check_project_permission_for_group",
    "keystone_remove_project_permission_from_group",
    "keystone_list_project_permissions_for_group",
    "update_domain_group_inherit_role",
    "keystone_checkrole_for_group",
    "delete_domain_group_inherited_role",
    "keystone_list_all_project_permissions_for_group",
    "show_domain_role_assignments",
    "create_cloud_service_custom_policy",
]
"""Every call that must be there, by the client's names for them."""

NOT_TRIED = {
    "keystone_create_scoped_token": "federation; its body is another one",
    "keystone_create_user_token_by_password_and_mfa": "no second factor here",
}
"""Calls that share a path with one that is served, and are not."""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIam]:
    with open_iam(tmp_path_factory.mktemp("iam")) as opened:
        yield opened


def client_operations() -> dict[str, tuple[str, str]]:
    """Give the client's calls: name to method and path."""
    from huaweicloudsdkiam.v3 import IamClient, model  # noqa: PLC0415 -- after HOME was moved

    found = {}
    for name in dir(IamClient):
        inner = re.fullmatch(r"_(\w+)_http_info", name)
        if inner is not None:
            kind = "".join(part[:1].upper() + part[1:] for part in inner[1].split("_"))
            told: Any = getattr(IamClient, name)(getattr(model, f"{kind}Request")())
            found[inner[1]] = (told["method"], told["resource_path"])
    return found


def test_every_call_of_the_contract_is_served_and_tried(opened: OpenIam) -> None:
    served = {(operation.method, operation.path) for operation in opened.house.parts.operations}
    known = client_operations()
    assert len(known) > 100
    assert {name for name in CONTRACT if known[name] not in served} == set()
    tests = "".join(
        path.read_text("utf-8")
        for path in Path(__file__).parent.glob("test_iam_*.py")
        if path != Path(__file__)
    )
    wanted = {name for name, route in known.items() if route in served} - NOT_TRIED.keys()
    assert wanted >= set(CONTRACT)
    assert {name for name in wanted if f'"{name}"' not in tests} == set()


@pytest.mark.usefixtures("opened")
class TestTheCheckOfTypes:
    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            ({"id": 5}, "ProjectResult"),
            ({"enabled": "true"}, "ProjectResult"),
            ({"links": []}, "ProjectResult"),
            ([], "ProjectResult"),
            ({"projects": [{"links": {"self": 1}}]}, "KeystoneListProjectsResponse"),
            ({"projects": {}}, "KeystoneListProjectsResponse"),
            ({"group": {"create_time": "1"}}, "KeystoneShowGroupResponse"),
            ({"group": {"create_time": True}}, "KeystoneShowGroupResponse"),
            ({"group": {"create_time": 1.5}}, "KeystoneShowGroupResponse"),
            ({"Condition": {"StringEquals": {"k": "v"}}}, "CustomStatement"),
        ],
    )
    def test_finds_a_value_of_another_type(self, value: Any, kind: str) -> None:
        assert type_faults(value, kind)

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            ({}, "ProjectResult"),
            ({"id": None, "unknown": object()}, "ProjectResult"),
            ({"group": {"create_time": 1}}, "KeystoneShowGroupResponse"),
            ({"Condition": {"StringEquals": {"k": ["v"]}}}, "CustomStatement"),
            ({"Resource": {"uri": []}, "Action": ["a"]}, "CustomStatement"),
        ],
    )
    def test_finds_nothing_in_a_good_one(self, value: Any, kind: str) -> None:
        assert type_faults(value, kind) == []

    def test_a_field_that_the_client_does_not_have_is_a_mistake(self) -> None:
        with pytest.raises(KeyError):
            filled("KeystoneCreateGroupRequestBody", {"group": {"nmae": "x"}})
