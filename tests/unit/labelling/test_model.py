from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import vocabulary_of

from huiyan.labelling.model import Finding, Findings, Instance

BUSY = settings(deadline=None)  # a busy machine is no fault
VOCABULARY = vocabulary_of("a", "b", "c", "d")
BOX = (0.0, 0.0, 5.0, 5.0)

CONFIDENCES = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
LISTS = st.lists(CONFIDENCES, min_size=4, max_size=4)


def findings(
    by_label: list[float], instances: dict[int, tuple[Instance, ...]] | None = None
) -> Findings:
    return Findings(VOCABULARY, np.array(by_label, np.float32), instances or {})


def at(*confidences: float) -> tuple[Instance, ...]:
    return tuple(Instance(BOX, it) for it in confidences)


def ids(found: tuple[Finding, ...]) -> list[str]:
    return [it.label.id for it in found]


def test_no_labels_give_no_findings() -> None:
    nothing = Findings(vocabulary_of(), np.zeros(0, np.float32), {})
    assert nothing.best(0.0, 10) == ()
    assert nothing.boxed(0.0, 10) == ()


def test_what_has_no_confidence_is_not_said_even_at_threshold_0() -> None:
    assert findings([0, 0, 0, 0]).best(0.0, 10) == ()
    assert ids(findings([0, 1e-6, 0, 0]).best(0.0, 10)) == ["b"]


def test_what_has_no_box_is_nowhere() -> None:
    assert findings([1, 1, 1, 1]).boxed(0.0, 10) == ()


def test_the_surest_come_first_and_ties_go_by_id() -> None:
    assert ids(findings([0.2, 0.9, 0.5, 0.9]).best(0.0, 10)) == ["b", "d", "c", "a"]


@pytest.mark.parametrize(("threshold", "said"), [(0.5, ["b", "a"]), (0.5000001, ["b"])])
def test_exactly_the_threshold_is_kept(threshold: float, said: list[str]) -> None:
    found = findings([0.5, 0.75, 0, 0], {0: at(0.5), 1: at(0.75)})
    assert ids(found.best(threshold, 10)) == said
    assert ids(found.boxed(threshold, 10)) == said


def test_best_carries_all_boxes_whatever_their_confidence() -> None:
    (found,) = findings([0.9, 0, 0, 0], {0: at(0.8, 0.1)}).best(0.5, 10)
    assert found.instances == at(0.8, 0.1)


def test_the_threshold_holds_for_each_box_and_the_best_box_speaks_for_its_label() -> None:
    found = findings([0.9, 0.9, 0.9, 0.9], {0: at(0.4), 1: at(0.8, 0.6, 0.3)})
    (only,) = found.boxed(0.5, 10)
    assert (only.label.id, only.confidence) == ("b", 0.8)
    assert only.instances == at(0.8, 0.6)


def test_the_limit_counts_labels_and_not_boxes() -> None:
    found = findings([0, 0, 0, 0], {0: at(0.7, 0.7, 0.7), 2: at(0.9), 3: at(0.8)})
    assert ids(found.boxed(0.0, 2)) == ["c", "d"]


def test_confidences_are_plain_numbers() -> None:
    (found,) = findings([0.5, 0, 0, 0]).best(0.0, 1)
    assert type(found.confidence) is float


@BUSY
@given(LISTS, st.floats(0, 1), st.integers(1, 5))
def test_best_is_the_sorted_list_cut_off(
    by_label: list[float], threshold: float, limit: int
) -> None:
    kept = [
        (-c, name) for c, name in zip(by_label, "abcd", strict=True) if c >= threshold and c > 0
    ]
    found = findings(by_label).best(threshold, limit)
    assert [(-it.confidence, it.label.id) for it in found] == sorted(kept)[:limit]


@BUSY
@given(LISTS, st.floats(0, 1), st.integers(1, 5))
def test_boxed_is_the_sorted_list_cut_off(
    by_box: list[float], threshold: float, limit: int
) -> None:
    boxes = {row: at(confidence) for row, confidence in reversed(list(enumerate(by_box)))}
    kept = [(-c, name) for c, name in zip(by_box, "abcd", strict=True) if c >= threshold]
    found = findings([1, 1, 1, 1], boxes).boxed(threshold, limit)
    assert [(-it.confidence, it.label.id) for it in found] == sorted(kept)[:limit]


@BUSY
@given(LISTS, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_says_the_beginning_of_the_same(
    by_label: list[float], one: float, other: float
) -> None:
    found = findings(by_label)
    few, many = found.best(max(one, other), 10), found.best(min(one, other), 10)
    assert many[: len(few)] == few
