from __future__ import annotations

import cv2
import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.kernel.units import PixelArray
from huiyan.perception.properties import PROPERTIES, measure_properties

SIZE_WH = (640, 480)


def _judge(pixels: PixelArray, size_wh: tuple[int, int] | None = None) -> dict[str, float]:
    image = Image(pixels, size_wh or (pixels.shape[1], pixels.shape[0]))
    judged = measure_properties(image)
    assert (judged.shape, judged.dtype) == ((len(PROPERTIES),), np.dtype(np.float32))
    assert np.isfinite(judged).all()
    assert (judged >= 0).all()
    assert (judged < 1).all()
    return dict(zip(PROPERTIES, judged.tolist(), strict=True))


def _scene(seed: int = 0) -> PixelArray:
    """Make a crisp picture of many rectangles in many colours and tones."""
    random = np.random.default_rng(seed)
    pixels = np.full((SIZE_WH[1], SIZE_WH[0], 3), 128, np.uint8)
    for _ in range(400):
        left, top = random.integers(0, SIZE_WH[0]), random.integers(0, SIZE_WH[1])
        width, height = random.integers(10, 90, 2)
        pixels[top : top + height, left : left + width] = random.integers(20, 235, 3)
    return pixels


def _grey(pixels: PixelArray) -> PixelArray:
    return np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., np.newaxis], 3, axis=2)


def _through_jpeg(pixels: PixelArray, quality: int) -> PixelArray:
    _, data = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 10_000), (10_000, 1), (7, 5), (15, 4096)])
@pytest.mark.parametrize("level", [0, 255, 128])
def test_flat_and_extreme_pictures_are_answered(shape_hw: tuple[int, int], level: int) -> None:
    judged = _judge(np.full((*shape_hw, 3), level, np.uint8))
    assert judged["blurry"] == 0
    assert judged["black_and_white"] == 0
    assert judged["plain_background"] == 0


def test_an_ordinary_picture_is_none_of_the_special_kinds() -> None:
    judged = _judge(_scene(), (2000, 1500))
    for name in ("black_and_white", "sepia", "bright", "dark", "low_contrast", "overexposed",
                 "underexposed", "blurry", "muted", "warm", "cool", "plain_background",
                 "panorama", "low_resolution"):  # fmt: skip
        assert judged[name] < 0.3, name


def test_grey_is_black_and_white_even_with_jpeg_noise_in_its_colours() -> None:
    noise = np.random.default_rng(1).normal(0, 4, (SIZE_WH[1], SIZE_WH[0], 3))
    noisy = np.clip(_grey(_scene()) + noise, 0, 255).astype(np.uint8)
    assert _judge(_grey(_scene()))["black_and_white"] > 0.9
    assert _judge(_through_jpeg(noisy, 60))["black_and_white"] > 0.9
    assert _judge(_scene())["black_and_white"] == 0


def test_one_brown_ink_is_sepia_and_not_black_and_white() -> None:
    grey = _grey(_scene()).astype(np.float32)
    sepia = np.clip(grey * [1.07, 0.93, 0.74], 0, 255).astype(np.uint8)
    judged = _judge(sepia)
    assert judged["sepia"] > 0.85
    assert judged["black_and_white"] < 0.3
    assert judged["muted"] == 0


def test_a_blue_ink_is_not_sepia() -> None:
    blue = np.clip(_grey(_scene()) * [0.75, 0.9, 1.07], 0, 255).astype(np.uint8)
    assert _judge(blue)["sepia"] == 0


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_blur_is_seen_at_every_size(factor: int) -> None:
    crisp = cv2.resize(_scene(), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(crisp, (0, 0), 7 * factor)
    assert _judge(crisp)["blurry"] == 0
    assert _judge(blurred)["blurry"] > 0.8


def test_motion_in_one_direction_is_blur() -> None:
    assert _judge(cv2.blur(_scene(), (45, 1)))["blurry"] > 0.5


def test_a_crisp_subject_before_a_soft_background_is_not_blurry() -> None:
    pixels = cv2.GaussianBlur(_scene(), (0, 0), 8)
    pixels[120:360, 220:420] = _scene()[120:360, 220:420]
    assert _judge(pixels)["blurry"] < 0.1


def test_darkened_lightened_and_flattened_copies_say_so() -> None:
    scene = _scene().astype(np.float32)
    assert _judge((scene * 0.3).astype(np.uint8))["dark"] > 0.6
    assert _judge((scene * 0.15).astype(np.uint8))["underexposed"] > 0.6
    assert _judge((150 + scene * 0.4).astype(np.uint8))["bright"] > 0.6
    grey_haze = (110 + _grey(_scene()).astype(np.float32) * 0.25).astype(np.uint8)
    assert _judge(grey_haze)["low_contrast"] > 0.6


def test_colours_can_be_vivid_muted_warm_and_cool() -> None:
    scene = _scene().astype(np.float32)
    grey = _grey(_scene()).astype(np.float32)
    assert _judge(np.clip(grey + (scene - grey) * 2, 0, 255).astype(np.uint8))["vivid"] > 0.6
    assert _judge(np.clip(grey + (scene - grey) * 0.15, 0, 255).astype(np.uint8))["muted"] > 0.4
    assert _judge(np.clip(grey * [1.2, 0.85, 0.5], 0, 255).astype(np.uint8))["warm"] > 0.8
    assert _judge(np.clip(grey * [0.5, 0.85, 1.2], 0, 255).astype(np.uint8))["cool"] > 0.8


def test_a_thing_before_one_colour_has_a_plain_background_and_is_not_overexposed() -> None:
    pixels = np.full((480, 640, 3), 255, np.uint8)
    pixels[120:400, 200:440] = _scene()[120:400, 200:440]
    judged = _judge(pixels)
    assert judged["plain_background"] > 0.9
    assert judged["overexposed"] == 0


@pytest.mark.parametrize(
    ("size_wh", "true_names"),
    [
        ((1, 1), {"square_format", "low_resolution"}),
        ((1, 10_000), {"portrait_format", "low_resolution"}),
        ((1000, 1000), {"square_format"}),
        ((1600, 1200), {"landscape_format"}),
        ((1200, 1600), {"portrait_format"}),
        ((4000, 1200), {"landscape_format", "panorama"}),
        ((6000, 4000), {"landscape_format", "high_resolution"}),
        ((200, 150), {"landscape_format", "low_resolution"}),
    ],
)
def test_format_and_resolution_are_those_of_the_full_picture(
    size_wh: tuple[int, int], true_names: set[str]
) -> None:
    names = ("landscape_format", "portrait_format", "square_format", "panorama",
             "low_resolution", "high_resolution")  # fmt: skip
    judged = _judge(_scene(), size_wh)
    assert {name for name in names if judged[name] >= 0.6} == true_names
    assert all(judged[name] < 0.4 for name in names if name not in true_names)
