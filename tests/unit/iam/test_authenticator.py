from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from typing import Any

import pytest

from huiyan.iam import authenticator
from huiyan.iam.authenticator import SignatureAuthenticator, TokenAuthenticator
from huiyan.iam.directory.model import Directory
from huiyan.iam.signing.verification import verify
from huiyan.iam.tokens.model import Bearer, TemporaryKey
from huiyan.iam.tokens.service import TokenService
from huiyan.kernel.errors import (
    ExpiredTokenError,
    SignatureExpiredError,
    SignatureMismatchError,
    UnknownKeyError,
    UnusableTokenError,
    WithdrawnTokenError,
)
from huiyan.kernel.ids import AccessKey
from huiyan.web.request import RawRequest

START = datetime(2026, 3, 31, 8, 15, tzinfo=UTC)


class MovedClock:
    instant = START

    def now(self) -> datetime:
        return self.instant

    def monotonic_s(self) -> float:
        return 0.0


class Door:
    """Both authenticators, with one clock."""

    def __init__(self, installation: Any) -> None:
        self.clock = MovedClock()
        self.tokens = TokenService(installation.vault, self.clock)
        self.directory: Directory = installation.service.directory
        self.made = installation.made
        self.owner = self.directory.users[self.made.owner.id]
        self.by_token = TokenAuthenticator(self.tokens)
        self.by_signature = SignatureAuthenticator(self.clock, self.tokens)

    def key(self, parent_key: AccessKey | None = None, duration_s: int = 900) -> TemporaryKey:
        owner = self.owner
        bearer = Bearer(owner.id, owner.account_id, owner.credential_epoch, parent_key=parent_key)
        return self.tokens.issue_temporary_key(bearer, duration_s, None)


@pytest.fixture
def door(installation: Any) -> Door:
    return Door(installation)


def request(headers: Sequence[tuple[bytes, bytes]], body: bytes = b"") -> RawRequest:
    return RawRequest("GET", b"/v3/projects", b"", tuple(headers), body, "192.0.2.1")


def signed(
    door: Door,
    access: str,
    secret: str,
    security_token: str = "",
    *,
    sign_token: bool = True,
    body_hash: str = sha256(b"").hexdigest(),
    more: dict[str, str] | None = None,
    body: bytes = b"",
) -> RawRequest:
    headers = {"host": "h", "x-sdk-date": door.clock.now().strftime("%Y%m%dT%H%M%SZ")}
    headers |= more or {}
    if security_token and sign_token:
        headers["x-security-token"] = security_token
    headers = dict(sorted(headers.items()))
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"GET\n/v3/projects/\n\n{lines}\n{names}\n{body_hash}"
    text = f"SDK-HMAC-SHA256\n{headers['x-sdk-date']}\n{sha256(canonical.encode()).hexdigest()}"
    signature = digest(secret.encode(), text.encode(), "sha256").hex()
    authorization = f"SDK-HMAC-SHA256 Access={access}, SignedHeaders={names}, Signature={signature}"
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    if security_token and not sign_token:
        pairs.append((b"X-Security-Token", security_token.encode()))
    return request([*pairs, (b"Authorization", authorization.encode())], body)


def permanent(door: Door, **more: Any) -> RawRequest:
    key = door.made.key
    return signed(door, key.access_key, key.secret_key, **more)


def temporary(door: Door, key: TemporaryKey, **more: Any) -> RawRequest:
    return signed(door, key.access, key.secret, key.security_token, **more)


