"""Where groups and who is in them are stored.

Owns: every statement that changes them. Has no opinion on: who may ask for a change, and which
names are good.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.exc import IntegrityError

from huiyan.iam.directory.model import Group
from huiyan.iam.people.model import MAX_GROUPS
from huiyan.kernel.errors import ConflictError, NotFoundError, QuotaError
from huiyan.kernel.ids import AccountId, GroupId, UserId
from huiyan.persistence.database import Database
from huiyan.persistence.query import (
    Scope,
    count_in,
    delete_in,
    insert_in,
    select_in,
    update_in,
)
from huiyan.persistence.revision import leave_revision
from huiyan.persistence.schema import ACCOUNT, GROUP_MEMBER, IAM_GROUP, IAM_USER, ROLE_GRANT


class GroupRepository:
    """Stores groups and memberships.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, group: Group) -> None:
        """Store a new group.

        Parameters
        ----------
        group : Group
            The group.

        Raises
        ------
        QuotaError
            The account has as many as it may.
        ConflictError
            The account has a group of that name.
        DatabaseError
            The database failed.
        """
        insertion = insert_in(Scope(group.account_id), IAM_GROUP).values(
            id=group.id,
            name=group.name,
            description=group.description,
            created_at_ms=group.created_at,
        )
        try:
            with self._database.changing() as connection:
                require_room(connection, group.account_id, IAM_GROUP, MAX_GROUPS)
                connection.execute(insertion)
        except IntegrityError as error:
            raise _taken(group.account_id, group.name) from error

    def change(
        self, account_id: AccountId, group_id: GroupId, name: str | None, description: str | None
    ) -> Group:
        """Change a group.

        Parameters
        ----------
        account_id : AccountId
            The group's account.
        group_id : GroupId
            The group.
        name : str or None
            The new name; None leaves it.
        description : str or None
            The new description; None leaves it.

        Returns
        -------
        Group
            As stored now.

        Raises
        ------
        NotFoundError
            The account has no such group.
        ConflictError
            The account has another group of the new name.
        DatabaseError
            The database failed.
        """
        try:
            with self._database.changing() as connection:
                stored = _lock(connection, account_id, IAM_GROUP, group_id)
                group = Group(
                    group_id,
                    account_id,
                    stored.name if name is None else name,
                    stored.description if description is None else description,
                    stored.created_at_ms,
                )
                if (group.name, group.description) == (stored.name, stored.description):
                    leave_revision(connection)
                    return group
                connection.execute(
                    update_in(Scope(account_id), IAM_GROUP)
                    .where(IAM_GROUP.c.id == group_id)
                    .values(name=group.name, description=group.description)
                )
                return group
        except IntegrityError as error:
            raise _taken(account_id, name or "") from error

    def remove(self, account_id: AccountId, group_id: GroupId) -> None:
        """Remove a group with its memberships and grants.

        Parameters
        ----------
        account_id : AccountId
            The group's account.
        group_id : GroupId
            The group.

        Raises
        ------
        NotFoundError
            The account has no such group.
        DatabaseError
            The database failed.
        """
        scope, grant = Scope(account_id), ROLE_GRANT.c
        with self._database.changing() as connection:
            _lock(connection, account_id, IAM_GROUP, group_id)
            for removal in (
                delete_in(scope, GROUP_MEMBER).where(GROUP_MEMBER.c.group_id == group_id),
                delete_in(scope, ROLE_GRANT).where(
                    grant.subject == "group", grant.subject_id == group_id
                ),
                delete_in(scope, IAM_GROUP).where(IAM_GROUP.c.id == group_id),
            ):
                connection.execute(removal)

    def add_member(self, account_id: AccountId, group_id: GroupId, user_id: UserId) -> None:
        """Put a user into a group; one who is in it already stays there.

        Parameters
        ----------
        account_id : AccountId
            The account of both.
        group_id : GroupId
            The group.
        user_id : UserId
            The user.

        Raises
        ------
        NotFoundError
            The account has no such group or no such user.
        DatabaseError
            The database failed.
        """
        scope, member = Scope(account_id), GROUP_MEMBER.c
        with self._database.changing() as connection:
            # With the group locked, nobody else puts the same user in between look and insertion.
            _lock(connection, account_id, IAM_GROUP, group_id)
            _lock(connection, account_id, IAM_USER, user_id)
            there = select_in(scope, GROUP_MEMBER).where(
                member.group_id == group_id, member.user_id == user_id
            )
            if connection.execute(there).one_or_none() is not None:
                leave_revision(connection)
                return
            connection.execute(
                insert_in(scope, GROUP_MEMBER).values(group_id=group_id, user_id=user_id)
            )

    def remove_member(self, account_id: AccountId, group_id: GroupId, user_id: UserId) -> None:
        """Take a user out of a group.

        Parameters
        ----------
        account_id : AccountId
            The account of both.
        group_id : GroupId
            The group.
        user_id : UserId
            The user.

        Raises
        ------
        NotFoundError
            The user is not in it, or one of them is not there.
        DatabaseError
            The database failed.
        """
        member = GROUP_MEMBER.c
        removal = delete_in(Scope(account_id), GROUP_MEMBER).where(
            member.group_id == group_id, member.user_id == user_id
        )
        with self._database.changing() as connection:
            if connection.execute(removal).rowcount == 0:
                raise NotFoundError(f"Could not find user: {user_id} in group: {group_id}.")


def require_room(connection: Connection, account_id: AccountId, table: Table, most: int) -> None:
    """See that an account may have one row more; nobody else asks until the transaction ends.

    Parameters
    ----------
    connection : Connection
        In a transaction that will add the row.
    account_id : AccountId
        The account.
    table : Table
        Users or groups.
    most : int
        How many it may have.

    Raises
    ------
    QuotaError
        It has as many already.
    """
    scope = Scope(account_id)
    # Locked before the count, so that of several who add the last one at once only one does.
    connection.execute(select_in(scope, ACCOUNT).with_for_update(key_share=True))
    if connection.execute(count_in(scope, table)).scalar_one() >= most:
        kind = "groups" if table is IAM_GROUP else "users"
        raise QuotaError(f"The account has {most} {kind} already.")


def _lock(connection: Connection, account_id: AccountId, table: Table, row_id: str) -> Row[Any]:
    """Read a row that nobody else changes until the transaction ends."""
    query = select_in(Scope(account_id), table).where(table.c.id == row_id)
    stored = connection.execute(query.with_for_update()).one_or_none()
    if stored is None:
        kind = "group" if table is IAM_GROUP else "user"
        raise NotFoundError(f"Could not find {kind}: {row_id}.")
    return stored


def _taken(account_id: AccountId, name: str) -> ConflictError:
    return ConflictError(
        f"Conflict occurred attempting to store group - a group named {name} exists already in "
        f"domain {account_id}."
    )
