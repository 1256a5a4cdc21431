import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from huiyan.persistence.database import Database, open_database
from huiyan.persistence.migration import migrate

MISSING = "PostgreSQL's programs (initdb, pg_ctl) are not here: its tests are SKIPPED"


def find_program(name: str) -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, folders)]))


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

    def stop(self) -> None:
        self._run(self._pg_ctl, "-D", self._data, "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    initdb, pg_ctl = find_program("initdb"), find_program("pg_ctl")
    if initdb is None or pg_ctl is None:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(MISSING, stacklevel=1)
        pytest.skip(MISSING)
    server = PostgresqlServer(initdb, pg_ctl)
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'huiyan.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.create_schema()


@pytest.fixture
def empty_database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    migrate(empty_database)
    return empty_database