class TestTokens:
    @pytest.mark.parametrize("headers", [[], [(b"X-Auth-Token", b"")], [(b"x-auth-token", b" ")]])
    def test_a_request_without_a_token_is_not_this_ways(self, door: Door, headers: Any) -> None:
        assert door.by_token(request(headers), door.directory) is None

    @pytest.mark.parametrize("name", [b"X-Auth-Token", b"x-auth-token", b"X-AUTH-TOKEN"])
    def test_a_token_tells_who_calls_and_from_where(self, door: Door, name: bytes) -> None:
        token = door.tokens.issue_user_token(door.owner, None).text
        session = door.by_token(request([(name, token.encode())]), door.directory)
        assert session is not None
        assert session.principal.user_id == door.owner.id
        assert session.address == "192.0.2.1"

    def test_two_tokens_are_none(self, door: Door) -> None:
        token = door.tokens.issue_user_token(door.owner, None).text.encode()
        twice = [(b"X-Auth-Token", token), (b"x-auth-token", token)]
        with pytest.raises(UnusableTokenError):
            door.by_token(request(twice), door.directory)

    def test_a_bad_token_is_refused(self, door: Door) -> None:
        with pytest.raises(UnusableTokenError):
            door.by_token(request([(b"X-Auth-Token", b"made up")]), door.directory)


class TestPermanentKeys:
    def test_a_right_signature_tells_who_calls(self, door: Door) -> None:
        session = door.by_signature(permanent(door), door.directory)
        assert session is not None
        assert session.principal.credential_id == door.made.key.access_key
        assert session.by_access_key
        assert session.narrowing is None

    def test_an_empty_security_token_is_none(self, door: Door) -> None:
        sent = permanent(door)
        sent = replace(sent, headers=(*sent.headers, (b"x-security-token", b" ")))
        assert door.by_signature(sent, door.directory) is not None

    def test_a_wrong_secret_is_a_mismatch(self, door: Door) -> None:
        sent = signed(door, door.made.key.access_key, "wrong")
        with pytest.raises(SignatureMismatchError):
            door.by_signature(sent, door.directory)

    def test_a_permanent_key_with_a_security_token_is_unknown(self, door: Door) -> None:
        key = door.key()
        made = door.made.key
        sent = signed(door, made.access_key, made.secret_key, key.security_token)
        with pytest.raises(UnknownKeyError):
            door.by_signature(sent, door.directory)

    def test_an_unsigned_body_is_refused(self, door: Door) -> None:
        unsigned = {"x-sdk-content-sha256": "UNSIGNED-PAYLOAD"}
        sent = permanent(door, body_hash="UNSIGNED-PAYLOAD", more=unsigned, body=b"{}")
        with pytest.raises(SignatureMismatchError, match="body must be signed"):
            door.by_signature(sent, door.directory)


