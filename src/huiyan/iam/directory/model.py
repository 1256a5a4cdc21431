"""Everyone and everything that is needed to judge a request, in memory.

Owns: the snapshot of accounts, people, groups, grants and policies at one revision, and which roles
follow from it. Has no opinion on: where it is read from, and what the roles allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from huiyan.iam.model import Account, Project, UsableKey, User
from huiyan.iam.policy.model import Role, RoleId
from huiyan.kernel.ids import AccessKey, AccountId, AgencyId, GroupId, ProjectId, UserId

Place = Literal["domain", "project", "inherited"]
"""Where a grant counts: global services, one project, or all projects present and future."""

SubjectKind = Literal["group", "agency"]
"""Who can be granted a role."""


@dataclass(frozen=True, slots=True)
class Group:
    """Users who get the same rights.

    Parameters
    ----------
    id : GroupId
        32 hexadecimal digits.
    account_id : AccountId
        Whose it is.
    name : str
        Unique in the account.
    description : str
        Free text.
    created_at : datetime
        When it was made, in UTC.
    """

    id: GroupId
    account_id: AccountId
    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Agency:
    """Rights that an account lends to another account or to a service.

    Parameters
    ----------
    id : AgencyId
        32 hexadecimal digits.
    account_id : AccountId
        Whose rights are lent.
    name : str
        Unique in the account.
    trusted_account_id : str
        To whom; empty where it is a service's name that is no account here.
    trusted_account_name : str
        The same by name.
    description : str
        Free text.
    duration : str
        ``FOREVER``, ``ONEDAY`` or a number of days, as the caller wrote it.
    created_at : datetime
        When it was made, in UTC.
    """

    id: AgencyId
    account_id: AccountId
    name: str
    trusted_account_id: str
    trusted_account_name: str
    description: str
    duration: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """A role given to a group or an agency.

    Parameters
    ----------
    account_id : AccountId
        Whose grant it is.
    subject : {'group', 'agency'}
        Which kind of subject.
    subject_id : str
        The group's or agency's id.
    role_id : RoleId
        The role.
    place : {'domain', 'project', 'inherited'}
        Where it counts.
    project_id : ProjectId or None
        The project, for the place ``project``.
    """

    account_id: AccountId
    subject: SubjectKind
    subject_id: str
    role_id: RoleId
    place: Place
    project_id: ProjectId | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much someone may call.

    Parameters
    ----------
    calls_per_minute : int
        0 for no limit.
    concurrent_calls : int
        Calls at once; 0 for no limit.
    """

    calls_per_minute: int
    concurrent_calls: int


@dataclass(frozen=True, slots=True)
class Directory:
    """All that is needed to answer who calls and what they may, at one revision.

    Parameters
    ----------
    revision : int
        The revision it was read at; rows may be newer, never older.
    keys : mapping of AccessKey to UsableKey
        Active keys, also those of disabled users.
    accounts : mapping of AccountId to Account
        Every account.
    projects : mapping of ProjectId to Project
        Every project.
    users : mapping of UserId to User
        Every user.
    groups : mapping of GroupId to Group
        Every group.
    memberships : mapping of UserId to tuple of GroupId
        The groups of each user who is in any, by id.
    grants : mapping of str to tuple of Grant
        The grants of each group and agency that has any.
    roles : mapping of RoleId to Role
        The system's roles and every account's own.
    agencies : mapping of AgencyId to Agency
        Every agency.
    user_ids : mapping of (AccountId, str) to UserId
        Users by account and name.
    account_ids : mapping of str to AccountId
        Accounts by name.
    limits : mapping of str to Limits
        How much a user or project (by id) may call, where it is not the setting.
    """

    revision: int
    keys: Mapping[AccessKey, UsableKey]
    accounts: Mapping[AccountId, Account]
    projects: Mapping[ProjectId, Project]
    users: Mapping[UserId, User] = field(default_factory=dict)
    groups: Mapping[GroupId, Group] = field(default_factory=dict)
    memberships: Mapping[UserId, tuple[GroupId, ...]] = field(default_factory=dict)
    grants: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    roles: Mapping[RoleId, Role] = field(default_factory=dict)
    agencies: Mapping[AgencyId, Agency] = field(default_factory=dict)
    user_ids: Mapping[tuple[AccountId, str], UserId] = field(default_factory=dict)
    account_ids: Mapping[str, AccountId] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)

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
        """
        user_id = self.user_ids.get((account_id, name))
        return None if user_id is None else self.users[user_id]

    def find_account(self, name: str) -> Account | None:
        """Find an account by name.

        Parameters
        ----------
        name : str
            The name, exactly.

        Returns
        -------
        Account or None
            None if there is none of that name.
        """
        account_id = self.account_ids.get(name)
        return None if account_id is None else self.accounts[account_id]

    def global_roles(self, subject_ids: Iterable[str]) -> tuple[Role, ...]:
        """Tell which roles groups or agencies have on global services, IAM among them.

        Parameters
        ----------
        subject_ids : iterable of str
            Ids of groups or agencies.

        Returns
        -------
        tuple of Role
            By id, each once.
        """
        return self._roles(
            grant.role_id
            for grant in self._grants(subject_ids)
            if grant.place == "domain" and self._is_valid(grant, everywhere=True)
        )

    def project_roles(self, subject_ids: Iterable[str], project: Project) -> tuple[Role, ...]:
        """Tell which roles groups or agencies have in a project.

        Parameters
        ----------
        subject_ids : iterable of str
            Ids of groups or agencies.
        project : Project
            The project.

        Returns
        -------
        tuple of Role
            By id, each once: granted there or inherited by all projects.
        """
        return self._roles(
            grant.role_id
            for grant in self._grants(subject_ids)
            if grant.account_id == project.account_id
            and (
                grant.place == "inherited"
                or (grant.place == "project" and grant.project_id == project.id)
            )
            and self._is_valid(grant, everywhere=False)
        )

    def _grants(self, subject_ids: Iterable[str]) -> Iterable[Grant]:
        for subject_id in subject_ids:
            yield from self.grants.get(subject_id, ())

    def _is_valid(self, grant: Grant, *, everywhere: bool) -> bool:
        role = self.roles.get(grant.role_id)
        if role is None or role.account_id not in {None, grant.account_id}:
            return False
        return role.type.is_global if everywhere else role.type.is_regional

    def _roles(self, role_ids: Iterable[RoleId]) -> tuple[Role, ...]:
        return tuple(self.roles[role_id] for role_id in sorted(set(role_ids)))
