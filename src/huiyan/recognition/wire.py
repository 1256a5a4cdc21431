"""The part of the request body that all operations share.

Owns: the JSON object's shape, the rules on ``image`` and ``url`` wherever they stand, and the
checks of number fields. Has no opinion on: defaults and ranges, which each capability's own
``wire`` states.

Source: ``docs/wire.md``, "Request body".
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Any

import msgspec
import pybase64

from huiyan.kernel.errors import (
    Base64Error,
    BodyError,
    InvalidParameterError,
    MalformedJsonError,
    MissingParameterError,
    PictureTextTooLargeError,
)
from huiyan.kernel.language import LANGUAGES, Language
from huiyan.recognition.model import PictureBytes, PictureSource, PictureUrl

MAX_PICTURE_TEXT_CHARS = 10_485_760

_QUOTE = ord('"')
_WHITE_SPACE = b" \t\r\n"
_ABSENT = (None, "")


class _Body(msgspec.Struct):
    image: msgspec.Raw = msgspec.Raw(b"null")
    url: Any = None
    language: Any = None
    threshold: Any = None
    limit: Any = None


_DECODER = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class WireFields:
    """The fields of a body, typed but not yet interpreted.

    Parameters
    ----------
    source : PictureSource
        The picture, from ``image`` or ``url``.
    language, threshold, limit : object
        As in the JSON; ``None`` where absent, null or the empty string.
    """

    source: PictureSource
    language: object
    threshold: object
    limit: object


def parse_fields(body: bytes) -> WireFields:
    """Parse a request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    WireFields
        Its fields; unknown ones are ignored.

    Raises
    ------
    MalformedJsonError
        The body is no JSON object.
    MissingParameterError
        Neither ``image`` nor ``url`` is given.
    InvalidParameterError
        Both are given, or one has the wrong JSON type.
    Base64Error, PictureTextTooLargeError
        The text in ``image`` is not base64, or too much of it.

    Notes
    -----
    ``image`` is taken from the body's own bytes without an intermediate text and decoded with SIMD;
    for a 5 MB body that is a third of a decoded ``bytes`` field's cost
    (``docs/decisions/0002-request-path.md``).
    """
    try:
        fields = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise _validation_fault(error) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedJsonError(f"the body must be a JSON object ({error})") from error
    return WireFields(
        source=parse_picture(fields.image, fields.url),
        language=None if fields.language in _ABSENT else fields.language,
        threshold=None if fields.threshold in _ABSENT else fields.threshold,
        limit=None if fields.limit in _ABSENT else fields.limit,
    )


def parse_picture(image: msgspec.Raw, url: object, where: str = "") -> PictureSource:
    """Parse the two fields by which a picture is given.

    Parameters
    ----------
    image : msgspec.Raw
        The JSON value of ``image``, as sent; ``null`` where it is absent.
    url : object
        The JSON value of ``url``; None where it is absent.
    where : str, default ''
        The path to both, for the error's text: ``photos[2].``.

    Returns
    -------
    PictureSource
        The picture.

    Raises
    ------
    MissingParameterError
        Neither is given.
    InvalidParameterError
        Both are given, or one has the wrong JSON type.
    Base64Error, PictureTextTooLargeError
        The text in ``image`` is not base64, or too much of it.
    """
    image_name = f"{where}image"
    text = _picture_text(image, image_name)
    if url in _ABSENT:
        if text is None:
            raise MissingParameterError(
                f"give the picture as {image_name} (base64) or as {where}url"
            )
        return PictureBytes(_decode_base64(text, image_name))
    if not isinstance(url, str):
        raise InvalidParameterError(f"{where}url", "must be a string")
    if text is not None:
        raise InvalidParameterError(f"{image_name}, {where}url", "give exactly one of the two")
    return PictureUrl(url)


def parse_language(value: object) -> Language:
    """Parse ``language``.

    Parameters
    ----------
    value : object
        The JSON value, ``None`` for absent.

    Returns
    -------
    {'zh', 'en'}
        The language of answers; ``zh`` when absent.

    Raises
    ------
    InvalidParameterError
        Another value.
    """
    if value is None:
        return "zh"
    for language in LANGUAGES:
        if value == language:
            return language
    raise InvalidParameterError("language", "must be zh or en")


def parse_number(name: str, value: object, low: float, high: float) -> float:
    """Parse a number field that has a range.

    Parameters
    ----------
    name : str
        The field, as the caller wrote it.
    value : object
        The JSON value.
    low, high : float
        The range, both ends included.

    Returns
    -------
    float
        The number, in the wire's unit.

    Raises
    ------
    InvalidParameterError
        No number, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidParameterError(name, "must be a number")
    if not low <= value <= high:
        raise InvalidParameterError(name, f"must be between {low:g} and {high:g}")
    return float(value)


def parse_integer(name: str, value: object, low: int, high: int) -> int:
    """Parse an integer field that has a range.

    Parameters
    ----------
    name : str
        The field, as the caller wrote it.
    value : object
        The JSON value.
    low, high : int
        The range, both ends included.

    Returns
    -------
    int
        The number.

    Raises
    ------
    InvalidParameterError
        No JSON integer, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidParameterError(name, "must be an integer")
    if not low <= value <= high:
        raise InvalidParameterError(name, f"must be between {low} and {high}")
    return value


def _validation_fault(error: msgspec.ValidationError) -> BodyError:
    """Tell a number beyond all ranges, which the decoder refuses, from a body of another shape."""
    text, found, field = str(error).partition(" - at `$.")
    if found and "out of range" in text:
        return InvalidParameterError(field.rstrip("`"), "is out of range")
    return MalformedJsonError(f"the body must be a JSON object ({error})")


def _picture_text(raw: msgspec.Raw, name: str) -> memoryview | None:
    """Give the JSON text between the quotes of ``image``, uncopied; None where it is absent."""
    token = memoryview(raw)
    if len(token) <= len(b"null") and bytes(token) in {b"null", b'""'}:
        return None
    if token[0] != _QUOTE:
        raise InvalidParameterError(name, "must be a string")
    return token[1:-1]


def _decode_base64(text: memoryview, name: str) -> bytes:
    plain = text if len(text) <= MAX_PICTURE_TEXT_CHARS else memoryview(_unescape(text, name))
    if len(plain) > MAX_PICTURE_TEXT_CHARS:
        raise PictureTextTooLargeError(
            f"{name} holds {len(plain)} characters of base64, at most {MAX_PICTURE_TEXT_CHARS}"
        )
    try:
        data = pybase64.b64decode(plain, validate=True)
    except binascii.Error:
        data = _decode_careless_base64(_unescape(text, name), name)
    if not data:
        raise MissingParameterError(f"{name} holds no picture")
    return data


def _unescape(text: memoryview, name: str) -> bytes:
    """Undo JSON's escapes: careless clients send line breaks, and some escape every slash."""
    try:
        return msgspec.json.decode(b'"' + bytes(text) + b'"', type=str).encode("ascii")
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Base64Error(f"{name} holds characters that base64 does not have") from error


def _decode_careless_base64(text: bytes, name: str) -> bytes:
    if text[:5].lower() == b"data:":
        raise Base64Error(f"{name} must be bare base64, without the 'data:…;base64,' prefix")
    try:
        return pybase64.b64decode(text.translate(None, _WHITE_SPACE), validate=True)
    except binascii.Error as error:
        raise Base64Error(f"{name} is not base64 ({error})") from error
