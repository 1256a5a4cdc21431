"""Tokens, temporary keys and passwords through the vendor's unchanged IAM client."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from official_iam import (
    GOOD_PASSWORD,
    IamCaller,
    IamServer,
    Key,
    Person,
    open_iam,
    password_body,
    raw_of,
)

MICROSECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
NEW_PASSWORD = "Battery+staple9"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IamServer]:
    with open_iam(tmp_path_factory.mktemp("iam")) as opened:
        yield opened.server


@pytest.fixture(scope="module")
def person(iam: IamServer) -> Person:
    """A user with a password, Tenant Guest globally and on every project."""
    guest = iam.role_id("Tenant Guest")
    viewer = iam.role_id("OBS Buckets Viewer")
    return iam.make_person(globally=[guest, viewer], everywhere=[guest], password=GOOD_PASSWORD)


def instant(text: str) -> datetime:
    assert MICROSECONDS.fullmatch(text), text
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def token_of(iam: IamServer, person: Person, **scope: Any) -> str:
    scope = scope or {"project": {"name": "cn-north-4"}}
    return str(iam.log_in(person.name, person.password, **scope).x_subject_token)


def key_body(token: str | None = None, **fields: Any) -> dict[str, Any]:
    policy = fields.pop("policy", None)
    named = {"id": token} if token else {}
    identity: dict[str, Any] = {"methods": ["token"], "token": named | fields}
    if policy is not None:
        identity["policy"] = policy
    return {"auth": {"identity": identity}}


def key_of(credential: Any) -> Key:
    return Key(credential.access, credential.secret, credential.securitytoken)


class TestLogIn:
    def test_a_token_for_a_project_tells_everything(self, iam: IamServer, person: Person) -> None:
        answer = iam.log_in(person.name, GOOD_PASSWORD, project={"name": "cn-north-4"})
        assert answer.status_code == 201
        assert len(answer.x_subject_token) > 32
        token = answer.token
        assert token.methods == ["password"]
        assert token.project.id == iam.project_id
        assert token.project.name == "cn-north-4"
        domain = (iam.account_id, iam.account_name)
        assert (token.project.domain.id, token.project.domain.name) == domain
        assert (token.user.id, token.user.name) == (person.id, person.name)
        assert (token.user.domain.id, token.user.domain.name) == domain
        assert token.user.password_expires_at == ""
        assert token.domain is None
        assert [role.name for role in token.roles] == ["readonly"]
        assert {role.id for role in token.roles} == {"0"}
        life = instant(token.expires_at) - instant(token.issued_at)
        assert life == timedelta(hours=24)
        assert abs(datetime.now(UTC) - instant(token.issued_at)) < timedelta(minutes=1)

    def test_the_catalogue_says_where_the_services_are(
        self, iam: IamServer, person: Person
    ) -> None:
        catalog = iam.log_in(person.name, GOOD_PASSWORD, project={"name": "cn-north-4"}).token
        services = {service.type: service for service in catalog.catalog}
        assert services
        for service in services.values():
            assert service.id
            assert service.name
            assert service.endpoints
            for endpoint in service.endpoints:
                assert endpoint.url.startswith(iam.url)
                assert endpoint.interface == "public"
                assert endpoint.id
                assert endpoint.region == endpoint.region_id
        assert any("image" in kind for kind in services)

    def test_the_catalogue_is_there_without_a_new_token(
        self, iam: IamServer, person: Person
    ) -> None:
        shown = iam.caller(person.key)("keystone_show_catalog")
        assert shown.status_code == 200
        assert {service.type for service in shown.catalog} >= {"image"}
        assert shown.links._self

    def test_without_a_catalogue_if_none_is_wanted(self, iam: IamServer, person: Person) -> None:
        body = password_body(
            person.name, GOOD_PASSWORD, iam.account_name, project={"name": "cn-north-4"}
        )
        answer = iam.owner("keystone_create_user_token_by_password", body, nocatalog="true")
        assert not answer.token.catalog
        assert answer.x_subject_token

    def test_a_token_for_the_account_by_name_and_by_id(
        self, iam: IamServer, person: Person
    ) -> None:
        for scope in ({"name": iam.account_name}, {"id": iam.account_id}):
            token = iam.log_in(person.name, GOOD_PASSWORD, domain=scope).token
            assert (token.domain.id, token.domain.name) == (iam.account_id, iam.account_name)
            assert token.project is None
            assert {role.name for role in token.roles} == {"readonly", "obs_b_list"}

    def test_a_project_is_named_by_id_too(self, iam: IamServer, person: Person) -> None:
        for name, project_id in iam.project_ids.items():
            token = iam.log_in(person.name, GOOD_PASSWORD, project={"id": project_id}).token
            assert (token.project.id, token.project.name) == (project_id, name)

    def test_users_and_accounts_may_be_named_by_id_over_plain_http(
        self, iam: IamServer, person: Person
    ) -> None:
        for user in (
            {"id": person.id, "password": GOOD_PASSWORD},
            {
                "name": person.name,
                "password": GOOD_PASSWORD,
                "domain": {"id": iam.account_id},
            },
        ):
            identity = {"methods": ["password"], "password": {"user": user}}
            answer = iam.plain(
                "POST", "/v3/auth/tokens", {"auth": {"identity": identity}}, nocatalog="true"
            )
            assert answer.status == 201
            assert answer.json["token"]["user"]["id"] == person.id

    def test_no_signature_or_a_bad_one_changes_nothing(
        self, iam: IamServer, person: Person
    ) -> None:
        body = password_body(
            person.name, GOOD_PASSWORD, iam.account_name, project={"name": "cn-north-4"}
        )
        for headers in (
            {},
            {"Authorization": "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=0"},
            {"Authorization": "Bearer x"},
            {"X-Auth-Token": "no token"},
        ):
            answer = iam.plain("POST", "/v3/auth/tokens", body, headers=headers)
            assert answer.status == 201, headers

    def test_the_same_text_for_a_wrong_user_and_a_wrong_password(
        self, iam: IamServer, person: Person
    ) -> None:
        told = set()
        for name, password, account in (
            (person.name, "Wrong-pass1", iam.account_name),
            ("nobody-of-that-name", GOOD_PASSWORD, iam.account_name),
            (person.name, GOOD_PASSWORD, "no-such-account"),
        ):
            body = password_body(name, password, account, project={"name": "cn-north-4"})
            refused = iam.owner.refused("keystone_create_user_token_by_password", body)
            assert (refused.status, refused.code) == (401, 401)
            told.add(refused.text)
        assert len(told) == 1

    def test_a_project_that_is_not_ones_own_gives_no_token(
        self, iam: IamServer, person: Person
    ) -> None:
        for scope in (
            {"project": {"id": secrets.token_hex(16)}},
            {"project": {"name": "no-region"}},
            {"domain": {"id": secrets.token_hex(16)}},
            {"domain": {"name": "no-account"}},
        ):
            body = password_body(person.name, GOOD_PASSWORD, iam.account_name, **scope)
            refused = iam.owner.refused("keystone_create_user_token_by_password", body)
            assert refused.status in {403, 404}, scope

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"auth": {}},
            {"auth": []},
            {"auth": {"identity": {"methods": ["password"]}}},
            {"auth": {"identity": {"methods": []}}},
            {"auth": {"identity": {"methods": ["telepathy"], "telepathy": {}}}},
            {"auth": {"identity": {"methods": "password"}}},
            {"auth": {"identity": {"methods": ["password"], "password": {"user": {}}}}},
            {
                "auth": {
                    "identity": {
                        "methods": ["password"],
                        "password": {"user": {"name": 1, "password": 2, "domain": {"name": 3}}},
                    }
                }
            },
        ],
    )
    def test_a_body_that_is_none_is_told_to_be(self, iam: IamServer, body: Any) -> None:
        answer = iam.plain("POST", "/v3/auth/tokens", body)
        assert answer.status == 400
        error = answer.json["error"]
        assert error["code"] == 400
        assert error["title"] == "Bad Request"
        assert error["message"]
        assert "x-subject-token" not in answer.headers

    def test_a_programmatic_users_password_gives_no_console(self, iam: IamServer) -> None:
        """What the door of a user means at the log-in is fixed here: no token, one text."""
        name = f"program-{secrets.token_hex(4)}"
        iam.make_user(name, password=GOOD_PASSWORD, access_mode="programmatic")
        answer = iam.log_in(name, GOOD_PASSWORD, domain={"id": iam.account_id})
        assert answer.status_code == 201


class TestTheClientWithAToken:
    """The vendor's IAM client has credentials that are a token, and no key at all."""

    def caller(self, iam: IamServer, token: str) -> IamCaller:
        from huaweicloudsdkiam.v3.iam_credentials import (  # noqa: PLC0415 -- after HOME moved
            IamCredentials,
        )

        return iam.caller_with(IamCredentials().with_x_auth_token(token))

    def test_a_managers_token_manages(self, iam: IamServer) -> None:
        manager = iam.make_person(
            globally=[iam.role_id("Security Administrator")], password=GOOD_PASSWORD
        )
        for scope in ({"domain": {"id": iam.account_id}}, {"project": {"name": "cn-north-4"}}):
            caller = self.caller(iam, token_of(iam, manager, **scope))
            assert caller("keystone_list_users").users
            name = f"by-token-{secrets.token_hex(4)}"
            made = caller("keystone_create_group", {"group": {"name": name}}).group
            assert caller("keystone_delete_group", group_id=made.id).status_code == 204

    def test_anyone_asks_where_they_are_and_makes_a_temporary_key(
        self, iam: IamServer, person: Person
    ) -> None:
        token = token_of(iam, person)
        caller = self.caller(iam, token)
        domains = caller("keystone_list_auth_domains").domains
        assert [domain.id for domain in domains] == [iam.account_id]
        shown = caller("keystone_validate_token", x_subject_token=token)
        assert shown.token.user.id == person.id
        made = caller("create_temporary_access_key_by_token", key_body()).credential
        assert iam.caller(key_of(made))("keystone_list_auth_domains").domains
        assert caller.refused("keystone_list_users").status == 403

    def test_a_log_in_needs_no_credentials_of_the_client(
        self, iam: IamServer, person: Person
    ) -> None:
        body = password_body(person.name, GOOD_PASSWORD, iam.account_name)
        for token in ("", "no-token"):
            answer = self.caller(iam, token)("keystone_create_user_token_by_password", body)
            assert answer.token.user.id == person.id

    def test_what_is_no_token_is_told_to_be(self, iam: IamServer) -> None:
        refused = self.caller(iam, "no-token").refused("keystone_list_auth_domains")
        assert (refused.status, refused.code) == (401, 401)
        assert refused.text
        refused = self.caller(iam, "").refused("keystone_list_auth_domains")
        assert refused.status == 401


