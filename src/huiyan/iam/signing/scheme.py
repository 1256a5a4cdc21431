"""What one signing scheme adds to the canonical request.

Owns: the shape that every scheme has. Has no opinion on: any scheme's algorithm; each has a module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from huiyan.iam.signing.header import Authorization
from huiyan.kernel.ids import AccessKey


@dataclass(frozen=True, slots=True)
class Credential:
    """Whose secret signed, and for what.

    Parameters
    ----------
    access_key : AccessKey
        The access key.
    scope : bytes
        What the key was derived for; empty in schemes that derive none.
    """

    access_key: AccessKey
    scope: bytes = b""


class SigningScheme(Protocol):
    """A signing scheme."""

    @property
    def name(self) -> str:
        """The scheme's name, as the Authorization header begins."""
        ...

    @property
    def content_header(self) -> bytes:
        """The header, in lower case, by which a client gives the payload's hash itself."""
        ...

    @property
    def empty_digest(self) -> bytes:
        """The digest of an empty body, lower-case hexadecimal."""
        ...

    def read_credential(self, authorization: Authorization) -> Credential:
        """Read whose secret signed, or raise ``SignatureMismatchError``."""
        ...

    def digest(self, content: bytes) -> bytes:
        """Hash, lower-case hexadecimal."""
        ...

    def string_to_sign(self, date: bytes, credential: Credential, canonical: bytes) -> bytes:
        """Build the text that is signed from the date header and the canonical request."""
        ...

    def signature(self, secret: bytes, credential: Credential, string_to_sign: bytes) -> bytes:
        """Sign, lower-case hexadecimal."""
        ...
