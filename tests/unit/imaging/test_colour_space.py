from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.colour_space import average_boxes, reduce_by_area, to_oklab, to_oklch


@pytest.mark.parametrize(
    ("code", "oklab"),
    [
        ("ffffff", (1.0, 0.0, 0.0)),
        ("000000", (0.0, 0.0, 0.0)),
        ("ff0000", (0.62796, 0.22486, 0.12585)),
        ("00ff00", (0.86644, -0.23389, 0.17950)),
        ("0000ff", (0.45201, -0.03246, -0.31153)),
    ],
)
def test_the_published_values_are_met(code: str, oklab: tuple[float, float, float]) -> None:
    rgb = np.array([list(bytes.fromhex(code))], np.float32) / 255
    assert to_oklab(rgb)[0] == pytest.approx(oklab, abs=2e-4)


def test_hue_runs_from_red_over_yellow_and_green_to_blue() -> None:
    rgb = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    assert to_oklch(rgb)[:, 2] == pytest.approx([29.2, 109.8, 142.5, 264.1], abs=0.1)


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 10_000), (10_000, 1), (128, 96), (480, 641)])
@pytest.mark.parametrize("reduce", [reduce_by_area, average_boxes])
def test_reduced_pictures_keep_their_mean_and_their_bound(
    shape_hw: tuple[int, int], reduce: object
) -> None:
    assert callable(reduce)
    pixels = np.zeros((*shape_hw, 3), np.uint8)
    pixels[..., 0] = 100
    small = reduce(pixels, 128)
    assert min(small.shape[:2]) >= 1
    assert max(small.shape[:2]) <= 128
    assert (small[..., 0] == 100).all()


def test_a_small_picture_is_left_alone() -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    assert reduce_by_area(pixels, 128) is pixels
    assert average_boxes(pixels, 128) is pixels
