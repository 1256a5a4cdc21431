from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.imaging.align import CHIP_SIDE_PX, TEMPLATE_POINTS, cut_chip, fit_similarity, rgb_planes

SOMEWHERE = st.floats(-1e6, 1e6, allow_nan=False, width=32)


def _turned(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return (TEMPLATE_POINTS @ turn.T + shift).astype(np.float32)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 50.25),
        np.full((5, 2), np.nan),
        np.full((5, 2), np.inf),
        TEMPLATE_POINTS * 1e-3,
        np.where(np.arange(10).reshape(5, 2) == 3, np.nan, TEMPLATE_POINTS),
        TEMPLATE_POINTS * [-1, 1],
    ],
    ids=["zero", "one place", "nan", "inf", "tiny", "one nan", "mirrored"],
)
def test_points_that_make_no_face_give_no_chip(points: np.ndarray) -> None:
    wrong = points.astype(np.float32)
    assert fit_similarity(wrong) is None
    assert cut_chip(np.zeros((64, 64, 3), np.uint8), wrong) is None


@given(
    st.floats(-3.1, 3.1), st.floats(0.1, 50), st.tuples(st.floats(-500, 500), st.floats(-500, 500))
)
def test_a_turned_moved_and_scaled_face_comes_back_to_its_place(
    angle: float, scale: float, shift: tuple[float, float]
) -> None:
    points = _turned(angle, scale, shift)
    matrix = fit_similarity(points)
    assert matrix is not None
    there = points.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
    assert there == pytest.approx(TEMPLATE_POINTS, abs=0.01)


@given(st.lists(SOMEWHERE, min_size=10, max_size=10))
def test_any_points_at_all_give_a_chip_or_none(numbers: list[float]) -> None:
    points = np.array(numbers, np.float32).reshape(5, 2)
    chip = cut_chip(np.full((40, 50, 3), 9, np.uint8), points)
    assert chip is None or (chip.shape == (CHIP_SIDE_PX, CHIP_SIDE_PX, 3))


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 10_000), (10_000, 1), (112, 112)])
def test_a_face_outside_the_picture_is_black(shape_hw: tuple[int, int]) -> None:
    pixels = np.full((*shape_hw, 3), 255, np.uint8)
    chip = cut_chip(pixels, TEMPLATE_POINTS + np.float32(20_000))
    assert chip is not None
    assert not chip.any()


def test_points_in_their_place_give_the_very_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    chip = cut_chip(pixels, TEMPLATE_POINTS)
    assert chip is not None
    assert np.array_equal(chip, pixels)


@pytest.mark.parametrize("scale", [0.4, 1.0, 1.7, 2.0, 3.5, 8.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, -2.0])
def test_every_size_and_turn_of_a_face_shows_the_same_chip(scale: float, angle: float) -> None:
    side = 2000
    points = _turned(angle, scale, (900, 900))
    matrix = fit_similarity(points)
    assert matrix is not None
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    there = np.stack([across, down], axis=-1) @ matrix[:, :2].T + matrix[:, 2]
    # A smooth picture that depends on the place in the chip alone.
    waves = 127 + 100 * np.sin(there[..., 0] / 9) * np.cos(there[..., 1] / 11)
    chip = cut_chip(np.repeat(waves.astype(np.uint8)[..., None], 3, axis=2), points)
    assert chip is not None
    rows, columns = np.mgrid[:112, :112]
    expected = 127 + 100 * np.sin(columns / 9) * np.cos(rows / 11)
    inner = np.abs(chip[..., 0] - expected)[10:80, 30:80]
    assert inner.max() < 6


def test_a_large_face_is_averaged_and_not_thinned_out() -> None:
    stripes = np.zeros((1120, 1120, 3), np.uint8)
    stripes[:, ::2] = 200
    chip = cut_chip(stripes, TEMPLATE_POINTS * 10)
    assert chip is not None
    assert chip[20:90, 20:90].min() > 80
    assert chip[20:90, 20:90].max() < 120


def test_planes_are_rgb_floats_of_their_own() -> None:
    pixels = np.zeros((112, 112, 3), np.uint8)
    pixels[..., 0] = 200
    planes = rgb_planes(pixels)
    assert (planes.shape, planes.dtype) == ((1, 3, 112, 112), np.dtype(np.float32))
    assert planes[0, :, 0, 0].tolist() == [200, 0, 0]
    assert planes.flags.c_contiguous
    assert rgb_planes(pixels[:, ::-1]).flags.c_contiguous
