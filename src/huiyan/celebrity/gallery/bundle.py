"""The form of an exported gallery: JSON Lines.

Owns: how the header, people and the end are written, and how they are read from files that anyone
may have made. Has no opinion on: where people come from and where they go.

The file::

    {"format":"huiyan-gallery","version":1,"model":…,"dimensions":128,"people":n,"photos":m}
    {"id":…,"name_zh":…,…,"enabled":true,"photos":[{"embedding":…,"digest":…,…},…]}
    {"end":true,"sha256":…}

A person with many photos may take several lines, one behind the other, with the same id and facts.
The last line holds the SHA-256 of all bytes before it, so a file that was cut or altered is noticed
before anything is imported.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
import numpy as np

from huiyan.celebrity.gallery.facts import MOST_ALIASES, check_facts
from huiyan.celebrity.gallery.model import ModelId, NewPhoto, PersonFacts, PersonId
from huiyan.celebrity.gallery.writer import DIMENSIONS, find_fault
from huiyan.imaging.face_picture import MAX_SIDE_PX
from huiyan.imaging.header import read_header
from huiyan.imaging.picture import Format
from huiyan.kernel.errors import BodyError, GalleryFileError, PictureError
from huiyan.kernel.units import MIB_BYTES

FORMAT = "huiyan-gallery"
VERSION = 1
MOST_LINE_BYTES = 32 * MIB_BYTES
PHOTOS_A_LINE = 16
MOST_PHOTOS_A_LINE = 100

_EMBEDDING = np.dtype("<f2")
_ID = re.compile(r"[0-9a-f]{32}")
_JPEG_END = b"\xff\xd9"


_Line = TypeVar("_Line")


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line.

    Parameters
    ----------
    format : str
        ``huiyan-gallery``.
    version : int
        1.
    model : str
        The network of all embeddings.
    dimensions : int
        How many numbers an embedding has.
    people, photos : int
        How many follow.
    """

    format: str
    version: int
    model: str
    dimensions: int
    people: int
    photos: int


class _PhotoLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    embedding: str
    digest: str
    quality: float
    side_px: float
    picture: str | None = None


class _PersonLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name_zh: str
    name_en: str
    aliases: Annotated[list[str], msgspec.Meta(max_length=MOST_ALIASES)]
    occupation: str
    link: str
    enabled: bool
    photos: Annotated[list[_PhotoLine], msgspec.Meta(max_length=MOST_PHOTOS_A_LINE)]


class _EndLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    end: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class BundledPerson:
    """A person as a file says.

    Parameters
    ----------
    id : PersonId
        32 hexadecimal digits.
    facts : PersonFacts
        In the form in which they are stored.
    enabled : bool
        Whether they are looked for.
    photos : tuple of NewPhoto
        All of the header's network.
    """

    id: PersonId
    facts: PersonFacts
    enabled: bool
    photos: tuple[NewPhoto, ...]


class BundleWriter:
    """Makes the lines of one file, in their order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def header(self, model: ModelId, dimensions: int, people: int, photos: int) -> bytes:
        """Make the first line; gives bytes with the line feed."""
        return self._line(Header(FORMAT, VERSION, model, dimensions, people, photos))

    def person(
        self, person_id: PersonId, facts: PersonFacts, *, enabled: bool, photos: Sequence[NewPhoto]
    ) -> bytes:
        """Make a line of a person with at most ``PHOTOS_A_LINE`` photos."""
        listed = [
            _PhotoLine(
                base64.b64encode(photo.embedding.astype(_EMBEDDING).tobytes()).decode(),
                photo.digest,
                photo.quality,
                photo.side_px,
                None if photo.picture is None else base64.b64encode(photo.picture).decode(),
            )
            for photo in photos
        ]
        return self._line(
            _PersonLine(
                person_id,
                facts.name_zh,
                facts.name_en,
                list(facts.aliases),
                facts.occupation,
                facts.link,
                enabled,
                listed,
            )
        )

    def end(self) -> bytes:
        """Make the last line."""
        return msgspec.json.encode(_EndLine(end=True, sha256=self._hash.hexdigest())) + b"\n"

    def _line(self, content: msgspec.Struct) -> bytes:
        line = msgspec.json.encode(content) + b"\n"
        self._hash.update(line)
        return line


def split_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a file into lines with their line feeds; memory stays below twice the longest line.

    Parameters
    ----------
    pieces : iterable of bytes
        The file, cut anywhere.

    Yields
    ------
    bytes
        A line; the last one may lack its line feed.

    Raises
    ------
    GalleryFileError
        A line is longer than a person's may be.
    """
    rest = bytearray()
    for piece in pieces:
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            _check_length(len(rest) + end - start)
            rest += piece[start : end + 1]
            yield bytes(rest)
            rest.clear()
            start = end + 1
        _check_length(len(rest) + len(piece) - start)
        rest += piece[start:]
    if rest:
        yield bytes(rest)


