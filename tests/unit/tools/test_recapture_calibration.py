from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.random import default_rng
from recapture_calibration import (
    ACCUSING,
    MOST_ACCUSED,
    MOST_WRONGLY_GENUINE,
    Weighing,
    apply_left_out,
    find_flattening,
    find_original_threshold,
    probabilities,
    weigh,
    weigh_left_out,
)
from recapture_fit import EVERYONE, Fused
from recapture_report import Figures, Wrong, measure, tell_verdicts

from huiyan.recapture.fusion import FILE_NAME, load_fusion


def scores(seed: int, count: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = default_rng(seed)
    positive = draw.random(count) < 0.3
    who = np.array([f"c{number % 5}" for number in range(count)])
    pair = draw.normal(size=(count, 2)) + np.where(positive, 1.2, -1.2)[:, None]
    return pair, positive, who


def test_both_classes_count_alike_however_many_there_are() -> None:
    pair, positive, _ = scores(1)
    weighing = weigh(pair, positive)
    rare = np.flatnonzero(positive)[:40]
    few = np.concatenate([np.flatnonzero(~positive), rare])
    assert weigh(pair[few], positive[few]).bias == pytest.approx(weighing.bias, abs=0.5)
    assert weighing.bias == pytest.approx(0.0, abs=0.4)


def test_weighing_finds_the_log_odds_of_normal_scores() -> None:
    pair, positive, _ = scores(2, 20_000)
    assert weigh(pair, positive).factors == pytest.approx((2.4, 2.4), rel=0.1)


def test_a_collector_left_out_has_no_influence() -> None:
    pair, positive, who = scores(3)
    spoilt = np.where((who == "c2")[:, None], -pair, pair)
    assert weigh_left_out(pair, positive, who)["c2"] == weigh_left_out(spoilt, positive, who)["c2"]


def test_each_picture_is_weighed_without_its_collector() -> None:
    pair, positive, who = scores(4)
    weighings = weigh_left_out(pair, positive, who)
    log_odds = apply_left_out(weighings, pair, who)
    mine = who == "c3"
    assert np.array_equal(log_odds[mine], weighings["c3"].log_odds(pair[mine]))


def test_bold_log_odds_are_flattened_until_few_originals_are_accused() -> None:
    positive = np.arange(1000) % 2 == 1
    log_odds = np.where(positive, 5.0, -5.0) + default_rng(5).normal(size=1000) * 6
    share = find_flattening(log_odds, positive)
    accused = (probabilities(share * log_odds[~positive]) >= ACCUSING).mean()
    assert 0 < share < 1
    assert MOST_ACCUSED - 0.002 <= accused <= MOST_ACCUSED


def test_modest_log_odds_stay_as_they_are() -> None:
    positive = np.arange(100) % 2 == 1
    assert find_flattening(np.where(positive, 2.0, -2.0), positive) == 1.0


def test_flattening_changes_no_decision_at_one_half() -> None:
    pair, positive, _ = scores(6)
    weighing = weigh(pair, positive)
    before, after = weighing.log_odds(pair), weighing.flattened(0.85).log_odds(pair)
    assert np.array_equal(before >= 0, after >= 0)


def test_recaptures_called_genuine_are_few_among_all_pictures() -> None:
    pair, positive, _ = scores(7, 3000)
    shares = probabilities(weigh(pair, positive).log_odds(pair))
    line = find_original_threshold(shares, positive)
    called = 1 - shares >= line
    assert 0.5 <= line < 1
    assert 0 < (positive & called).mean() <= MOST_WRONGLY_GENUINE
    looser = 1 - shares >= line - 0.001
    assert line == 0.5 or (positive & looser).mean() > MOST_WRONGLY_GENUINE


def test_where_nothing_can_be_called_genuine_only_certainty_can() -> None:
    shares = np.full(100, 0.001)
    assert find_original_threshold(shares, np.ones(100, np.bool_)) == 1.0


def fused() -> Fused:
    one = Weighing((1.0 / 3, 2.0, 0.5, 0.25), -0.25)
    other = Weighing((3.0, 4.0, 5.0, 6.0), 0.5)
    line = {EVERYONE: Weighing((0.5,), 0.1), "c1": Weighing((0.25,), 0.3)}
    return Fused(
        {EVERYONE: one, "c1": other},
        {"lite0": line, "lite2": line},
        {EVERYONE: Weighing((2.0, 1.0), 0.2)},
        {EVERYONE: 1.0},
        {EVERYONE: 0.9, "c1": 0.8},
    )


def test_the_file_is_what_the_service_loads(tmp_path: Path) -> None:
    made = fused().fusion()
    path = tmp_path / FILE_NAME
    path.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2))
    assert load_fusion(tmp_path) == made
    weights = made.recaptured
    assert (weights.lite0_squares, weights.lite0_view) == (0.33333, 2.0)
    assert (weights.lite2_squares, weights.lite2_view, weights.bias) == (0.5, 0.25, -0.25)
    assert (made.printed.lite0, made.printed.lite2) == (2.0, 1.0)


