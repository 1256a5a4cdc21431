"""The number by which processes notice that accounts have changed.

Owns: reading and raising that number, and leaving it where nothing has changed. Has no opinion on:
what a process drops when it has grown.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from huiyan.kernel.errors import DatabaseError
from huiyan.persistence.schema import REVISION

_READ = select(REVISION.c.number)
_UNCHANGED = "huiyan_unchanged"
_RAISE = update(REVISION).values(number=REVISION.c.number + 1)


def read_revision(connection: Connection) -> int:
    """Read the number; read it first where the rest of the transaction is to be as new as it.

    Parameters
    ----------
    connection : Connection
        In a transaction.

    Returns
    -------
    int
        The number, 0 in a new database.

    Raises
    ------
    DatabaseError
        The row is missing.
    """
    number = connection.execute(_READ).scalar_one_or_none()
    if number is None:
        raise DatabaseError("the row of table revision is missing: restore the database")
    return int(number)


def raise_revision(connection: Connection) -> None:
    """Raise the number in the transaction that changes what it stands for.

    Parameters
    ----------
    connection : Connection
        In a writing transaction.
    """
    connection.execute(_RAISE)


def leave_revision(connection: Connection) -> None:
    """Say that the transaction turned out to change nothing that the number stands for.

    Parameters
    ----------
    connection : Connection
        In a transaction of ``Database.changing``.
    """
    connection.info[_UNCHANGED] = True


def take_unchanged(connection: Connection) -> bool:
    """Tell whether ``leave_revision`` was called since this was asked last, and forget it.

    Parameters
    ----------
    connection : Connection
        In a transaction.

    Returns
    -------
    bool
        Whether it was.
    """
    return bool(connection.info.pop(_UNCHANGED, False))
