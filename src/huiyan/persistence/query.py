"""The only way to form a query.

Owns: that every statement names the account (and project) whose rows it may touch, and the short
list of statements that may not. Has no opinion on: which rows are wanted beyond that; repositories
add their own conditions. A test refuses repositories that form statements otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    FromClause,
    Insert,
    Select,
    Table,
    Update,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.persistence.schema import ACCOUNT_COLUMN, PROJECT_COLUMN


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a statement may touch.

    Parameters
    ----------
    account_id : AccountId
        The account.
    project_id : ProjectId, optional
        One project of it; without it, all of them.
    """

    account_id: AccountId
    project_id: ProjectId | None = None


def _within(scope: Scope, table: Table) -> ColumnElement[bool]:
    account: ColumnElement[bool] = table.c[table.info[ACCOUNT_COLUMN]] == scope.account_id
    if scope.project_id is None:
        return account
    return and_(account, table.c[table.info[PROJECT_COLUMN]] == scope.project_id)


def select_in(scope: Scope, table: Table) -> Select[Any]:
    """Form a query for rows of one account.

    Parameters
    ----------
    scope : Scope
        Whose rows.
    table : Table
        The table; it must declare its scope columns.

    Returns
    -------
    Select
        All columns; further conditions may be added.

    Raises
    ------
    KeyError
        The table has no such scope.
    """
    return select(table).where(_within(scope, table))


def count_in(scope: Scope, table: Table) -> Select[Any]:
    """Form a query that counts rows of one account.

    Parameters
    ----------
    scope : Scope
        Whose rows.
    table : Table
        The table; it must declare its scope columns.

    Returns
    -------
    Select
        One row with one number; further conditions may be added.

    Raises
    ------
    KeyError
        The table has no such scope.
    """
    return select(func.count()).select_from(table).where(_within(scope, table))


def update_in(scope: Scope, table: Table) -> Update:
    """Form a change of rows of one account.

    Parameters
    ----------
    scope : Scope
        Whose rows.
    table : Table
        The table; it must declare its scope columns.

    Returns
    -------
    Update
        Without values yet; further conditions may be added.

    Raises
    ------
    KeyError
        The table has no such scope.
    """
    return update(table).where(_within(scope, table))


def delete_in(scope: Scope, table: Table) -> Delete:
    """Form a removal of rows of one account.

    Parameters
    ----------
    scope : Scope
        Whose rows.
    table : Table
        The table; it must declare its scope columns.

    Returns
    -------
    Delete
        Further conditions may be added.

    Raises
    ------
    KeyError
        The table has no such scope.
    """
    return delete(table).where(_within(scope, table))


def insert_in(scope: Scope, table: Table) -> Insert:
    """Form an insertion into one account.

    Parameters
    ----------
    scope : Scope
        Whose rows they become; the scope's columns are filled in from it.
    table : Table
        The table; it must declare its scope columns.

    Returns
    -------
    Insert
        Without the other values yet.

    Raises
    ------
    KeyError
        The table has no such scope.
    """
    values: dict[str, str] = {table.info[ACCOUNT_COLUMN]: scope.account_id}
    if scope.project_id is not None:
        values[table.info[PROJECT_COLUMN]] = scope.project_id
    return insert(table).values(values)


def select_everywhere(why: str, source: FromClause) -> Select[Any]:
    """Form a query over all accounts: only for what must be read before the caller is known.

    Parameters
    ----------
    why : str
        The reason; it travels in the statement as a comment, so that the server's log shows it.
    source : FromClause
        A table or a join.

    Returns
    -------
    Select
        All columns.
    """
    return select(source).select_from(source).prefix_with(f"/* every account: {why} */")


def append_once(dialect_name: str, table: Table) -> Insert:
    """Form an insertion whose rows name their account themselves and that passes over known ones.

    Parameters
    ----------
    dialect_name : {'sqlite', 'postgresql'}
        The database's dialect.
    table : Table
        The table; a row whose primary key is there already is left as it is.

    Returns
    -------
    Insert
        With every column as a parameter.
    """
    values = {column.name: None for column in table.columns}
    if dialect_name == postgresql.dialect.name:
        return postgresql.insert(table).values(values).on_conflict_do_nothing()
    return sqlite.insert(table).values(values).on_conflict_do_nothing()
