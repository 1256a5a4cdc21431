"""Policies, roles and the question put to them, as values.

Owns: their shapes and what each word in them means. Has no opinion on: how a policy looks as JSON,
how a pattern is matched, who holds which role and where roles are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NewType

from huiyan.kernel.ids import AccountId

RoleId = NewType("RoleId", str)

PolicyVersion = Literal["1.0", "1.1"]
"""``1.0`` is a coarse role of the system; ``1.1`` a policy, of the system or an account's own."""


class Effect(StrEnum):
    """What a statement does to the calls that it fits."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold of a call for a statement to apply.

    Parameters
    ----------
    operator : str
        One of ``condition.OPERATORS``, such as ``StringEquals``.
    key : str
        What of the call is looked at, such as ``g:UserName``; case does not matter.
    values : tuple of str
        What it is compared with: any of them may fit, and for the ``Not`` operators none may.
    """

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a policy.

    Parameters
    ----------
    effect : Effect
        Whether it gives or takes.
    actions : tuple of str
        Patterns ``service:resource:operation``; any of them may fit.
    resources : tuple of str
        Patterns ``service:region:account:type:path`` or ``*``, or agencies as
        ``/iam/agencies/<id>``; any of them may fit. Empty means every resource.
    conditions : tuple of Condition
        All must hold; at most one for each pair of operator and key.
    """

    effect: Effect
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another role that a role is meant to be granted with; told to clients, never enforced.

    Parameters
    ----------
    catalog : str
        The other role's catalogue.
    display_name : str
        The other role's name for people.
    """

    catalog: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What a role lets its holders do.

    Parameters
    ----------
    version : {"1.0", "1.1"}
        Which grammar the statements follow, and how far a Deny reaches: in ``1.0`` over the
        same role, in ``1.1`` over everything that the caller holds.
    statements : tuple of Statement
        Their order has no meaning.
    depends : tuple of Dependency
        Only in version ``1.0``.
    """

    version: PolicyVersion
    statements: tuple[Statement, ...]
    depends: tuple[Dependency, ...] = ()


class RoleType(StrEnum):
    """Where a role can be valid: the first letter for global services, the second for projects.

    Notes
    -----
    The vendor's letters: A shows the role at that level, X hides it.
    """

    AX = "AX"
    XA = "XA"
    AA = "AA"
    XX = "XX"

    @property
    def is_global(self) -> bool:
        """Tell whether a grant on the domain has an effect.

        Returns
        -------
        bool
            True for AX and AA.
        """
        return self in {RoleType.AX, RoleType.AA}

    @property
    def is_regional(self) -> bool:
        """Tell whether a grant on projects has an effect.

        Returns
        -------
        bool
            True for XA and AA.
        """
        return self in {RoleType.XA, RoleType.AA}


@dataclass(frozen=True, slots=True)
class Role:
    """A named policy that can be granted: a role or policy of the system, or a custom policy.

    Parameters
    ----------
    id : RoleId
        32 hexadecimal digits.
    account_id : AccountId or None
        Whose it is; None for the system's own.
    name : str
        The name inside the system.
    display_name : str
        The name for people, as reasons and audit records carry it.
    catalog : str
        The service that it belongs to; ``CUSTOMED`` for custom policies.
    type : RoleType
        Where it can be valid.
    flag : str
        ``fine_grained`` for the system's policies of version 1.1, else empty.
    description : str
        What it is for, in English.
    description_cn : str
        The same in Chinese.
    policy : Policy
        What it lets its holders do.
    created_at : datetime or None
        In UTC; None for the system's own.
    updated_at : datetime or None
        In UTC; None for the system's own.
    """

    id: RoleId
    account_id: AccountId | None
    name: str
    display_name: str
    catalog: str
    type: RoleType
    flag: str
    description: str
    description_cn: str
    policy: Policy
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_system(self) -> bool:
        """Tell whether the role belongs to no account.

        Returns
        -------
        bool
            True for the system's own.
        """
        return self.account_id is None


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What a caller wants to do.

    Parameters
    ----------
    action : str
        Exactly ``service:resource:operation``, such as ``iam:users:createUser``, no wildcard.
    resource : str
        ``service:region:account:type:path``, with empty segments where there is nothing to
        name; the path may hold colons. Empty where the action has no resource of its own, which
        only patterns that leave every segment after the service open fit.
    context : mapping of str to str
        What conditions look at: ``g:UserName``, ``g:UserId``, ``g:DomainName``, ``g:DomainId``,
        ``g:ProjectName``, ``g:ProjectId``, ``g:CurrentTime`` (ISO 8601 with an offset),
        ``g:SourceIp``. A key that is known not to apply to the call is given as the empty
        string; a key that is left out is unknown, which an Allow and a Deny both read against
        the caller.

    Raises
    ------
    ValueError
        The action or the resource is not of this form: a fault of the calling code.
    """

    action: str
    resource: str = ""
    context: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no pattern could be compared with."""
        if self.action.count(":") != 2:
            raise ValueError(f"no action: {self.action!r}")
        if self.resource and self.resource.count(":") < 4:
            raise ValueError(f"no resource: {self.resource!r}")


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a call may go on, and why.

    Parameters
    ----------
    allowed : bool
        Whether it may.
    reason : str
        Which statement decided, in English, for the audit log; the caller does not see it.
    """

    allowed: bool
    reason: str
