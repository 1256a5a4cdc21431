"""What is asked for when people are made and changed.

Owns: the shapes of those wishes. Has no opinion on: users themselves (``iam/model`` has them),
which wishes are good, and how they are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from huiyan.iam.model import AccessMode

MAX_USERS: Final = 5000
"""How many users an account may have; ours, so that one account cannot fill every memory."""

MAX_GROUPS: Final = 1000
"""How many groups an account may have; ours, too."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user about to be made.

    Parameters
    ----------
    name : str
        Unique in the account.
    password : str, optional
        None for a user who never logs in by password; kept out of ``repr``.
    description : str, default ''
        Free text.
    email : str, default ''
        Empty if not told.
    area_code : str, default ''
        Of the telephone number; given together with it or not at all.
    phone : str, default ''
        Telephone number, digits only.
    enabled : bool, default True
        Whether the user may call at all.
    access_mode : {'default', 'programmatic', 'console'}
        By which doors the user may come.
    must_change_password : bool, default True
        Whether the password is to be changed by the user; without meaning if there is none.
    """

    name: str
    password: str | None = field(default=None, repr=False)
    description: str = ""
    email: str = ""
    area_code: str = ""
    phone: str = ""
    enabled: bool = True
    access_mode: AccessMode = "default"
    must_change_password: bool = True


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to change about a user; None leaves a thing as it is.

    Parameters
    ----------
    name : str, optional
        The new name.
    password : str, optional
        The new password; kept out of ``repr``.
    description : str, optional
        Free text.
    email : str, optional
        Empty to forget it.
    area_code : str, optional
        Given together with ``phone`` or not at all.
    phone : str, optional
        Digits only, empty to forget it.
    enabled : bool, optional
        Whether the user may call at all.
    access_mode : {'default', 'programmatic', 'console'}, optional
        By which doors the user may come.
    must_change_password : bool, optional
        Whether the password is to be changed by the user; True by default with a new password.
    """

    name: str | None = None
    password: str | None = field(default=None, repr=False)
    description: str | None = None
    email: str | None = None
    area_code: str | None = None
    phone: str | None = None
    enabled: bool | None = None
    access_mode: AccessMode | None = None
    must_change_password: bool | None = None
