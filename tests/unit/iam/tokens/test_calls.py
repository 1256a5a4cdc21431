import re
from collections.abc import Callable
from json import dumps
from typing import Any

import pytest

from huiyan.iam.call import Operation
from huiyan.iam.policy.system import SECURITY_ADMINISTRATOR, TENANT_GUEST
from huiyan.kernel.ids import AccountId

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
TOKENS = "/v3/auth/tokens"
KEYS = "/v3.0/OS-CREDENTIAL/securitytokens"
Body = Callable[..., dict[str, Any]]


def keys_body(**identity: Any) -> dict[str, Any]:
    return {"auth": {"identity": {"methods": ["token"]} | identity}}


def assume_body(lender: str, scope: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    role = {"domain_name": lender, "agency_name": "helper"} | more
    auth: dict[str, Any] = {"identity": {"methods": ["assume_role"], "assume_role": role}}
    return {"auth": auth | ({} if scope is None else {"scope": scope})}


class TestCreatingTokens:
    def test_a_project_token_as_the_contract_has_it(self, house: Any, password_body: Body) -> None:
        user, project = house.add_user("ada"), house.project()
        house.grant(user, TENANT_GUEST.id, "inherited")
        reply = house.client().post(
            TOKENS, json=password_body(scope={"project": {"name": "cn-north-4"}})
        )
        assert reply.status_code == 201
        token = reply.json()["token"]
        domain = {"id": house.account.id, "name": house.account.name}
        assert token["methods"] == ["password"]
        assert token["issued_at"] == "2026-03-31T08:15:00.123456Z"
        assert token["expires_at"] == "2026-04-01T08:15:00.123456Z"
        assert token["user"] == {
            "id": user.id,
            "name": "ada",
            "domain": domain,
            "password_expires_at": "",
        }
        assert token["project"] == {"id": project.id, "name": "cn-north-4", "domain": domain}
        assert "domain" not in token
        assert token["roles"] == [{"id": "0", "name": "readonly"}]
        assert house.read(reply.headers["X-Subject-Token"]).project_id == project.id
        assert reply.headers["X-Subject-Token"] not in reply.text

    @pytest.mark.parametrize("scope", [None, {}, {"domain": {"name": "huiyan"}}])
    def test_an_account_token(self, house: Any, password_body: Body, scope: Any) -> None:
        house.add_user("ada")
        reply = house.client().post(TOKENS, json=password_body(scope=scope))
        assert reply.status_code == 201
        token = reply.json()["token"]
        assert token["domain"] == {"id": house.account.id, "name": house.account.name}
        assert "project" not in token
        assert token["roles"] == []
        assert house.read(reply.headers["X-Subject-Token"]).is_domain_scoped

    def test_a_user_without_a_role_gets_a_token_without_roles(
        self, house: Any, password_body: Body
    ) -> None:
        house.add_user("ada")
        body = password_body(scope={"project": {"id": house.project().id}})
        reply = house.client().post(TOKENS, json=body)
        assert reply.status_code == 201
        assert reply.json()["token"]["roles"] == []

    def test_the_catalog_names_this_server(self, house: Any, password_body: Body) -> None:
        house.add_user("ada")
        body = password_body(scope={"project": {"name": "cn-north-4"}})
        catalog = house.client().post(TOKENS, json=body).json()["token"]["catalog"]
        assert [service["name"] for service in catalog] == ["iam", "image"]
        (endpoint,) = catalog[1]["endpoints"]
        assert endpoint["url"] == f"http://testserver/v2/{house.project().id}"
        assert endpoint["region"] == endpoint["region_id"] == "cn-north-4"
        assert endpoint["interface"] == "public"
        assert re.fullmatch("[0-9a-f]{32}", endpoint["id"])

    @pytest.mark.parametrize(("query", "services"), [("true", 0), ("1", 0), ("", 2)])
    def test_nocatalog_leaves_the_catalog_empty(
        self, house: Any, password_body: Body, query: str, services: int
    ) -> None:
        house.add_user("ada")
        reply = house.client().post(f"{TOKENS}?nocatalog={query}", json=password_body())
        assert len(reply.json()["token"]["catalog"]) == services

    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": "SDK-HMAC-SHA256 Access=X, SignedHeaders=host, Signature=00"},
            {"Authorization": "nonsense"},
            {"X-Auth-Token": "nonsense"},
        ],
    )
    def test_other_credentials_are_not_looked_at(
        self, house: Any, password_body: Body, headers: dict[str, str]
    ) -> None:
        house.add_user("ada")
        reply = house.client().post(TOKENS, json=password_body(), headers=headers)
        assert reply.status_code == 201

    def test_wrong_user_and_wrong_password_get_the_same_answer(
        self, house: Any, password_body: Body
    ) -> None:
        house.add_user("ada")
        client = house.client()
        answers = {
            (reply.status_code, reply.text)
            for reply in (
                client.post(TOKENS, json=password_body(password="wrong")),
                client.post(TOKENS, json=password_body("nobody")),
                client.post(TOKENS, json=password_body(domain={"name": "nowhere"})),
                client.post(TOKENS, json=password_body(domain={"id": "f" * 32})),
            )
        }
        assert len(answers) == 1
        ((status, text),) = answers
        assert status == 401
        assert "The username or password is wrong." in text

    def test_a_locked_name_is_told_so_with_401(self, house: Any, password_body: Body) -> None:
        client = house.client()
        for _ in range(5):
            client.post(TOKENS, json=password_body(password="wrong"))
        reply = client.post(TOKENS, json=password_body())
        assert reply.status_code == 401
        assert reply.json()["error"]["message"].startswith("Too many wrong passwords")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"null",
            b'"auth"',
            b"{}",
            b'{"auth": null}',
            b'{"auth": []}',
            b'{"auth": {"identity": {"methods": ["password", "totp"]}}}',
            b'{"auth": {"identity": {"methods": ["totp"]}}}',
            b"\xff\xfe",
            b'{"auth":' * 5000,
        ],
    )
    def test_malformed_bodies_are_400(self, house: Any, content: bytes) -> None:
        reply = house.client().post(TOKENS, content=content)
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == 400

    def test_a_huge_password_is_refused_unhashed(self, house: Any, password_body: Body) -> None:
        house.add_user("ada")
        reply = house.client().post(TOKENS, json=password_body(password="x" * 60_000))
        assert reply.status_code == 400
        assert house.client().post(TOKENS, content=b"x" * 1_000_000).status_code == 413
        assert house.verifier.compared == []

    @pytest.mark.parametrize(
        ("scope", "status"),
        [
            ({"project": {"id": "f" * 32}}, 404),
            ({"project": {"name": "mars-1"}}, 404),
            ({"domain": {"name": "nowhere"}}, 404),
        ],
    )
    def test_a_scope_that_is_not_there(
        self, house: Any, password_body: Body, scope: Any, status: int
    ) -> None:
        house.add_user("ada")
        assert house.client().post(TOKENS, json=password_body(scope=scope)).status_code == status

    def test_a_disabled_user_with_the_right_password_is_told(
        self, house: Any, password_body: Body
    ) -> None:
        house.set_user(house.add_user("ada"), bumped=True, enabled=False)
        client = house.client()
        assert client.post(TOKENS, json=password_body()).status_code == 403
        assert client.post(TOKENS, json=password_body(password="no")).status_code == 401

    def test_the_token_calls(self, house: Any, password_body: Body, answer_who: Operation) -> None:
        house.extra.append(answer_who)
        user, client = house.add_user("ada"), house.client()
        assert client.get("/who").status_code == 401
        token = client.post(TOKENS, json=password_body()).headers["X-Subject-Token"]
        reply = client.get("/who", headers={"X-Auth-Token": token})
        assert reply.json() == {"user": user.id}
        altered = token[:-1] + ("A" if token[-1] != "A" else "B")
        assert client.get("/who", headers={"X-Auth-Token": altered}).status_code == 401
        house.clock.move(hours=24)
        reply = client.get("/who", headers={"X-Auth-Token": token})
        assert reply.status_code == 401
        assert "token expires" in reply.text


