import contextlib
import hashlib
import hmac
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.iam.authenticator import SignatureAuthenticator, TokenAuthenticator
from huiyan.iam.directory.model import Directory
from huiyan.iam.model import UsableKey
from huiyan.iam.signing import verification
from huiyan.iam.signing.hmac_sha256 import SdkHmacSha256
from huiyan.iam.signing.scheme import Credential
from huiyan.iam.tokens.service import TokenService
from huiyan.iam.vault import Vault
from huiyan.kernel.errors import (
    AuthenticationError,
    SignatureExpiredError,
    SignatureMismatchError,
    UnknownKeyError,
    UnsupportedSchemeError,
    UnusableTokenError,
)
from huiyan.kernel.ids import AccessKey, AccountId, UserId
from huiyan.kernel.principal import Principal
from huiyan.web.request import RawRequest

AK = "TESTAK0000000000IRS1"
SECRET = b"testSKabcdefghijklmnopqrstuvwxyz01234567"
DATE = b"20260331T081500Z"
PRINCIPAL = Principal(AccountId("a"), UserId("u"), "admin", AK, is_owner=True)
DIRECTORY = Directory(0, {AccessKey(AK): UsableKey(PRINCIPAL, SECRET)}, {}, {})
TOO_MANY = ";".join(map(str, range(101)))
EMPTY_HASH = hashlib.sha256(b"").hexdigest().encode()

Headers = tuple[tuple[bytes, bytes], ...]


class StoppedClock:
    def now(self) -> datetime:
        return datetime(2026, 3, 31, 8, 15, 0, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0


def request_with(
    headers: Headers, body: bytes = b"", query: bytes = b"", path: bytes = b"/v3/projects"
) -> RawRequest:
    return RawRequest("GET", path, query, headers, body, "192.0.2.1")


def signed_with(
    lines: Headers, extra: Headers = (), *, body: bytes = b"", payload: bytes | None = None
) -> RawRequest:
    """Sign by hand, so that what an official signer would never sign can be signed, too."""
    names = b";".join(name for name, _ in lines)
    text = b"".join(name + b":" + value + b"\n" for name, value in lines)
    hashed = payload or hashlib.sha256(body).hexdigest().encode()
    canonical = b"\n".join((b"GET", b"/v3/projects/", b"", text, names, hashed))
    to_sign = b"\n".join((b"SDK-HMAC-SHA256", DATE, hashlib.sha256(canonical).hexdigest().encode()))
    signature = hmac.new(SECRET, to_sign, hashlib.sha256).hexdigest()
    header = f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={names.decode()}, Signature={signature}"
    return request_with((*lines, *extra, (b"authorization", header.encode())), body)


def authenticate(request: RawRequest, directory: Directory = DIRECTORY) -> Principal | None:
    session = SignatureAuthenticator(StoppedClock(), TOKENS)(request, directory)
    return None if session is None else session.principal


TOKENS = TokenService(Vault(bytes(32)), StoppedClock())
HOST = (b"host", b"h")
SDK_DATE = (b"x-sdk-date", DATE)


def test_a_request_without_the_header_is_not_a_signed_one() -> None:
    assert authenticate(request_with(())) is None
    assert authenticate(request_with(((b"Authorization", b"  "),))) is None


def test_the_smallest_signed_request_verifies() -> None:
    assert authenticate(signed_with((HOST, SDK_DATE))) == PRINCIPAL


@pytest.mark.parametrize("lines", [(HOST,), (SDK_DATE,), ((b"x-other", b"1"),)])
def test_date_and_host_must_be_signed(lines: Headers) -> None:
    extra = tuple(line for line in (HOST, SDK_DATE) if line not in lines)
    with pytest.raises(SignatureMismatchError, match="must be among the signed headers"):
        authenticate(signed_with(lines, extra))


@pytest.mark.parametrize(
    "value",
    [
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 ",
        "SDK-HMAC-SHA256 Access=, SignedHeaders=host, Signature=00",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host;x-sdk-date, Signature={'0' * 63}",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host;x-sdk-date, Signature={'0' * 65}",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host;x-sdk-date, Signature={'G' * 64}",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=Host;X-Sdk-Date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host;host;x-sdk-date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host;;x-sdk-date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={AK} SignedHeaders=host;x-sdk-date Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 SignedHeaders=host;x-sdk-date, Access={AK}, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Credential={AK}, SignedHeaders=host;x-sdk-date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={AK}/x, SignedHeaders=host;x-sdk-date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access=<script>, SignedHeaders=host;x-sdk-date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={'A' * 100}, SignedHeaders=host;x-sdk-date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={TOO_MANY}, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=host, Signature={'0' * 64}, More=1",
        f"SDK-HMAC-SHA256\tAccess={AK}, SignedHeaders=host, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={AK},, SignedHeaders=host, Signature={'0' * 64}",
    ],
)
def test_a_malformed_header_is_refused(value: str) -> None:
    with pytest.raises(AuthenticationError):
        authenticate(request_with((HOST, SDK_DATE, (b"authorization", value.encode()))))


@pytest.mark.parametrize(
    "scheme", ["Basic", "Bearer", "AWS4-HMAC-SHA256", "sdk-hmac-sha256", "SDK-SM2-SM3", "é"]
)
def test_other_schemes_are_refused_and_the_spoken_one_named(scheme: str) -> None:
    with pytest.raises(UnsupportedSchemeError, match="use SDK-HMAC-SHA256"):
        authenticate(request_with(((b"authorization", f"{scheme} x".encode()),)))


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(max_size=300))
def test_no_bytes_in_the_header_break_the_parser(value: bytes) -> None:
    for prefix in (b"", b"SDK-HMAC-SHA256 ", b"SDK-HMAC-SHA256 Access=A, SignedHeaders="):
        request = request_with((HOST, SDK_DATE, (b"authorization", prefix + value)))
        with contextlib.suppress(AuthenticationError):
            assert authenticate(request) is None


