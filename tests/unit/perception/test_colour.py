from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.kernel.units import FloatArray
from huiyan.perception.colour import (
    COLOURS,
    colour_shares,
    dominant_tones,
    main_colours,
    name_colours,
)

_LINES = (Path(__file__).parent / "named_colours.txt").read_text("utf-8").splitlines()
NAMED = [line.split() for line in _LINES if not line.startswith("#")]


def _pixels(code: str) -> np.ndarray:
    return np.full((4, 5, 3), list(bytes.fromhex(code)), np.uint8)


def _shares(**areas: float) -> FloatArray:
    return np.array([areas.get(name, 0) for name in COLOURS], np.float32)


def test_there_are_enough_agreed_colours_of_every_name() -> None:
    assert len(NAMED) >= 250
    for name in COLOURS:
        assert sum(true_names.split(",")[0] == name for *_, true_names in NAMED) >= 6


@pytest.mark.parametrize(("what", "code", "true_names"), NAMED, ids=lambda text: text)
def test_agreed_colours_get_a_name_that_is_true_of_them(
    what: str, code: str, true_names: str
) -> None:
    shares = colour_shares(_pixels(code))
    assert COLOURS[int(shares.argmax())] in true_names.split(","), what


def test_nine_in_ten_agreed_colours_get_their_best_name() -> None:
    rgb = np.array([list(bytes.fromhex(code)) for _, code, _ in NAMED], np.float32) / 255
    best = [COLOURS[number] for number in name_colours(rgb).argmax(axis=1)]
    hits = [name == names.split(",")[0] for name, (*_, names) in zip(best, NAMED, strict=True)]
    assert np.mean(hits) >= 0.88


def test_every_colour_has_names_that_sum_to_one() -> None:
    steps = np.linspace(0, 1, 24, dtype=np.float32)
    rgb = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    named = name_colours(rgb)
    assert named.dtype == np.float32
    assert np.isfinite(named).all()
    assert (named >= 0).all()
    assert named.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("ff0000", "ffff00"), ("000000", "ffffff"), ("0000ff", "ff0000"), ("00ff00", "0000ff"),
        ("653700", "e6daa6"), ("808080", "ff8000"),
    ],
)  # fmt: skip
def test_no_share_jumps_when_a_colour_drifts(start: str, end: str) -> None:
    steps = np.linspace(0, 1, 257, dtype=np.float32)
    first, last = (np.frombuffer(bytes.fromhex(code), np.uint8) / 255 for code in (start, end))
    way = (first + steps[:, np.newaxis] * (last - first)).astype(np.float32)
    assert np.abs(np.diff(name_colours(way), axis=0)).max() < 0.35


def test_grey_levels_are_only_black_grey_and_white() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], 3, axis=1)
    shares = colour_shares(ramp)
    assert shares[:3].sum() == pytest.approx(1)
    assert COLOURS[:3] == ("black", "white", "grey")


def test_shares_are_of_the_area() -> None:
    pixels = np.concatenate([np.repeat(_pixels("ff0000"), 3, axis=0), _pixels("0000ff")])
    shares = colour_shares(pixels)
    assert shares[COLOURS.index("red")] == pytest.approx(0.75, abs=0.01)
    assert shares[COLOURS.index("blue")] == pytest.approx(0.25, abs=0.01)


def test_weights_say_what_counts() -> None:
    pixels = np.concatenate([_pixels("ff0000"), _pixels("0000ff")])
    weights = np.zeros(pixels.shape[:2], np.float32)
    weights[4:] = 0.5
    assert colour_shares(pixels, weights)[COLOURS.index("blue")] == pytest.approx(1)


def test_where_nothing_counts_nothing_is_named() -> None:
    for pixels, weights in (
        (np.zeros((0, 3), np.uint8), None),
        (_pixels("ff0000"), np.zeros((4, 5), np.float32)),
    ):
        shares = colour_shares(pixels, weights)
        assert (shares.shape, shares.dtype, shares.sum()) == ((13,), np.dtype(np.float32), 0)
        assert main_colours(shares).sum() == 0
        assert dominant_tones(shares).sum() == 0


@given(st.lists(st.floats(0, 1, width=32), min_size=13, max_size=13))
def test_confidences_are_always_below_one(areas: list[float]) -> None:
    shares = np.array(areas, np.float32)
    shares /= max(float(shares.sum()), 1e-6)
    for judged in (main_colours(shares), dominant_tones(shares)):
        assert np.isfinite(judged).all()
        assert (judged >= 0).all()
        assert (judged < 1).all()


def test_the_shaded_side_of_an_orange_does_not_make_it_brown() -> None:
    judged = main_colours(_shares(orange=0.5, brown=0.4, black=0.1))
    assert judged[COLOURS.index("orange")] > 0.85
    assert judged[COLOURS.index("brown")] < 0.2


def test_a_bright_colour_is_named_from_a_smaller_area_on_than_a_plain_one() -> None:
    judged = main_colours(_shares(red=0.3, grey=0.3, green=0.4))
    assert judged[COLOURS.index("red")] > 0.6 > judged[COLOURS.index("grey")]


def test_a_picture_has_a_tone_only_where_one_colour_prevails() -> None:
    assert dominant_tones(_shares(blue=0.3, green=0.3, brown=0.4)).max() < 0.5
    assert dominant_tones(_shares(blue=0.8, white=0.2))[COLOURS.index("blue")] > 0.85
