"""Which photos of a person look like somebody else."""

from __future__ import annotations

import numpy as np
from made_faces import DIMENSIONS, embedding

from huiyan.celebrity.gallery.likeness import find_odd
from huiyan.kernel.units import FloatArray


def odd(people: list[int], known: list[float] | None = None) -> list[bool]:
    if not people:
        embeddings: FloatArray = np.zeros((0, DIMENSIONS), np.float32)
    else:
        embeddings = np.stack([embedding(person, at) for at, person in enumerate(people)])
    known_array = np.full(len(people), np.nan) if known is None else np.array(known)
    found = find_odd(embeddings, known_array.astype(np.float32))
    return [bool(it) for it in found]


def test_without_photos_nothing_is_odd() -> None:
    assert odd([]) == []


def test_a_photo_alone_is_never_odd() -> None:
    assert odd([3]) == [False]


def test_photos_of_one_person_are_not_odd() -> None:
    assert odd([3] * 20) == [False] * 20


def test_a_photo_of_somebody_else_is_odd_wherever_it_stands() -> None:
    assert odd([9, 3, 3, 3]) == [True, False, False, False]
    assert odd([3, 3, 9, 3]) == [False, False, True, False]


def test_of_two_that_differ_the_second_is_odd() -> None:
    assert odd([3, 9]) == [False, True]


def test_who_is_known_already_decides() -> None:
    assert odd([3, 9, 9], [0.8, 0.1, 0.1]) == [False, True, True]
    assert odd([9, 9], [0.1, 0.1]) == [True, True]


def test_a_photo_that_looks_like_one_that_looks_like_the_known_belongs_to_them() -> None:
    assert odd([3, 3], [0.8, 0.1]) == [False, False]
