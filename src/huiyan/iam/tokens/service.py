"""Tokens and temporary keys: made, and judged on every request.

Owns: what makes a token good now. Nothing of it is stored: a token is sealed and says all about
itself, and whether that still holds is asked of the directory in memory. Has no opinion on: how a
caller gets to have one, and what the caller may do with it.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from huiyan.iam.directory.model import Agency, Directory
from huiyan.iam.model import Project, Session, User
from huiyan.iam.policy.model import Policy
from huiyan.iam.policy.wire import parse_policy, render_policy
from huiyan.iam.tokens.envelope import MOST_TEXT_BYTES, Envelope
from huiyan.iam.tokens.model import (
    TOKEN_LIFE,
    Bearer,
    IssuedToken,
    TemporaryClaims,
    TemporaryKey,
    TokenClaims,
    TokenDescription,
)
from huiyan.iam.tokens.standing import is_parent_usable, role_names, session_of
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    InvalidParameterError,
    UnknownKeyError,
    UnusableTokenError,
    WithdrawnTokenError,
)
from huiyan.kernel.ids import AccessKey

TOKEN_PURPOSE = b"huiyan token v1"
SECURITY_TOKEN_PURPOSE = b"huiyan security token v2"

_MOST_TOKENS = 10_000
_MOST_TEMPORARY = 1_000
_TEMPORARY_PREFIX = "HST"
_ACCESS_ALPHABET = string.ascii_uppercase + string.digits
_ACCESS_CHARACTERS = 20
_SECRET_ALPHABET = string.ascii_letters + string.digits
_SECRET_CHARACTERS = 40


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """A temporary key's claims as they are sealed: the policy as the JSON that it came as."""

    access: AccessKey
    secret: str
    bearer: Bearer
    issued_at: datetime
    expires_at: datetime
    policy: dict[str, object] | None


