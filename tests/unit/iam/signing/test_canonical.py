import hashlib

import pytest

from huiyan.iam.signing.canonical import canonical_queries, canonical_uri, payload_hash
from huiyan.kernel.errors import SignatureMismatchError

EMPTY = hashlib.sha256(b"").hexdigest().encode()
DIGEST = hashlib.sha256(b"body").hexdigest().encode()


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"", b"/"),
        (b"/", b"/"),
        (b"/v3", b"/v3/"),
        (b"/v3/", b"/v3/"),
        (b"/v3//x", b"/v3//x/"),
        (b"/a%20b", b"/a%20b/"),
        (b"/a+b", b"/a%2Bb/"),
        (b"/a%2fb", b"/a/b/"),
        (b"/%7Bproject_id%7D", b"/%7Bproject_id%7D/"),
        (b"/{project_id}", b"/%7Bproject_id%7D/"),
        (b"/%41~-._", b"/A~-._/"),
        (b"/%2541", b"/%2541/"),
        (b"/%", b"/%25/"),
        (b"/%zz", b"/%25zz/"),
        (b"/%ff", b"/%FF/"),
        (b"/../x", b"/../x/"),
        ("/图".encode(), b"/%E5%9B%BE/"),
    ],
)
def test_a_path_is_decoded_once_and_encoded_again(raw: bytes, canonical: bytes) -> None:
    assert canonical_uri(raw) == canonical


@pytest.mark.parametrize(
    ("raw", "forms"),
    [
        (b"", (b"",)),
        (b"a=1", (b"a=1",)),
        (b"a=1&b=2", (b"a=1&b=2",)),
        (b"b=2&a=1", (b"a=1&b=2", b"b=2&a=1")),
        (b"a", (b"a=", b"a")),
        (b"a=", (b"a=", b"a")),
        (b"=", (b"=",)),
        (b"=&a=", (b"=&a=", b"=&a")),
        (b"a&=&=", (b"=&=&a=", b"a&=&=", b"=&=&a")),
        (b"&&", (b"", b"&&")),
        (b"a=1&a=10&a=2", (b"a=1&a=10&a=2",)),
        (b"a=x=y", (b"a=x%3Dy", b"a=x=y")),
        (b"a=x+y", (b"a=x%20y", b"a=x+y")),
        (b"a=%7e", (b"a=~", b"a=%7e")),
        (b"a-=1&a=2", (b"a=2&a-=1", b"a-=1&a=2")),
    ],
)
def test_a_query_has_the_forms_of_the_official_signers(raw: bytes, forms: tuple[bytes]) -> None:
    assert canonical_queries(raw) == forms


@pytest.mark.parametrize(
    ("sent", "digest", "text"),
    [
        (b"", EMPTY, EMPTY),
        (b"", DIGEST, DIGEST),
        (b"UNSIGNED-PAYLOAD", EMPTY, EMPTY),
        (b"UNSIGNED-PAYLOAD", DIGEST, b"UNSIGNED-PAYLOAD"),
        (DIGEST, DIGEST, DIGEST),
        (DIGEST.upper(), DIGEST, DIGEST.upper()),
        (EMPTY, EMPTY, EMPTY),
    ],
)
def test_the_payload_is_its_digest_or_what_was_sent(
    sent: bytes, digest: bytes, text: bytes
) -> None:
    assert payload_hash(sent, digest, is_empty=digest == EMPTY) == text


@pytest.mark.parametrize(("sent", "digest"), [(DIGEST, EMPTY), (EMPTY, DIGEST), (b"x", DIGEST)])
def test_another_digest_is_refused(sent: bytes, digest: bytes) -> None:
    with pytest.raises(SignatureMismatchError):
        payload_hash(sent, digest, is_empty=digest == EMPTY)
