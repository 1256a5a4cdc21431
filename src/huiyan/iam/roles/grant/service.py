"""To whom roles are granted.

Owns: the grants to an account's groups and agencies; that group, agency, project and role of a call
are the account's own. Has no opinion on: wires, tables, and which callers may ask.
"""

from __future__ import annotations

from huiyan.iam.directory.model import Directory, Grant, Place, SubjectKind
from huiyan.iam.policy.model import Role
from huiyan.iam.roles.model import GrantFilter, require_fit
from huiyan.iam.roles.repository import RolesRepository
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import AccountId, AgencyId, GroupId, ProjectId, UserId


class GrantService:
    """Answers about grants from memory, made new first, and changes them in the database.

    Parameters
    ----------
    repository : RolesRepository
        Where they are stored.
    identity : IdentityService
        Whose memory holds them.
    """

    def __init__(self, repository: RolesRepository, identity: IdentityService) -> None:
        self._repository = repository
        self._identity = identity

    def granted_roles(
        self,
        account_id: AccountId,
        subject: SubjectKind,
        subject_id: str,
        place: Place,
        project_id: str | None,
    ) -> tuple[Role, ...]:
        """List what is granted to a group or an agency at one place.

        Parameters
        ----------
        account_id : AccountId
            Whose the subject is.
        subject : {'group', 'agency'}
            Which kind of subject.
        subject_id : str
            The group or agency.
        place : {'domain', 'project', 'inherited'}
            Where.
        project_id : str or None
            The project, for the place ``project``.

        Returns
        -------
        tuple of Role
            By name for people.

        Raises
        ------
        NotFoundError
            The account has no such subject or project.
        DatabaseError
            The database failed.
        """
        directory = self._news()
        _require_own(directory, account_id, subject, subject_id, project_id)
        wanted = GrantFilter(places=frozenset({place}), project_id=project_id)
        roles = [
            directory.roles[grant.role_id]
            for grant in directory.grants.get(subject_id, ())
            if wanted.fits(grant) and grant.role_id in directory.roles
        ]
        return tuple(sorted(roles, key=lambda role: role.display_name))

    def require_grant(self, grant: Grant) -> None:
        """See that something is granted.

        Parameters
        ----------
        grant : Grant
            The grant.

        Raises
        ------
        NotFoundError
            It is not, or the account has no such subject or project.
        DatabaseError
            The database failed.
        """
        directory = self._news()
        _require_all_own(directory, grant)
        if grant not in directory.grants.get(grant.subject_id, ()):
            raise NotFoundError(f"Could not find a grant of role: {grant.role_id}.")

    def grant(self, grant: Grant) -> None:
        """Give a role to a group or an agency; again is no fault.

        Parameters
        ----------
        grant : Grant
            The grant.

        Raises
        ------
        NotFoundError
            The account has no such subject, project or role.
        InvalidParameterError
            The role has no effect at that place.
        DatabaseError
            The database failed.
        """
        directory = self._news()
        role = directory.roles.get(grant.role_id)
        if role is None or role.account_id not in {None, grant.account_id}:
            raise NotFoundError(f"Could not find role: {grant.role_id}.")
        _require_all_own(directory, grant)
        require_fit(role.type, grant.place)
        if grant in directory.grants.get(grant.subject_id, ()):
            return
        self._repository.put_grant(grant, is_custom=not role.is_system)
        self._identity.refresh()

    def withdraw(self, grant: Grant) -> None:
        """Take a role from a group or an agency.

        Parameters
        ----------
        grant : Grant
            The grant.

        Raises
        ------
        NotFoundError
            It is not there.
        DatabaseError
            The database failed.
        """
        self.require_grant(grant)
        self._repository.delete_grant(grant)
        self._identity.refresh()

    def grants(self, account_id: AccountId, wanted: GrantFilter) -> tuple[Grant, ...]:
        """List an account's grants.

        Parameters
        ----------
        account_id : AccountId
            The account.
        wanted : GrantFilter
            Which of them; ids that are not the account's find nothing.

        Returns
        -------
        tuple of Grant
            By subject, and the role, place and project within it.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        directory = self._news()
        return tuple(
            grant
            for subject_id in _subject_ids(directory, account_id, wanted)
            for grant in directory.grants.get(subject_id, ())
            if grant.account_id == account_id
            and (wanted.subject != "agency" or grant.subject == "agency")
            and (wanted.subject != "group" or grant.subject == "group")
            and wanted.fits(grant)
        )

    def _news(self) -> Directory:
        """Give the memory as new as the database: what another process changed is seen at once."""
        self._identity.refresh()
        return self._identity.directory


def _subject_ids(directory: Directory, account_id: AccountId, wanted: GrantFilter) -> list[str]:
    """Tell whose grants are asked for, users standing for their groups."""
    if wanted.subject != "user":
        return sorted(directory.grants) if wanted.subject_id is None else [wanted.subject_id]
    if not wanted.with_groups:
        return []
    users = (
        [user.id for user in directory.users.values() if user.account_id == account_id]
        if wanted.subject_id is None
        else [UserId(wanted.subject_id)]
    )
    return sorted({group for user in users for group in directory.memberships.get(user, ())})


def _require_own(
    directory: Directory,
    account_id: AccountId,
    subject: SubjectKind,
    subject_id: str,
    project_id: str | None,
) -> None:
    """See that a grant's subject and project are the account's."""
    found = (
        directory.groups.get(GroupId(subject_id))
        if subject == "group"
        else directory.agencies.get(AgencyId(subject_id))
    )
    if found is None or found.account_id != account_id:
        raise NotFoundError(f"Could not find {subject}: {subject_id}.")
    if project_id is not None:
        project = directory.projects.get(ProjectId(project_id))
        if project is None or project.account_id != account_id:
            raise NotFoundError(f"Could not find project: {project_id}.")


def _require_all_own(directory: Directory, grant: Grant) -> None:
    _require_own(directory, grant.account_id, grant.subject, grant.subject_id, grant.project_id)
