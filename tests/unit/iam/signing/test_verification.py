import gc
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import Any, NoReturn

import pytest

from huiyan.iam.signing import verification
from huiyan.iam.signing.hmac_sha256 import SdkHmacSha256
from huiyan.iam.signing.scheme import Credential, SigningScheme, string_to_sign
from huiyan.iam.signing.verification import (
    SCHEMES,
    SignedRequest,
    canonical_forms,
    find_signature,
    verify,
)
from huiyan.kernel.errors import SignatureExpiredError, SignatureMismatchError
from huiyan.web.request import RawRequest

SECRET = b"testSKabcdefghijklmnopqrstuvwxyz01234567"
DECOY = b"0123456789abcdef0123456789abcdef01234567"
DATE = b"20260331T081500Z"
NAMES = b"host;x-sdk-date"

every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)


class StoppedClock:
    def __init__(self, instant: datetime = datetime(2026, 3, 31, 8, 15, tzinfo=UTC)) -> None:
        self._instant = instant

    def now(self) -> datetime:
        return self._instant

    def monotonic_s(self) -> float:
        return 0.0


def request_of(
    scheme: SigningScheme, signature: bytes, query: bytes = b"b=2&a=", day: bytes = b"20260331"
) -> RawRequest:
    credential = b"Access=AK"
    if scheme.credential_kind == "Credential":
        credential = b"Credential=AK/" + day + b"/cn-north-4/image"
    authorization = b"%b %b, SignedHeaders=%b, Signature=%b" % (
        scheme.name.encode(),
        credential,
        NAMES,
        signature,
    )
    headers = ((b"Host", b"h"), (b"X-Sdk-Date", DATE), (b"Authorization", authorization))
    return RawRequest("POST", b"/v3/projects", query, headers, b"x" * 1000, "")


def found(request: RawRequest) -> SignedRequest:
    signed = find_signature(request)
    assert signed is not None
    return signed


def signed_in_form(scheme: SigningScheme, form: int, **parts: bytes) -> SignedRequest:
    """Sign one of the three forms of the query."""
    blank = found(request_of(scheme, b"0" * 64, **parts))
    text = string_to_sign(scheme, DATE, blank.credential, canonical_forms(blank)[form])
    return found(request_of(scheme, scheme.signature(SECRET, blank.credential, text), **parts))


def trace(action: Callable[[], object]) -> list[tuple[str, str]]:
    """Record every call of Python and C that an action makes, in order."""
    calls: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, what: Any) -> None:
        if event == "call":
            calls.append((event, frame.f_code.co_qualname))
        elif event == "c_call":
            calls.append((event, what.__qualname__))

    before = sys.getprofile()
    gc.disable()  # others may be told of collections, which come at any time
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


def refused(signed: SignedRequest, secret: bytes) -> None:
    with pytest.raises(SignatureMismatchError):
        verify(signed, secret, StoppedClock())


@every_scheme
def test_a_decoy_secret_takes_the_very_calls_of_a_real_one(scheme: SigningScheme) -> None:
    wrong = found(request_of(scheme, b"0" * 64))
    right = signed_in_form(scheme, 0)
    refused(wrong, SECRET)  # first calls fill caches
    for signed in (wrong, right):
        real = trace(lambda signed=signed: refused(signed, SECRET[::-1]))
        decoy = trace(lambda signed=signed: refused(signed, DECOY))
        assert real == decoy
        counted = Counter(real)
        assert counted["call", f"{type(scheme).__name__}.signature"] == 3
        assert sum(n for (_, name), n in counted.items() if name.endswith("compare_digest")) == 3


@every_scheme
def test_every_form_is_tried_whichever_one_fits(scheme: SigningScheme) -> None:
    requests = [signed_in_form(scheme, form) for form in (0, 1, 2)]
    verify(requests[0], SECRET, StoppedClock())  # first calls fill caches
    first, *others = (
        trace(lambda signed=signed: verify(signed, SECRET, StoppedClock())) for signed in requests
    )
    assert others == [first, first]