class TestShowingTokens:
    def ask(self, house: Any, caller: str, subject: str, query: str = "") -> Any:
        headers = {"X-Auth-Token": caller, "X-Subject-Token": subject}
        return house.client().get(TOKENS + query, headers=headers)

    def test_ones_own_token_is_told_as_when_it_was_made(
        self, house: Any, password_body: Body
    ) -> None:
        house.add_user("ada")
        made = house.client().post(TOKENS, json=password_body())
        token = made.headers["X-Subject-Token"]
        reply = self.ask(house, token, token)
        assert reply.status_code == 200
        assert reply.json() == made.json()
        assert reply.headers["X-Subject-Token"] == token
        quiet = self.ask(house, token, token, "?nocatalog=1").json()
        assert quiet["token"]["catalog"] == []

    def test_colleagues_tokens_need_security_administrator(self, house: Any) -> None:
        ada, bob = house.add_user("ada"), house.add_user("bob")
        tokens = {user.name: house.token_for(user) for user in (ada, bob)}
        assert self.ask(house, tokens["ada"], tokens["bob"]).status_code == 403
        house.grant(ada, SECURITY_ADMINISTRATOR.id)
        reply = self.ask(house, tokens["ada"], tokens["bob"])
        assert reply.status_code == 200
        assert reply.json()["token"]["user"]["name"] == "bob"

    @pytest.mark.parametrize("admin", [False, True])
    def test_what_is_no_good_token_of_the_account_is_404(self, house: Any, *, admin: bool) -> None:
        ada = house.add_user("ada")
        if admin:
            house.grant(ada, SECURITY_ADMINISTRATOR.id)
        gone, changed, disabled = (house.add_user(name) for name in ("gone", "changed", "off"))
        foreign = house.add_user("eve", account=house.add_account("other"))
        subjects = [house.token_for(user) for user in (gone, changed, disabled, foreign)]
        house.remove_user(gone)
        house.set_user(changed, bumped=True)
        house.set_user(disabled, bumped=True, enabled=False)
        caller = house.token_for(ada)
        answers = {
            (reply.status_code, reply.json()["error"]["message"])
            for subject in (*subjects, "nonsense")
            for reply in [self.ask(house, caller, subject)]
        }
        assert answers == {(404, "Could not find token.")}

    def test_an_expired_token_is_404(self, house: Any) -> None:
        ada = house.add_user("ada")
        old = house.token_for(ada)
        house.clock.move(hours=25)
        assert self.ask(house, house.token_for(ada), old).status_code == 404

    def test_the_subject_must_be_named_and_the_caller_known(self, house: Any) -> None:
        token = house.token_for(house.add_user("ada"))
        client = house.client()
        assert client.get(TOKENS, headers={"X-Auth-Token": token}).status_code == 400
        assert client.get(TOKENS, headers={"X-Subject-Token": token}).status_code == 401


