import json
from typing import Any

import pytest
from signed_call import SignedRequest

from huiyan.iam.directory.model import Grant
from huiyan.iam.policy.system import SECURITY_ADMINISTRATOR, SYSTEM_ROLES, TENANT_GUEST

CUSTOM = "/v3.0/OS-ROLE/roles"
READER: dict[str, Any] = {
    "Version": "1.1",
    "Statement": [{"Effect": "Allow", "Action": ["obs:bucket:ListBucket"]}],
}


def make(house: Any, tenant: Any, document: dict[str, Any], **changes: object) -> Any:
    return house.call(tenant.owner, "POST", CUSTOM, {"role": {**document, **changes}})


def test_any_user_may_list_the_systems_roles(house: Any, tenant: Any) -> None:
    nobody = house.user(tenant.id, "nobody")
    reply = house.call(nobody, "GET", "/v3/roles")
    assert reply.status_code == 200
    assert reply.json()["total_number"] == len(SYSTEM_ROLES)
    assert reply.json()["links"] == {
        "self": "http://testserver/v3/roles",
        "next": None,
        "previous": None,
    }
    guest = next(role for role in reply.json()["roles"] if role["name"] == "readonly")
    assert guest["policy"]["Version"] == "1.0"
    assert guest | {"policy": None} == {
        "id": TENANT_GUEST.id,
        "name": "readonly",
        "display_name": "Tenant Guest",
        "catalog": "BASE",
        "type": "AA",
        "description": TENANT_GUEST.description,
        "description_cn": TENANT_GUEST.description_cn,
        "domain_id": None,
        "policy": None,
        "links": {
            "self": f"http://testserver/v3/roles/{TENANT_GUEST.id}",
            "next": None,
            "previous": None,
        },
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("display_name=absent", []),
        ("display_name=Tenant%20Guest", ["readonly"]),
        ("display_name=Administrator", ["te_admin", "secu_admin", "obs_adm"]),
        ("display_name=", None),
        ("name=obs_b_list", ["obs_b_list"]),
        ("name=obs", []),
        ("permission_type=policy", ["system_all_64", "system_all_72", "obs_adm"]),
        ("permission_type=role", ["readonly", "te_admin", "secu_admin", "obs_b_list"]),
        ("type=project", ["readonly", "te_admin"]),
        ("type=domain", None),
        ("type=all", None),
        ("catalog=BASE", ["readonly", "te_admin", "secu_admin"]),
        ("catalog=BAS", []),
        ("page=2&per_page=2", ["secu_admin", "obs_b_list"]),
        ("page=9&per_page=2", []),
    ],
)
def test_the_systems_roles_can_be_filtered_and_paged(
    house: Any, tenant: Any, query: str, names: list[str] | None
) -> None:
    reply = house.call(tenant.owner, "GET", "/v3/roles", query=query)
    wanted = [role.name for role in SYSTEM_ROLES] if names is None else names
    assert [role["name"] for role in reply.json()["roles"]] == wanted
    if "page" in query:
        assert reply.json()["total_number"] == len(SYSTEM_ROLES)


@pytest.mark.parametrize("query", ["type=AX", "permission_type=both", "page=0", "per_page=x"])
def test_an_unknown_word_in_the_query_is_named(house: Any, tenant: Any, query: str) -> None:
    reply = house.call(tenant.owner, "GET", "/v3/roles", query=query)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"].startswith(query.partition("=")[0])


def test_policies_of_the_system_are_flagged(house: Any, tenant: Any) -> None:
    reply = house.call(tenant.owner, "GET", "/v3/roles", query="name=obs_adm")
    assert reply.json()["roles"][0]["flag"] == "fine_grained"


def test_the_accounts_own_policies_need_the_right_and_the_own_account(
    house: Any, tenant: Any, other: Any, document: dict[str, Any]
) -> None:
    made = make(house, tenant, document).json()["role"]
    own = f"domain_id={tenant.id}"
    listed = house.call(tenant.owner, "GET", "/v3/roles", query=own).json()
    assert [role["id"] for role in listed["roles"]] == [made["id"]]
    # The kind of the system's entries does not matter here.
    listed = house.call(tenant.owner, "GET", "/v3/roles", query=f"{own}&permission_type=role")
    assert len(listed.json()["roles"]) == 1
    nobody = house.user(tenant.id, "nobody")
    assert house.call(nobody, "GET", "/v3/roles", query=own).status_code == 403
    assert house.call(other.owner, "GET", "/v3/roles", query=own).status_code == 403


