"""Logging in with a password.

Owns: the order in which a log-in is judged, so that nobody learns from it which users there are.
Has no opinion on: how passwords are hashed and stored, and the JSON around it all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from huiyan.iam.audit.model import AuditEntry, AuditLog
from huiyan.iam.directory.model import Directory
from huiyan.iam.model import Account, User
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.lockout import NOWHERE, WINDOW, Counter, counters_for
from huiyan.iam.tokens.model import IssuedToken
from huiyan.iam.tokens.scope import (
    ChosenScope,
    ChosenUser,
    Named,
    find_account,
    find_user,
    get_project,
)
from huiyan.iam.tokens.service import TokenService
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    DisabledAccountError,
    DisabledUserError,
    HuiyanError,
    LockedOutError,
    OverloadError,
    WrongPasswordError,
)
from huiyan.kernel.ids import AccountId, RequestId, UserId

CREATE_TOKEN = "iam:tokens:create"  # noqa: S105 - an action's name
MOST_PASSWORD_CHARACTERS = 128
"""Longer ones cannot be set, so none is hashed."""

_NOBODY = UserId("")

_PATIENCE = 10
_PAUSE_S = 0.1
_JUST_CLOSED = timedelta(seconds=_PATIENCE * _PAUSE_S)


class Passwords(Protocol):
    """Where password hashes are kept."""

    def find_password_hash(self, account_id: AccountId, user_id: UserId) -> str | None:
        """Find a user's hash; None without a password or a user."""
        ...

    def renew_hash(self, account_id: AccountId, user_id: UserId, old: str, new: str) -> None:
        """Store the same password's hash at another cost; withdraws nothing."""
        ...


class PasswordVerifier(Protocol):
    """Compares passwords with hashes."""

    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether a password is right; works as long, and says False, without a hash."""
        ...

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether a hash is weaker than those that are made now."""
        ...

    def hash(self, password: str) -> str:
        """Hash a password as it is done now."""
        ...


