from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from huiyan.imaging.cutout import (
    blur_background,
    cut_out,
    cutout_mask,
    draw_outline,
    encode_png_with_alpha,
    full_mask,
)
from huiyan.kernel.units import FloatArray, PixelArray

RED, BLUE = (220, 20, 20), (20, 20, 220)


def _red_square_on_blue() -> tuple[PixelArray, FloatArray]:
    pixels = np.full((200, 200, 3), BLUE, np.uint8)
    pixels[60:140, 60:140] = RED
    alpha = np.zeros((200, 200), np.float32)
    alpha[60:140, 60:140] = 1
    return pixels, alpha


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2000), (2000, 1), (33, 47)])
def test_pictures_of_every_shape_are_edited(height: int, width: int) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    alpha = cutout_mask(random.random((32, 32), np.float32), pixels)
    assert alpha.shape == (height, width)
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert cut_out(pixels, alpha).shape == (height, width, 4)
    assert blur_background(pixels, alpha, 5).shape == pixels.shape
    assert draw_outline(pixels, alpha).shape == pixels.shape


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_mask_that_is_all_or_nothing_changes_nothing_or_everything(value: float) -> None:
    pixels, _ = _red_square_on_blue()
    alpha = np.full((200, 200), value, np.float32)
    assert (cut_out(pixels, alpha)[..., 3] == 255 * value).all()
    if value:
        assert (cut_out(pixels, alpha)[..., :3] == pixels).all()
        assert (blur_background(pixels, alpha, 5) == pixels).all()


def test_no_colour_of_the_subject_runs_into_the_background() -> None:
    pixels, alpha = _red_square_on_blue()
    blurred = blur_background(pixels, alpha, 20)
    assert (np.abs(blurred[alpha == 0].astype(int) - BLUE) <= 2).all()
    assert (blurred[alpha == 1] == RED).all()


def test_a_soft_rim_takes_the_subject_s_colour() -> None:
    pixels, alpha = _red_square_on_blue()
    alpha[58:60, 60:140] = 0.5
    cut = cut_out(pixels, alpha)
    red, _, blue, opacity = cut[58, 100].tolist()
    assert opacity == 128
    assert red > 110 > blue


def test_a_mask_that_is_low_everywhere_stays_low() -> None:
    assert full_mask(np.full((32, 32), 0.1, np.float32), (50, 40)).max() == 0


def test_the_file_keeps_colours_and_transparency() -> None:
    pixels, alpha = _red_square_on_blue()
    with PillowImage.open(io.BytesIO(encode_png_with_alpha(cut_out(pixels, alpha)))) as picture:
        assert picture.mode == "RGBA"
        assert picture.getpixel((100, 100)) == (*RED, 255)
        assert picture.getpixel((5, 5)) == (0, 0, 0, 0)