def test_a_role_is_shown_to_its_account_and_the_systems_to_all(
    house: Any, tenant: Any, other: Any, document: dict[str, Any]
) -> None:
    path = f"/v3/roles/{make(house, tenant, document).json()['role']['id']}"
    nobody = house.user(tenant.id, "nobody")
    shown = house.call(tenant.owner, "GET", path)
    assert shown.json()["role"]["display_name"] == "Bucket readers"
    assert house.call(nobody, "GET", path).status_code == 403
    assert house.call(nobody, "GET", f"/v3/roles/{TENANT_GUEST.id}").status_code == 200
    foreign = house.call(other.owner, "GET", path)
    assert foreign.status_code == 404
    assert foreign.json()["error"]["message"].startswith("Could not find role: ")


def test_a_custom_policy_is_made_shown_changed_and_removed(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    reply = make(house, tenant, document)
    assert reply.status_code == 201
    made = reply.json()["role"]
    assert made["created_time"] == made["updated_time"]
    assert made["created_time"].isdigit()
    assert made == {
        **document,
        "id": made["id"],
        "name": f"custom_{tenant.id}_1",
        "catalog": "CUSTOMED",
        "domain_id": tenant.id,
        "links": {"self": f"http://testserver/v3/roles/{made['id']}"},
        "created_time": made["created_time"],
        "updated_time": made["updated_time"],
    }
    path = f"{CUSTOM}/{made['id']}"
    shown = house.call(tenant.owner, "GET", path)
    assert shown.json()["role"] == {**made, "references": 0}
    changed = house.call(tenant.owner, "PATCH", path, {"role": {"policy": READER, "type": "XA"}})
    assert changed.status_code == 200
    assert changed.json()["role"]["policy"] == READER
    assert changed.json()["role"]["type"] == "XA"
    assert changed.json()["role"]["display_name"] == "Bucket readers"
    listed = house.call(tenant.owner, "GET", CUSTOM).json()
    assert listed["total_number"] == 1
    assert listed["roles"] == [changed.json()["role"]]
    gone = house.call(tenant.owner, "DELETE", path)
    assert (gone.status_code, gone.json()) == (200, {"message": "Delete success"})
    assert house.call(tenant.owner, "GET", path).status_code == 404
    assert house.call(tenant.owner, "DELETE", path).json()["error_code"] == "IAM.0007"


def test_the_list_of_custom_policies_has_pages(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    for name in ("c", "a", "b"):
        make(house, tenant, document, display_name=name)
    reply = house.call(tenant.owner, "GET", CUSTOM, query="page=2&per_page=2").json()
    assert [role["display_name"] for role in reply["roles"]] == ["c"]
    assert reply["total_number"] == 3


def test_a_policy_for_agencies_keeps_its_uris(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    statement = {
        "Effect": "Allow",
        "Action": ["iam:agencies:assume"],
        "Resource": {"uri": [f"/iam/agencies/{'a' * 32}"]},
    }
    policy = {"Version": "1.1", "Statement": [statement]}
    assert make(house, tenant, document, policy=policy).json()["role"]["policy"] == policy


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("display_name", None, "IAM.0072"),
        ("display_name", "", "IAM.0072"),
        ("display_name", 7, "IAM.0073"),
        ("display_name", "x" * 65, "IAM.0073"),
        ("display_name", " x", "IAM.0073"),
        ("display_name", "x\n", "IAM.0073"),
        ("display_name", "Security Administrator\u200b", "IAM.0073"),
        ("display_name", "Ｓecurity Administrator", "IAM.0073"),
        ("display_name", "\ud800", "IAM.0011"),
        ("type", None, "IAM.0072"),
        ("type", "AA", "IAM.0073"),
        ("type", ["AX"], "IAM.0073"),
        ("description", "x" * 256, "IAM.0073"),
        ("description_cn", {}, "IAM.0073"),
        ("policy", None, "IAM.0072"),
        ("policy", [], "IAM.0073"),
        ("policy", {**READER, "Version": "1.0"}, "IAM.0073"),
        ("policy", {**READER, "Statement": []}, "IAM.0073"),
        ("policy", {**READER, "Statement": READER["Statement"] * 9}, "IAM.0073"),
    ],
)
def test_a_malformed_field_of_a_policy_is_named(  # noqa: PLR0917 - one argument a fact
    house: Any, tenant: Any, document: dict[str, Any], field: str, value: object, code: str
) -> None:
    reply = make(house, tenant, document, **{field: value})
    assert reply.status_code == 400
    assert reply.json()["error_code"] == code
    if code != "IAM.0011":
        assert field in reply.json()["error_msg"]
    assert house.call(tenant.owner, "GET", CUSTOM).json()["roles"] == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b"[" * 60_000, b'{"role":' * 8_000, b'{"role":null}']
)
def test_a_body_that_is_no_policy_is_refused(house: Any, tenant: Any, body: bytes) -> None:
    signed = SignedRequest(tenant.owner.signer, "testserver", CUSTOM, body)
    reply = house.client.post(CUSTOM, content=body, headers=signed.headers)
    assert reply.status_code == 400
    assert reply.json()["error_code"] in {"IAM.0011", "IAM.0072"}


