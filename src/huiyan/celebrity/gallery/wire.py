"""The JSON of the calls about galleries.

Owns: every field of it, and how much of a body is taken apart at all. Has no opinion on: what the
calls do, and which names and photos a gallery takes.

Source: ``docs/wire.md``, "Galleries".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec

from huiyan.celebrity.gallery.asked import ID_FORM
from huiyan.celebrity.gallery.model import PersonFacts, PersonId
from huiyan.iam.field import Document, object_field, text_field
from huiyan.kernel.errors import (
    InvalidParameterError,
    MalformedJsonError,
    MissingParameterError,
    NotFoundError,
)
from huiyan.recognition.model import PictureSource, PictureUrl
from huiyan.recognition.wire import parse_picture

MOST_PHOTOS = 20
"""Photos a call; each is looked at while the caller waits."""

MOST_URLS = 4
"""Photos a call that must be fetched: a call waits for each in turn, up to ``fetch_timeout_s``, and
keeps its place among the calls with pictures meanwhile."""

MOST_MERGED = 100
MOST_ALIASES = 100
MOST_VALUES = 10_000
"""What a body may hold at most: a long text of pictures costs little memory, but as many little
values as fit into it would cost fifty times their text."""

_SMALL_BYTES = 64 * 1024
_TEXT_CHARACTERS = 2048
_FACTS = ("name", "aliases", "occupation", "link")
_WRITTEN = {
    "name_zh": "person.name.zh",
    "name_en": "person.name.en",
    "aliases": "person.aliases",
    "occupation": "person.occupation",
    "link": "person.link",
    "from_ids": "from",
}
_NULL = msgspec.Raw(b"null")


class _Photo(msgspec.Struct):
    image: msgspec.Raw = _NULL
    url: msgspec.Raw = _NULL
    at: msgspec.Raw = _NULL


class _Body(msgspec.Struct):
    person: msgspec.Raw = _NULL
    photos: msgspec.Raw = _NULL


_BODY = msgspec.json.Decoder(_Body)
_PHOTOS = msgspec.json.Decoder(list[_Photo])


@dataclass(frozen=True, slots=True)
class AskedPhoto:
    """A photo that a call gives.

    Parameters
    ----------
    where : str
        Its place in the body, for the error's text: ``photos[2]``.
    source : PictureSource
        Where it is.
    at : tuple of float or None
        (x, y) in px of the full upright picture, a point on the face that is meant.
    """

    where: str
    source: PictureSource
    at: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class PhotosRequest:
    """A body with photos.

    Parameters
    ----------
    person : dict or None
        What is said about the person; None if nothing is.
    photos : tuple of AskedPhoto
        The photos; may be empty.
    """

    person: Document | None
    photos: tuple[AskedPhoto, ...]


def parse_photos(body: bytes) -> PhotosRequest:
    """Parse a body with photos.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    PhotosRequest
        What it holds.

    Raises
    ------
    MalformedJsonError
        It is no JSON object.
    MissingParameterError, InvalidParameterError, Base64Error, PictureTextTooLargeError
        A field is at fault.
    """
    if body.count(b",") > MOST_VALUES:
        raise InvalidParameterError("body", f"must not hold more than {MOST_VALUES} values")
    try:
        fields = _BODY.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedJsonError("the body is no JSON object") from error
    person = _small(fields.person, "person")
    if person is not None and not isinstance(person, dict):
        raise InvalidParameterError("person", "must be an object")
    return PhotosRequest(person, tuple(_photos(fields.photos)))


def _photos(raw: msgspec.Raw) -> Iterator[AskedPhoto]:
    try:
        photos = _PHOTOS.decode(raw) if bytes(memoryview(raw)[:4]) != b"null" else []
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidParameterError("photos", "must be a list of objects") from error
    if len(photos) > MOST_PHOTOS:
        raise InvalidParameterError("photos", f"must not hold more than {MOST_PHOTOS} a call")
    urls = 0
    for number, photo in enumerate(photos):
        where = f"photos[{number}]"
        url = _small(photo.url, f"{where}.url")
        source = parse_picture(photo.image, url, f"{where}.")
        urls += isinstance(source, PictureUrl)
        if urls > MOST_URLS:
            raise InvalidParameterError(
                "photos", f"must not hold more than {MOST_URLS} with a url a call"
            )
        yield AskedPhoto(where, source, _point(_small(photo.at, f"{where}.at"), f"{where}.at"))


def _small(raw: msgspec.Raw, where: str) -> object:
    """Take a value apart that is never large, unlike what may stand in its place."""
    if len(memoryview(raw)) > _SMALL_BYTES:
        raise InvalidParameterError(where, "is too long")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidParameterError(where, "is malformed") from error


def _point(value: object, where: str) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidParameterError(where, "must be an object with x and y")
    return _coordinate(value, "x", where), _coordinate(value, "y", where)


def _coordinate(point: Document, name: str, where: str) -> float:
    value = point.get(name)
    if value is None:
        raise MissingParameterError(f"'{where}.{name}' is a required property")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= 100_000:  # type: ignore[operator, arg-type]
        raise InvalidParameterError(f"{where}.{name}", "must be a number of px, 0 to 100000")
    return float(value)  # type: ignore[arg-type]


def parse_facts(person: Document, known: PersonFacts | None = None) -> PersonFacts:
    """Parse what is said about a person.

    Parameters
    ----------
    person : dict
        The object ``person`` of a body.
    known : PersonFacts, optional
        What was said before: it stays where the body says nothing.

    Returns
    -------
    PersonFacts
        Of the right types; not checked further.

    Raises
    ------
    InvalidParameterError
        A field is of another type, or none of this object's.
    """
    for field in sorted(person.keys() - set(_FACTS)):
        raise InvalidParameterError(f"person.{field[:64]}", "is not a field of this call")
    known = known or PersonFacts("", "")
    name = {} if person.get("name") is None else object_field(person, "name", "person.")
    for field in sorted(name.keys() - {"zh", "en"}):
        raise InvalidParameterError(f"person.name.{field[:64]}", "is not a field of this call")
    aliases = known.aliases
    if person.get("aliases") is not None:
        aliases = _texts(person["aliases"], "person.aliases", MOST_ALIASES)
    return PersonFacts(
        name_zh=_text(name, "zh", "person.name.", known.name_zh),
        name_en=_text(name, "en", "person.name.", known.name_en),
        aliases=aliases,
        occupation=_text(person, "occupation", "person.", known.occupation),
        link=_text(person, "link", "person.", known.link),
    )


def parse_ids(body: Document, name: str) -> tuple[PersonId, ...]:
    """Parse a list of people's ids.

    Parameters
    ----------
    body : dict
        The body.
    name : str
        The field.

    Returns
    -------
    tuple of PersonId
        At least one.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        It is missing, or no list of 1 to 100 different texts.
    NotFoundError
        One of them can be nobody's id; which one is not repeated, it may be a name.
    """
    if body.get(name) is None:
        raise MissingParameterError(f"'{name}' is a required property")
    ids = _texts(body[name], name, MOST_MERGED)
    if not ids or len(set(ids)) != len(ids):
        raise InvalidParameterError(name, "must name people, each once")
    if not all(ID_FORM.fullmatch(it) for it in ids):
        raise NotFoundError(f"{name}: there is no such person in this gallery")
    return tuple(PersonId(it) for it in ids)


@contextmanager
def named_as_written() -> Iterator[None]:
    """Name fields in faults as the caller wrote them, whatever they are called inside.

    Yields
    ------
    None
        Around what checks them.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        With the field's name in the body.
    """
    try:
        yield
    except MissingParameterError as error:
        detail = error.detail
        for inside, outside in _WRITTEN.items():
            detail = detail.replace(f"'{inside}'", f"'{outside}'")
        raise MissingParameterError(detail) from error
    except InvalidParameterError as error:
        written = _WRITTEN.get(error.parameter)
        if written is None:
            raise
        raise InvalidParameterError(
            written, error.detail.removeprefix(f"{error.parameter}: ")
        ) from error


def _text(document: Document, name: str, where: str, known: str) -> str:
    text = text_field(document, name, where, most=_TEXT_CHARACTERS)
    return known if text is None else text


def _texts(value: object, where: str, most: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(it, str) for it in value):
        raise InvalidParameterError(where, "must be a list of strings")
    if len(value) > most:
        raise InvalidParameterError(where, f"must not hold more than {most}")
    checked: Document = {f"{where}[{number}]": it for number, it in enumerate(value)}
    return tuple(text_field(checked, it, most=_TEXT_CHARACTERS) or "" for it in checked)


def instant(at: datetime | None) -> str | None:
    """Render an instant.

    Parameters
    ----------
    at : datetime or None
        UTC.

    Returns
    -------
    str or None
        ISO 8601 with a ``Z``, to the millisecond.
    """
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
