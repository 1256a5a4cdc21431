"""The scheme SDK-HMAC-SHA256.

Owns: its string to sign and its signature. Has no opinion on: what is signed and by whom.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from huiyan.iam.signing.header import Authorization
from huiyan.iam.signing.scheme import Credential
from huiyan.kernel.errors import SignatureMismatchError
from huiyan.kernel.ids import AccessKey

_ACCESS_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SIGNATURE_DIGITS = 64


class SdkHmacSha256:
    """One HMAC step under the secret key itself: no derived key, no region, no service.

    Notes
    -----
    ``docs/wire.md``, section "Signing"; ``signer.py`` of huaweicloudsdkcore.
    """

    name = "SDK-HMAC-SHA256"
    content_header = b"x-sdk-content-sha256"
    empty_digest = hashlib.sha256(b"").hexdigest().encode("ascii")

    def read_credential(self, authorization: Authorization) -> Credential:
        """Read whose secret signed.

        Parameters
        ----------
        authorization : Authorization
            The parsed header.

        Returns
        -------
        Credential
            The access key, without a scope.

        Raises
        ------
        SignatureMismatchError
            The header's parameters are not of this scheme's form.
        """
        if (
            authorization.credential_kind != "Access"
            or not _ACCESS_KEY.fullmatch(authorization.credential)
            or len(authorization.signature) != _SIGNATURE_DIGITS
        ):
            raise SignatureMismatchError("the Authorization header is malformed")
        return Credential(AccessKey(authorization.credential))

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

    def string_to_sign(self, date: bytes, credential: Credential, canonical: bytes) -> bytes:
        """Build the text that is signed.

        Parameters
        ----------
        date : bytes
            The date header's value.
        credential : Credential
            Without meaning in this scheme.
        canonical : bytes
            The canonical request.

        Returns
        -------
        bytes
            Three lines.
        """
        del credential
        return b"\n".join((self.name.encode("ascii"), date, self.digest(canonical)))

    def signature(self, secret: bytes, credential: Credential, string_to_sign: bytes) -> bytes:
        """Sign with HMAC-SHA256.

        Parameters
        ----------
        secret : bytes
            The secret key as UTF-8.
        credential : Credential
            Without meaning in this scheme.
        string_to_sign : bytes
            From ``string_to_sign``.

        Returns
        -------
        bytes
            64 lower-case hexadecimal digits.
        """
        del credential
        return hmac.digest(secret, string_to_sign, "sha256").hex().encode("ascii")
