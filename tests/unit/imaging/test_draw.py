"""The panel holds its lines at every picture size, and never draws squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.draw import TagLine, draw_tags, encode_jpeg, encode_png
from huiyan.imaging.font import find_font, list_system_fonts
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import ModelMissingError

LINES = [TagLine("cat", 0.98), TagLine("a very long label that cannot fit " * 3, 0.5)]


@pytest.fixture
def latin_font(tmp_path: Path) -> Path:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    path = tmp_path / "latin.ttf"
    path.write_bytes(font.font_bytes)
    return path


def test_no_lines_leave_the_picture_alone(latin_font: Path) -> None:
    pixels = np.full((640, 800, 3), 77, np.uint8)
    assert np.array_equal(draw_tags(pixels, [], latin_font), pixels)


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 3000), (3000, 1), (300, 400), (2000, 3000)])
@pytest.mark.parametrize("count", [1, 2, 60])
def test_every_shape_gets_a_readable_panel(
    shape_hw: tuple[int, int], count: int, latin_font: Path
) -> None:
    pixels = np.full((*shape_hw, 3), 255, np.uint8)
    drawn = draw_tags(pixels, (LINES * 30)[:count], latin_font)
    assert drawn.dtype == np.uint8
    assert 640 <= max(drawn.shape) <= 8000
    assert len(np.unique(drawn[..., 1])) > 20


def test_a_font_without_the_glyphs_is_refused_with_the_command(latin_font: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"猫.*huiyan models pull --font"):
        draw_tags(np.zeros((9, 9, 3), np.uint8), [TagLine("猫", 0.5)], latin_font)


def test_no_font_with_chinese_glyphs_is_an_error_with_the_command(
    latin_font: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.otf").write_bytes(b"no font")
    candidates = [tmp_path / "absent.otf", tmp_path / "broken.otf", latin_font]
    with pytest.raises(ModelMissingError, match="huiyan models pull --font"):
        find_font(candidates)


def test_chinese_labels_are_drawn_where_a_font_has_them() -> None:
    try:
        path = find_font(list_system_fonts())
    except ModelMissingError:
        pytest.skip("this machine has no font with Chinese glyphs")
    plain = draw_tags(np.zeros((99, 99, 3), np.uint8), [TagLine("", 0.5)], path)
    drawn = draw_tags(np.zeros((99, 99, 3), np.uint8), [TagLine("金毛寻回犬", 0.5)], path)
    assert not np.array_equal(plain, drawn)


def test_written_pictures_read_back() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    limits = PictureLimits(frozenset(Format), 1, 100)
    budget = MemoryBudget(2**20)
    assert np.array_equal(decode(encode_png(pixels), limits, None, budget).pixels, pixels)
    assert decode(encode_jpeg(pixels), limits, None, budget).size_wh == (30, 20)
