import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_entries import AT, an_entry
from own_calls import OwnCalls, serve_own_calls

from huiyan.iam.audit.model import AuditQuery
from huiyan.iam.policy.model import Role
from huiyan.iam.policy.system import (
    SECURITY_ADMINISTRATOR,
    TENANT_ADMINISTRATOR,
    TENANT_GUEST,
)
from huiyan.kernel.ids import ProjectId, new_request_id

READ = '{"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["huiyan:audit:read"]}]}'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnCalls]:
    yield from serve_own_calls(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCalls]:
    """Serve tests that mind nothing that others tell."""
    yield from serve_own_calls(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCalls]:
    """Serve tests that only read two entries."""
    for server in serve_own_calls(tmp_path_factory.mktemp("filled")):
        tell(server, "iam:users:createUser", "huiyan:service:enable")
        yield server


def tell(server: OwnCalls, *actions: str, project_id: str | None = None) -> None:
    for action in actions:
        project = server.project_id if project_id is None else project_id
        server.audit.record(
            an_entry(account_id=server.account_id, project_id=project, action=action)
        )


def actions(server: OwnCalls, **query: str) -> list[str]:
    reply = server.call("GET", "audit/records", **query)
    assert reply.status_code == 200, reply.json()
    return [record["action"] for record in reply.json()["records"]]


def test_an_empty_log_is_an_empty_list(server: OwnCalls) -> None:
    reply = server.call("GET", "audit/records")
    assert (reply.status_code, reply.json()) == (200, {"records": [], "marker": None})


def test_a_record_has_every_field(server: OwnCalls) -> None:
    tell(server, "iam:users:createUser")
    (record,) = server.call("GET", "audit/records").json()["records"]
    assert len(record.pop("id")) == 32
    assert record == {
        "time": "2026-03-31T08:15:00.123Z",
        "project_id": server.project_id,
        "user_id": "u" * 32,
        "user_name": "someone",
        "credential_id": "AK",
        "address": "192.0.2.1",
        "request_id": "e" * 32,
        "action": "iam:users:createUser",
        "resource": "/v3/users",
        "allowed": True,
        "reason": "Account owner: statement 1 allows",
        "detail": {"user.name": "新用户"},
    }


def test_a_project_shows_its_own_and_the_account_shows_all(server: OwnCalls) -> None:
    tell(server, "a:b:project")
    tell(server, "a:b:none", project_id="")
    tell(server, "a:b:elsewhere", project_id="elsewhere")
    assert actions(server) == ["a:b:project"]
    assert actions(server, scope="project") == ["a:b:project"]
    assert actions(server, scope="account") == ["a:b:elsewhere", "a:b:none", "a:b:project"]


@pytest.mark.parametrize(
    ("role", "place", "in_project", "in_account"),
    [
        (None, "project", 403, 403),
        (TENANT_GUEST, "project", 403, 403),
        (TENANT_GUEST, "domain", 403, 403),
        (TENANT_ADMINISTRATOR, "project", 403, 403),
        (TENANT_ADMINISTRATOR, "domain", 403, 403),
        (SECURITY_ADMINISTRATOR, "domain", 403, 200),
        (READ, "domain", 403, 200),
        (READ, "project", 200, 403),
        (READ, "inherited", 200, 403),
    ],
)
@pytest.mark.parametrize("path", ["audit/records", "audit/export"])
def test_the_log_is_read_with_the_right_to_it_only(  # noqa: PLR0917 - a table's columns
    shared: OwnCalls,
    path: str,
    role: Role | str | None,
    place: str,
    in_project: int,
    in_account: int,
) -> None:
    user = shared.add_user(role, place)
    assert shared.call("GET", path, user).status_code == in_project
    assert shared.call("GET", path, user, scope="account").status_code == in_account


def test_who_is_refused_is_told_so_and_the_log_says_it(server: OwnCalls) -> None:
    user = server.add_user(TENANT_GUEST)
    for scope in ("project", "account"):
        reply = server.call("GET", "audit/records", user, scope=scope)
        assert reply.json() == {
            "error_code": "HY.0002",
            "error_msg": "You are not authorized to perform the requested action: "
            "huiyan:audit:read.",
        }
    told = server.audit.entries(server.account_id, AuditQuery(), 10).records
    assert [(r.entry.user_id, r.entry.action, r.entry.allowed) for r in told] == [
        (user, "huiyan:audit:read", False)
    ] * 2
    assert all(record.entry.reason for record in told)


def test_another_account_reads_nothing_of_ours(server: OwnCalls) -> None:
    tell(server, "a:b:c")
    _, stranger, project_id = server.second_account()
    for path in ("audit/records", "audit/export"):
        for scope in ("project", "account"):
            reply = server.call("GET", path, stranger, scope=scope)
            assert (reply.status_code, reply.json()["error_code"]) == (404, "HY.0004")
    ours = server.call("GET", "audit/records").json()["records"][0]["id"]
    server.project_id = ProjectId(project_id)
    for scope in ("project", "account"):
        found = server.call("GET", "audit/records", stranger, scope=scope, marker=ours).json()
        assert "a:b:c" not in json.dumps(found)


