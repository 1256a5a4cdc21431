"""What an established caller may do.

Owns: the order of the questions (reach, project, standing, roles, service) and the facts that the
conditions of policies may ask for. Has no opinion on: how policies are evaluated, and what a
refusal looks like on a wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from huiyan.iam.directory.model import Directory
from huiyan.iam.model import Project, Session
from huiyan.iam.policy.evaluation import admits, decide
from huiyan.iam.policy.model import (
    AccessRequest,
    Decision,
    Effect,
    Policy,
    Role,
    RoleId,
    RoleType,
    Statement,
)
from huiyan.kernel.errors import (
    DisabledAccountError,
    DisabledUserError,
    DomainTokenError,
    ForeignProjectError,
    NotPermittedError,
    ServiceNotEnabledError,
)
from huiyan.kernel.ids import ProjectId

_OWNER_ROLES = (
    Role(
        id=RoleId("0" * 32),
        account_id=None,
        name="owner",
        display_name="Account owner",
        catalog="BASE",
        type=RoleType.AA,
        flag="",
        description="Every right in the account.",
        description_cn="账号内的全部权限。",
        policy=Policy("1.1", (Statement(Effect.ALLOW, ("*:*:*",), (), ()),)),
        created_at=None,
        updated_at=None,
    ),
)
# What users may do to themselves, as if by a role: so it is weighed against what takes away.
_OWN_ROLE = replace(_OWNER_ROLES[0], name="own_user", display_name="Own user")
_OWN_CALL = Decision(allowed=True, reason="concerns the caller's own user")
_Key = tuple[str, ProjectId | None]


class Rights:
    """Answers from one snapshot what callers may do; remembers the roles it has worked out.

    Parameters
    ----------
    directory : Directory
        The snapshot.
    """

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._roles: dict[_Key, tuple[Role, ...]] = {}

    def require_standing(self, session: Session) -> None:
        """See that the caller's user and account are enabled.

        Parameters
        ----------
        session : Session
            The caller.

        Raises
        ------
        DisabledAccountError
            The account is disabled or gone.
        DisabledUserError
            The user is disabled or gone, or came by a door that is closed to it.
        """
        principal = session.principal
        account = self.directory.accounts.get(principal.account_id)
        if account is None or not account.enabled:
            raise DisabledAccountError("the account is disabled")
        if session.agency_id is not None:
            return
        user = self.directory.users.get(principal.user_id)
        if user is None or not user.enabled:
            raise DisabledUserError("the user is disabled")
        if session.by_access_key and user.access_mode == "console":
            raise DisabledUserError("the user may come by the console only")

    def project(self, session: Session, project_id: str) -> Project:
        """Get a project that the caller's credential reaches.

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
        DomainTokenError
            The credential is a token for the account.
        ForeignProjectError
            The project does not exist, is another account's, or is not the token's; which of them
            is not told.
        """
        if session.is_domain_scoped:
            raise DomainTokenError
        project = self.directory.projects.get(ProjectId(project_id))
        if project is None or project.account_id != session.principal.account_id:
            raise ForeignProjectError("the project is not one of the caller's account")
        if session.project_id not in {None, project.id}:
            raise ForeignProjectError("the token is for another project")
        return project

    def admit(
        self, session: Session, project_id: str, action: str, service: str | None, now: datetime
    ) -> tuple[Project, Decision]:
        """Let a caller make a call that any role in the project admits.

        Parameters
        ----------
        session : Session
            The caller.
        project_id : str
            As it stands in the path.
        action : str
            What the call does, for custom policies: ``service:resource:operation``.
        service : str or None
            The service that must be open in the project; None for none.
        now : datetime
            The instant, in UTC.

        Returns
        -------
        project : Project
            The project.
        decision : Decision
            Why.

        Raises
        ------
        AuthorisationError
            The caller may not; see the kinds.
        """
        project = self._open_project(session, project_id)
        decision = self._decide_in(session, project, action, "", now, by_any_role=True)
        if service is not None and service not in project.services:
            raise ServiceNotEnabledError(f"service {service} is not enabled in {project.name}")
        return project, decision

    def authorise_in(
        self, session: Session, project_id: str, action: str, resource: str, now: datetime
    ) -> tuple[Project, Decision]:
        """Let a caller do something in a project that a role or policy must allow by name.

        Parameters
        ----------
        session : Session
            The caller.
        project_id : str
            As it stands in the path.
        action : str
            What the call does: ``service:resource:operation``.
        resource : str
            On what: ``service:region:account:type:path``; empty for no one thing.
        now : datetime
            The instant, in UTC.

        Returns
        -------
        project : Project
            The project.
        decision : Decision
            Why.

        Raises
        ------
        AuthorisationError
            The caller may not; see the kinds.
        """
        project = self._open_project(session, project_id)
        return project, self._decide_in(session, project, action, resource, now, by_any_role=False)

    def authorise(self, session: Session, action: str, resource: str, now: datetime) -> Decision:
        """Let a caller do something in a global service, IAM above all.

        Parameters
        ----------
        session : Session
            The caller; a token for a project does here what one for the account does, as the
            vendor's own clients use both.
        action : str
            What the call does: ``service:resource:operation``.
        resource : str
            On what; empty for no one thing.
        now : datetime
            The instant, in UTC.

        Returns
        -------
        Decision
            Why.

        Raises
        ------
        AuthorisationError
            The caller may not; see the kinds.
        """
        self.require_standing(session)
        request = AccessRequest(action, resource, self._facts(session, None, now))
        return _require(decide(self._roles_of(session, None), request, session.narrowing), action)

    def authorise_own(self, session: Session, action: str, now: datetime) -> Decision:
        """Let a caller do something that concerns only the caller's own user.

        Parameters
        ----------
        session : Session
            The caller.
        action : str
            What the call does: ``service:resource:operation``.
        now : datetime
            The instant, in UTC.

        Returns
        -------
        Decision
            That it is their own.

        Raises
        ------
        AuthorisationError
            The caller may not: no statement need allow it, but a Deny in a policy refuses, and so
            does a narrowing policy that does not allow it.
        """
        self.require_standing(session)
        request = AccessRequest(action, "", self._facts(session, None, now))
        roles = (*self._roles_of(session, None), _OWN_ROLE)
        _require(decide(roles, request, session.narrowing), action)
        return _OWN_CALL

    def _open_project(self, session: Session, project_id: str) -> Project:
        project = self.project(session, project_id)
        self.require_standing(session)
        if not project.enabled:
            raise ForeignProjectError(f"project {project.id} is disabled")
        return project

    def _decide_in(  # noqa: PLR0913 - one argument a fact
        self,
        session: Session,
        project: Project,
        action: str,
        resource: str,
        now: datetime,
        *,
        by_any_role: bool,
    ) -> Decision:
        request = AccessRequest(action, resource, self._facts(session, project, now))
        judge = admits if by_any_role else decide
        return _require(judge(self._roles_of(session, project), request, session.narrowing), action)

    def _roles_of(self, session: Session, project: Project | None) -> tuple[Role, ...]:
        if session.principal.is_owner and session.agency_id is None:
            return _OWNER_ROLES
        subject = session.agency_id or session.principal.user_id
        key = (subject, None if project is None else project.id)
        known = self._roles.get(key)
        if known is None:
            groups = (
                (session.agency_id,)
                if session.agency_id is not None
                else self.directory.memberships.get(session.principal.user_id, ())
            )
            known = (
                self.directory.global_roles(groups)
                if project is None
                else self.directory.project_roles(groups, project)
            )
            self._roles[key] = known
        return known

    def _facts(self, session: Session, project: Project | None, now: datetime) -> Mapping[str, str]:
        principal = session.principal
        facts = {
            "g:UserName": principal.user_name,
            "g:UserId": principal.user_id,
            "g:DomainName": self.directory.accounts[principal.account_id].name,
            "g:DomainId": principal.account_id,
            "g:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "g:MFAPresent": "false",
            "g:ProjectName": "" if project is None else project.name,
        }
        if session.address:
            facts["g:SourceIp"] = session.address
        return facts


def _require(decision: Decision, action: str) -> Decision:
    if not decision.allowed:
        raise NotPermittedError(action, decision.reason)
    return decision
