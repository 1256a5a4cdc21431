"""The scheme SDK-HMAC-SM3.

Owns: its hash and its signature. Has no opinion on: what is signed and by whom.
"""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.hashes import SM3, Hash
from cryptography.hazmat.primitives.hmac import HMAC

from huiyan.iam.signing.scheme import ACCESS_KEY_FORM, Credential


class SdkHmacSm3:
    """SDK-HMAC-SHA256 with the hash SM3 (GB/T 32905-2016) in every place of SHA-256.

    Notes
    -----
    ``docs/wire.md``, section "Signing"; ``signer.py`` of huaweicloudsdkcore. The hash is that of
    cryptography: the one of hashlib is missing where OpenSSL was built without it.
    """

    name = "SDK-HMAC-SM3"
    content_header = b"x-sdk-content-sm3"
    credential_kind = "Access"
    credential_form = re.compile(ACCESS_KEY_FORM)

    def digest(self, content: bytes) -> bytes:
        """Hash with SM3.

        Parameters
        ----------
        content : bytes
            Anything.

        Returns
        -------
        bytes
            64 lower-case hexadecimal digits.
        """
        state = Hash(SM3())
        state.update(content)
        return state.finalize().hex().encode("ascii")

    def signature(self, secret: bytes, credential: Credential, string_to_sign: bytes) -> bytes:
        """Sign with HMAC-SM3.

        Parameters
        ----------
        secret : bytes
            The secret key as UTF-8.
        credential : Credential
            Without meaning in this scheme.
        string_to_sign : bytes
            The text.

        Returns
        -------
        bytes
            64 lower-case hexadecimal digits.
        """
        del credential
        state = HMAC(secret, SM3())
        state.update(string_to_sign)
        return state.finalize().hex().encode("ascii")
