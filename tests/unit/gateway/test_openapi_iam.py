"""The description of IAM's calls is what the calls really take and answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from gallery_server import photo
from in_process import REGIONS, House, open_house
from painted_faces import SMALL, face
from starlette.applications import Starlette
from starlette.testclient import TestClient
from table_of_calls import table_of_calls

from huiyan.gateway.openapi import build_document
from huiyan.gateway.openapi_iam import describe_operations
from huiyan.gateway.openapi_page import render_page
from huiyan.iam.call import Operation, nobody
from huiyan.iam.errors_wire import Shape
from huiyan.iam.http import call_routes
from huiyan.iam.people.model import UserChange

OPERATIONS = table_of_calls()
DESCRIBED = describe_operations(OPERATIONS)
DOCUMENT = build_document([], OPERATIONS)
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
GUEST, VIEWER = "3bd2f52646b39a603820b0ca7b32f686", "11c6df5e7ecf68de5601b48b382696cd"
PASSWORD = "Correct-horse7"


def described(operation: Operation) -> dict[str, Any]:
    one: dict[str, Any] = DESCRIBED.paths[operation.path][operation.method.lower()]
    return one


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = DOCUMENT
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return {**found}


def faults(value: Any, schema: dict[str, Any], place: str = "$") -> Iterator[str]:
    """Name every place where JSON is not as described; a field that is not told is a fault."""
    schema = resolve(schema)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(type(value) in KINDS[kind] for kind in kinds):
        yield f"{place}: {value!r} is none of {kinds}"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, schema["items"], f"{place}[{index}]")
    elif isinstance(value, dict) and "properties" in schema:
        yield from (
            f"{place}.{one}: missing" for one in set(schema.get("required", ())) - set(value)
        )
        for one, inner in value.items():
            if one in schema["properties"]:
                yield from faults(inner, schema["properties"][one], f"{place}.{one}")
            else:
                yield f"{place}.{one}: not told"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {schema['enum']}"


class Told:
    """Makes calls as one user, and holds each to its description, the request too."""

    def __init__(self, client: TestClient, token: str = "") -> None:
        self.client = client
        self.token = token
        self.made: set[str] = set()

    def __call__(
        self,
        method: str,
        template: str,
        body: Any = None,
        status: int = 200,
        *,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        **path: str,
    ) -> Any:
        told = DOCUMENT["paths"][template][method.lower()]
        self.made.add(f"{method} {template}")
        if body is not None:
            given = told["requestBody"]["content"]
            if not isinstance(body, bytes):
                assert list(faults(body, given["application/json"]["schema"])) == []
        known = {one["name"] for one in told.get("parameters", ()) if one["in"] == "query"}
        assert set(query or ()) <= known
        sent = {"X-Auth-Token": self.token} if self.token else {}
        reply = self.client.request(
            method,
            template.format(**path),
            **{"content" if isinstance(body, bytes) else "json": body},
            headers=sent | (headers or {}),
            params=query,
        )
        assert reply.status_code == status, reply.text
        answer = resolve(told["responses"][str(status)])
        assert set(answer["headers"]) <= {
            one.title().replace("Iam", "IAM") for one in reply.headers
        }
        if method == "HEAD" or status == 204:
            assert reply.content == b""
            return None
        media = answer["content"].get("application/json")
        if media is None:
            assert reply.headers["content-type"].partition(";")[0] in answer["content"]
            return reply.content
        document = reply.json()
        assert list(faults(document, media["schema"])) == []
        return document


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = open_house(tmp_path_factory.mktemp("house"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def owner(house: House) -> Iterator[Told]:
    parts = house.parts
    people, directory = parts.people, parts.identity.directory
    user = next(user for user in directory.users.values() if user.is_owner)
    people.change_user(user.account_id, user.id, UserChange(password=PASSWORD))
    routes = call_routes(house.operations, parts.desk, lambda *_: None)
    with TestClient(Starlette(routes=routes), base_url="http://127.0.0.1:8686") as client:
        told = Told(client)
        told.token = log_in(told, user.id)
        yield told


def log_in(told: Told, user_id: str, **scope: Any) -> str:
    proof = {"id": user_id, "password": PASSWORD}
    identity = {"methods": ["password"], "password": {"user": proof}}
    body = {"auth": {"identity": identity, **({"scope": scope} if scope else {})}}
    told("POST", "/v3/auth/tokens", body, 201)
    reply = told.client.post("/v3/auth/tokens", json=body)
    return str(reply.headers["x-subject-token"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=name)
def test_a_call_says_what_it_needs_as_the_table_does(operation: Operation) -> None:
    told = described(operation)
    assert told["x-action"] == operation.action
    if operation.own is not nobody or operation.by_any_role:
        assert told["x-action-exception"]["x-description-zh"]
    if not operation.is_open:
        assert {} not in told["security"]
        assert len(told["security"]) == 3
    else:
        assert told["security"] == [] or {} in told["security"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=name)
def test_a_call_tells_its_faults_in_its_shape(operation: Operation) -> None:
    shape = {Shape.KEYSTONE: "Keystone", Shape.CODED: "Coded", Shape.OWN: "Own"}[operation.shape]
    statuses = described(operation)["responses"]
    successes = [status for status in statuses if status < "400"]
    assert len(successes) == 1
    for status in set(statuses) - set(successes):
        assert statuses[status] == {"$ref": f"#/components/responses/{shape}{status}"}
    assert ("401" in statuses) is (
        operation.is_open is False or described(operation)["security"] != []
    )
    if operation.method in {"PUT", "POST", "PATCH"} and successes != ["204"]:
        assert "requestBody" in described(operation)
    if operation.method == "GET":
        assert "requestBody" not in described(operation)


def test_no_line_is_lost_or_made_up() -> None:
    told = {(method.upper(), path) for path, item in DESCRIBED.paths.items() for method in item}
    assert told == {(operation.method, operation.path) for operation in OPERATIONS}
    assert len(told) == len(OPERATIONS)


def test_without_operations_there_are_no_paths() -> None:
    assert describe_operations([]).paths == {}


def test_every_schema_parameter_and_fault_is_used() -> None:
    text = json.dumps(DOCUMENT)
    for kind in ("schemas", "responses"):
        for one in DOCUMENT["components"][kind]:
            if kind == "schemas" or one.startswith("Keystone"):
                assert f'"#/components/{kind}/{one}"' in text, one


def test_the_page_keeps_them_closed_until_a_group_is_opened() -> None:
    page = render_page(DOCUMENT, "en").decode()
    assert page.count('<details class="group">') == len(DESCRIBED.tags)
    assert 'open="open"' not in page
    for body in ("error.code error.message error.title", "error_code error_msg"):
        assert (
            "</span>" + " ".join(f"<code>{name}</code>" for name in body.split()) + "</p>" in page
        )
    for operation in OPERATIONS:
        if operation.action:
            assert f"<code>{operation.action}</code>" in page


def walk_projects_and_tokens(owner: Told, house: House) -> None:
    project_id = house.account.project_ids[REGIONS[0]]
    owner("GET", "/v3/projects", query={"name": REGIONS[0], "page": "1", "per_page": "5"})
    owner("GET", "/v3/auth/projects")
    owner("GET", "/v3/projects/{project_id}", project_id=project_id)
    owner("GET", "/v3/projects/{project_id}", project_id="nowhere", status=404)
    owner("GET", "/v3/auth/domains")
    owner("GET", "/v5/caller-identity")
    owner("GET", "/v3")
    owner("GET", "/")
    owner("GET", "/v3/auth/catalog")
    owner("GET", "/v3/auth/tokens", headers={"X-Subject-Token": owner.token})
    token = {"methods": ["token"], "token": {"id": owner.token, "duration_seconds": 900}}
    narrowing = {
        "Version": "1.1",
        "Statement": [{"Effect": "Allow", "Action": ["image:*:run"]}],
    }
    body: Any = {"auth": {"identity": {**token, "policy": narrowing}}}
    owner("POST", "/v3.0/OS-CREDENTIAL/securitytokens", body, 201)


def walk_users(owner: Told, house: House) -> str:
    new = {
        "name": "scanner",
        "domain_id": house.account_id,
        "password": PASSWORD,
        "description": "质检",
    }
    newer, one = "/v3.0/OS-USER/users", "/v3.0/OS-USER/users/{user_id}"
    user_id = owner("POST", newer, {"user": new}, 201)["user"]["id"]
    owner("POST", newer, {"user": new}, 409)
    owner("POST", newer, {"user": {**new, "name": "b", "password": "short"}}, 400)
    owner("GET", one, user_id=user_id)
    owner("PUT", one, {"user": {"email": "a@example.com"}}, user_id=user_id)
    short = owner("POST", "/v3/users", {"user": {"name": "short"}}, 201)["user"]["id"]
    owner("GET", "/v3/users", query={"enabled": "true"})
    owner("GET", "/v3/users/{user_id}", user_id=short)
    owner("GET", "/v3/users/{user_id}/projects", user_id=short)
    owner("PATCH", "/v3/users/{user_id}", {"user": {"enabled": False}}, user_id=short)
    owner("DELETE", "/v3/users/{user_id}", user_id=short, status=204)

    user = Told(owner.client)
    user.token = log_in(user, user_id)
    user("PUT", f"{one}/info", {"user": {"mobile": "0086-123"}}, 204, user_id=user_id)
    user("GET", "/v3/users", status=403)
    passwords = {"user": {"password": "Another-horse8", "original_password": PASSWORD}}
    user("POST", "/v3/users/{user_id}/password", passwords, 204, user_id=user_id)
    user("GET", "/v3/auth/domains", status=401)
    owner.made |= user.made
    return str(user_id)


def walk_groups_and_keys(owner: Told, user_id: str) -> None:
    group_id = owner("POST", "/v3/groups", {"group": {"name": "检测"}}, 201)["group"]["id"]
    owner("GET", "/v3/groups")
    group = "/v3/groups/{group_id}"
    owner("GET", group, group_id=group_id)
    owner("PATCH", group, {"group": {"description": "d"}}, group_id=group_id)
    member: dict[str, str] = {"group_id": group_id, "user_id": user_id}
    owner("PUT", f"{group}/users/{{user_id}}", None, 204, **member)
    owner("HEAD", f"{group}/users/{{user_id}}", None, 204, **member)
    owner("GET", f"{group}/users", group_id=group_id)
    owner("GET", "/v3/users/{user_id}/groups", user_id=user_id)
    owner("DELETE", f"{group}/users/{{user_id}}", None, 204, **member)

    keys = "/v3.0/OS-CREDENTIAL/credentials"
    made = owner("POST", keys, {"credential": {"user_id": user_id}}, 201)["credential"]["access"]
    owner("GET", keys, query={"user_id": user_id})
    one_key = f"{keys}/{{access_key}}"
    owner("GET", one_key, access_key=made)
    owner("PUT", one_key, {"credential": {"status": "inactive"}}, access_key=made)
    owner("DELETE", one_key, None, 204, access_key=made)
    owner("DELETE", group, None, 204, group_id=group_id)


def walk_roles_grants_and_agencies(owner: Told, house: House) -> None:
    domain_id, project_id = house.account_id, house.account.project_ids[REGIONS[0]]
    owner("GET", "/v3/roles", query={"permission_type": "role", "type": "all"})
    owner("GET", "/v3/roles/{role_id}", role_id=GUEST)
    statement = {
        "Effect": "Allow",
        "Action": ["image:tagging:run"],
        "Condition": {"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}},
    }
    policy = {"Version": "1.1", "Statement": [statement]}
    new = {"display_name": "one", "type": "XA", "policy": policy}
    custom, one = "/v3.0/OS-ROLE/roles", "/v3.0/OS-ROLE/roles/{role_id}"
    made = owner("POST", custom, {"role": new}, 201)["role"]["id"]
    owner("POST", custom, {"role": {**new, "display_name": " "}}, 400)
    owner("GET", custom, query={"page": "1", "per_page": "10"})
    owner("GET", "/v3/roles", query={"domain_id": domain_id})
    owner("GET", one, role_id=made)
    owner("PATCH", one, {"role": {"description": "d"}}, role_id=made)
    owner("DELETE", one, role_id=made)

    agencies = "/v3.0/OS-AGENCY/agencies"
    fresh = {"name": "obs", "domain_id": domain_id, "trust_domain_name": "op_svc_obs"}
    agency_id = owner("POST", agencies, {"agency": fresh}, 201)["agency"]["id"]
    owner("GET", agencies, query={"domain_id": domain_id})
    agency = f"{agencies}/{{agency_id}}"
    owner("GET", agency, agency_id=agency_id)
    owner("PUT", agency, {"agency": {"duration": "ONEDAY"}}, agency_id=agency_id)
    group_id = owner("POST", "/v3/groups", {"group": {"name": "granted"}}, 201)["group"]["id"]

    ids = {"domain_id": domain_id, "project_id": project_id}
    ids |= {"group_id": group_id, "agency_id": agency_id, "role_id": GUEST}
    grants = [
        operation.path
        for operation in OPERATIONS
        if operation.method == "PUT" and "/roles/{role_id}" in operation.path
    ]
    assert len(grants) == 6
    for path in grants:
        owner("PUT", path, None, 204, **ids)
        owner("HEAD", path, None, 204, **ids)
        owner("GET", path.replace("/{role_id}", ""), None, 200, **ids)
    found = owner("GET", "/v3.0/OS-PERMISSION/role-assignments", query={"domain_id": domain_id})
    assert found["total_num"] == 6
    for path in grants:
        owner("DELETE", path, None, 204, **ids)
    owner("DELETE", agency, None, 204, agency_id=agency_id)
    owner("GET", agency, None, 404, agency_id=agency_id)


def walk_services_and_audit_log(owner: Told, house: House) -> None:
    project = {"project_id": house.account.project_ids[REGIONS[0]]}
    own = "/huiyan/v1/{project_id}"
    owner("GET", f"{own}/services", **project)
    change = {"service": {"enabled": False}}
    owner("PUT", f"{own}/services/{{service}}", change, service="image", **project)
    owner("PUT", f"{own}/services/{{service}}", change, 404, service="nothing", **project)
    records = f"{own}/audit/records"
    page = owner("GET", records, query={"scope": "account", "limit": "2"}, **project)
    assert page["records"]
    assert owner("GET", f"{own}/audit/export", query={"format": "csv"}, **project)
    owner("GET", records, None, 400, query={"scope": "nowhere"}, **project)


def walk_gallery(owner: Told, house: House) -> None:
    project: dict[str, Any] = {"project_id": house.account.project_ids[REGIONS[0]]}
    path = "/huiyan/v1/{project_id}/gallery"
    people, one = f"{path}/people", f"{path}/people/{{person_id}}"
    owner("GET", path, **project)
    owner("PATCH", path, {"gallery": {"keeps_pictures": True}}, **project)
    facts = {"name": {"zh": "李雷"}, "aliases": ["Li"], "occupation": "演员"}
    body = {"person": facts, "photos": [photo(face(1), at={"x": 1, "y": 2.5})]}
    made = owner("POST", people, body, 201, **project)["person"]["id"]
    owner("POST", people, {"person": facts, "photos": [photo()]}, 400, **project)
    other = owner("POST", people, body, 201, **project)["person"]["id"]
    person: dict[str, Any] = {**project, "person_id": made}
    owner("GET", people, query={"text": "李", "enabled": "true", "limit": "1"}, **project)
    owner("GET", one, **person)
    owner("PATCH", one, {"person": {"enabled": True, "link": "https://a.test/"}}, **person)
    assert owner("GET", f"{path}/duplicates", query={"limit": "5"}, **project)["duplicates"]
    owner("POST", f"{one}/merge", {"from": [other]}, **person)
    owner("GET", one, None, 404, **{**person, "person_id": other})
    owner("POST", f"{one}/photos", {"photos": [photo(face(1, 2))]}, 201, **person)
    owner("POST", f"{one}/photos", {"photos": [photo(face(1, 2))]}, 409, **person)
    found = owner("GET", f"{one}/photos", **person)["photos"][-1]["id"]
    owner("GET", f"{one}/photos/{{photo_id}}/picture", photo_id=found, **person)
    owner("DELETE", f"{one}/photos/{{photo_id}}", None, 204, photo_id=found, **person)
    searched = photo(face(1, 3), face(2, 1, SMALL), limit=2)
    assert len(owner("POST", f"{path}/search", searched, **project)["faces"]) == 2
    exported = owner("GET", f"{path}/export", query={"pictures": "true"}, **project)
    owner("DELETE", one, None, 204, **person)
    owner("POST", f"{path}/import", exported, **project)
    owner("POST", f"{path}/import", exported[:-9], 400, **project)
    owner("DELETE", path, None, 204, **project)


def test_every_call_takes_and_answers_what_is_described(owner: Told, house: House) -> None:
    walk_projects_and_tokens(owner, house)
    walk_groups_and_keys(owner, walk_users(owner, house))
    walk_roles_grants_and_agencies(owner, house)
    owner_id = owner("GET", "/v5/caller-identity")["principal_id"]
    in_project = Told(owner.client)
    in_project.token = log_in(
        in_project, owner_id, project={"id": house.account.project_ids[REGIONS[0]]}
    )
    walk_gallery(in_project, house)
    walk_services_and_audit_log(in_project, house)
    made = owner.made | in_project.made
    assert {name(operation) for operation in OPERATIONS} - made == set()