class TestAgencyTokens:
    @pytest.fixture
    def lent(self, house: Any) -> Any:
        lender = house.add_account("lender")
        user = house.add_user("ada")
        house.grant(user, SECURITY_ADMINISTRATOR.id)
        agency = house.add_agency(lender, house.account)
        house.grant_to(lender.id, "agency", agency.id, TENANT_GUEST.id, "inherited")
        return lender, user, agency

    def post(self, house: Any, user: Any, body: Any, path: str = TOKENS) -> Any:
        headers = {"X-Auth-Token": house.token_for(user)}
        return house.client().post(path, json=body, headers=headers)

    def test_an_agency_token_tells_whose_it_is_and_who_assumed_it(
        self, house: Any, lent: Any
    ) -> None:
        lender, user, agency = lent
        scope = {"project": {"name": "cn-north-4"}}
        reply = self.post(house, user, assume_body("lender", scope))
        assert reply.status_code == 201
        token, domain = reply.json()["token"], {"id": lender.id, "name": "lender"}
        assert token["methods"] == ["assume_role"]
        assert token["user"] == {"id": agency.id, "name": "lender/helper", "domain": domain}
        assert token["assumed_by"]["user"]["id"] == user.id
        assert token["assumed_by"]["user"]["domain"]["id"] == house.account.id
        assert token["project"]["id"] == house.project(account=lender).id
        assert token["roles"] == [{"id": "0", "name": "readonly"}]
        session = house.read(reply.headers["X-Subject-Token"])
        assert session.principal.account_id == lender.id
        house.identity.admit(session, token["project"]["id"], "image:image:runTagging")

    def test_both_accounts_are_told(self, house: Any, lent: Any) -> None:
        lender, user, agency = lent
        self.post(house, user, assume_body("lender"))
        told = [(e.account_id, e.resource, e.allowed) for e in house.audit.entries]
        resource = f"iam::{lender.id}:agency:{agency.id}"
        assert told == [(house.account.id, resource, True), (lender.id, resource, True)]

    def test_the_lender_is_not_told_the_borrowers_credential(self, house: Any, lent: Any) -> None:
        lender, user, _agency = lent
        permanent = house.add_key(user)
        for path in (TOKENS, KEYS):
            house.audit.entries.clear()
            body = dumps(assume_body("lender")).encode()
            request = house.signed(permanent, method="POST", path=path, body=body)
            headers = [(name.decode(), value.decode()) for name, value in request.headers]
            assert house.client().post(path, content=body, headers=headers).status_code == 201
            told = {entry.account_id: entry for entry in house.audit.entries}
            assert told[house.account.id].credential_id == permanent.access_key
            assert permanent.access_key not in repr(told[lender.id])
            assert told[lender.id].user_id == user.id

    def test_a_signature_does_as_well_as_a_token(self, house: Any, lent: Any) -> None:
        body = dumps(assume_body("lender")).encode()
        request = house.signed(house.add_key(lent[1]), method="POST", path=TOKENS, body=body)
        headers = [(name.decode(), value.decode()) for name, value in request.headers]
        reply = house.client().post(TOKENS, content=body, headers=headers)
        assert reply.status_code == 201

    def test_without_credentials_there_is_none(self, house: Any, lent: Any) -> None:
        reply = house.client().post(TOKENS, json=assume_body(lent[0].name))
        assert reply.status_code == 401

    def test_without_the_right_there_is_none_and_that_is_told(self, house: Any, lent: Any) -> None:
        house.audit.entries.clear()
        reply = self.post(house, house.add_user("bob"), assume_body(lent[0].name))
        assert reply.status_code == 403
        (entry,) = house.audit.entries
        assert not entry.allowed

    @pytest.mark.parametrize(
        "body",
        [
            assume_body("nowhere"),
            assume_body("lender", agency_name="nothing"),
            assume_body("huiyan"),
            assume_body("lender", domain_id="f" * 32),
        ],
    )
    def test_an_agency_that_is_not_there_is_404(self, house: Any, lent: Any, body: Any) -> None:
        reply = self.post(house, lent[1], body)
        assert reply.status_code == 404
        assert reply.json()["error"]["message"].startswith("Could not find agency")

    def test_without_the_right_nobody_learns_which_agencies_there_are(
        self, house: Any, lent: Any
    ) -> None:
        bob = house.add_user("bob")
        house.add_agency(lent[0], house.add_account("third"), "not for us")
        for path in (TOKENS, KEYS):
            answers = set()
            for body in (
                assume_body("lender"),
                assume_body("lender", agency_name="nothing"),
                assume_body("lender", agency_name="not for us"),
                assume_body("nowhere"),
                assume_body("huiyan"),
            ):
                house.audit.entries.clear()
                reply = self.post(house, bob, body, path)
                assert [entry.allowed for entry in house.audit.entries] == [False]
                error = reply.json()["error"]
                answers.add((reply.status_code, error["code"], error["message"]))
            assert len(answers) == 1
            assert answers.pop()[0] == 403

    def test_nor_which_others_there_are_who_may_act_for_one(self, house: Any, lent: Any) -> None:
        lender, _user, agency = lent
        house.add_agency(lender, house.account, "other")
        bob = house.add_user("bob")
        one = {"Effect": "Allow", "Action": ["iam:agencies:assume"]}
        resource = [f"iam:*:*:agency:{agency.id}"]
        house.grant(bob, house.add_policy([one | {"Resource": resource}]))
        assert self.post(house, bob, assume_body("lender")).status_code == 201
        for name in ("other", "nothing"):
            reply = self.post(house, bob, assume_body("lender", agency_name=name))
            assert reply.status_code == 403

    def test_an_agency_for_another_account_is_404(self, house: Any, lent: Any) -> None:
        house.add_agency(lent[0], house.add_account("third"), "not for us")
        body = assume_body("lender", agency_name="not for us")
        assert self.post(house, lent[1], body).status_code == 404

    def test_an_agency_does_not_act_for_a_further_one(self, house: Any, lent: Any) -> None:
        lender, user, _agency = lent
        third = house.add_account("third")
        house.add_agency(third, lender, "further")
        house.add_agency(third, house.account, "further2")
        token = self.post(house, user, assume_body("lender")).headers["X-Subject-Token"]
        for name in ("further", "further2"):
            for path in (TOKENS, KEYS):
                reply = house.client().post(
                    path,
                    json=assume_body("third", agency_name=name),
                    headers={"X-Auth-Token": token},
                )
                assert reply.status_code in {403, 404}

    def test_a_temporary_key_for_an_agency(self, house: Any, lent: Any) -> None:
        lender, user, agency = lent
        reply = self.post(house, user, assume_body("lender", duration_seconds=1800), KEYS)
        assert reply.status_code == 201
        credential = reply.json()["credential"]
        assert credential["expires_at"] == "2026-03-31T08:45:00.123456Z"
        claims = house.tokens.find_temporary(
            credential["securitytoken"].encode(), credential["access"]
        )
        session = house.tokens.temporary_session(claims, house.directory)
        assert session.agency_id == agency.id
        assert session.principal.account_id == lender.id
        house.identity.admit(session, house.project(account=lender).id, "image:image:runTagging")

    def test_an_agency_of_a_disabled_account_gives_nothing(self, house: Any, lent: Any) -> None:
        reply = self.post(house, lent[1], assume_body("lender"))
        session = house.read(reply.headers["X-Subject-Token"])
        house.set_account(lent[0], enabled=False)
        assert (
            house.client()
            .get("/v3/auth/catalog", headers={"X-Auth-Token": reply.headers["X-Subject-Token"]})
            .status_code
            == 403
        )
        assert session.principal.account_id == AccountId(lent[0].id)


class TestOtherCalls:
    def test_the_catalog_is_within_the_callers_reach(self, house: Any) -> None:
        ada, client = house.add_user("ada"), house.client()
        for project, regions in ((None, ["cn-east-3", "cn-north-4"]), (house.project(), None)):
            token = house.token_for(ada, project)
            reply = client.get("/v3/auth/catalog", headers={"X-Auth-Token": token})
            assert reply.status_code == 200
            assert reply.json()["links"]["self"] == "http://testserver/v3/auth/catalog"
            _iam, image = reply.json()["catalog"]
            found = sorted(endpoint["region"] for endpoint in image["endpoints"])
            assert found == (regions or ["cn-north-4"])
        assert client.get("/v3/auth/catalog").status_code == 401

    def test_versions_need_no_credentials(self, house: Any) -> None:
        client = house.client()
        version = client.get("/v3").json()["version"]
        assert version["id"].startswith("v3")
        assert version["links"] == [{"rel": "self", "href": "http://testserver/v3/"}]
        assert client.get("/").json() == {"versions": {"values": [version]}}
