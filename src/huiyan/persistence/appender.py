"""Appending rows often and cheaply.

Owns: one lasting connection of the driver and one prepared statement. Has no opinion on: the rows.

A transaction through the pool costs as much again as the insertion itself; a record of use is
written for each call, so this path is kept straight.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from huiyan.kernel.errors import DatabaseError
from huiyan.persistence.fault import explain

Row = Sequence[Any]
"""Values in the order of the table's columns."""


class RefusedRowsError(Exception):
    """The database refuses a row for what it holds; the driver's text is the cause."""


class Appender:
    """Executes one insertion many times, each time in a transaction of its own.

    Parameters
    ----------
    engine : Engine
        Whose database.
    statement : Insert
        With every column of its table as a parameter.
    """

    def __init__(self, engine: Engine, statement: Insert) -> None:
        self._engine = engine
        compiled = statement.compile(dialect=engine.dialect)
        self._statement = str(compiled)
        self._by_position = bool(compiled.positional)
        self._columns = tuple(column.name for column in statement.table.columns)
        self._connection: PoolProxiedConnection | None = None
        self._alone = threading.Lock()

    def append(self, rows: Sequence[Row]) -> None:
        """Insert rows; durable when this returns.

        Parameters
        ----------
        rows : sequence of Row
            Inserted together or not at all.

        Raises
        ------
        RefusedRowsError
            The database refuses one of them for what it holds.
        DatabaseError
            The database failed; a later try may succeed, on another connection if need be.
        """
        driver = self._engine.dialect.loaded_dbapi
        with self._alone:
            try:
                self._insert(rows)
            except (driver.IntegrityError, driver.DataError) as error:
                self._undo(error)
                raise RefusedRowsError(str(error)) from error
            except (SQLAlchemyError, driver.Error) as error:
                self._undo(error)
                raise DatabaseError(explain(error, self._engine.url)) from error
            except BaseException:
                # A fault of this program: a transaction left open would lock everyone else out.
                self._give_up()
                raise

    def close(self) -> None:
        """Close the connection."""
        with self._alone:
            self._give_up()

    def _insert(self, rows: Sequence[Row]) -> None:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        cursor: DBAPICursor = self._connection.cursor()
        try:
            if self._by_position:
                # SQLite: the write lock from the start, so that nobody faster makes this fail
                # half-way.
                cursor.execute("BEGIN IMMEDIATE")
                cursor.executemany(self._statement, rows)
            else:
                named = [dict(zip(self._columns, row, strict=True)) for row in rows]
                cursor.executemany(self._statement, named)
        finally:
            cursor.close()
        self._connection.commit()

    def _undo(self, error: Exception) -> None:
        """Leave no transaction open; give the connection up if it is not to be trusted."""
        if self._connection is None:
            return
        dialect = self._engine.dialect
        try:
            self._connection.rollback()
        except (SQLAlchemyError, dialect.loaded_dbapi.Error):
            self._give_up()
            return
        inner = self._connection.dbapi_connection
        if isinstance(error, dialect.loaded_dbapi.Error) and dialect.is_disconnect(
            error, inner, None
        ):
            self._give_up()

    def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error):
                connection.invalidate()