class Lockouts(Protocol):
    """Counts wrong passwords."""

    def reserve(self, counters: tuple[Counter, ...], now: datetime) -> datetime | None:
        """Count a try as a failure; until when it is refused unseen, None if it is not."""
        ...

    def forgive(self, counters: tuple[Counter, ...]) -> None:
        """Take a try back: the password was right."""
        ...

    def take_back(self, counters: tuple[Counter, ...]) -> None:
        """Take a try back that was not looked at after all."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """A try to log in.

    Parameters
    ----------
    user : ChosenUser
        Who the caller says to be.
    password : str
        What the caller says as proof; kept out of ``repr``.
    scope : ChosenScope
        What the token is wanted for.
    address : str
        From where.
    request_id : RequestId
        In which request.
    """

    user: ChosenUser
    password: str = field(repr=False)
    scope: ChosenScope
    address: str
    request_id: RequestId


class LoginService:
    """Gives tokens for passwords.

    Unknown accounts and users, users without a password and wrong passwords are told alike and take
    the same steps: one look for news, one count, one look for a hash, one hashing, one entry in the
    audit log. What else there is to say, such as that the user is disabled, is told only to someone
    who knows the password.

    Parameters
    ----------
    identity : IdentityService
        Knows who there is.
    passwords : Passwords
        Where hashes are kept.
    verifier : PasswordVerifier
        Compares them.
    lockouts : Lockouts
        Counts wrong passwords.
    tokens : TokenService
        Makes tokens.
    clock : Clock
        The server's clock.
    audit : AuditLog
        Told of every log-in and of every failure that is looked at.
    pause : callable, default time.sleep
        Waits for some seconds.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one argument a part
        self,
        identity: IdentityService,
        passwords: Passwords,
        verifier: PasswordVerifier,
        lockouts: Lockouts,
        tokens: TokenService,
        clock: Clock,
        audit: AuditLog,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._identity = identity
        self._passwords = passwords
        self._verifier = verifier
        self._lockouts = lockouts
        self._tokens = tokens
        self._clock = clock
        self._audit = audit
        self._pause = pause

    def log_in(self, login: Login) -> IssuedToken:
        """Give a token for a password.

        Parameters
        ----------
        login : Login
            The try.

        Returns
        -------
        IssuedToken
            For the project or account that was wanted.

        Raises
        ------
        LockedOutError
            Too many wrong passwords; this one was not looked at.
        WrongPasswordError
            No such user, or another password.
        DisabledAccountError, DisabledUserError
            The password is right, and the account or the user is disabled.
        ForeignProjectError, NotFoundError
            The password is right, and there is no such project or account for this user.
        QueueFullError
            Too many passwords are being compared; this one was not looked at.
        DatabaseError, RecordingError
            The database failed; no token was given.
        """
        self._identity.refresh()
        directory = self._identity.directory
        # The user, and so its epoch, before the hash: a password changed meanwhile then withdraws
        # the token at once.
        user = find_user(directory, login.user)
        counters = _counters(directory, login, user)
        self._reserve(counters)
        stored = self._find_hash(user)
        try:
            is_right = self._verifier.verify(stored, login.password)
        except OverloadError:
            self._lockouts.take_back(counters)
            raise
        if not is_right or user is None:
            reason = "unknown user" if user is None else "wrong password"
            self._tell(directory, login, user, reason, allowed=False)
            raise WrongPasswordError("wrong user or wrong password")
        self._lockouts.forgive(counters)
        try:
            token = self._give(directory, login, user)
        except HuiyanError as error:
            self._tell(directory, login, user, f"right password, {error.detail}", allowed=False)
            raise
        self._tell(directory, login, user, f"password, gives token:{token.claims.id}", allowed=True)
        if stored is not None:
            self._strengthen(user, stored, login.password)
        return token

    def _strengthen(self, user: User, stored: str, password: str) -> None:
        """Hash the password anew where its hash is weaker than hashes are made now."""
        if self._verifier.needs_rehash(stored):
            with suppress(OverloadError):  # the next log-in tries again
                new = self._verifier.hash(password)
                self._passwords.renew_hash(user.account_id, user.id, stored, new)

    def _reserve(self, counters: tuple[Counter, ...]) -> None:
        """Count the try as a failure until it turns out to be none.

        Many right passwords at one moment can be too many failures until they have been compared:
        a lock that has just closed is therefore tried again for a little while.
        """
        for is_last in (*[False] * _PATIENCE, True):
            now = self._clock.now()
            locked_until = self._lockouts.reserve(counters, now)
            if locked_until is None:
                return
            if is_last or now - (locked_until - WINDOW) > _JUST_CLOSED:
                minutes = math.ceil((locked_until - now).total_seconds() / 60)
                raise LockedOutError(f"Too many wrong passwords; try again in {minutes} minutes.")
            self._pause(_PAUSE_S)

    def _find_hash(self, user: User | None) -> str | None:
        return self._passwords.find_password_hash(
            NOWHERE if user is None else user.account_id, _NOBODY if user is None else user.id
        )

    def _give(self, directory: Directory, login: Login, user: User) -> IssuedToken:
        account = directory.accounts[user.account_id]
        if not account.enabled:
            raise DisabledAccountError("the account is disabled")
        if not user.enabled:
            raise DisabledUserError("the user is disabled")
        return self._tokens.issue_user_token(user, get_project(directory, account, login.scope))

    def _tell(
        self, directory: Directory, login: Login, user: User | None, reason: str, *, allowed: bool
    ) -> None:
        account = _account(directory, login, user)
        self._audit.record(
            AuditEntry(
                at=self._clock.now(),
                account_id=NOWHERE if account is None else account.id,
                project_id="",
                user_id=_NOBODY if user is None else user.id,
                # What was typed as an unknown name may be a password.
                user_name="" if user is None else user.name,
                credential_id="password",
                address=login.address,
                request_id=login.request_id,
                action=CREATE_TOKEN,
                resource="",
                allowed=allowed,
                reason=reason,
            )
        )


def _account(directory: Directory, login: Login, user: User | None) -> Account | None:
    if user is not None:
        return directory.accounts[user.account_id]
    chosen = login.user.account
    return None if chosen is None else find_account(directory, chosen)


def _counters(directory: Directory, login: Login, user: User | None) -> tuple[Counter, ...]:
    account = _account(directory, login, user)
    if account is not None:
        name = user.name if user is not None else login.user.user.name or ""
        unknown_id = "" if user is not None else login.user.user.id or ""
        return counters_for(account.id, (name, unknown_id), login.address)
    chosen = login.user.account
    typed = (login.user.user, Named() if chosen is None else chosen)
    words = tuple(word or "" for named in typed for word in (named.id, named.name))
    return counters_for(NOWHERE, words, login.address)
