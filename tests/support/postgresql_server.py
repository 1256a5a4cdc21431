"""A PostgreSQL of one's own for the length of some tests, reached through a socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine

MISSING = "PostgreSQL's programs (initdb, pg_ctl) are not here: its tests are SKIPPED"


def find_program(name: str) -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))


class PostgresqlServer:
    """A server of its own in a folder under /tmp, reachable through a socket only."""

    def __init__(self, initdb: str, pg_ctl: str) -> None:
        self._pg_ctl = pg_ctl
        # The path of a socket has at most 107 characters, so pytest's own folders are too deep.
        self.folder = Path(tempfile.mkdtemp(prefix="huiyan-pg-", dir="/tmp"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self._data = self.folder / "data"
        self._run(initdb, "-D", self._data, "-U", "huiyan", "-A", "trust", "-E", "UTF8", "-N")
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        log = self.folder / "log"
        self._run(pg_ctl, "-D", self._data, "-l", log, "-o", options, "-w", "start")

    def _run(self, *command: object) -> None:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )

    def url(self, database: str) -> str:
        return f"postgresql://huiyan@/{database}?host={self.folder}"

    def _operate(self, statement: str) -> None:
        engine = create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"),
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def create(self, options: str = "") -> str:
        """Make a database of its own; for tests that alter it or cut its connections."""
        name = f"t{uuid.uuid4().hex}"
        self._operate(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def create_schema(self) -> str:
        """Make an empty schema, which is as good and much cheaper."""
        name = f"t{uuid.uuid4().hex}"
        self._operate(f"CREATE SCHEMA {name}")
        return f"{self.url('postgres')}&options=-csearch_path%3D{name}"

    def column(self, url: str, column: str, table: str) -> list[str]:
        """Read one column of a table, as an operator would."""
        with psycopg.connect(url) as connection:
            rows = connection.execute(f"SELECT {column} FROM {table}")  # type: ignore[arg-type]  # noqa: S608 -- names of this test
            return [row[0] for row in rows]

    def stop(self) -> None:
        self._run(self._pg_ctl, "-D", self._data, "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def serve_postgresql() -> Iterator[PostgresqlServer]:
    """Start one and stop it afterwards; skips aloud where its programs are absent."""
    initdb, pg_ctl = find_program("initdb"), find_program("pg_ctl")
    if initdb is None or pg_ctl is None:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(MISSING, stacklevel=1)
        pytest.skip(MISSING)
    server = PostgresqlServer(initdb, pg_ctl)
    yield server
    server.stop()