def test_pages_follow_each_other_while_entries_are_added(server: OwnCalls) -> None:
    tell(server, *(f"a:b:{number}" for number in range(5)))
    seen: list[str] = []
    marker = ""
    for _ in range(3):
        page = server.call("GET", "audit/records", limit="2", marker=marker).json()
        seen += [record["action"] for record in page["records"]]
        marker = page["marker"]
        tell(server, "a:b:later")
    assert seen == [f"a:b:{number}" for number in (4, 3, 2, 1, 0)]
    assert marker is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"action": "iam:*"}, 1),
        ({"action": "IAM:users:createuser"}, 1),
        ({"user_name": "someone"}, 2),
        ({"user_name": "someone%"}, 0),
        ({"user_id": "u" * 32}, 2),
        ({"request_id": "e" * 32}, 2),
        ({"allowed": "false"}, 0),
        ({"allowed": "True"}, 2),
        ({"text": "V3/USERS"}, 2),
        ({"from": "2026-03-31T08:15:00.123Z"}, 2),
        ({"from": "2026-03-31T08:15:00.124Z"}, 0),
        ({"to": "2026-03-31T08:15:00.123Z"}, 0),
        ({"to": "2026-03-31T16:15:01+08:00"}, 2),
        ({"to": "2026-03-31T16:15:01 08:00"}, 2),
        ({"from": "2026-03-31", "to": "2026-04-01"}, 2),
        ({"from": str(int(AT.timestamp() * 1000))}, 2),
        ({"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59-12:00"}, 2),
        ({"from": "", "to": "", "action": "", "marker": "", "limit": "", "scope": ""}, 2),
        ({"user_name": "x\x00'; DROP TABLE audit_record; --"}, 0),
    ],
)
def test_conditions_are_read(filled: OwnCalls, query: dict[str, str], found: int) -> None:
    assert len(actions(filled, **query)) == found


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "9" * 30},
        {"to": "253402300800000"},
        {"to": "-5"},
        {"to": "٣"},
        {"allowed": "1"},
        {"action": "iam:*:create"},
        {"action": "**"},
        {"user_name": "x" * 201},
        {"limit": "0"},
        {"limit": "1001"},
        {"marker": "x"},
        {"marker": "f" * 32},
        {"scope": "everything"},
        {"user": "someone"},
    ],
)
def test_a_malformed_condition_is_named_and_never_widens(
    filled: OwnCalls, query: dict[str, str]
) -> None:
    reply = filled.call("GET", "audit/records", **query)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "HY.0005")
    assert reply.json()["error_msg"].startswith(next(iter(query)))


def test_nothing_changes_the_log(server: OwnCalls) -> None:
    tell(server, "a:b:c")
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        for path in ("audit/records", "audit/export"):
            assert server.call(method, path, document={}).status_code == 405
    assert actions(server) == ["a:b:c"]


def test_export_as_lines_holds_what_the_list_holds(server: OwnCalls) -> None:
    tell(server, "a:b:c", "a:b:d")
    reply = server.call("GET", "audit/export")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/jsonl"
    assert reply.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    assert len(reply.headers["x-request-id"]) == 32
    lines = [json.loads(line) for line in reply.content.splitlines()]
    assert lines == server.call("GET", "audit/records").json()["records"]
    assert server.call("HEAD", "audit/export").content == b""


def test_export_as_a_table_can_be_read_back(server: OwnCalls) -> None:
    server.audit.record(
        an_entry(
            account_id=server.account_id, project_id=server.project_id, reason='a "b", c; d\u2028'
        )
    )
    reply = server.call("GET", "audit/export", format="csv")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    (row,) = csv.DictReader(io.StringIO(reply.content.decode()))
    assert row["reason"] == 'a "b", c; d�'
    assert row["allowed"] == "true"
    assert json.loads(row["detail"]) == {"user.name": "新用户"}


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "＝", "＋", "－", "＠", " =", "\t=", "\r\n="]
)
def test_no_cell_is_a_formula(shared: OwnCalls, start: str) -> None:
    request_id = new_request_id()
    hostile = start + "cmd|' /C calc'!A0"
    shared.audit.record(
        an_entry(
            account_id=shared.account_id,
            project_id=shared.project_id,
            user_name=hostile,
            resource=hostile,
            address=hostile,
            request_id=request_id,
            detail={},
        )
    )
    reply = shared.call("GET", "audit/export", format="csv", request_id=request_id)
    (row,) = csv.DictReader(io.StringIO(reply.content.decode()))
    for name in ("user_name", "resource", "address"):
        assert row[name].startswith(("'", "�"))
        assert row[name].endswith("!A0")


def test_an_empty_export_is_empty(server: OwnCalls) -> None:
    assert server.call("GET", "audit/export").content == b""
    table = server.call("GET", "audit/export", format="csv").content
    assert table.startswith(b"id,time,project_id")
    assert table.count(b"\n") == 1


@pytest.mark.parametrize(
    "query", [{"format": "xml"}, {"limit": "5"}, {"marker": "0" * 32}, {"scope": "x"}]
)
def test_a_malformed_export_is_refused(filled: OwnCalls, query: dict[str, str]) -> None:
    reply = filled.call("GET", "audit/export", **query)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "HY.0005")


def test_a_database_that_fails_is_told_before_an_export_begins(server: OwnCalls) -> None:
    with server.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_record RENAME TO gone")
    reply = server.call("GET", "audit/export")
    assert (reply.status_code, reply.json()["error_code"]) == (503, "HY.0010")


def test_what_cannot_be_told_to_the_log_is_not_done(server: OwnCalls) -> None:
    with server.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_record RENAME TO gone")
    closing = {"service": {"enabled": False}}
    reply = server.call("PUT", "services/image", document=closing)
    assert (reply.status_code, reply.json()["error_code"]) == (503, "HY.0010")
    listed = server.call("GET", "services").json()["services"]
    assert [service["enabled"] for service in listed] == [True]
