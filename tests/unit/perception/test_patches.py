from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.imaging.picture import Image
from huiyan.kernel.units import PixelArray
from huiyan.perception.patches import (
    GRID_PX,
    MAX_PLACES,
    choose_places,
    cut_patches,
    is_blank,
    overview,
)


def _image(pixels: PixelArray) -> Image:
    return Image(pixels, (pixels.shape[1], pixels.shape[0]))


def _plain(size_wh: tuple[int, int], value: int = 128) -> PixelArray:
    return np.full((size_wh[1], size_wh[0], 3), value, np.uint8)


def _noise(size_wh: tuple[int, int], low: int = 60, high: int = 190) -> PixelArray:
    rng = np.random.default_rng(3)
    return rng.integers(low, high, (size_wh[1], size_wh[0], 3), dtype=np.uint8)


@settings(deadline=None, max_examples=60)
@given(
    size_wh=st.tuples(st.integers(1, 900), st.integers(1, 900)),
    side_px=st.integers(1, 400),
    count=st.integers(1, MAX_PLACES),
)
def test_places_lie_inside_and_differ_whatever_the_picture(
    size_wh: tuple[int, int], side_px: int, count: int
) -> None:
    image = _image(_noise(size_wh))
    places = choose_places(image, side_px, count)
    assert 1 <= len(places) <= count
    assert len(set(places)) == len(places)
    for left, top in places:
        assert 0 <= left <= max(0, size_wh[0] - side_px)
        assert 0 <= top <= max(0, size_wh[1] - side_px)
        assert left % GRID_PX == top % GRID_PX == 0
    assert cut_patches(image, places, side_px).shape == (len(places), side_px, side_px, 3)


@settings(deadline=None, max_examples=60)
@given(
    region=st.tuples(*[st.floats(-300, 1500, allow_nan=False) for _ in range(4)]),
    side_px=st.sampled_from([64, 224, 320]),
)
def test_any_region_gives_places_inside_the_picture(
    region: tuple[float, float, float, float], side_px: int
) -> None:
    for left, top in choose_places(_image(_noise((1000, 800))), side_px, 4, region):
        assert 0 <= left <= 1000 - side_px
        assert 0 <= top <= 800 - side_px


def test_places_lie_about_the_middle_the_middle_one_first() -> None:
    places = choose_places(_image(_plain((4000, 3000))), 320, MAX_PLACES)
    assert places[0] == (1840, 1344)
    assert places[1:] == ((1248, 896), (2432, 1792), (2432, 896), (1248, 1792))


def test_squares_start_where_a_jpeg_s_blocks_start() -> None:
    image = _image(_plain((1003, 777)))
    for left, top in choose_places(image, 240, MAX_PLACES):
        assert left % GRID_PX == top % GRID_PX == 0


def test_squares_lie_about_the_middle_of_a_region() -> None:
    region = (1200.0, 800.0, 2200.0, 1600.0)
    places = choose_places(_image(_plain((2400, 1800))), 224, MAX_PLACES, region)
    assert places[0] == (1584, 1088)
    for left, top in places:
        assert region[0] <= left <= region[2] - 224
        assert region[1] <= top <= region[3] - 224


def test_a_small_region_gets_squares_over_its_middle() -> None:
    places = choose_places(_image(_plain((2400, 1800))), 320, 5, (1000, 700, 1020, 712))
    for left, top in places:
        assert left <= 1000
        assert left + 320 >= 1020
        assert top <= 700
        assert top + 320 >= 712


def test_no_places_give_no_patches() -> None:
    assert cut_patches(_image(_plain((50, 40))), (), 32).shape == (0, 32, 32, 3)


def test_patches_are_the_picture_s_own_pixels() -> None:
    image = _image(_noise((500, 400)))
    (patch,) = cut_patches(image, ((112, 48),), 224)
    assert np.array_equal(patch, image.pixels[48 : 48 + 224, 112 : 112 + 224])


def test_a_small_picture_is_mirrored_about_its_last_row_and_column() -> None:
    image = _image(_noise((5, 3)))
    (patch,) = cut_patches(image, choose_places(image, 8, 4), 8)
    assert np.array_equal(patch[:3, :5], image.pixels)
    assert np.array_equal(patch[3], patch[1])
    assert np.array_equal(patch[:, 5], patch[:, 3])


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 700), (700, 1)])
def test_a_line_of_pixels_becomes_a_patch_and_an_overview(size_wh: tuple[int, int]) -> None:
    image = _image(_plain(size_wh, 9))
    assert np.all(cut_patches(image, ((0, 0),), 64) == 9)
    assert overview(image, 64).shape == (64, 64, 3)


@pytest.mark.parametrize("size_wh", [(4000, 3000), (300, 400), (64, 48), (224, 224), (3, 900)])
def test_the_overview_is_filled_to_its_edges(size_wh: tuple[int, int]) -> None:
    view = overview(_image(_plain(size_wh, 200)), 224)
    assert view.shape == (224, 224, 3)
    assert np.all(view == 200)


@pytest.mark.parametrize("size_wh", [(2560, 2048), (2571, 1999), (1003, 777)])
def test_the_overview_is_an_average_of_everything(size_wh: tuple[int, int]) -> None:
    across = np.linspace(0, 255, size_wh[0])[None, :, None]
    chequers = np.indices((size_wh[1], size_wh[0])).sum(axis=0)[..., None] % 2 * 60 - 30
    pixels = np.clip(across * np.ones((1, 1, 3)) * 0.5 + 50 + chequers, 0, 255).astype(np.uint8)
    view = overview(_image(pixels), 256)
    expected = np.linspace(0, 255, 256) * 0.5 + 50
    assert np.abs(view[128, 2:-2, 1] - expected[2:-2]).max() < 4


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (640, 480), (4000, 3000)])
def test_one_colour_is_blank(size_wh: tuple[int, int]) -> None:
    assert is_blank(_image(_plain(size_wh)))


@pytest.mark.parametrize("size_wh", [(64, 48), (4000, 3000)])
def test_a_little_grain_or_one_written_line_is_not_blank(size_wh: tuple[int, int]) -> None:
    assert not is_blank(_image(_noise(size_wh, 120, 132)))
    page = _plain(size_wh, 255)
    page[size_wh[1] // 2 :][: size_wh[1] // 20 + 1] = 0
    assert not is_blank(_image(page))


def test_colours_are_not_compared_with_each_other() -> None:
    pixels = _plain((640, 480))
    pixels[..., 0], pixels[..., 2] = 255, 0
    assert is_blank(_image(pixels))
