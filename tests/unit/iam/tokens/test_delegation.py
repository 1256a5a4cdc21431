import json
from typing import Any

import pytest

from huiyan.iam.policy.system import SECURITY_ADMINISTRATOR, TENANT_GUEST
from huiyan.kernel.errors import RateLimitError

KEYS = "/v3.0/OS-CREDENTIAL/securitytokens"
TOKENS = "/v3/auth/tokens"
POLICY = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["image:*:*"]}]}
ASSUME = {
    "auth": {
        "identity": {
            "methods": ["assume_role"],
            "assume_role": {"domain_name": "lender", "agency_name": "helper"},
        }
    }
}
TAGGING = "image:image:runTagging"


def wanted(**identity: Any) -> dict[str, Any]:
    return {"auth": {"identity": {"methods": ["token"]} | identity}}


def signed_post(house: Any, key: Any, body: dict[str, Any], path: str = KEYS) -> Any:
    content = json.dumps(body).encode()
    request = house.signed(key, method="POST", path=path, body=content)
    headers = [(name.decode(), value.decode()) for name, value in request.headers]
    return house.client().post(path, content=content, headers=headers)


class Made:
    """A temporary key as a client holds it."""

    def __init__(self, reply: Any) -> None:
        assert reply.status_code == 201, reply.text
        credential = reply.json()["credential"]
        self.access = credential["access"]
        self.secret = credential["secret"]
        self.security_token = credential["securitytoken"]
        self.expires_at = credential["expires_at"]


def session_of(house: Any, key: Made) -> Any:
    return house.identity.authenticate(house.signed(key))


class TestByToken:
    def post(self, house: Any, token: str, **identity: Any) -> Any:
        return house.client().post(KEYS, json=wanted(**identity), headers={"X-Auth-Token": token})

    def test_the_token_may_come_in_the_header(self, house: Any) -> None:
        user = house.add_user("ada")
        key = Made(self.post(house, house.token_for(user)))
        assert key.expires_at == "2026-03-31T08:30:00.123456Z"
        assert session_of(house, key).principal.user_id == user.id

    def test_the_token_may_come_in_the_body(self, house: Any) -> None:
        user = house.add_user("ada")
        body = wanted(token={"id": house.token_for(user), "duration_seconds": 3600})
        key = Made(house.client().post(KEYS, json=body))
        assert key.expires_at == "2026-03-31T09:15:00.123456Z"
        assert session_of(house, key).principal.user_id == user.id

    def test_a_token_in_the_body_goes_before_a_signature(self, house: Any) -> None:
        ada, bob = house.add_user("ada"), house.add_user("bob")
        body = wanted(token={"id": house.token_for(ada)})
        key = Made(signed_post(house, house.add_key(bob), body))
        assert session_of(house, key).principal.user_id == ada.id

    def test_a_bad_token_in_the_body_is_401(self, house: Any) -> None:
        reply = house.client().post(KEYS, json=wanted(token={"id": "nonsense"}))
        assert reply.status_code == 401
        assert house.client().post(KEYS, json=wanted()).status_code == 401

    def test_a_project_tokens_key_reaches_that_project_only(self, house: Any) -> None:
        user, project = house.add_user("ada"), house.project()
        house.grant(user, TENANT_GUEST.id, "inherited")
        session = session_of(house, Made(self.post(house, house.token_for(user, project))))
        assert session.project_id == project.id
        house.identity.admit(session, project.id, TAGGING)

    def test_an_account_tokens_key_reaches_every_project(self, house: Any) -> None:
        user = house.add_user("ada")
        house.grant(user, TENANT_GUEST.id, "inherited")
        session = session_of(house, Made(self.post(house, house.token_for(user))))
        for name in ("cn-north-4", "cn-east-3"):
            house.identity.admit(session, house.project(name).id, TAGGING)

    def test_the_epoch_is_the_tokens_not_todays(self, house: Any) -> None:
        """A withdrawn token must not turn into a good key in the moment of its withdrawal."""
        user = house.add_user("ada")
        token = house.token_for(user)
        ask = house.identity.authorise_own

        def change_then_ask(session: Any, action: str) -> Any:
            house.set_user(user, bumped=True)
            return ask(session, action)

        house.identity.authorise_own = change_then_ask
        key = Made(self.post(house, token))
        house.identity.authorise_own = ask
        assert house.client().get("/v3/auth/catalog").status_code == 401
        request = house.signed(key)
        headers = [(name.decode(), value.decode()) for name, value in request.headers]
        reply = house.client().get("/v3/auth/catalog", headers=headers)
        assert reply.status_code == 401
        assert reply.json()["error"]["message"] == "The token must be updated."

    def test_withdrawn_tokens_and_disabled_users_get_none(self, house: Any) -> None:
        user = house.add_user("ada")
        token = house.token_for(user)
        house.set_user(user, bumped=True, enabled=False)
        assert self.post(house, token).status_code == 403
        house.set_user(user, bumped=True, enabled=True)
        assert self.post(house, token).status_code == 401

    def test_a_user_enabled_between_two_stages_gains_nothing(self, house: Any) -> None:
        user = house.add_user("ada")
        token = house.token_for(user)
        house.set_user(user, bumped=True, enabled=False)
        ask = house.identity.require_standing

        def enable_then_ask(session: Any) -> None:
            house.set_user(user, bumped=True, enabled=True)
            ask(session)

        house.identity.require_standing = enable_then_ask
        assert self.post(house, token).status_code == 403

    @pytest.mark.parametrize("policy", [None, {"Version": "1.1"}, "Allow"])
    def test_a_policy_that_cannot_be_read_gives_no_key(self, house: Any, policy: Any) -> None:
        token = house.token_for(house.add_user("ada"))
        assert self.post(house, token, policy=policy).status_code == 400


