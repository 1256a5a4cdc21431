"""Reading the directory.

Owns: every statement that fills the snapshot. Has no opinion on: when it is read, and what follows
from it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from huiyan.iam.directory.model import Agency, Directory, Grant, Group, Limits
from huiyan.iam.directory.secrets import SecretOpener
from huiyan.iam.model import Account, Project, SealedSecret, UsableKey, User
from huiyan.iam.policy.model import Effect, Policy, Role, RoleId, RoleType, Statement
from huiyan.iam.policy.system import SYSTEM_ROLES
from huiyan.iam.policy.wire import parse_policy
from huiyan.kernel.errors import InvalidParameterError, MissingParameterError
from huiyan.kernel.ids import AccessKey, AccountId, AgencyId, GroupId, ProjectId, UserId
from huiyan.kernel.principal import Principal
from huiyan.persistence.query import select_everywhere
from huiyan.persistence.revision import read_revision
from huiyan.persistence.schema import (
    ACCESS_KEY,
    ACCOUNT,
    AGENCY,
    CUSTOM_ROLE,
    GROUP_MEMBER,
    IAM_GROUP,
    IAM_USER,
    PROJECT,
    ROLE_GRANT,
    SERVICE_ENABLEMENT,
    THROTTLE_LIMIT,
)

_KEPT_POLICIES = 1024
_DENY_ALL = Policy("1.1", (Statement(Effect.DENY, ("*:*:*",)),))
_log = structlog.get_logger(__name__)

CUSTOM_CATALOG = "CUSTOMED"
"""The vendor's catalog of policies that accounts make."""


def read_directory(connection: Connection, secrets: SecretOpener) -> Directory:
    """Read all that authentication and authorisation need.

    Parameters
    ----------
    connection : Connection
        In a transaction.
    secrets : SecretOpener
        Opens the keys' secrets; a key for which it gives None is left out.

    Returns
    -------
    Directory
        At the revision read first, or newer.

    Raises
    ------
    DatabaseError
        The database failed.
    InstanceKeyError
        A stored secret does not open, and the opener says so.
    """
    revision = read_revision(connection)
    accounts = read_accounts(connection)
    users = _read_users(connection)
    return Directory(
        revision=revision,
        keys={
            access: UsableKey(principal, secret)
            for access, principal, sealed in _read_keys(connection)
            if (secret := secrets.open(access, sealed)) is not None
        },
        accounts={account.id: account for account in accounts},
        projects={project.id: project for project in read_projects(connection)},
        users={user.id: user for user in users},
        groups={group.id: group for group in _read_groups(connection)},
        memberships=_read_memberships(connection),
        grants=_read_grants(connection),
        roles={role.id: role for role in (*SYSTEM_ROLES, *_read_roles(connection))},
        agencies={agency.id: agency for agency in _read_agencies(connection)},
        user_ids={(user.account_id, user.name): user.id for user in users},
        account_ids={account.name: account.id for account in accounts},
        limits=_read_limits(connection),
    )


def read_accounts(connection: Connection) -> list[Account]:
    """Read every account.

    Parameters
    ----------
    connection : Connection
        In a transaction.

    Returns
    -------
    list of Account
        In no order.
    """
    query = select_everywhere("whose key this is, is not known yet", ACCOUNT)
    return [
        Account(AccountId(row.id), row.name, row.description, row.enabled)
        for row in connection.execute(query)
    ]


def read_projects(connection: Connection) -> list[Project]:
    """Read every project.

    Parameters
    ----------
    connection : Connection
        In a transaction.

    Returns
    -------
    list of Project
        By name, with the services that are open in each.
    """
    opened: dict[str, set[str]] = {}
    query = select_everywhere("service state for all callers", SERVICE_ENABLEMENT).where(
        SERVICE_ENABLEMENT.c.enabled
    )
    for row in connection.execute(query):
        opened.setdefault(row.project_id, set()).add(row.service)
    query = select_everywhere("projects for all callers", PROJECT).order_by(PROJECT.c.name)
    return [
        Project(
            id=ProjectId(row.id),
            account_id=AccountId(row.account_id),
            name=row.name,
            parent_id=row.parent_id,
            description=row.description,
            enabled=row.enabled,
            services=frozenset(opened.get(row.id, ())),
        )
        for row in connection.execute(query)
    ]


def _read_keys(connection: Connection) -> list[tuple[AccessKey, Principal, SealedSecret]]:
    joined = ACCESS_KEY.join(IAM_USER, ACCESS_KEY.c.user_id == IAM_USER.c.id)
    query = (
        select_everywhere("whose key this is, is not known yet", joined)
        .with_only_columns(
            ACCESS_KEY.c.access,
            ACCESS_KEY.c.secret_ciphertext,
            ACCESS_KEY.c.instance_key_id,
            IAM_USER.c.id,
            IAM_USER.c.account_id,
            IAM_USER.c.name,
            IAM_USER.c.is_owner,
        )
        .where(ACCESS_KEY.c.status == "active")
    )
    rows = connection.execute(query).all()
    return [
        (
            AccessKey(access),
            Principal(AccountId(account_id), UserId(user_id), name, access, is_owner),
            SealedSecret(bytes(ciphertext), key_id),
        )
        for access, ciphertext, key_id, user_id, account_id, name, is_owner in rows
    ]


