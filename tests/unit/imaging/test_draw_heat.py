"""Scores become colours where they belong, and what codes say cannot break the drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from huiyan.imaging.draw_heat import CodeOutline, HeatMap, HeatSquare, HeatWords, draw_heat
from huiyan.kernel.units import PixelArray

WORDS = HeatWords((("recaptured, 98.7 %",),), "original", "recaptured")
NOTHING = HeatMap((), (), ())


@pytest.fixture
def latin_font(tmp_path: Path) -> Path:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    path = tmp_path / "latin.ttf"
    path.write_bytes(font.font_bytes)
    return path


def _draw(heat_map: HeatMap, font: Path, shape_hw: tuple[int, int] = (640, 800)) -> PixelArray:
    return draw_heat(np.full((*shape_hw, 3), 128, np.uint8), heat_map, WORDS, font)


def _code(*corners: tuple[float, float], label: str = "QRCode: hello") -> HeatMap:
    return HeatMap((), (), (CodeOutline(corners, label),))


def test_without_scores_the_picture_is_only_grey(latin_font: Path) -> None:
    pixels = np.zeros((640, 800, 3), np.uint8)
    pixels[..., 0] = 200
    drawn = draw_heat(pixels, NOTHING, WORDS, latin_font)
    assert drawn.shape[0] > 640
    assert drawn.shape[1] == 800
    assert len(np.unique(drawn[:640].reshape(-1, 3), axis=0)) == 1
    assert len(set(drawn[0, 0].tolist())) == 1
    assert (pixels[..., 0] == 200).all()


def test_sure_scores_are_red_or_blue_and_an_even_one_has_no_colour(latin_font: Path) -> None:
    squares = tuple(
        HeatSquare(200 * number, 0, 200, score) for number, score in enumerate((1.0, 0.0, 0.5, 0.7))
    )
    drawn = _draw(HeatMap(squares, (), ()), latin_font).astype(int)
    high, low, even, slight = (drawn[100, 200 * number + 100] for number in range(4))
    assert high[0] > high[2] + 60
    assert low[2] > low[0] + 60
    assert even.tolist() == [128, 128, 128]
    assert 0 < slight[0] - slight[2] < high[0] - high[2]


def test_overlapping_squares_show_their_mean(latin_font: Path) -> None:
    both = (HeatSquare(0, 0, 400, 1.0), HeatSquare(200, 0, 400, 0.0))
    drawn = _draw(HeatMap(both, (), ()), latin_font)
    assert drawn[200, 300].tolist() == [128, 128, 128]
    assert drawn[200, 100].tolist() != drawn[200, 500].tolist()


def test_the_field_colours_what_framed_squares_do_not_have_to(latin_font: Path) -> None:
    framed = (HeatSquare(0, 0, 300, 1.0),)
    alone = _draw(HeatMap((), framed, ()), latin_font)
    below = _draw(HeatMap((HeatSquare(0, 0, 800, 0.5),), framed, ()), latin_font)
    assert alone[250, 150, 0] > alone[250, 150, 2]
    assert below[250, 150].tolist() == [128, 128, 128]
    assert below[3, 150].tolist() != [128, 128, 128]


def test_squares_are_scaled_with_the_picture(latin_font: Path) -> None:
    drawn = _draw(HeatMap((HeatSquare(32, 0, 32, 1.0),), (), ()), latin_font, (64, 64))
    assert drawn[300, 310].tolist() == [128, 128, 128]
    assert drawn[300, 330, 0] > 150


@pytest.mark.parametrize(
    "square",
    [
        HeatSquare(-500, -500, 100, 1.0),
        HeatSquare(5000, 5000, 320, 0.0),
        HeatSquare(10, 10, 0, 1.0),
        HeatSquare(-100, -100, 10_000, 7.0),
        HeatSquare(10, 10, 320, float("nan")),
    ],
)
def test_odd_squares_do_no_harm(square: HeatSquare, latin_font: Path) -> None:
    assert _draw(HeatMap((square,), (square,), ()), latin_font).dtype == np.uint8


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 3000), (3000, 1), (30, 40), (2000, 3000)])
def test_every_shape_is_drawn_with_room_for_the_legend(
    shape_hw: tuple[int, int], latin_font: Path
) -> None:
    heat_map = HeatMap(
        (HeatSquare(0, 0, 320, 0.9),),
        (HeatSquare(0, 0, 320, 0.9),),
        (CodeOutline(((0, 0), (9, 0), (9, 9), (0, 9)), "EAN13: 1"),),
    )
    drawn = _draw(heat_map, latin_font, shape_hw)
    assert 640 <= drawn.shape[1] <= 1600
    assert (drawn[-60:] != drawn[-1, -1]).any()


def test_a_code_is_outlined(latin_font: Path) -> None:
    plain = _draw(NOTHING, latin_font)
    drawn = _draw(_code((100, 100), (300, 120), (280, 300), (90, 290)), latin_font)
    assert drawn[100, 100].tolist() == [255, 214, 10]
    assert np.array_equal(drawn[:80], plain[:80])
    assert drawn[200, 200].tolist() == [128, 128, 128]


@pytest.mark.parametrize(
    "label",
    ["", "猫" * 9, "a\nb\x00\x1b[31m", "x" * 5000, "\u202e\u0301😀", "[bold]", "\ud800"],
)
def test_what_a_code_says_cannot_break_the_drawing(label: str, latin_font: Path) -> None:
    corners = ((100.0, 100.0), (300.0, 120.0), (280.0, 300.0), (90.0, 290.0))
    assert _draw(_code(*corners, label=label), latin_font).shape[1] == 800


def test_what_the_font_lacks_becomes_a_question_mark(latin_font: Path) -> None:
    corners = ((100.0, 100.0), (300.0, 120.0), (280.0, 300.0), (90.0, 290.0))
    known, unknown = (_draw(_code(*corners, label=it), latin_font) for it in ("a??", "a猫\n门"))
    assert np.array_equal(known, unknown)


def test_a_code_is_scaled_with_the_picture(latin_font: Path) -> None:
    heat_map = _code((16, 16), (48, 16), (48, 48), (16, 48))
    drawn = _draw(heat_map, latin_font, (64, 64))
    assert drawn[160, 320].tolist() == [255, 214, 10]
    assert drawn[320, 160].tolist() == [255, 214, 10]


@pytest.mark.parametrize(
    "corners",
    [
        (),
        ((1.0, 1.0),),
        ((float("nan"), 0.0), (1.0, 1.0), (2.0, 2.0)),
        ((1e300, 1e300), (-1e300, 0.0), (5.0, 5.0), (0.0, 1e18)),
        ((5.0, 5.0),) * 4,
    ],
)
def test_corners_out_of_the_picture_or_of_nowhere_do_no_harm(
    corners: tuple[tuple[float, float], ...], latin_font: Path
) -> None:
    assert _draw(_code(*corners), latin_font).shape[1] == 800


def test_words_are_cut_where_they_are_too_long(latin_font: Path) -> None:
    words = HeatWords((("y" * 999, "z" * 999), ("",), ()), "l" * 999, "猫" * 999)
    drawn = draw_heat(np.zeros((640, 640, 3), np.uint8), NOTHING, words, latin_font)
    assert drawn.shape[1] == 640
    assert (drawn[:, -8:][660:] == drawn[-1, -1]).all()


def _draw_lines(
    lines: tuple[tuple[str, ...], ...], width_px: int, height_px: int, font: Path
) -> PixelArray:
    words = HeatWords(lines, "original", "recaptured")
    return draw_heat(np.zeros((height_px, width_px, 3), np.uint8), NOTHING, words, font)


@pytest.mark.parametrize("size_wh", [(900, 1600), (960, 1600), (100, 2000)])
def test_a_line_that_is_too_long_goes_on_in_the_next(
    size_wh: tuple[int, int], latin_font: Path
) -> None:
    parts = ("recaptured, now 98.7 %", "= screen, twice 88.8 %", "+ print, once 9.9 %")
    broken = _draw_lines((parts,), *size_wh, latin_font)
    two_then_one = ((" ".join(parts[:2]),), parts[2:])
    each_alone = tuple((part,) for part in parts)
    by_hand = [_draw_lines(it, *size_wh, latin_font) for it in (two_then_one, each_alone)]
    assert any(np.array_equal(broken, it) for it in by_hand)
    cut = _draw_lines(((" ".join(parts),),), *size_wh, latin_font)
    assert broken.shape[0] > cut.shape[0]


def test_a_line_that_fits_is_not_broken(latin_font: Path) -> None:
    parts = ("recaptured 98.7 %", "= screen 88.8 %", "+ print 9.9 %")
    whole = _draw_lines(((" ".join(parts),),), 1600, 1200, latin_font)
    assert np.array_equal(_draw_lines((parts,), 1600, 1200, latin_font), whole)


@pytest.mark.parametrize("size_wh", [(300, 300), (900, 1600), (1600, 1200)])
def test_the_colour_bar_is_marked_at_0_at_a_half_and_at_1(
    size_wh: tuple[int, int], latin_font: Path
) -> None:
    drawn = _draw_lines((), *size_wh, latin_font).astype(int)
    reds, blues = drawn[..., 0], drawn[..., 2]
    blue_rows, blue_columns = np.nonzero(blues > reds + 60)
    _, red_columns = np.nonzero(reds > blues + 60)
    left, right, below = blue_columns.min(), red_columns.max(), blue_rows.max() + 1
    marked = np.flatnonzero((drawn[below] == (150, 160, 176)).all(axis=1))
    middle = (left + right) / 2
    assert marked.min() == left
    assert marked.max() == right
    assert np.abs(marked - middle).min() <= 2
    assert len(marked) <= 12
