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
    text,
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
    Column("email", String(255), nullable=False, server_default=text("''")),
    Column("area_code", String(8), nullable=False, server_default=text("''")),
    Column("phone", String(32), nullable=False, server_default=text("''")),
    Column("access_mode", String(16), nullable=False, server_default="default"),
    Column("must_change_password", Boolean, nullable=True),
    Column("credential_epoch", Integer, nullable=False, server_default="0"),
    UniqueConstraint("account_id", "name"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""A person or program of an account; ``user`` is a reserved word of SQL.

``credential_epoch`` grows when the password or the status changes; tokens carry it.
"""

IAM_GROUP = Table(
    "iam_group",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    UniqueConstraint("account_id", "name"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""Users who get the same rights."""

GROUP_MEMBER = Table(
    "group_member",
    METADATA,
    Column("group_id", String(32), ForeignKey("iam_group.id"), primary_key=True),
    Column("user_id", String(32), ForeignKey("iam_user.id"), primary_key=True, index=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""Who is in which group."""

CUSTOM_ROLE = Table(
    "custom_role",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("display_name", String(64), nullable=False),
    Column("type", String(2), nullable=False),
    Column("description", Text, nullable=False),
    Column("description_cn", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    Column("updated_at_ms", UtcMilliseconds, nullable=True),
    UniqueConstraint("account_id", "display_name"),
    UniqueConstraint("account_id", "number"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""A policy that an account made; its vendor name is ``custom_<account>_<number>``."""

AGENCY = Table(
    "agency",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("trusted_account_id", String(32), nullable=False),
    Column("trusted_account_name", String(128), nullable=False),
    Column("description", Text, nullable=False),
    Column("duration", String(16), nullable=False),
    Column("created_at_ms", UtcMilliseconds, nullable=False),
    UniqueConstraint("account_id", "name"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""Rights that an account lends to another account or to a service."""

ROLE_GRANT = Table(
    "role_grant",
    METADATA,
    Column("subject_id", String(32), primary_key=True),
    Column("role_id", String(32), primary_key=True),
    Column("place", String(16), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("subject", String(8), nullable=False),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    CheckConstraint("place IN ('domain', 'project', 'inherited')", name="place"),
    CheckConstraint("subject IN ('group', 'agency')", name="subject"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""A role given to a group or an agency; ``project_id`` is empty but for the place ``project``."""

LOGIN_FAILURE = Table(
    "login_failure",
    METADATA,
    Column("kind", String(8), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("account_id", String(32), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("counted_from_ms", UtcMilliseconds, nullable=False),
    Column("locked_until_ms", UtcMilliseconds, nullable=True),
    CheckConstraint("kind IN ('user', 'address')", name="kind"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""Wrong passwords for one name or from one address, by digest; an unknown account's id is empty."""

THROTTLE_LIMIT = Table(
    "throttle_limit",
    METADATA,
    Column("subject", String(8), primary_key=True),
    Column("subject_id", String(64), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("calls_per_minute", Integer, nullable=False),
    Column("concurrent_calls", Integer, nullable=False),
    CheckConstraint("subject IN ('user', 'project')", name="subject"),
    info={ACCOUNT_COLUMN: "account_id"},
)
"""How much one user or project may call, where it is not the setting; 0 is no limit."""

AUDIT_RECORD = Table(
    "audit_record",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("at_ms", UtcMilliseconds, nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(32), nullable=False),
    Column("user_name", String(128), nullable=False),
    Column("credential_id", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("request_id", String(32), nullable=False),
    Column("action", String(128), nullable=False),
    Column("resource", Text, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "account_id", "at_ms", "id"),
    info={ACCOUNT_COLUMN: "account_id", PROJECT_COLUMN: "project_id"},
)
"""Who did or tried what; no foreign keys, because it outlives what it tells of."""

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
