"""The fields of a JSON object that a caller sent.

Owns: how a field is taken out of it, and what is said of one that is missing or malformed. Has no
opinion on: which fields there are.
"""

from __future__ import annotations

import re

from huiyan.kernel.errors import InvalidParameterError, MissingParameterError

Document = dict[str, object]
"""A JSON object, received or about to be sent."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def object_field(document: Document, name: str, where: str = "") -> Document:
    """Get a field that must be an object.

    Parameters
    ----------
    document : dict
        The object around it.
    name : str
        The field.
    where : str, default ''
        The path to ``document``, for the error's text.

    Returns
    -------
    dict
        The field.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        It is missing or null, or no object.
    """
    value = document.get(name)
    if value is None:
        raise MissingParameterError(f"'{where}{name}' is a required property")
    if not isinstance(value, dict):
        raise InvalidParameterError(f"{where}{name}", "must be an object")
    return value


def text_field(document: Document, name: str, where: str = "", *, most: int = 255) -> str | None:
    """Find a field that must be text.

    Parameters
    ----------
    document : dict
        The object around it.
    name : str
        The field.
    where : str, default ''
        The path to ``document``, for the error's text.
    most : int, default 255
        Characters at most.

    Returns
    -------
    str or None
        None if it is missing or null.

    Raises
    ------
    InvalidParameterError
        It is no text, too long, or holds control characters.
    """
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidParameterError(f"{where}{name}", "must be a string")
    if len(value) > most:
        raise InvalidParameterError(f"{where}{name}", f"must not exceed {most} characters")
    if _UNPRINTABLE.search(value):
        raise InvalidParameterError(f"{where}{name}", "must not hold control characters")
    return value


def required_text(document: Document, name: str, where: str = "", *, most: int = 255) -> str:
    """Get a field that must be there and be text.

    Parameters
    ----------
    document : dict
        The object around it.
    name : str
        The field.
    where : str, default ''
        The path to ``document``, for the error's text.
    most : int, default 255
        Characters at most.

    Returns
    -------
    str
        Not empty.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        It is missing or empty, or malformed.
    """
    value = text_field(document, name, where, most=most)
    if not value:
        raise MissingParameterError(f"'{where}{name}' is a required property")
    return value


def flag_field(document: Document, name: str, where: str = "") -> bool | None:
    """Find a field that must be true or false.

    Parameters
    ----------
    document : dict
        The object around it.
    name : str
        The field.
    where : str, default ''
        The path to ``document``, for the error's text.

    Returns
    -------
    bool or None
        None if it is missing or null.

    Raises
    ------
    InvalidParameterError
        It is neither.
    """
    value = document.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidParameterError(f"{where}{name}", "must be true or false")
    return value
