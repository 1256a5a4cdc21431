from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.imaging.letterbox import bgr_planes, fit_square


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    side_px=st.integers(1, 128),
    max_enlargement=st.sampled_from([1.0, 2.0, 50.0]),
)
def test_a_point_finds_its_way_back(
    width: int, height: int, side_px: int, max_enlargement: float
) -> None:
    pixels = np.full((height, width, 3), 255, np.uint8)
    box = fit_square(pixels, side_px, max_enlargement)
    assert box.pixels.shape == (side_px, side_px, 3)
    inner = np.argwhere(box.pixels[..., 0] > 0).max(axis=0)[::-1] + 1
    assert inner / np.array(box.scale_xy) == pytest.approx([width, height])
    assert (box.pixels[: inner[1], : inner[0]] == 255).all()


@pytest.mark.parametrize("shape_hw", [(1, 10_000), (10_000, 1), (1, 1)])
def test_extreme_shapes_keep_at_least_a_pixel(shape_hw: tuple[int, int]) -> None:
    box = fit_square(np.full((*shape_hw, 3), 9, np.uint8), 64, 2.0)
    assert (box.pixels == 9).any()
    assert min(box.scale_xy) > 0


def test_a_small_picture_is_enlarged_no_more_than_asked() -> None:
    box = fit_square(np.full((10, 20, 3), 9, np.uint8), 640, 2.0)
    assert box.scale_xy == (2.0, 2.0)
    assert (box.pixels[:20, :40] == 9).all()
    assert not box.pixels[20:].any()


def test_planes_are_blue_green_red_and_contiguous() -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    planes = bgr_planes(pixels)
    assert (planes.shape, planes.dtype) == ((1, 3, 1, 2), np.dtype(np.float32))
    assert planes[0, :, 0].tolist() == [[3, 6], [2, 5], [1, 4]]
    assert planes.flags.c_contiguous
