"""Users and their passwords.

Owns: what may be done with them; groups and access keys have services of their own beside it. Has
no opinion on: who may ask for it, wires and tables.
"""

from __future__ import annotations

import math
from dataclasses import replace

from huiyan.iam.model import User
from huiyan.iam.people.groups.service import GroupService
from huiyan.iam.people.keys.service import KeyService
from huiyan.iam.people.model import NewUser, UserChange
from huiyan.iam.people.passwords import PasswordHasher, check_password
from huiyan.iam.people.repository import PeopleRepository
from huiyan.iam.people.roster import Roster
from huiyan.iam.people.rules import (
    check_description,
    check_email,
    check_telephone,
    check_user_name,
    whole_milliseconds,
)
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.lockout import counters_for
from huiyan.iam.tokens.login import Lockouts
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    InvalidParameterError,
    LockedOutError,
    NotPermittedError,
    OverloadError,
    WrongPasswordError,
)
from huiyan.kernel.ids import AccountId, UserId, new_hex_id

_SAME = "must not be the present password"


class PeopleService:
    """Makes and changes users.

    Parameters
    ----------
    repository : PeopleRepository
        Where they are stored.
    identity : IdentityService
        Told of every change.
    vault : Vault
        Seals the secrets of keys.
    hasher : PasswordHasher
        Turns passwords into what is stored.
    clock : Clock
        The server's clock.
    lockouts : Lockouts
        Counts wrong passwords, here and at log-ins together.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one argument a part, joined in one place
        self,
        repository: PeopleRepository,
        identity: IdentityService,
        vault: Vault,
        hasher: PasswordHasher,
        clock: Clock,
        lockouts: Lockouts,
    ) -> None:
        self._repository = repository
        self._identity = identity
        self._hasher = hasher
        self._clock = clock
        self._lockouts = lockouts
        self.roster = Roster(identity)
        self.groups = GroupService(repository.groups, identity, clock)
        self.keys = KeyService(repository.keys, identity, vault, clock)

    def create_user(self, account_id: AccountId, new: NewUser) -> User:
        """Make a user, who is in no group and has no key.

        Parameters
        ----------
        account_id : AccountId
            The account.
        new : NewUser
            The user.

        Returns
        -------
        User
            As stored.

        Raises
        ------
        InvalidParameterError, WeakPasswordError
            One of the fields is not good.
        QuotaError
            The account has as many users as it may.
        ConflictError
            The account has a user of that name.
        QueueFullError
            Too many passwords are being worked on.
        DatabaseError
            The database failed.
        """
        check_user_name(new.name)
        check_description(new.description, "user.description")
        check_email(new.email)
        check_telephone(new.area_code, new.phone)
        if new.password is not None:
            check_password(new.password, new.name, new.email, new.phone)
        now = self._clock.now()
        user = User(
            id=UserId(new_hex_id()),
            account_id=account_id,
            name=new.name,
            is_owner=False,
            enabled=new.enabled,
            description=new.description,
            email=new.email,
            area_code=new.area_code,
            phone=new.phone,
            access_mode=new.access_mode,
            must_change_password=None if new.password is None else new.must_change_password,
            created_at=whole_milliseconds(now),
        )
        stored = None if new.password is None else self._hasher.hash(new.password)
        self._repository.add_user(user, stored, now)
        self._identity.refresh()
        return user

    def change_user(self, account_id: AccountId, user_id: str, change: UserChange) -> User:
        """Change a user; a new password or status withdraws the user's tokens at once.

        Parameters
        ----------
        account_id : AccountId
            The account.
        user_id : str
            The user.
        change : UserChange
            What is to change.

        Returns
        -------
        User
            As stored now.

        Raises
        ------
        NotFoundError
            The account has no such user.
        NotPermittedError
            The account's owner would be disabled.
        InvalidParameterError, WeakPasswordError
            One of the fields is not good.
        ConflictError
            The account has another user of the new name.
        QueueFullError
            Too many passwords are being worked on.
        DatabaseError
            The database failed.
        """
        known = self.roster.get_user(account_id, user_id)
        if known.is_owner and change.enabled is False:
            raise NotPermittedError("iam:users:updateUser", "the account's owner stays enabled")
        _check_change(change)
        if change.password is None:
            user = self._repository.change_user(account_id, known.id, change)
        else:
            stored = self._new_hash(_foresee(known, change), change.password)
            user = self._repository.change_user(account_id, known.id, change, stored)
        self._identity.refresh()
        return user

    def delete_user(self, account_id: AccountId, user_id: str) -> None:
        """Remove a user with all memberships and keys; every right ends at once.

        Parameters
        ----------
        account_id : AccountId
            The account.
        user_id : str
            The user.

        Raises
        ------
        NotFoundError
            The account has no such user.
        NotPermittedError
            It is the account's owner.
        DatabaseError
            The database failed.
        """
        user = self.roster.get_user(account_id, user_id)
        if user.is_owner:
            raise NotPermittedError("iam:users:deleteUser", "the account's owner stays")
        self._repository.remove_user(account_id, user.id)
        self._identity.refresh()

    def change_own_password(
        self, account_id: AccountId, user_id: str, original: str, password: str, address: str
    ) -> None:
        """Let a user take another password, and withdraw the user's tokens.

        Parameters
        ----------
        account_id : AccountId
            The account.
        user_id : str
            The user.
        original : str
            The present password.
        password : str
            The new one.
        address : str
            From where it is asked, for the lock-out.

        Raises
        ------
        NotFoundError
            The account has no such user.
        LockedOutError
            Too many wrong passwords were tried.
        WrongPasswordError
            ``original`` is wrong, or the user has no password.
        InvalidParameterError, WeakPasswordError
            The new one is not good.
        QueueFullError
            Too many passwords are being worked on.
        DatabaseError
            The database failed.
        """
        user = self.roster.get_user(account_id, user_id)
        # The very count that a log-in keeps: this call is no second way to guess.
        counters, now = counters_for(account_id, (user.name, ""), address), self._clock.now()
        locked_until = self._lockouts.reserve(counters, now)
        if locked_until is not None:
            minutes = math.ceil((locked_until - now).total_seconds() / 60)
            raise LockedOutError(f"Too many wrong passwords; try again in {minutes} minutes.")
        stored = self._repository.find_password_hash(account_id, user.id)
        try:
            is_right = self._hasher.verify(stored, original)
        except OverloadError:
            self._lockouts.take_back(counters)  # it was not looked at after all
            raise
        if not is_right or stored is None:
            raise WrongPasswordError("the original password is wrong")
        self._lockouts.forgive(counters)
        if password == original:
            raise InvalidParameterError("user.password", _SAME)
        check_password(password, user.name, user.email, user.phone)
        self._repository.set_password(
            account_id,
            user.id,
            self._hasher.hash(password),
            must_change=False,
            replacing=stored,
        )
        self._identity.refresh()

    def _new_hash(self, user: User, password: str) -> str:
        check_password(password, user.name, user.email, user.phone)
        present = self._repository.find_password_hash(user.account_id, user.id)
        if present is not None and self._hasher.verify(present, password):
            raise InvalidParameterError("user.password", _SAME)
        return self._hasher.hash(password)


def _check_change(change: UserChange) -> None:
    if change.name is not None:
        check_user_name(change.name)
    if change.description is not None:
        check_description(change.description, "user.description")
    if change.email is not None:
        check_email(change.email)
    check_telephone(change.area_code, change.phone)


def _foresee(known: User, change: UserChange) -> User:
    """Tell what a new password must not be or hold, as it will be after the change."""
    return replace(
        known,
        name=known.name if change.name is None else change.name,
        email=known.email if change.email is None else change.email,
        phone=known.phone if change.phone is None else change.phone,
    )
