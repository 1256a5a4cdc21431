from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.evaluation.resampling import Resampling, area_under_curve, balanced, mean_of


def _all(count: int) -> np.ndarray:
    return np.ones(count, np.bool_)


def test_nothing_shows_no_figure() -> None:
    nothing = np.zeros(0, np.bool_)
    sample = Resampling((), 1)
    assert sample.share(mean_of(nothing, nothing), nothing) is None
    assert sample.share(area_under_curve(np.zeros(0), nothing), nothing) is None


def test_a_missing_sort_shows_no_curve_and_no_mean() -> None:
    positive = _all(3)
    sample = Resampling(("a", "b", "c"), 1)
    assert sample.share(area_under_curve(np.arange(3.0), positive), positive) is None
    assert sample.share(mean_of(positive, ~positive), positive) is None


@given(
    st.lists(st.tuples(st.sampled_from((0.0, 0.2, 0.5, 1.0)), st.booleans()), min_size=2).filter(
        lambda it: len({positive for _, positive in it}) == 2
    )
)
def test_the_area_is_the_share_of_pairs_in_order(pictures: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in pictures])
    positive = np.array([is_positive for _, is_positive in pictures])
    pairs = scores[positive][:, np.newaxis] - scores[~positive]
    wanted = ((pairs > 0) + (pairs == 0) / 2).mean()
    found = area_under_curve(scores, positive)(np.ones(len(scores)))
    assert found == pytest.approx(wanted)


def test_a_weight_counts_as_so_many_pictures() -> None:
    scores, positive = np.array([0.1, 0.4, 0.3, 0.9]), np.array([False, True, False, True])
    weights = np.array([1.0, 3.0, 2.0, 0.0])
    repeated = np.repeat(np.arange(4), weights.astype(int))
    whole = area_under_curve(scores[repeated], positive[repeated])(np.ones(len(repeated)))
    assert area_under_curve(scores, positive)(weights) == pytest.approx(whole)
    right = np.array([True, True, False, False])
    both = balanced(mean_of(right, positive), mean_of(right, ~positive))
    assert both(weights) == pytest.approx((1 + 1 / 3) / 2)


def test_an_interval_holds_its_figure_and_stays_within_bounds() -> None:
    random = np.random.default_rng(3)
    values = random.random(200) < 0.8
    groups = [str(number // 10) for number in range(200)]
    share = Resampling(groups, 1).share(mean_of(values, _all(200)), _all(200))
    assert share is not None
    assert 0 < share.low < share.value < share.high < 1
    assert share == Resampling(groups, 1).share(mean_of(values, _all(200)), _all(200))


def test_pictures_that_resemble_each_other_make_the_interval_wider() -> None:
    values = np.array([number // 10 % 3 != 0 for number in range(200)])
    together = Resampling([str(number // 10) for number in range(200)], 1)
    single = Resampling([str(number) for number in range(200)], 1)
    wide = together.share(mean_of(values, _all(200)), _all(200))
    narrow = single.share(mean_of(values, _all(200)), _all(200))
    assert wide is not None
    assert narrow is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_pictures_of_one_group_are_drawn_by_themselves() -> None:
    values = np.array([number % 10 != 0 for number in range(100)])
    groups = ["a"] * 50 + ["b"] * 50
    among = np.arange(100) < 50
    for sample in (Resampling([""] * 100, 1), Resampling(groups, 1)):
        share = sample.share(mean_of(values, among), among)
        assert share is not None
        assert share.value == pytest.approx(0.9)
        assert share.low < 0.89
        assert share.high > 0.91


@pytest.mark.parametrize(("is_right", "bounds"), [(True, (0.72, 1.0)), (False, (0.0, 0.28))])
def test_ten_groups_that_all_agree_are_not_certain(
    is_right: bool,  # noqa: FBT001 -- a parameter of the test
    bounds: tuple[float, float],
) -> None:
    values = np.full(100, is_right)
    groups = [str(number % 10) for number in range(100)]
    share = Resampling(groups, 1).share(mean_of(values, _all(100)), _all(100))
    assert share is not None
    assert (share.low, share.high) == pytest.approx(bounds, abs=0.01)
