"""The Authorization header of signed requests.

Owns: its grammar, strictly. Has no opinion on: whether the signature in it is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from huiyan.kernel.errors import SignatureMismatchError, UnsupportedSchemeError

KNOWN_SCHEMES = (
    "SDK-HMAC-SHA256",
    "SDK-HMAC-SM3",
    "V11-HMAC-SHA256",
    "SDK-ECDSA-P256-SHA256",
    "SDK-SM2-SM3",
)
"""Every scheme that the vendor's clients offer, whether or not it is spoken here."""

_PARAMETERS = re.compile(
    rb"(?P<kind>Access|Credential)=(?P<credential>[A-Za-z0-9_./-]{1,256}), ?"
    rb"SignedHeaders=(?P<names>[a-z0-9!#$%&'*+.^_`|~;-]{1,8192}), ?"
    rb"Signature=(?P<signature>[0-9a-f]{1,512})"
)
_MOST_SIGNED_HEADERS = 100


@dataclass(frozen=True, slots=True)
class Authorization:
    """A parsed Authorization header.

    Parameters
    ----------
    scheme : str
        The scheme's name.
    credential_kind : {'Access', 'Credential'}
        How the credential was labelled; which one is right is the scheme's to say.
    credential : str
        The access key, in some schemes followed by a scope.
    signed_headers : tuple of bytes
        Lower-case names, in the order of the header, each once.
    signature : bytes
        Lower-case hexadecimal.
    """

    scheme: str
    credential_kind: str
    credential: str
    signed_headers: tuple[bytes, ...]
    signature: bytes


def parse_authorization(value: bytes, spoken: tuple[str, ...]) -> Authorization:
    """Parse the header's value.

    Parameters
    ----------
    value : bytes
        As sent.
    spoken : tuple of str
        The schemes that can be verified.

    Returns
    -------
    Authorization
        The parts.

    Raises
    ------
    UnsupportedSchemeError
        The scheme is another one.
    SignatureMismatchError
        The scheme is spoken but the rest is malformed.

    Notes
    -----
    ``docs/wire.md``, section "Signing".
    """
    scheme, _, rest = value.strip(b" \t").partition(b" ")
    name = scheme.decode("latin-1")
    if name not in spoken:
        shown = name if name in KNOWN_SCHEMES else "of this kind"
        raise UnsupportedSchemeError(
            f"signing scheme {shown} is not supported; use {' or '.join(spoken)}"
        )
    match = _PARAMETERS.fullmatch(rest)
    if match is None:
        raise SignatureMismatchError("the Authorization header is malformed")
    names = tuple(match["names"].split(b";"))
    if len(names) > _MOST_SIGNED_HEADERS or len(set(names)) != len(names) or b"" in names:
        raise SignatureMismatchError("SignedHeaders names a header twice, none, or too many")
    return Authorization(
        scheme=name,
        credential_kind=match["kind"].decode("ascii"),
        credential=match["credential"].decode("ascii"),
        signed_headers=names,
        signature=match["signature"],
    )