class BundleReader:
    """Checks a file line by line, in its order.

    ``read`` gives each line's person; ``finish`` says whether the file was whole.
    """

    def __init__(self) -> None:
        self.header: Header | None = None
        self._hash = hashlib.sha256()
        self._has_ended = False
        self._number = 0
        self._last: tuple[str, PersonFacts, bool] | None = None
        self._ids: set[bytes] = set()
        self._photos = 0

    def read(self, line: bytes) -> BundledPerson | None:
        """Read the next line.

        Parameters
        ----------
        line : bytes
            With its line feed.

        Returns
        -------
        BundledPerson or None
            None for the header and the end.

        Raises
        ------
        GalleryFileError
            It is not what stands in such a place.
        """
        self._number += 1
        if self._has_ended:
            raise self._fault("something stands behind the end")
        if not line.endswith(b"\n"):
            raise GalleryFileError("the file is cut off: its last line is not whole")
        if self.header is None:
            self.header = self._read_header(line)
            self._hash.update(line)
            return None
        if line.startswith(b'{"end"'):
            self._read_end(line)
            return None
        self._hash.update(line)
        return self._read_person(line)

    def finish(self) -> Header:
        """See that the file was whole; gives its header, or raises ``GalleryFileError``."""
        if self.header is None:
            raise GalleryFileError("the file is empty: it is no exported gallery")
        if not self._has_ended:
            raise GalleryFileError("the file is cut off: its last line is missing")
        return self.header

    def _read_header(self, line: bytes) -> Header:
        try:
            header = msgspec.json.decode(line, type=Header)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise GalleryFileError("the first line is not an exported gallery's") from error
        if header.format != FORMAT:
            raise GalleryFileError("the first line is not an exported gallery's")
        if header.version != VERSION:
            raise GalleryFileError(
                f"the file is of version {header.version}; this Huiyan reads version {VERSION}"
            )
        if header.dimensions != DIMENSIONS:
            raise GalleryFileError(f"its embeddings have {header.dimensions} numbers")
        return header

    def _read_end(self, line: bytes) -> None:
        end = self._decode(line, _EndLine)
        if not end.end or end.sha256 != self._hash.hexdigest():
            raise GalleryFileError("the file was altered or cut: its hash is another")
        header = self.header
        if header is None or (len(self._ids), self._photos) != (header.people, header.photos):
            raise GalleryFileError("the file holds other numbers of people and photos than it says")
        self._has_ended = True

    def _read_person(self, line: bytes) -> BundledPerson:
        said = self._decode(line, _PersonLine)
        if not _ID.fullmatch(said.id):
            raise self._fault("an id must be 32 lower-case hexadecimal digits")
        given = PersonFacts(
            said.name_zh, said.name_en, tuple(said.aliases), said.occupation, said.link
        )
        try:
            facts = check_facts(given)
        except BodyError as error:
            raise self._fault(error.detail) from error
        whole = (said.id, facts, said.enabled)
        if whole != self._last:
            if bytes.fromhex(said.id) in self._ids:
                raise self._fault("a person's id comes twice")
            self._ids.add(bytes.fromhex(said.id))
            self._last = whole
        photos = tuple(self._read_photo(photo) for photo in said.photos)
        self._photos += len(photos)
        return BundledPerson(PersonId(said.id), facts, said.enabled, photos)

    def _read_photo(self, said: _PhotoLine) -> NewPhoto:
        data = self._bytes(said.embedding)
        if len(data) != DIMENSIONS * _EMBEDDING.itemsize:
            raise self._fault(f"an embedding must have {DIMENSIONS} numbers")
        embedding = np.frombuffer(data, _EMBEDDING).astype(np.float32)
        length = float(np.linalg.norm(embedding))
        if length > 0.0 and np.isfinite(length) and abs(length - 1.0) < 0.01:
            embedding = np.asarray(embedding / length, np.float32)
        picture = None if said.picture is None else self._bytes(said.picture)
        if picture is not None and not _is_face_picture(picture):
            raise self._fault(f"a picture must be a JPEG of at most {MAX_SIDE_PX} px a side")
        photo = NewPhoto(embedding, said.digest, said.quality, said.side_px, picture)
        fault = find_fault(photo)
        if fault is not None:
            raise self._fault(fault)
        return photo

    def _bytes(self, text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._fault("an embedding or picture is not base64") from error

    def _decode(self, line: bytes, form: type[_Line]) -> _Line:
        try:
            return msgspec.json.decode(line, type=form)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            # The reader's own words may repeat a name.
            raise self._fault("it is not of the form of an exported gallery") from error

    def _fault(self, what: str) -> GalleryFileError:
        return GalleryFileError(f"line {self._number}: {what}")


def _check_length(length: int) -> None:
    if length > MOST_LINE_BYTES:
        raise GalleryFileError(f"a line is longer than {MOST_LINE_BYTES} bytes")


def _is_face_picture(picture: bytes) -> bool:
    """Tell whether it is what ``cut_face_picture`` makes, as far as that shows without pixels."""
    try:
        header = read_header(picture)
    except PictureError:
        return False
    is_small = max(header.stored_size_wh) <= MAX_SIDE_PX
    return header.format is Format.JPEG and is_small and picture.endswith(_JPEG_END)
