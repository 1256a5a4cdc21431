"""From settings to what an operator's commands need, beside running servers or without any.

Owns: which parts of an installation an operator changes, and how deeds of that kind are told to the
audit log. Has no opinion on: commands, and what a server needs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from huiyan.celebrity.gallery.keys.repository import GalleryKeys
from huiyan.iam.accounts.repository import AccountRepository
from huiyan.iam.assembly import open_identity
from huiyan.iam.audit.model import AuditEntry
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.rotation.key_file import KeyFile
from huiyan.iam.rotation.repository import RotationRepository
from huiyan.iam.rotation.service import RotationService
from huiyan.iam.vault import KEY_FILE_NAME, Vault, open_vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import DatabaseError, HuiyanError
from huiyan.kernel.ids import AccountId, UserId, new_request_id
from huiyan.kernel.settings import Settings
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.migration import migrate

OPERATOR = "operator"
LOCAL = "local"
"""Who did it and from where, in the audit log."""

_Answer = TypeVar("_Answer")


def open_installation_vault(settings: Settings, database: Database) -> Vault:
    """Open what seals under the instance key.

    Parameters
    ----------
    settings : Settings
        Where the key is.
    database : Database
        What is sealed.

    Returns
    -------
    Vault
        Opens every secret of the installation.

    Raises
    ------
    InstanceKeyError
        A key is missing or is not the installation's.
    DatabaseError
        The database failed.
    """
    key = settings.instance_key
    return open_vault(
        None if key is None else key.get_secret_value(),
        settings.data_dir / KEY_FILE_NAME,
        IdentityRepository(database).stored_key_ids() | GalleryKeys(database).stored_key_ids(),
    )


class Administration:
    """The parts of one installation that an operator changes. Not for several threads at once.

    Parameters
    ----------
    settings : Settings
        Regions and where the instance keys are matter.
    database : Database
        The installation's, in this code's shape.

    Attributes
    ----------
    database : Database
        The installation's.
    vault : Vault
        What seals under its instance key.
    identity : IdentityService
        The memory of accounts, users, groups, grants and keys; new after each change.
    accounts : AccountService
        Whole accounts.
    people : PeopleService
        Users, groups, passwords and access keys.
    roles : RolesService
        Roles and policies.
    grants : GrantService
        Which group holds which role where.
    limits : LimitService
        How much single users and projects may call.
    audit : AuditService
        The audit log.
    lockouts : LockoutRepository
        Counts of wrong passwords.
    rotation : RotationService
        Replaces the instance key in its file, or seals anew for keys that the setting gives.

    Raises
    ------
    DatabaseError
        The database failed.
    InstanceKeyError
        A key is missing or is not the installation's.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._clock = SystemClock()
        vault = open_installation_vault(settings, database)
        self.database = database
        self.vault = vault
        parts = open_identity(database, vault, self._clock, settings.regions)
        self.identity = parts.identity
        self.accounts = parts.accounts
        self.people = parts.people
        self.roles = parts.roles
        self.grants = parts.grants
        self.limits = parts.limits
        self.audit = parts.audit
        self.lockouts = parts.lockouts
        self.rotation = RotationService(
            RotationRepository(database),
            IdentityRepository(database),
            vault,
            None if settings.instance_key else KeyFile(settings.data_dir / KEY_FILE_NAME),
            others=(GalleryKeys(database),),
        )

    def tell(  # noqa: PLR0913 -- the facts of an entry, by name
        self,
        account_id: AccountId,
        action: str,
        resource: str,
        detail: Mapping[str, str] | None = None,
        *,
        reason: str = "the operator may",
        project_id: str = "",
    ) -> None:
        """Tell the audit log what the operator is about to do.

        Parameters
        ----------
        account_id : AccountId
            Whose log it belongs to.
        action : str
            What: ``service:resource:operation``, as the calls of the API have it.
        resource : str
            On what, as ``kind:name``.
        detail : mapping of str to str, optional
            Further facts by name; never a secret.
        reason : str, optional
            Why it is allowed, or how it failed.
        project_id : str, optional
            In which project; empty if in none.

        Raises
        ------
        RecordingError
            It cannot be made durable: then nothing must be done.
        """
        self.audit.record(
            AuditEntry(
                at=self._clock.now(),
                account_id=account_id,
                project_id=project_id,
                user_id=UserId(""),
                user_name=OPERATOR,
                credential_id=f"uid:{os.getuid()}",
                address=LOCAL,
                request_id=new_request_id(),
                action=action,
                resource=resource,
                allowed=True,
                reason=reason,
                detail=detail or {},
            )
        )

    def do(  # noqa: PLR0913 -- as above
        self,
        account_id: AccountId,
        action: str,
        resource: str,
        deed: Callable[[], _Answer],
        detail: Mapping[str, str] | None = None,
        *,
        project_id: str = "",
    ) -> _Answer:
        """Do something that the audit log is told of first, and of its failure after.

        Parameters
        ----------
        account_id : AccountId
            Whose log it belongs to.
        action : str
            What: ``service:resource:operation``.
        resource : str
            On what, as ``kind:name``.
        deed : callable
            Does it.
        detail : mapping of str to str, optional
            Further facts by name; never a secret.
        project_id : str, optional
            In which project; empty if in none.

        Returns
        -------
        object
            What the deed gives.

        Raises
        ------
        RecordingError
            The log cannot be written; nothing was done.
        HuiyanError
            The deed failed.
        """
        self.tell(account_id, action, resource, detail, project_id=project_id)
        try:
            return deed()
        except HuiyanError as error:
            reason = f"failed: {type(error).__name__}"
            self.tell(account_id, action, resource, detail, reason=reason, project_id=project_id)
            raise


@contextmanager
def open_administration(settings: Settings) -> Iterator[Administration]:
    """Open an installation that has been started before.

    Parameters
    ----------
    settings : Settings
        Where it is.

    Yields
    ------
    Administration
        Its parts; the database is closed at the end of the block.

    Raises
    ------
    OperatorError
        There is no installation, or its database or instance key is not as it must be.
    """
    path = settings.data_dir / "huiyan.db"
    nothing_here = (
        f"there is no installation in {settings.data_dir} yet: start it once with `huiyan serve`, "
        "or name its folder: huiyan --data-dir FOLDER …"
    )
    if settings.database_url is None and not path.exists():
        raise DatabaseError(nothing_here)
    database = open_database(settings.resolved_database_url())
    try:
        migrate(database)
        if not AccountRepository(database).has_any():
            raise DatabaseError(nothing_here)
        yield Administration(settings, database)
    finally:
        database.close()
