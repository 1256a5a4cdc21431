import dataclasses

import numpy as np
import pytest
import zxingcpp
from numpy.random import Generator, default_rng
from recapture_simulation import MEDIA, barcodes, camera, lattice, printed, screen, simulate
from recapture_simulation.compression import recompress

SIZES_HW = [(32, 32), (33, 47), (97, 64), (161, 320)]


def scene(height: int, width: int) -> np.ndarray:
    noise = default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    return np.asarray(camera.blur(noise.astype(np.float32), 2.0), np.uint8)


def plain_camera(side_px: int, magnification: float = 1.0) -> camera.Camera:
    """Look straight and steadily, with a sharp lens and without noise."""
    return camera.Camera(
        source_from_sensor=np.diag([1 / magnification, 1 / magnification, 1.0]),
        sensor_wh=(side_px, side_px),
        output_wh=(side_px, side_px),
        magnification=magnification,
        blur_px=0.3,
        exposure=1.0,
        shot_noise=0.0,
        read_noise=0.0,
    )


def stripes(pitch_px: float) -> screen.Display:
    return screen.Display(
        layout=screen.Layout.STRIPE,
        source_px=pitch_px,
        pitch_px=pitch_px,
        is_upright=True,
        is_mirrored=False,
        fill_across=0.8,
        fill_down=0.9,
        crosstalk=0.1,
        depth=1.0,
    )


def loudest_frequency(plane: np.ndarray) -> float:
    line = plane.mean(axis=0)
    spectrum = np.abs(np.fft.rfft((line - line.mean()) * np.hanning(line.size)))
    return float(np.argmax(spectrum) / line.size)


@pytest.mark.parametrize("medium", list(MEDIA))
@pytest.mark.parametrize("size_hw", SIZES_HW)
def test_each_medium_takes_pictures_of_any_size(medium: str, size_hw: tuple[int, int]) -> None:
    pixels = scene(*size_hw)
    for seed in range(8):
        taken = simulate(pixels, medium, default_rng(seed))
        assert taken.dtype == np.uint8
        assert taken.flags.c_contiguous
        assert taken.shape[2] == 3
        for after, before in zip(taken.shape[:2], size_hw, strict=True):
            assert int(before * 0.7) <= after <= before


@pytest.mark.parametrize("medium", list(MEDIA))
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_level_is_no_trouble(medium: str, level: int) -> None:
    for seed in range(40):
        simulate(np.full((64, 64, 3), level, np.uint8), medium, default_rng(seed))


