"""Bringing a database to the shape that this code expects.

Owns: running the steps in ``migrations`` once, whole and alone. Has no opinion on: what the steps
do.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from huiyan.kernel.errors import DatabaseError
from huiyan.persistence.database import Database

CONNECTION_ATTRIBUTE = "connection"

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Bring a database to this code's shape.

    Safe when several processes start at once: one does the work, the others wait and find it done.
    A process that is killed leaves the old shape.

    Parameters
    ----------
    database : Database
        Empty, of an older shape, or of this one.

    Raises
    ------
    DatabaseError
        The database is of a newer shape, or a step failed.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with database.exclusive() as connection:
        if _stands_at_head(connection, script):
            return
        config.attributes[CONNECTION_ATTRIBUTE] = connection
        command.upgrade(config, "head")


def _stands_at_head(connection: Connection, script: ScriptDirectory) -> bool:
    current = MigrationContext.configure(connection).get_current_heads()
    for revision in current:
        try:
            script.get_revision(revision)
        except CommandError as error:
            raise DatabaseError(
                f"the database has shape {revision}, which this version of Huiyan does not know: "
                "it was used by a newer version; upgrade Huiyan, or restore a backup"
            ) from error
    return set(current) == set(script.get_heads())
