"""People who may be one, and photos that may be somebody else's.

Owns: how they are found with bounded memory. Has no opinion on: what becomes of them; nobody is
merged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.model import LikelyDuplicate, Misfit, PhotoId
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.store_model import GalleryState, StoredPerson
from huiyan.kernel.units import FloatArray
from huiyan.persistence.query import Scope

_BATCHES_HELD = 16
"""So many batches of embeddings are compared with all others at a time: 32 MiB."""
ROWS, COLUMNS = 512, 4096
_PEOPLE_A_STEP = 256
_PHOTOS_A_STEP = 8192

_Numbers = NDArray[np.int64]


def find_duplicates(  # noqa: PLR0913 -- where from, what and how many
    repository: GalleryRepository,
    cipher: GalleryCipher,
    scope: Scope,
    state: GalleryState,
    *,
    limit: int,
    similarity: float,
) -> tuple[LikelyDuplicate, ...]:
    """Find pairs of people whose photos are alike.

    Parameters
    ----------
    repository : GalleryRepository
        Where galleries are stored.
    cipher : GalleryCipher
        Opens embeddings.
    scope : Scope
        Whose gallery.
    state : GalleryState
        Its row.
    limit : int
        How many pairs at most; 1 and above.
    similarity : float
        The least cosine of their most alike photos.

    Returns
    -------
    tuple of LikelyDuplicate
        The most alike first.

    Notes
    -----
    All photos are compared with all: 10⁵ of them take 1.3·10¹² multiplications. What stays in
    memory is 65,536 embeddings twice, a block of cosines and the best pairs, however many people
    are alike.
    """
    pairs = _BestPairs(limit, similarity)
    for index, held in enumerate(_gather(repository, cipher, scope, state)):
        # The held ones are compared with each other and with all that come behind them.
        for place, others in enumerate(_gather(repository, cipher, scope, state, start=index)):
            is_same = place == 0
            _compare(pairs, held, held if is_same else others, is_same=is_same)
    best = pairs.best()
    numbers = sorted({number for pair, _ in best for number in pair})
    people = repository.people_by_number(scope, numbers)
    return tuple(
        LikelyDuplicate(people[first], people[second], value)
        for (first, second), value in best
        if first in people and second in people
    )


def find_misfits(  # noqa: PLR0913 -- where from, what and how many
    repository: GalleryRepository,
    cipher: GalleryCipher,
    scope: Scope,
    state: GalleryState,
    *,
    limit: int,
    similarity: float,
) -> tuple[Misfit, ...]:
    """Find photos that do not look like the other photos of their person.

    Parameters
    ----------
    repository : GalleryRepository
        Where galleries are stored.
    cipher : GalleryCipher
        Opens embeddings.
    scope : Scope
        Whose gallery.
    state : GalleryState
        Its row.
    limit : int
        How many at most; 1 and above.
    similarity : float
        Cosine with the mean of the others below which a photo is a misfit.

    Returns
    -------
    tuple of Misfit
        The oddest first. Of two photos that differ, both.
    """
    found: list[Misfit] = []
    after, below = 0, similarity
    while people := repository.page_of_people(scope, after, _PEOPLE_A_STEP):
        after = people[-1].number
        for some in _steps(people):
            photos = repository.photos_of(scope, state.model, some[0].number, some[-1].number)
            embeddings = cipher.embeddings(state, photos)
            owners = np.array([photo.person_number for photo in photos], np.int64)
            for person in some:
                (places,) = np.nonzero(owners == person.number)
                values = _fit(embeddings[places])
                found += [
                    Misfit(person.person, PhotoId(photos[places[odd]].id), float(values[odd]))
                    for odd in np.nonzero(values < below)[0]
                ]
            found = sorted(found, key=lambda one: one.similarity)[:limit]
            if len(found) == limit:
                below = found[-1].similarity
    return tuple(found)


def _steps(people: Sequence[StoredPerson]) -> Iterator[list[StoredPerson]]:
    """Cut people into runs with few photos together; one with many stands alone."""
    step: list[StoredPerson] = []
    count = 0
    for person in people:
        if step and count + person.person.photo_count > _PHOTOS_A_STEP:
            yield step
            step, count = [], 0
        step.append(person)
        count += person.person.photo_count
    yield step


def _fit(embeddings: FloatArray) -> FloatArray:
    """Give each embedding's cosine with the mean of the others; 1 where there is no other."""
    if len(embeddings) < 2:
        return np.ones(len(embeddings), np.float32)
    others = embeddings.sum(axis=0, keepdims=True) - embeddings
    lengths = np.linalg.norm(others, axis=1)
    cosines = (embeddings * others).sum(axis=1) / np.maximum(lengths, 1e-9)
    return np.asarray(cosines, np.float32)


