"""People of a gallery and their photos, as values.

Owns: what a gallery knows of a person and of a photo. Has no opinion on: where it is kept, and how
photos are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NewType

from huiyan.kernel.units import FloatArray

PersonId = NewType("PersonId", str)
PhotoId = NewType("PhotoId", str)
ModelId = NewType("ModelId", str)
"""Which network made an embedding: its card's name and the first 12 digits of its file's hash."""

Origin = Literal["starter", "project"]
"""Which gallery a person belongs to: the one that comes with Huiyan, or the project's own."""


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What an operator says about a person.

    Parameters
    ----------
    name_zh : str
        Name in Chinese; may be empty if the other is not.
    name_en : str
        Name in English (or any other script); may be empty if the other is not.
    aliases : tuple of str
        Other names.
    occupation : str
        Free text; may be empty.
    link : str
        An http or https URL about the person; may be empty.
    """

    name_zh: str
    name_en: str
    aliases: tuple[str, ...] = ()
    occupation: str = ""
    link: str = ""

    @property
    def label(self) -> str:
        """The name that is shown: as stored, the Chinese one first.

        Returns
        -------
        str
            Not empty.
        """
        return self.name_zh or self.name_en


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a gallery.

    Parameters
    ----------
    id : PersonId
        32 hexadecimal digits, or a word for those of the starter gallery.
    facts : PersonFacts
        Names and so on.
    enabled : bool
        Whether faces are compared with this person's.
    photo_count : int
        How many photos there are.
    origin : Origin
        Which gallery.
    created_at, changed_at : datetime or None
        UTC; None for people of the starter gallery.
    """

    id: PersonId
    facts: PersonFacts
    enabled: bool
    photo_count: int
    origin: Origin
    created_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NewPhoto:
    """A photo that was judged good enough, before it is stored.

    Parameters
    ----------
    embedding : ndarray of shape (D,), float32
        Unit length.
    digest : str
        SHA-256 of the file, 64 hexadecimal digits: tells the same file when it comes again.
    quality : float
        0 to 1.
    side_px : float
        How large the face is in the photo, in px.
    picture : bytes or None
        The face with its surroundings as JPEG, where the gallery keeps pictures.
    """

    embedding: FloatArray
    digest: str
    quality: float
    side_px: float
    picture: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo of a person, as the gallery lists it: never the embedding itself.

    Parameters
    ----------
    id : PhotoId
        32 hexadecimal digits.
    digest : str
        SHA-256 of the file that it came from.
    quality : float
        0 to 1.
    side_px : float
        How large the face was, in px.
    has_picture : bool
        Whether the face's pixels are kept.
    model : ModelId
        Which network made its embedding.
    created_at : datetime
        UTC.
    """

    id: PhotoId
    digest: str
    quality: float
    side_px: float
    has_picture: bool
    model: ModelId
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """A project's own gallery as a whole.

    Parameters
    ----------
    exists : bool
        Whether the project has one yet; the rest then says what the first change would make.
    model : ModelId
        The network whose embeddings it compares.
    person_count, photo_count : int
        How many there are.
    foreign_photo_count : int
        Photos of another network than ``model``: not searched until ``reembed`` sees to them.
    photo_limit : int
        How many photos there may be.
    uses_starter : bool
        Whether people of the starter gallery are looked for, too.
    keeps_pictures : bool
        Whether new photos keep the face's pixels.
    is_encrypted : bool
        Whether embeddings and pictures are encrypted at rest.
    revision : int
        Grows with every change; 0 where there is none yet.
    created_at : datetime or None
        UTC.
    """

    exists: bool
    model: ModelId
    person_count: int
    photo_count: int
    foreign_photo_count: int
    photo_limit: int
    uses_starter: bool
    keeps_pictures: bool
    is_encrypted: bool
    revision: int
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some people, in the order in which they were added.

    Parameters
    ----------
    people : tuple of Person
        At most as many as were asked for.
    next_marker : int or None
        Where the next page begins; None behind the last.
    total : int
        How many match, on all pages.
    """

    people: tuple[Person, ...]
    next_marker: int | None
    total: int


@dataclass(frozen=True, slots=True)
class LikelyDuplicate:
    """Two people whose photos are so alike that they may be one; offered, never merged by itself.

    Parameters
    ----------
    first, second : Person
        The one who was added earlier first.
    similarity : float
        Cosine of their most alike photos.
    """

    first: Person
    second: Person
    similarity: float


@dataclass(frozen=True, slots=True)
class Misfit:
    """A photo that does not look like the other photos of its person.

    Parameters
    ----------
    person : Person
        Whose it is said to be.
    photo_id : PhotoId
        Which photo.
    similarity : float
        Cosine with the mean of the person's other photos.
    """

    person: Person
    photo_id: PhotoId
    similarity: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that an import or a re-embedding passed over.

    Parameters
    ----------
    where : str
        Such as ``line 17`` or ``photo <id>``; never a name.
    reason : str
        Why.
    """

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    people_added : int
        New people.
    people_known : int
        People that were here already, with the same id.
    photos_added : int
        New photos.
    photos_known : int
        Photos that their person had already.
    refusals : tuple of Refusal
        What was passed over, and why.
    """

    people_added: int
    people_known: int
    photos_added: int
    photos_known: int
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What a re-embedding did.

    Parameters
    ----------
    done : int
        Photos that have an embedding of the present network now.
    left : tuple of PhotoId
        Photos for which there was no picture, or none with a fit face; dropped if so asked.
    left_count : int
        How many these are; ``left`` names the first thousand.
    switched : bool
        Whether the gallery compares the present network's embeddings now.
    """

    done: int
    left: tuple[PhotoId, ...]
    left_count: int
    switched: bool
