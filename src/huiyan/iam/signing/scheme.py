"""What one signing scheme adds to the canonical request.

Owns: the shape that every scheme has, and the stages that differ between schemes by a name or a
pattern only. Has no opinion on: any scheme's algorithm; each has a module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from huiyan.iam.signing.header import Authorization
from huiyan.kernel.errors import SignatureMismatchError
from huiyan.kernel.ids import AccessKey

ACCESS_KEY_FORM = r"(?P<access_key>[A-Za-z0-9_-]{1,64})"
"""What an access key looks like in every scheme, as part of a pattern."""

_SIGNATURE = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Credential:
    """Whose secret signed, and for what.

    Parameters
    ----------
    access_key : AccessKey
        The access key.
    scope : bytes
        What the key was derived for, ``<date>/<region>/<service>``; empty in schemes that derive
        none.
    """

    access_key: AccessKey
    scope: bytes = b""

    def is_for_day_of(self, date: bytes) -> bool:
        """Tell whether a request of this date may be signed so.

        Parameters
        ----------
        date : bytes
            The date header's value, of the right form.

        Returns
        -------
        bool
            True if the scope names that very day, or there is no scope.
        """
        return not self.scope or self.scope.startswith(date[:8] + b"/")


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
    def credential_kind(self) -> str:
        """How the Authorization header labels the credential: ``Access`` or ``Credential``."""
        ...

    @property
    def credential_form(self) -> re.Pattern[str]:
        """The credential's form, with a group ``access_key`` and, if it has one, ``scope``."""
        ...

    def digest(self, content: bytes) -> bytes:
        """Hash, 64 lower-case hexadecimal digits."""
        ...

    def signature(self, secret: bytes, credential: Credential, string_to_sign: bytes) -> bytes:
        """Sign, 64 lower-case hexadecimal digits."""
        ...


def read_credential(scheme: SigningScheme, authorization: Authorization) -> Credential:
    """Read whose secret signed.

    Parameters
    ----------
    scheme : SigningScheme
        The scheme that the header names.
    authorization : Authorization
        The parsed header.

    Returns
    -------
    Credential
        The access key, and the scope in schemes that have one.

    Raises
    ------
    SignatureMismatchError
        The header's parameters are not of this scheme's form.
    """
    match = scheme.credential_form.fullmatch(authorization.credential)
    if (
        match is None
        or authorization.credential_kind != scheme.credential_kind
        or not _SIGNATURE.fullmatch(authorization.signature)
    ):
        raise SignatureMismatchError(f"the Authorization header is malformed for {scheme.name}")
    parts = match.groupdict()
    return Credential(AccessKey(parts["access_key"]), parts.get("scope", "").encode("ascii"))


def string_to_sign(
    scheme: SigningScheme, date: bytes, credential: Credential, canonical: bytes
) -> bytes:
    """Build the text that is signed.

    Parameters
    ----------
    scheme : SigningScheme
        How it is signed.
    date : bytes
        The date header's value.
    credential : Credential
        From ``read_credential``.
    canonical : bytes
        The canonical request.

    Returns
    -------
    bytes
        The scheme's name, the date, the scope if there is one, and the canonical request's digest:
        three or four lines.

    Notes
    -----
    ``docs/wire.md``, section "Signing"; ``signer.py`` of huaweicloudsdkcore.
    """
    scope = (credential.scope,) if credential.scope else ()
    return b"\n".join((scheme.name.encode("ascii"), date, *scope, scheme.digest(canonical)))