def _gather(
    repository: GalleryRepository,
    cipher: GalleryCipher,
    scope: Scope,
    state: GalleryState,
    start: int = 0,
) -> Iterator[tuple[_Numbers, FloatArray]]:
    """Read embeddings with their people's numbers, so many at a time, from the ``start``-th on."""
    batch: list[tuple[_Numbers, FloatArray]] = []
    for place, photos in enumerate(repository.load(scope)):
        if place < start * _BATCHES_HELD:
            continue
        owners = np.array([photo.person_number for photo in photos], np.int64)
        batch.append((owners, cipher.embeddings(state, photos)))
        if len(batch) == _BATCHES_HELD:
            yield _joined(batch)
            batch.clear()
    if batch:
        yield _joined(batch)


def _joined(batch: list[tuple[_Numbers, FloatArray]]) -> tuple[_Numbers, FloatArray]:
    """Make one of several, the photos of each person together."""
    owners = np.concatenate([it[0] for it in batch])
    order = np.argsort(owners, kind="stable")
    return owners[order], np.concatenate([it[1] for it in batch])[order]


class _BestPairs:
    """The most alike pairs of people so far.

    Memory and time follow ``limit`` and the size of a block, not how many people are alike: what is
    not above the worst pair held is never looked at singly.
    """

    def __init__(self, limit: int, similarity: float) -> None:
        self._limit = limit
        # The least cosine itself still counts.
        self._floor = np.nextafter(np.float32(similarity), np.float32(-2.0))
        self._known: dict[tuple[int, int], float] = {}

    def take(self, owners: _Numbers, other_owners: _Numbers, cosines: FloatArray) -> None:
        """Look at a block of cosines; owners are (R,) and (C,), each person's photos together."""
        if not cosines.max(initial=-2.0) > self._floor:
            return
        rows, columns = _starts(owners), _starts(other_owners)
        # Each pair of people once, with their most alike photos.
        nearest = np.maximum.reduceat(np.maximum.reduceat(cosines, rows, axis=0), columns, axis=1)
        firsts, seconds = owners[rows], other_owners[columns]
        above = (nearest > self._floor) & (firsts[:, None] != seconds[None, :])
        places = np.flatnonzero(above)
        values = nearest.ravel()[places]
        # Both orders of a pair may stand in one block.
        most = 2 * self._limit
        if len(places) > most:
            best = np.argpartition(-values, most)[:most]
            places, values = places[best], values[best]
        ones, twos = firsts[places // len(columns)], seconds[places % len(columns)]
        for one, two, value in zip(ones.tolist(), twos.tolist(), values.tolist(), strict=True):
            pair = (min(one, two), max(one, two))
            if value > self._known.get(pair, -2.0):
                self._known[pair] = value
        if len(self._known) >= self._limit:
            kept = self.best()
            self._known = dict(kept)
            self._floor = np.float32(kept[-1][1])

    def best(self) -> list[tuple[tuple[int, int], float]]:
        """Give the best pairs, the most alike first."""
        ordered = sorted(self._known.items(), key=lambda item: (-item[1], item[0]))
        return ordered[: self._limit]


def _starts(owners: _Numbers) -> _Numbers:
    return np.flatnonzero(np.concatenate([[True], owners[1:] != owners[:-1]]))


def _compare(
    pairs: _BestPairs,
    left: tuple[_Numbers, FloatArray],
    right: tuple[_Numbers, FloatArray],
    *,
    is_same: bool,
) -> None:
    for row in range(0, len(left[0]), ROWS):
        owners, rows = left[0][row : row + ROWS], left[1][row : row + ROWS]
        for column in range(row // COLUMNS * COLUMNS if is_same else 0, len(right[0]), COLUMNS):
            cosines = rows @ right[1][column : column + COLUMNS].T
            pairs.take(owners, right[0][column : column + COLUMNS], cosines)
