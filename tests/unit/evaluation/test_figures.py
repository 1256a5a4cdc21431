from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.evaluation.figures import expected_calibration_error, reliability, top_outputs

FLOAT32_SLACK = 1e-6


def test_no_answers_make_an_empty_table_and_no_error() -> None:
    table = reliability(np.zeros(0, np.float32), np.zeros(0, np.bool_))
    assert table == ()
    assert expected_calibration_error(table) == 0.0


def test_fewer_answers_than_bins_leave_no_empty_bin() -> None:
    table = reliability(np.array([0.2, 0.9], np.float32), np.array([False, True]))
    assert [row.count for row in table] == [1, 1]


def test_bins_hold_equal_mass() -> None:
    confidences = np.linspace(0, 1, 151, dtype=np.float32) ** 3
    table = reliability(confidences, np.ones(151, np.bool_))
    assert len(table) == 15
    assert {row.count for row in table} == {10, 11}
    assert all(a.highest <= b.lowest for a, b in itertools.pairwise(table))


def test_certain_and_always_wrong_is_the_worst_error() -> None:
    table = reliability(np.ones(30, np.float32), np.zeros(30, np.bool_))
    assert expected_calibration_error(table) == 1.0


def test_a_known_gap_is_the_error() -> None:
    confidences = np.full(100, 0.75, np.float32)
    right = np.arange(100) % 2 == 0
    assert expected_calibration_error(reliability(confidences, right, bins=1)) == pytest.approx(
        0.25
    )


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), max_size=60),
    st.integers(1, 20),
)
def test_the_error_lies_between_nothing_and_one_and_no_answer_is_lost(
    answers: list[tuple[float, bool]], bins: int
) -> None:
    confidences = np.array([claimed for claimed, _ in answers], np.float32)
    right = np.array([is_right for _, is_right in answers], np.bool_)
    table = reliability(confidences, right, bins)
    assert sum(row.count for row in table) == len(answers)
    assert 0 <= expected_calibration_error(table) <= 1 + FLOAT32_SLACK


def test_top_outputs_fall_and_settle_ties_by_logits_then_by_index() -> None:
    by_output = np.array([0.9, 0.0, 0.0, 0.0, 0.0], np.float32)
    logits = np.array([9, -1, 2, 1, 1], np.float32)
    assert top_outputs(by_output, logits, 4).tolist() == [0, 2, 3, 4]
    assert top_outputs(by_output, logits, 9).tolist() == [0, 2, 3, 4, 1]
