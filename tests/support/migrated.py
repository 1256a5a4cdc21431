"""Databases in their present shape; SQLite's tables are made once, then copied."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from huiyan.persistence.database import Database, open_database
from huiyan.persistence.migration import migrate


def open_migrated(url: str) -> Database:
    """Open a database without rows; one that is there already is migrated in its place."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database
        path = Path(parsed.database)
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(_template())
            return open_database(url)
    database = open_database(url)
    migrate(database)
    return database


@cache
def _template() -> bytes:
    """Migrate once in this process: doing it for each test takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "huiyan.db"
        database = open_database(f"sqlite:///{path}")
        migrate(database)
        database.close()
        assert list(path.parent.iterdir()) == [path], "the log was not brought into the file"
        return path.read_bytes()
