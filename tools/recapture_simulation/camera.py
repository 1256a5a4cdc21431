"""The camera in front of every medium, and of none: geometry, lens, sensor, processing, file.

Owns: everything that an original, a screen and a print have in common, drawn from the same ranges
for all of them, so that the camera never tells the class. Has no opinion on: what stands before it.

A medium gives its light for the four colour planes of the sensor's mosaic, each at half its
resolution: whatever is finer than the sensor aliases there, which is where moiré comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray, PixelArray
from recapture_simulation.compression import reduce, save_randomly

Matrix = NDArray[np.float64]
"""A projection, (3, 3), from pixels of one plane to another's; whole numbers are centres."""

PLANES = ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2))
"""Row, column and colour (red, green, blue) of the four pixels that the mosaic repeats."""

LARGEST_SENSOR_SIDE_PX = 900
DISPLAY_GAMMA = 2.2


@dataclass(frozen=True, slots=True)
class Camera:
    """One way of taking and keeping one picture.

    Parameters
    ----------
    source_from_sensor : ndarray of shape (3, 3), float64
        Where in the source each sensor pixel looks.
    sensor_wh, output_wh : tuple of int
        Sizes of the sensor's part and of the picture that is kept, px; the former is even.
    magnification : float
        Sensor pixels to one source pixel.
    blur_px : float
        Standard deviation of the lens's blur, sensor px.
    exposure : float
        Factor on the light; above 1 highlights clip.
    shot_noise, read_noise : float
        Variance to one unit of light, and standard deviation in the dark, of full scale 1.
    """

    source_from_sensor: Matrix
    sensor_wh: tuple[int, int]
    output_wh: tuple[int, int]
    magnification: float
    blur_px: float
    exposure: float
    shot_noise: float
    read_noise: float


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Draw a number so that each ratio is as likely as any other.

    Parameters
    ----------
    rng : Generator
        Where chance comes from.
    low, high : float
        Above 0.

    Returns
    -------
    float
        In [low, high).
    """
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _draw_projection(
    source_wh: tuple[int, int], sensor_wh: tuple[int, int], magnification: float, rng: Generator
) -> Matrix:
    """Draw how the camera is held: turned a little, rarely much; tilted a little."""
    turn_rad = np.deg2rad(rng.normal(0.0, 2.5) if rng.random() < 0.8 else rng.uniform(-45.0, 45.0))
    cosine, sine = np.cos(turn_rad) / magnification, np.sin(turn_rad) / magnification
    tilt_x, tilt_y = rng.normal(0.0, 0.03, 2) / (max(sensor_wh) / 2)
    stretch = 1.0 + rng.normal(0.0, 0.03)
    to_centre = np.array(
        [[1, 0, -(sensor_wh[0] - 1) / 2], [0, 1, -(sensor_wh[1] - 1) / 2], [0, 0, 1]], np.float64
    )
    hold = np.array(
        [[cosine * stretch, -sine, 0], [sine * stretch, cosine, 0], [tilt_x, tilt_y, 1]],
        np.float64,
    )
    spare_wh = [max(0.0, source_wh[i] - sensor_wh[i] / magnification) / 2 for i in range(2)]
    shift_x, shift_y = (
        (source_wh[i] - 1) / 2 + rng.uniform(-spare_wh[i], spare_wh[i]) for i in range(2)
    )
    back = np.array([[1, 0, shift_x], [0, 1, shift_y], [0, 0, 1]], np.float64)
    return np.asarray(back @ hold @ to_centre, np.float64)


def draw_camera(source_wh: tuple[int, int], rng: Generator) -> Camera:
    """Draw a camera, how it is held, and to what size its picture is reduced.

    Parameters
    ----------
    source_wh : tuple of int
        Width and height of what is shown, px.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    Camera
        Its picture is at most as large as the source.
    """
    enlargement = log_uniform(rng, 0.7, 1.3)
    kept = 1.0 if rng.random() < 0.35 else float(rng.uniform(0.38, 0.85))
    output_w, output_h = (int(side * min(1.0, enlargement)) for side in source_wh)
    kept = max(kept, max(output_w, output_h) / LARGEST_SENSOR_SIDE_PX)
    kept = min(kept, 1.0)
    sensor_w, sensor_h = (-(-int(np.ceil(side / kept)) // 2) * 2 for side in (output_w, output_h))
    magnification = enlargement / kept
    blur_px = log_uniform(rng, 0.3, 0.75)
    if rng.random() < 0.3:
        blur_px = log_uniform(rng, 0.6, 1.8) * max(1.0, 0.7 / kept)
    return Camera(
        source_from_sensor=_draw_projection(source_wh, (sensor_w, sensor_h), magnification, rng),
        sensor_wh=(sensor_w, sensor_h),
        output_wh=(output_w, output_h),
        magnification=magnification,
        blur_px=blur_px,
        exposure=log_uniform(rng, 0.75, 1.35),
        shot_noise=log_uniform(rng, 3e-5, 1.5e-3),
        read_noise=log_uniform(rng, 2e-4, 3.5e-3),
    )


def linearise(rgb: PixelArray) -> FloatArray:
    """Turn coded values into light.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        Coded for a display of gamma 2.2.

    Returns
    -------
    ndarray of shape (H, W, 3), float32
        Light in [0, 1].
    """
    table = (np.arange(256, dtype=np.float32) / 255.0) ** DISPLAY_GAMMA
    return cv2.LUT(rgb, table).astype(np.float32, copy=False)


def blur(light: FloatArray, sigma_px: float) -> FloatArray:
    """Blur by a Gaussian, unless it is too small to see.

    Parameters
    ----------
    light : ndarray of shape (H, W) or (H, W, 3), float32
        Any range.
    sigma_px : float
        Standard deviation, px.

    Returns
    -------
    ndarray of the same shape, float32
        The one given where nothing is to be done.
    """
    if sigma_px < 0.25:
        return light
    return cv2.GaussianBlur(light, (0, 0), sigma_px).astype(np.float32, copy=False)


def plane_projection(projection: Matrix, row: int, column: int) -> Matrix:
    """Give the projection from the pixels of one of the mosaic's planes.

    Parameters
    ----------
    projection : ndarray of shape (3, 3), float64
        From sensor pixels.
    row, column : int
        Where the plane begins: 0 or 1.

    Returns
    -------
    ndarray of shape (3, 3), float64
        From the plane's pixels.
    """
    spread = np.array([[2, 0, column], [0, 2, row], [0, 0, 1]], np.float64)
    return np.asarray(projection @ spread, np.float64)


def coordinates(projection: Matrix, size_wh: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Say where each pixel of a plane looks.

    Parameters
    ----------
    projection : ndarray of shape (3, 3), float64
        From the plane's pixels.
    size_wh : tuple of int
        The plane's size, px.

    Returns
    -------
    tuple of ndarray of shape (H, W), float32
        Across and down, in the units that the projection leads to.
    """
    xs = np.arange(size_wh[0], dtype=np.float64)[None, :]
    ys = np.arange(size_wh[1], dtype=np.float64)[:, None]
    across, down, below = (
        np.add(row[0] * xs + row[2], row[1] * ys, dtype=np.float32, casting="same_kind")
        for row in projection
    )
    cv2.divide(1.0, below, dst=below)
    return cv2.multiply(across, below, dst=across), cv2.multiply(down, below, dst=down)


