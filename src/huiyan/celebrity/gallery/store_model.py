"""What the store gives to whoever keeps a gallery in memory.

Owns: the form of stored galleries, people and photos, and how differences are followed. Has no
opinion on: how they are stored, sealed and searched.

How to follow a gallery::

    state = store.state(scope)             # first: what is read after it is at least as new
    for batch in store.load(scope, since): # photos of a later revision than ``since``
        ...                                # a number that is known: only its owner changed
    for batch in store.people(scope, since):
        ...                                # a number that is known: names or switch changed
    store.removals(scope, since)           # numbers of photos and people that are gone
    # then this memory is at state.revision

Every step is a reading of its own, so a change that commits in between may be seen early and is
then seen again: adding what is known and removing what is unknown must pass. A photo whose person
is not known (yet, or no longer) is passed over; the next round has both or neither. Removals are
applied last; a number is never used again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType, Protocol

from huiyan.celebrity.gallery.model import ModelId, Person, PhotoId
from huiyan.kernel.ids import ProjectId
from huiyan.kernel.units import FloatArray
from huiyan.persistence.query import Scope

GalleryId = NewType("GalleryId", str)


@dataclass(frozen=True, slots=True)
class GalleryMark:
    """Which gallery a project has and how new it is.

    Parameters
    ----------
    id : GalleryId
        Another one than before: the gallery was dropped and made anew; begin from nothing.
    revision : int
        1 and above; grows with every change.
    """

    id: GalleryId
    revision: int


@dataclass(frozen=True, slots=True)
class GalleryState:
    """A project's gallery as its row says.

    Parameters
    ----------
    id : GalleryId
        32 hexadecimal digits.
    model : ModelId
        The network whose embeddings are compared.
    dimensions : int
        How many numbers an embedding has.
    revision : int
        1 and above.
    oldest_revision : int
        Removals up to this revision are no longer listed: a memory at an older revision
        (``since < oldest_revision``) must begin from nothing, with ``since=0``.
    next_number : int
        The number that the next person or photo gets; 1 and above.
    uses_starter : bool
        Whether people of the starter gallery are looked for, too.
    keeps_pictures : bool
        Whether new photos keep the face's pixels.
    created_at : datetime
        UTC.
    sealed_key : bytes or None
        The data key, sealed under the instance key; None: this gallery is not encrypted.
    instance_key_id : str or None
        Which instance key sealed it.
    person_count, photo_count : int
        How many there are, photos of other networks among them.
    """

    id: GalleryId
    model: ModelId
    dimensions: int
    revision: int
    oldest_revision: int
    next_number: int
    uses_starter: bool
    keeps_pictures: bool
    created_at: datetime
    sealed_key: bytes | None = field(default=None, repr=False)
    instance_key_id: str | None = None
    person_count: int = 0
    photo_count: int = 0

    @property
    def mark(self) -> GalleryMark:
        """Tell which gallery it is and how new.

        Returns
        -------
        GalleryMark
            Compares equal as long as nothing has changed.
        """
        return GalleryMark(self.id, self.revision)


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """A person as stored.

    Parameters
    ----------
    number : int
        Unique in the gallery among people and photos together, never used again.
    person : Person
        Who, with the true ``photo_count``.
    """

    number: int
    person: Person


@dataclass(frozen=True, slots=True)
class StoredPhoto:
    """A photo as stored.

    Parameters
    ----------
    number : int
        Unique in the gallery among people and photos together, never used again; its embedding
        never changes.
    person_number : int
        Whose it is; ``merge`` changes it.
    id : PhotoId
        32 hexadecimal digits.
    embedding : bytes
        As stored; ``EmbeddingOpener`` makes numbers of it.
    side_px : float
        How large the face was, in px.
    quality : float
        0 to 1.
    """

    number: int
    person_number: int
    id: PhotoId
    embedding: bytes = field(repr=False)
    side_px: float
    quality: float


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """All of a photo's row.

    Parameters
    ----------
    number : int
        As in ``StoredPhoto``.
    id : PhotoId
        32 hexadecimal digits.
    digest : str
        SHA-256 of the file.
    quality : float
        0 to 1.
    side_px : float
        How large the face was, in px.
    model : ModelId
        Which network made the embedding.
    embedding : bytes
        As stored.
    picture : bytes or None
        As stored; the face's pixels where they are kept.
    created_at : datetime
        UTC.
    """

    number: int
    id: PhotoId
    digest: str
    quality: float
    side_px: float
    model: ModelId
    embedding: bytes = field(repr=False)
    picture: bytes | None = field(repr=False)
    created_at: datetime


class GalleryReader(Protocol):
    """What ``GalleryMemory`` needs of the repository. Serves all threads."""

    def state(self, scope: Scope) -> GalleryState | None:
        """Read the gallery's row; None if the project has no gallery of its own."""
        ...

    def revisions(self, projects: Sequence[ProjectId]) -> Mapping[ProjectId, GalleryMark]:
        """Read how new the galleries of some projects are; those without one are missing."""
        ...

    def load(self, scope: Scope, since_revision: int = 0) -> Iterator[Sequence[StoredPhoto]]:
        """Read photos of the gallery's own model that are newer, in batches of a few thousand.

        Those of disabled people are among them.
        """
        ...

    def people(self, scope: Scope, since_revision: int = 0) -> Iterator[Sequence[StoredPerson]]:
        """Read people that are newer, enabled or not, in batches.

        A person is newer, too, when a photo came or went. The photos of somebody who is enabled
        again are given again by ``load``.
        """
        ...

    def removals(self, scope: Scope, since_revision: int) -> Sequence[int]:
        """Read the numbers of people and photos that went later than ``since_revision``."""
        ...


class EmbeddingOpener(Protocol):
    """Makes numbers of stored embeddings (``cipher.GalleryCipher``). Serves all threads."""

    def embeddings(self, state: GalleryState, photos: Sequence[StoredPhoto]) -> FloatArray:
        """Open embeddings as an (N, D) float32 array of unit length, in the order given.

        Raises ``InstanceKeyError`` where the key is missing or a row was altered.
        """
        ...


class MemoryRefresher(Protocol):
    """What ``GalleryService`` tells of its changes (``memory.GalleryMemory``)."""

    def refresh(self, scope: Scope) -> None:
        """See the project's changes now; what is not in memory stays out of it."""
        ...

    def forget(self, scope: Scope) -> None:
        """Forget the project's gallery."""
        ...
