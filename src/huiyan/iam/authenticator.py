"""The ways in which a caller can prove who it is.

Owns: one authenticator for each way. It returns None for "not mine" and raises for "mine and bad".
Has no opinion on: what the caller may do.
"""

from __future__ import annotations

import secrets
from typing import Protocol

from huiyan.iam.model import Directory
from huiyan.iam.signing.canonical import index_headers
from huiyan.iam.signing.verification import find_signature, verify
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import SignatureMismatchError, UnknownKeyError, UnusableTokenError
from huiyan.kernel.principal import Principal
from huiyan.web.request import RawRequest

TOKEN_HEADER = b"x-auth-token"


class Authenticator(Protocol):
    """One way to prove who calls."""

    def __call__(self, request: RawRequest, directory: Directory) -> Principal | None:
        """Find who calls; None if the request does not try this way.

        Raises ``AuthenticationError`` if it tries and fails.
        """
        ...


class TokenAuthenticator:
    """Tokens in ``X-Auth-Token``; none are issued yet, so none can be good."""

    def __call__(self, request: RawRequest, directory: Directory) -> Principal | None:
        """Find who calls by a token.

        Parameters
        ----------
        request : RawRequest
            As sent.
        directory : Directory
            Who there is.

        Returns
        -------
        Principal or None
            None without a token.

        Raises
        ------
        UnusableTokenError
            There is a token.
        """
        del directory
        if index_headers(request.headers).get(TOKEN_HEADER, b"") == b"":
            return None
        raise UnusableTokenError("decrypt token fail")


class SignatureAuthenticator:
    """Signatures by a permanent access key.

    Parameters
    ----------
    clock : Clock
        The server's clock, for the 15-minute window.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._decoy = secrets.token_hex(20).encode("ascii")

    def __call__(self, request: RawRequest, directory: Directory) -> Principal | None:
        """Find who calls by a signature.

        Parameters
        ----------
        request : RawRequest
            As sent.
        directory : Directory
            Who there is.

        Returns
        -------
        Principal or None
            None without an Authorization header.

        Raises
        ------
        AuthenticationError
            The signature is not good. An unknown key and a stopped one cannot be told apart, and
            both take the very steps that a wrong signature takes.
        """
        signed = find_signature(request)
        if signed is None:
            return None
        access_key = signed.credential.access_key
        usable = directory.keys.get(access_key)
        secret = self._decoy if usable is None else usable.secret
        try:
            verification = verify(signed, secret, self._clock)
        except SignatureMismatchError:
            if usable is None:
                raise UnknownKeyError(access_key) from None
            raise
        if usable is None:
            raise UnknownKeyError(access_key)
        if not verification.covers_body:
            raise SignatureMismatchError("the body must be signed: UNSIGNED-PAYLOAD is refused")
        return usable.principal