def test_a_header_made_to_slow_the_parser_does_not() -> None:
    value = b"SDK-HMAC-SHA256 Access=A, SignedHeaders=" + b"a;" * 16_000 + b", Signature=" * 500
    started_s = time.process_time()
    with pytest.raises(SignatureMismatchError):
        authenticate(request_with(((b"authorization", value),)))
    assert time.process_time() - started_s < 0.5


@pytest.mark.parametrize(
    "name", [b"Host", b"X-Sdk-Date", b"authorization", b"X-SDK-CONTENT-SHA256"]
)
def test_a_header_that_counts_and_came_twice_is_refused(name: bytes) -> None:
    request = signed_with((HOST, SDK_DATE), ((b"x-sdk-content-sha256", EMPTY_HASH),))
    assert authenticate(request) == PRINCIPAL
    value = dict(request.headers)[name.lower()]
    for headers in (((name, value), *request.headers), (*request.headers, (name, value))):
        with pytest.raises(SignatureMismatchError, match="more than once"):
            authenticate(request_with(headers))


def test_an_unsigned_header_may_come_twice() -> None:
    extra = ((b"accept", b"a"), (b"accept", b"b"))
    assert authenticate(signed_with((HOST, SDK_DATE), extra)) == PRINCIPAL


@pytest.mark.parametrize("value", [b"h\nx-sdk-date:1", b"h\r", b"h\x00h"])
def test_a_signed_header_with_line_breaks_is_refused(value: bytes) -> None:
    with pytest.raises(SignatureMismatchError, match="control characters"):
        authenticate(signed_with(((b"host", value), SDK_DATE)))


@pytest.mark.parametrize(
    "date",
    [
        b"",
        b"2026-03-31T08:15:00Z",
        b"20260331T081500",
        b"20260331T081500z",
        b"20261331T081500Z",
        b"20260230T081500Z",
        b"00000101T000000Z",
        "２０２６0331T081500Z".encode(),
        b"20260331T081500Z" * 1000,
    ],
)
def test_a_malformed_date_is_refused(date: bytes) -> None:
    with pytest.raises(SignatureMismatchError):
        authenticate(signed_with((HOST, (b"x-sdk-date", date))))


@pytest.mark.parametrize("date", [b"00010101T000000Z", b"99991231T235959Z"])
def test_the_ends_of_time_are_refused_like_any_other_time(date: bytes) -> None:
    with pytest.raises(SignatureExpiredError):
        authenticate(signed_with((HOST, (b"x-sdk-date", date))))


