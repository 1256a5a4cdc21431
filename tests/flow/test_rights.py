"""Who may recognise what, where: roles, places, projects, operations, policies and credentials.

Everything goes over the server's own routes, by signatures and tokens; only pictures are not really
looked at.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from in_process import HOST, House, open_house
from live_server import tagging_body
from made_pictures import jpeg
from signed_call import Account, Answer, SignedRequest

from huiyan.iam.bootstrap import first_start
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.vault import open_vault
from huiyan.kernel.clock import SystemClock

NORTH, EAST = "cn-north-4", "cn-east-3"
PASSWORD = "Correct-horse7"
PICTURE = tagging_body(jpeg(64, 48))
INTERFACES = (
    "tagging",
    "media-tagging",
    "media-tagging-det",
    "celebrity-recognition",
    "main-object-detection",
    "recapture-detect",
)
NOT_ALLOWED = (403, "APIGW.0302")

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Worker:
    """A user in a group of their own."""

    id: str
    name: str
    group_id: str
    key: Account


@dataclass(frozen=True)
class Temporary:
    """A temporary key."""

    key: Account
    security_token: str


class Office:
    """The house, run by its owner over its own calls."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.account_id = str(house.account_id)
        listed = self.manage("GET", "/v3/roles")["roles"]
        self.roles = {role["display_name"]: role["id"] for role in listed}
        owner = self.manage("GET", "/v3/users", query="name=admin")["users"][0]
        self.owner_id = str(owner["id"])
        password = {"user": {"password": PASSWORD}}
        self.manage("PUT", f"/v3.0/OS-USER/users/{self.owner_id}", password)

    def manage(self, method: str, path: str, document: Any = None, query: str = "") -> Any:
        """Make a call as the owner that must succeed."""
        answer = self.call(method, path, document, query=query)
        assert answer.status < 300, (method, path, answer.body)
        return answer.json if answer.body else None

    def call(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        by: Worker | Temporary | None = None,
        token: str | None = None,
        query: str = "",
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """Make a call with a key, or with a token alone."""
        key = self.house.account if by is None else by.key
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(by, Temporary):
            extra["X-Security-Token"] = by.security_token
        sent = (
            body if body is not None else b"" if document is None else json.dumps(document).encode()
        )
        request = SignedRequest(key, HOST, path, sent, method=method, query=query, extra=extra)
        plain = {"Host": HOST, "Content-Type": "application/json", **extra}
        if token is not None:
            return self.house.ask(request, plain | {"X-Auth-Token": token})
        return self.house.ask(request)

    def recognise(
        self,
        by: Worker | Temporary | None = None,
        *,
        region: str = NORTH,
        interface: str = "tagging",
        token: str | None = None,
        path: str | None = None,
        **headers: str,
    ) -> tuple[int, str]:
        """Recognise once; gives the status and the error's code."""
        path = path or self.house.path(interface, region)
        answer = self.call("POST", path, by=by, token=token, body=PICTURE, **headers)
        return answer.status, "" if answer.status == 200 else answer.error_code

    def worker(self) -> Worker:
        name = f"worker-{secrets.token_hex(4)}"
        user = {"name": name, "domain_id": self.account_id, "password": PASSWORD}
        user_id = self.manage("POST", "/v3.0/OS-USER/users", {"user": user})["user"]["id"]
        group = self.manage("POST", "/v3/groups", {"group": {"name": f"of {name}"}})["group"]
        self.manage("PUT", f"/v3/groups/{group['id']}/users/{user_id}")
        wanted = {"credential": {"user_id": user_id}}
        key = self.manage("POST", "/v3.0/OS-CREDENTIAL/credentials", wanted)["credential"]
        account = Account(key["access"], key["secret"], self.house.account.project_ids)
        return Worker(user_id, name, group["id"], account)

    def grant_path(self, worker: Worker, role: str, place: str) -> str:
        role_id = self.roles.get(role, role)
        tail = f"groups/{worker.group_id}/roles/{role_id}"
        if place == "inherited":
            return f"/v3/OS-INHERIT/domains/{self.account_id}/{tail}/inherited_to_projects"
        if place == "domain":
            return f"/v3/domains/{self.account_id}/{tail}"
        return f"/v3/projects/{self.house.account.project_ids[place]}/{tail}"

    def grant(self, worker: Worker, role: str, place: str = "inherited") -> None:
        self.manage("PUT", self.grant_path(worker, role, place))

    def withdraw(self, worker: Worker, role: str, place: str = "inherited") -> None:
        self.manage("DELETE", self.grant_path(worker, role, place))

    def worker_with(self, role: str, place: str = "inherited") -> Worker:
        worker = self.worker()
        self.grant(worker, role, place)
        return worker

    def policy(self, *statements: Statement, kind: str = "XA") -> str:
        role = {
            "display_name": f"policy-{secrets.token_hex(4)}",
            "type": kind,
            "description": "",
            "policy": {"Version": "1.1", "Statement": list(statements)},
        }
        return str(self.manage("POST", "/v3.0/OS-ROLE/roles", {"role": role})["role"]["id"])

    def token(self, worker: Worker, **scope: Any) -> str:
        user = {"name": worker.name, "password": PASSWORD, "domain": {"id": self.account_id}}
        auth = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": scope or {"project": {"name": NORTH}},
        }
        answer = self.call("POST", "/v3/auth/tokens", {"auth": auth})
        assert answer.status == 201, answer.body
        return answer.headers["x-subject-token"]

    def temporary(
        self, worker: Worker, *statements: Statement, token: str | None = None
    ) -> Temporary:
        identity: dict[str, Any] = {"methods": ["token"], "token": {}}
        if token is not None:
            identity["token"]["id"] = token
        if statements:
            identity["policy"] = {"Version": "1.1", "Statement": list(statements)}
        path = "/v3.0/OS-CREDENTIAL/securitytokens"
        answer = self.call("POST", path, {"auth": {"identity": identity}}, by=worker)
        assert answer.status == 201, answer.body
        made = answer.json["credential"]
        key = Account(made["access"], made["secret"], self.house.account.project_ids)
        return Temporary(key, made["securitytoken"])


