"""Which names, descriptions, addresses and telephone numbers are good; how exact instants are.

Owns: those rules. Has no opinion on: passwords, and where the texts come from.
"""

from __future__ import annotations

import re
import unicodedata
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
# Control, format, private, surrogate, unassigned; line and paragraph separators.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
# Unicode's Default_Ignorable_Code_Point of other categories (joiner, fillers, inherent vowels,
# selectors), and the blank Braille pattern.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


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
    check_legible(name, parameter)


def check_legible(name: str, parameter: str) -> None:
    """See that a name is what it looks like: nothing invisible, no second spelling of a letter.

    Parameters
    ----------
    name : str
        The name.
    parameter : str
        The field as the caller wrote it.

    Raises
    ------
    InvalidParameterError
        It holds characters that show nothing, white space other than the plain space, or letters in
        another than Unicode's form NFKC. Punctuation may be full-width, as Chinese names have it.

    Examples
    --------
    >>> check_legible("运维组（北京）", "group.name")
    >>> check_legible("admin\u200b", "group.name")
    Traceback (most recent call last):
    huiyan.kernel.errors.InvalidParameterError: group.name: must not hold invisible characters
    """
    if _IGNORABLE.search(name) or any(map(_is_unseen, name)):
        raise InvalidParameterError(parameter, "must not hold invisible characters")
    folded = "".join(
        character
        if unicodedata.category(character).startswith("P")
        else unicodedata.normalize("NFKC", character)
        for character in name
    )
    if name != unicodedata.normalize("NFC", folded):
        raise InvalidParameterError(
            parameter, "must be composed of plain characters (Unicode's form NFKC)"
        )


def _is_unseen(character: str) -> bool:
    category = unicodedata.category(character)
    return category in _UNSEEN_CATEGORIES or (category == "Zs" and character != " ")


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

    Notes
    -----
    ``docs/wire.md``, section "Users and groups".
    """
    if not 1 <= len(name) <= GROUP_NAME_CHARACTERS:
        raise InvalidParameterError(
            "group.name", f"must have 1 to {GROUP_NAME_CHARACTERS} characters"
        )
    if name != name.strip():
        raise InvalidParameterError("group.name", "must not start or end with a space")
    check_legible(name, "group.name")


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
