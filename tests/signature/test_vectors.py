import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from huiyan.iam.signing.canonical import canonical_queries, canonical_uri
from huiyan.iam.signing.hmac_sha256 import SdkHmacSha256
from huiyan.iam.signing.hmac_sm3 import SdkHmacSm3
from huiyan.iam.signing.scheme import SigningScheme, string_to_sign
from huiyan.iam.signing.v11_hmac_sha256 import V11HmacSha256, derive_key
from huiyan.iam.signing.verification import canonical_forms, find_signature, verify
from huiyan.iam.signing.window import parse_date
from huiyan.kernel.errors import SignatureMismatchError, UnsupportedSchemeError
from huiyan.web.request import RawRequest

VECTORS = json.loads((Path(__file__).parent / "signing-vectors.json").read_text("utf-8"))["apig"]
SCHEMES: dict[str, SigningScheme] = {
    scheme.name: scheme for scheme in (SdkHmacSha256(), SdkHmacSm3(), V11HmacSha256())
}


def scheme_of(vector: dict[str, Any]) -> str:
    return str(vector["authorization"].split(" ")[0])


SPOKEN = [v for v in VECTORS if scheme_of(v) in SCHEMES]
OTHERS = [v for v in VECTORS if v not in SPOKEN]


class StoppedClock:
    def __init__(self, instant: datetime) -> None:
        self._instant = instant

    def now(self) -> datetime:
        return self._instant

    def monotonic_s(self) -> float:
        return 0.0


def request_of(vector: dict[str, Any]) -> RawRequest:
    wire = vector["request"]
    path, _, query = wire["uri"].partition("?")
    return RawRequest(
        method=wire["method"],
        raw_path=path.encode(),
        raw_query=query.encode(),
        headers=tuple((n.encode(), v.encode()) for n, v in wire["headers"].items()),
        body=wire["body_utf8"].encode(),
        client_address="192.0.2.1",
    )


def date_of(vector: dict[str, Any]) -> bytes:
    return bytes(vector["request"]["headers"]["X-Sdk-Date"].encode())


def test_the_file_holds_the_vectors_that_this_test_expects() -> None:
    assert sorted(scheme_of(v) for v in SPOKEN) == [
        *["SDK-HMAC-SHA256"] * 16,
        "SDK-HMAC-SM3",
        "V11-HMAC-SHA256",
    ]
    assert sorted(scheme_of(v) for v in OTHERS) == ["SDK-ECDSA-P256-SHA256", "SDK-SM2-SM3"]


@pytest.mark.parametrize("vector", SPOKEN, ids=lambda v: v["name"])
def test_each_stage_gives_the_official_signers_text(vector: dict[str, Any]) -> None:
    scheme = SCHEMES[scheme_of(vector)]
    request = request_of(vector)
    canonical = vector["canonical_request"].encode()
    lines = canonical.split(b"\n")
    assert canonical_uri(request.raw_path) == lines[1]
    assert lines[2] in canonical_queries(request.raw_query)
    if lines[-1] != b"UNSIGNED-PAYLOAD":
        assert scheme.digest(request.body) == lines[-1]
    if scheme.content_header == b"x-sdk-content-sha256":
        assert scheme.digest(request.body).decode() == vector["request"]["body_sha256"]
    signed = find_signature(request)
    assert signed is not None
    assert signed.scheme.name == scheme.name
    assert canonical in canonical_forms(signed)
    text = string_to_sign(scheme, date_of(vector), signed.credential, canonical)
    assert text.decode() == vector["string_to_sign"]
    signature = scheme.signature(vector["sk"].encode(), signed.credential, text)
    names = b";".join(signed.authorization.signed_headers)
    scope = b"/" + signed.credential.scope if signed.credential.scope else b""
    header = (
        f"{scheme.name} {scheme.credential_kind}={vector['ak']}{scope.decode()}, "
        f"SignedHeaders={names.decode()}, Signature={signature.decode()}"
    )
    assert header == vector["authorization"]


def test_the_derived_key_is_the_official_signers() -> None:
    (vector,) = (v for v in SPOKEN if scheme_of(v) == "V11-HMAC-SHA256")
    signed = find_signature(request_of(vector))
    assert signed is not None
    assert signed.credential.scope == b"20260331/cn-north-4/image"
    key = derive_key(vector["sk"].encode(), signed.credential)
    assert key.decode() == vector["derived_key_hex"]


@pytest.mark.parametrize("vector", SPOKEN, ids=lambda v: v["name"])
def test_the_whole_request_verifies(vector: dict[str, Any]) -> None:
    signed = find_signature(request_of(vector))
    assert signed is not None
    assert signed.credential.access_key == vector["ak"]
    clock = StoppedClock(parse_date(date_of(vector)))
    verification = verify(signed, vector["sk"].encode(), clock)
    assert verification.covers_body == (vector["name"] != "unsigned-payload")
    assert verification.signed_headers == frozenset(signed.authorization.signed_headers)
    with pytest.raises(SignatureMismatchError):
        verify(signed, vector["sk"].encode() + b"0", clock)


@pytest.mark.parametrize("vector", OTHERS, ids=lambda v: v["name"])
def test_other_schemes_are_refused_by_name(vector: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedSchemeError, match=f"{scheme_of(vector)} is not supported"):
        find_signature(request_of(vector))
