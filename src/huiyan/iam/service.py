"""Who calls, and what they may.

Owns: authentication and authorisation, with the memory that makes them fast, and which services are
open. Has no opinion on: wires and tables, and how people, roles and tokens come to be.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from huiyan.iam.authenticator import Authenticator, SignatureAuthenticator, TokenAuthenticator
from huiyan.iam.directory.memory import DirectoryMemory
from huiyan.iam.directory.model import Directory
from huiyan.iam.model import IMAGE_SERVICE, Account, Project, Session
from huiyan.iam.policy.model import Decision
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.rights import Rights
from huiyan.iam.tokens.service import TokenService
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    AuthorisationError,
    ForeignProjectError,
    MissingCredentialsError,
    SignatureMismatchError,
    UnknownKeyError,
    WithdrawnTokenError,
)
from huiyan.kernel.ids import ProjectId, RegionId
from huiyan.kernel.principal import Principal
from huiyan.persistence.query import Scope
from huiyan.web.request import RawRequest

_Answer = TypeVar("_Answer")


class KeyUseNotes(Protocol):
    """What remembers when keys were last used."""

    def note(self, principal: Principal, at: datetime) -> None:
        """Note that a key has signed a request."""


class IdentityService:
    """Answers who calls and what is theirs, from memory.

    The memory holds every usable key and every project at one revision. It is renewed by
    ``follow``, once a second and before any refusal: a key made on another machine works at once,
    one stopped there for about a second longer. Without news for ten seconds, all are refused.

    Parameters
    ----------
    repository : IdentityRepository
        Where identities are stored.
    vault : Vault
        Opens the keys' secrets.
    clock : Clock
        The server's clock.
    key_use : KeyUseNotes, optional
        Told of each request that a key signed.

    Attributes
    ----------
    tokens : TokenService
        Makes and reads tokens and temporary keys.

    Raises
    ------
    DatabaseError
        The database failed.
    InstanceKeyError
        A stored secret does not open.
    """

    def __init__(
        self,
        repository: IdentityRepository,
        vault: Vault,
        clock: Clock,
        key_use: KeyUseNotes | None = None,
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._key_use = key_use
        self.tokens = TokenService(vault, clock)
        # A request with a token is judged by the token: some calls carry a signature beside it.
        self._authenticators: tuple[Authenticator, ...] = (
            TokenAuthenticator(self.tokens),
            SignatureAuthenticator(clock, self.tokens),
        )
        self._memory = DirectoryMemory(repository, vault, clock)

    @property
    def directory(self) -> Directory:
        """The memory, as it stands.

        Returns
        -------
        Directory
            One revision of it; take it once where two questions must agree.

        Raises
        ------
        DatabaseError
            No news has come for ten seconds, and none can be had.
        """
        return self._memory.rights().directory

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
        """
        return self._memory.refresh()

    def follow(self) -> None:
        """Renew the memory like ``refresh``, but wait for half a second since the last time."""
        self._memory.follow()

    def authenticate(self, request: RawRequest) -> Session:
        """Establish who calls.

        Parameters
        ----------
        request : RawRequest
            As sent, with its whole body.

        Returns
        -------
        Session
            The caller, and how far the credential reaches; authorising asks for the standing.

        Raises
        ------
        MissingCredentialsError
            Neither a token nor a signature.
        AuthenticationError
            One of them is there and not good; see the kinds.
        DatabaseError
            No news could be had before a refusal, or for ten seconds.
        """
        known = self.directory
        try:
            return self._identify(request, known)
        except (UnknownKeyError, SignatureMismatchError, WithdrawnTokenError):
            self.follow()
            if self.directory is known:
                raise
        return self._identify(request, self.directory)

    def admit(
        self, session: Session, project_id: str, action: str, service: str | None = IMAGE_SERVICE
    ) -> Project:
        """Let a caller make a call that any role in the project admits, an Image call above all.

        Parameters
        ----------
        session : Session
            The caller.
        project_id : str
            As it stands in the path.
        action : str
            What the call does, for custom policies: ``service:resource:operation``.
        service : str or None, default 'image'
            The service that must be open in the project; None for none.

        Returns
        -------
        Project
            The project.

        Raises
        ------
        AuthorisationError
            The caller may not; see the kinds.
        """
        project, _decision = self._with_news(
            lambda rights: rights.admit(session, project_id, action, service, self._clock.now())
        )
        return project

    def authorise(
        self, session: Session, action: str, resource: str = "", project_id: str | None = None
    ) -> Decision:
        """Let a caller do something that a role or policy must allow by name.

        Parameters
        ----------
        session : Session
            The caller.
        action : str
            What the call does: ``service:resource:operation``.
        resource : str, default ''
            On what: ``service:region:account:type:path``; empty for no one thing.
        project_id : str, optional
            The project it is done in; without it, it is something of the account's, such as IAM.

        Returns
        -------
        Decision
            By which statement.

        Raises
        ------
        AuthorisationError
            The caller may not; see the kinds.
        """
        now = self._clock.now()
        if project_id is None:
            return self._with_news(lambda rights: rights.authorise(session, action, resource, now))
        _project, decision = self._with_news(
            lambda rights: rights.authorise_in(session, project_id, action, resource, now)
        )
        return decision

    def authorise_own(self, session: Session, action: str) -> Decision:
        """Let a caller do something that concerns only their own user: see ``Rights``.

        Parameters
        ----------
        session : Session
            The caller.
        action : str
            What the call does.

        Returns
        -------
        Decision
            That it is their own.

        Raises
        ------
        AuthorisationError
            A policy refuses it.
        """
        return self._with_news(lambda it: it.authorise_own(session, action, self._clock.now()))

    def require_standing(self, session: Session) -> None:
        """See that the caller's user and account are enabled.

        Parameters
        ----------
        session : Session
            The caller.

        Raises
        ------
        DisabledAccountError, DisabledUserError
            One of them is not.
        """
        self._with_news(lambda rights: rights.require_standing(session))

    def project(self, session: Session, project_id: str) -> Project:
        """Get a project of the caller's account.

        Parameters
        ----------
        session : Session
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
        project = self.directory.projects.get(ProjectId(project_id))
        if project is None or project.account_id != session.principal.account_id:
            raise ForeignProjectError("the project is not one of the caller's account")
        return project

    def projects(
        self, session: Session, *, name: str | None = None, enabled: bool | None = None
    ) -> tuple[Project, ...]:
        """List the projects of the caller's account.

        Parameters
        ----------
        session : Session
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
            for project in self.directory.projects.values()
            if project.account_id == session.principal.account_id
            and name in {None, project.name}
            and enabled in {None, project.enabled}
        )

    def domains(self, session: Session) -> tuple[Account, ...]:
        """List the accounts in which the caller may act: its own.

        Parameters
        ----------
        session : Session
            The caller.

        Returns
        -------
        tuple of Account
            One, or none if the account was removed meanwhile.
        """
        account = self.directory.accounts.get(session.principal.account_id)
        return () if account is None else (account,)

    def project_for_region(self, session: Session, region: RegionId) -> Project:
        """Get the caller's project of a region, for paths that name none.

        Parameters
        ----------
        session : Session
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
        for project in self.projects(session, name=region):
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
        scope, now = Scope(project.account_id, project.id), self._clock.now()
        self._repository.set_service(scope, service, now, enabled=enabled)
        self.refresh()

    def _identify(self, request: RawRequest, directory: Directory) -> Session:
        for authenticator in self._authenticators:
            session = authenticator(request, directory)
            if session is not None:
                if session.by_access_key and self._key_use is not None:
                    self._key_use.note(session.principal, self._clock.now())
                return session
        raise MissingCredentialsError("x-auth-token not found")

    def _with_news(self, question: Callable[[Rights], _Answer]) -> _Answer:
        """Ask again with fresh memory before refusing: a grant made elsewhere works at once."""
        known = self._memory.rights()
        try:
            return question(known)
        except AuthorisationError:
            self.follow()
            if self._memory.rights() is known:
                raise
        return question(self._memory.rights())
