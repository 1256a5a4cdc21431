"""A PostgreSQL of one's own for the length of some tests, reached through a socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg


def find_program(name: str) -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))


class PostgresqlServer:
    """Started at construction; ``create`` gives the URL of a fresh database."""

    def __init__(self, initdb: str, pg_ctl: str, name: str) -> None:
        self._pg_ctl = pg_ctl
        self._name = name
        self._count = 0
        # The path of a socket has at most 107 characters, so pytest's own folders are too deep.
        self.folder = Path(tempfile.mkdtemp(prefix="huiyan-pg-", dir="/tmp"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self._data = self.folder / "data"
        self._run(initdb, "-D", self._data, "-U", "huiyan", "-A", "trust", "-E", "UTF8", "-N")
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder}"
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

    def _url(self, database: str) -> str:
        return f"postgresql://huiyan@/{database}?host={self.folder}"

    def create(self) -> str:
        self._count += 1
        database = f"t{self._name}{self._count}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")  # type: ignore[arg-type]
        return self._url(database)

    def column(self, url: str, column: str, table: str) -> list[str]:
        with psycopg.connect(url) as connection:
            rows = connection.execute(f"SELECT {column} FROM {table}")  # type: ignore[arg-type]  # noqa: S608 -- names of this test
            return [row[0] for row in rows]

    def stop(self) -> None:
        self._run(self._pg_ctl, "-D", self._data, "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)
