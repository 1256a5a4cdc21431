"""Boxes are drawn where they belong, and labels stay inside the picture and readable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from huiyan.imaging.draw_boxes import BoxLine, _place_chips, draw_boxes
from huiyan.imaging.font import load_font
from huiyan.kernel.errors import ModelMissingError

LONG = "a very long label that cannot fit " * 9


@pytest.fixture
def latin_font(tmp_path: Path) -> Path:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    path = tmp_path / "latin.ttf"
    path.write_bytes(font.font_bytes)
    return path


def _box(*xyxy: float, label: str = "cat", group: str = "cat") -> BoxLine:
    left, top, right, bottom = xyxy
    return BoxLine((left, top, right, bottom), label, 0.87, group)


def test_no_boxes_leave_the_picture_alone(latin_font: Path) -> None:
    pixels = np.full((640, 800, 3), 77, np.uint8)
    assert np.array_equal(draw_boxes(pixels, [], latin_font), pixels)


def test_the_picture_handed_in_is_not_drawn_on(latin_font: Path) -> None:
    pixels = np.full((640, 800, 3), 77, np.uint8)
    draw_boxes(pixels, [_box(10, 10, 300, 300)], latin_font)
    assert (pixels == 77).all()


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 3000), (3000, 1), (30, 40), (2000, 3000)])
@pytest.mark.parametrize("label", ["", "cat", LONG])
def test_every_shape_and_label_is_drawn(
    shape_hw: tuple[int, int], label: str, latin_font: Path
) -> None:
    height, width = shape_hw
    drawn = draw_boxes(
        np.zeros((*shape_hw, 3), np.uint8), [_box(0, 0, width, height, label=label)], latin_font
    )
    assert drawn.dtype == np.uint8
    assert 640 <= max(drawn.shape[:2]) <= 1600


@pytest.mark.parametrize(
    "xyxy",
    [
        (900, 900, 950, 950),
        (-50, -50, -1, -1),
        (100, 100, 100, 300),
        (300, 300, 100, 100),
        (float("nan"),) * 4,
    ],
)
def test_a_box_without_area_in_the_picture_is_left_out(
    xyxy: tuple[float, float, float, float], latin_font: Path
) -> None:
    pixels = np.full((640, 640, 3), 77, np.uint8)
    assert np.array_equal(draw_boxes(pixels, [_box(*xyxy)], latin_font), pixels)


def test_a_box_that_reaches_out_is_drawn_to_the_edge(latin_font: Path) -> None:
    pixels = np.full((640, 640, 3), 77, np.uint8)
    drawn = draw_boxes(pixels, [_box(-1e9, 300, float("inf"), 900, label="")], latin_font)
    assert (drawn[400, 0] != 77).any()
    assert (drawn[400, 639] != 77).any()
    assert (drawn[:290] == 77).all()


def test_boxes_are_scaled_with_a_small_picture(latin_font: Path) -> None:
    drawn = draw_boxes(
        np.zeros((64, 64, 3), np.uint8), [_box(16, 16, 48, 48, label="")], latin_font
    )
    rows = np.flatnonzero(drawn.any(axis=(1, 2)))
    assert drawn.shape[:2] == (640, 640)
    assert rows.min() == pytest.approx(160, abs=3)
    assert rows.max() == pytest.approx(480, abs=3)


def test_groups_have_colours_of_their_own(latin_font: Path) -> None:
    boxes = [
        _box(100, 100, 200, 200, label=""),
        _box(300, 300, 400, 400, label=""),
        _box(100, 300, 200, 400, label="", group="dog"),
    ]
    drawn = draw_boxes(np.zeros((640, 640, 3), np.uint8), boxes, latin_font)
    first, second, other = drawn[101, 150], drawn[301, 350], drawn[301, 150]
    assert first.tolist() == second.tolist() != other.tolist()
    assert first.any()


def test_labels_stay_inside_and_off_each_other_while_there_is_room(latin_font: Path) -> None:
    font = load_font(latin_font, 20)
    same = [(_box(200, 200, 400, 400), np.array([200, 200, 400, 400], np.float32))] * 8
    chips = [chip for chip in _place_chips(same, font, (640, 640)) if chip is not None]
    covered = np.zeros((640, 640), int)
    for chip in chips:
        left, top, right, bottom = chip.xyxy
        assert 0 <= left < right <= 640
        assert 0 <= top < bottom <= 640
        covered[top:bottom, left:right] += 1
    assert len(chips) == 8
    assert covered.max() == 1


def test_a_label_stays_at_its_small_box_though_it_touches_another_label(latin_font: Path) -> None:
    font = load_font(latin_font, 20)
    large, small = (40, 46, 200, 400), (80, 4, 100, 12)
    placed = [(_box(*corners), np.array(corners, np.float32)) for corners in (large, small)]
    _, chip = _place_chips(placed, font, (640, 640))
    assert chip is not None
    left, top, right, _ = chip.xyxy
    assert left <= small[2]
    assert right >= small[0]
    assert top <= small[3]


def test_fifty_boxes_are_drawn(latin_font: Path) -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 600, (50, 2))
    boxes = [_box(x, y, x + 40, y + 40, group=str(n)) for n, (x, y) in enumerate(corners)]
    drawn = draw_boxes(np.zeros((640, 640, 3), np.uint8), boxes, latin_font)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 20


def test_a_font_without_the_glyphs_is_refused_with_the_command(latin_font: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"猫.*huiyan models pull --font"):
        draw_boxes(np.zeros((99, 99, 3), np.uint8), [_box(0, 0, 50, 50, label="猫")], latin_font)
