import sqlite3
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from huiyan.kernel.errors import DatabaseError
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.revision import leave_revision, read_revision


def revision_of(database: Database) -> int:
    with database.reading() as connection:
        return read_revision(connection)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://user:hunter2@host/name",
        "postgresql+asyncpg://user:hunter2@host/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/x?mode=ro",
    ],
)
def test_an_unusable_url_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        open_database(url)
    assert "sqlite:///PATH" in raised.value.detail
    assert "hunter2" not in raised.value.detail


def test_an_unreachable_server_is_named_without_its_password(postgresql: Any) -> None:
    with pytest.raises(DatabaseError) as raised:
        open_database(f"postgresql://huiyan:hunter2@/nowhere?host={postgresql.folder}/absent")
    assert "check that the server runs" in raised.value.detail
    assert "hunter2" not in raised.value.detail


def test_a_database_that_does_not_exist_says_so(postgresql: Any) -> None:
    with pytest.raises(DatabaseError, match="does not exist"):
        open_database(postgresql.url("absent"))


def test_a_database_that_cannot_hold_chinese_is_refused(postgresql: Any) -> None:
    url = postgresql.create("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    with pytest.raises(DatabaseError, match="UTF8"):
        open_database(url)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseError, match=r"huiyan\[postgresql\]"):
        open_database("postgresql://huiyan@localhost/name")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match="data_dir"):
        open_database(f"sqlite:///{tmp_path / 'file' / 'huiyan.db'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "huiyan.db").write_bytes(b"not a database, certainly" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        open_database(f"sqlite:///{tmp_path / 'huiyan.db'}")


def test_sqlite_is_private_durable_and_checks_references(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'new' / 'huiyan.db'}")
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x INTEGER)")
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "new").iterdir()} == {0o600}
    database.close()


def test_postgresql_commits_durably_even_where_the_server_is_tuned_not_to(
    postgresql: Any,
) -> None:
    url = postgresql.create()
    database = open_database(url)
    name = database.engine.url.database
    with database.writing() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    database.close()
    database = open_database(url)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    database.close()


def test_a_change_raises_the_revision_with_it(database: Database) -> None:
    before = revision_of(database)
    with database.changing():
        pass
    assert revision_of(database) == before + 1


def test_a_change_that_fails_leaves_the_revision(database: Database) -> None:
    before = revision_of(database)
    with pytest.raises(RuntimeError), database.changing():
        raise RuntimeError
    assert revision_of(database) == before


def test_changes_at_once_each_raise_the_revision(database: Database) -> None:
    def change() -> None:
        for _ in range(5):
            with database.changing():
                pass

    before = revision_of(database)
    threads = [threading.Thread(target=change) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert revision_of(database) == before + 20


def test_a_lost_revision_row_is_told(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM revision")
    with pytest.raises(DatabaseError, match="restore"):
        revision_of(database)


def test_a_locked_file_is_told_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huiyan.persistence.database.BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "huiyan.db"
    database = open_database(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError, match="another process"), database.writing():
        pass
    other.close()
    database.close()


def test_an_exclusive_transaction_waits_for_the_other(database: Database) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with database.exclusive():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with database.exclusive():
        inside.set()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_change_that_changed_nothing_leaves_the_revision(database: Database) -> None:
    before = revision_of(database)
    with database.changing() as connection:
        leave_revision(connection)
    assert revision_of(database) == before
    with suppress(RuntimeError), database.changing() as connection:
        leave_revision(connection)
        raise RuntimeError
    for _ in range(3):  # whichever pooled connection it is
        with database.changing():
            pass
    assert revision_of(database) == before + 3
