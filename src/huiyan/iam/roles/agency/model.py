"""Agencies about to be made or changed, and how long they last.

Owns: these values, and when an agency ends. Has no opinion on: how they look on the wire, where
they are stored, and who may assume them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from huiyan.iam.directory.model import Agency

MAX_AGENCIES: Final = 50
"""Agencies that an account may have."""

FOREVER: Final = "FOREVER"
ONE_DAY: Final = "ONEDAY"
MAX_DAYS: Final = 36_500


@dataclass(frozen=True, slots=True)
class Trust:
    """To whom an agency lends, as the caller named it; the name counts where both are given.

    Parameters
    ----------
    account_id : str
        An account's id; empty if it was not given.
    account_name : str
        An account's name, or a service's such as ``op_svc_obs``; empty if it was not given.
    """

    account_id: str
    account_name: str


@dataclass(frozen=True, slots=True)
class AgencyDraft:
    """An agency about to be made.

    Parameters
    ----------
    name : str
        1 to 64 characters; unique in the account.
    trust : Trust
        To whom it lends.
    description : str
        Free text.
    duration : str
        ``FOREVER``, ``ONEDAY`` or a number of days, 1 to 36500.
    """

    name: str
    trust: Trust
    description: str
    duration: str


@dataclass(frozen=True, slots=True)
class AgencyChange:
    """What an agency becomes; None leaves a part as it is.

    Parameters
    ----------
    trust : Trust, optional
        To whom it lends.
    description : str, optional
        Free text.
    duration : str, optional
        ``FOREVER``, ``ONEDAY`` or a number of days, counted from when it was made.
    """

    trust: Trust | None = None
    description: str | None = None
    duration: str | None = None


def days_of(agency: Agency) -> int | None:
    """Tell for how many days an agency is good.

    Parameters
    ----------
    agency : Agency
        The agency.

    Returns
    -------
    int or None
        Counted from when it was made; None for one that never ends.
    """
    if agency.duration == FOREVER:
        return None
    return 1 if agency.duration == ONE_DAY else int(agency.duration)


def ends_at(agency: Agency) -> datetime | None:
    """Tell when an agency ends: from then on nobody may act by it.

    Parameters
    ----------
    agency : Agency
        The agency.

    Returns
    -------
    datetime or None
        In UTC; None for one that never ends.
    """
    days = days_of(agency)
    return None if days is None else agency.created_at + timedelta(days=days)
