from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.mask import (
    enlarge_along_edges,
    enlarge_mask,
    find_parts,
    squash,
)

SIZES = [(1, 1), (1, 3000), (3000, 1), (20, 30), (64, 64), (700, 500)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_any_shape_is_squashed_to_the_square_and_keeps_its_colour(height: int, width: int) -> None:
    squashed = squash(np.full((height, width, 3), (10, 200, 90), np.uint8), 64)
    assert squashed.shape == (64, 64, 3)
    assert (squashed == (10, 200, 90)).all()


def test_nothing_is_skipped_where_an_axis_shrinks() -> None:
    stripes = np.zeros((10, 640, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (squash(stripes, 64) == 100).all()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_masks_grow_to_any_size_within_their_range(height: int, width: int) -> None:
    random = np.random.default_rng(0)
    mask = random.random((32, 32), np.float32)
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    for grown in (enlarge_mask(mask, (width, height)), enlarge_along_edges(mask, pixels)):
        assert grown.shape == (height, width)
        assert np.isfinite(grown).all()
        assert grown.min() >= 0
        assert grown.max() <= 1


def test_a_coarse_edge_moves_to_the_picture_s_edge() -> None:
    pixels = np.full((256, 256, 3), 20, np.uint8)
    pixels[:, 130:] = 230
    mask = np.zeros((32, 32), np.float32)
    mask[:, 16:] = 1
    plain, along = enlarge_mask(mask, (256, 256)), enlarge_along_edges(mask, pixels)
    truth = (np.arange(256) >= 130).astype(np.float32)
    assert np.abs(along - truth).mean() < np.abs(plain - truth).mean()


def test_an_empty_mask_has_no_parts() -> None:
    mask = np.zeros((8, 8), np.float32)
    assert len(find_parts(mask, 0.5).areas_px) == 0


def test_parts_are_told_apart_and_corners_connect() -> None:
    mask = np.zeros((8, 8), np.float32)
    mask[0, 0] = mask[1, 1] = mask[5:7, 5:7] = 0.9
    parts = find_parts(mask, 0.5)
    assert sorted(parts.areas_px.tolist()) == [2, 4]
    assert parts.labels[0, 0] == parts.labels[1, 1] != parts.labels[5, 5] > 0
