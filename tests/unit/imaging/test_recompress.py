from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.imaging.recompress import Recompression, recompress

LIMITS = PictureLimits(frozenset({Format.JPEG}), min_side_px=1, max_side_px=10_000)


def _size(data: bytes) -> tuple[int, int]:
    return decode(data, LIMITS, None, MemoryBudget(1 << 28)).size_wh


@pytest.mark.parametrize(
    ("shape_hw", "side_px", "size_wh"),
    [
        ((1, 1), 1600, (1, 1)),
        ((300, 400), 1600, (400, 300)),
        ((300, 400), None, (400, 300)),
        ((300, 400), 200, (200, 150)),
        ((400, 300), 200, (150, 200)),
        ((3, 4000), 100, (100, 1)),
    ],
)
def test_only_larger_pictures_are_reduced(
    shape_hw: tuple[int, int], side_px: int | None, size_wh: tuple[int, int]
) -> None:
    pixels = np.full((*shape_hw, 3), 99, np.uint8)
    assert _size(recompress(pixels, Recompression(75, side_px))) == size_wh


def test_a_lower_quality_takes_fewer_bytes() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    sizes = [len(recompress(pixels, Recompression(quality, None))) for quality in (20, 60, 95)]
    assert sizes == sorted(sizes)
