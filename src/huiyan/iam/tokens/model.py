"""Tokens and temporary keys as values.

Owns: what a token says of its bearer, how long it lives, and what an agency allows over time. Has
no opinion on: how it is sealed, and what the bearer may do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from huiyan.iam.directory.model import Agency
from huiyan.iam.model import Account, Project, User
from huiyan.iam.policy.model import Policy
from huiyan.kernel.ids import AccessKey, AccountId, AgencyId, ProjectId, UserId

TOKEN_LIFE = timedelta(hours=24)
ASSUME_AGENCY = "iam:agencies:assume"
"""What a user needs the right to do, on the agency, to act for it."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """For whom a credential was issued, and how far it reaches.

    Parameters
    ----------
    user_id : UserId
        The user who proved who they are.
    account_id : AccountId
        That user's account.
    epoch : int
        The user's ``credential_epoch`` then.
    project_id : ProjectId, optional
        The only project it is good for; None for the whole account.
    agency_id : AgencyId, optional
        The agency that the user acts for; its account, and its rights, count instead.
    parent_key : AccessKey, optional
        The permanent key under which it was made, be it by way of a token; it dies with that one.
    """

    user_id: UserId
    account_id: AccountId
    epoch: int
    project_id: ProjectId | None = None
    agency_id: AgencyId | None = None
    parent_key: AccessKey | None = None


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says.

    Parameters
    ----------
    id : str
        16 hexadecimal digits; names the token in records without being it.
    bearer : Bearer
        For whom.
    methods : tuple of str
        How the bearer proved it, in the vendor's words.
    issued_at, expires_at : datetime
        From when until when, in UTC.
    """

    id: str
    bearer: Bearer
    methods: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token about to be handed out.

    Parameters
    ----------
    claims : TokenClaims
        What it says.
    text : str
        The token itself; kept out of ``repr``.
    """

    claims: TokenClaims
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenDescription:
    """What is told about a token.

    Parameters
    ----------
    claims : TokenClaims
        What it says.
    user : User
        Who proved who they are.
    home : Account
        That user's account.
    account : Account
        The account in which the token acts; another one for an agency's.
    project : Project or None
        The only project it is good for.
    agency : Agency or None
        The agency that the user acts for.
    roles : tuple of str
        The vendor's names of the roles that count there now.
    """

    claims: TokenClaims
    user: User
    home: Account
    account: Account
    project: Project | None
    agency: Agency | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TemporaryClaims:
    """What a security token says.

    Parameters
    ----------
    access : AccessKey
        The temporary access key that it belongs to.
    secret : str
        That key's secret; kept out of ``repr``.
    bearer : Bearer
        For whom.
    issued_at, expires_at : datetime
        From when until when, in UTC.
    narrowing : Policy or None
        What it was narrowed to.
    """

    access: AccessKey
    secret: str = field(repr=False)
    bearer: Bearer
    issued_at: datetime
    expires_at: datetime
    narrowing: Policy | None


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """A temporary key about to be handed out; shown this once.

    Parameters
    ----------
    access : AccessKey
        20 upper-case letters and digits, beginning with ``HST``.
    secret : str
        40 letters and digits; kept out of ``repr``.
    security_token : str
        What must accompany each signature; kept out of ``repr``.
    expires_at : datetime
        Until when, in UTC.
    """

    access: AccessKey
    secret: str = field(repr=False)
    security_token: str = field(repr=False)
    expires_at: datetime


def agency_resource(lender_id: str, agency_id: str) -> str:
    """Name an agency as policies see it.

    Parameters
    ----------
    lender_id : str
        The account that made it.
    agency_id : str
        The agency.

    Returns
    -------
    str
        What the pattern ``/iam/agencies/<id>`` of a policy stands for.
    """
    return f"iam::{lender_id}:agency:{agency_id}"


def has_ended(agency: Agency, now: datetime) -> bool:
    """Tell whether an agency's time is over.

    Parameters
    ----------
    agency : Agency
        The agency; its duration is ``FOREVER``, ``ONEDAY`` or a number of days.
    now : datetime
        The instant, in UTC.

    Returns
    -------
    bool
        True from the end of its last day on, and for a duration that cannot be read.
    """
    duration = agency.duration.strip().upper()
    if duration == "FOREVER":
        return False
    days = "1" if duration == "ONEDAY" else duration
    if not (days.isascii() and days.isdigit() and len(days) <= 6):
        return True
    return now - agency.created_at >= timedelta(days=int(days))
