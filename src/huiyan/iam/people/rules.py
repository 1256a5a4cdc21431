"""Which names, descriptions, addresses and telephone numbers are good; how exact instants are.

Owns: those rules. Has no opinion on: passwords, and where the texts come from.
"""

from __future__ import annotations

import re
from datetime import datetime

from huiyan.kernel.errors import InvalidParameterError

USER_NAME_CHARACTERS = 64
GROUP_NAME_CHARACTERS = 128
DESCRIPTION_BYTES = 255
EMAIL_CHARACTERS = 255
AREA_CODE_DIGITS = 8
PHONE_DIGITS = 32

_DIGITS = "0123456789"
_BESIDE_LETTERS = frozenset(_DIGITS + " -_.")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check_user_name(name: str, parameter: str = "user.name") -> None:
    """See that a user may have this name.

    Parameters
    ----------
    name : str
        The name.
    parameter : str, default 'user.name'
        The field as the caller wrote it.

    Raises
    ------
    InvalidParameterError
        It may not.

    Notes
    -----
    ``docs/wire.md``, section "Users and groups". Letters are those of any script.

    Examples
    --------
    >>> check_user_name("张伟 2.test-user_a")
    >>> check_user_name("2nd")
    Traceback (most recent call last):
    huiyan.kernel.errors.InvalidParameterError: user.name: must not start with a digit
    """
    if not 1 <= len(name) <= USER_NAME_CHARACTERS:
        raise InvalidParameterError(parameter, f"must have 1 to {USER_NAME_CHARACTERS} characters")
    if name[0] in _DIGITS:
        raise InvalidParameterError(parameter, "must not start with a digit")
    if name != name.strip(" "):
        raise InvalidParameterError(parameter, "must not start or end with a space")
    if not all(character.isalpha() or character in _BESIDE_LETTERS for character in name):
        raise InvalidParameterError(
            parameter, "must hold letters, digits, spaces, hyphens, underscores and full stops only"
        )


def check_group_name(name: str) -> None:
    """See that a group may have this name.

    Parameters
    ----------
    name : str
        The name.

    Raises
    ------
    InvalidParameterError
        It may not.
    """
    if not 1 <= len(name) <= GROUP_NAME_CHARACTERS:
        raise InvalidParameterError(
            "group.name", f"must have 1 to {GROUP_NAME_CHARACTERS} characters"
        )
    if name != name.strip() or _UNPRINTABLE.search(name):
        raise InvalidParameterError(
            "group.name", "must not hold control characters, nor start or end with a space"
        )


def check_description(description: str, parameter: str) -> None:
    """See that a description fits.

    Parameters
    ----------
    description : str
        The text; may be empty.
    parameter : str
        The field as the caller wrote it.

    Raises
    ------
    InvalidParameterError
        It is too long or holds control characters.
    """
    if _UNPRINTABLE.search(description):
        raise InvalidParameterError(parameter, "must not hold control characters")
    if len(description.encode()) > DESCRIPTION_BYTES:
        raise InvalidParameterError(parameter, f"must not exceed {DESCRIPTION_BYTES} bytes")


def check_email(email: str) -> None:
    """See that a text can be an email address.

    Parameters
    ----------
    email : str
        The address; empty for none.

    Raises
    ------
    InvalidParameterError
        It cannot.
    """
    if not email:
        return
    if (
        len(email) > EMAIL_CHARACTERS
        or _UNPRINTABLE.search(email)
        or _EMAIL.fullmatch(email) is None
    ):
        raise InvalidParameterError("user.email", "must be an email address")


def check_telephone(area_code: str | None, phone: str | None) -> None:
    """See that a country code and a telephone number belong together.

    Parameters
    ----------
    area_code : str or None
        Such as ``0086``; empty for none, None if it was not given.
    phone : str or None
        Digits; empty for none, None if it was not given.

    Raises
    ------
    InvalidParameterError
        One of them is malformed, or only one of them is given.
    """
    if bool(area_code) != bool(phone) or (area_code is None) != (phone is None):
        raise InvalidParameterError("user.areacode", "must be given together with user.phone")
    for parameter, digits, most in (
        ("user.areacode", area_code, AREA_CODE_DIGITS),
        ("user.phone", phone, PHONE_DIGITS),
    ):
        if digits and (len(digits) > most or not digits.isascii() or not digits.isdigit()):
            raise InvalidParameterError(parameter, f"must be at most {most} digits")


def whole_milliseconds(at: datetime) -> datetime:
    """Cut an instant to what is stored of it, so that a new thing looks the same ever after.

    Parameters
    ----------
    at : datetime
        Any.

    Returns
    -------
    datetime
        Whole milliseconds.
    """
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