class TestValidation:
    def test_a_token_is_told_about_to_its_bearer(self, iam: IamServer, person: Person) -> None:
        issued = iam.log_in(person.name, GOOD_PASSWORD, project={"name": "cn-north-4"})
        caller = iam.caller(person.key)
        shown = caller("keystone_validate_token", x_subject_token=issued.x_subject_token)
        assert shown.status_code == 200
        assert shown.x_subject_token == issued.x_subject_token
        before, after = raw_of(issued)["token"], raw_of(shown)["token"]
        assert after == before
        bare = caller(
            "keystone_validate_token", x_subject_token=issued.x_subject_token, nocatalog="true"
        )
        assert not bare.token.catalog

    def test_by_a_token_as_well(self, iam: IamServer, person: Person) -> None:
        token = token_of(iam, person)
        headers = {"X-Subject-Token": token}
        answer = iam.plain("GET", "/v3/auth/tokens", token=token, headers=headers)
        assert answer.status == 200
        assert answer.headers["x-subject-token"] == token
        assert answer.json["token"]["user"]["id"] == person.id

    def test_what_is_no_token_is_not_found(self, iam: IamServer, person: Person) -> None:
        token = token_of(iam, person)
        middle = len(token) // 2
        other = "A" if token[middle] != "A" else "B"
        for bad in ("x", "A" * 300, token[:-4], token[:middle] + other + token[middle + 1 :]):
            refused = iam.owner.refused("keystone_validate_token", x_subject_token=bad)
            assert (refused.status, refused.code) == (404, 404)

    def test_other_users_tokens_only_with_the_right(self, iam: IamServer, person: Person) -> None:
        token = token_of(iam, person)
        stranger = iam.make_person()
        caller = iam.caller(stranger.key)
        assert caller.refused("keystone_validate_token", x_subject_token=token).status == 403
        manager = iam.make_person(globally=[iam.role_id("Security Administrator")])
        shown = iam.caller(manager.key)("keystone_validate_token", x_subject_token=token)
        assert shown.token.user.id == person.id

    def test_without_a_token_to_ask_about_the_call_is_malformed(self, iam: IamServer) -> None:
        assert iam.owner.refused("keystone_validate_token").status == 400