def sample(light: FloatArray, projection: Matrix, size_wh: tuple[int, int]) -> FloatArray:
    """Take one plane's light from a picture, mirrored at its edges.

    Parameters
    ----------
    light : ndarray of shape (H, W), float32
        One colour.
    projection : ndarray of shape (3, 3), float64
        From the plane's pixels to the picture's.
    size_wh : tuple of int
        The plane's size, px.

    Returns
    -------
    ndarray of shape (size_wh[1], size_wh[0]), float32
        Light.
    """
    return cv2.warpPerspective(
        light,
        projection,
        size_wh,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    ).astype(np.float32, copy=False)


def see_plainly(light: FloatArray, camera: Camera) -> list[FloatArray]:
    """Let the camera see a picture that no medium carries.

    Parameters
    ----------
    light : ndarray of shape (H, W, 3), float32
        Light of the source, in [0, 1].
    camera : Camera
        What looks at it.

    Returns
    -------
    list of ndarray, float32
        Light at the four planes.
    """
    seen = blur(light, camera.blur_px / camera.magnification)
    half_wh = (camera.sensor_wh[0] // 2, camera.sensor_wh[1] // 2)
    colours = cv2.split(seen)
    return [
        sample(
            np.asarray(colours[colour], np.float32),
            plane_projection(camera.source_from_sensor, row, column),
            half_wh,
        )
        for row, column, colour in PLANES
    ]


@cache
def _normal_levels() -> FloatArray:
    """Give 256 equally likely values of a normal distribution."""
    drawn = np.sort(np.random.default_rng(0).standard_normal(256 * 400))
    return np.asarray(drawn.reshape(256, 400).mean(axis=1), np.float32)


def normal_noise(size_wh: tuple[int, int], rng: Generator) -> FloatArray:
    """Draw normal noise quickly, in 256 steps.

    Parameters
    ----------
    size_wh : tuple of int
        Width and height, px.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (size_wh[1], size_wh[0]), float32
        Of mean 0 and variance 1.
    """
    drawn = np.frombuffer(rng.bytes(size_wh[0] * size_wh[1]), np.uint8)
    noise = cv2.LUT(drawn.reshape(size_wh[1], size_wh[0]), _normal_levels())
    return np.asarray(noise, np.float32)


def develop(planes: Sequence[FloatArray], camera: Camera, rng: Generator) -> PixelArray:
    """Turn the light on the sensor into the picture that is kept.

    Parameters
    ----------
    planes : sequence of four ndarray of shape (H / 2, W / 2), float32
        Light at the mosaic's planes, about [0, 1].
    camera : Camera
        What took it.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (output_wh[1], output_wh[0], 3), uint8
        RGB, after the camera's own JPEG.
    """
    width, height = camera.sensor_wh
    raw = np.empty((height, width), np.float32)
    for (row, column, _), plane in zip(PLANES, planes, strict=True):
        raw[row::2, column::2] = plane
    raw *= np.float32(camera.exposure)
    lit = np.maximum(raw, 0.0)
    lit = cv2.addWeighted(lit, camera.shot_noise, lit, 0.0, camera.read_noise**2)
    noise = cv2.multiply(normal_noise(camera.sensor_wh, rng), cv2.sqrt(lit))
    light = np.maximum(np.asarray(cv2.add(raw, noise), np.float32), 0.0)
    # OpenCV saturates while it converts, as a full photosite does.
    mosaic = cv2.convertScaleAbs(cv2.sqrt(light), alpha=255.0)
    return _process(mosaic.astype(np.uint8, copy=False), camera, rng)


def _tone_table(rng: Generator) -> PixelArray:
    """Draw a tone curve over values that are already square roots of light."""
    coded = (np.arange(256, dtype=np.float64) / 255.0) ** (2.0 / DISPLAY_GAMMA)
    bend = rng.uniform(-0.25, 0.6)
    coded = coded + bend * (coded * coded * (3.0 - 2.0 * coded) - coded)
    coded = coded ** log_uniform(rng, 0.85, 1.18)
    return np.clip(np.rint(coded * 255.0), 0, 255).astype(np.uint8)


def _process(mosaic: PixelArray, camera: Camera, rng: Generator) -> PixelArray:
    """Do what a phone does: demosaic, colours, tone, denoise, sharpen, reduce, save."""
    edge_aware = rng.random() < 0.6
    rgb = cv2.demosaicing(
        mosaic, cv2.COLOR_BayerRGGB2RGB_EA if edge_aware else cv2.COLOR_BayerRGGB2RGB
    )
    mixing = np.eye(3) + rng.normal(0.08, 0.1) * (np.eye(3) - np.full((3, 3), 1 / 3))
    mixing = mixing * np.exp(rng.normal(0.0, (0.04, 0.015, 0.05)))[:, None]
    rgb = cv2.transform(rgb, mixing)
    rgb = cv2.LUT(rgb, _tone_table(rng))
    luma_chroma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb), np.uint8)
    luma_chroma = _denoise_and_sharpen(luma_chroma, rng)
    bgr = cv2.cvtColor(luma_chroma, cv2.COLOR_YCrCb2BGR).astype(np.uint8, copy=False)
    if camera.sensor_wh[0] > camera.output_wh[0] * 1.3:
        bgr = reduce(bgr, camera.output_wh, rng)
        return save_randomly(bgr, rng, 60, 95)
    bgr = save_randomly(bgr, rng, 82, 98)[..., ::-1]
    return np.ascontiguousarray(reduce(bgr, camera.output_wh, rng)[..., ::-1])


