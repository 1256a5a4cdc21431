import copy
from typing import Any

import pytest

from huiyan.iam.tokens.delegation import ChosenAgency, WantedKey
from huiyan.iam.tokens.scope import ChosenScope, ChosenUser, Named
from huiyan.iam.tokens.wire import (
    AgencyRequest,
    PasswordRequest,
    parse_key_request,
    parse_token_request,
)
from huiyan.kernel.errors import BodyError, InvalidParameterError, MissingParameterError

PASSWORD: dict[str, Any] = {
    "identity": {
        "methods": ["password"],
        "password": {"user": {"name": "ada", "password": "secret", "domain": {"name": "huiyan"}}},
    }
}
ASSUME: dict[str, Any] = {
    "identity": {
        "methods": ["assume_role"],
        "assume_role": {"domain_name": "lender", "agency_name": "helper"},
    }
}
TOKEN: dict[str, Any] = {"identity": {"methods": ["token"]}}
POLICY = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["image:*:*"]}]}


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set the field at a dotted path; take it away where the value is ``...``."""
    whole = copy.deepcopy(document)
    *parents, last = path.split(".")
    inner = whole
    for name in parents:
        inner = inner.setdefault(name, {})
    if value is ...:
        inner.pop(last)
    else:
        inner[last] = value
    return whole


def test_a_request_by_password() -> None:
    user = ChosenUser(Named(name="ada"), Named(name="huiyan"))
    assert parse_token_request(PASSWORD) == PasswordRequest(user, "secret", ChosenScope())


def test_a_request_by_assumption() -> None:
    agency = ChosenAgency(Named(name="lender"), "helper")
    assert parse_token_request(ASSUME) == AgencyRequest(agency, ChosenScope())


@pytest.mark.parametrize(
    ("scope", "wanted"),
    [
        (None, ChosenScope()),
        ({}, ChosenScope()),
        ({"project": {"id": "p"}}, ChosenScope(Named("p"))),
        ({"project": {"name": "cn-north-4"}}, ChosenScope(Named(name="cn-north-4"))),
        ({"project": {"id": "p", "name": "n"}}, ChosenScope(Named("p", "n"))),
        (
            {"project": {"name": "n", "domain": {"id": "d"}}},
            ChosenScope(Named(name="n"), Named("d")),
        ),
        ({"domain": {"name": "d"}}, ChosenScope(account=Named(name="d"))),
        ({"domain": {"id": "d"}, "project": None}, ChosenScope(account=Named("d"))),
    ],
)
def test_scopes(scope: Any, wanted: ChosenScope) -> None:
    assert parse_token_request(changed(PASSWORD, "scope", scope)).scope == wanted


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("identity", ...),
        ("identity", None),
        ("identity", []),
        ("identity.methods", ...),
        ("identity.methods", []),
        ("identity.methods", "password"),
        ("identity.methods", ["token"]),
        ("identity.methods", ["totp"]),
        ("identity.methods", ["password", "totp"]),
        ("identity.methods", ["password", "password"]),
        ("identity.methods", [["password"]]),
        ("identity.methods", {"password": 1}),
        ("identity.password", ...),
        ("identity.password", "secret"),
        ("identity.password.user", ...),
        ("identity.password.user", ["ada"]),
        ("identity.password.user.name", ...),
        ("identity.password.user.name", ""),
        ("identity.password.user.name", 7),
        ("identity.password.user.name", "x" * 129),
        ("identity.password.user.name", "a\nb"),
        ("identity.password.user.name", "a\ud800"),
        ("identity.password.user.password", ...),
        ("identity.password.user.password", ""),
        ("identity.password.user.password", None),
        ("identity.password.user.password", 123456),
        ("identity.password.user.password", ["secret"]),
        ("identity.password.user.domain", ...),
        ("identity.password.user.domain", "huiyan"),
        ("identity.password.user.domain", {}),
        ("identity.password.user.domain.name", None),
        ("scope", "unscoped"),
        ("scope", []),
        ("scope", {"project": {}}),
        ("scope", {"project": "cn-north-4"}),
        ("scope", {"project": {"id": 5}}),
        ("scope", {"project": {"id": "p", "domain": "d"}}),
        ("scope", {"domain": {}}),
        ("scope", {"project": {"id": "p"}, "domain": {"id": "d"}}),
    ],
)
def test_malformed_requests_by_password_are_refused(path: str, value: Any) -> None:
    with pytest.raises((MissingParameterError, InvalidParameterError)):
        parse_token_request(changed(PASSWORD, path, value))


@pytest.mark.parametrize("characters", [129, 60_000])
def test_oversized_passwords_are_refused_before_anything_is_hashed(characters: int) -> None:
    wanted = changed(PASSWORD, "identity.password.user.password", "s" * characters)
    with pytest.raises(InvalidParameterError) as caught:
        parse_token_request(wanted)
    assert "sss" not in str(caught.value)


def test_a_users_id_needs_no_account() -> None:
    wanted = changed(PASSWORD, "identity.password.user", {"id": "u", "password": "secret"})
    parsed = parse_token_request(wanted)
    assert isinstance(parsed, PasswordRequest)
    assert parsed.user == ChosenUser(Named("u"), None)
    assert "secret" not in repr(parsed)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("identity.assume_role", ...),
        ("identity.assume_role.agency_name", ...),
        ("identity.assume_role.agency_name", 1),
        ("identity.assume_role.domain_name", ...),
        ("identity.assume_role.domain_name", ""),
        ("identity.assume_role.domain_id", 5),
    ],
)
def test_malformed_assumptions_are_refused(path: str, value: Any) -> None:
    with pytest.raises(BodyError):
        parse_token_request(changed(ASSUME, path, value))
    with pytest.raises(BodyError):
        parse_key_request(changed(ASSUME, path, value))


def test_a_key_lives_fifteen_minutes_unless_told_otherwise() -> None:
    assert parse_key_request(TOKEN) == WantedKey(b"", None, 900, None)
    given = changed(TOKEN, "identity.token", {"id": "abc", "duration_seconds": 86_400})
    assert parse_key_request(given) == WantedKey(b"abc", None, 86_400, None)
    assumed = changed(ASSUME, "identity.assume_role.duration_seconds", 3600)
    assert parse_key_request(assumed).duration_s == 3600
    assert parse_key_request(changed(TOKEN, "identity.token", None)).duration_s == 900


@pytest.mark.parametrize("seconds", [0, -1, 899, 86_401, True, 900.0, "900", [900], 10**30])
def test_other_durations_are_refused(seconds: Any) -> None:
    with pytest.raises(InvalidParameterError, match="duration_seconds"):
        parse_key_request(changed(TOKEN, "identity.token.duration_seconds", seconds))
    with pytest.raises(InvalidParameterError, match="duration_seconds"):
        parse_key_request(changed(ASSUME, "identity.assume_role.duration_seconds", seconds))


def test_a_key_may_be_narrowed() -> None:
    wanted = parse_key_request(changed(TOKEN, "identity.policy", POLICY))
    assert wanted.narrowing is not None
    assert wanted.narrowing.statements[0].actions == ("image:*:*",)


@pytest.mark.parametrize("policy", [None, {}, [], "", {"Version": "1.0", "Statement": []}, 1])
def test_a_narrowing_that_cannot_be_read_never_vanishes(policy: Any) -> None:
    with pytest.raises(InvalidParameterError, match=r"auth\.identity\.policy"):
        parse_key_request(changed(TOKEN, "identity.policy", policy))


@pytest.mark.parametrize("methods", [["password"], ["token", "assume_role"], [], None, "token"])
def test_other_methods_give_no_keys(methods: Any) -> None:
    with pytest.raises((MissingParameterError, InvalidParameterError)):
        parse_key_request(changed(TOKEN, "identity.methods", methods))
