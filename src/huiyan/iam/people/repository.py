"""Where users and their passwords' hashes are stored.

Owns: every statement that changes them. Has no opinion on: who may ask for a change, and which
names and passwords are good.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from huiyan.iam.directory.repository import user_of
from huiyan.iam.model import User
from huiyan.iam.people.groups.repository import GroupRepository, require_room
from huiyan.iam.people.keys.repository import KeyRepository
from huiyan.iam.people.model import MAX_USERS, UserChange
from huiyan.kernel.errors import ConflictError, NotFoundError, WrongPasswordError
from huiyan.kernel.ids import AccountId, UserId
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, delete_in, insert_in, select_in, update_in
from huiyan.persistence.revision import leave_revision
from huiyan.persistence.schema import ACCESS_KEY, GROUP_MEMBER, IAM_USER, THROTTLE_LIMIT

_APART = frozenset({"password", "must_change_password"})
_PLAIN = tuple(wish.name for wish in fields(UserChange) if wish.name not in _APART)


class PeopleRepository:
    """Stores users; groups and access keys have repositories of their own beside it.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.groups = GroupRepository(database)
        self.keys = KeyRepository(database)

    def add_user(self, user: User, password_hash: str | None, at: datetime) -> None:
        """Store a new user.

        Parameters
        ----------
        user : User
            The user.
        password_hash : str or None
            None for a user without a password.
        at : datetime
            The instant, in UTC.

        Raises
        ------
        QuotaError
            The account has as many as it may.
        ConflictError
            The account has a user of that name.
        DatabaseError
            The database failed.
        """
        insertion = insert_in(Scope(user.account_id), IAM_USER).values(
            id=user.id,
            name=user.name,
            description=user.description,
            enabled=user.enabled,
            is_owner=user.is_owner,
            password_hash=password_hash,
            created_at_ms=at,
            email=user.email,
            area_code=user.area_code,
            phone=user.phone,
            access_mode=user.access_mode,
            must_change_password=user.must_change_password,
        )
        try:
            with self._database.changing() as connection:
                require_room(connection, user.account_id, IAM_USER, MAX_USERS)
                connection.execute(insertion)
        except IntegrityError as error:
            raise _taken(user.account_id, user.name) from error

    def change_user(
        self,
        account_id: AccountId,
        user_id: UserId,
        change: UserChange,
        password_hash: str | None = None,
    ) -> User:
        """Change a user; a new password or status withdraws the user's tokens.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_id : UserId
            The user.
        change : UserChange
            What is to change; its password is not looked at.
        password_hash : str, optional
            The new password's hash.

        Returns
        -------
        User
            As stored now.

        Raises
        ------
        NotFoundError
            The account has no such user.
        ConflictError
            The account has another user of the new name.
        DatabaseError
            The database failed.
        """
        try:
            with self._database.changing() as connection:
                stored = _lock_user(connection, account_id, user_id)
                values = _values(change, stored, password_hash)
                if not values:
                    leave_revision(connection)
                    return user_of(stored)
                connection.execute(_update(account_id, user_id).values(values))
                return user_of(_lock_user(connection, account_id, user_id))
        except IntegrityError as error:
            raise _taken(account_id, change.name or "") from error

    def remove_user(self, account_id: AccountId, user_id: UserId) -> None:
        """Remove a user with all memberships, access keys and limits.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_id : UserId
            The user.

        Raises
        ------
        NotFoundError
            The account has no such user.
        DatabaseError
            The database failed.
        """
        scope = Scope(account_id)
        limit = THROTTLE_LIMIT.c
        with self._database.changing() as connection:
            _lock_user(connection, account_id, user_id)
            for removal in (
                delete_in(scope, GROUP_MEMBER).where(GROUP_MEMBER.c.user_id == user_id),
                delete_in(scope, ACCESS_KEY).where(ACCESS_KEY.c.user_id == user_id),
                delete_in(scope, THROTTLE_LIMIT).where(
                    limit.subject == "user", limit.subject_id == user_id
                ),
                delete_in(scope, IAM_USER).where(IAM_USER.c.id == user_id),
            ):
                connection.execute(removal)

    def find_password_hash(self, account_id: AccountId, user_id: UserId) -> str | None:
        """Find what is stored instead of a user's password.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_id : UserId
            The user.

        Returns
        -------
        str or None
            None if there is no such user, or the user has no password.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = (
            select_in(Scope(account_id), IAM_USER)
            .where(IAM_USER.c.id == user_id)
            .with_only_columns(IAM_USER.c.password_hash)
        )
        with self._database.reading() as connection:
            found: str | None = connection.execute(query).scalar_one_or_none()
            return found

    def set_password(
        self,
        account_id: AccountId,
        user_id: UserId,
        password_hash: str,
        *,
        must_change: bool,
        replacing: str | None = None,
    ) -> None:
        """Store a new password's hash, and withdraw the user's tokens.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_id : UserId
            The user.
        password_hash : str
            The new password's hash.
        must_change : bool
            Whether someone else gave it.
        replacing : str, optional
            The hash that the old password was found to fit.

        Raises
        ------
        NotFoundError
            The account has no such user.
        WrongPasswordError
            Another hash than ``replacing`` is stored by now.
        DatabaseError
            The database failed.
        """
        with self._database.changing() as connection:
            stored = _lock_user(connection, account_id, user_id)
            if replacing is not None and stored.password_hash != replacing:
                raise WrongPasswordError("the password was changed meanwhile")
            connection.execute(
                _update(account_id, user_id).values(
                    password_hash=password_hash,
                    must_change_password=must_change,
                    credential_epoch=stored.credential_epoch + 1,
                )
            )

    def renew_hash(self, account_id: AccountId, user_id: UserId, old: str, new: str) -> None:
        """Store the same password's hash at another cost; withdraws nothing.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_id : UserId
            The user.
        old : str
            The stored hash; if it is another by now, nothing happens.
        new : str
            What takes its place.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        renewal = _update(account_id, user_id).where(IAM_USER.c.password_hash == old)
        with self._database.writing() as connection:
            connection.execute(renewal.values(password_hash=new))


def _update(account_id: AccountId, user_id: UserId) -> Any:  # noqa: ANN401 - SQLAlchemy's Update has no name that a repository may import
    return update_in(Scope(account_id), IAM_USER).where(IAM_USER.c.id == user_id)


def _lock_user(connection: Connection, account_id: AccountId, user_id: UserId) -> Row[Any]:
    """Read a user whom nobody else changes until the transaction ends."""
    query = select_in(Scope(account_id), IAM_USER).where(IAM_USER.c.id == user_id)
    stored = connection.execute(query.with_for_update()).one_or_none()
    if stored is None:
        raise NotFoundError(f"Could not find user: {user_id}.")
    return stored


def _values(
    change: UserChange, stored: Row[Any], password_hash: str | None
) -> dict[str, str | bool | int]:
    values = {name: wanted for name in _PLAIN if (wanted := getattr(change, name)) is not None}
    must_change = change.must_change_password
    if password_hash is not None:
        values["password_hash"] = password_hash
        must_change = True if must_change is None else must_change
    if must_change is not None and (password_hash or stored.password_hash):
        values["must_change_password"] = must_change
    if password_hash is not None or values.get("enabled", stored.enabled) != stored.enabled:
        values["credential_epoch"] = stored.credential_epoch + 1
    return {name: value for name, value in values.items() if getattr(stored, name) != value}


def _taken(account_id: AccountId, name: str) -> ConflictError:
    return ConflictError(
        f"Conflict occurred attempting to store user - a user named {name} exists already in "
        f"domain {account_id}."
    )