class TestTemporaryKeys:
    def test_a_token_gives_a_key_that_signs(self, iam: IamServer, person: Person) -> None:
        made = iam.owner("create_temporary_access_key_by_token", key_body(token_of(iam, person)))
        assert made.status_code == 201
        credential = made.credential
        assert re.fullmatch(r"[A-Z0-9]{20}", credential.access)
        assert re.fullmatch(r"[A-Za-z0-9]{40}", credential.secret)
        life = instant(credential.expires_at) - datetime.now(UTC)
        assert timedelta(seconds=890) < life <= timedelta(seconds=900)
        caller = iam.caller(key_of(credential))
        domains = caller("keystone_list_auth_domains").domains
        assert [domain.id for domain in domains] == [iam.account_id]
        # It is the token's user, not the one whose key signed the call.
        assert caller("keystone_show_user", user_id=person.id).user.name == person.name
        assert caller.refused("keystone_list_users").status == 403

    def test_the_token_may_come_in_the_header(self, iam: IamServer, person: Person) -> None:
        answer = iam.plain(
            "POST",
            "/v3.0/OS-CREDENTIAL/securitytokens",
            key_body(duration_seconds=3600),
            token=token_of(iam, person),
        )
        assert answer.status == 201
        credential = answer.json["credential"]
        assert set(credential) == {"access", "secret", "securitytoken", "expires_at"}
        life = instant(credential["expires_at"]) - datetime.now(UTC)
        assert timedelta(seconds=3590) < life <= timedelta(seconds=3600)

    def test_a_permanent_key_gives_one_for_its_own_user(
        self, iam: IamServer, person: Person
    ) -> None:
        made = iam.caller(person.key)("create_temporary_access_key_by_token", key_body())
        caller = iam.caller(key_of(made.credential))
        assert caller("keystone_show_user", user_id=person.id).user.id == person.id

    @pytest.mark.parametrize("duration", [899, 86_401, 0, -1, "900", 900.5, True])
    def test_a_duration_out_of_range_is_refused(
        self, iam: IamServer, person: Person, duration: Any
    ) -> None:
        body = key_body(token_of(iam, person), duration_seconds=duration)
        assert iam.owner.refused("create_temporary_access_key_by_token", body).status == 400

    @pytest.mark.parametrize("duration", [900, 86_400])
    def test_the_ends_of_the_range_are_taken(
        self, iam: IamServer, person: Person, duration: int
    ) -> None:
        body = key_body(token_of(iam, person), duration_seconds=duration)
        made = iam.owner("create_temporary_access_key_by_token", body).credential
        life = instant(made.expires_at) - datetime.now(UTC)
        assert abs(life - timedelta(seconds=duration)) < timedelta(seconds=10)

    def test_without_its_security_token_or_with_anothers_it_signs_nothing(
        self, iam: IamServer, person: Person
    ) -> None:
        token = token_of(iam, person)
        keys = [
            key_of(iam.owner("create_temporary_access_key_by_token", key_body(token)).credential)
            for _both in range(2)
        ]
        one, other = keys
        for bad in (
            Key(one.access, one.secret),
            Key(one.access, one.secret, other.security_token),
            Key(one.access, other.secret, one.security_token),
            Key(one.access, one.secret, "x" * 200),
            Key(person.key.access, person.key.secret, one.security_token),
        ):
            refused = iam.caller(bad).refused("keystone_list_auth_domains")
            assert refused.status == 401
        assert iam.caller(one)("keystone_list_auth_domains").domains

    def test_a_policy_narrows_it_and_never_widens(self, iam: IamServer, person: Person) -> None:
        manager = iam.make_person(
            globally=[iam.role_id("Security Administrator")], password=GOOD_PASSWORD
        )
        statement = {"Effect": "Allow", "Action": ["iam:users:listUsers"]}
        body = key_body(
            token_of(iam, manager, domain={"id": iam.account_id}),
            policy={"Version": "1.1", "Statement": [statement]},
        )
        made = iam.owner("create_temporary_access_key_by_token", body).credential
        narrow = iam.caller(key_of(made))
        assert narrow("keystone_list_users").users
        assert narrow.refused("keystone_list_groups").status == 403
        statement = {"Effect": "Allow", "Action": ["*:*:*"]}
        body = key_body(token_of(iam, person), policy={"Version": "1.1", "Statement": [statement]})
        made = iam.owner("create_temporary_access_key_by_token", body).credential
        assert iam.caller(key_of(made)).refused("keystone_list_users").status == 403

    def test_a_narrowed_key_makes_no_further_key(self, iam: IamServer, person: Person) -> None:
        statement = {"Effect": "Allow", "Action": ["iam:*:*"]}
        policy = {"Version": "1.1", "Statement": [statement]}
        body = key_body(token_of(iam, person), policy=policy)
        made = iam.owner("create_temporary_access_key_by_token", body).credential
        narrow = iam.caller(key_of(made))
        refused = narrow.refused("create_temporary_access_key_by_token", key_body())
        assert refused.status == 403
        user_id = person.id
        body = {"credential": {"user_id": user_id}}
        assert narrow.refused("create_permanent_access_key", body).status == 403

    @pytest.mark.parametrize(
        "policy",
        [
            {"Version": "1.0", "Statement": [{"Effect": "Allow", "Action": ["a:b:c"]}]},
            {"Version": "1.1", "Statement": []},
            {"Version": "1.1", "Statement": [{"Effect": "Maybe", "Action": ["a:b:c"]}]},
            {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["everything"]}]},
            {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["a:b:c"]}] * 9},
        ],
    )
    def test_what_is_no_policy_gives_no_key(
        self, iam: IamServer, person: Person, policy: Any
    ) -> None:
        body = key_body(token_of(iam, person), policy=policy)
        assert iam.owner.refused("create_temporary_access_key_by_token", body).status == 400

    def test_a_bad_token_gives_no_key(self, iam: IamServer) -> None:
        for token in ("x", "A" * 400):
            answer = iam.plain("POST", "/v3.0/OS-CREDENTIAL/securitytokens", key_body(token))
            assert answer.status == 401
        answer = iam.plain("POST", "/v3.0/OS-CREDENTIAL/securitytokens", key_body())
        assert answer.status == 401


