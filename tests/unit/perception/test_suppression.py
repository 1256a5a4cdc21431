from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.kernel.units import FloatArray
from huiyan.perception.suppression import IndexArray, suppress


def _boxes(*rows: tuple[float, float, float, float]) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 4)


def _kept(
    xyxy: FloatArray, scores: list[float], classes: list[int], max_iou: float = 0.5
) -> list[int]:
    kept = suppress(xyxy, np.array(scores, np.float32), np.array(classes, np.intp), max_iou)
    assert kept.dtype == np.intp
    return kept.tolist()


def _walk(xyxy: FloatArray, scores: FloatArray, classes: IndexArray, max_iou: float) -> list[int]:
    """Decide one box after the other, as the method is usually told."""
    kept: list[int] = []
    for one in np.argsort(-scores, kind="stable").tolist():
        for other in kept:
            sides = np.minimum(xyxy[one, 2:], xyxy[other, 2:]) - np.maximum(
                xyxy[one, :2], xyxy[other, :2]
            )
            shared = np.prod(np.maximum(sides, 0))
            areas = [np.prod(xyxy[it, 2:] - xyxy[it, :2]) for it in (one, other)]
            if classes[one] == classes[other] and shared > max_iou * (sum(areas) - shared):
                break
        else:
            kept.append(one)
    return kept


def test_nothing_stays_nothing() -> None:
    assert _kept(_boxes(), [], []) == []


def test_the_surest_of_equal_boxes_stays() -> None:
    xyxy = _boxes((0, 0, 9, 9), (0, 0, 9, 9), (0, 0, 9, 9))
    assert _kept(xyxy, [0.2, 0.9, 0.5], [4, 4, 4]) == [1]


def test_the_first_given_stays_among_the_equally_sure() -> None:
    assert _kept(_boxes((0, 0, 9, 9), (0, 0, 9, 9)), [0.5, 0.5], [4, 4]) == [0]


def test_other_classes_do_not_matter() -> None:
    assert _kept(_boxes((0, 0, 9, 9), (0, 0, 9, 9)), [0.2, 0.9], [4, 5]) == [1, 0]


def test_exactly_as_much_as_is_allowed_stays() -> None:
    assert _kept(_boxes((0, 0, 4, 1), (0, 0, 2, 1)), [0.9, 0.8], [1, 1], max_iou=0.5) == [0, 1]


def test_a_box_that_went_takes_nothing_with_it() -> None:
    chain = _boxes((0, 0, 10, 1), (3, 0, 13, 1), (6, 0, 16, 1))
    assert _kept(chain, [0.9, 0.8, 0.7], [1, 1, 1], max_iou=0.5) == [0, 2]


def test_empty_boxes_do_no_harm() -> None:
    assert _kept(_boxes((5, 5, 5, 5), (5, 5, 5, 5), (0, 0, 9, 9)), [0.9, 0.8, 0.7], [1, 1, 1]) == [
        0,
        1,
        2,
    ]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.one_of(st.integers(0, 60), st.integers(90, 250)),
    max_iou=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
)
def test_chunks_decide_as_one_by_one(seed: int, count: int, max_iou: float) -> None:
    # Small whole numbers, so that ties and exact overlaps occur.
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, 8, (count, 2))
    xyxy = np.hstack([corners, corners + generator.integers(1, 8, (count, 2))]).astype(np.float32)
    scores = (generator.integers(0, 20, count) / 20).astype(np.float32)
    classes = generator.integers(0, 3, count).astype(np.intp)
    assert suppress(xyxy, scores, classes, max_iou).tolist() == _walk(
        xyxy, scores, classes, max_iou
    )


@given(seed=st.integers(0, 2**32 - 1), max_count=st.integers(0, 200))
def test_the_most_that_are_kept_are_the_surest_of_all(seed: int, max_count: int) -> None:
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, 40, (300, 2))
    xyxy = np.hstack([corners, corners + generator.integers(1, 8, (300, 2))]).astype(np.float32)
    scores = generator.random(300, np.float32)
    classes = generator.integers(0, 3, 300).astype(np.intp)
    all_kept = suppress(xyxy, scores, classes, 0.5)
    assert suppress(xyxy, scores, classes, 0.5, max_count).tolist() == all_kept.tolist()[:max_count]


@pytest.mark.timeout(20)
def test_a_thousand_equal_boxes_are_decided_in_no_time() -> None:
    xyxy = np.tile(_boxes((0, 0, 9, 9)), (1000, 1))
    scores = np.linspace(0, 1, 1000, dtype=np.float32)
    assert suppress(xyxy, scores, np.zeros(1000, np.intp), 0.5).tolist() == [999]