class TestTemporaryKeys:
    def test_a_right_signature_tells_who_calls(self, door: Door) -> None:
        key = door.key()
        session = door.by_signature(temporary(door, key), door.directory)
        assert session is not None
        assert session.principal.user_id == door.owner.id
        assert session.principal.credential_id == key.access
        assert session.address == "192.0.2.1"
        assert session.by_access_key

    def test_the_security_token_must_be_signed(self, door: Door) -> None:
        with pytest.raises(SignatureMismatchError, match="x-security-token"):
            door.by_signature(temporary(door, door.key(), sign_token=False), door.directory)

    def test_without_its_security_token_it_is_unknown(self, door: Door) -> None:
        key = door.key()
        with pytest.raises(UnknownKeyError):
            door.by_signature(signed(door, key.access, key.secret), door.directory)

    def test_with_another_keys_security_token_it_is_unknown(self, door: Door) -> None:
        one, two = door.key(), door.key()
        sent = signed(door, one.access, one.secret, two.security_token)
        with pytest.raises(UnknownKeyError):
            door.by_signature(sent, door.directory)

    @pytest.mark.parametrize("place", [0, 20, 200, -1])
    def test_an_altered_security_token_makes_it_unknown(self, door: Door, place: int) -> None:
        key = door.key()
        text = list(key.security_token)
        text[place] = "A" if text[place] != "A" else "B"
        sent = signed(door, key.access, key.secret, "".join(text))
        with pytest.raises(UnknownKeyError):
            door.by_signature(sent, door.directory)

    def test_a_users_token_is_no_security_token(self, door: Door) -> None:
        key = door.key()
        token = door.tokens.issue_user_token(door.owner, None).text
        with pytest.raises(UnknownKeyError):
            door.by_signature(signed(door, key.access, key.secret, token), door.directory)

    def test_a_wrong_secret_is_a_mismatch(self, door: Door) -> None:
        key = door.key()
        sent = signed(door, key.access, "wrong", key.security_token)
        with pytest.raises(SignatureMismatchError):
            door.by_signature(sent, door.directory)

    def test_two_security_tokens_are_refused(self, door: Door) -> None:
        sent = temporary(door, door.key())
        sent = replace(sent, headers=(*sent.headers, (b"X-Security-Token", b"x")))
        with pytest.raises(SignatureMismatchError):
            door.by_signature(sent, door.directory)

    def test_it_runs_out_and_only_its_holder_is_told(self, door: Door) -> None:
        key = door.key()
        door.clock.instant = START + timedelta(seconds=900)
        with pytest.raises(ExpiredTokenError):
            door.by_signature(temporary(door, key), door.directory)
        stolen = signed(door, key.access, "wrong", key.security_token)
        with pytest.raises(SignatureMismatchError):
            door.by_signature(stolen, door.directory)

    @pytest.mark.parametrize("minutes", [-16, 16])
    def test_old_and_early_requests_are_refused(self, door: Door, minutes: int) -> None:
        sent = temporary(door, door.key(duration_s=86_400))
        door.clock.instant = START + timedelta(minutes=minutes)
        with pytest.raises(SignatureExpiredError):
            door.by_signature(sent, door.directory)

    def test_it_is_withdrawn_with_its_user(self, door: Door) -> None:
        sent = temporary(door, door.key())
        without = replace(door.directory, users={})
        with pytest.raises(WithdrawnTokenError):
            door.by_signature(sent, without)

    def test_it_dies_with_its_permanent_key(self, door: Door) -> None:
        sent = temporary(door, door.key(parent_key=door.made.key.access_key))
        assert door.by_signature(sent, door.directory) is not None
        with pytest.raises(UnknownKeyError):
            door.by_signature(sent, replace(door.directory, keys={}))

    def test_an_unsigned_body_is_refused(self, door: Door) -> None:
        unsigned = {"x-sdk-content-sha256": "UNSIGNED-PAYLOAD"}
        sent = temporary(door, door.key(), body_hash="UNSIGNED-PAYLOAD", more=unsigned, body=b"{}")
        with pytest.raises(SignatureMismatchError, match="body must be signed"):
            door.by_signature(sent, door.directory)


REFUSED: dict[str, Callable[[Door], RawRequest]] = {
    "unknown key": lambda door: signed(door, "AK", "any"),
    "wrong secret": lambda door: signed(door, door.made.key.access_key, "any"),
    "temporary without a token": lambda door: signed(door, door.key().access, "any"),
    "unknown security token": lambda door: signed(door, "HSTX", "any", "made-up"),
    "another's security token": lambda door: signed(door, "HSTX", "any", door.key().security_token),
    "wrong temporary secret": lambda door: signed(
        door, (key := door.key()).access, "any", key.security_token
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_every_refusal_verifies_one_signature(
    door: Door, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time that it takes would tell which keys there are."""
    verified: list[int] = []

    def counted(found: Any, secret: bytes, clock: Any) -> Any:
        verified.append(len(secret))
        return verify(found, secret, clock)

    monkeypatch.setattr(authenticator, "verify", counted)
    with pytest.raises((UnknownKeyError, SignatureMismatchError)):
        door.by_signature(REFUSED[kind](door), door.directory)
    assert verified == [40]


def test_a_request_without_a_signature_is_not_this_ways(door: Door) -> None:
    assert door.by_signature(request([(b"x-security-token", b"x")]), door.directory) is None


def test_unknown_keys_are_told_as_the_caller_wrote_them(door: Door) -> None:
    with pytest.raises(UnknownKeyError) as caught:
        door.by_signature(signed(door, "HSTABC", "any", "made-up"), door.directory)
    assert caught.value.access_key == AccessKey("HSTABC")