def test_the_content_header_must_be_the_bodys_digest() -> None:
    body = b'{"a": 1}'
    right = hashlib.sha256(body).hexdigest().encode()
    wrong = hashlib.sha256(b"stale").hexdigest().encode()
    for text in (right, right.upper()):
        line = (b"x-sdk-content-sha256", text)
        request = signed_with((HOST, line, SDK_DATE), body=body, payload=text)
        assert authenticate(request) == PRINCIPAL
    for text in (wrong, EMPTY_HASH, b"STREAMING-PAYLOAD", b"unsigned-payload", b"x" * 5000):
        line = (b"x-sdk-content-sha256", text)
        with pytest.raises(SignatureMismatchError, match="not the body's digest"):
            authenticate(signed_with((HOST, line, SDK_DATE), body=body, payload=text))


def test_a_body_that_is_not_signed_is_refused() -> None:
    line = (b"x-sdk-content-sha256", b"UNSIGNED-PAYLOAD")
    request = signed_with((HOST, line, SDK_DATE), body=b"{}", payload=b"UNSIGNED-PAYLOAD")
    with pytest.raises(SignatureMismatchError, match="must be signed"):
        authenticate(request)
    unsigned_header = signed_with((HOST, SDK_DATE), (line,), body=b"{}", payload=line[1])
    with pytest.raises(SignatureMismatchError, match="must be signed"):
        authenticate(unsigned_header)


@pytest.mark.parametrize("query", [b"&".join([b"a=1"] * 1001), b"a=1\nb", b"a=\x00"])
def test_a_query_made_to_confuse_is_refused(query: bytes) -> None:
    request = signed_with((HOST, SDK_DATE))
    with pytest.raises(SignatureMismatchError, match="query"):
        authenticate(request_with(request.headers, query=query))


@pytest.mark.parametrize("method", ["", "GET\n", "GÉT", "G" * 100, "ſ"])
def test_a_method_made_to_confuse_is_refused(method: str) -> None:
    signed = signed_with((HOST, SDK_DATE))
    with pytest.raises(SignatureMismatchError):
        authenticate(RawRequest(method, signed.raw_path, b"", signed.headers, b"", ""))


def test_what_is_secret_in_the_request_is_not_told_back() -> None:
    lines = (HOST, SDK_DATE, (b"x-subject-token", b"very-secret"))
    request = signed_with(lines, body=b"")
    changed = RawRequest("PUT", request.raw_path, b"", request.headers, b"", "")
    with pytest.raises(SignatureMismatchError) as raised:
        authenticate(changed)
    assert "x-subject-token:***" in raised.value.detail
    assert "very-secret" not in raised.value.detail


class CountingScheme(SdkHmacSha256):
    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []

    def digest(self, content: bytes) -> bytes:
        self.steps.append(("digest", len(content)))
        return super().digest(content)

    def signature(self, secret: bytes, credential: Credential, string_to_sign: bytes) -> bytes:
        self.steps.append(("signature", len(secret)))
        return super().signature(secret, credential, string_to_sign)


def test_an_unknown_key_goes_through_the_steps_of_a_wrong_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheme = CountingScheme()
    monkeypatch.setattr(verification, "SCHEMES", (scheme,))
    good = signed_with((HOST, SDK_DATE), body=b"x" * 1000)
    request = RawRequest("GET", b"/other", b"b=1&a=", good.headers, good.body, "")
    with pytest.raises(SignatureMismatchError):
        authenticate(request)
    wrong_signature, scheme.steps = scheme.steps, []
    with pytest.raises(UnknownKeyError):
        authenticate(request, Directory(0, {}, {}, {}))
    assert scheme.steps == wrong_signature
    assert [step for step, _ in scheme.steps].count("signature") == 3


def test_a_token_that_is_none_is_mine_and_bad() -> None:
    find = TokenAuthenticator(TOKENS)
    assert find(request_with(()), DIRECTORY) is None
    assert find(request_with(((b"X-Auth-Token", b" "),)), DIRECTORY) is None
    for headers, text in (
        (((b"X-Auth-Token", b"MIIF"),), "decrypt token fail"),
        (((b"X-Auth-Token", b"a"), (b"x-auth-token", b"b")), "more than once"),
    ):
        with pytest.raises(UnusableTokenError, match=text):
            find(request_with(headers), DIRECTORY)