def test_a_deeply_nested_policy_is_refused(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    nested: object = "x"
    for _level in range(200):
        nested = {"Statement": [nested]}
    reply = make(house, tenant, document, policy=nested)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "IAM.0073")


def test_a_policy_of_more_than_6144_characters_is_refused(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    actions = [f"obs:bucket:{number:0>60}" for number in range(90)]
    policy = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": actions}]}
    reply = make(house, tenant, document, policy=policy)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "IAM.0073")


def test_a_policy_that_would_not_be_readable_as_it_is_stored_is_refused(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    # One text for a list of one is two characters shorter than what is stored.
    statement = {"Effect": "Allow", "Action": "a:b:c", "Resource": ["obs:*:*:bucket:x"]}
    policy = {"Version": "1.1", "Statement": [statement] * 8}
    statement["Resource"] = [f"obs:*:*:bucket:{number:0>80}" for number in range(7)]
    rest = 6144 - len(json.dumps(policy, separators=(",", ":")))
    policy["Statement"] = [statement] * 7 + [
        statement | {"Condition": {"StringEquals": {"g:UserName": ["x" * (rest - 52)]}}}
    ]
    size = len(json.dumps(policy, separators=(",", ":")))
    assert 6144 - 16 < size <= 6144
    reply = make(house, tenant, document, policy=policy)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "IAM.0073")
    assert house.identity.refresh() is False


def test_a_name_is_taken_once_and_the_systems_never(
    house: Any, tenant: Any, other: Any, document: dict[str, Any]
) -> None:
    assert make(house, tenant, document).status_code == 201
    assert make(house, other, document).status_code == 201
    assert make(house, tenant, document).status_code == 409
    second = make(house, tenant, document, display_name="Second").json()["role"]
    path = f"{CUSTOM}/{second['id']}"
    taken = house.call(tenant.owner, "PATCH", path, {"role": {"display_name": "Bucket readers"}})
    assert taken.status_code == 409
    assert make(house, tenant, document, display_name="Tenant Guest").status_code == 409
    same = house.call(tenant.owner, "PATCH", path, {"role": {"display_name": "Second"}})
    assert same.status_code == 200


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_another_accounts_policy_and_the_systems_are_not_found(
    house: Any, tenant: Any, other: Any, document: dict[str, Any], method: str
) -> None:
    made = make(house, tenant, document).json()["role"]["id"]
    body = {"role": {"display_name": "mine"}} if method == "PATCH" else None
    for role_id in (made, SECURITY_ADMINISTRATOR.id, "f" * 32, "%00", "x" * 500):
        reply = house.call(other.owner, method, f"{CUSTOM}/{role_id}", body)
        assert reply.status_code == 404
    assert house.call(tenant.owner, "GET", f"{CUSTOM}/{made}").status_code == 200


def test_policies_are_managed_by_security_administrators_only(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    user = house.user(tenant.id, "user", tenant.group_id)
    refused = house.call(user, "POST", CUSTOM, {"role": document})
    assert refused.status_code == 403
    assert refused.json() == {
        "error_code": "IAM.0003",
        "error_msg": (
            "You are not authorized to perform the requested action: iam:roles:createRole."
        ),
    }
    house.grants.grant(
        Grant(tenant.id, "group", tenant.group_id, SECURITY_ADMINISTRATOR.id, "domain", None)
    )
    assert house.call(user, "POST", CUSTOM, {"role": document}).status_code == 201
    refused_entry, asked, done = house.audit.entries
    assert (refused_entry.allowed, refused_entry.detail) == (False, {})
    assert asked.detail["role.display_name"] == document["display_name"]
    assert json.loads(asked.detail["role.policy"]) == document["policy"]
    assert (done.reason, list(done.detail)) == ("done", ["role.id"])
