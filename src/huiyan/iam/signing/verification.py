"""Verifying a signed request, stage after stage.

Owns: the order of the stages and what must be signed. Has no opinion on: where secrets are kept and
what the caller may do.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from huiyan.iam.signing.canonical import (
    UNSIGNED_PAYLOAD,
    canonical_headers,
    canonical_queries,
    canonical_request,
    canonical_uri,
    index_headers,
    payload_hash,
    single_value,
)
from huiyan.iam.signing.header import Authorization, parse_authorization
from huiyan.iam.signing.hmac_sha256 import SdkHmacSha256
from huiyan.iam.signing.hmac_sm3 import SdkHmacSm3
from huiyan.iam.signing.scheme import (
    Credential,
    SigningScheme,
    read_credential,
    string_to_sign,
)
from huiyan.iam.signing.v11_hmac_sha256 import V11HmacSha256
from huiyan.iam.signing.window import DATE_HEADER, check_window, parse_date
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import SignatureMismatchError
from huiyan.web.request import RawRequest

SCHEMES: tuple[SigningScheme, ...] = (SdkHmacSha256(), SdkHmacSm3(), V11HmacSha256())
"""The schemes spoken here; a further one is a module beside ``hmac_sha256`` and an entry here."""

AUTHORIZATION_HEADER = b"authorization"
HOST_HEADER = b"host"

_METHOD = re.compile(r"[A-Za-z]{1,32}")
_HIDDEN = re.compile(
    rb"(?m)^(x-security-token|x-auth-token|x-subject-token|cookie|proxy-authorization):.*$"
)
_MOST_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request whose Authorization header could be read; nothing is verified yet.

    Parameters
    ----------
    request : RawRequest
        As sent.
    headers : mapping of bytes to bytes or None
        From ``index_headers``.
    scheme : SigningScheme
        How it says it was signed.
    authorization : Authorization
        The parsed header.
    credential : Credential
        Whose secret should have signed.
    """

    request: RawRequest
    headers: Mapping[bytes, bytes | None]
    scheme: SigningScheme
    authorization: Authorization
    credential: Credential


@dataclass(frozen=True, slots=True)
class Verification:
    """What a right signature covers.

    Parameters
    ----------
    covers_body : bool
        False where the client signed without looking at the body.
    signed_headers : frozenset of bytes
        Lower-case names. A header that changes what a request means, such as a temporary key's
        ``x-security-token``, counts only if it is among them.
    """

    covers_body: bool
    signed_headers: frozenset[bytes]


def find_signature(request: RawRequest) -> SignedRequest | None:
    """Find a signature on a request.

    Parameters
    ----------
    request : RawRequest
        As sent.

    Returns
    -------
    SignedRequest or None
        None without an Authorization header.

    Raises
    ------
    UnsupportedSchemeError
        The header is of a scheme that is not spoken here.
    SignatureMismatchError
        The header is malformed, or came twice.
    """
    headers = index_headers(request.headers)
    if headers.get(AUTHORIZATION_HEADER, b"") == b"":
        return None
    authorization = parse_authorization(
        single_value(headers, AUTHORIZATION_HEADER), tuple(scheme.name for scheme in SCHEMES)
    )
    scheme = next(scheme for scheme in SCHEMES if scheme.name == authorization.scheme)
    credential = read_credential(scheme, authorization)
    return SignedRequest(request, headers, scheme, authorization, credential)


def canonical_forms(signed: SignedRequest) -> tuple[bytes, ...]:
    """Build the canonical request in each form that an official signer may have built.

    Parameters
    ----------
    signed : SignedRequest
        From ``find_signature``.

    Returns
    -------
    tuple of bytes
        One to three texts, which differ in the query only.

    Raises
    ------
    SignatureMismatchError
        A signed header is missing or came twice, or a content header, be it another scheme's, is
        not the body's digest.
    """
    request, names = signed.request, signed.authorization.signed_headers
    if not _METHOD.fullmatch(request.method):
        raise SignatureMismatchError("the method is malformed")
    payload = _payload(signed)
    method = request.method.upper().encode("ascii")
    uri = canonical_uri(request.raw_path)
    headers = canonical_headers(signed.headers, names)
    return tuple(
        canonical_request(method, uri, query, headers, names, payload)
        for query in canonical_queries(request.raw_query)
    )


def _payload(signed: SignedRequest) -> bytes:
    body, own_header = signed.request.body, signed.scheme.content_header
    payload = own_digest = signed.scheme.digest(body)
    for scheme in SCHEMES:
        header = scheme.content_header
        if header in signed.headers:
            sent = single_value(signed.headers, header)
            digest = own_digest if header == own_header else scheme.digest(body)
            text = payload_hash(sent, digest, is_empty=not body)
            payload = text if header == own_header else payload
    return payload


def verify(signed: SignedRequest, secret: bytes, clock: Clock) -> Verification:
    """Verify a signature.

    Parameters
    ----------
    signed : SignedRequest
        From ``find_signature``.
    secret : bytes
        The secret key as UTF-8. A made-up one for an unknown key takes as long as a real one.
    clock : Clock
        The server's clock.

    Returns
    -------
    Verification
        What the signature covers.

    Raises
    ------
    SignatureMismatchError
        Date or host is not signed, the scope is another day's, or no form of the request gives
        this signature.
    SignatureExpiredError
        The request was signed outside the window.
    """
    names = signed.authorization.signed_headers
    if DATE_HEADER not in names or HOST_HEADER not in names:
        raise SignatureMismatchError("x-sdk-date and host must be among the signed headers")
    date = single_value(signed.headers, DATE_HEADER)
    check_window(parse_date(date), clock.now())
    if not signed.credential.is_for_day_of(date):
        raise SignatureMismatchError("the credential's scope is not for the day of x-sdk-date")
    forms = canonical_forms(signed)
    matches = False
    for canonical in forms:
        text = string_to_sign(signed.scheme, date, signed.credential, canonical)
        expected = signed.scheme.signature(secret, signed.credential, text)
        matches |= hmac.compare_digest(expected, signed.authorization.signature)
    if not matches:
        raise SignatureMismatchError(_explain(forms[0]))
    return Verification(
        covers_body=not forms[0].endswith(b"\n" + UNSIGNED_PAYLOAD),
        signed_headers=frozenset(names),
    )


def _explain(canonical: bytes) -> str:
    hidden = _HIDDEN.sub(rb"\1:***", canonical)
    text = hidden.decode("utf-8", errors="replace").replace("\n", "|")
    return f"canonicalRequest:{text[:_MOST_SHOWN_CHARACTERS]}"
