"""The scheme SDK-HMAC-SHA256.

Owns: its hash and its signature. Has no opinion on: what is signed and by whom.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from huiyan.iam.signing.scheme import ACCESS_KEY_FORM, Credential


class SdkHmacSha256:
    """One HMAC step under the secret key itself: no derived key, no region, no service.

    Notes
    -----
    ``docs/wire.md``, section "Signing"; ``signer.py`` of huaweicloudsdkcore.
    """

    name = "SDK-HMAC-SHA256"
    content_header = b"x-sdk-content-sha256"
    credential_kind = "Access"
    credential_form = re.compile(ACCESS_KEY_FORM)

    def digest(self, content: bytes) -> bytes:
        """Hash with SHA-256.

        Parameters
        ----------
        content : bytes
            Anything.

        Returns
        -------
        bytes
            64 lower-case hexadecimal digits.
        """
        return hashlib.sha256(content).hexdigest().encode("ascii")

    def signature(self, secret: bytes, credential: Credential, string_to_sign: bytes) -> bytes:
        """Sign with HMAC-SHA256.

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
        return hmac.digest(secret, string_to_sign, "sha256").hex().encode("ascii")
