"""The tables of galleries, beside those of ``schema``.

Owns: names, types, keys and constraints of these tables. Has no opinion on: what the rows mean, and
how embeddings are encrypted.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from huiyan.persistence.schema import ACCOUNT_COLUMN, METADATA, PROJECT_COLUMN, UtcMilliseconds

_OWNED = {ACCOUNT_COLUMN: "account_id", PROJECT_COLUMN: "project_id"}

GALLERY = Table(
    "gallery",
    METADATA,
    Column("project_id", String(64), ForeignKey("project.id"), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("id", String(32), nullable=False, unique=True),
    Column("model", String(128), nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("oldest_revision", BigInteger, nullable=False),
    Column("next_number", BigInteger, nullable=False),
    Column("person_count", BigInteger, nullable=False),
    Column("photo_count", BigInteger, nullable=False),
    Column("uses_starter", Boolean, nullable=False),
    Column("keeps_pictures", Boolean, nullable=False),
    Column("sealed_key", LargeBinary, nullable=True),
    Column("instance_key_id", String(32), nullable=True),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    CheckConstraint("(sealed_key IS NULL) = (instance_key_id IS NULL)", name="sealed"),
    info=_OWNED,
)
"""A project's gallery; ``sealed_key`` is its data key under the instance key of that id."""

GALLERY_PERSON = Table(
    "gallery_person",
    METADATA,
    Column("project_id", String(64), ForeignKey("gallery.project_id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("account_id", String(32), nullable=False),
    Column("id", String(32), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("aliases", Text, nullable=False),
    Column("occupation", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("photo_count", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    Column("changed_at_ms", UtcMilliseconds, nullable=False),
    UniqueConstraint("project_id", "id"),
    Index(None, "project_id", "revision", "number"),
    info=_OWNED,
)
"""Somebody in a gallery; ``folded`` holds id and names as they are searched for, a line each."""

GALLERY_PHOTO = Table(
    "gallery_photo",
    METADATA,
    Column("project_id", String(64), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("account_id", String(32), nullable=False),
    Column("id", String(32), nullable=False),
    Column("person_number", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("model", String(128), nullable=False),
    Column("quality", Float(53), nullable=False),
    Column("side_px", Float(53), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    Column("picture", LargeBinary, nullable=True),
    ForeignKeyConstraint(
        ["project_id", "person_number"], ["gallery_person.project_id", "gallery_person.number"]
    ),
    UniqueConstraint("project_id", "person_number", "digest"),
    Index(None, "project_id", "revision", "number"),
    Index(None, "project_id", "model"),
    info=_OWNED,
)
"""A photo's embedding, and its face's pixels where these are kept; both may be encrypted."""

GALLERY_REMOVAL = Table(
    "gallery_removal",
    METADATA,
    Column("project_id", String(64), ForeignKey("gallery.project_id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("account_id", String(32), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index(None, "project_id", "revision"),
    info=_OWNED,
)
"""That a person or photo of this number is gone, for other processes; nothing else of it."""
