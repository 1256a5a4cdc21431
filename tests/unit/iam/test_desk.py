from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from own_calls import OwnCalls, serve_own_calls
from starlette.applications import Starlette
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from huiyan.gateway.throttle import Throttle
from huiyan.iam.audit.detail import Telling
from huiyan.iam.audit.model import AuditEntry, AuditQuery
from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.desk import CallThrottle, Desk
from huiyan.iam.directory.model import Limits
from huiyan.iam.http import call_routes
from huiyan.iam.policy.system import TENANT_GUEST
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import NotFoundError, NotPermittedError, RateLimitError, RecordingError
from huiyan.kernel.ids import ProjectId, UserId

ACTION = "iam:things:changeThing"
MAKE = "/things"
CHANGE = "/things/{thing_id}"
OWN = "/own/{user_id}"
TAKE = "/taken"


@dataclass
class ListedAudit:
    """Keeps what it is told; fails from the numbered entry on."""

    fails_from: int = 1_000_000
    entries: list[AuditEntry] = field(default_factory=list)

    def record(self, entry: AuditEntry) -> None:
        if len(self.entries) >= self.fails_from:
            raise RecordingError("the disk is full")
        self.entries.append(entry)


class CountedThrottle:
    """Lets so many calls pass, and knows who is inside."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.inside: list[UserId] = []

    @contextmanager
    def enter(self, user_id: UserId, project_id: ProjectId) -> Iterator[None]:
        assert project_id == ""
        if not self.left:
            raise RateLimitError("over", retry_after_s=7)
        self.left -= 1
        self.inside.append(user_id)
        try:
            yield
        finally:
            self.inside.remove(user_id)


def operations() -> tuple[Operation, ...]:
    tells = Telling(
        values=("thing.name",),
        documents=("thing.policy",),
        facts=("thing.password",),
        made="thing.id",
    )

    narrow = Telling(
        flags=("thing.on", "thing.off"),
        ids=("thing.from",),
        id_form=re.compile(r"[0-9a-f]{32}"),
    )

    def answer(_call: Call) -> Answer:
        return Answer(201, {"thing": {"id": "new-thing", "secret": "S3cret"}})

    def fail(call: Call) -> Answer:
        if call.path["thing_id"] == "mine":
            raise NotPermittedError(ACTION, "the handler says so")
        raise NotFoundError("Could not find thing.")

    def is_own(call: Call) -> bool:
        return call.path["user_id"] == call.caller().principal.user_id

    return (
        Operation("POST", MAKE, ACTION, answer, tells=tells),
        Operation("PUT", CHANGE, ACTION, lambda _call: Answer(204)),
        Operation("PATCH", CHANGE, ACTION, fail, tells=tells),
        Operation("GET", CHANGE, ACTION, lambda _call: Answer(204)),
        Operation("GET", TAKE, ACTION, lambda _call: Answer(told={"found": "a b"}), is_told=True),
        Operation("POST", "/narrow/{thing_id}", ACTION, fail, tells=narrow),
        Operation("POST", "/in/{project_id}", ACTION, fail),
        Operation("PUT", OWN, ACTION, lambda _call: Answer(204), is_own),
    )


class Office:
    """A desk with things on it, over the people of a real installation."""

    def __init__(
        self, server: OwnCalls, audit: Any = None, throttle: CallThrottle | None = None
    ) -> None:
        self.server = server
        self.audit = ListedAudit() if audit is None else audit
        self.desk = Desk(server.identity, self.audit, SystemClock(), throttle)
        routes = call_routes(operations(), self.desk, lambda *_told: None)
        self._client = TestClient(Starlette(routes=routes), raise_server_exceptions=True)

    def call(self, method: str, path: str, caller: str = "", document: Any = None) -> Any:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"X-User": caller or self.server.owner_id}
        return self._client.request(method, path, content=body, headers=headers)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnCalls]:
    yield from serve_own_calls(tmp_path)


@pytest.fixture
def office(server: OwnCalls) -> Office:
    return Office(server)


DRESSED = {
    "agency": {"description": "approved by the auditor", "name": "approved"},
    "thing": {"name": "approved", "description": "approved"},
}


def test_a_call_that_ignores_its_body_tells_nothing_of_it(office: Office) -> None:
    assert office.call("PUT", "/things/x", document=DRESSED).status_code == 204
    (entry,) = office.audit.entries
    assert entry.detail == {}
    assert "approved" not in repr(entry)


def test_a_change_is_told_before_and_what_it_made_after(office: Office) -> None:
    thing = {"name": "new", "password": "S3cret", "policy": {"Version": "1.1"}, "secret": "S3cret"}
    assert office.call("POST", MAKE, document={"thing": thing, **DRESSED} | {"thing": thing})
    asked, done = office.audit.entries
    assert asked.detail == {
        "thing.name": "new",
        "thing.policy": '{"Version":"1.1"}',
        "thing.password": "set",
    }
    assert (done.action, done.allowed, done.reason) == (ACTION, True, "done")
    assert done.detail == {"thing.id": "new-thing"}
    assert asked.request_id == done.request_id
    assert "S3cret" not in repr((asked, done))


def test_what_was_made_is_answered_even_if_it_can_no_longer_be_told(server: OwnCalls) -> None:
    office = Office(server, ListedAudit(fails_from=1))
    with capture_logs() as logs:
        reply = office.call("POST", MAKE, document={})
    assert (reply.status_code, reply.json()["thing"]["id"]) == (201, "new-thing")
    (event,) = logs
    assert (event["event"], event["made"]) == ("audit_incomplete", {"thing.id": "new-thing"})


def test_a_change_that_cannot_be_told_is_not_made(server: OwnCalls) -> None:
    office = Office(server, ListedAudit(fails_from=0))
    assert office.call("POST", MAKE, document={}).status_code == 503


def test_a_failed_change_makes_nothing(office: Office) -> None:
    assert office.call("PATCH", "/things/x", document={"thing": {"name": "n"}}).status_code == 404
    assert [entry.reason for entry in office.audit.entries] == [
        "Account owner: statement 1 allows",
        "failed: NotFoundError",
    ]


@pytest.mark.parametrize(("path", "refused"), [("/things/x", 1), ("/things/mine", 1)])
def test_nothing_of_the_body_is_told_of_a_refusal(office: Office, path: str, refused: int) -> None:
    caller = "" if path.endswith("mine") else office.server.add_user()
    document = {"thing": {"name": "n" * 1000, "policy": {"a": "b"}}}
    assert office.call("PATCH", path, caller, document).status_code == 403
    refusals = [entry for entry in office.audit.entries if not entry.allowed]
    assert [entry.detail for entry in refusals] == [{}] * refused


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("/things/%75sers", "/things/users"),
        ("/things/A-1_b?resource=/things/y", "/things/A-1_b"),
        ("/things/%E7%94%A8%E6%88%B7", "/things/…"),
        ("/things/Yao%20Ming", "/things/…"),
        ("/things/{thing_id}", "/things/…"),
        ("/things/%7Buser_id%7D", "/things/…"),
        ("/things/x%0a", "/things/…"),
        ("/things/" + "x" * 64, "/things/" + "x" * 64),
        ("/things/" + "x" * 65, "/things/…"),
    ],
)
def test_the_resource_is_the_path_decoded_without_what_is_no_id(
    office: Office, sent: str, told: str
) -> None:
    assert office.call("PUT", sent).status_code == 204
    assert office.audit.entries[0].resource == told


def test_an_encoded_path_is_found_by_its_text(server: OwnCalls) -> None:
    office = Office(server, server.audit)
    office.call("PUT", "/things/%61%62%63")
    found = server.audit.entries(server.account_id, AuditQuery(text="/things/abc"), 10).records
    assert [record.entry.resource for record in found] == ["/things/abc"]


@pytest.mark.parametrize("name", ["ZZ_Yao_Ming", "姚明", "0" * 31, "0" * 33, "A" * 32])
def test_where_ids_have_a_narrower_form_nothing_else_is_told(office: Office, name: str) -> None:
    sent = {"thing": {"from": [name, "0" * 32], "on": name, "off": True}}
    assert office.call("POST", f"/narrow/{name}", document=sent).status_code == 404
    stranger = office.server.add_user()
    assert office.call("POST", f"/narrow/{name}", stranger).status_code == 403
    assert {entry.resource for entry in office.audit.entries} == {"/narrow/…"}
    asked = office.audit.entries[0]
    assert asked.detail == {"thing.from": "0" * 32, "thing.off": "True"}
    assert name not in {part for it in office.audit.entries for part in it.detail.values()}
    assert office.call("POST", f"/narrow/{'0' * 32}").status_code == 404
    assert office.audit.entries[-1].resource == "/narrow/" + "0" * 32


@pytest.mark.parametrize(("project", "told"), [("姚明", "…"), ("Yao Ming", "…"), ("a-1", "a-1")])
def test_a_project_that_can_be_none_is_not_told(office: Office, project: str, told: str) -> None:
    assert office.call("POST", f"/in/{project}", office.server.add_user()).status_code == 403
    (entry,) = office.audit.entries
    assert (entry.project_id, entry.resource) == (told, f"/in/{told}")


def deep(depth: int) -> bytes:
    return b'{"thing": {"name": "n", "policy": ' + b'{"a":' * depth + b"1" + b"}" * (depth + 2)


@pytest.mark.parametrize("depth", [100, *range(900, 1010, 10), 5000])
def test_a_deep_body_neither_breaks_the_call_nor_keeps_it_untold(
    server: OwnCalls, depth: int
) -> None:
    office, stranger = Office(server), server.add_user()
    assert office.call("PATCH", "/things/x", stranger, deep(depth)).status_code == 403
    assert office.call("PATCH", "/things/x", document=deep(depth)).status_code == 404
    assert office.call("POST", MAKE, document=deep(depth)).status_code == 201
    assert [entry.allowed for entry in office.audit.entries] == [False, True, True, True, True]


def test_every_call_of_a_user_counts_and_what_is_too_much_is_not_told(server: OwnCalls) -> None:
    throttle = CountedThrottle(3)
    office, stranger = Office(server, throttle=throttle), server.add_user()
    statuses = [office.call("GET", "/things/x", stranger).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]
    assert len(office.audit.entries) == 3
    assert throttle.inside == []
    assert office.call("GET", "/things/x", stranger).headers["retry-after"] == "7"


def test_the_gateways_throttle_is_one(server: OwnCalls) -> None:
    limits = {server.owner_id: Limits(1000, 0)}
    throttle = Throttle(
        SystemClock(), lambda it: limits.get(it, Limits(2, 0)), lambda _id: Limits(0, 0), 1
    )
    office, stranger = Office(server, throttle=throttle), server.add_user()
    statuses = [office.call("GET", "/things/x", stranger).status_code for _ in range(4)]
    assert statuses == [403, 403, 429, 429]
    assert [office.call("GET", "/things/x").status_code for _ in range(4)] == [204] * 4


def test_a_flood_of_refusals_is_one_entry_and_a_number(server: OwnCalls) -> None:
    office, stranger = Office(server, server.audit), server.add_user()
    for number in range(30):
        assert office.call("GET", f"/things/{number}", stranger).status_code == 403
    assert office.call("PUT", "/things/x", stranger).status_code == 403
    server.audit.close()
    told = [
        (record.entry.resource, record.entry.detail.get("repeated"))
        for record in server.audit.entries(server.account_id, AuditQuery(), 100).records
    ]
    assert told == [
        ("/things/29", "29"),
        ("/things/x", None),
        ("/things/0", None),
    ]


def policy(effect: str, action: str, **more: Any) -> str:
    statement = {"Effect": effect, "Action": [action], **more}
    return json.dumps({"Version": "1.1", "Statement": [statement]})


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (None, 204),
        (TENANT_GUEST, 204),
        (policy("Allow", "iam:users:listUsers"), 204),
        (policy("Deny", "iam:users:*"), 204),
        (policy("Deny", "iam:*:*"), 403),
        (policy("Deny", ACTION), 403),
        (policy("Deny", "*:*:*", Condition={"IpAddress": {"g:SourceIp": ["10.0.0.1"]}}), 204),
        (policy("Deny", "*:*:*", Condition={"IpAddress": {"g:SourceIp": ["192.0.2.1"]}}), 403),
    ],
)
def test_a_deny_binds_users_in_what_is_their_own(office: Office, role: Any, status: int) -> None:
    user = office.server.add_user(role, "domain")
    assert office.call("PUT", f"/own/{user}", user).status_code == status
    (entry,) = office.audit.entries
    assert entry.allowed == (status == 204)
    if status == 204:
        assert entry.reason == "concerns the caller's own user"
    else:
        assert "statement 1 denies" in entry.reason


def test_a_deny_in_a_project_says_nothing_of_what_is_the_users_own(office: Office) -> None:
    user = office.server.add_user(policy("Deny", "*:*:*"), "project")
    assert office.call("PUT", f"/own/{user}", user).status_code == 204


def test_what_is_anothers_needs_the_right(office: Office) -> None:
    user, other = office.server.add_user(), office.server.add_user()
    assert office.call("PUT", f"/own/{other}", user).status_code == 403


def test_a_reading_that_is_told_is_told_with_what_it_found(office: Office) -> None:
    assert office.call("GET", CHANGE.format(thing_id="x")).status_code == 204
    assert office.audit.entries == []
    assert office.call("GET", TAKE).status_code == 200
    asked, found = office.audit.entries
    assert (asked.action, asked.resource, dict(asked.detail)) == (ACTION, TAKE, {})
    assert (found.reason, dict(found.detail)) == ("done", {"found": "a b"})


def test_a_reading_that_cannot_be_told_is_not_answered(server: OwnCalls) -> None:
    office = Office(server, ListedAudit(fails_from=0))
    assert office.call("GET", TAKE).status_code == 503
