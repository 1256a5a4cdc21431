import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SM3, Hash

from huiyan.iam.signing.verification import Verification, find_signature
from huiyan.iam.signing.window import parse_date
from huiyan.kernel.errors import (
    SignatureExpiredError,
    SignatureMismatchError,
    UnsupportedSchemeError,
)
from huiyan.web.request import RawRequest

SK = "testSKabcdefghijklmnopqrstuvwxyz01234567"
DATE = b"20260331T081500Z"
SIGNED_AT = parse_date(DATE)
SCHEMES = ("SDK-HMAC-SHA256", "SDK-HMAC-SM3", "V11-HMAC-SHA256")
CONTENT_HEADERS = {
    "SDK-HMAC-SHA256": "X-Sdk-Content-Sha256",
    "SDK-HMAC-SM3": "X-Sdk-Content-Sm3",
    "V11-HMAC-SHA256": "X-Sdk-Content-Sha256",
}

Sign = Callable[..., RawRequest]
Check = Callable[..., Verification]

pytestmark = pytest.mark.parametrize("scheme", SCHEMES)


def sm3(content: bytes) -> str:
    state = Hash(SM3())
    state.update(content)
    return state.finalize().hex()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def content_digest(header: str, content: bytes) -> str:
    return sm3(content) if header.endswith("Sm3") else sha256(content)


def with_header(request: RawRequest, name: bytes, value: bytes) -> RawRequest:
    kept = tuple(h for h in request.headers if h[0].lower() != name.lower())
    return replace(request, headers=(*kept, (name, value)))


@pytest.mark.parametrize("seconds", [-900, -899.999999, 0, 0.5, 899.999999, 900])
def test_within_fifteen_minutes_a_request_verifies(
    sign: Sign, check: Check, scheme: str, seconds: float
) -> None:
    assert check(sign(scheme), at=SIGNED_AT + timedelta(seconds=seconds)).covers_body


@pytest.mark.parametrize("seconds", [-(10**9), -901, -900.000001, 900.000001, 901, 10**9])
def test_a_replay_outside_fifteen_minutes_is_refused(
    sign: Sign, check: Check, scheme: str, seconds: float
) -> None:
    with pytest.raises(SignatureExpiredError, match="15 minutes"):
        check(sign(scheme), at=SIGNED_AT + timedelta(seconds=seconds))


def test_a_replay_with_a_fresh_date_is_refused(sign: Sign, check: Check, scheme: str) -> None:
    fresh = with_header(sign(scheme), b"X-Sdk-Date", b"20260331T091500Z")
    with pytest.raises(SignatureMismatchError):
        check(fresh, at=SIGNED_AT + timedelta(hours=1))


@pytest.mark.parametrize("date", ["20260331T000000Z", "20260331T235959Z", "20280229T120000Z"])
def test_the_ends_of_a_day_verify(sign: Sign, check: Check, scheme: str, date: str) -> None:
    for seconds in (-899, 899):
        at: datetime = parse_date(date.encode()) + timedelta(seconds=seconds)
        assert check(sign(scheme, date=date), at=at).covers_body


def test_another_secret_is_refused(sign: Sign, check: Check, scheme: str) -> None:
    with pytest.raises(SignatureMismatchError, match=r"canonicalRequest:POST\|/v2/0a1b/"):
        check(sign(scheme, secret=SK[::-1]))


def test_a_secret_with_any_characters_verifies(sign: Sign, check: Check, scheme: str) -> None:
    for secret in ("密钥", "s" * 200, " "):
        assert check(sign(scheme, secret=secret), secret).covers_body


def test_an_encoded_plus_cannot_become_a_space(sign: Sign, check: Check, scheme: str) -> None:
    request = sign(scheme, method="GET", query=[("q", "a+b")], body=b"")
    assert check(request).covers_body
    with pytest.raises(SignatureMismatchError):
        check(replace(request, raw_query=b"q=a+b"))


def test_the_order_of_different_parameters_on_the_wire_does_not_matter(
    sign: Sign, check: Check, scheme: str
) -> None:
    request = sign(scheme, method="GET", query=[("b", "2"), ("a", "1")], body=b"")
    assert request.raw_query == b"a=1&b=2"
    assert check(replace(request, raw_query=b"b=2&a=1")).covers_body


@pytest.mark.parametrize("added", [b"=", b"=&=", b"a", b"a=", b"%00", b"%3D"])
def test_no_parameter_can_be_added_to_an_empty_query(
    sign: Sign, check: Check, scheme: str, added: bytes
) -> None:
    with pytest.raises(SignatureMismatchError):
        check(replace(sign(scheme), raw_query=added))