class Incomparable(bytes):
    """Bytes that no ordinary comparison may touch."""

    __slots__ = ()

    def _refuse(self, *_other: object) -> NoReturn:
        raise AssertionError("compared by other means than in constant time")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _refuse
    __hash__ = __iter__ = __getitem__ = _refuse  # type: ignore[assignment]
    startswith = endswith = find = index = count = removeprefix = _refuse  # type: ignore[assignment]


class IncomparableScheme(SdkHmacSha256):
    def signature(self, secret: bytes, credential: Credential, string_to_sign: bytes) -> bytes:
        return Incomparable(super().signature(secret, credential, string_to_sign))


def test_the_expected_signature_is_compared_in_constant_time_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = signed_in_form(SdkHmacSha256(), 0).request
    bad = request_of(SdkHmacSha256(), b"0" * 64)
    monkeypatch.setattr(verification, "SCHEMES", (IncomparableScheme(),))
    with pytest.raises(AssertionError, match="compared by other means"):
        assert Incomparable(b"a") == b"a"
    assert verify(found(good), SECRET, StoppedClock()).covers_body
    refused(found(bad), SECRET)


@pytest.mark.parametrize("day", [b"20260330", b"20260401", b"20250331", b"00000000", b"99999999"])
def test_a_scope_of_another_day_is_refused_however_well_it_is_signed(day: bytes) -> None:
    scheme = SCHEMES[2]
    signed = signed_in_form(scheme, 0, day=day)
    assert signed.credential.scope.startswith(day)
    with pytest.raises(SignatureMismatchError, match="scope is not for the day"):
        verify(signed, SECRET, StoppedClock())


def test_near_midnight_the_scope_follows_the_request_and_not_the_server() -> None:
    scheme = SCHEMES[2]
    headers = tuple(
        (name, b"20260331T235900Z" if name == b"X-Sdk-Date" else value)
        for name, value in request_of(scheme, b"0" * 64).headers
    )
    blank = found(replace(request_of(scheme, b"0" * 64), headers=headers))
    text = string_to_sign(scheme, b"20260331T235900Z", blank.credential, canonical_forms(blank)[0])
    signature = scheme.signature(SECRET, blank.credential, text)
    late = replace(
        blank.request,
        headers=tuple((n, v.replace(b"0" * 64, signature)) for n, v in blank.request.headers),
    )
    after_midnight = StoppedClock(datetime(2026, 4, 1, 0, 5, tzinfo=UTC))
    assert verify(found(late), SECRET, after_midnight).covers_body
    with pytest.raises(SignatureExpiredError):
        verify(found(late), SECRET, StoppedClock(datetime(2026, 4, 1, 0, 15, tzinfo=UTC)))


@every_scheme
def test_the_signed_headers_are_told(scheme: SigningScheme) -> None:
    told = verify(signed_in_form(scheme, 0), SECRET, StoppedClock())
    assert told.signed_headers == frozenset({b"host", b"x-sdk-date"})


@pytest.mark.parametrize(
    "name", [b"x-security-token", b"x-auth-token", b"x-subject-token", b"cookie"]
)
def test_what_is_secret_in_a_header_is_not_told_back(name: bytes) -> None:
    authorization = b"SDK-HMAC-SHA256 Access=AK, SignedHeaders=%b;%b, Signature=%b" % (
        NAMES,
        name,
        b"0" * 64,
    )
    headers = (
        (b"host", b"h"),
        (b"x-sdk-date", DATE),
        (name.title(), b"very-secret"),
        (b"authorization", authorization),
    )
    signed = found(RawRequest("GET", b"/", b"", headers, b"", ""))
    with pytest.raises(SignatureMismatchError) as raised:
        verify(signed, SECRET, StoppedClock())
    assert f"{name.decode()}:***|" in raised.value.detail
    assert "very-secret" not in raised.value.detail