def allow(*actions: str, **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), **more}


def deny(*actions: str, **more: Any) -> Statement:
    return {"Effect": "Deny", "Action": list(actions), **more}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    house = open_house(tmp_path_factory.mktemp("office"))
    yield Office(house)
    house.close()


class TestPlaces:
    """A role admits where it is valid: neither elsewhere nor for nothing."""

    @pytest.mark.parametrize(
        ("role", "place", "regions"),
        [
            (None, "", set()),
            ("Tenant Guest", "domain", set()),
            ("Tenant Guest", NORTH, {NORTH}),
            ("Tenant Guest", EAST, {EAST}),
            ("Tenant Guest", "inherited", {NORTH, EAST}),
            ("Tenant Administrator", "domain", set()),
            ("Tenant Administrator", NORTH, {NORTH}),
            ("Tenant Administrator", "inherited", {NORTH, EAST}),
            ("Security Administrator", "domain", set()),
            ("OBS Buckets Viewer", "domain", set()),
            ("OBS OperateAccess", "domain", set()),
        ],
    )
    def test_of_a_role(
        self, office: Office, role: str | None, place: str, regions: set[str]
    ) -> None:
        worker = office.worker() if role is None else office.worker_with(role, place)
        token = {name: office.token(worker, project={"name": name}) for name in (NORTH, EAST)}
        temporary = office.temporary(worker)
        for region in (NORTH, EAST):
            expected = (200, "") if region in regions else NOT_ALLOWED
            for interface in INTERFACES:
                asked = {"region": region, "interface": interface}
                assert office.recognise(worker, **asked) == expected, asked
            assert office.recognise(token=token[region], region=region) == expected
            assert office.recognise(temporary, region=region) == expected

    @pytest.mark.parametrize("role", ["Security Administrator", "OBS Buckets Viewer"])
    @pytest.mark.parametrize("place", [NORTH, "inherited"])
    def test_of_a_global_role_is_not_a_project(self, office: Office, role: str, place: str) -> None:
        worker = office.worker()
        refused = office.call("PUT", office.grant_path(worker, role, place))
        assert refused.status == 400
        assert office.recognise(worker) == NOT_ALLOWED

    def test_a_project_made_later_is_one_of_all_projects(self, tmp_path: Path) -> None:
        """Regions are projects: an installation that gets a region opens it to such grants."""
        house = open_house(tmp_path)
        office = Office(house)
        everywhere = office.worker_with("Tenant Guest")
        only_north = office.worker_with("Tenant Guest", NORTH)
        repository = IdentityRepository(house.database)
        vault = open_vault(None, tmp_path / "instance.key", repository.stored_key_ids())
        first_start(repository, vault, (NORTH, EAST, "ap-southeast-1"), SystemClock())
        house.identity.refresh()
        projects = office.manage("GET", "/v3/projects", query="name=ap-southeast-1")["projects"]
        path = f"/v2/{projects[0]['id']}/image/tagging"
        assert office.recognise(everywhere, path=path) == (200, "")
        assert office.recognise(only_north, path=path) == NOT_ALLOWED
        house.close()

    def test_several_groups_add_up_and_each_can_be_left(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest", NORTH)
        other = office.worker_with("Tenant Guest", EAST)
        member = f"/v3/groups/{other.group_id}/users/{worker.id}"
        assert office.recognise(worker, region=EAST) == NOT_ALLOWED
        office.manage("PUT", member)
        assert office.recognise(worker, region=EAST) == (200, "")
        assert office.recognise(worker, region=NORTH) == (200, "")
        office.manage("DELETE", member)
        assert office.recognise(worker, region=EAST) == NOT_ALLOWED
        assert office.recognise(other, region=EAST) == (200, "")

    def test_what_is_granted_twice_stays_until_both_are_withdrawn(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest", NORTH)
        office.grant(worker, "Tenant Guest", "inherited")
        office.withdraw(worker, "Tenant Guest", "inherited")
        assert office.recognise(worker) == (200, "")
        office.withdraw(worker, "Tenant Guest", NORTH)
        assert office.recognise(worker) == NOT_ALLOWED


class TestPolicies:
    @pytest.mark.parametrize("interface", INTERFACES)
    def test_a_policy_for_one_operation_admits_that_one(
        self, office: Office, interface: str
    ) -> None:
        worker = office.worker_with(office.policy(allow(f"image:{interface}:run")))
        for asked in INTERFACES:
            expected = (200, "") if asked == interface else NOT_ALLOWED
            assert office.recognise(worker, interface=asked) == expected, asked

    @pytest.mark.parametrize(
        ("actions", "admitted"),
        [
            (("image:*:run",), set(INTERFACES)),
            (("*:*:*",), set(INTERFACES)),
            (("IMAGE:Tagging:RUN",), {"tagging"}),
            (("image:media-*:run",), {"media-tagging", "media-tagging-det"}),
            (("image:*:get", "image:*:list"), set()),
            (("obs:*:*",), set()),
            (("images:*:*",), set()),
        ],
    )
    def test_wildcards(self, office: Office, actions: tuple[str, ...], admitted: set[str]) -> None:
        worker = office.worker_with(office.policy(allow(*actions)))
        answers = {it: office.recognise(worker, interface=it)[0] == 200 for it in INTERFACES}
        assert {interface for interface, is_good in answers.items() if is_good} == admitted

    @pytest.mark.parametrize("also", ["Tenant Guest", "Tenant Administrator"])
    def test_deny_beats_every_role(self, office: Office, also: str) -> None:
        worker = office.worker_with(also)
        denying = office.policy(deny("image:tagging:run"))
        office.grant(worker, denying, NORTH)
        assert office.recognise(worker) == NOT_ALLOWED
        assert office.recognise(worker, interface="media-tagging") == (200, "")
        assert office.recognise(worker, region=EAST) == (200, "")
        office.withdraw(worker, denying, NORTH)
        assert office.recognise(worker) == (200, "")

    def test_deny_beats_allow_of_the_same_policy_in_any_order(self, office: Office) -> None:
        pair = [allow("image:*:*"), deny("image:tagging:*")]
        for statements in (pair, pair[::-1]):
            worker = office.worker_with(office.policy(*statements))
            assert office.recognise(worker) == NOT_ALLOWED
            assert office.recognise(worker, interface="media-tagging") == (200, "")

    def test_a_changed_policy_counts_at_once(self, office: Office) -> None:
        role_id = office.policy(allow("image:tagging:run"))
        worker = office.worker_with(role_id)
        assert office.recognise(worker) == (200, "")
        policy = {"Version": "1.1", "Statement": [allow("image:media-tagging:run")]}
        office.manage("PATCH", f"/v3.0/OS-ROLE/roles/{role_id}", {"role": {"policy": policy}})
        assert office.recognise(worker) == NOT_ALLOWED
        assert office.recognise(worker, interface="media-tagging") == (200, "")

    def test_a_global_policy_opens_no_project(self, office: Office) -> None:
        role_id = office.policy(allow("image:*:*"), kind="AX")
        worker = office.worker_with(role_id, "domain")
        assert office.recognise(worker) == NOT_ALLOWED
        assert office.call("PUT", office.grant_path(worker, role_id, NORTH)).status == 400

    def test_a_policy_of_iam_rights_manages_what_it_says(self, office: Office) -> None:
        role_id = office.policy(allow("iam:users:listUsers"), kind="AX")
        worker = office.worker_with(role_id, "domain")
        assert office.call("GET", "/v3/users", by=worker).status == 200
        assert office.call("GET", "/v3/groups", by=worker).status == 403
        group = {"group": {"name": "mine"}}
        assert office.call("POST", "/v3/groups", group, by=worker).status == 403


def condition(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(values)}}}