def _read_users(connection: Connection) -> list[User]:
    query = select_everywhere("whose token this is, is not known yet", IAM_USER)
    return [user_of(row) for row in connection.execute(query).all()]


def user_of(row: Row[Any]) -> User:
    """Read a user out of a row.

    Parameters
    ----------
    row : Row
        Of the table ``iam_user``.

    Returns
    -------
    User
        The user, without the password's hash.
    """
    return User(
        id=UserId(row.id),
        account_id=AccountId(row.account_id),
        name=row.name,
        is_owner=row.is_owner,
        enabled=row.enabled,
        description=row.description,
        email=row.email,
        area_code=row.area_code,
        phone=row.phone,
        access_mode=row.access_mode,
        must_change_password=row.must_change_password,
        credential_epoch=row.credential_epoch,
        created_at=row.created_at_ms,
    )


def _read_groups(connection: Connection) -> list[Group]:
    query = select_everywhere("groups of all callers", IAM_GROUP)
    return [
        Group(
            GroupId(row.id),
            AccountId(row.account_id),
            row.name,
            row.description,
            row.created_at_ms,
        )
        for row in connection.execute(query)
    ]


def _read_memberships(connection: Connection) -> dict[UserId, tuple[GroupId, ...]]:
    query = select_everywhere("memberships of all callers", GROUP_MEMBER).order_by(
        GROUP_MEMBER.c.group_id
    )
    wanted = query.with_only_columns(GROUP_MEMBER.c.user_id, GROUP_MEMBER.c.group_id)
    found: dict[UserId, list[GroupId]] = {}
    for user_id, group_id in connection.execute(wanted).all():
        found.setdefault(UserId(user_id), []).append(GroupId(group_id))
    return {user_id: tuple(group_ids) for user_id, group_ids in found.items()}


def _read_grants(connection: Connection) -> dict[str, tuple[Grant, ...]]:
    query = select_everywhere("grants of all callers", ROLE_GRANT).order_by(
        ROLE_GRANT.c.role_id, ROLE_GRANT.c.place, ROLE_GRANT.c.project_id
    )
    wanted = query.with_only_columns(
        ROLE_GRANT.c.account_id,
        ROLE_GRANT.c.subject,
        ROLE_GRANT.c.subject_id,
        ROLE_GRANT.c.role_id,
        ROLE_GRANT.c.place,
        ROLE_GRANT.c.project_id,
    )
    found: dict[str, list[Grant]] = {}
    for account_id, subject, subject_id, role_id, place, project_id in connection.execute(
        wanted
    ).all():
        project = ProjectId(project_id) if project_id else None
        grant = Grant(AccountId(account_id), subject, subject_id, RoleId(role_id), place, project)
        found.setdefault(subject_id, []).append(grant)
    return {subject_id: tuple(grants) for subject_id, grants in found.items()}


def _read_roles(connection: Connection) -> list[Role]:
    query = select_everywhere("policies of all callers", CUSTOM_ROLE)
    return [role_of(row) for row in connection.execute(query)]


def role_of(row: Row[Any]) -> Role:
    """Read a custom policy out of a row.

    Parameters
    ----------
    row : Row
        Of the table ``custom_role``.

    Returns
    -------
    Role
        The policy.
    """
    return Role(
        id=RoleId(row.id),
        account_id=AccountId(row.account_id),
        name=f"custom_{row.account_id}_{row.number}",
        display_name=row.display_name,
        catalog=CUSTOM_CATALOG,
        type=RoleType(row.type),
        flag="",
        description=row.description,
        description_cn=row.description_cn,
        policy=_policy_of(row.document),
        created_at=row.created_at_ms,
        updated_at=row.updated_at_ms,
    )


@lru_cache(maxsize=_KEPT_POLICIES)
def _policy_of(document: str) -> Policy:
    """Parse a stored policy; equal texts give the same object, which is prepared for use once.

    One that cannot be read denies everything: leaving it out could open what it was to close.
    """
    try:
        return parse_policy(json.loads(document))
    except (InvalidParameterError, MissingParameterError, ValueError) as error:
        _log.error("policy_unreadable", detail=str(error))
        return _DENY_ALL


def _read_agencies(connection: Connection) -> list[Agency]:
    query = select_everywhere("agencies of all callers", AGENCY)
    return [agency_of(row) for row in connection.execute(query)]


def agency_of(row: Row[Any]) -> Agency:
    """Read an agency out of a row.

    Parameters
    ----------
    row : Row
        Of the table ``agency``.

    Returns
    -------
    Agency
        The agency.
    """
    return Agency(
        id=AgencyId(row.id),
        account_id=AccountId(row.account_id),
        name=row.name,
        trusted_account_id=row.trusted_account_id,
        trusted_account_name=row.trusted_account_name,
        description=row.description,
        duration=row.duration,
        created_at=row.created_at_ms,
    )


def _read_limits(connection: Connection) -> dict[str, Limits]:
    query = select_everywhere("limits of all callers", THROTTLE_LIMIT)
    return {
        row.subject_id: Limits(row.calls_per_minute, row.concurrent_calls)
        for row in connection.execute(query)
    }
