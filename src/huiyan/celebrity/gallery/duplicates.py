"""People who may be one, and photos that may be somebody else's.

Owns: how they are found with bounded memory. Has no opinion on: what becomes of them; nobody is
merged here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.model import LikelyDuplicate, Misfit, PhotoId
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.store_model import GalleryState
from huiyan.kernel.units import FloatArray
from huiyan.persistence.query import Scope

_BATCHES_HELD = 16
"""So many batches of embeddings are compared with all others at a time: 32 MiB."""
ROWS, COLUMNS = 512, 4096
_PEOPLE_A_STEP = 256
_PAIRS_A_LIMIT = 64

_Pairs = dict[tuple[int, int], float]
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
    memory is 65,536 embeddings twice, a block of cosines and the best pairs.
    """
    pairs: _Pairs = {}
    for index, held in enumerate(_gather(repository, cipher, scope, state)):
        # The held ones are compared with each other and with all that come behind them.
        for place, others in enumerate(_gather(repository, cipher, scope, state, start=index)):
            is_same = place == 0
            _compare(pairs, held, held if is_same else others, similarity, is_same=is_same)
            if len(pairs) > _PAIRS_A_LIMIT * limit:
                pairs = dict(_best(pairs, limit))
    numbers = sorted({number for pair in pairs for number in pair})
    people = repository.people_by_number(scope, numbers)
    return tuple(
        LikelyDuplicate(people[first], people[second], value)
        for (first, second), value in _best(pairs, limit)
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
    after = 0
    while people := repository.page_of_people(scope, after, _PEOPLE_A_STEP):
        after = people[-1].number
        photos = repository.photos_of(scope, state.model, people[0].number, after)
        embeddings = cipher.embeddings(state, photos)
        owners = np.array([photo.person_number for photo in photos], np.int64)
        for person in people:
            (places,) = np.nonzero(owners == person.number)
            for place, value in zip(places, _fit(embeddings[places]), strict=True):
                if value < similarity:
                    found.append(Misfit(person.person, PhotoId(photos[place].id), float(value)))
        found = sorted(found, key=lambda one: one.similarity)[:limit]
    return tuple(found)


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
    return np.concatenate([it[0] for it in batch]), np.concatenate([it[1] for it in batch])


def _compare(
    pairs: _Pairs,
    left: tuple[_Numbers, FloatArray],
    right: tuple[_Numbers, FloatArray],
    similarity: float,
    *,
    is_same: bool,
) -> None:
    for row in range(0, len(left[0]), ROWS):
        owners, rows = left[0][row : row + ROWS], left[1][row : row + ROWS]
        for column in range(row // COLUMNS * COLUMNS if is_same else 0, len(right[0]), COLUMNS):
            other_owners = right[0][column : column + COLUMNS]
            cosines = rows @ right[1][column : column + COLUMNS].T
            above = cosines >= similarity
            if not above.any():
                continue
            places, other_places = np.nonzero(above)
            one, two = owners[places], other_owners[other_places]
            values = cosines[places, other_places]
            apart = one != two
            firsts, seconds = np.minimum(one, two)[apart], np.maximum(one, two)[apart]
            for first, second, value in zip(
                firsts.tolist(), seconds.tolist(), values[apart].tolist(), strict=True
            ):
                if value > pairs.get((first, second), -2.0):
                    pairs[first, second] = value


def _best(pairs: _Pairs, limit: int) -> list[tuple[tuple[int, int], float]]:
    return sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:limit]
