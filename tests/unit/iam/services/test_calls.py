from collections.abc import Iterator
from pathlib import Path

import pytest
from own_calls import OwnCalls, serve_own_calls

from huiyan.iam.audit.model import AuditQuery
from huiyan.iam.policy.model import Role
from huiyan.iam.policy.system import (
    SECURITY_ADMINISTRATOR,
    TENANT_ADMINISTRATOR,
    TENANT_GUEST,
)

OPEN = {"service": {"enabled": True}}
CLOSE = {"service": {"enabled": False}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnCalls]:
    yield from serve_own_calls(tmp_path)


def policy(effect: str, action: str) -> str:
    return f'{{"Version": "1.1", "Statement": [{{"Effect": "{effect}", "Action": ["{action}"]}}]}}'


def rendered(*, enabled: bool) -> dict[str, object]:
    return {"name": "image", "enabled": enabled, "region": "cn-north-4"}


def test_a_guest_sees_and_opens_a_closed_service(server: OwnCalls) -> None:
    guest = server.add_user(TENANT_GUEST)
    assert server.call("PUT", "services/image", document=CLOSE).status_code == 200
    listed = server.call("GET", "services", guest)
    assert (listed.status_code, listed.json()) == (200, {"services": [rendered(enabled=False)]})
    opened = server.call("PUT", "services/image", guest, OPEN)
    assert (opened.status_code, opened.json()) == (200, {"service": rendered(enabled=True)})
    assert server.call("GET", "services", guest).json() == {"services": [rendered(enabled=True)]}


def test_a_guest_does_not_close_a_service(server: OwnCalls) -> None:
    guest = server.add_user(TENANT_GUEST)
    reply = server.call("PUT", "services/image", guest, CLOSE)
    assert reply.status_code == 403
    assert reply.json()["error_code"] == "HY.0002"
    assert "huiyan:service:disable" in reply.json()["error_msg"]
    assert server.call("GET", "services").json() == {"services": [rendered(enabled=True)]}


@pytest.mark.parametrize("role", [TENANT_ADMINISTRATOR, policy("Allow", "huiyan:service:disable")])
def test_who_has_the_right_closes_a_service(server: OwnCalls, role: Role | str) -> None:
    user = server.add_user(role)
    reply = server.call("PUT", "services/image", user, CLOSE)
    assert (reply.status_code, reply.json()) == (200, {"service": rendered(enabled=False)})


@pytest.mark.parametrize(
    ("role", "place"),
    [
        (None, "project"),
        (policy("Allow", "huiyan:service:disable"), "project"),
        (TENANT_GUEST, "domain"),
        (policy("Deny", "huiyan:*:*"), "project"),
    ],
)
def test_who_has_no_right_in_the_project_opens_nothing(
    server: OwnCalls, role: Role | str | None, place: str
) -> None:
    user = server.add_user(role, place)
    assert server.call("PUT", "services/image", user, OPEN).status_code == 403


def test_a_role_for_all_projects_is_enough(server: OwnCalls) -> None:
    user = server.add_user(TENANT_ADMINISTRATOR, "inherited")
    assert server.call("PUT", "services/image", user, CLOSE).status_code == 200


def test_rights_over_identities_close_no_service(server: OwnCalls) -> None:
    user = server.add_user(SECURITY_ADMINISTRATOR)
    assert server.call("PUT", "services/image", user, CLOSE).status_code == 403


@pytest.mark.parametrize("document", [OPEN, CLOSE])
def test_doing_it_again_changes_nothing(server: OwnCalls, document: object) -> None:
    first = server.call("PUT", "services/image", document=document)
    revision = server.identity.directory.revision
    second = server.call("PUT", "services/image", document=document)
    assert (second.status_code, second.json()) == (200, first.json())
    assert server.identity.directory.revision == revision


def test_an_unknown_service_is_told(server: OwnCalls) -> None:
    for document in (OPEN, CLOSE):
        reply = server.call("PUT", "services/moderation", document=document)
        assert (reply.status_code, reply.json()["error_code"]) == (404, "HY.0004")


MALFORMED: tuple[object, ...] = (
    None,
    [],
    {},
    {"service": None},
    {"service": []},
    {"service": {}},
    {"service": {"enabled": None}},
    {"service": {"enabled": "false"}},
    {"service": {"enabled": 0}},
)


def test_a_malformed_body_changes_nothing(server: OwnCalls) -> None:
    for document in MALFORMED:
        reply = server.call("PUT", "services/image", document=document)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "HY.0005")
    assert server.call("GET", "services").json() == {"services": [rendered(enabled=True)]}


def test_another_accounts_project_is_not_there(server: OwnCalls) -> None:
    _, stranger, _ = server.second_account()
    for method, path, document in (
        ("GET", "services", None),
        ("PUT", "services/image", OPEN),
        ("PUT", "services/image", CLOSE),
    ):
        reply = server.call(method, path, stranger, document)
        assert (reply.status_code, reply.json()["error_code"]) == (404, "HY.0004")
    assert server.call("GET", "services").json() == {"services": [rendered(enabled=True)]}


def test_without_credentials_nothing_is_told(server: OwnCalls) -> None:
    reply = server.call("GET", "services", "")
    assert (reply.status_code, reply.json()["error_code"]) == (401, "HY.0001")


def test_the_audit_log_tells_closing_from_opening(server: OwnCalls) -> None:
    guest = server.add_user(TENANT_GUEST)
    server.call("PUT", "services/image", document=CLOSE)
    server.call("PUT", "services/image", guest, OPEN)
    server.call("PUT", "services/image", guest, CLOSE)
    told = [
        (record.entry.action, record.entry.allowed, record.entry.detail)
        for record in server.audit.entries(server.account_id, AuditQuery(), 10).records
    ]
    opened, closed = {"service.enabled": "True"}, {"service.enabled": "False"}
    assert told == [
        ("huiyan:service:disable", False, {}),
        ("huiyan:service:enable", True, opened),
        ("huiyan:service:disable", True, closed),
    ]
