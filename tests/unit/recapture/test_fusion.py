"""Looks are weighed as the file says, and nobody is ever certain."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.kernel.errors import OperatorError
from huiyan.perception.recapture_networks import Clue
from huiyan.recapture.fusion import (
    FILE_NAME,
    MOST_LOG_ODDS,
    Fusion,
    Line,
    PictureWeights,
    Sighting,
    SquareWeights,
    load_fusion,
)

GOOD: dict[str, Any] = {
    "recaptured": {
        "lite0_squares": 0.5,
        "lite0_view": 0.25,
        "lite2_squares": 0.125,
        "lite2_view": 2,
        "bias": -1,
    },
    "printed": {"lite0": 2, "lite2": 0.25, "bias": 0.5},
    "lite0_patch": {"factor": 0.75, "bias": -0.5},
    "lite2_patch": {"factor": 0.25, "bias": 1},
    "code_share": 0.75,
    "original_threshold": 0.8,
}
MADE = Fusion(
    recaptured=PictureWeights(
        lite0_squares=0.5, lite0_view=0.25, lite2_squares=0.125, lite2_view=2, bias=-1
    ),
    printed=SquareWeights(lite0=2, lite2=0.25, bias=0.5),
    lite0_patch=Line(factor=0.75, bias=-0.5),
    lite2_patch=Line(factor=0.25, bias=1),
    code_share=0.75,
    original_threshold=0.8,
)
LEAST = 1 / (1 + math.exp(MOST_LOG_ODDS))
NOTHING = Sighting([], [Clue(0, 0)], 0)

numbers = st.floats(-1e6, 1e6)
clues = st.builds(Clue, numbers, numbers)
looks = st.lists(clues, min_size=1, max_size=6)
sightings = st.builds(Sighting, st.lists(clues, max_size=3), looks, numbers)


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _of(*log_odds: float) -> list[Clue]:
    return [Clue(it, -it) for it in log_odds]


def test_without_a_code_the_mean_over_squares_and_the_whole_picture_are_weighed() -> None:
    found = MADE.recapture_probability(Sighting([], _of(1, 3, 5), 4), Sighting([], _of(8, 24), 0.5))
    assert _log_odds(found) == pytest.approx(0.5 * 3 + 0.25 * 4 + 0.125 * 16 + 2 * 0.5 - 1)


def test_the_squares_on_a_code_make_up_their_share_however_many_others_there_are() -> None:
    for others in (1, 5):
        seen = Sighting(_of(3, 5), _of(*[-4] * others), 0)
        assert _log_odds(MADE.recapture_probability(seen, NOTHING)) == pytest.approx(
            0.5 * (0.75 * 4 + 0.25 * -4) - 1
        )
        assert _log_odds(MADE.recapture_probability(NOTHING, seen)) == pytest.approx(
            0.125 * (0.75 * 4 + 0.25 * -4) - 1
        )


def test_where_there_is_room_for_the_code_only_its_squares_are_all() -> None:
    on_code, elsewhere = Sighting(_of(2), [], 0), Sighting([], _of(2), 0)
    assert MADE.recapture_probability(on_code, on_code) == MADE.recapture_probability(
        elsewhere, elsewhere
    )


def test_a_print_is_told_from_a_screen_by_the_other_number_and_its_own_weights() -> None:
    found = MADE.print_probability(
        Sighting([], [Clue(9, 1), Clue(9, 2)], 9), Sighting([], [Clue(9, 4)], 9)
    )
    assert _log_odds(found) == pytest.approx(2 * 1.5 + 0.25 * 4 + 0.5)


def test_a_square_by_itself_is_weighed_by_the_line_of_its_network() -> None:
    assert _log_odds(MADE.lite0_patch.probability(Clue(4, 9))) == pytest.approx(0.75 * 4 - 0.5)
    assert _log_odds(MADE.lite2_patch.probability(Clue(4, 9))) == pytest.approx(0.25 * 4 + 1)


@given(sightings, sightings)
def test_nobody_is_ever_certain(lite0: Sighting, lite2: Sighting) -> None:
    for found in (
        MADE.recapture_probability(lite0, lite2),
        MADE.print_probability(lite0, lite2),
        MADE.lite0_patch.probability(lite0.elsewhere[0]),
    ):
        assert LEAST * (1 - 1e-9) <= found <= 1 - LEAST * (1 - 1e-9)


@given(looks, st.lists(clues, max_size=3), sightings, st.randoms(use_true_random=False))
def test_the_order_of_looks_does_not_matter(
    elsewhere: list[Clue], on_code: list[Clue], other: Sighting, chance: Any
) -> None:
    seen = Sighting(on_code, elsewhere, 1)
    before = MADE.recapture_probability(seen, other)
    chance.shuffle(elsewhere)
    chance.shuffle(on_code)
    assert MADE.recapture_probability(seen, other) == before


@given(looks, numbers, sightings, st.integers(0, 5), st.floats(0, 100))
def test_more_suspicion_anywhere_never_lowers_the_probability(
    elsewhere: list[Clue], whole: float, other: Sighting, at: int, more: float
) -> None:
    before = MADE.recapture_probability(Sighting([], elsewhere, whole), other)
    old = elsewhere[at % len(elsewhere)]
    elsewhere[at % len(elsewhere)] = Clue(old.recaptured + more, old.printed)
    assert MADE.recapture_probability(Sighting([], elsewhere, whole), other) >= before
    assert MADE.recapture_probability(Sighting([], elsewhere, whole + more), other) >= before


def test_what_comes_with_huiyan_is_read_and_suspicion_speaks_for_a_recapture() -> None:
    fusion = load_fusion()
    calm, bold = (Sighting([], [Clue(it, it)], it) for it in (-20, 20))
    assert fusion.recapture_probability(calm, calm) < 0.5 < fusion.recapture_probability(bold, bold)
    assert fusion.print_probability(calm, calm) < 0.5 < fusion.print_probability(bold, bold)
    for line in (fusion.lite0_patch, fusion.lite2_patch):
        assert line.probability(Clue(-20, 0)) < 0.5 < line.probability(Clue(20, 0))


def test_what_comes_with_huiyan_decides_near_the_middle_and_calls_few_genuine() -> None:
    fusion = load_fusion()
    nothing = fusion.recapture_probability(NOTHING, NOTHING)
    assert 0.2 < nothing < 0.8, "without any clue neither side is likely"
    assert 0.6 < fusion.original_threshold < 0.95
    weights = fusion.recaptured
    assert min(weights.lite0_squares, weights.lite0_view) > 0
    assert min(weights.lite2_squares, weights.lite2_view) > 0
    assert min(fusion.printed.lite0, fusion.printed.lite2) > 0


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(json.dumps(GOOD))
    assert load_fusion(tmp_path) == MADE


@pytest.mark.parametrize(
    "change",
    [
        {"code_share": -0.01},
        {"code_share": 1.01},
        {"original_threshold": 2},
        {"original_threshold": "0.8"},
        {"lite0_patch": None},
        {"lite2_patch": {"factor": 1}},
        {"lite2_patch": {"factor": 1, "bias": 0, "spread": 1}},
        {"temperature": 1},
    ],
    ids=str,
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / FILE_NAME).write_text(json.dumps(GOOD | change))
    with pytest.raises(OperatorError, match=FILE_NAME):
        load_fusion(tmp_path)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff\xfe", b'{"code_share": NaN}', b'{"code_share": 1e999}']
)
def test_a_file_that_is_no_such_file_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(body)
    with pytest.raises(OperatorError, match="cannot be read"):
        load_fusion(tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=FILE_NAME):
        load_fusion(tmp_path)
