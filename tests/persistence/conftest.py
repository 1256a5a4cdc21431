from collections.abc import Iterator
from pathlib import Path

import pytest
from migrated import open_migrated
from postgresql_server import PostgresqlServer, serve_postgresql

from huiyan.persistence.database import Database, open_database


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    yield from serve_postgresql()


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
def database(database_url: str) -> Iterator[Database]:
    database = open_migrated(database_url)
    yield database
    database.close()
