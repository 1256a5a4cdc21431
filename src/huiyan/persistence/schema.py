"""Every table of the database, as declarations.

Owns: names, types, keys and constraints of the tables, and which columns say whose a row is. Has no
opinion on: what the rows mean to the slice that keeps them, and how a database of an older shape
becomes one of this shape (``migrations`` does that; a test holds the two together).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

ACCOUNT_COLUMN = "account_column"
PROJECT_COLUMN = "project_column"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_milliseconds(instant: datetime) -> int:
    """Turn an instant into the number that is stored.

    Parameters
    ----------
    instant : datetime
        Aware.

    Returns
    -------
    int
        Milliseconds since 1970-01-01 UTC, the rest cut off.

    Examples
    --------
    >>> to_milliseconds(datetime(1970, 1, 1, 0, 0, 1, 2999, tzinfo=UTC))
    1002
    """
    return (instant - _EPOCH) // _MILLISECOND


class UtcMilliseconds(TypeDecorator[datetime]):
    """An instant in UTC, stored as whole milliseconds since 1970.

    The same integer on every database: exact, ordered, and free of any server's time zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - the signature is SQLAlchemy's
    ) -> int | None:
        """Turn an instant into the stored number.

        Parameters
        ----------
        value : datetime or None
            Aware.
        dialect : Dialect
            The database's dialect; every one stores alike.

        Returns
        -------
        int or None
            Milliseconds since 1970-01-01 UTC.
        """
        return None if value is None else to_milliseconds(value)

    def process_result_value(
        self,
        value: int | None,
        dialect: Dialect,  # noqa: ARG002 - the signature is SQLAlchemy's
    ) -> datetime | None:
        """Turn the stored number into an instant.

        Parameters
        ----------
        value : int or None
            Milliseconds since 1970-01-01 UTC.
        dialect : Dialect
            The database's dialect; every one stores alike.

        Returns
        -------
        datetime or None
            Aware, in UTC.
        """
        return None if value is None else _EPOCH + value * _MILLISECOND


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

REVISION = Table(
    "revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)
"""One row: a number that grows with every change of accounts, keys, grants or service state."""

ACCOUNT = Table(
    "account",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    info={ACCOUNT_COLUMN: "id"},
)
"""The vendor's domain: who pays."""

PROJECT = Table(
    "project",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("parent_id", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    UniqueConstraint("account_id", "name"),
    info={ACCOUNT_COLUMN: "account_id", PROJECT_COLUMN: "id"},
)
"""A region's share of an account; its name is the region's id."""

IAM_USER = Table(
    "iam_user",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("is_owner", Boolean, nullable=False),
    Column("password_hash", Text, nullable=True),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    UniqueConstraint("account_id", "name"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""A person or program of an account; ``user`` is a reserved word of SQL."""

ACCESS_KEY = Table(
    "access_key",
    METADATA,
    Column("access", String(64), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("user_id", String(32), ForeignKey("iam_user.id"), nullable=False, index=True),
    Column("secret_ciphertext", LargeBinary, nullable=False),
    Column("instance_key_id", String(32), nullable=False),
    Column("status", String(8), nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    Column("last_used_at_ms", UtcMilliseconds, nullable=True),
    CheckConstraint("status IN ('active', 'inactive')", name="status"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""An AK and its SK, the latter encrypted under the instance key of that id."""

SERVICE_ENABLEMENT = Table(
    "service_enablement",
    METADATA,
    Column("project_id", String(64), ForeignKey("project.id"), primary_key=True),
    Column("service", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("changed_at_ms", UtcMilliseconds, nullable=False),
    info={ACCOUNT_COLUMN: "account_id", PROJECT_COLUMN: "project_id"},
)
"""Whether an account has opened a service in a region."""

USE_RECORD = Table(
    "use_record",
    METADATA,
    Column("request_id", String(32), primary_key=True),
    Column("at_ms", UtcMilliseconds, nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("region", String(64), nullable=False),
    Column("user_id", String(32), nullable=False),
    Column("credential_id", String(64), nullable=False),
    Column("interface", String(64), nullable=False),
    Column("version", String(16), nullable=False),
    Column("succeeded", Boolean, nullable=False),
    Column("error_code", String(32), nullable=True),
    Column("http_status", Integer, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("width_px", Integer, nullable=True),
    Column("height_px", Integer, nullable=True),
    Column("duration_ms", Integer, nullable=False),
    Index(None, "account_id", "project_id", "at_ms"),
    info={ACCOUNT_COLUMN: "account_id", PROJECT_COLUMN: "project_id"},
)
"""One call; no foreign keys, because use outlives the account, the user and the key."""
