"""What Alembic runs around the steps; it gets its connection from ``migration.migrate``.

Owns: nothing but the handing over. Has no opinion on: transactions; the caller holds one.
"""

from __future__ import annotations

from alembic import context

from huiyan.persistence.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
