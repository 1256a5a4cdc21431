"""The ways in which a caller can prove who it is.

Owns: one authenticator for each way. It returns None for "not mine" and raises for "mine and bad".
Has no opinion on: what the caller may do.
"""

from __future__ import annotations

import secrets
from typing import Protocol

from huiyan.iam.directory.model import Directory
from huiyan.iam.model import Session
from huiyan.iam.signing.canonical import index_headers, single_value
from huiyan.iam.signing.verification import (
    SignedRequest,
    Verification,
    find_signature,
    verify,
)
from huiyan.iam.tokens.service import TokenService
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import SignatureMismatchError, UnknownKeyError, UnusableTokenError
from huiyan.web.request import RawRequest

TOKEN_HEADER = b"x-auth-token"
SECURITY_TOKEN_HEADER = b"x-security-token"


class Authenticator(Protocol):
    """One way to prove who calls."""

    def __call__(self, request: RawRequest, directory: Directory) -> Session | None:
        """Find who calls; None if the request does not try this way.

        Raises ``AuthenticationError`` if it tries and fails.
        """
        ...


class TokenAuthenticator:
    """Tokens in ``X-Auth-Token``.

    Parameters
    ----------
    tokens : TokenService
        Judges them.
    """

    def __init__(self, tokens: TokenService) -> None:
        self._tokens = tokens

    def __call__(self, request: RawRequest, directory: Directory) -> Session | None:
        """Find who calls by a token.

        Parameters
        ----------
        request : RawRequest
            As sent.
        directory : Directory
            Who there is.

        Returns
        -------
        Session or None
            None without a token.

        Raises
        ------
        AuthenticationError
            The token is not ours, has run out or is withdrawn, or came twice.
        """
        token = index_headers(request.headers).get(TOKEN_HEADER, b"")
        if token == b"":
            return None
        if token is None:
            raise UnusableTokenError("the header x-auth-token came more than once")
        return self._tokens.read(token, directory, request.client_address)


class SignatureAuthenticator:
    """Signatures by a permanent access key, or by a temporary one with its security token.

    Parameters
    ----------
    clock : Clock
        The server's clock, for the 15-minute window.
    tokens : TokenService
        Judges security tokens.
    """

    def __init__(self, clock: Clock, tokens: TokenService) -> None:
        self._clock = clock
        self._tokens = tokens
        self._decoy = secrets.token_hex(20).encode("ascii")

    def __call__(self, request: RawRequest, directory: Directory) -> Session | None:
        """Find who calls by a signature.

        Parameters
        ----------
        request : RawRequest
            As sent.
        directory : Directory
            Who there is.

        Returns
        -------
        Session or None
            None without an Authorization header.

        Raises
        ------
        AuthenticationError
            The signature is not good. An unknown key, a stopped one, and one that the security
            token is not for, cannot be told apart, and all take the very steps that a wrong
            signature takes. That a temporary key has run out is told to who has its secret.
        """
        signed = find_signature(request)
        if signed is None:
            return None
        if signed.headers.get(SECURITY_TOKEN_HEADER, b"") == b"":
            return self._permanent(signed, directory)
        return self._temporary(signed, directory)

    def _permanent(self, signed: SignedRequest, directory: Directory) -> Session:
        usable = directory.keys.get(signed.credential.access_key)
        self._verify(signed, None if usable is None else usable.secret)
        if usable is None:
            raise UnknownKeyError(signed.credential.access_key)
        return Session(usable.principal, signed.request.client_address, by_access_key=True)

    def _temporary(self, signed: SignedRequest, directory: Directory) -> Session:
        access_key = signed.credential.access_key
        security_token = single_value(signed.headers, SECURITY_TOKEN_HEADER)
        claims = self._tokens.find_temporary(security_token, access_key)
        verification = self._verify(signed, None if claims is None else claims.secret.encode())
        if claims is None:
            raise UnknownKeyError(access_key)
        if SECURITY_TOKEN_HEADER not in verification.signed_headers:
            raise SignatureMismatchError("x-security-token must be among the signed headers")
        return self._tokens.temporary_session(claims, directory, signed.request.client_address)

    def _verify(self, signed: SignedRequest, secret: bytes | None) -> Verification:
        """Verify with a secret; without one just as long, and then the key is unknown."""
        try:
            verification = verify(signed, self._decoy if secret is None else secret, self._clock)
        except SignatureMismatchError:
            if secret is None:
                raise UnknownKeyError(signed.credential.access_key) from None
            raise
        if secret is not None and not verification.covers_body:
            raise SignatureMismatchError("the body must be signed: UNSIGNED-PAYLOAD is refused")
        return verification
