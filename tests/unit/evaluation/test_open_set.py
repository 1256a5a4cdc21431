"""Searching known people and strangers: shares that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from huiyan.celebrity.calibration import Calibration, SideShift
from huiyan.evaluation.open_set import DET_FALSE_ALARMS, Portraits, measure_enrolled

CALIBRATION = Calibration(0.1, 0.09, (SideShift(80, 0.0),))
DIMENSIONS = 64


def _portraits(
    owners: list[int], towards: list[int], *, known: int, unseen: tuple[int, ...] = ()
) -> Portraits:
    """Make faces that are exactly like person ``towards``; people from `known` on are strangers."""
    embeddings = np.eye(DIMENSIONS, dtype=np.float32)[towards]
    is_seen = np.ones(len(owners), np.bool_)
    is_seen[list(unseen)] = False
    return Portraits(
        embeddings=embeddings,
        side_px=np.full(len(owners), 120, np.float32),
        is_seen=is_seen,
        owners=np.array(owners, np.intp),
        is_known=np.array(owners) < known,
    )


def test_nobody_left_to_search_gives_no_figures() -> None:
    portraits = _portraits([0, 0, 1, 1], [0, 0, 1, 1], known=2)
    assert measure_enrolled(portraits, 2, CALIBRATION, 3, 1) is None


def test_pictures_without_faces_are_not_enough_to_be_searched() -> None:
    portraits = _portraits([0, 0, 0, 1, 1], [0, 0, 0, 1, 1], known=2, unseen=(2,))
    assert measure_enrolled(portraits, 2, CALIBRATION, 3, 1) is None


def test_perfect_faces_are_all_found_and_no_stranger_is_named() -> None:
    portraits = _portraits([0, 0, 1, 1, 2, 3], [0, 0, 1, 1, 2, 3], known=2)
    figures = measure_enrolled(portraits, 1, CALIBRATION, 5, 1)
    assert figures is not None
    assert (figures.photos, figures.gallery_size, figures.searched_count) == (1, 2, 10)
    assert figures.rank1.value == figures.found_at_hundredth.value == 1
    assert figures.found_at_wire.value == 1
    assert figures.false_names_at_wire.value == figures.misnamed_at_wire.value == 0
    assert [point.false_alarm for point in figures.det] == list(DET_FALSE_ALARMS)
    assert all(point.missed.value == 0 for point in figures.det)


def test_an_interval_is_never_empty_because_nothing_was_seen() -> None:
    portraits = _portraits([0, 0, 1, 1, 2, 3], [0, 0, 1, 1, 2, 3], known=2)
    figures = measure_enrolled(portraits, 1, CALIBRATION, 5, 1)
    assert figures is not None
    assert figures.false_names_at_wire.low == 0
    assert figures.false_names_at_wire.high == pytest.approx(1.96**2 / (2 + 1.96**2))
    assert figures.rank1.low == pytest.approx(1 - 1.96**2 / (2 + 1.96**2))


def test_a_stranger_who_looks_like_somebody_enrolled_is_a_false_name_and_costs_finds() -> None:
    portraits = _portraits([0, 0, 1, 1, 2, 3], [0, 0, 1, 1, 0, 3], known=2)
    figures = measure_enrolled(portraits, 1, CALIBRATION, 4, 1)
    assert figures is not None
    assert figures.rank1.value == 1
    assert figures.false_names_at_wire.value == 0.5
    # No similarity lets half of the strangers out: the other half is as alike as anybody.
    assert figures.found_at_hundredth.value == 0


def test_a_known_picture_of_somebody_else_is_misnamed() -> None:
    portraits = _portraits([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 2], known=2)
    figures = measure_enrolled(portraits, 2, CALIBRATION, 60, 1)
    assert figures is not None
    assert 0 < figures.misnamed_at_wire.value < 1
    assert figures.rank1.value < 1


def test_a_searched_picture_without_a_face_is_missed() -> None:
    portraits = _portraits([0, 0, 0, 1, 1, 1, 2], [0, 0, 0, 1, 1, 1, 2], known=2, unseen=(0, 3))
    figures = measure_enrolled(portraits, 1, CALIBRATION, 3, 1)
    assert figures is not None
    assert figures.searched_count == 12
    assert figures.rank1.value == 0.5
    assert figures.found_at_wire.value == 0.5


def test_without_strangers_known_people_are_searched_without_their_own_photos() -> None:
    portraits = _portraits([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2], known=3)
    figures = measure_enrolled(portraits, 1, CALIBRATION, 3, 1)
    assert figures is not None
    assert figures.false_names_at_wire.value == 0
    assert figures.found_at_thousandth.value == 1


def test_the_same_seed_gives_the_same_figures_and_another_one_others() -> None:
    random = np.random.default_rng(5)
    owners = np.repeat(np.arange(20), 4)
    embeddings = np.eye(DIMENSIONS)[owners] + random.normal(0, 0.15, (80, DIMENSIONS))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    portraits = Portraits(
        embeddings.astype(np.float32),
        np.full(80, 120, np.float32),
        np.ones(80, np.bool_),
        owners,
        owners < 12,
    )
    one, again, other = (measure_enrolled(portraits, 1, CALIBRATION, 3, seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert one is not None
    missed = [point.missed.value for point in one.det]
    assert missed == sorted(missed)
    assert one.found_at_hundredth.value == 1 - missed[2]
    assert all(point.missed.low <= point.missed.value <= point.missed.high for point in one.det)
