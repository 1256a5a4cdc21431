import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from huiyan.iam.signing.canonical import canonical_queries, canonical_uri
from huiyan.iam.signing.hmac_sha256 import SdkHmacSha256
from huiyan.iam.signing.verification import canonical_forms, find_signature, verify
from huiyan.iam.signing.window import parse_date
from huiyan.kernel.errors import UnsupportedSchemeError
from huiyan.web.request import RawRequest

VECTORS = json.loads((Path(__file__).parent / "signing-vectors.json").read_text("utf-8"))["apig"]
SCHEME = SdkHmacSha256()
SPOKEN = [v for v in VECTORS if v["authorization"].startswith(SCHEME.name + " ")]
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


def test_the_file_holds_the_vectors_that_this_test_expects() -> None:
    assert (len(SPOKEN), len(OTHERS)) == (16, 4)


@pytest.mark.parametrize("vector", SPOKEN, ids=lambda v: v["name"])
def test_each_stage_gives_the_official_signers_text(vector: dict[str, Any]) -> None:
    request = request_of(vector)
    lines = vector["canonical_request"].encode().split(b"\n")
    assert canonical_uri(request.raw_path) == lines[1]
    assert lines[2] in canonical_queries(request.raw_query)
    assert SCHEME.digest(request.body).decode() == vector["request"]["body_sha256"]
    signed = find_signature(request)
    assert signed is not None
    forms = canonical_forms(signed)
    assert vector["canonical_request"].encode() in forms
    date = vector["request"]["headers"]["X-Sdk-Date"].encode()
    canonical = vector["canonical_request"].encode()
    text = SCHEME.string_to_sign(date, signed.credential, canonical)
    assert text.decode() == vector["string_to_sign"]
    signature = SCHEME.signature(vector["sk"].encode(), signed.credential, text)
    names = b";".join(signed.authorization.signed_headers)
    header = (
        f"{SCHEME.name} Access={vector['ak']}, SignedHeaders={names.decode()}, "
        f"Signature={signature.decode()}"
    )
    assert header == vector["authorization"]


@pytest.mark.parametrize("vector", SPOKEN, ids=lambda v: v["name"])
def test_the_whole_request_verifies(vector: dict[str, Any]) -> None:
    signed = find_signature(request_of(vector))
    assert signed is not None
    assert signed.credential.access_key == vector["ak"]
    clock = StoppedClock(parse_date(vector["request"]["headers"]["X-Sdk-Date"].encode()))
    verification = verify(signed, vector["sk"].encode(), clock)
    assert verification.covers_body == (vector["name"] != "unsigned-payload")


@pytest.mark.parametrize("vector", OTHERS, ids=lambda v: v["name"])
def test_other_schemes_are_refused_by_name(vector: dict[str, Any]) -> None:
    scheme = vector["authorization"].split(" ")[0]
    with pytest.raises(UnsupportedSchemeError, match=scheme):
        find_signature(request_of(vector))
