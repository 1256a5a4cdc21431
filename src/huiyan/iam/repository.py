"""Where accounts, projects, users and keys are stored.

Owns: every statement about them. Has no opinion on: who may ask for a change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from huiyan.iam.model import (
    IMAGE_SERVICE,
    Account,
    Directory,
    Founding,
    KeyStatus,
    NewKey,
    Project,
    SealedSecret,
    UsableKey,
    User,
)
from huiyan.iam.vault import Vault
from huiyan.kernel.errors import DatabaseError
from huiyan.kernel.ids import AccessKey, AccountId, ProjectId, UserId
from huiyan.kernel.principal import Principal
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, insert_in, select_everywhere, select_in, update_in
from huiyan.persistence.revision import raise_revision, read_revision
from huiyan.persistence.schema import ACCESS_KEY, ACCOUNT, IAM_USER, PROJECT, SERVICE_ENABLEMENT


class IdentityRepository:
    """Stores identities.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """Read the number that grows with every change; one tiny query.

        Returns
        -------
        int
            The number.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        with self._database.reading() as connection:
            return read_revision(connection)

    def stored_key_ids(self) -> frozenset[str]:
        """Tell under which instance keys secrets are stored.

        Returns
        -------
        frozenset of str
            Ids of instance keys; empty in a new database.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = (
            select_everywhere("the instance key opens the secrets of all", ACCESS_KEY)
            .with_only_columns(ACCESS_KEY.c.instance_key_id)
            .distinct()
        )
        with self._database.reading() as connection:
            return frozenset(connection.execute(query).scalars())

    def directory(self, vault: Vault) -> Directory:
        """Read all that authentication and authorisation need.

        Parameters
        ----------
        vault : Vault
            Opens the secrets.

        Returns
        -------
        Directory
            At the revision read first, or newer.

        Raises
        ------
        DatabaseError
            The database failed.
        InstanceKeyError
            A stored secret does not open.
        """
        with self._database.reading() as connection:
            revision = read_revision(connection)
            accounts = _read_accounts(connection)
            projects = _read_projects(connection)
            keys = _read_keys(connection)
        return Directory(
            revision=revision,
            keys={
                access: UsableKey(principal, vault.open(access, sealed))
                for access, principal, sealed in keys
            },
            accounts={account.id: account for account in accounts},
            projects={project.id: project for project in projects},
        )

    def found_or_extend(self, founding: Founding) -> bool:
        """Store the first account whole, or give accounts that are there the regions they lack.

        Parameters
        ----------
        founding : Founding
            What to store if there is no account yet; otherwise the names of its projects are the
            regions that every account has.

        Returns
        -------
        bool
            Whether the first account was stored now, by this process.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        with self._database.exclusive() as connection:
            accounts = _read_accounts(connection)
            if not accounts:
                _insert_founding(connection, founding)
                raise_revision(connection)
                return True
            missing = founding.missing_projects(accounts, _read_projects(connection))
            if missing:
                _insert_projects(connection, missing, founding.at)
                raise_revision(connection)
            return False

    def find_user(self, account_id: AccountId, name: str) -> User | None:
        """Find a user by name.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        name : str
            The name, exactly.

        Returns
        -------
        User or None
            None if there is none of that name.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = select_in(Scope(account_id), IAM_USER).where(IAM_USER.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return User(UserId(row.id), AccountId(row.account_id), row.name, row.is_owner)

    def add_key(self, account_id: AccountId, key: NewKey, at: datetime) -> None:
        """Store a key.

        Parameters
        ----------
        account_id : AccountId
            The account of the key's user.
        key : NewKey
            The key.
        at : datetime
            The instant, in UTC.

        Raises
        ------
        DatabaseError
            The database failed, or the user is gone.
        """
        try:
            with self._database.changing() as connection:
                _insert_key(connection, account_id, key, at)
        except IntegrityError as error:
            raise DatabaseError(f"access key {key.access_key} cannot be stored") from error

    def set_key_status(self, account_id: AccountId, access_key: AccessKey, to: KeyStatus) -> bool:
        """Let a key sign, or stop it.

        Parameters
        ----------
        account_id : AccountId
            The key's account.
        access_key : AccessKey
            The key.
        to : {'active', 'inactive'}
            Its new status.

        Returns
        -------
        bool
            Whether the account has such a key.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        change = (
            update_in(Scope(account_id), ACCESS_KEY)
            .where(ACCESS_KEY.c.access == access_key)
            .values(status=to)
        )
        with self._database.changing() as connection:
            return connection.execute(change).rowcount > 0

    def set_service(self, scope: Scope, service: str, at: datetime, *, enabled: bool) -> None:
        """Open or close a service in a project.

        Parameters
        ----------
        scope : Scope
            The account and the project.
        service : str
            The service.
        at : datetime
            The instant, in UTC.
        enabled : bool
            Open or closed.

        Raises
        ------
        DatabaseError
            The database failed, or the project is gone.
        """
        change = (
            update_in(scope, SERVICE_ENABLEMENT)
            .where(SERVICE_ENABLEMENT.c.service == service)
            .values(enabled=enabled, changed_at_ms=at)
        )
        try:
            with self._database.changing() as connection:
                if connection.execute(change).rowcount == 0:
                    connection.execute(
                        insert_in(scope, SERVICE_ENABLEMENT).values(
                            service=service, enabled=enabled, changed_at_ms=at
                        )
                    )
        except IntegrityError as error:
            raise DatabaseError(
                f"service {service} was changed by someone else at the same time: try again"
            ) from error


def _read_accounts(connection: Connection) -> list[Account]:
    query = select_everywhere("whose key this is, is not known yet", ACCOUNT)
    return [
        Account(AccountId(row.id), row.name, row.description, row.enabled)
        for row in connection.execute(query)
    ]


def _read_projects(connection: Connection) -> list[Project]:
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
    joined = ACCESS_KEY.join(IAM_USER, ACCESS_KEY.c.user_id == IAM_USER.c.id).join(
        ACCOUNT, IAM_USER.c.account_id == ACCOUNT.c.id
    )
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
        .where(ACCESS_KEY.c.status == "active", IAM_USER.c.enabled, ACCOUNT.c.enabled)
    )
    rows = connection.execute(query)
    return [
        (
            AccessKey(access),
            Principal(AccountId(account_id), UserId(user_id), name, access, is_owner),
            SealedSecret(bytes(ciphertext), key_id),
        )
        for access, ciphertext, key_id, user_id, account_id, name, is_owner in rows
    ]


def _insert_founding(connection: Connection, founding: Founding) -> None:
    account, owner, at = founding.account, founding.owner, founding.at
    scope = Scope(account.id)
    connection.execute(
        insert_in(scope, ACCOUNT).values(
            name=account.name,
            description=account.description,
            enabled=account.enabled,
            created_at_ms=at,
        )
    )
    _insert_projects(connection, founding.projects, at)
    connection.execute(
        insert_in(scope, IAM_USER).values(
            id=owner.id,
            name=owner.name,
            description="",
            enabled=True,
            is_owner=owner.is_owner,
            password_hash=None,
            created_at_ms=at,
        )
    )
    _insert_key(connection, account.id, founding.key, at)


def _insert_projects(connection: Connection, projects: Sequence[Project], at: datetime) -> None:
    for project in projects:
        scope = Scope(project.account_id, project.id)
        connection.execute(
            insert_in(scope, PROJECT).values(
                name=project.name,
                parent_id=project.parent_id,
                description=project.description,
                enabled=project.enabled,
                created_at_ms=at,
            )
        )
        connection.execute(
            insert_in(scope, SERVICE_ENABLEMENT).values(
                service=IMAGE_SERVICE, enabled=IMAGE_SERVICE in project.services, changed_at_ms=at
            )
        )


def _insert_key(connection: Connection, account_id: AccountId, key: NewKey, at: datetime) -> None:
    connection.execute(
        insert_in(Scope(account_id), ACCESS_KEY).values(
            access=key.access_key,
            user_id=key.user_id,
            secret_ciphertext=key.sealed.ciphertext,
            instance_key_id=key.sealed.instance_key_id,
            status="active",
            description=key.description,
            created_at_ms=at,
            last_used_at_ms=None,
        )
    )