def test_a_collector_gets_the_weighings_and_the_threshold_that_have_not_seen_it() -> None:
    mine = fused().fusion("c1")
    assert mine.recaptured.lite0_squares == 3.0
    assert (mine.lite0_patch.factor, mine.original_threshold) == (0.25, 0.8)
    assert fused().fusion("stranger") == fused().fusion()
    assert fused().lines(np.array(["c1", "stranger"])).tolist() == [0.8, 0.9]


def test_figures_of_perfect_answers_are_perfect_and_can_be_written_as_json() -> None:
    labels = np.array(["real", "screen", "print", "real"])
    log_odds = np.array([-8.0, 8.0, 8.0, -8.0])
    found = measure(log_odds, labels, np.array(["a", "a", "b", "b"]), 0.5)
    assert (found.auc, found.balanced_accuracy, found.prints_found) == (1.0, 1.0, 1.0)
    assert (found.originals_accused, found.uncertain) == (0.0, 0.0)
    assert found.spread.collector_count == 2
    assert msgspec.json.decode(msgspec.json.encode(found), type=Figures) == found


def test_the_line_of_accusing_and_that_of_genuine_leave_the_uncertain_between() -> None:
    labels = np.array(["real", "real", "screen", "screen"])
    log_odds = np.array([-3.0, 0.1, -0.1, 3.0])
    found = measure(log_odds, labels, np.array(["a"] * 4), 0.9)
    assert found.uncertain == 0.5
    assert found.balanced_accuracy == 0.5
    assert found.recaptures_called_genuine == Wrong(0.0, 0.0, 0.0)


def test_recaptures_called_genuine_are_told_as_three_shares_each_by_its_own_line() -> None:
    labels = np.array(["real", "real", "screen", "screen", "print"])
    log_odds = np.array([-3.0, -3.0, -3.0, -3.0, 5.0])
    lines = np.array([0.9, 0.9, 0.9, 0.99, 0.9])
    found = measure(log_odds, labels, np.array(["a", "a", "a", "b", "b"]), lines)
    wrong = found.recaptures_called_genuine
    assert wrong == Wrong(pytest.approx(1 / 5), pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_verdicts_are_told_of_each_class_by_itself() -> None:
    told = tell_verdicts(np.array([4.0, 0.5, -4.0, 4.0]), np.array([0, 0, 1, 1], np.bool_), 0.9)
    assert told == {
        "originals accused": 0.5,
        "originals above one half": 1.0,
        "originals called genuine": 0.0,
        "recaptures accused": 0.5,
        "recaptures above one half": 0.5,
        "recaptures called genuine": 0.5,
    }


def test_who_is_accused_is_told_by_collector() -> None:
    labels = np.array(["real", "real", "screen", "real"])
    found = measure(np.array([4.0, -4.0, 4.0, -4.0]), labels, np.array(["a", "a", "a", "b"]), 0.9)
    assert found.accused_each == {"a": 0.5}
