"""Who calls, and what is theirs.

Owns: authentication, authorisation and the changes to keys and services, with the memory that makes
them fast. Has no opinion on: wires and tables.
"""

from __future__ import annotations

import threading

from huiyan.iam.authenticator import Authenticator, SignatureAuthenticator, TokenAuthenticator
from huiyan.iam.bootstrap import new_key
from huiyan.iam.model import IMAGE_SERVICE, Account, IssuedKey, KeyStatus, NewKey, Project
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    ForeignProjectError,
    InvalidParameterError,
    MissingCredentialsError,
    ServiceNotEnabledError,
    SignatureMismatchError,
    UnknownKeyError,
)
from huiyan.kernel.ids import AccessKey, AccountId, ProjectId, RegionId
from huiyan.kernel.principal import Principal
from huiyan.persistence.query import Scope
from huiyan.web.request import RawRequest


class IdentityService:
    """Answers who calls and what is theirs, from memory.

    The memory holds every usable key and every project at one revision. It is renewed by
    ``refresh``, which the process calls once a second, and before any refusal, so that a key made
    on another machine works at once; a key stopped elsewhere works for about a second longer.

    Parameters
    ----------
    repository : IdentityRepository
        Where identities are stored.
    vault : Vault
        Opens the keys' secrets.
    clock : Clock
        The server's clock.

    Raises
    ------
    DatabaseError
        The database failed.
    InstanceKeyError
        A stored secret does not open.
    """

    def __init__(self, repository: IdentityRepository, vault: Vault, clock: Clock) -> None:
        self._repository = repository
        self._vault = vault
        self._clock = clock
        # A request with a token is judged by the token: some calls carry a signature beside it.
        self._authenticators: tuple[Authenticator, ...] = (
            TokenAuthenticator(),
            SignatureAuthenticator(clock),
        )
        self._renewing = threading.Lock()
        self._directory = repository.directory(vault)

    def refresh(self) -> bool:
        """Renew the memory if accounts, keys or service state have changed; one tiny query.

        Returns
        -------
        bool
            Whether they had changed.

        Raises
        ------
        DatabaseError
            The database failed; the memory stays as it was.
        InstanceKeyError
            A stored secret does not open; the memory stays as it was.
        """
        before = self._directory.revision
        with self._renewing:
            if self._directory.revision != before:
                return True
            if self._repository.revision() == before:
                return False
            self._directory = self._repository.directory(self._vault)
            return True

    def authenticate(self, request: RawRequest) -> Principal:
        """Establish who calls.

        Parameters
        ----------
        request : RawRequest
            As sent, with its whole body.

        Returns
        -------
        Principal
            The caller.

        Raises
        ------
        MissingCredentialsError
            Neither a token nor a signature.
        AuthenticationError
            One of them is there and not good; see the kinds.
        DatabaseError
            Before a refusal the database was asked for news, and failed.
        """
        try:
            return self._identify(request)
        except (UnknownKeyError, SignatureMismatchError):
            if not self.refresh():
                raise
        return self._identify(request)

    def authorise(
        self, principal: Principal, project_id: str, service: str = IMAGE_SERVICE
    ) -> Project:
        """Let a caller use a service in a project, or not.

        Parameters
        ----------
        principal : Principal
            The caller.
        project_id : str
            As it stands in the path.
        service : str, default 'image'
            The service.

        Returns
        -------
        Project
            The project.

        Raises
        ------
        ForeignProjectError
            The project does not exist, is another account's, or is disabled.
        ServiceNotEnabledError
            The account has not opened the service there.
        """
        project = self.project(principal, project_id)
        if not project.enabled:
            raise ForeignProjectError(f"project {project.id} is disabled")
        if service not in project.services:
            raise ServiceNotEnabledError(f"service {service} is not enabled in {project.name}")
        return project

    def project(self, principal: Principal, project_id: str) -> Project:
        """Get a project of the caller's account.

        Parameters
        ----------
        principal : Principal
            The caller.
        project_id : str
            As it stands in the path.

        Returns
        -------
        Project
            The project, enabled or not.

        Raises
        ------
        ForeignProjectError
            It does not exist or is another account's; which of both is not told.
        """
        project = self._directory.projects.get(ProjectId(project_id))
        if project is None or project.account_id != principal.account_id:
            raise ForeignProjectError("the project is not one of the caller's account")
        return project

    def projects(
        self, principal: Principal, *, name: str | None = None, enabled: bool | None = None
    ) -> tuple[Project, ...]:
        """List the projects of the caller's account.

        Parameters
        ----------
        principal : Principal
            The caller.
        name : str, optional
            Only the one of this name.
        enabled : bool, optional
            Only those enabled, or only those not.

        Returns
        -------
        tuple of Project
            By name.
        """
        return tuple(
            project
            for project in self._directory.projects.values()
            if project.account_id == principal.account_id
            and name in {None, project.name}
            and enabled in {None, project.enabled}
        )

    def domains(self, principal: Principal) -> tuple[Account, ...]:
        """List the accounts in which the caller may act: its own.

        Parameters
        ----------
        principal : Principal
            The caller.

        Returns
        -------
        tuple of Account
            One, or none if the account was removed meanwhile.
        """
        account = self._directory.accounts.get(principal.account_id)
        return () if account is None else (account,)

    def project_for_region(self, principal: Principal, region: RegionId) -> Project:
        """Get the caller's project of a region, for paths that name none.

        Parameters
        ----------
        principal : Principal
            The caller.
        region : RegionId
            The region.

        Returns
        -------
        Project
            The project, enabled or not.

        Raises
        ------
        ForeignProjectError
            The account has none there.
        """
        for project in self.projects(principal, name=region):
            return project
        raise ForeignProjectError(f"the account has no project in region {region}")

    def set_service(self, project: Project, service: str, *, enabled: bool) -> None:
        """Open or close a service in a project.

        Parameters
        ----------
        project : Project
            The project.
        service : str
            The service.
        enabled : bool
            Open or closed.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        scope = Scope(project.account_id, project.id)
        self._repository.set_service(scope, service, self._clock.now(), enabled=enabled)
        self.refresh()

    def set_key_status(
        self, account_id: AccountId, access_key: AccessKey, status: KeyStatus
    ) -> None:
        """Let a key sign, or stop it.

        Parameters
        ----------
        account_id : AccountId
            The key's account.
        access_key : AccessKey
            The key.
        status : {'active', 'inactive'}
            Its new status.

        Raises
        ------
        UnknownKeyError
            The account has no such key.
        DatabaseError
            The database failed.
        """
        if not self._repository.set_key_status(account_id, access_key, status):
            raise UnknownKeyError(access_key)
        self.refresh()

    def issue_key(self, account_id: AccountId, user_name: str) -> IssuedKey:
        """Make a further key for a user, for example where the first one's secret was lost.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_name : str
            The user.

        Returns
        -------
        IssuedKey
            The key with its secret, which is shown this once.

        Raises
        ------
        InvalidParameterError
            The account has no such user.
        DatabaseError
            The database failed.
        """
        user = self._repository.find_user(account_id, user_name)
        if user is None:
            raise InvalidParameterError("user_name", "the account has no such user")
        key = new_key()
        sealed = self._vault.seal(key.access_key, key.secret_key)
        stored = NewKey(key.access_key, user.id, sealed, "")
        self._repository.add_key(account_id, stored, self._clock.now())
        self.refresh()
        return key

    def _identify(self, request: RawRequest) -> Principal:
        directory = self._directory
        for authenticator in self._authenticators:
            principal = authenticator(request, directory)
            if principal is not None:
                return principal
        raise MissingCredentialsError("x-auth-token not found")