@pytest.mark.parametrize("medium", list(MEDIA))
def test_the_same_chance_gives_the_same_picture_and_leaves_the_source_alone(medium: str) -> None:
    pixels = scene(120, 120)
    before = pixels.copy()
    first, second = (simulate(pixels, medium, default_rng(7)) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(pixels, before)


def test_an_unknown_medium_is_refused() -> None:
    with pytest.raises(KeyError):
        simulate(scene(64, 64), "painting", default_rng(0))


@pytest.mark.parametrize("layout", list(screen.Layout))
def test_a_grid_of_sub_pixels_changes_no_mean_brightness(layout: screen.Layout) -> None:
    for is_upright in (True, False):
        display = dataclasses.replace(stripes(3.0), layout=layout, is_upright=is_upright)
        tile = screen.draw_tile(display)
        assert tile.shape == (3, screen.TILE_SIDE, screen.TILE_SIDE)
        assert tile.min() >= 0
        assert tile.mean(axis=(1, 2)) == pytest.approx(1.0, abs=1e-5)
        assert tile.std() > 0.2


def test_the_lens_keeps_a_tile_s_mean_and_takes_what_is_too_fine() -> None:
    tile = screen.draw_tile(stripes(3.0))
    coarse = lattice.see_through_lens(tile, np.eye(2) / 12, 0.4)
    fine = lattice.see_through_lens(tile, np.eye(2) / 0.7, 1.0)
    assert coarse.mean() == pytest.approx(1.0, abs=1e-5)
    assert coarse.std() > 0.3
    assert fine == pytest.approx(np.ones_like(fine), abs=1e-3)


@pytest.mark.parametrize(
    ("pitch_px", "cycles_per_plane_px"),
    [
        (8.0, 2 / 8.0),
        (5.0, 2 / 5.0),
        (2.1, 1 - 2 / 2.1),
        (1.9, 2 / 1.9 - 1),
    ],
)
def test_the_grid_repeats_at_the_display_s_pitch_and_aliases_beyond_the_mosaic_s(
    pitch_px: float, cycles_per_plane_px: float
) -> None:
    # A plane of the mosaic samples every second sensor pixel.
    looking = plain_camera(400)
    grey = np.full((400, 400, 3), 128, np.uint8)
    side = round(400 / pitch_px) * (1 if pitch_px < 2 else 2 if pitch_px < 4 else 3)
    raster = np.full((side, side, 3), 0.2, np.float32)
    planes = screen._see_display(raster, grey, looking, stripes(pitch_px))
    for plane in planes:
        assert plane.mean() == pytest.approx(0.2, rel=0.05)
        assert loudest_frequency(plane) == pytest.approx(abs(cycles_per_plane_px), abs=0.012)


@pytest.mark.parametrize("spot", list(printed.Spot))
def test_halftone_dots_cover_exactly_what_they_are_asked_to(spot: printed.Spot) -> None:
    wanted = np.linspace(0, 1, printed.COVERAGES)
    assert printed.draw_spots(spot).mean(axis=(1, 2)) == pytest.approx(wanted, abs=2e-3)


def test_lens_and_sensor_alone_show_a_grey_card_as_it_is() -> None:
    looking = plain_camera(64)
    light = np.full((64, 64, 3), 0.25, np.float32)
    for plane in camera.see_plainly(light, looking):
        assert plane == pytest.approx(np.full((32, 32), 0.25), abs=1e-6)


def test_quick_noise_is_normal_enough() -> None:
    noise = camera.normal_noise((300, 200), default_rng(1))
    assert noise.shape == (200, 300)
    assert float(noise.mean()) == pytest.approx(0.0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1.0, abs=0.02)


def test_places_left_of_a_tile_lie_in_the_one_before() -> None:
    places = np.array([-0.5, 0.0, 31.9, 32.0, -33.0], np.float32)
    assert lattice.wrap(places, 32).tolist() == [31, 0, 31, 0, 31]


@pytest.mark.parametrize("scale", [None, 0.2, 0.5, 1.0])
def test_a_messenger_enlarges_nothing_and_keeps_enough_to_look_at(scale: float | None) -> None:
    for seed in range(6):
        sent = recompress(scene(240, 320), default_rng(seed), scale)
        assert 95 <= min(sent.shape[:2]) <= 240
        assert sent.shape[1] <= 320


def test_a_messenger_takes_tiny_pictures_as_they_are() -> None:
    assert recompress(scene(40, 30), default_rng(0)).shape == (40, 30, 3)


def readable(pixels: np.ndarray) -> bool:
    return bool(zxingcpp.read_barcodes(np.ascontiguousarray(pixels)))


def test_codes_that_are_drawn_can_be_read() -> None:
    for seed in range(20):
        modules = np.kron(barcodes.draw_modules(default_rng(seed)), np.ones((3, 3), np.uint8))
        assert readable(np.pad(modules, 30, constant_values=255)), seed


def photographed(medium: str, rng: Generator, background: np.ndarray | None) -> np.ndarray:
    return barcodes.photograph_barcode(medium, 256, rng, background)


@pytest.mark.parametrize("medium", list(MEDIA))
def test_barcodes_are_photographed_on_any_medium(medium: str) -> None:
    for seed in range(8):
        taken = photographed(medium, default_rng(seed), scene(64, 200) if seed % 2 else None)
        assert taken.dtype == np.uint8
        assert 179 <= min(taken.shape[:2]) <= max(taken.shape[:2]) <= 256
    same = [photographed(medium, default_rng(5), None) for _ in range(2)]
    assert np.array_equal(*same)
