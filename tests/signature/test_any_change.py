"""Whatever changes what was signed is refused; whatever does not, is not.

What "changes" means is told here by the standard library's own parsing, apart from the code under
test.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from huiyan.iam.signing.verification import Verification
from huiyan.kernel.errors import (
    AuthenticationError,
    SignatureExpiredError,
    SignatureMismatchError,
)
from huiyan.web.request import RawRequest

SCHEMES = ("SDK-HMAC-SHA256", "SDK-HMAC-SM3", "V11-HMAC-SHA256")

Sign = Callable[..., RawRequest]
Check = Callable[..., Verification]

pytestmark = pytest.mark.parametrize("scheme", SCHEMES)
examples = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SEGMENTS = st.lists(TEXT.filter(bool), max_size=4)
NAMES = st.from_regex(r"[Xx]-[A-Za-z0-9-]{1,8}", fullmatch=True)
VALUES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20
).filter(lambda text: text.strip())
QUERIES = st.dictionaries(
    TEXT, st.one_of(TEXT, st.booleans(), st.integers(), st.lists(TEXT, min_size=1, max_size=3))
)
VISIBLE = st.integers(0x21, 0x7E).map(lambda code: bytes([code]))


@st.composite
def signed_parts(draw: st.DrawFn) -> dict[str, Any]:
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


def refused(check: Check, request: RawRequest) -> bool:
    try:
        check(request)
    except AuthenticationError:
        return True
    return False


def spliced(data: st.DataObject, text: bytes, alphabet: st.SearchStrategy[bytes]) -> bytes:
    """Replace, remove or insert at one place."""
    at = data.draw(st.integers(0, len(text)))
    removed = data.draw(st.integers(0, 3))
    return text[:at] + b"".join(data.draw(st.lists(alphabet, max_size=3))) + text[at + removed :]


def with_authorization(request: RawRequest, change: Callable[[bytes], bytes]) -> RawRequest:
    headers = tuple((n, change(v) if n == b"Authorization" else v) for n, v in request.headers)
    return replace(request, headers=headers)


def signed_places(request: RawRequest) -> list[int]:
    return [i for i, (name, _) in enumerate(request.headers) if name != b"Authorization"]


def with_value(request: RawRequest, place: int, value: bytes) -> RawRequest:
    headers = list(request.headers)
    headers[place] = (headers[place][0], value)
    return replace(request, headers=tuple(headers))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=signed_parts())
def test_whatever_the_official_signer_signs_verifies(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any]
) -> None:
    assert check(sign(scheme, **parts)).covers_body


@examples
@given(parts=signed_parts(), method=st.from_regex(r"[A-Za-z]{1,8}", fullmatch=True))
def test_another_method(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], method: str
) -> None:
    changed = replace(sign(scheme, **parts), method=method)
    assert refused(check, changed) == (method.upper() != parts["method"].upper())


def path_meaning(raw: bytes) -> bytes:
    decoded = unquote_to_bytes(raw)
    return decoded if decoded.endswith(b"/") else decoded + b"/"


@settings(examples, max_examples=100)
@given(parts=signed_parts(), data=st.data())
def test_any_byte_of_the_path(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    request = sign(scheme, **parts)
    path = spliced(data, request.raw_path, st.one_of(VISIBLE, st.sampled_from([b"%2F", b"%2f"])))
    changed = replace(request, raw_path=path)
    assert refused(check, changed) == (path_meaning(path) != path_meaning(request.raw_path))


@examples
@given(parts=signed_parts())
def test_another_spelling_of_the_same_path_means_the_same(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any]
) -> None:
    request = sign(scheme, **parts)
    spelt = b"".join(b"%%%02x" % byte for byte in unquote_to_bytes(request.raw_path))
    assert check(replace(request, raw_path=spelt)).covers_body


def query_meaning(raw: bytes) -> list[tuple[str, str]]:
    text = raw.decode("latin-1")
    return sorted(parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=1000))


@settings(examples, max_examples=100)
@given(parts=signed_parts(), data=st.data())
def test_any_byte_of_the_query(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    request = sign(scheme, **parts)
    pieces = st.one_of(VISIBLE, st.sampled_from([b"&", b"=", b"+", b"%20", b"%26", b"%3D"]))
    query = spliced(data, request.raw_query, pieces)
    changed = replace(request, raw_query=query)
    assert refused(check, changed) == (query_meaning(query) != query_meaning(request.raw_query))


@examples
@given(parts=signed_parts(), data=st.data())
def test_the_order_of_parameters_means_nothing(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    request = sign(scheme, **parts)
    texts = data.draw(st.permutations(request.raw_query.split(b"&")))
    assert check(replace(request, raw_query=b"&".join(texts))).covers_body


@examples
@given(parts=signed_parts(), data=st.data())
def test_any_byte_of_a_signed_header(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    request = sign(scheme, **parts)
    any_byte = st.integers(0, 255).map(lambda code: bytes([code]))
    for place in signed_places(request):
        value = request.headers[place][1]
        changed = spliced(data, value, any_byte)
        is_other = changed.strip(b" \t") != value
        assert refused(check, with_value(request, place, changed)) == is_other


@examples
@given(parts=signed_parts())
def test_a_signed_header_that_is_gone_or_there_twice(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any]
) -> None:
    request = sign(scheme, **parts)
    for place in signed_places(request):
        gone = request.headers[:place] + request.headers[place + 1 :]
        assert refused(check, replace(request, headers=gone))
        twice = (*request.headers, request.headers[place])
        assert refused(check, replace(request, headers=twice))


@examples
@given(parts=signed_parts(), data=st.data())
def test_another_list_of_signed_headers(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    request = sign(scheme, **parts)
    request = replace(request, headers=(*request.headers, (b"unsigned", b"1")))
    assert check(request).covers_body

    def relist(value: bytes) -> bytes:
        before, names, after = re.split(rb"SignedHeaders=|, Signature=", value)
        listed = names.split(b";")
        other = data.draw(st.permutations([*listed, b"unsigned"]))
        other = other[: data.draw(st.integers(0, len(other)))]
        assume(other != listed)
        return before + b"SignedHeaders=" + b";".join(other) + b", Signature=" + after

    assert refused(check, with_authorization(request, relist))


@examples
@given(parts=signed_parts(), data=st.data())
def test_any_byte_of_the_body(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    request = sign(scheme, **parts)
    body = spliced(data, request.body, st.binary(min_size=1, max_size=1))
    assert refused(check, replace(request, body=body)) == (body != request.body)


@examples
@given(parts=signed_parts(), seconds=st.integers(-2000, 2000).filter(bool))
def test_another_date(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], seconds: int
) -> None:
    request = sign(scheme, **parts)
    minute, second = divmod(8 * 3600 + 15 * 60 + seconds, 60)
    date = b"20260331T%02d%02d%02dZ" % (*divmod(minute, 60), second)
    (place,) = (i for i, (name, _) in enumerate(request.headers) if name == b"X-Sdk-Date")
    with pytest.raises(SignatureMismatchError if abs(seconds) <= 900 else SignatureExpiredError):
        check(with_value(request, place, date))


@examples
@given(parts=signed_parts(), data=st.data())
def test_any_digit_of_the_signature(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    request = sign(scheme, **parts)
    bit = data.draw(st.integers(0, 255))

    def flip(value: bytes) -> bytes:
        signature = int(value[-64:], 16) ^ (1 << bit)
        return value[:-64] + b"%064x" % signature

    assert refused(check, with_authorization(request, flip))
    assert refused(check, with_authorization(request, lambda value: value[:-1]))
    assert refused(check, with_authorization(request, lambda value: value + b"0"))


@examples
@given(parts=signed_parts())
def test_the_same_signature_under_another_scheme(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any]
) -> None:
    request = sign(scheme, **parts)
    for other in (*SCHEMES, "SDK-ECDSA-P256-SHA256", "SDK-SM2-SM3"):
        for credential in (
            b"Access=TESTAK0000000000IRS1",
            b"Credential=TESTAK0000000000IRS1/20260331/cn-north-4/image",
        ):
            swapped = with_authorization(
                request,
                lambda value, other=other, credential=credential: (
                    other.encode()
                    + b" "
                    + credential
                    + b", SignedHeaders="
                    + value.partition(b", SignedHeaders=")[2]
                ),
            )
            assert refused(check, swapped) == (swapped != request)


@examples
@given(parts=signed_parts(), data=st.data())
def test_another_access_key(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    """The key picks the secret; where it is also a salt, not even the same secret helps."""
    request = sign(scheme, **parts)
    key = data.draw(st.from_regex(rb"[A-Za-z0-9_-]{1,64}", fullmatch=True))
    assume(key != b"TESTAK0000000000IRS1")
    swapped = with_authorization(request, lambda v: v.replace(b"TESTAK0000000000IRS1", key))
    with pytest.raises(SignatureMismatchError):
        check(swapped, secret="another-secret")
    if scheme == "V11-HMAC-SHA256":
        assert refused(check, swapped)


@examples
@given(parts=signed_parts(), data=st.data())
def test_another_scope(
    sign: Sign, check: Check, scheme: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    request = sign("V11-HMAC-SHA256", **parts)
    scope = b"20260331/cn-north-4/image"
    other = spliced(data, scope, st.sampled_from([b"/", b"0", b"a", b"-", b".", b"A"]))
    assume(other != scope)
    assert refused(check, with_authorization(request, lambda v: v.replace(scope, other)))
    unscoped = sign(scheme, **parts)
    if scheme != "V11-HMAC-SHA256":
        added = with_authorization(unscoped, lambda v: v.replace(b"IRS1,", b"IRS1/" + scope + b","))
        assert refused(check, added)
