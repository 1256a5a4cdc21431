"""Galleries of people.

Owns: the fourth shape of the database. Has no opinion on: other shapes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_gallery()
    _create_people()
    _create_photos()
    _create_removals()


def _create_gallery() -> None:
    op.create_table(
        "gallery",
        sa.Column("project_id", sa.String(64), sa.ForeignKey("project.id"), primary_key=True),
        sa.Column("account_id", sa.String(32), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("oldest_revision", sa.BigInteger(), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.Column("person_count", sa.BigInteger(), nullable=False),
        sa.Column("photo_count", sa.BigInteger(), nullable=False),
        sa.Column("uses_starter", sa.Boolean(), nullable=False),
        sa.Column("keeps_pictures", sa.Boolean(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("instance_key_id", sa.String(32), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(sealed_key IS NULL) = (instance_key_id IS NULL)", name="sealed"),
    )


def _create_people() -> None:
    op.create_table(
        "gallery_person",
        sa.Column(
            "project_id", sa.String(64), sa.ForeignKey("gallery.project_id"), primary_key=True
        ),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("aliases", sa.Text(), nullable=False),
        sa.Column("occupation", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("photo_count", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("project_id", "id"),
    )
    _index("gallery_person", "project_id", "revision", "number")


def _create_photos() -> None:
    op.create_table(
        "gallery_photo",
        sa.Column("project_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("person_number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("quality", sa.Float(53), nullable=False),
        sa.Column("side_px", sa.Float(53), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "person_number"],
            ["gallery_person.project_id", "gallery_person.number"],
        ),
        sa.UniqueConstraint("project_id", "person_number", "digest"),
    )
    _index("gallery_photo", "project_id", "revision", "number")
    _index("gallery_photo", "project_id", "model")


def _create_removals() -> None:
    op.create_table(
        "gallery_removal",
        sa.Column(
            "project_id", sa.String(64), sa.ForeignKey("gallery.project_id"), primary_key=True
        ),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )
    _index("gallery_removal", "project_id", "revision")


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