class TestByKey:
    def test_a_permanent_key_makes_one_that_dies_with_it(self, house: Any) -> None:
        user = house.add_user("ada")
        permanent = house.add_key(user)
        key = Made(signed_post(house, permanent, wanted()))
        assert session_of(house, key).principal.user_id == user.id
        house.stop_key(permanent.access_key, user)
        request = house.signed(key)
        headers = [(name.decode(), value.decode()) for name, value in request.headers]
        reply = house.client().get("/v3/auth/catalog", headers=headers)
        assert reply.status_code == 401
        assert f"ak:{key.access},err:ak not exist" in reply.text


class TestDescent:
    """What is made by other credentials outlives none of them."""

    @pytest.fixture
    def lent(self, house: Any) -> Any:
        lender, user = house.add_account("lender"), house.add_user("ada")
        house.grant(user, SECURITY_ADMINISTRATOR.id)
        house.add_agency(lender, house.account)
        return user, house.add_key(user)

    def assume(self, house: Any, permanent: Any) -> str:
        reply = signed_post(house, permanent, ASSUME, TOKENS)
        assert reply.status_code == 201, reply.text
        token: str = reply.headers["X-Subject-Token"]
        return token

    def status(self, house: Any, headers: Any) -> int:
        reply = house.client().get("/v3/auth/catalog", headers=headers)
        status: int = reply.status_code
        return status

    def signed_status(self, house: Any, key: Made) -> int:
        request = house.signed(key)
        return self.status(house, [(n.decode(), v.decode()) for n, v in request.headers])

    def test_an_agency_token_dies_with_the_permanent_key_it_was_made_under(
        self, house: Any, lent: Any
    ) -> None:
        user, permanent = lent
        headers = {"X-Auth-Token": self.assume(house, permanent)}
        assert self.status(house, headers) == 200
        house.stop_key(permanent.access_key, user)
        assert self.status(house, headers) == 401
        assert house.client().post(KEYS, json=wanted(), headers=headers).status_code == 401

    def test_so_does_a_temporary_key_made_by_that_token(self, house: Any, lent: Any) -> None:
        user, permanent = lent
        headers = {"X-Auth-Token": self.assume(house, permanent)}
        key = Made(house.client().post(KEYS, json=wanted(), headers=headers))
        assert self.signed_status(house, key) == 200
        house.stop_key(permanent.access_key, user)
        assert self.signed_status(house, key) == 401

    def test_so_does_a_temporary_key_for_the_agency(self, house: Any, lent: Any) -> None:
        user, permanent = lent
        key = Made(signed_post(house, permanent, ASSUME))
        assert self.signed_status(house, key) == 200
        house.stop_key(permanent.access_key, user)
        assert self.signed_status(house, key) == 401

    def test_another_key_of_the_user_ends_nothing(self, house: Any, lent: Any) -> None:
        user, permanent = lent
        other = house.add_key(user)
        headers = {"X-Auth-Token": self.assume(house, permanent)}
        house.stop_key(other.access_key, user)
        assert self.status(house, headers) == 200

    @pytest.mark.parametrize("agency", [False, True], ids=["user's", "agency's"])
    def test_a_temporary_key_ends_with_the_token_it_was_made_by(
        self, house: Any, lent: Any, *, agency: bool
    ) -> None:
        user, permanent = lent
        token = self.assume(house, permanent) if agency else house.token_for(user)
        house.clock.move(hours=23, minutes=50)
        body = wanted(token={"id": token, "duration_seconds": 86_400})
        key = Made(house.client().post(KEYS, json=body))
        assert key.expires_at == "2026-04-01T08:15:00.123456Z"
        house.clock.move(minutes=9, seconds=59)
        assert self.signed_status(house, key) == 200
        house.clock.move(seconds=1)
        assert self.signed_status(house, key) == 401

    def test_an_agencys_token_and_key_end_with_the_token_they_were_made_by(
        self, house: Any, lent: Any
    ) -> None:
        headers = {"X-Auth-Token": house.token_for(lent[0])}
        house.clock.move(hours=23, minutes=50)
        told = house.client().post(TOKENS, json=ASSUME, headers=headers)
        assert told.json()["token"]["expires_at"] == "2026-04-01T08:15:00.123456Z"
        key = Made(house.client().post(KEYS, json=ASSUME, headers=headers))
        assert key.expires_at == "2026-04-01T08:15:00.123456Z"

    def test_a_key_made_under_a_permanent_key_lives_as_long_as_was_wanted(
        self, house: Any, lent: Any
    ) -> None:
        key = Made(signed_post(house, lent[1], wanted(token={"duration_seconds": 86_400})))
        assert key.expires_at == "2026-04-01T08:15:00.123456Z"

    def test_who_may_come_by_the_console_only_uses_no_agency_by_keys(
        self, house: Any, lent: Any
    ) -> None:
        user, permanent = lent
        by_password = {"X-Auth-Token": house.token_for(user)}
        keys = [
            Made(signed_post(house, permanent, ASSUME)),
            Made(house.client().post(KEYS, json=ASSUME, headers=by_password)),
        ]
        by_key = {"X-Auth-Token": self.assume(house, permanent)}
        told = house.client().post(TOKENS, json=ASSUME, headers=by_password)
        assumed = {"X-Auth-Token": told.headers["X-Subject-Token"]}
        house.set_user(user, access_mode="console")
        assert [self.signed_status(house, key) for key in keys] == [401, 401]
        assert self.status(house, by_key) == 401
        assert self.status(house, assumed) == 200
        house.set_user(user, access_mode="default")
        assert [self.signed_status(house, key) for key in keys] == [200, 200]


