from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from huiyan.kernel.units import FloatArray
from huiyan.labelling.people import GROUPS, count_confidences, count_people, outside

BUSY = settings(deadline=None)  # a busy machine is no fault
UNIT = st.floats(0, 1, width=32)


def row(*values: float) -> FloatArray:
    return np.array(values, np.float32)


def boxes(*xyxy: tuple[float, float, float, float]) -> FloatArray:
    return np.array(xyxy, np.float32).reshape(-1, 4)


def enumerated(confidences: list[float]) -> list[float]:
    """Add up the probability of every way in which boxes may be right or wrong."""
    groups = [0.0] * len(GROUPS)
    for is_right in product((False, True), repeat=len(confidences)):
        count = sum(is_right)
        probability = 1.0
        for right, confidence in zip(is_right, confidences, strict=True):
            probability *= confidence if right else 1 - confidence
        for place, (low, high) in enumerate(GROUPS):
            if low <= count <= (high or count):
                groups[place] += probability
    return groups


def test_where_nothing_is_seen_nobody_is() -> None:
    groups = count_people(row(), row())
    assert groups.tolist() == [0, 0, 0, 0, 0]
    assert groups.dtype == np.float32


@pytest.mark.parametrize(
    ("count", "group"),
    [(1, 0), (2, 1), (3, 2), (4, 3), (9, 3), (10, 4), (63, 4), (64, 4), (400, 4)],
)
def test_certain_boxes_are_counted(count: int, group: int) -> None:
    groups = count_people(np.ones(count, np.float32), row())
    assert groups.tolist() == np.eye(len(GROUPS))[group].tolist()


def test_a_face_counts_like_a_box() -> None:
    assert count_people(row(0.9), row(0.8)).tolist() == count_people(row(0.9, 0.8), row()).tolist()


def test_impossible_boxes_change_nothing() -> None:
    padded = np.concatenate([row(0.9, 0.4), np.zeros(150, np.float32)])
    assert count_people(padded, row()).tolist() == count_people(row(0.9, 0.4), row()).tolist()


@BUSY
@given(st.lists(UNIT, max_size=11), st.integers(0, 11))
def test_groups_are_what_enumerating_all_cases_gives(confidences: list[float], cut: int) -> None:
    groups = count_people(row(*confidences[:cut]), row(*confidences[cut:]))
    np.testing.assert_allclose(groups, enumerated(confidences), atol=1e-6)


@BUSY
@given(npst.arrays(np.float32, st.integers(0, 300), elements=UNIT))
def test_the_groups_and_nobody_make_one(confidences: FloatArray) -> None:
    counted = confidences[:200].astype(np.float64)
    groups = count_people(confidences, row())
    assert ((groups >= 0) & (groups <= 1)).all()
    assert groups.sum() + np.prod(1 - counted) == pytest.approx(1, abs=1e-5)


@BUSY
@given(st.lists(UNIT, max_size=30).flatmap(lambda it: st.tuples(st.just(it), st.permutations(it))))
def test_the_order_of_boxes_does_not_matter(both: tuple[list[float], list[float]]) -> None:
    given_order, other_order = (count_people(row(*it), row()) for it in both)
    np.testing.assert_allclose(given_order, other_order, atol=1e-6)


@BUSY
@given(st.lists(UNIT, max_size=8), st.lists(UNIT, min_size=8, max_size=8))
def test_surer_boxes_never_make_a_crowd_less_likely(few: list[float], more: list[float]) -> None:
    sure = row(*(1.0 for _ in range(6)))
    surer = [max(pair) for pair in zip(few, more, strict=False)]
    less = count_people(np.concatenate([sure, row(*few)]), row())[-1]
    assert count_people(np.concatenate([sure, row(*surer)]), row())[-1] >= less - 1e-6


FACE = (10.0, 10.0, 20.0, 20.0)


def test_no_faces_are_nowhere() -> None:
    for found in (outside(boxes(), boxes()), outside(boxes(), boxes(FACE))):
        assert (found.shape, found.dtype) == ((0,), np.dtype(np.bool_))


def test_where_there_are_no_boxes_every_face_is_outside() -> None:
    assert outside(boxes(FACE, FACE), boxes()).tolist() == [True, True]


@pytest.mark.parametrize(
    ("box", "is_outside"),
    [
        ((0, 0, 100, 100), False),
        ((15, 15, 100, 100), False),
        ((15.5, 0, 100, 100), True),
        ((0, 15.5, 100, 100), True),
        ((0, 0, 14.5, 100), True),
        ((0, 0, 100, 14.5), True),
    ],
)
def test_a_box_holds_a_face_whose_middle_it_holds(
    box: tuple[float, float, float, float],
    is_outside: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    far = (500.0, 500.0, 600.0, 600.0)
    assert outside(boxes(FACE), boxes(far, box)).tolist() == [is_outside]


def test_the_sides_of_two_boxes_make_no_box() -> None:
    beside, below = (0.0, 50.0, 100.0, 60.0), (50.0, 0.0, 60.0, 100.0)
    assert outside(boxes(FACE), boxes(beside, below)).tolist() == [True]


def test_no_boxes_count_for_nobody() -> None:
    assert count_confidences(np.zeros(0, np.float32)).shape == (0,)


def test_a_surer_box_is_likelier_one_more_person() -> None:
    sure = count_confidences(np.array([0.0, 0.2, 0.5, 0.9, 1.0], np.float32))
    assert (np.diff(sure) > 0).all()
    assert sure[2] == pytest.approx(0.5)