class TestConditions:
    @pytest.mark.parametrize(
        ("when", "is_met"),
        [
            (condition("IpAddress", "g:SourceIp", "127.0.0.0/8"), True),
            (condition("IpAddress", "g:SourceIp", "10.0.0.0/8", "127.0.0.1"), True),
            (condition("IpAddress", "g:SourceIp", "10.0.0.0/8"), False),
            (condition("NotIpAddress", "g:SourceIp", "10.0.0.0/8"), True),
            (condition("NotIpAddress", "g:SourceIp", "127.0.0.1"), False),
            (condition("DateLessThan", "g:CurrentTime", "2020-01-01T00:00:00Z"), False),
            (condition("DateGreaterThan", "g:CurrentTime", "2020-01-01T00:00:00Z"), True),
            (condition("DateLessThan", "g:CurrentTime", "2120-01-01T00:00:00+08:00"), True),
            (condition("StringEquals", "g:ProjectName", NORTH), True),
            (condition("StringEquals", "g:ProjectName", EAST), False),
            (condition("StringLike", "g:ProjectName", "cn-*"), True),
            (condition("StringStartWith", "g:UserName", "worker-"), True),
            (condition("StringNotEquals", "g:UserName", "someone"), True),
            (condition("Bool", "g:MFAPresent", "true"), False),
            (condition("StringEquals", "g:NoSuchFact", "x"), False),
        ],
    )
    def test_allow_only_if_met(
        self, office: Office, when: Mapping[str, Any], *, is_met: bool
    ) -> None:
        worker = office.worker_with(office.policy(allow("image:*:run", **when)))
        assert office.recognise(worker) == ((200, "") if is_met else NOT_ALLOWED)

    @pytest.mark.parametrize(
        ("when", "is_met"),
        [
            (condition("IpAddress", "g:SourceIp", "127.0.0.1"), True),
            (condition("IpAddress", "g:SourceIp", "10.0.0.0/8"), False),
            (condition("DateGreaterThan", "g:CurrentTime", "2020-01-01T00:00:00Z"), True),
            (condition("StringEquals", "g:ProjectName", EAST), False),
        ],
    )
    def test_deny_only_if_met(
        self, office: Office, when: Mapping[str, Any], *, is_met: bool
    ) -> None:
        worker = office.worker_with("Tenant Guest")
        office.grant(worker, office.policy(deny("image:*:run", **when)))
        assert office.recognise(worker) == (NOT_ALLOWED if is_met else (200, ""))

    def test_all_of_several_must_be_met(self, office: Office) -> None:
        both = {
            "Condition": {
                "IpAddress": {"g:SourceIp": ["127.0.0.1"]},
                "StringEquals": {"g:ProjectName": [NORTH]},
            }
        }
        worker = office.worker_with(office.policy(allow("image:*:run", **both)))
        assert office.recognise(worker) == (200, "")
        assert office.recognise(worker, region=EAST) == NOT_ALLOWED

    def test_a_claimed_address_is_not_believed(self, office: Office) -> None:
        when = condition("IpAddress", "g:SourceIp", "10.0.0.0/8")
        worker = office.worker_with(office.policy(allow("image:*:run", **when)))
        claimed = office.recognise(worker, X_Forwarded_For="10.1.2.3", X_Real_Ip="10.1.2.3")
        assert claimed == NOT_ALLOWED

    def test_a_time_that_runs_out_closes_the_door(self, office: Office) -> None:
        ends = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        when = condition("DateLessThan", "g:CurrentTime", ends)
        worker = office.worker_with("Tenant Guest")
        late = condition("DateGreaterThanEquals", "g:CurrentTime", ends)
        office.grant(worker, office.policy(deny("image:*:run", **late)))
        only = office.worker_with(office.policy(allow("image:*:run", **when)))

        async def wait_until_refused(who: Worker) -> None:
            for _try in range(60):
                request = office.house.request(PICTURE, account=who.key)
                if (await office.house.answer(request)).status == 403:
                    return
                await asyncio.sleep(0.05)
            raise AssertionError

        asyncio.run(wait_until_refused(worker))
        asyncio.run(wait_until_refused(only))


