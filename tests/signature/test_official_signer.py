import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from huiyan.iam.authenticator import SignatureAuthenticator
from huiyan.iam.model import Directory, UsableKey
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import (
    AuthenticationError,
    SignatureExpiredError,
    SignatureMismatchError,
    UnknownKeyError,
)
from huiyan.kernel.ids import AccessKey, AccountId, UserId
from huiyan.kernel.principal import Principal
from huiyan.web.request import RawRequest

AK = "TESTAK0000000000IRS1"
SK = "testSKabcdefghijklmnopqrstuvwxyz01234567"
PRINCIPAL = Principal(AccountId("a"), UserId("u"), "admin", AK, is_owner=True)
DIRECTORY = Directory(0, {AccessKey(AK): UsableKey(PRINCIPAL, SK.encode())}, {}, {})
EMPTY = Directory(0, {}, {}, {})

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

Sign = Callable[..., RawRequest]


class ShiftedClock(SystemClock):
    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


def authenticate(request: RawRequest, by: timedelta = timedelta(0)) -> Principal | None:
    return SignatureAuthenticator(ShiftedClock(by))(request, DIRECTORY)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SEGMENTS = st.lists(TEXT.filter(bool), max_size=4)
NAMES = st.from_regex(r"[Xx]-[A-Za-z0-9-]{1,8}", fullmatch=True)
VALUES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20
).filter(lambda text: text.strip())
QUERIES = st.dictionaries(
    TEXT, st.one_of(TEXT, st.booleans(), st.integers(), st.lists(TEXT, min_size=1, max_size=3))
)


@st.composite
def signed_parts(draw: st.DrawFn) -> dict[str, object]:
    headers = draw(st.dictionaries(NAMES, VALUES, max_size=3))
    assume(len({name.lower() for name in headers}) == len(headers))
    assume(not {name.lower() for name in headers} & {"x-sdk-date", "x-auth-token"})
    return {
        "method": draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "patch"])),
        "path": "/" + "/".join(quote(segment, safe="") for segment in draw(SEGMENTS)),
        "query": list(draw(QUERIES).items()),
        "headers": {"Content-Type": "application/json", **headers},
        "body": draw(st.binary(max_size=200)),
    }


def quietly(sign: Sign, parts: dict[str, object]) -> RawRequest:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return sign(**parts)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=signed_parts())
def test_whatever_the_official_signer_signs_verifies(sign: Sign, parts: dict[str, object]) -> None:
    assert authenticate(quietly(sign, parts)) == PRINCIPAL


def changed_header(request: RawRequest, place: int, suffix: bytes) -> RawRequest:
    headers = list(request.headers)
    name, value = headers[place % len(headers)]
    headers[place % len(headers)] = (name, value + suffix)
    return replace(request, headers=tuple(headers))


def changed_query(request: RawRequest, place: int, suffix: bytes) -> RawRequest:
    texts = request.raw_query.split(b"&") if request.raw_query else []
    if not texts:
        return replace(request, raw_query=b"added=" + suffix)
    texts[place % len(texts)] += suffix
    return replace(request, raw_query=b"&".join(texts))


CHANGES: tuple[Callable[[RawRequest, int, bytes], RawRequest], ...] = (
    lambda request, _place, suffix: replace(request, method=request.method + suffix.decode()),
    lambda request, _place, suffix: replace(request, raw_path=b"/" + suffix + request.raw_path),
    lambda request, _place, suffix: replace(request, raw_path=request.raw_path + suffix),
    changed_query,
    changed_header,
    lambda request, _place, suffix: replace(request, body=request.body + suffix),
    lambda request, place, _suffix: replace(
        request,
        body=request.body[: place % len(request.body)]
        + bytes([request.body[place % len(request.body)] ^ 1])
        + request.body[place % len(request.body) + 1 :]
        if request.body
        else b"x",
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    parts=signed_parts(),
    change=st.sampled_from(CHANGES),
    place=st.integers(0, 1000),
    suffix=st.sampled_from([b"x", b"0", b"Z"]),
)
def test_any_change_after_signing_is_refused(
    sign: Sign,
    parts: dict[str, object],
    change: Callable[[RawRequest, int, bytes], RawRequest],
    place: int,
    suffix: bytes,
) -> None:
    request = quietly(sign, parts)
    with pytest.raises(AuthenticationError):
        authenticate(change(request, place, suffix))


@pytest.mark.parametrize("seconds", [-895, 0, 895])
def test_within_fifteen_minutes_a_request_verifies(sign: Sign, seconds: int) -> None:
    assert authenticate(sign(), timedelta(seconds=seconds)) == PRINCIPAL


@pytest.mark.parametrize("seconds", [-100_000, -905, 905, 10**9])
def test_a_replay_outside_fifteen_minutes_is_refused(sign: Sign, seconds: int) -> None:
    with pytest.raises(SignatureExpiredError, match="15 minutes"):
        authenticate(sign(), timedelta(seconds=seconds))


def test_another_secret_is_refused(sign: Sign) -> None:
    with pytest.raises(SignatureMismatchError, match=r"canonicalRequest:POST\|/v2/0a1b/"):
        authenticate(sign(secret=SK[::-1]))


def test_an_unknown_key_is_refused_whether_signed_well_or_not(sign: Sign) -> None:
    for secret in (SK, "other"):
        with pytest.raises(UnknownKeyError) as raised:
            SignatureAuthenticator(SystemClock())(sign(secret=secret), EMPTY)
        assert raised.value.access_key == AK


def test_an_encoded_plus_cannot_become_a_space(sign: Sign) -> None:
    request = sign(method="GET", query=[("q", "a+b")], body=b"")
    assert authenticate(request) == PRINCIPAL
    with pytest.raises(SignatureMismatchError):
        authenticate(replace(request, raw_query=b"q=a+b"))


def test_the_order_of_different_parameters_on_the_wire_does_not_matter(sign: Sign) -> None:
    request = sign(method="GET", query=[("b", "2"), ("a", "1")], body=b"")
    assert request.raw_query == b"a=1&b=2"
    assert authenticate(replace(request, raw_query=b"b=2&a=1")) == PRINCIPAL


def test_a_body_of_another_kind_is_signed_without_being_read_and_so_refused(sign: Sign) -> None:
    request = sign(headers={"Content-Type": "application/octet-stream"})
    with pytest.raises(SignatureMismatchError, match="UNSIGNED-PAYLOAD"):
        authenticate(request)


def test_an_empty_body_of_another_kind_verifies(sign: Sign) -> None:
    request = sign(headers={"Content-Type": "text/plain"}, body=b"")
    assert authenticate(request) == PRINCIPAL
    with pytest.raises(SignatureMismatchError):
        authenticate(replace(request, body=b"added"))