class TokenService:
    """Makes and judges tokens and temporary keys; without a question to the database.

    A token is withdrawn by a change of its user's ``credential_epoch``, which a change of password
    or status makes, and with its user, account or agency, or the access key under which it was
    made. Rights are no part of it: they are judged from the directory on every request, so a
    changed grant or membership needs no new token.

    Parameters
    ----------
    vault : Vault
        Seals them; tokens do not outlive the instance key.
    clock : Clock
        The server's clock.
    """

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._clock = clock
        self._tokens = Envelope(vault, TOKEN_PURPOSE, _parse_token, _MOST_TOKENS)
        self._temporary = Envelope(vault, SECURITY_TOKEN_PURPOSE, _parse_temporary, _MOST_TEMPORARY)

    def issue_user_token(
        self, user: User, project: Project | None, methods: tuple[str, ...] = ("password",)
    ) -> IssuedToken:
        """Make a token for a user.

        Parameters
        ----------
        user : User
            Who proved to be this user; read before the proof was looked at, so that a password
            changed meanwhile withdraws the token.
        project : Project or None
            The only project it is good for; None for the account.
        methods : tuple of str, default ('password',)
            By what, in the vendor's words.

        Returns
        -------
        IssuedToken
            Good for 24 hours.
        """
        project_id = None if project is None else project.id
        return self._issue(
            Bearer(user.id, user.account_id, user.credential_epoch, project_id), methods
        )

    def issue_agency_token(
        self,
        bearer: Bearer,
        agency: Agency,
        project: Project | None,
        until: datetime | None = None,
    ) -> IssuedToken:
        """Make a token for a user who acts for an agency.

        Parameters
        ----------
        bearer : Bearer
            The user.
        agency : Agency
            The agency, which the user may act for.
        project : Project or None
            The only project, of the agency's account, that it is good for; None for that account.
        until : datetime, optional
            When the token ends by which it is made, in UTC; it ends then at the latest.

        Returns
        -------
        IssuedToken
            Good for 24 hours at most.
        """
        project_id = None if project is None else project.id
        acting = replace(bearer, agency_id=agency.id, project_id=project_id)
        return self._issue(acting, ("assume_role",), until)

    def find(self, token: bytes) -> TokenClaims | None:
        """Open a token.

        Parameters
        ----------
        token : bytes
            As sent.

        Returns
        -------
        TokenClaims or None
            None if it is not one of ours; whether it still holds is not looked at.
        """
        return self._tokens.find(token)

    def read(self, token: bytes, directory: Directory, address: str = "") -> Session:
        """Establish who calls with a token.

        Parameters
        ----------
        token : bytes
            As sent.
        directory : Directory
            Who there is.
        address : str, default ''
            From where.

        Returns
        -------
        Session
            The caller. A disabled user is established, too: authorisation says that it is disabled.

        Raises
        ------
        UnusableTokenError
            The token is not ours, or was altered.
        ExpiredTokenError
            Its time is over.
        WithdrawnTokenError
            Password or status were changed since, or user or agency are gone, or the permanent key
            under which it was made is stopped or gone.
        """
        claims = self._tokens.find(token)
        if claims is None:
            raise UnusableTokenError("decrypt token fail")
        bearer = claims.bearer
        session = session_of(
            bearer, claims.expires_at, directory, self._clock.now(), address, by_access_key=False
        )
        if not is_parent_usable(bearer, directory):
            raise WithdrawnTokenError("the access key under which it was made is stopped or gone")
        return replace(
            session,
            principal=replace(session.principal, credential_id=f"token:{claims.id}"),
            is_domain_scoped=bearer.project_id is None,
        )

    def describe(self, claims: TokenClaims, directory: Directory) -> TokenDescription:
        """Tell about a token that was issued or read now.

        Parameters
        ----------
        claims : TokenClaims
            What it says.
        directory : Directory
            Who there is.

        Returns
        -------
        TokenDescription
            With the roles that count at this moment.

        Raises
        ------
        WithdrawnTokenError
            Its user, agency or project is gone.
        """
        bearer = claims.bearer
        user = directory.users.get(bearer.user_id)
        agency = None if bearer.agency_id is None else directory.agencies.get(bearer.agency_id)
        project = None if bearer.project_id is None else directory.projects.get(bearer.project_id)
        if (
            user is None
            or (bearer.agency_id is not None and agency is None)
            or (bearer.project_id is not None and project is None)
        ):
            raise WithdrawnTokenError("the user, agency or project is gone")
        return TokenDescription(
            claims=claims,
            user=user,
            home=directory.accounts[user.account_id],
            account=directory.accounts[user.account_id if agency is None else agency.account_id],
            project=project,
            agency=agency,
            roles=role_names(user, agency, project, directory),
        )

    def issue_temporary_key(
        self,
        bearer: Bearer,
        duration_s: int,
        narrowing: Policy | None,
        until: datetime | None = None,
    ) -> TemporaryKey:
        """Make a temporary key.

        Parameters
        ----------
        bearer : Bearer
            For whom, and how far it reaches.
        duration_s : int
            How long it lives, in seconds.
        narrowing : Policy or None
            What it is narrowed to.
        until : datetime, optional
            When the token ends by which it is made, in UTC; it ends then at the latest.

        Returns
        -------
        TemporaryKey
            The key, its secret and the security token.

        Raises
        ------
        InvalidParameterError
            The policy is too long to travel in a header.
        """
        now = self._clock.now()
        stored = _Stored(
            access=AccessKey(
                _TEMPORARY_PREFIX
                + _random(_ACCESS_ALPHABET, _ACCESS_CHARACTERS - len(_TEMPORARY_PREFIX))
            ),
            secret=_random(_SECRET_ALPHABET, _SECRET_CHARACTERS),
            bearer=bearer,
            issued_at=now,
            expires_at=_end(now + timedelta(seconds=duration_s), until),
            policy=None if narrowing is None else render_policy(narrowing),
        )
        text = self._temporary.seal(_ENCODER.encode(stored))
        if len(text) > MOST_TEXT_BYTES:
            raise InvalidParameterError("auth.identity.policy", "too long for a security token")
        return TemporaryKey(stored.access, stored.secret, text, stored.expires_at)

    def find_temporary(
        self, security_token: bytes, access_key: AccessKey
    ) -> TemporaryClaims | None:
        """Open a security token.

        Parameters
        ----------
        security_token : bytes
            As sent.
        access_key : AccessKey
            The access key that it was sent with.

        Returns
        -------
        TemporaryClaims or None
            None if it is not one of ours or belongs to another key; whether it still holds is not
            looked at.
        """
        claims = self._temporary.find(security_token)
        return claims if claims is not None and claims.access == access_key else None

    def temporary_session(
        self, claims: TemporaryClaims, directory: Directory, address: str = ""
    ) -> Session:
        """Establish who calls with a temporary key, once its signature is verified.

        Parameters
        ----------
        claims : TemporaryClaims
            From ``find_temporary``.
        directory : Directory
            Who there is.
        address : str, default ''
            From where.

        Returns
        -------
        Session
            The caller, with the key's narrowing.

        Raises
        ------
        ExpiredTokenError
            Its time is over.
        WithdrawnTokenError
            Password or status were changed since, or user or agency are gone.
        UnknownKeyError
            The permanent key under which it was made is stopped or gone.
        """
        bearer = claims.bearer
        session = session_of(
            bearer, claims.expires_at, directory, self._clock.now(), address, by_access_key=True
        )
        if not is_parent_usable(bearer, directory):
            raise UnknownKeyError(claims.access)
        return replace(
            session,
            principal=replace(session.principal, credential_id=claims.access),
            # A disabled user's session is narrowed to nothing already.
            narrowing=session.narrowing or claims.narrowing,
        )

    def _issue(
        self, bearer: Bearer, methods: tuple[str, ...], until: datetime | None = None
    ) -> IssuedToken:
        now = self._clock.now()
        end = _end(now + TOKEN_LIFE, until)
        claims = TokenClaims(secrets.token_hex(8), bearer, methods, now, end)
        return IssuedToken(claims, self._tokens.seal(_ENCODER.encode(claims)))


_ENCODER = msgspec.msgpack.Encoder()
_TOKEN_DECODER = msgspec.msgpack.Decoder(TokenClaims)
_TEMPORARY_DECODER = msgspec.msgpack.Decoder(_Stored)


def _parse_token(data: bytes) -> TokenClaims | None:
    try:
        return _TOKEN_DECODER.decode(data)
    except msgspec.DecodeError:
        return None


def _parse_temporary(data: bytes) -> TemporaryClaims | None:
    try:
        stored = _TEMPORARY_DECODER.decode(data)
        narrowing = None if stored.policy is None else parse_policy(stored.policy)
    except (msgspec.DecodeError, InvalidParameterError):
        return None
    return TemporaryClaims(
        access=stored.access,
        secret=stored.secret,
        bearer=stored.bearer,
        issued_at=stored.issued_at,
        expires_at=stored.expires_at,
        narrowing=narrowing,
    )


def _end(wanted: datetime, until: datetime | None) -> datetime:
    return wanted if until is None else min(wanted, until)


def _random(alphabet: str, characters: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(characters))