class TestNarrowing:
    def narrowed(self, house: Any, user: Any, **identity: Any) -> Made:
        headers = {"X-Auth-Token": house.token_for(user)}
        return Made(house.client().post(KEYS, json=wanted(**identity), headers=headers))

    def test_a_narrowed_key_may_less(self, house: Any) -> None:
        owner = house.directory.users[house.made.owner.id]
        session = session_of(house, self.narrowed(house, owner, policy=POLICY))
        house.identity.admit(session, house.project().id, TAGGING)
        with pytest.raises(Exception, match="not authorised"):
            house.identity.authorise(session, "iam:users:list")

    @pytest.mark.parametrize("policy", [POLICY, None], ids=["narrowed", "whole"])
    def test_no_temporary_key_makes_any_credential(self, house: Any, policy: Any) -> None:
        user = house.add_user("ada")
        house.grant(user, SECURITY_ADMINISTRATOR.id)
        lender = house.add_account("lender")
        house.add_agency(lender, house.account)
        key = self.narrowed(house, user, **({} if policy is None else {"policy": policy}))
        house.audit.entries.clear()
        for body, path in ((wanted(), KEYS), (ASSUME, KEYS), (ASSUME, TOKENS)):
            reply = signed_post(house, key, body, path)
            assert reply.status_code == 403
        assert [entry.allowed for entry in house.audit.entries] == [False] * 3

    def test_a_security_token_is_no_token(self, house: Any) -> None:
        key = self.narrowed(house, house.add_user("ada"), policy=POLICY)
        client = house.client()
        for body, headers in (
            (wanted(), {"X-Auth-Token": key.security_token}),
            (wanted(token={"id": key.security_token}), {}),
        ):
            assert client.post(KEYS, json=body, headers=headers).status_code == 401


class TestAudit:
    def test_each_key_is_told_without_its_secrets(self, house: Any) -> None:
        user = house.add_user("ada")
        headers = {"X-Auth-Token": house.token_for(user)}
        key = Made(house.client().post(KEYS, json=wanted(), headers=headers))
        (entry,) = house.audit.entries
        assert entry.allowed
        assert entry.user_id == user.id
        assert key.access in entry.reason
        assert entry.credential_id.startswith("token:")
        told = repr(entry)
        assert key.secret not in told
        assert key.security_token not in told


def test_calls_for_temporary_keys_count_against_the_callers_limit(house: Any) -> None:
    user = house.add_user("ada")
    entered: list[tuple[str, str]] = []

    class Full:
        def enter(self, user_id: str, project_id: str) -> Any:
            entered.append((user_id, project_id))
            raise RateLimitError("policy user over ratelimit,limit:1,time:1 minute.")

    house.delegation._throttle = Full()
    reply = house.client().post(
        KEYS, json=wanted(), headers={"x-auth-token": house.token_for(user)}
    )
    assert reply.status_code == 429
    assert entered == [(user.id, "")]


def test_refusals_alike_can_be_told_as_one(house: Any) -> None:
    user = house.add_user("ada")
    key = Made(
        house.client().post(KEYS, json=wanted(), headers={"x-auth-token": house.token_for(user)})
    )
    house.audit.entries.clear()
    for _ in range(2):
        assert signed_post(house, key, wanted()).status_code == 403
    assert [(entry.allowed, bool(entry.pattern)) for entry in house.audit.entries] == [
        (False, True),
        (False, True),
    ]
