"""Custom policies about to be made or changed, and what lists of roles and grants are asked for.

Owns: these values, and where a role may be granted. Has no opinion on: how they look on the wire,
where they are stored, and what a policy means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from huiyan.iam.directory.model import Grant, Place
from huiyan.iam.policy.model import Policy, Role, RoleType
from huiyan.kernel.errors import InvalidParameterError

MAX_CUSTOM_ROLES: Final = 200
"""Custom policies that an account may have."""

EVERY_PLACE: Final[frozenset[Place]] = frozenset({"domain", "project", "inherited"})


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """A custom policy about to be made.

    Parameters
    ----------
    display_name : str
        1 to 64 characters; unique in the account.
    type : RoleType
        AX for global services or XA for projects.
    description : str
        What it is for, in English.
    description_cn : str
        The same in Chinese.
    policy : Policy
        Of version 1.1.
    """

    display_name: str
    type: RoleType
    description: str
    description_cn: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What a custom policy becomes; None leaves a part as it is.

    Parameters
    ----------
    display_name : str, optional
        1 to 64 characters; unique in the account.
    type : RoleType, optional
        AX for global services or XA for projects.
    description : str, optional
        What it is for, in English.
    description_cn : str, optional
        The same in Chinese.
    policy : Policy, optional
        Of version 1.1.
    """

    display_name: str | None = None
    type: RoleType | None = None
    description: str | None = None
    description_cn: str | None = None
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class RoleFilter:
    """Which roles a list is asked for; None asks for all.

    Parameters
    ----------
    name : str, optional
        The name inside the system, exactly.
    display_name : str, optional
        A part of the name for people; case counts.
    version : {'1.0', '1.1'}, optional
        Roles or policies.
    level : {'domain', 'project', 'all'}, optional
        Those that can be granted there; ``all`` leaves out only those that can be granted nowhere.
    catalog : str, optional
        The catalogue, exactly.
    """

    name: str | None = None
    display_name: str | None = None
    version: Literal["1.0", "1.1"] | None = None
    level: Literal["domain", "project", "all"] | None = None
    catalog: str | None = None

    def fits(self, role: Role) -> bool:
        """Tell whether a role is asked for.

        Parameters
        ----------
        role : Role
            Any role.

        Returns
        -------
        bool
            Whether it meets every part.
        """
        return (
            self.name in {None, role.name}
            and (self.display_name is None or self.display_name in role.display_name)
            and self.version in {None, role.policy.version}
            and self.catalog in {None, role.catalog}
            and self._is_at_level(role.type)
        )

    def _is_at_level(self, role_type: RoleType) -> bool:
        if self.level is None:
            return True
        if self.level == "domain":
            return role_type.is_global
        if self.level == "project":
            return role_type.is_regional
        return role_type.is_global or role_type.is_regional


@dataclass(frozen=True, slots=True)
class GrantFilter:
    """Which grants a list is asked for; None asks for all.

    Parameters
    ----------
    subject : {'user', 'group', 'agency'}, optional
        Whose: for ``user``, those of the groups that users are in.
    subject_id : str, optional
        The one user, group or agency.
    with_groups : bool, default True
        Whether a user's groups count; without them a user has no grants at all.
    role_id : str, optional
        The one role.
    places : frozenset of {'domain', 'project', 'inherited'}
        Where.
    project_id : str, optional
        The one project.
    """

    subject: Literal["user", "group", "agency"] | None = None
    subject_id: str | None = None
    with_groups: bool = True
    role_id: str | None = None
    places: frozenset[Place] = EVERY_PLACE
    project_id: str | None = None

    def fits(self, grant: Grant) -> bool:
        """Tell whether a grant is asked for, whoever its subject is.

        Parameters
        ----------
        grant : Grant
            Any grant.

        Returns
        -------
        bool
            Whether role and place are asked for.
        """
        return (
            self.role_id in {None, grant.role_id}
            and grant.place in self.places
            and self.project_id in {None, grant.project_id}
        )


def require_fit(role_type: RoleType, place: Place) -> None:
    """See that a role has an effect where it is to be granted.

    Parameters
    ----------
    role_type : RoleType
        The role's.
    place : {'domain', 'project', 'inherited'}
        Where it is to be granted.

    Raises
    ------
    InvalidParameterError
        It is a role for global services and a project is named, or the other way round.
    """
    if place == "domain" and not role_type.is_global:
        raise InvalidParameterError("role_id", "the role is not for global services")
    if place != "domain" and not role_type.is_regional:
        raise InvalidParameterError("role_id", "the role is not for projects")
