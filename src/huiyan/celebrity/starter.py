"""The gallery that comes with Huiyan.

Owns: the form of its files in the package, and that nothing damaged is ever searched. Has no
opinion on: who is in it (``tools/build_starter_gallery.py`` makes the files,
``docs/starter-gallery.md`` says how people were chosen), how faces are compared, and that only
those of one network are.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from huiyan.celebrity.gallery.model import ModelId, Person, PersonFacts, PersonId
from huiyan.kernel.errors import SettingsError, VocabularyError
from huiyan.kernel.units import AnyArray, FloatArray

PEOPLE_FILE = "people.json"
EMBEDDINGS_FILE = "embeddings.npy"
INDEX_FILE = "index.json"

MAX_LENGTH_ERROR = 0.005
"""How far from 1 the length of an embedding may be after rounding to 16 bits."""

_ID = re.compile(r"[a-z]+(?:-[a-z]+)*")
_NEAR_COUNT = 3
_NEAR_CUTOFF = 0.5

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]


class ListedPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody as ``people.json`` lists them.

    Parameters
    ----------
    id : str
        Lower-case words with hyphens.
    name_zh, name_en : str
        The customary names.
    aliases : tuple of str
        Other spellings.
    occupation : str
        What the person is known for, in Chinese and English.
    photographs : str
        Under which name the set of photographs has them; only the build reads it.
    """

    id: Annotated[str, msgspec.Meta(max_length=64)]
    name_zh: _Name
    name_en: _Name
    aliases: tuple[_Name, ...]
    occupation: _Name
    photographs: _Name


class StarterIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``index.json`` says about the embeddings.

    Parameters
    ----------
    model : str
        Which network made them.
    sha256 : str
        Of the file of embeddings, 64 hexadecimal digits.
    photos : dict of str to int
        How many each person has, in the order of the rows.
    """

    model: Annotated[str, msgspec.Meta(min_length=1)]
    sha256: str
    photos: dict[str, Annotated[int, msgspec.Meta(ge=1)]]


@dataclass(frozen=True, slots=True, eq=False)
class StarterGallery:
    """People who are known without anybody having enrolled them.

    Parameters
    ----------
    model : ModelId
        Which network made the embeddings.
    people : tuple of Person
        All enabled, origin ``starter``, in the order of their ids.
    owners : ndarray of shape (M,), int64
        Whose photo each is: a position in ``people``; never falling.
    embeddings : ndarray of shape (M, D), float32
        Unit length.
    """

    model: ModelId
    people: tuple[Person, ...]
    owners: npt.NDArray[np.int64]
    embeddings: FloatArray

    def without(self, ids: Iterable[str]) -> StarterGallery:
        """Leave people out.

        Parameters
        ----------
        ids : iterable of str
            Whom; nobody is fine.

        Returns
        -------
        StarterGallery
            A new one, in which neither they nor their embeddings are.

        Raises
        ------
        SettingsError
            Nobody has one of the ids; the text names those that are written alike.
        """
        gone = frozenset(ids)
        known = [person.id for person in self.people]
        unknown = sorted(gone.difference(known))
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, _NEAR_COUNT, _NEAR_CUTOFF)
            hint = f"; alike are {', '.join(near)}" if near else ""
            raise SettingsError(
                "starter_gallery_without: nobody in the starter gallery has the id "
                f"{unknown[0]!r}{hint}"
            )
        stays = np.array([id_ not in gone for id_ in known], np.bool_)
        position = np.cumsum(stays, dtype=np.int64) - 1
        rows = stays[self.owners]
        return StarterGallery(
            model=self.model,
            people=tuple(person for person in self.people if person.id not in gone),
            owners=position[self.owners[rows]],
            embeddings=self.embeddings[rows],
        )


def load_starter(folder: Traversable | None = None) -> StarterGallery:
    """Load the gallery that comes with Huiyan.

    Parameters
    ----------
    folder : Traversable, optional
        Where its three files are; by default in the package.

    Returns
    -------
    StarterGallery
        Checked; read from the files anew each time, about 0.2 MB.

    Raises
    ------
    VocabularyError
        A file is missing or damaged, or they do not fit together.
    """
    if folder is None:
        folder = resources.files("huiyan.celebrity") / "starter"
    people = parse_people(_read(folder, PEOPLE_FILE))
    try:
        index = msgspec.json.decode(_read(folder, INDEX_FILE), type=StarterIndex)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VocabularyError(f"starter gallery, {INDEX_FILE}: {error}") from error
    if list(index.photos) != [person.id for person in people]:
        raise VocabularyError(
            f"starter gallery: {INDEX_FILE} and {PEOPLE_FILE} do not list the same people in the "
            "same order"
        )
    counts = list(index.photos.values())
    rows = _parse_rows(_read(folder, EMBEDDINGS_FILE), index.sha256, sum(counts))
    return StarterGallery(
        model=ModelId(index.model),
        people=tuple(
            Person(
                id=PersonId(person.id),
                facts=PersonFacts(
                    person.name_zh, person.name_en, person.aliases, person.occupation
                ),
                enabled=True,
                photo_count=count,
                origin="starter",
            )
            for person, count in zip(people, counts, strict=True)
        ),
        owners=np.repeat(np.arange(len(people), dtype=np.int64), counts),
        embeddings=rows,
    )


def parse_people(data: bytes) -> tuple[ListedPerson, ...]:
    """Parse the list of people.

    Parameters
    ----------
    data : bytes
        ``people.json``: an array of objects.

    Returns
    -------
    tuple of ListedPerson
        In the order of their ids.

    Raises
    ------
    VocabularyError
        It is malformed, an id is no id or is there twice, or two people have the same name.
    """
    try:
        people = msgspec.json.decode(data, type=tuple[ListedPerson, ...])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VocabularyError(f"starter gallery, {PEOPLE_FILE}: {error}") from error
    ids = [person.id for person in people]
    for id_ in ids:
        if not _ID.fullmatch(id_):
            raise VocabularyError(f"starter gallery, {PEOPLE_FILE}: {id_!r} is no id")
    if ids != sorted(set(ids)):
        raise VocabularyError(f"starter gallery, {PEOPLE_FILE}: ids are not unique or not in order")
    owner_of: dict[str, str] = {}
    for person in people:
        for name in {person.name_zh, person.name_en, *person.aliases}:
            other = owner_of.setdefault(name, person.id)
            if other != person.id:
                raise VocabularyError(
                    f"starter gallery, {PEOPLE_FILE}: {other} and {person.id} share a name"
                )
    return people


def _read(folder: Traversable, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise VocabularyError(f"starter gallery: {name} cannot be read") from error


def _parse_rows(data: bytes, sha256: str, count: int) -> FloatArray:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise VocabularyError(
            f"starter gallery: {EMBEDDINGS_FILE} is not the file that {INDEX_FILE} was made for"
        )
    try:
        stored: AnyArray = np.load(BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise VocabularyError(f"starter gallery, {EMBEDDINGS_FILE}: {error}") from error
    if stored.dtype != np.float16 or stored.ndim != 2 or len(stored) != count:
        raise VocabularyError(
            f"starter gallery, {EMBEDDINGS_FILE}: {stored.dtype} of shape {stored.shape} instead "
            f"of float16 with {count} rows"
        )
    rows: FloatArray = stored.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    # Written so that NaN fails, too.
    if not (np.abs(lengths - 1) <= MAX_LENGTH_ERROR).all():
        raise VocabularyError(f"starter gallery, {EMBEDDINGS_FILE}: a row has no unit length")
    rows /= lengths
    return rows
