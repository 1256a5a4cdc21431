from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from huiyan.iam.audit.repository import AuditRepository
from huiyan.iam.audit.service import AuditService
from huiyan.iam.desk import Desk
from huiyan.iam.http import call_routes
from huiyan.iam.projects.calls import project_operations
from huiyan.kernel.clock import SystemClock
from huiyan.web.request import RawRequest

Sign = Callable[..., RawRequest]
Get = Callable[..., Any]


def project_routes(installation: Any) -> list[Route]:
    clock = SystemClock()
    audit = AuditService(AuditRepository(installation.database), clock)
    desk = Desk(installation.service, audit, clock)
    return call_routes(project_operations(installation.service), desk, lambda *_told: None)


@pytest.fixture
def get(installation: Any, sign: Sign) -> Get:
    client = TestClient(Starlette(routes=project_routes(installation)))
    key = installation.made.key

    def get_signed(path: str, query: str = "", secret: str = key.secret_key) -> Any:
        signed = sign(key.access_key, secret, path, query)
        headers = {name.decode(): value.decode() for name, value in signed.headers}
        return client.get(f"{path}?{query}" if query else path, headers=headers)

    return get_signed


def test_projects_have_the_fields_that_clients_read(get: Get, installation: Any) -> None:
    reply = get("/v3/projects", "name=cn-north-4")
    account, project = installation.made.account, installation.made.projects[0]
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"] == reply.headers["x-iam-trace-id"]
    assert reply.json() == {
        "projects": [
            {
                "id": project.id,
                "name": "cn-north-4",
                "domain_id": account.id,
                "parent_id": account.id,
                "enabled": True,
                "is_domain": False,
                "description": "",
                "links": {"self": f"http://testserver/v3/projects/{project.id}"},
            }
        ],
        "links": {"self": "http://testserver/v3/projects", "next": None, "previous": None},
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=absent", []),
        ("name=", ["cn-east-3", "cn-north-4"]),
        ("enabled=true", ["cn-east-3", "cn-north-4"]),
        ("enabled=False", []),
        ("is_domain=true", []),
        ("is_domain=false", ["cn-east-3", "cn-north-4"]),
        ("domain_id=other", []),
        ("parent_id=other", []),
        ("page=1&per_page=1", ["cn-east-3"]),
        ("page=2&per_page=1", ["cn-north-4"]),
        ("page=3&per_page=1", []),
        ("page=2", []),
        ("unknown=1", ["cn-east-3", "cn-north-4"]),
    ],
)
def test_projects_can_be_filtered_and_paged(get: Get, query: str, names: list[str]) -> None:
    reply = get("/v3/projects", query)
    assert reply.status_code == 200
    assert [project["name"] for project in reply.json()["projects"]] == names


def test_projects_of_the_own_account_can_be_asked_for_by_its_id(
    get: Get, installation: Any
) -> None:
    account_id = installation.made.account.id
    for name in ("domain_id", "parent_id"):
        assert len(get("/v3/projects", f"{name}={account_id}").json()["projects"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "per_page=5001",
        "page=x",
        "page=%D9%A1",
        "page=" + "9" * 5000,
        "enabled=1",
        "name=a&name=b",
    ],
)
def test_an_impossible_parameter_is_named(get: Get, query: str) -> None:
    reply = get("/v3/projects", query)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"].startswith(query.partition("=")[0])
    assert reply.json()["error"]["title"] == "Bad Request"


def test_one_project_and_the_callers_projects(get: Get, installation: Any) -> None:
    project = installation.made.projects[1]
    one = get(f"/v3/projects/{project.id}").json()["project"]
    own = get("/v3/auth/projects").json()["projects"]
    assert own == get("/v3/projects").json()["projects"]
    assert one in own


def test_domains_hold_the_callers_account(get: Get, installation: Any) -> None:
    account = installation.made.account
    assert get("/v3/auth/domains").json()["domains"] == [
        {
            "id": account.id,
            "name": "huiyan",
            "description": "",
            "enabled": True,
            "links": {"self": f"http://testserver/v3/domains/{account.id}"},
        }
    ]


def test_a_project_that_is_not_the_callers_is_not_found(get: Get) -> None:
    reply = get("/v3/projects/" + "f" * 32)
    assert reply.status_code == 404
    assert reply.json()["error"]["title"] == "Not Found"


@pytest.mark.parametrize(
    "path", ["/v3/projects", "/v3/auth/projects", "/v3/auth/domains", "/v3/projects/x"]
)
def test_each_call_needs_a_good_signature(get: Get, path: str) -> None:
    reply = get(path, secret="wrong")
    assert reply.status_code == 401
    assert reply.headers["x-iam-trace-id"]
    error = reply.json()["error"]
    assert (error["code"], error["title"]) == (401, "Unauthorized")
    assert "verify aksk signature fail, canonicalRequest:GET|/v3/" in error["message"]


def test_without_credentials_the_call_is_refused(installation: Any) -> None:
    client = TestClient(Starlette(routes=project_routes(installation)))
    assert client.get("/v3/projects").json() == {
        "error": {
            "code": 401,
            "message": "The request you have made requires authentication.",
            "title": "Unauthorized",
        }
    }


def test_a_large_body_is_refused_before_it_is_read(installation: Any) -> None:
    client = TestClient(Starlette(routes=project_routes(installation)))
    reply = client.request("GET", "/v3/projects", content=b"x" * 1_000_000)
    assert reply.status_code == 413