class TestPasswords:
    def test_users_change_their_own_password_and_old_tokens_end(self, iam: IamServer) -> None:
        person = iam.make_person(password=GOOD_PASSWORD)
        token = token_of(iam, person)
        temporary = iam.owner("create_temporary_access_key_by_token", key_body(token)).credential
        change = {"user": {"original_password": GOOD_PASSWORD, "password": NEW_PASSWORD}}
        changed = iam.caller(person.key)("keystone_update_user_password", change, user_id=person.id)
        assert (changed.status_code, changed.raw_content) == (204, b"")
        answer = iam.plain("GET", "/v3/auth/projects", token=token)
        assert answer.status == 401
        assert iam.caller(key_of(temporary)).refused("keystone_list_auth_domains").status == 401
        body = password_body(person.name, GOOD_PASSWORD, iam.account_name)
        assert iam.owner.refused("keystone_create_user_token_by_password", body).status == 401
        assert iam.log_in(person.name, NEW_PASSWORD, project={"name": "cn-north-4"}).token
        # The permanent key is another credential.
        assert iam.caller(person.key)("keystone_list_auth_domains").domains

    def test_neither_a_wrong_original_nor_someone_elses_password_is_changed(
        self, iam: IamServer
    ) -> None:
        person = iam.make_person(password=GOOD_PASSWORD)
        change = {"user": {"original_password": "Wrong-pass1", "password": NEW_PASSWORD}}
        operation = "keystone_update_user_password"
        caller = iam.caller(person.key)
        refused = caller.refused(operation, change, user_id=person.id)
        assert refused.status in {400, 401, 403}
        change = {"user": {"original_password": GOOD_PASSWORD, "password": NEW_PASSWORD}}
        other = iam.make_person()
        refused = iam.caller(other.key).refused(operation, change, user_id=person.id)
        assert refused.status == 403
        assert iam.log_in(person.name, GOOD_PASSWORD, project={"name": "cn-north-4"}).token

    @pytest.mark.parametrize("password", ["", "Ab1", "alllowercase", "A1" * 17, 12345678, None])
    def test_a_weak_password_is_refused_and_never_told(
        self, iam: IamServer, person: Person, password: Any
    ) -> None:
        change = {"user": {"original_password": GOOD_PASSWORD, "password": password}}
        refused = iam.caller(person.key).refused(
            "keystone_update_user_password", change, user_id=person.id
        )
        assert refused.status == 400
        if password:
            assert str(password) not in refused.text

    def test_a_manager_sets_a_new_one_and_old_tokens_end(self, iam: IamServer) -> None:
        person = iam.make_person(password=GOOD_PASSWORD)
        token = token_of(iam, person)
        change = {"user": {"password": NEW_PASSWORD}}
        iam.owner("keystone_update_user_by_admin", change, user_id=person.id)
        assert iam.plain("GET", "/v3/auth/projects", token=token).status == 401
        assert iam.log_in(person.name, NEW_PASSWORD, project={"name": "cn-north-4"}).token

    def test_a_disabled_user_gets_no_token_and_loses_the_others(self, iam: IamServer) -> None:
        person = iam.make_person(password=GOOD_PASSWORD)
        token = token_of(iam, person)
        for enabled in (False, True):
            change = {"user": {"enabled": enabled}}
            iam.owner("keystone_update_user_by_admin", change, user_id=person.id)
            status = iam.plain("GET", "/v3/auth/projects", token=token).status
            assert status == (401 if enabled else 403)
        iam.owner("keystone_update_user_by_admin", {"user": {"enabled": False}}, user_id=person.id)
        body = password_body(person.name, GOOD_PASSWORD, iam.account_name)
        refused = iam.owner.refused("keystone_create_user_token_by_password", body)
        assert refused.status in {401, 403}
        assert iam.caller(person.key).refused("keystone_list_auth_domains").status == 403


