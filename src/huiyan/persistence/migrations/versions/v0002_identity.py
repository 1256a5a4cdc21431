"""Groups, policies, grants, agencies, lock-outs, limits and the audit log.

Owns: the second shape of the database. Has no opinion on: other shapes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and the users' further columns."""
    _extend_users()
    _create_groups()
    _create_roles()
    _create_agencies()
    _create_guards()
    _create_audit()


def _account_id() -> sa.Column[str]:
    return sa.Column("account_id", sa.String(32), sa.ForeignKey("account.id"), nullable=False)


def _extend_users() -> None:
    for column in (
        sa.Column("email", sa.String(255), nullable=False, server_default=sa.text("''")),
        sa.Column("area_code", sa.String(8), nullable=False, server_default=sa.text("''")),
        sa.Column("phone", sa.String(32), nullable=False, server_default=sa.text("''")),
        sa.Column("access_mode", sa.String(16), nullable=False, server_default="default"),
        sa.Column("must_change_password", sa.Boolean(), nullable=True),
        sa.Column("credential_epoch", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("iam_user", column)


def _create_groups() -> None:
    op.create_table(
        "iam_group",
        sa.Column("id", sa.String(32), primary_key=True),
        _account_id(),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("account_id", "name"),
    )
    op.create_table(
        "group_member",
        sa.Column("group_id", sa.String(32), sa.ForeignKey("iam_group.id"), primary_key=True),
        sa.Column("user_id", sa.String(32), sa.ForeignKey("iam_user.id"), primary_key=True),
        _account_id(),
    )
    op.create_index(op.f("ix_group_member_user_id"), "group_member", ["user_id"])


def _create_roles() -> None:
    op.create_table(
        "custom_role",
        sa.Column("id", sa.String(32), primary_key=True),
        _account_id(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("display_name", sa.String(64), nullable=False),
        sa.Column("type", sa.String(2), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("description_cn", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("account_id", "display_name"),
        sa.UniqueConstraint("account_id", "number"),
    )
    op.create_table(
        "role_grant",
        sa.Column("subject_id", sa.String(32), primary_key=True),
        sa.Column("role_id", sa.String(32), primary_key=True),
        sa.Column("place", sa.String(16), primary_key=True),
        sa.Column("project_id", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(8), nullable=False),
        _account_id(),
        sa.CheckConstraint("place IN ('domain', 'project', 'inherited')", name="place"),
        sa.CheckConstraint("subject IN ('group', 'agency')", name="subject"),
    )


def _create_agencies() -> None:
    op.create_table(
        "agency",
        sa.Column("id", sa.String(32), primary_key=True),
        _account_id(),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("trusted_account_id", sa.String(32), nullable=False),
        sa.Column("trusted_account_name", sa.String(128), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("duration", sa.String(16), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("account_id", "name"),
    )


def _create_guards() -> None:
    op.create_table(
        "login_failure",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("counted_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("locked_until_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('user', 'address')", name="kind"),
    )
    op.create_table(
        "throttle_limit",
        sa.Column("subject", sa.String(8), primary_key=True),
        sa.Column("subject_id", sa.String(64), primary_key=True),
        _account_id(),
        sa.Column("calls_per_minute", sa.Integer(), nullable=False),
        sa.Column("concurrent_calls", sa.Integer(), nullable=False),
        sa.CheckConstraint("subject IN ('user', 'project')", name="subject"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit_record",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("user_name", sa.String(128), nullable=False),
        sa.Column("credential_id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("action", sa.String(128), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index(
        op.f("ix_audit_record_account_id_at_ms_id"), "audit_record", ["account_id", "at_ms", "id"]
    )
