from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from huiyan.evaluation.ranking import average_precision


@pytest.mark.parametrize(
    ("scores", "is_positive", "expected"),
    [
        ([], [], None),
        ([0.4, 0.6], [False, False], None),
        ([0.4], [True], 1.0),
        ([0.9, 0.5, 0.1], [True, True, False], 1.0),
        ([0.9, 0.5, 0.1], [False, False, True], 1 / 3),
        ([0.0, 0.0, 0.0, 0.0], [False, True, False, False], 0.25),
        ([-1.0, 7.0], [False, True], 1.0),
    ],
)
def test_known_rankings(
    scores: list[float], is_positive: list[bool], expected: float | None
) -> None:
    found = average_precision(np.array(scores, np.float32), np.array(is_positive, np.bool_))
    assert found == (None if expected is None else pytest.approx(expected))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()),
        min_size=1,
        max_size=60,
    ).filter(lambda pairs: any(positive for _, positive in pairs))
)
def test_many_ties_give_what_scikit_learn_gives(pairs: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in pairs], np.float32)
    is_positive = np.array([positive for _, positive in pairs], np.bool_)
    expected = average_precision_score(is_positive, scores)
    assert average_precision(scores, is_positive) == pytest.approx(expected)


@given(st.integers(0, 2**32))
def test_the_order_of_the_pictures_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, 40).astype(np.float32) / 4
    is_positive = rng.random(40) < 0.3
    is_positive[0] = True
    mixed = rng.permutation(40)
    assert average_precision(scores[mixed], is_positive[mixed]) == pytest.approx(
        average_precision(scores, is_positive)
    )