def _denoise_and_sharpen(luma_chroma: PixelArray, rng: Generator) -> PixelArray:
    """Take small detail away and strengthen the rest, as phones do; blur colour more."""
    luma, red, blue = cv2.split(luma_chroma)
    if rng.random() < 0.7:
        side_px = int(rng.choice((3, 5, 7)))
        red, blue = (cv2.blur(plane, (side_px, side_px)) for plane in (red, blue))
    smooth = cv2.GaussianBlur(luma, (0, 0), rng.uniform(0.7, 2.2))
    # Detail of both signs in one byte: 128 is none, and one step is two levels.
    detail = cv2.addWeighted(luma, 0.5, smooth, -0.5, 128.0)
    signed = (np.arange(256, dtype=np.float64) - 128.0) * 2.0
    core, gain = rng.uniform(0.0, 7.0), log_uniform(rng, 0.9, 3.2)
    kept = gain * signed * signed**2 / (signed**2 + core**2 + 1e-6)
    stronger = cv2.LUT(detail, np.clip(np.rint(kept / 2.0 + 128.0), 0, 255).astype(np.uint8))
    luma = cv2.addWeighted(smooth, 1.0, stronger, 2.0, -256.0)
    return cv2.merge((luma, red, blue)).astype(np.uint8, copy=False)
