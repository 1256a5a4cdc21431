import subprocess
import sys
import textwrap

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect

from huiyan.kernel.errors import DatabaseError
from huiyan.persistence.database import Database
from huiyan.persistence.gallery_schema import GALLERY
from huiyan.persistence.migration import migrate
from huiyan.persistence.schema import METADATA


@pytest.fixture
def database(empty_database: Database) -> Database:
    """Migrated in its place: no copy stands in for what is tested here."""
    migrate(empty_database)
    return empty_database


def test_the_migrated_shape_is_the_declared_one(database: Database) -> None:
    assert GALLERY.name in METADATA.tables
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_checks_and_their_names_are_the_declared_ones(database: Database) -> None:
    inspector = inspect(database.engine)
    for table in METADATA.tables.values():
        found = {check["name"] for check in inspector.get_check_constraints(table.name)}
        declared = {
            constraint.name
            for constraint in table.constraints
            if isinstance(constraint, CheckConstraint)
        }
        assert found == declared, table.name


def test_a_second_run_changes_nothing(database: Database) -> None:
    migrate(database)


def test_a_newer_database_is_refused_with_what_mends_it(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match=r"9999.*newer version.*upgrade"):
        migrate(database)


def test_a_failing_step_leaves_nothing_half(empty_database: Database) -> None:
    with empty_database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE use_record (id INTEGER)")
    with pytest.raises(DatabaseError):
        migrate(empty_database)
    assert set(inspect(empty_database.engine).get_table_names()) == {"use_record"}


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    program = textwrap.dedent(
        """
        import sys
        from huiyan.persistence.database import open_database
        from huiyan.persistence.migration import migrate
        sys.stdin.readline()
        migrate(open_database(sys.argv[1]))
        """
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