class TestNarrowing:
    def test_a_temporary_key_does_what_its_policy_and_its_user_may(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest", NORTH)
        narrow = office.temporary(worker, allow("image:tagging:run"))
        assert office.recognise(narrow) == (200, "")
        assert office.recognise(narrow, interface="media-tagging") == NOT_ALLOWED
        assert office.recognise(narrow, region=EAST) == NOT_ALLOWED

    def test_it_never_widens(self, office: Office) -> None:
        worker = office.worker()
        wide = office.temporary(worker, allow("*:*:*"))
        assert office.recognise(wide) == NOT_ALLOWED
        assert office.call("GET", "/v3/users", by=wide).status == 403
        worker = office.worker_with(office.policy(allow("image:tagging:run")))
        wide = office.temporary(worker, allow("*:*:*"))
        assert office.recognise(wide) == (200, "")
        assert office.recognise(wide, interface="media-tagging") == NOT_ALLOWED

    def test_its_deny_and_its_conditions_count(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        denied = office.temporary(worker, allow("*:*:*"), deny("image:tagging:*"))
        assert office.recognise(denied) == NOT_ALLOWED
        assert office.recognise(denied, interface="media-tagging") == (200, "")
        elsewhere = condition("IpAddress", "g:SourceIp", "10.0.0.0/8")
        away = office.temporary(worker, allow("*:*:*", **elsewhere))
        assert office.recognise(away) == NOT_ALLOWED

    def test_the_owner_can_be_narrowed_too(self, office: Office) -> None:
        owner = Worker("", "admin", "", office.house.account)
        narrow = office.temporary(owner, allow("image:tagging:run"))
        assert office.recognise(narrow) == (200, "")
        assert office.recognise(narrow, interface="media-tagging") == NOT_ALLOWED
        assert office.call("GET", "/v3/users", by=narrow).status == 403

    def test_a_key_from_a_project_token_stays_in_that_project(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        key = office.temporary(worker, token=office.token(worker, project={"name": EAST}))
        assert office.recognise(key, region=EAST) == (200, "")
        assert office.recognise(key, region=NORTH) == NOT_ALLOWED

    def test_it_ends_with_its_users_rights_and_with_the_key_it_was_made_by(
        self, office: Office
    ) -> None:
        worker = office.worker_with("Tenant Guest")
        by_key, by_token = (
            office.temporary(worker),
            office.temporary(worker, token=office.token(worker)),
        )
        path = f"/v3.0/OS-CREDENTIAL/credentials/{worker.key.access_key}"
        office.manage("PUT", path, {"credential": {"status": "inactive"}})
        assert office.recognise(worker) == (401, "APIGW.0301")
        assert office.recognise(by_key) == (401, "APIGW.0301")
        assert office.recognise(by_token) == (200, "")
        office.withdraw(worker, "Tenant Guest")
        assert office.recognise(by_token) == NOT_ALLOWED


class TestTokens:
    def test_a_token_opens_its_own_project_only(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        token = office.token(worker, project={"name": EAST})
        assert office.recognise(token=token, region=EAST) == (200, "")
        assert office.recognise(token=token, region=NORTH) == NOT_ALLOWED

    def test_a_token_for_the_account_opens_none(self, office: Office) -> None:
        for worker in (office.worker(), office.worker_with("Tenant Administrator")):
            token = office.token(worker, domain={"id": office.account_id})
            assert office.recognise(token=token) == (400, "AIS.0026")
            assert office.recognise(token=token, path="/v1.0/image/tagging") == (400, "AIS.0026")

    def test_a_path_of_v1_means_the_tokens_project(self, office: Office) -> None:
        path = "/v1.0/image/tagging"
        worker = office.worker_with("Tenant Guest", EAST)
        token = office.token(worker, project={"name": EAST})
        assert office.recognise(token=token, path=path) == (200, "")
        used = office.house.uses()[-1]
        assert used.project_id == office.house.account.project_ids[EAST]
        assert used.user_id == worker.id
        # A key names no project: the default region's, in which this user has no role.
        assert office.recognise(worker, path=path) == NOT_ALLOWED
        north, east = (office.house.account.project_ids[name] for name in (NORTH, EAST))
        assert office.recognise(worker, path=path, X_Project_Id=east) == (200, "")
        assert office.recognise(token=token, path=path, X_Project_Id=north) == NOT_ALLOWED

    def test_a_key_from_a_project_token_means_that_project_too(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest", EAST)
        key = office.temporary(worker, token=office.token(worker, project={"name": EAST}))
        assert office.recognise(key, path="/v1.0/image/tagging") == (200, "")

    @pytest.mark.parametrize(
        ("token", "text"),
        [("x", "decrypt token fail"), ("A" * 600, "decrypt token fail")],
    )
    def test_what_is_no_token_is_told_to_be(self, office: Office, token: str, text: str) -> None:
        answer = office.call("POST", office.house.path("tagging"), body=PICTURE, token=token)
        assert (answer.status, answer.error_code) == (401, "APIGW.0301")
        assert text in answer.json["error_msg"]

    def test_a_changed_password_withdraws_tokens(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        token = office.token(worker)
        assert office.recognise(token=token) == (200, "")
        change = {"user": {"password": "Battery+staple9"}}
        office.manage("PUT", f"/v3.0/OS-USER/users/{worker.id}", change)
        assert office.recognise(token=token) == (401, "APIGW.0307")
        assert office.recognise(worker) == (200, "")

    def test_withdrawn_rights_need_no_new_token(self, office: Office) -> None:
        worker = office.worker()
        token = office.token(worker)
        assert office.recognise(token=token) == NOT_ALLOWED
        office.grant(worker, "Tenant Guest")
        assert office.recognise(token=token) == (200, "")
        office.withdraw(worker, "Tenant Guest")
        assert office.recognise(token=token) == NOT_ALLOWED


class TestStanding:
    def test_a_disabled_user_may_nothing_by_any_credential(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        token, temporary = office.token(worker), office.temporary(worker)
        user = f"/v3.0/OS-USER/users/{worker.id}"
        office.manage("PUT", user, {"user": {"enabled": False}})
        assert office.recognise(worker) == NOT_ALLOWED
        assert office.recognise(token=token) == NOT_ALLOWED
        assert office.recognise(temporary) == NOT_ALLOWED
        office.manage("PUT", user, {"user": {"enabled": True}})
        assert office.recognise(worker) == (200, "")
        # What was issued before the user was disabled stays withdrawn.
        assert office.recognise(token=token) == (401, "APIGW.0307")
        assert office.recognise(temporary)[0] == 401

    def test_a_removed_user_is_unknown(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        token = office.token(worker)
        office.manage("DELETE", f"/v3/users/{worker.id}")
        assert office.recognise(worker) == (401, "APIGW.0301")
        assert office.recognise(token=token)[0] == 401

    def test_a_console_user_signs_nothing(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        user = f"/v3.0/OS-USER/users/{worker.id}"
        office.manage("PUT", user, {"user": {"access_mode": "console"}})
        assert office.recognise(worker) == NOT_ALLOWED
        office.manage("PUT", user, {"user": {"access_mode": "programmatic"}})
        assert office.recognise(worker) == (200, "")

    def test_refused_calls_are_recorded_for_their_user_and_never_looked_at(
        self, office: Office
    ) -> None:
        worker = office.worker()
        before, looks = len(office.house.uses()), len(office.house.assembly.looks)
        office.recognise(worker)
        uses = office.house.uses()
        assert len(uses) == before + 1
        assert (uses[-1].user_id, uses[-1].error_code) == (worker.id, "APIGW.0302")
        assert len(office.house.assembly.looks) == looks


class TestServices:
    def path(self, office: Office, region: str = NORTH) -> str:
        return f"/huiyan/v1/{office.house.account.project_ids[region]}/services"

    def switch(self, office: Office, by: Worker | None, *, enabled: bool) -> int:
        wanted = {"service": {"enabled": enabled}}
        return office.call("PUT", f"{self.path(office)}/image", wanted, by=by).status

    def test_opened_by_a_guest_closed_by_an_administrator_in_one_region(
        self, office: Office
    ) -> None:
        guest = office.worker_with("Tenant Guest")
        admin = office.worker_with("Tenant Administrator")
        assert self.switch(office, guest, enabled=False) == 403
        assert self.switch(office, office.worker(), enabled=True) == 403
        assert self.switch(office, admin, enabled=False) == 200
        for caller in (guest, admin, None):
            assert office.recognise(caller) == (403, "ModelArts.4204")
            assert office.recognise(caller, region=EAST) == (200, "")
        # A caller without any right is not told whether the service is open.
        assert office.recognise(office.worker()) == NOT_ALLOWED
        assert self.switch(office, guest, enabled=True) == 200
        assert office.recognise(guest) == (200, "")


@pytest.mark.parametrize("by", ["key", "token", "temporary"])
def test_the_owner_keeps_every_right(office: Office, by: str) -> None:
    owner = Worker("", "admin", "", office.house.account)
    caller = office.temporary(owner) if by == "temporary" else owner
    for region in (NORTH, EAST):
        token = office.token(owner, project={"name": region}) if by == "token" else None
        for interface in INTERFACES:
            asked = office.recognise(caller, region=region, interface=interface, token=token)
            assert asked == (200, ""), (region, interface)


class TestWhatIsGone:
    def test_a_removed_group_takes_its_grants_along(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        assert office.recognise(worker) == (200, "")
        office.manage("DELETE", f"/v3/groups/{worker.group_id}")
        assert office.recognise(worker) == NOT_ALLOWED
        query = f"domain_id={office.account_id}&subject.group_id={worker.group_id}"
        found = office.manage("GET", "/v3.0/OS-PERMISSION/role-assignments", query=query)
        assert found["role_assignments"] == []

    def test_a_user_of_the_same_name_inherits_nothing(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        token = office.token(worker)
        office.manage("DELETE", f"/v3/users/{worker.id}")
        user = {"name": worker.name, "domain_id": office.account_id, "password": PASSWORD}
        again = office.manage("POST", "/v3.0/OS-USER/users", {"user": user})["user"]["id"]
        assert again != worker.id
        assert office.recognise(worker)[0] == 401
        assert office.recognise(token=token)[0] == 401
        heir = Worker(again, worker.name, "", worker.key)
        assert office.recognise(token=office.token(heir)) == NOT_ALLOWED
        assert office.manage("GET", f"/v3/users/{again}/groups")["groups"] == []

    def test_a_policy_of_the_same_name_is_not_granted(self, office: Office) -> None:
        role_id = office.policy(allow("image:*:*"))
        worker = office.worker_with(role_id)
        office.withdraw(worker, role_id)
        office.manage("DELETE", f"/v3.0/OS-ROLE/roles/{role_id}")
        assert office.recognise(worker) == NOT_ALLOWED


class TestTheManager:
    """Who manages identities gets no further than that."""

    @pytest.fixture
    def manager(self, office: Office) -> Worker:
        return office.worker_with("Security Administrator", "domain")

    def test_takes_nothing_of_the_owners(self, office: Office, manager: Worker) -> None:
        owner_id = office.owner_id
        key = f"/v3.0/OS-CREDENTIAL/credentials/{office.house.account.access_key}"
        user, newer = f"/v3/users/{owner_id}", f"/v3.0/OS-USER/users/{owner_id}"
        passwords = {"original_password": PASSWORD, "password": "Other-words8"}
        for method, path, document in (
            ("POST", "/v3.0/OS-CREDENTIAL/credentials", {"credential": {"user_id": owner_id}}),
            ("PUT", key, {"credential": {"status": "inactive"}}),
            ("DELETE", key, None),
            ("PATCH", user, {"user": {"password": "Other-words8"}}),
            ("PATCH", user, {"user": {"enabled": False}}),
            ("PATCH", user, {"user": {"name": "deposed"}}),
            ("PUT", newer, {"user": {"password": "Other-words8"}}),
            ("PUT", newer, {"user": {"email": "thief@example.test"}}),
            ("PUT", f"{newer}/info", {"user": {"email": "thief@example.test"}}),
            ("POST", f"{user}/password", {"user": passwords}),
            ("DELETE", user, None),
        ):
            answer = office.call(method, path, document, by=manager)
            assert answer.status in {403, 409}, (method, path, document, answer.body)
        assert office.recognise() == (200, "")

    def test_manages_by_keys_tokens_and_temporary_keys_alike(
        self, office: Office, manager: Worker
    ) -> None:
        scopes: tuple[dict[str, Any], ...] = (
            {"project": {"name": NORTH}},
            {"domain": {"id": office.account_id}},
        )
        for scope in scopes:
            token = office.token(manager, **scope)
            assert office.call("GET", "/v3/users", token=token).status == 200
        assert office.call("GET", "/v3/users", by=manager).status == 200
        assert office.call("GET", "/v3/users", by=office.temporary(manager)).status == 200

    def test_reads_the_audit_log_and_nobody_writes_it(
        self, office: Office, manager: Worker
    ) -> None:
        path = f"/huiyan/v1/{office.house.account.project_ids[NORTH]}/audit/records"
        answer = office.call("GET", path, by=manager, query="scope=account&limit=5")
        assert answer.status == 200
        assert len(answer.json["records"]) == 5
        guest = office.worker_with("Tenant Guest")
        assert office.call("GET", path, by=guest, query="scope=account").status == 403
        record = f"{path}/{answer.json['records'][0]['id']}"
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for target in (path, record):
                assert office.call(method, target, {}).status in {404, 405}, (method, target)

    def test_a_refusal_is_told_with_its_statement(self, office: Office) -> None:
        worker = office.worker_with("Tenant Guest")
        denying = office.policy(deny("image:tagging:run"))
        office.grant(worker, denying)
        office.recognise(worker)
        path = f"/huiyan/v1/{office.house.account.project_ids[NORTH]}/audit/records"
        query = f"user_id={worker.id}&allowed=false"
        record = office.manage("GET", path, query=query)["records"][0]
        assert record["action"] == "image:tagging:run"
        assert record["user_name"] == worker.name
        assert record["address"] == "127.0.0.1"
        assert "statement 1 denies" in record["reason"]


POLICY = '{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["iam:*:*"]}]}'


class TestAuditLog:
    """What the log tells of calls that the official paths carry."""

    @staticmethod
    def told(office: Office, **query: str) -> list[Any]:
        """Read what the account's log tells, oldest first."""
        path = f"/huiyan/v1/{office.house.account.project_ids[NORTH]}/audit/records"
        pairs = "&".join(f"{name}={quote(text)}" for name, text in sorted(query.items()))
        records = office.manage("GET", path, query=f"{pairs}&limit=1000&scope=account")["records"]
        return list(records[::-1])

    @pytest.mark.parametrize(
        ("path", "document", "made", "facts"),
        [
            (
                "/v3.0/OS-USER/users",
                {"user": {"name": "audited-1", "password": PASSWORD, "email": "a@example.org"}},
                "user.id",
                {"user.name": "audited-1", "user.password": "set", "user.email": "set"},
            ),
            (
                "/v3/users",
                {"user": {"name": "audited-2", "enabled": False, "description": "approved"}},
                "user.id",
                {"user.name": "audited-2", "user.enabled": "False"},
            ),
            ("/v3/groups", {"group": {"name": "audited"}}, "group.id", {"group.name": "audited"}),
            (
                "/v3.0/OS-ROLE/roles",
                {
                    "role": {
                        "display_name": "audited",
                        "type": "AX",
                        "description": "approved",
                        "policy": json.loads(POLICY),
                    }
                },
                "role.id",
                {
                    "role.display_name": "audited",
                    "role.type": "AX",
                    "role.policy": POLICY,
                },
            ),
        ],
    )
    def test_what_came_to_be_is_told_with_its_id(
        self, office: Office, path: str, document: Any, made: str, facts: dict[str, str]
    ) -> None:
        (thing,) = document
        if thing != "role":
            document = {thing: {**document[thing], "domain_id": office.account_id}}
        new = office.manage("POST", path, document)[thing]["id"]
        asked, done = self.told(office, user_id=office.owner_id)[-2:]
        assert (asked["detail"], asked["resource"]) == (facts, path)
        assert (done["reason"], done["detail"]) == ("done", {made: new})
        assert done in self.told(office, text=new)

    def test_of_changes_what_matters_is_told_and_no_secret(self, office: Office) -> None:
        worker = office.worker()
        path = f"/v3.0/OS-USER/users/{worker.id}"
        secret = "Another-horse8"
        office.manage(
            "PUT", path, {"user": {"password": secret, "areacode": "0086", "phone": "13800000000"}}
        )
        (asked,) = self.told(office, text=path)
        assert asked["detail"] == {"user.password": "set", "user.phone": "set"}
        assert secret not in json.dumps(self.told(office))
        assert "13800000000" not in json.dumps(self.told(office))

    def test_a_new_key_is_told_with_its_user(self, office: Office) -> None:
        worker = office.worker()
        asked, done = self.told(office, action="iam:credentials:createCredential")[-2:]
        assert asked["detail"] == {"credential.user_id": worker.id}
        assert done["detail"] == {"credential.access": worker.key.access_key}
        path = f"/v3.0/OS-CREDENTIAL/credentials/{worker.key.access_key}"
        change = {"credential": {"status": "inactive", "description": "approved"}}
        office.manage("PUT", path, change)
        (asked,) = self.told(office, text=path)
        assert asked["detail"] == {"credential.status": "inactive"}

    def test_a_body_that_is_ignored_is_not_told(self, office: Office) -> None:
        worker, other = office.worker(), office.worker()
        path = f"/v3/groups/{other.group_id}/users/{worker.id}"
        office.manage("PUT", path, {"agency": {"description": "approved by the auditor"}})
        (asked,) = self.told(office, text=path)
        assert asked["detail"] == {}

    def test_a_flood_of_refused_image_calls_is_one_entry_and_a_number(self, office: Office) -> None:
        worker = office.worker()
        for _ in range(20):
            assert office.recognise(worker) == NOT_ALLOWED
        for number in range(20):
            assert office.recognise(worker, path=f"/v2/%61{number}/image/tagging")[0] == 403
        office.house.parts.audit.close()
        told = self.told(office, user_id=worker.id)
        assert [entry["detail"].get("repeated") for entry in told] == [None, None, "19", "19"]
        assert {entry["resource"] for entry in told} == {
            office.house.path("tagging"),
            "/v2/a0/image/tagging",
            "/v2/a19/image/tagging",
        }


class TestDenyOfWhatIsOnesOwn:
    """Who is denied IAM makes no keys for themselves either."""

    def test_by_a_policy(self, office: Office) -> None:
        worker = office.worker()
        own = f"/v3/users/{worker.id}"
        keys, wanted = "/v3.0/OS-CREDENTIAL/credentials", {"credential": {"user_id": worker.id}}
        assert office.call("GET", own, by=worker).status == 200
        denying = office.policy(deny("iam:*:*"), kind="AX")
        office.grant(worker, denying, "domain")
        assert office.call("POST", keys, wanted, by=worker).status == 403
        assert office.call("GET", own, by=worker).status == 403
        assert office.call("GET", "/v3/projects", by=worker).status == 200
        office.withdraw(worker, denying, "domain")
        assert office.call("POST", keys, wanted, by=worker).status == 201

    def test_by_a_narrowing_policy(self, office: Office) -> None:
        worker = office.worker()
        own = f"/v3/users/{worker.id}/projects"
        image = office.temporary(worker, allow("image:*:*"))
        people = office.temporary(worker, allow("iam:*:*"))
        assert office.call("GET", own, by=image).status == 403
        assert office.call("GET", own, by=people).status == 200
        assert office.call("GET", own, by=worker).status == 200
