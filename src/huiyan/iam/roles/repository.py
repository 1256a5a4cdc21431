"""Where custom policies and grants are stored.

Owns: every statement that changes them. Has no opinion on: who may ask for a change. They are read
with the rest of the directory.

Every change first locks the account's row, so that within an account they follow one another:
counting before an insertion is exact on every database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import ColumnElement, Connection
from sqlalchemy.exc import IntegrityError

from huiyan.iam.directory.model import Grant
from huiyan.iam.directory.repository import role_of
from huiyan.iam.policy.model import Policy, Role, RoleId
from huiyan.iam.policy.wire import render_policy
from huiyan.iam.roles.model import MAX_CUSTOM_ROLES, RoleChange, RoleDraft, require_fit
from huiyan.kernel.errors import ConflictError, NotFoundError, QuotaError
from huiyan.kernel.ids import AccountId
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
from huiyan.persistence.schema import ACCOUNT, AGENCY, CUSTOM_ROLE, IAM_GROUP, ROLE_GRANT


class RolesRepository:
    """Stores custom policies and grants.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert_role(
        self, account_id: AccountId, role_id: RoleId, draft: RoleDraft, at: datetime
    ) -> Role:
        """Store a new custom policy under the account's next number.

        Parameters
        ----------
        account_id : AccountId
            Whose it becomes.
        role_id : RoleId
            A fresh id.
        draft : RoleDraft
            What it is.
        at : datetime
            The instant, in UTC.

        Returns
        -------
        Role
            As it is stored.

        Raises
        ------
        QuotaError
            The account has as many as it may.
        ConflictError
            The account has one of that name.
        DatabaseError
            The database failed.
        """
        scope = Scope(account_id)
        last = select_in(scope, CUSTOM_ROLE).order_by(CUSTOM_ROLE.c.number.desc()).limit(1)
        with unique_name(draft.display_name), changing_account(self._database, scope) as connection:
            if connection.execute(count_in(scope, CUSTOM_ROLE)).scalar_one() >= MAX_CUSTOM_ROLES:
                raise QuotaError(f"The account has {MAX_CUSTOM_ROLES} custom policies already.")
            highest = connection.execute(last).one_or_none()
            connection.execute(
                insert_in(scope, CUSTOM_ROLE).values(
                    id=role_id,
                    number=1 if highest is None else highest.number + 1,
                    display_name=draft.display_name,
                    type=draft.type.value,
                    description=draft.description,
                    description_cn=draft.description_cn,
                    document=_document(draft.policy),
                    created_at_ms=at,
                    updated_at_ms=None,
                )
            )
            return _get_role(connection, scope, role_id)

    def update_role(
        self, account_id: AccountId, role_id: RoleId, change: RoleChange, at: datetime
    ) -> Role:
        """Change a custom policy; what it allows changes with it wherever it is granted.

        Parameters
        ----------
        account_id : AccountId
            Whose it is.
        role_id : RoleId
            The policy.
        change : RoleChange
            What it becomes.
        at : datetime
            The instant, in UTC.

        Returns
        -------
        Role
            As it is stored now.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        ConflictError
            The account has another of that name, or the type is to change while it is granted.
        DatabaseError
            The database failed.
        """
        scope = Scope(account_id)
        with (
            unique_name(change.display_name or ""),
            changing_account(self._database, scope) as connection,
        ):
            before = _get_role(connection, scope, role_id)
            moved = change.type not in {None, before.type}
            if moved and _count_grants(connection, scope, role_id):
                raise ConflictError(
                    f"The type of policy {role_id} cannot change while it is granted."
                )
            news = _news(change)
            same = select_in(scope, CUSTOM_ROLE).where(
                CUSTOM_ROLE.c.id == role_id,
                *(CUSTOM_ROLE.c[name] == value for name, value in news.items()),
            )
            if connection.execute(same).one_or_none() is not None:
                leave_revision(connection)
                return before
            connection.execute(
                update_in(scope, CUSTOM_ROLE)
                .where(CUSTOM_ROLE.c.id == role_id)
                .values(news | {"updated_at_ms": at})
            )
            return _get_role(connection, scope, role_id)

    def delete_role(self, account_id: AccountId, role_id: RoleId) -> None:
        """Remove a custom policy that is granted nowhere.

        Parameters
        ----------
        account_id : AccountId
            Whose it is.
        role_id : RoleId
            The policy.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        ConflictError
            It is granted.
        DatabaseError
            The database failed.
        """
        scope = Scope(account_id)
        with changing_account(self._database, scope) as connection:
            _get_role(connection, scope, role_id)
            if _count_grants(connection, scope, role_id):
                raise ConflictError(f"Policy {role_id} is granted; withdraw it first.")
            connection.execute(delete_in(scope, CUSTOM_ROLE).where(CUSTOM_ROLE.c.id == role_id))

    def put_grant(self, grant: Grant, *, is_custom: bool) -> None:
        """Store a grant; one that is there already stays.

        Parameters
        ----------
        grant : Grant
            The grant.
        is_custom : bool
            Whether the role is the account's own, and so may be gone by now.

        Raises
        ------
        NotFoundError
            The subject or the policy is gone.
        InvalidParameterError
            The policy is no longer for that place.
        DatabaseError
            The database failed.
        """
        scope = Scope(grant.account_id)
        with changing_account(self._database, scope) as connection:
            _hold_subject(connection, scope, grant)
            if is_custom:
                require_fit(_get_role(connection, scope, grant.role_id).type, grant.place)
            known = count_in(scope, ROLE_GRANT).where(*_same(grant))
            if connection.execute(known).scalar_one() > 0:
                leave_revision(connection)
                return
            connection.execute(
                insert_in(scope, ROLE_GRANT).values(
                    subject=grant.subject,
                    subject_id=grant.subject_id,
                    role_id=grant.role_id,
                    place=grant.place,
                    project_id=grant.project_id or "",
                )
            )

    def delete_grant(self, grant: Grant) -> None:
        """Remove a grant.

        Parameters
        ----------
        grant : Grant
            The grant.

        Raises
        ------
        NotFoundError
            It is not there.
        DatabaseError
            The database failed.
        """
        scope = Scope(grant.account_id)
        with changing_account(self._database, scope) as connection:
            removal = delete_in(scope, ROLE_GRANT).where(*_same(grant))
            if connection.execute(removal).rowcount == 0:
                raise NotFoundError(f"Could not find a grant of role: {grant.role_id}.")


