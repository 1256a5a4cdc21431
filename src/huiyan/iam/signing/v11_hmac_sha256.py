"""The scheme V11-HMAC-SHA256.

Owns: how its key is derived, and the form of the scope that it is derived for. Has no opinion on:
which regions and services there are. Signing has no settings, so a scope of any region is taken and
handed on in the credential; what a caller may reach is judged by the path and the caller's rights,
which no scope widens.
"""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huiyan.iam.signing.hmac_sha256 import SdkHmacSha256
from huiyan.iam.signing.scheme import ACCESS_KEY_FORM, Credential

_WORD = r"[A-Za-z0-9_.-]{1,64}"
_KEY_SIZE_BYTES = 32


class V11HmacSha256(SdkHmacSha256):
    """SDK-HMAC-SHA256 under a key derived for one day, region and service.

    Notes
    -----
    ``docs/wire.md``, section "Signing"; ``signer.py`` and ``hkdf.py`` of huaweicloudsdkcore.
    """

    name = "V11-HMAC-SHA256"
    credential_kind = "Credential"
    credential_form = re.compile(rf"{ACCESS_KEY_FORM}/(?P<scope>[0-9]{{8}}/{_WORD}/{_WORD})")

    def signature(self, secret: bytes, credential: Credential, string_to_sign: bytes) -> bytes:
        """Sign with HMAC-SHA256 under the derived key.

        Parameters
        ----------
        secret : bytes
            The secret key as UTF-8.
        credential : Credential
            The access key and the scope, which the key is derived from.
        string_to_sign : bytes
            The text.

        Returns
        -------
        bytes
            64 lower-case hexadecimal digits.
        """
        return super().signature(derive_key(secret, credential), credential, string_to_sign)


def derive_key(secret: bytes, credential: Credential) -> bytes:
    """Derive the key for a scope.

    Parameters
    ----------
    secret : bytes
        The secret key as UTF-8.
    credential : Credential
        The access key, which is the salt, and the scope, which is the purpose.

    Returns
    -------
    bytes
        64 lower-case hexadecimal digits; their text, not what it stands for, is the key.

    Notes
    -----
    HKDF with SHA-256 (RFC 5869), one block. It costs about five microseconds, so derived keys are
    not kept: one secret less in memory.
    """
    salt = credential.access_key.encode("ascii")
    hkdf = HKDF(SHA256(), _KEY_SIZE_BYTES, salt, credential.scope)
    return hkdf.derive(secret).hex().encode("ascii")