def test_a_body_of_another_kind_is_signed_without_being_read(
    sign: Sign, check: Check, scheme: str
) -> None:
    request = sign(scheme, headers={"Content-Type": "application/octet-stream"})
    assert dict(request.headers)[CONTENT_HEADERS[scheme].encode()] == b"UNSIGNED-PAYLOAD"
    assert not check(request).covers_body
    assert not check(replace(request, body=b"another")).covers_body


def test_an_empty_body_of_another_kind_is_covered(sign: Sign, check: Check, scheme: str) -> None:
    request = sign(scheme, headers={"Content-Type": "text/plain"}, body=b"")
    assert check(request).covers_body
    with pytest.raises(SignatureMismatchError):
        check(replace(request, body=b"added"))


def test_unsigned_payload_cannot_be_claimed_afterwards(
    sign: Sign, check: Check, scheme: str
) -> None:
    header = CONTENT_HEADERS[scheme].encode()
    with pytest.raises(SignatureMismatchError):
        check(with_header(sign(scheme), header, b"UNSIGNED-PAYLOAD"))


@pytest.mark.parametrize("header", sorted(set(CONTENT_HEADERS.values())))
@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 100_000])
def test_a_true_digest_in_any_content_header_is_taken(
    sign: Sign, check: Check, scheme: str, header: str, body: bytes
) -> None:
    digest = content_digest(header, body)
    for text in (digest, digest.upper()):
        headers = {"Content-Type": "application/json", header: text}
        assert check(sign(scheme, headers=headers, body=body)).covers_body


@pytest.mark.parametrize("header", sorted(set(CONTENT_HEADERS.values())))
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_stale_or_foreign_digest_is_refused_though_it_is_signed(
    sign: Sign, check: Check, scheme: str, header: str, body: bytes
) -> None:
    right = content_digest(header, body)
    other_hash = sha256(body) if header.endswith("Sm3") else sm3(body)
    stale = content_digest(header, b"stale")
    for text in (other_hash, stale, right[:-1], right + "0", "unsigned-payload", "STREAMING"):
        headers = {"Content-Type": "application/json", header: text}
        with pytest.raises(SignatureMismatchError, match="not the body's digest"):
            check(sign(scheme, headers=headers, body=body))


@pytest.mark.parametrize("header", sorted(set(CONTENT_HEADERS.values())))
def test_a_signed_digest_does_not_outlive_its_body(
    sign: Sign, check: Check, scheme: str, header: str
) -> None:
    headers = {"Content-Type": "application/json", header: content_digest(header, b"{}")}
    request = sign(scheme, headers=headers, body=b"{}")
    assert check(request).covers_body
    for body in (b"", b"{ }", b"[]"):
        with pytest.raises(SignatureMismatchError):
            check(replace(request, body=body))


def test_a_foreign_unsigned_payload_changes_nothing(sign: Sign, check: Check, scheme: str) -> None:
    """It names a hash that this scheme does not use, so the body is signed all the same."""
    own = CONTENT_HEADERS[scheme]
    (foreign,) = set(CONTENT_HEADERS.values()) - {own}
    headers = {"Content-Type": "application/json", foreign: "UNSIGNED-PAYLOAD"}
    request = sign(scheme, headers=headers)
    assert check(request).covers_body
    with pytest.raises(SignatureMismatchError):
        check(replace(request, body=b"another"))


def test_a_security_token_is_told_to_be_signed_only_where_it_is(
    sign: Sign, check: Check, scheme: str
) -> None:
    request = sign(scheme, token="a-token")
    assert b"x-security-token" in check(request).signed_headers
    for value in (b"a-tokeN", b"", b"a-token,"):
        with pytest.raises(SignatureMismatchError):
            check(with_header(request, b"X-Security-Token", value))
    added = with_header(sign(scheme), b"X-Security-Token", b"a-token")
    assert b"x-security-token" not in check(added).signed_headers
    assert check(added).signed_headers >= {b"content-type", b"host", b"x-sdk-date"}


@pytest.mark.parametrize("other", ["SDK-ECDSA-P256-SHA256", "SDK-SM2-SM3"])
def test_elliptic_curves_are_refused_by_name_whatever_signs_besides(
    sign: Sign, scheme: str, other: str
) -> None:
    request = sign(other)
    with pytest.raises(UnsupportedSchemeError, match=rf"{other} is not supported; use .*{scheme}"):
        find_signature(request)
