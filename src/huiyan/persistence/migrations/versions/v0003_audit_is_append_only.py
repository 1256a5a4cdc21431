"""An audit log that only grows.

Owns: the triggers that refuse to change or remove what ``audit_record`` holds. Has no opinion on:
the table's shape.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_REFUSAL = "audit_record only grows"


def upgrade() -> None:
    """Create the triggers."""
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def _guard_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_record_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_record_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON audit_record FOR EACH STATEMENT EXECUTE FUNCTION audit_record_refuse()"
    )


def _guard_on_sqlite() -> None:
    for deed in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER audit_record_no_{deed} BEFORE {deed} ON audit_record "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
    # INSERT OR REPLACE removes a row without a word to the trigger above.
    op.execute(
        "CREATE TRIGGER audit_record_no_replace BEFORE INSERT ON audit_record "
        "WHEN EXISTS (SELECT 1 FROM audit_record WHERE id = NEW.id) "
        "BEGIN SELECT RAISE(IGNORE); END"
    )
