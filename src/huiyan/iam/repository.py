"""Where accounts, projects, users and keys are stored.

Owns: every statement about them. Has no opinion on: who may ask for a change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from huiyan.iam.directory.model import Directory
from huiyan.iam.directory.repository import read_accounts, read_directory, read_projects
from huiyan.iam.directory.secrets import SecretOpener
from huiyan.iam.model import IMAGE_SERVICE, Founding, NewKey, Project
from huiyan.kernel.errors import ConflictError, DatabaseError
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database
from huiyan.persistence.query import (
    Scope,
    insert_in,
    select_everywhere,
    select_in,
    update_in,
)
from huiyan.persistence.revision import leave_revision, raise_revision, read_revision
from huiyan.persistence.schema import (
    ACCESS_KEY,
    ACCOUNT,
    IAM_USER,
    PROJECT,
    SERVICE_ENABLEMENT,
)


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

    def directory(self, secrets: SecretOpener) -> Directory:
        """Read all that authentication and authorisation need.

        Parameters
        ----------
        secrets : SecretOpener
            Opens the keys' secrets, such as the vault.

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
        with self._database.reading() as connection:
            return read_directory(connection, secrets)

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
            accounts = read_accounts(connection)
            if not accounts:
                _insert_founding(connection, founding)
                raise_revision(connection)
                return True
            missing = founding.missing_projects(accounts, read_projects(connection))
            if missing:
                _insert_projects(connection, missing, founding.at)
                raise_revision(connection)
            return False

    def add_account(self, founding: Founding) -> None:
        """Store a further account whole: its owner, projects and first key.

        Parameters
        ----------
        founding : Founding
            What to store.

        Raises
        ------
        ConflictError
            An account of that name is there.
        DatabaseError
            The database failed.
        """
        try:
            with self._database.changing() as connection:
                _insert_founding(connection, founding)
        except IntegrityError as error:
            raise ConflictError(f"an account named {founding.account.name} exists") from error

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
        is_it = SERVICE_ENABLEMENT.c.service == service
        known = select_in(scope, SERVICE_ENABLEMENT).where(is_it)
        change = (
            update_in(scope, SERVICE_ENABLEMENT)
            .where(is_it)
            .values(enabled=enabled, changed_at_ms=at)
        )
        try:
            with self._database.changing() as connection:
                stored = connection.execute(known.with_for_update()).one_or_none()
                if stored is None:
                    connection.execute(
                        insert_in(scope, SERVICE_ENABLEMENT).values(
                            service=service, enabled=enabled, changed_at_ms=at
                        )
                    )
                elif stored.enabled == enabled:
                    leave_revision(connection)
                else:
                    connection.execute(change)
        except IntegrityError as error:
            raise DatabaseError(
                f"service {service} was changed by someone else at the same time: try again"
            ) from error


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
    insert_key(connection, account.id, founding.key, at)


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


def insert_key(connection: Connection, account_id: AccountId, key: NewKey, at: datetime) -> None:
    """Store a key.

    Parameters
    ----------
    connection : Connection
        In a writing transaction.
    account_id : AccountId
        The account of the key's user.
    key : NewKey
        The key.
    at : datetime
        The instant, in UTC.
    """
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
