"""Crops see the centre; boxes map there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.imaging.geometry import centre_crop_resize, clip_boxes, map_boxes

sides = st.integers(1, 10_000)


def test_no_boxes_stay_no_boxes() -> None:
    none = np.zeros((0, 4), np.float32)
    assert clip_boxes(none, (3, 4)).shape == (0, 4)
    assert map_boxes(none, (3, 4), (6, 8)).dtype == np.float32


def test_boxes_are_clipped_to_the_picture() -> None:
    boxes = np.array([[-5, -5, 50, 50], [1, 2, 3, 4]], np.float32)
    assert clip_boxes(boxes, (10, 20)).tolist() == [[0, 0, 10, 20], [1, 2, 3, 4]]


@given(from_wh=st.tuples(sides, sides), to_wh=st.tuples(sides, sides))
def test_mapping_there_and_back_changes_nothing(
    from_wh: tuple[int, int], to_wh: tuple[int, int]
) -> None:
    box = np.array([[0, 0, *from_wh]], np.float32)
    there = map_boxes(box, from_wh, to_wh)
    assert np.allclose(there, [[0, 0, *to_wh]], rtol=1e-5)
    assert np.allclose(map_boxes(there, to_wh, from_wh), box, rtol=1e-5)


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 50), (280, 280), (312, 500), (900, 700)])
def test_the_crop_has_the_size_asked_for(shape_hw: tuple[int, int]) -> None:
    crop = centre_crop_resize(np.full((*shape_hw, 3), 9, np.uint8), 280 / 312, 280)
    assert crop.shape == (280, 280, 3)
    assert crop.flags.c_contiguous
    assert crop.min() == crop.max() == 9


def test_the_crop_is_the_centre() -> None:
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[25:75, 125:175] = 255
    assert centre_crop_resize(pixels, 0.5, 50).min() == 255


def test_a_strong_reduction_skips_nothing() -> None:
    board = np.repeat((np.indices((800, 800)).sum(axis=0) % 2 * 255)[..., None], 3, axis=2)
    crop = centre_crop_resize(board.astype(np.uint8), 1.0, 100)
    assert abs(crop.astype(int) - 127).max() <= 1
