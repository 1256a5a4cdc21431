"""Accounts, projects, users and keys as values.

Owns: their shapes. Has no opinion on: how they are stored and shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from huiyan.iam.policy.model import Policy
from huiyan.kernel.ids import AccessKey, AccountId, AgencyId, ProjectId, UserId, new_hex_id
from huiyan.kernel.principal import Principal

IMAGE_SERVICE = "image"
"""The service that this program is, as rows of service state name it."""

KeyStatus = Literal["active", "inactive"]
"""Whether an access key may sign."""

AccessMode = Literal["default", "programmatic", "console"]
"""By which doors a user may come."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays; the vendor calls it a domain.

    Parameters
    ----------
    id : AccountId
        32 hexadecimal digits.
    name : str
        Unique in the installation.
    description : str
        Free text.
    enabled : bool
        Whether its users may call at all.
    """

    id: AccountId
    name: str
    description: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Project:
    """A region's share of an account.

    Parameters
    ----------
    id : ProjectId
        As it stands in paths.
    account_id : AccountId
        Whose it is.
    name : str
        The region's id.
    parent_id : str
        The account's id, for a project that is a whole region.
    description : str
        Free text.
    enabled : bool
        Whether calls may use it.
    services : frozenset of str
        The services opened in it.
    """

    id: ProjectId
    account_id: AccountId
    name: str
    parent_id: str
    description: str
    enabled: bool
    services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class User:
    """A person or program of an account.

    Parameters
    ----------
    id : UserId
        32 hexadecimal digits.
    account_id : AccountId
        Whose it is.
    name : str
        Unique in the account.
    is_owner : bool
        Whether it has every right in the account.
    enabled : bool
        Whether it may call at all.
    description : str
        Free text.
    email : str
        Empty if not told.
    area_code : str
        Of the telephone number, such as ``0086``; empty if not told.
    phone : str
        Telephone number; empty if not told.
    access_mode : {'default', 'programmatic', 'console'}
        By which doors it may come; ``default`` is both.
    must_change_password : bool or None
        Whether the password was given by someone else; None without a password.
    credential_epoch : int
        Grows when password or status change; tokens of an older epoch are withdrawn.
    created_at : datetime or None
        When it was made, in UTC; None for one that is not stored yet.
    """

    id: UserId
    account_id: AccountId
    name: str
    is_owner: bool
    enabled: bool = True
    description: str = ""
    email: str = ""
    area_code: str = ""
    phone: str = ""
    access_mode: AccessMode = "default"
    must_change_password: bool | None = None
    credential_epoch: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A caller whose identity is established, and how far this credential reaches.

    Parameters
    ----------
    principal : Principal
        Who calls.
    address : str
        From where; empty if unknown.
    project_id : ProjectId, optional
        The only project this credential is good for; None for any of the account's.
    is_domain_scoped : bool
        Whether it is a token for the account, which opens no project.
    narrowing : Policy, optional
        What a temporary key was narrowed to.
    agency_id : AgencyId, optional
        The agency whose rights count instead of the user's.
    by_access_key : bool
        Whether a permanent or temporary key signed, not a token.
    is_temporary : bool
        Whether it was a temporary key: what it does must not outlive it as a credential.
    """

    principal: Principal
    address: str = ""
    project_id: ProjectId | None = None
    is_domain_scoped: bool = False
    narrowing: Policy | None = None
    agency_id: AgencyId | None = None
    by_access_key: bool = False
    is_temporary: bool = False


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it is stored.

    Parameters
    ----------
    ciphertext : bytes
        Nonce, encrypted secret and tag.
    instance_key_id : str
        Which instance key opens it.
    """

    ciphertext: bytes
    instance_key_id: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """An access key about to be stored.

    Parameters
    ----------
    access_key : AccessKey
        20 upper-case letters and digits.
    user_id : UserId
        Whose it is.
    sealed : SealedSecret
        Its secret, encrypted.
    description : str
        Free text.
    """

    access_key: AccessKey
    user_id: UserId
    sealed: SealedSecret
    description: str


@dataclass(frozen=True, slots=True)
class Founding:
    """Everything that the first start stores, in one transaction.

    Parameters
    ----------
    account : Account
        The account.
    owner : User
        Its owner.
    projects : tuple of Project
        One for each configured region.
    key : NewKey
        The owner's access key.
    at : datetime
        The instant, in UTC.
    """

    account: Account
    owner: User
    projects: tuple[Project, ...]
    key: NewKey
    at: datetime

    def missing_projects(
        self, accounts: Iterable[Account], known: Iterable[Project]
    ) -> list[Project]:
        """Tell which accounts lack which of these regions.

        Parameters
        ----------
        accounts : iterable of Account
            The accounts that are there.
        known : iterable of Project
            The projects that are there.

        Returns
        -------
        list of Project
            With fresh ids; opened only in the account that the first start made.
        """
        there = {(project.account_id, project.name) for project in known}
        return [
            replace(
                wanted,
                id=ProjectId(new_hex_id()),
                account_id=account.id,
                parent_id=account.id,
                services=wanted.services if account.name == self.account.name else frozenset(),
            )
            for account in accounts
            for wanted in self.projects
            if (account.id, wanted.name) not in there
        ]


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its secret, which is shown this once.

    Parameters
    ----------
    access_key : AccessKey
        The AK.
    secret_key : str
        The SK; kept out of ``repr``.
    """

    access_key: AccessKey
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the first start made, for the operator to note down.

    Parameters
    ----------
    account : Account
        The account.
    owner : User
        Its owner.
    projects : tuple of Project
        One for each configured region.
    key : IssuedKey
        The owner's key.
    """

    account: Account
    owner: User
    projects: tuple[Project, ...]
    key: IssuedKey


@dataclass(frozen=True, slots=True)
class UsableKey:
    """An active key and whose it is; whether that user is enabled is asked later.

    Parameters
    ----------
    principal : Principal
        Who calls with it.
    secret : bytes
        The secret as UTF-8; kept out of ``repr``.
    """

    principal: Principal
    secret: bytes = field(repr=False)
