"""Where access keys are stored.

Owns: every statement about single keys. Has no opinion on: who may ask for a change, and how
secrets are sealed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_

from huiyan.iam.model import KeyStatus, NewKey
from huiyan.iam.people.keys.model import KEYS_A_USER, StoredKey
from huiyan.iam.repository import insert_key
from huiyan.kernel.errors import NotFoundError, QuotaError
from huiyan.kernel.ids import AccessKey, AccountId, UserId
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, count_in, delete_in, select_in, update_in
from huiyan.persistence.revision import leave_revision
from huiyan.persistence.schema import ACCESS_KEY, IAM_USER

_TOLD: tuple[Any, ...] = (
    ACCESS_KEY.c.access,
    ACCESS_KEY.c.account_id,
    ACCESS_KEY.c.user_id,
    ACCESS_KEY.c.status,
    ACCESS_KEY.c.description,
    ACCESS_KEY.c.created_at_ms,
    ACCESS_KEY.c.last_used_at_ms,
)


class KeyRepository:
    """Stores access keys.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account_id: AccountId, key: NewKey, at: datetime) -> None:
        """Store a key, if its user may have one more.

        The user's row is locked before the keys are counted, so that of several who add the last
        one at once only one does: on PostgreSQL the others wait at that row, on SQLite at the
        beginning of the transaction.

        Parameters
        ----------
        account_id : AccountId
            The account of the key's user.
        key : NewKey
            The key.
        at : datetime
            The instant, in UTC.

        Raises
        ------
        NotFoundError
            The account has no such user.
        QuotaError
            The user has two keys.
        DatabaseError
            The database failed.
        """
        scope = Scope(account_id)
        user = select_in(scope, IAM_USER).where(IAM_USER.c.id == key.user_id).with_for_update()
        keys = count_in(scope, ACCESS_KEY).where(ACCESS_KEY.c.user_id == key.user_id)
        with self._database.changing() as connection:
            if connection.execute(user).one_or_none() is None:
                raise NotFoundError(f"Could not find user: {key.user_id}.")
            if connection.execute(keys).scalar_one() >= KEYS_A_USER:
                raise QuotaError("akSkNumExceed")
            insert_key(connection, account_id, key, at)

    def keys_of(self, account_id: AccountId, user_id: UserId) -> tuple[StoredKey, ...]:
        """List a user's keys.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_id : UserId
            The user.

        Returns
        -------
        tuple of StoredKey
            The oldest first.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = (
            select_in(Scope(account_id), ACCESS_KEY)
            .with_only_columns(*_TOLD)
            .where(ACCESS_KEY.c.user_id == user_id)
            .order_by(ACCESS_KEY.c.created_at_ms, ACCESS_KEY.c.access)
        )
        with self._database.reading() as connection:
            return tuple(_key_of(row) for row in connection.execute(query))

    def find(self, account_id: AccountId, access_key: AccessKey) -> StoredKey | None:
        """Find a key.

        Parameters
        ----------
        account_id : AccountId
            The account.
        access_key : AccessKey
            The key.

        Returns
        -------
        StoredKey or None
            None if the account has no such key.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = (
            select_in(Scope(account_id), ACCESS_KEY)
            .with_only_columns(*_TOLD)
            .where(ACCESS_KEY.c.access == access_key)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _key_of(row)

    def change(
        self,
        account_id: AccountId,
        access_key: AccessKey,
        status: KeyStatus | None,
        description: str | None,
    ) -> StoredKey:
        """Change a key.

        Parameters
        ----------
        account_id : AccountId
            The key's account.
        access_key : AccessKey
            The key.
        status : {'active', 'inactive'} or None
            The new status; None leaves it.
        description : str or None
            The new description; None leaves it.

        Returns
        -------
        StoredKey
            As stored now.

        Raises
        ------
        NotFoundError
            The account has no such key.
        DatabaseError
            The database failed.
        """
        scope, is_it = Scope(account_id), ACCESS_KEY.c.access == access_key
        wanted = {"status": status, "description": description}
        values = {name: value for name, value in wanted.items() if value is not None}
        query = select_in(scope, ACCESS_KEY).with_only_columns(*_TOLD).where(is_it)
        with self._database.changing() as connection:
            row = connection.execute(query.with_for_update()).one_or_none()
            if row is None:
                raise _absent(access_key)
            if status in {None, row.status}:
                leave_revision(connection)  # nobody judges by a description
            if not values:
                return _key_of(row)
            connection.execute(update_in(scope, ACCESS_KEY).where(is_it).values(values))
            return _key_of(connection.execute(query).one())

    def remove(self, account_id: AccountId, access_key: AccessKey) -> None:
        """Remove a key.

        Parameters
        ----------
        account_id : AccountId
            The key's account.
        access_key : AccessKey
            The key.

        Raises
        ------
        NotFoundError
            The account has no such key.
        DatabaseError
            The database failed.
        """
        removal = delete_in(Scope(account_id), ACCESS_KEY).where(ACCESS_KEY.c.access == access_key)
        with self._database.changing() as connection:
            if connection.execute(removal).rowcount == 0:
                raise _absent(access_key)

    def touch_keys(self, uses: Iterable[tuple[AccountId, AccessKey, datetime]]) -> None:
        """Note when keys were last used, without raising the revision; passes over unknown keys.

        Parameters
        ----------
        uses : iterable of (AccountId, AccessKey, datetime)
            Whose key, which, and when, in UTC; an instant older than the stored one changes
            nothing.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        key = ACCESS_KEY.c
        # In one order everywhere, so that two processes never wait for each other's rows.
        ordered = sorted(uses, key=lambda use: use[1])
        with self._database.writing() as connection:
            for account_id, access_key, at in ordered:
                connection.execute(
                    update_in(Scope(account_id), ACCESS_KEY)
                    .where(key.access == access_key)
                    .where(or_(key.last_used_at_ms.is_(None), key.last_used_at_ms < at))
                    .values(last_used_at_ms=at)
                )


def _key_of(row: Row[Any]) -> StoredKey:
    return StoredKey(
        access_key=AccessKey(row.access),
        account_id=AccountId(row.account_id),
        user_id=UserId(row.user_id),
        status=row.status,
        description=row.description,
        created_at=row.created_at_ms,
        last_used_at=row.last_used_at_ms,
    )


def _absent(access_key: AccessKey) -> NotFoundError:
    return NotFoundError(f"Could not find credential: {access_key}.")
