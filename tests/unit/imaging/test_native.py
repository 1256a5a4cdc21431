from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.native import cut_square, reduce_green, squash_view


def test_a_square_inside_the_picture_is_a_view_and_costs_no_copy() -> None:
    pixels = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(30, 40, 3)
    assert np.shares_memory(cut_square(pixels, (10, 5), 16), pixels)


def test_what_reaches_over_the_corner_is_mirrored_again_and_again() -> None:
    pixels = np.array([[[1] * 3, [2] * 3, [3] * 3]], np.uint8)
    square = cut_square(pixels, (0, 0), 7)
    assert square[0, :, 0].tolist() == [1, 2, 3, 2, 1, 2, 3]
    assert np.array_equal(square[6], square[0])


def test_a_long_thin_picture_fills_the_square() -> None:
    square = squash_view(np.full((2, 9000, 3), 250, np.uint8), 64)
    assert square.shape == (64, 64, 3)
    assert (square == 250).all()


def test_the_squashed_picture_does_not_depend_on_where_its_bands_end() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3200, 3200, 3), dtype=np.uint8)
    square = squash_view(pixels, 100)
    expected = pixels.reshape(100, 32, 100, 32, 3).mean(axis=(1, 3))
    assert np.abs(square - expected).max() < 2.5


def test_green_is_averaged_alone_and_without_seams_at_the_bands() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (999, 1201, 3), dtype=np.uint8)
    green = reduce_green(pixels, 3)
    assert green.shape == (333, 401)
    assert green.flags.c_contiguous
    whole = pixels[:, :1200, 1].reshape(333, 3, 400, 3).mean(axis=(1, 3))
    assert np.abs(green[:, :400] - whole).max() <= 0.51


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 5)])
def test_green_of_any_size_is_its_own_copy(shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), (9, 77, 200), np.uint8)
    for factor in (1, 2, 3):
        green = reduce_green(pixels, factor)
        assert green.shape == (-(-shape[0] // factor), -(-shape[1] // factor))
        assert (green == 77).all()
        assert not np.shares_memory(green, pixels)
