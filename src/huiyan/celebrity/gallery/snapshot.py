"""A project's gallery in memory, as of one revision.

Owns: whose each embedding is, and that looking and changing never mix: what is found is of one
moment. Has no opinion on: where changes come from, and how sure a likeness is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from huiyan.celebrity.gallery.model import Person
from huiyan.celebrity.gallery.store_model import GalleryState, StoredPerson
from huiyan.celebrity.search.gate import Gate
from huiyan.celebrity.search.model import NO_KEY, KeyArray, SearchIndex
from huiyan.kernel.units import FloatArray

PERSON_BYTES = 1024
"""About what a person takes beside embeddings."""

PHOTOS_A_PERSON = 4
"""How many photos are asked for at first for each person wanted."""

MOST_PHOTOS = 65536
"""Where so many photos of too few people come first, other people are not looked for."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A person whose photo is alike.

    Parameters
    ----------
    person : Person
        Who.
    similarity : float
        Of the most alike of their photos, -1 to 1.
    """

    person: Person
    similarity: float


@dataclass(frozen=True, slots=True)
class Look:
    """What was found, of one moment.

    Parameters
    ----------
    people : tuple of tuple of Likeness
        For each face, the most alike first, each person once.
    photos : int
        How many photos were looked at.
    """

    people: tuple[tuple[Likeness, ...], ...]
    photos: int


class Owners:
    """Whose each photo is; kept sorted, 16 bytes a photo."""

    def __init__(self) -> None:
        self._photos: KeyArray = np.empty(0, np.int64)
        self._people: KeyArray = np.empty(0, np.int64)

    @property
    def nbytes(self) -> int:
        """Tell how much memory is taken.

        Returns
        -------
        int
            Bytes.
        """
        return self._photos.nbytes + self._people.nbytes

    def find(self, photos: KeyArray) -> KeyArray:
        """Tell whose photos they are.

        Parameters
        ----------
        photos : ndarray of shape (N,), int64
            Numbers of photos.

        Returns
        -------
        ndarray of shape (N,), int64
            Numbers of people; ``NO_KEY`` for photos that are not known.
        """
        if not len(self._photos):
            return np.full(len(photos), NO_KEY, np.int64)
        places = np.minimum(np.searchsorted(self._photos, photos), len(self._photos) - 1)
        return np.where(self._photos[places] == photos, self._people[places], NO_KEY)

    def photos_of(self, people: KeyArray) -> KeyArray:
        """Tell all photos of some people.

        Parameters
        ----------
        people : ndarray of shape (N,), int64
            Their numbers.

        Returns
        -------
        ndarray of shape (M,), int64
            Numbers of photos.
        """
        return self._photos[np.isin(self._people, people)]

    def put(self, photos: KeyArray, people: KeyArray) -> None:
        """Say whose photos are.

        Parameters
        ----------
        photos : ndarray of shape (N,), int64
            Numbers of photos, known or not, each once.
        people : ndarray of shape (N,), int64
            Numbers of people.
        """
        self.drop(photos)
        order = np.argsort(photos)
        places = np.searchsorted(self._photos, photos[order])
        self._photos = np.insert(self._photos, places, photos[order])
        self._people = np.insert(self._people, places, people[order])

    def drop(self, photos: KeyArray) -> None:
        """Forget photos.

        Parameters
        ----------
        photos : ndarray of shape (N,), int64
            Unknown ones pass.
        """
        stays = np.isin(self._photos, photos, invert=True)
        if not stays.all():
            self._photos, self._people = self._photos[stays], self._people[stays]


class Snapshot:
    """People and embeddings of a gallery.

    Any number of threads may look while one changes it; who changes it sees to being the only one.

    Parameters
    ----------
    index : SearchIndex
        Empty.
    state : GalleryState or None
        What it is a snapshot of; None where the project has no gallery of its own.
    """

    def __init__(self, index: SearchIndex, state: GalleryState | None) -> None:
        self._gate = Gate()
        self._index = index
        self._state = state
        self._people: dict[int, Person] = {}
        self._owners = Owners()
        self._is_closed = False

    @property
    def state(self) -> GalleryState | None:
        """Tell what it is a snapshot of.

        Returns
        -------
        GalleryState or None
            None where the project has no gallery of its own.
        """
        return self._state

    @property
    def nbytes(self) -> int:
        """Tell about how much memory is taken.

        Returns
        -------
        int
            Bytes.
        """
        return self._index.nbytes + self._owners.nbytes + PERSON_BYTES * len(self._people)

    def look(self, embeddings: FloatArray, count: int) -> Look | None:
        """Find the most alike people.

        Parameters
        ----------
        embeddings : ndarray of shape (Q, D), float32
            Of faces; unit length.
        count : int
            How many people at most for each, 1 and above.

        Returns
        -------
        Look or None
            None: it was closed meanwhile.
        """
        with self._gate.reading():
            if self._is_closed:
                return None
            photos = len(self._index)
            wanted = min(photos, count if count == 1 else count * PHOTOS_A_PERSON)
            while True:
                found = self._look(embeddings, count, wanted)
                if wanted >= min(photos, MOST_PHOTOS) or all(len(it) == count for it in found):
                    return Look(found, photos)
                wanted = min(photos, wanted * 4)

    def change_people(self, people: Sequence[StoredPerson]) -> None:
        """Take people over as they now are; photos of those who are disabled go.

        Parameters
        ----------
        people : sequence of StoredPerson
            Known or not.
        """
        disabled = np.array([it.number for it in people if not it.person.enabled], np.int64)
        with self._gate.changing():
            if len(disabled):
                self._remove(self._owners.photos_of(disabled))
            self._people.update((it.number, it.person) for it in people)

    def give(self, photos: KeyArray, people: KeyArray) -> KeyArray:
        """Say whose photos are; those of nobody who is enabled go.

        Parameters
        ----------
        photos : ndarray of shape (N,), int64
            Numbers of photos, known or not, each once.
        people : ndarray of shape (N,), int64
            Numbers of their people.

        Returns
        -------
        ndarray of shape (M,), int64
            The places in `photos` of those that are yet to be added.
        """
        with self._gate.changing():
            asked = np.unique(people)
            enabled = [it for it in asked.tolist() if self._is_enabled(it)]
            is_wanted = np.isin(people, np.array(enabled, np.int64))
            is_known = self._owners.find(photos) != NO_KEY
            self._remove(photos[is_known & ~is_wanted])
            stays = is_known & is_wanted
            if stays.any():
                self._owners.put(photos[stays], people[stays])
            return np.flatnonzero(is_wanted & ~is_known)

    def add(self, photos: KeyArray, people: KeyArray, embeddings: FloatArray) -> None:
        """Add photos.

        Parameters
        ----------
        photos : ndarray of shape (N,), int64
            Numbers of photos that are not known, each once.
        people : ndarray of shape (N,), int64
            Numbers of their people, who are known and enabled.
        embeddings : ndarray of shape (N, D), float32
            Unit length.
        """
        with self._gate.changing():
            self._owners.put(photos, people)
        self._index.add(photos, embeddings)

    def remove(self, numbers: Collection[int]) -> None:
        """Forget people and photos.

        Parameters
        ----------
        numbers : collection of int
            Of either; unknown ones pass.
        """
        gone = np.fromiter(numbers, np.int64, len(numbers))
        with self._gate.changing():
            self._remove(np.union1d(gone, self._owners.photos_of(gone)))
            for number in numbers:
                self._people.pop(number, None)

    def settle(self, state: GalleryState) -> None:
        """Say that it is now of another revision.

        Parameters
        ----------
        state : GalleryState
            Of the same gallery and model.
        """
        self._state = state

    def close(self) -> None:
        """Wipe it; who looks from now on is told so."""
        with self._gate.changing():
            self._is_closed = True
            self._index.clear()
            self._owners = Owners()
            self._people.clear()

    def _is_enabled(self, number: int) -> bool:
        person = self._people.get(number)
        return person is not None and person.enabled

    def _remove(self, photos: KeyArray) -> None:
        if len(photos):
            self._index.remove(photos)
            self._owners.drop(photos)

    def _look(
        self, embeddings: FloatArray, count: int, wanted: int
    ) -> tuple[tuple[Likeness, ...], ...]:
        if not wanted:
            return tuple(() for _ in embeddings)
        hits = self._index.search(embeddings, wanted)
        owners = self._owners.find(hits.keys.ravel()).reshape(hits.keys.shape)
        found = []
        for row, similarities in zip(owners, hits.similarities, strict=True):
            numbers, places = np.unique(row, return_index=True)
            best = sorted(
                (int(place), int(number))
                for place, number in zip(places, numbers, strict=True)
                if number != NO_KEY
            )[:count]
            found.append(
                tuple(
                    Likeness(self._people[number], float(similarities[place]))
                    for place, number in best
                )
            )
        return tuple(found)