@contextmanager
def changing_account(database: Database, scope: Scope) -> Iterator[Connection]:
    """Open a transaction that every other one of this kind in the same account waits for.

    Parameters
    ----------
    database : Database
        The open database.
    scope : Scope
        The account.

    Yields
    ------
    Connection
        In a transaction that raises the revision, unless the block says otherwise.

    Raises
    ------
    NotFoundError
        The account is gone.
    DatabaseError
        The database failed.
    """
    with database.changing() as connection:
        lock = select_in(scope, ACCOUNT).with_for_update(key_share=True)
        if connection.execute(lock).one_or_none() is None:
            raise NotFoundError(f"Could not find domain: {scope.account_id}.")
        yield connection


@contextmanager
def unique_name(name: str) -> Iterator[None]:
    """Say which name is taken when the database refuses a second one.

    Parameters
    ----------
    name : str
        The name that the block stores.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    ConflictError
        The name is taken.
    """
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(f"The name {name} is taken already.") from error


def _get_role(connection: Connection, scope: Scope, role_id: RoleId) -> Role:
    query = select_in(scope, CUSTOM_ROLE).where(CUSTOM_ROLE.c.id == role_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(f"Could not find role: {role_id}.")
    return role_of(row)


def _count_grants(connection: Connection, scope: Scope, role_id: RoleId) -> int:
    query = count_in(scope, ROLE_GRANT).where(ROLE_GRANT.c.role_id == role_id)
    return int(connection.execute(query).scalar_one())


def _hold_subject(connection: Connection, scope: Scope, grant: Grant) -> None:
    """See that the subject is there and keep it there: nothing else ties a grant to it."""
    table = IAM_GROUP if grant.subject == "group" else AGENCY
    query = select_in(scope, table).where(table.c.id == grant.subject_id)
    if connection.execute(query.with_for_update(read=True)).one_or_none() is None:
        raise NotFoundError(f"Could not find {grant.subject}: {grant.subject_id}.")


def _same(grant: Grant) -> tuple[ColumnElement[bool], ...]:
    return (
        ROLE_GRANT.c.subject == grant.subject,
        ROLE_GRANT.c.subject_id == grant.subject_id,
        ROLE_GRANT.c.role_id == grant.role_id,
        ROLE_GRANT.c.place == grant.place,
        ROLE_GRANT.c.project_id == (grant.project_id or ""),
    )


def _news(change: RoleChange) -> dict[str, str]:
    values = {
        "display_name": change.display_name,
        "type": None if change.type is None else change.type.value,
        "description": change.description,
        "description_cn": change.description_cn,
        "document": None if change.policy is None else _document(change.policy),
    }
    return {name: value for name, value in values.items() if value is not None}


def _document(policy: Policy) -> str:
    return json.dumps(render_policy(policy), ensure_ascii=False, separators=(",", ":"))