class TestAgencyTokens:
    """An account lends its rights to itself here; tests with two accounts are elsewhere."""

    @pytest.fixture(scope="class")
    def agency(self, iam: IamServer) -> str:
        name = f"agency-{secrets.token_hex(4)}"
        body = {
            "agency": {
                "name": name,
                "domain_id": iam.account_id,
                "trust_domain_name": iam.account_name,
                "duration": "FOREVER",
            }
        }
        made = iam.owner("create_agency", body).agency
        guest = iam.role_id("Tenant Guest")
        iam.owner(
            "associate_agency_with_all_projects_permission",
            domain_id=iam.account_id,
            agency_id=made.id,
            role_id=guest,
        )
        return name

    def test_an_agency_token_says_who_acts_for_whom(self, iam: IamServer, agency: str) -> None:
        role = {"domain_id": iam.account_id, "agency_name": agency}
        body = {
            "auth": {
                "identity": {"methods": ["assume_role"], "assume_role": role},
                "scope": {"project": {"name": "cn-north-4"}},
            }
        }
        answer = iam.owner("keystone_create_agency_token", body)
        assert answer.status_code == 201
        assert answer.x_subject_token
        token = answer.token
        assert token.methods == ["assume_role"]
        assert token.project.id == iam.project_id
        assert token.user.name.endswith(agency)
        assert token.user.domain.id == iam.account_id
        assert token.assumed_by.user.name == "admin"
        assert token.assumed_by.user.domain.id == iam.account_id
        assert instant(token.expires_at) > instant(token.issued_at)
        assert [role.name for role in token.roles] == ["readonly"]
        headers = {"X-Subject-Token": answer.x_subject_token}
        shown = iam.plain("GET", "/v3/auth/tokens", token=answer.x_subject_token, headers=headers)
        assert shown.status == 200
        assert shown.json["token"]["assumed_by"]["user"]["name"] == "admin"
        # Rights are the agency's, no longer the owner's.
        assert iam.plain("GET", "/v3/users", token=answer.x_subject_token).status == 403

    def test_a_temporary_key_by_agency_has_the_agencys_rights(
        self, iam: IamServer, agency: str
    ) -> None:
        for lender in ({"domain_id": iam.account_id}, {"domain_name": iam.account_name}):
            role = {"agency_name": agency, "duration_seconds": 3600, **lender}
            identity = {"methods": ["assume_role"], "assume_role": role}
            made = iam.owner(
                "create_temporary_access_key_by_agency", {"auth": {"identity": identity}}
            )
            assert made.status_code == 201
            credential = made.credential
            life = instant(credential.expires_at) - datetime.now(UTC)
            assert abs(life - timedelta(hours=1)) < timedelta(seconds=10)
            caller = iam.caller(key_of(credential))
            assert caller("keystone_list_auth_domains").domains
            assert caller.refused("keystone_list_users").status == 403

    def test_an_unknown_agency_gives_nothing(self, iam: IamServer) -> None:
        role = {"domain_id": iam.account_id, "agency_name": "no-such-agency"}
        body: dict[str, Any] = {
            "auth": {"identity": {"methods": ["assume_role"], "assume_role": role}}
        }
        assert iam.owner.refused("create_temporary_access_key_by_agency", body).status in {403, 404}
        body["auth"]["scope"] = {"project": {"name": "cn-north-4"}}
        assert iam.owner.refused("keystone_create_agency_token", body).status in {403, 404}

    def test_a_user_without_the_right_acts_for_nobody(self, iam: IamServer, agency: str) -> None:
        person = iam.make_person(everywhere=[iam.role_id("Tenant Guest")])
        role = {"domain_id": iam.account_id, "agency_name": agency}
        body: dict[str, Any] = {
            "auth": {"identity": {"methods": ["assume_role"], "assume_role": role}}
        }
        caller = iam.caller(person.key)
        assert caller.refused("create_temporary_access_key_by_agency", body).status == 403
        body["auth"]["scope"] = {"domain": {"id": iam.account_id}}
        assert caller.refused("keystone_create_agency_token", body).status == 403
