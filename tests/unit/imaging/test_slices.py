from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.slices import lay_slices, squash_slice


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (640, 480), (7, 7)])
@pytest.mark.parametrize(
    ("counts", "shares"),
    [((1, 1), (1, 1)), ((2, 2), (0.6, 0.5)), ((3, 2), (0.42, 0.6)), ((1, 4), (1.0, 0.3))],
)
def test_slices_cover_the_picture_and_none_is_empty_or_outside(
    size_wh: tuple[int, int], counts: tuple[int, int], shares: tuple[float, float]
) -> None:
    width, height = size_wh
    parts = lay_slices(size_wh, counts, shares)
    assert len(parts) == counts[0] * counts[1]
    is_covered = np.zeros((height, width), np.bool_)
    for left, top, right, bottom in parts:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        is_covered[top:bottom, left:right] = True
    assert is_covered.all()


def test_slices_are_equal_and_overlap_evenly() -> None:
    parts = lay_slices((100, 50), (3, 2), (0.4, 0.6))
    assert [part[0] for part in parts[:3]] == [0, 30, 60]
    assert {(right - left, bottom - top) for left, top, right, bottom in parts} == {(40, 30)}


def test_one_slice_of_everything_is_the_picture() -> None:
    assert lay_slices((33, 17), (1, 1), (1.0, 1.0)) == ((0, 0, 33, 17),)


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 10_000), (300, 300), (299, 301), (1200, 1600)])
def test_a_slice_comes_back_as_a_new_square(shape_hw: tuple[int, int]) -> None:
    height, width = shape_hw
    pixels = np.full((height, width, 3), (10, 20, 30), np.uint8)
    square = squash_slice(pixels, (0, 0, width, height), 300)
    assert (square.shape, square.dtype) == ((300, 300, 3), np.dtype(np.uint8))
    assert square.flags.c_contiguous
    assert not np.shares_memory(square, pixels)
    assert (square == (10, 20, 30)).all()


def test_only_the_slice_is_seen() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[40:60, 50:100] = 255
    assert squash_slice(pixels, (50, 40, 100, 60), 30).min() == 255
    assert squash_slice(pixels, (100, 40, 150, 60), 30).max() == 0


def test_a_strong_reduction_skips_no_pixel() -> None:
    pixels = np.zeros((400, 400, 3), np.uint8)
    pixels[::4] = 255
    square = squash_slice(pixels, (0, 0, 400, 400), 100)
    assert set(np.unique(square)) <= {63, 64}
