"""One open database: SQLite on one machine, PostgreSQL for several.

Owns: how a connection is opened and set up, the kinds of transaction, and the words for what went
wrong. Has no opinion on: tables and statements.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, Insert, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)

from huiyan.kernel.errors import DatabaseError
from huiyan.persistence.appender import Appender
from huiyan.persistence.fault import explain
from huiyan.persistence.revision import raise_revision, take_unchanged

BUSY_TIMEOUT_S = 10.0
EXCLUSIVE_TIMEOUT_S = 60
POSTGRESQL_DRIVER = "postgresql+psycopg"

_ADVISORY_LOCK = 0x687569_79616E  # "huiyan"
_TRUNCATE_TIMEOUT_MS = 250
_BEGIN_OPTION = "huiyan_begin"
_Begin = Literal["DEFERRED", "IMMEDIATE"]


class Database:
    """One open database, shared by all threads of a process; not to be carried across a fork.

    Each way to a connection is one transaction: committed at the end of the block, rolled back if
    the block raises. ``IntegrityError`` and ``DataError`` of SQLAlchemy pass through to the
    repository, which knows what they mean; every other fault becomes ``DatabaseError``.

    Parameters
    ----------
    engine : Engine
        The engine, set up by ``open_database``.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._appenders: list[Appender] = []

    @property
    def engine(self) -> Engine:
        """The engine, for parts that compile statements.

        Returns
        -------
        Engine
            The engine.
        """
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads.

        Yields
        ------
        Connection
            In a transaction.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        with self._transaction("DEFERRED") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes and changes nothing that other processes remember.

        Yields
        ------
        Connection
            In a transaction; on SQLite it holds the write lock from the start, so that it cannot
            fail half-way because another writer was faster.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        with self._transaction("IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Open a transaction that changes accounts, keys, grants or service state.

        Yields
        ------
        Connection
            In a transaction that raises the revision, too, unless the block calls
            ``leave_revision`` because nothing has changed after all.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        with self._transaction("IMMEDIATE") as connection:
            take_unchanged(connection)  # a block that failed may have left its word behind
            yield connection
            if not take_unchanged(connection):
                raise_revision(connection)

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """Open a transaction that no other exclusive one runs beside, on any machine.

        Yields
        ------
        Connection
            In a transaction that holds the installation's lock.

        Raises
        ------
        DatabaseError
            The database failed, or another process kept the lock for a minute.
        """
        with self._transaction("IMMEDIATE") as connection:
            if self._engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{EXCLUSIVE_TIMEOUT_S}s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            yield connection

    def appender(self, statement: Insert) -> Appender:
        """Prepare an insertion that is executed often.

        Parameters
        ----------
        statement : Insert
            With every column of its table as a parameter.

        Returns
        -------
        Appender
            It is closed with the database.
        """
        appender = Appender(self._engine, statement)
        self._appenders.append(appender)
        return appender

    def truncate_log(self) -> bool:
        """Bring SQLite's log into its file and cut it, so that nothing removed stays in either.

        Returns
        -------
        bool
            False as long as a reader or writer is in the way; a later try may succeed. Always true
            on PostgreSQL, whose log and dead rows are the server's (see ``docs/celebrity.md``).

        Raises
        ------
        DatabaseError
            The database failed.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        try:
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                # While it waits for readers no other process can write: never for long.
                cursor.execute(f"PRAGMA busy_timeout = {_TRUNCATE_TIMEOUT_MS}")
                try:
                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    row = cursor.fetchone()
                finally:
                    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
                    cursor.close()
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                return False
            raise DatabaseError(f"the database's log cannot be cut: {error}") from error
        except SQLAlchemyError as error:
            raise DatabaseError(explain(error, self._engine.url)) from error
        return row is not None and row[0] == 0

    def close(self) -> None:
        """Close every idle connection."""
        for appender in self._appenders:
            appender.close()
        self._engine.dispose()

    @contextmanager
    def _transaction(self, begin: _Begin) -> Iterator[Connection]:
        try:
            with (
                self._engine.connect().execution_options(**{_BEGIN_OPTION: begin}) as connection,
                connection.begin(),
            ):
                yield connection
        except (IntegrityError, DataError):
            raise
        except SQLAlchemyError as error:
            raise DatabaseError(explain(error, self._engine.url)) from error


def open_database(url: str) -> Database:
    """Open a database and check that it can be used.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH`` or ``postgresql://user:password@host/name``.

    Returns
    -------
    Database
        Open; its tables may still be of an older shape, see ``migration.migrate``.

    Raises
    ------
    DatabaseError
        The URL is not one of these, the driver is missing, or the database cannot be reached.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseError(
            "setting database_url: not a database URL; write sqlite:///PATH or "
            "postgresql://user:password@host/name"
        ) from error
    try:
        engine = (
            _open_sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _open_server(parsed)
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise DatabaseError(
            "the driver for PostgreSQL is not installed: pip install 'huiyan[postgresql]'"
        ) from error
    database = Database(engine)
    try:
        with database.reading() as connection:
            if engine.dialect.name == "postgresql":
                _check_encoding(connection)
    except DatabaseError:
        database.close()
        raise
    return database


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or url.query:
        raise DatabaseError("setting database_url: SQLite needs a file: sqlite:///PATH")
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made here so that it is private from its first byte; SQLite's companions copy its mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseError(
            f"database file {path}: {error.strerror}; check that data_dir can be written"
        ) from error
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        connect_args={
            "timeout": BUSY_TIMEOUT_S,
            "isolation_level": None,
            "check_same_thread": False,
        },
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is removed is overwritten
    deadline_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            # The switch to WAL does not wait for others by itself.
            if "locked" not in str(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)
            continue
        break
    if mode != "wal":
        raise sqlite3.OperationalError("this file system cannot hold a write-ahead log")


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN_OPTION, "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {begin}")


def _open_server(url: URL) -> Engine:
    if url.drivername not in {"postgresql", "postgres", POSTGRESQL_DRIVER}:
        raise DatabaseError(
            f"setting database_url: {url.drivername} is not supported; "
            "write sqlite:///PATH or postgresql://user:password@host/name"
        )
    engine = create_engine(
        url.set(drivername=POSTGRESQL_DRIVER),
        connect_args={
            "connect_timeout": 5,
            "tcp_user_timeout": 15_000,
            "application_name": "huiyan",
            "client_encoding": "UTF8",
        },
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up_postgresql)
    return engine


def _set_up_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg is an optional dependency
    with connection.cursor() as cursor:
        # A server tuned to lose the last commits in a crash would make recorded use a promise.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _check_encoding(connection: Connection) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise DatabaseError(
            f"the database stores text as {encoding}: create it with ENCODING 'UTF8'"
        )
