from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert

from huiyan.persistence.appender import Appender
from huiyan.persistence.database import Database, open_database

TABLE = Table(
    "things", MetaData(), Column("id", Integer, primary_key=True), Column("size", Integer)
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'huiyan.db'}")
    TABLE.create(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def appender(database: Database) -> Iterator[Appender]:
    opened = Appender(database.engine, insert(TABLE))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("row", "error"), [((2, 2**70), OverflowError), ((2, "\ud800"), UnicodeEncodeError)]
)
def test_a_value_that_the_driver_cannot_take_locks_nobody_out(
    appender: Appender, tmp_path: Path, row: tuple[int, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        appender.append([(1, 1), row])
    with closing(sqlite3.connect(tmp_path / "huiyan.db", timeout=0.5)) as other:
        other.execute("INSERT INTO things VALUES (3, 3)")
        other.commit()
        appender.append([(4, 4)])
        assert other.execute("SELECT id FROM things ORDER BY id").fetchall() == [(3,), (4,)]
