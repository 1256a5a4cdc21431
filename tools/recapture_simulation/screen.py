"""A display before the camera.

Owns: sub-pixel layouts, the pitch of display pixels against the sensor's, the display's own
colours, backlight, reflections and glow. Has no opinion on: the camera, which every medium shares.

The grid of sub-pixels is a periodic function of the place on the display. One period is drawn as a
tile, blurred in the frequency domain by the lens and by the area of a photosite as they lie in
display pixels, and looked up at every photosite: exact aliasing for the price of one look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import cv2
import numpy as np
from numpy.random import Generator

from huiyan.kernel.units import AnyArray, FloatArray, PixelArray
from recapture_simulation.camera import (
    DISPLAY_GAMMA,
    PLANES,
    Camera,
    Matrix,
    blur,
    coordinates,
    develop,
    draw_camera,
    log_uniform,
    normal_noise,
    plane_projection,
    sample,
)
from recapture_simulation.lattice import local_scale, see_through_lens, smooth_field, wrap

TILE_SIDE = 64
"""Samples of one period of the grid, each way; a power of two."""

LARGEST_RASTER_SIDE_PX = 1100

CLOSE_UP_SHARE = 0.06
"""How many displays are seen from so near that sub-pixels lie apart."""

RESONANT_SHARE = 0.2
RESONANT_PITCHES_PX = (2.0, 1.0, 4 / 3, 2 / 3)
"""How many are so far away that their grid nearly agrees with the mosaic, and beats with it."""


class Layout(StrEnum):
    """How the sub-pixels of a display lie."""

    STRIPE = "stripe"
    CHEVRON = "chevron"
    SPLIT = "split"
    WHITE_STRIPE = "white stripe"
    DIAMOND = "diamond"
    TRIANGLE = "triangle"


LAYOUT_SHARES = {
    Layout.STRIPE: 0.42,
    Layout.CHEVRON: 0.17,
    Layout.SPLIT: 0.08,
    Layout.WHITE_STRIPE: 0.05,
    Layout.DIAMOND: 0.22,
    Layout.TRIANGLE: 0.06,
}
PERIOD_PX = dict.fromkeys(Layout, 1) | {Layout.CHEVRON: 2, Layout.DIAMOND: 2}
"""Display pixels after which the layout repeats, each way."""


@dataclass(frozen=True, slots=True)
class Display:
    """One display and how large its pixels are before the camera.

    Parameters
    ----------
    layout : Layout
        How its sub-pixels lie.
    source_px : float
        Source pixels to one display pixel.
    pitch_px : float
        Sensor pixels to one display pixel.
    is_upright : bool
        Whether the stripes run down, as they do unless the display is turned.
    is_mirrored : bool
        Whether blue comes first.
    fill_across, fill_down : float
        Shares of a sub-pixel's cell that shine.
    crosstalk : float
        Share of each colour's light that the sensor's other colours see.
    depth : float
        How much of the grid remains: 1 all; less under diffusing or matte layers.
    """

    layout: Layout
    source_px: float
    pitch_px: float
    is_upright: bool
    is_mirrored: bool
    fill_across: float
    fill_down: float
    crosstalk: float
    depth: float


def draw_display(camera: Camera, rng: Generator) -> Display:
    """Draw a display and its distance.

    Parameters
    ----------
    camera : Camera
        What looks at it.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    Display
        Its pixels are 0.55 to 6 px of the kept picture wide, mostly 0.8 to 3, rarely up to 16.
    """
    kept = camera.output_wh[0] / camera.sensor_wh[0]
    output_pitch_px = float(np.exp(np.clip(rng.normal(0.45, 0.55), np.log(0.55), np.log(6.0))))
    if rng.random() < CLOSE_UP_SHARE:
        output_pitch_px = log_uniform(rng, 4.0, 16.0)
    pitch_px = max(output_pitch_px / kept, 0.6)
    if rng.random() < RESONANT_SHARE:
        pitch_px = float(rng.choice(RESONANT_PITCHES_PX) * np.exp(rng.normal(0.0, 0.03)))
    least = camera.sensor_wh[0] / LARGEST_RASTER_SIDE_PX
    pitch_px = max(pitch_px, least)
    layouts = list(LAYOUT_SHARES)
    return Display(
        layout=layouts[int(rng.choice(len(layouts), p=list(LAYOUT_SHARES.values())))],
        source_px=pitch_px / camera.magnification,
        pitch_px=pitch_px,
        is_upright=rng.random() < 0.8,
        is_mirrored=rng.random() < 0.2,
        fill_across=float(rng.uniform(0.6, 0.98)),
        fill_down=float(rng.uniform(0.6, 0.97)),
        crosstalk=float(rng.uniform(0.05, 0.35)),
        depth=1.0 if rng.random() < 0.7 else float(rng.uniform(0.15, 1.0)),
    )


def _inside(distance: AnyArray, half: float) -> FloatArray:
    """Give 1 within half a width of a centre, 0 beyond; the period is 1."""
    return np.asarray(np.abs((distance + 0.5) % 1.0 - 0.5) < half, np.float32)


def draw_tile(display: Display) -> FloatArray:
    """Draw one period of the grid, sharp.

    Parameters
    ----------
    display : Display
        Whose grid.

    Returns
    -------
    ndarray of shape (3, TILE_SIDE, TILE_SIDE), float32
        How much of red, green and blue shines where; each colour's mean is 1.
    """
    period = PERIOD_PX[display.layout]
    steps = (np.arange(TILE_SIDE, dtype=np.float32) + 0.5) / TILE_SIDE * period
    x, y = np.meshgrid(steps, steps)
    half_x, half_y = display.fill_across / 2, display.fill_down / 2
    rows = _inside(y - 0.5, half_y)
    match display.layout:
        case Layout.STRIPE:
            tile = [_inside(x - at, half_x / 3) * rows for at in (1 / 6, 3 / 6, 5 / 6)]
        case Layout.CHEVRON:
            lean = np.where(y < 1.0, 1.0, -1.0).astype(np.float32) * ((y % 1.0) - 0.5) * 0.22
            tile = [_inside(x - at - lean, half_x / 3) * rows for at in (1 / 6, 3 / 6, 5 / 6)]
        case Layout.SPLIT:
            halves = _inside(y - 0.25, half_y / 2) + 0.45 * _inside(y - 0.75, half_y / 2)
            tile = [_inside(x - at, half_x / 3) * halves for at in (1 / 6, 3 / 6, 5 / 6)]
        case Layout.WHITE_STRIPE:
            white = 0.6 * _inside(x - 0.375, half_x / 4) * rows
            tile = [_inside(x - at, half_x / 4) * rows + white for at in (0.125, 0.625, 0.875)]
        case Layout.DIAMOND:
            tile = [
                _diamonds(x, y, ((0.5, 0.5), (1.5, 1.5)), 0.48 * display.fill_across),
                _diamonds(x, y, ((0, 0), (1, 0), (0, 1), (1, 1)), 0.33 * display.fill_across),
                _diamonds(x, y, ((1.5, 0.5), (0.5, 1.5)), 0.52 * display.fill_across),
            ]
        case Layout.TRIANGLE:
            low = _inside(y - 0.75, half_y / 2)
            tile = [
                _inside(x - 0.25, half_x / 2) * low,
                _inside(x - 0.5, half_x * 0.8) * _inside(y - 0.25, half_y / 2),
                _inside(x - 0.75, half_x / 2) * low,
            ]
        case unknown:
            assert_never(unknown)
    stacked = np.stack(tile[::-1] if display.is_mirrored else tile)
    if not display.is_upright:
        stacked = stacked.transpose(0, 2, 1)
    return np.asarray(stacked / stacked.mean(axis=(1, 2), keepdims=True), np.float32)


def _diamonds(
    x: AnyArray, y: AnyArray, centres: tuple[tuple[float, float], ...], reach: float
) -> FloatArray:
    """Give 1 in diamonds about the centres, 0 elsewhere; the period is 2."""
    nearest = np.full(x.shape, 9.0)
    for centre_x, centre_y in centres:
        away_x = np.abs((x - centre_x + 1.0) % 2.0 - 1.0)
        away_y = np.abs((y - centre_y + 1.0) % 2.0 - 1.0)
        nearest = np.minimum(nearest, away_x + away_y)
    return np.asarray(nearest < reach, np.float32)


def display_light(rgb: PixelArray, rng: Generator) -> FloatArray:
    """Turn coded values into a display's light, in its own colours.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        What the display is given.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (H, W, 3), float32
        Light as the camera's three colours see it, about [0, 1].
    """
    codes = np.arange(256, dtype=np.float32) / 255.0
    gamma = DISPLAY_GAMMA + rng.normal(0.0, 0.15)
    black = 0.0 if rng.random() < 0.35 else float(rng.uniform(0.0005, 0.012))
    light = cv2.LUT(rgb, codes ** np.float32(gamma) * (1.0 - black) + black)
    gamut = rng.normal(0.06, 0.12)
    mixing = (1.0 + gamut) * np.eye(3) - gamut / 3
    warmth = rng.normal(-0.05, 0.12)
    white = np.exp(np.array([-warmth, rng.normal(0.0, 0.03), warmth * 1.2]) * -1.0)
    brightness = float(np.exp(rng.normal(0.1, 0.3)))
    mixing = mixing * (white / white.mean() * brightness)[:, None]
    return cv2.transform(light, mixing).astype(np.float32, copy=False)


def _show(light: FloatArray, camera: Camera, display: Display, rng: Generator) -> FloatArray:
    """Bring the source to display pixels, sparkling if the display is matte; then the lens."""
    height, width = light.shape[:2]
    raster_wh = (
        max(8, round(width / display.source_px)),
        max(8, round(height / display.source_px)),
    )
    method = cv2.INTER_AREA if raster_wh[0] < width else cv2.INTER_LINEAR
    raster = cv2.resize(light, raster_wh, interpolation=method)
    if rng.random() < 0.35:
        sparkle = normal_noise(raster_wh, rng) * np.float32(rng.uniform(0.005, 0.06)) + 1.0
        raster = cv2.multiply(raster, cv2.merge([sparkle] * 3))
    times = 1 if display.pitch_px < 2.0 else 2 if display.pitch_px < 4.0 else 3
    if times > 1:
        raster = cv2.resize(raster, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)
    lens_px = np.hypot(camera.blur_px, 0.3) / display.pitch_px * times
    return blur(raster.astype(np.float32, copy=False), float(lens_px))


def _raster_projection(
    camera: Camera, source_wh: tuple[int, int], raster_wh: tuple[int, int]
) -> Matrix:
    """Give the projection from sensor pixels to another raster of the source."""
    ratio_x, ratio_y = raster_wh[0] / source_wh[0], raster_wh[1] / source_wh[1]
    to_raster = np.array(
        [[ratio_x, 0, ratio_x / 2 - 0.5], [0, ratio_y, ratio_y / 2 - 0.5], [0, 0, 1]], np.float64
    )
    return np.asarray(to_raster @ camera.source_from_sensor, np.float64)


def _see_display(
    raster: FloatArray, rgb: PixelArray, camera: Camera, display: Display
) -> list[FloatArray]:
    """Let the camera's four planes see the raster through the grid of sub-pixels."""
    half_wh = (camera.sensor_wh[0] // 2, camera.sensor_wh[1] // 2)
    source_wh = (rgb.shape[1], rgb.shape[0])
    raster_wh = (raster.shape[1], raster.shape[0])
    to_raster = _raster_projection(camera, source_wh, raster_wh)
    times = 1 if display.pitch_px < 2.0 else 2 if display.pitch_px < 4.0 else 3
    # Corners instead of centres count, so that cells of the grid are the raster's pixels.
    per_period = TILE_SIDE / (times * PERIOD_PX[display.layout])
    to_tile = (
        np.array(
            [[per_period, 0, per_period / 2], [0, per_period, per_period / 2], [0, 0, 1]],
            np.float64,
        )
        @ to_raster
    )
    periods = local_scale(to_tile, camera.sensor_wh) / TILE_SIDE
    tile = see_through_lens(draw_tile(display), periods, camera.blur_px)
    mean_tile = tile.mean(axis=0, keepdims=True)
    tile = (1.0 - display.crosstalk) * tile + display.crosstalk * mean_tile
    tile = (1.0 + display.depth * (tile - 1.0)).reshape(3, -1)
    colours = cv2.split(raster)
    seen = []
    for row, column, colour in PLANES:
        light = sample(
            np.asarray(colours[colour], np.float32),
            plane_projection(to_raster, row, column),
            half_wh,
        )
        across, down = coordinates(plane_projection(to_tile, row, column), half_wh)
        index = wrap(down, TILE_SIDE) * TILE_SIDE + wrap(across, TILE_SIDE)
        seen.append(cv2.multiply(light, np.take(tile[colour], index)))
    return [np.asarray(plane, np.float32) for plane in seen]


def _bands(height: int, rng: Generator) -> FloatArray:
    """Draw what a pulsing backlight leaves behind a rolling shutter: brightness of each row."""
    rows = np.arange(height, dtype=np.float32)
    period_px = log_uniform(rng, 24.0, 2500.0)
    phase = np.sin(2 * np.pi * (rows / period_px + rng.random()))
    sharpness = log_uniform(rng, 0.5, 6.0)
    wave = np.tanh(sharpness * (phase - rng.uniform(-0.7, 0.7))) / np.tanh(sharpness)
    depth = rng.uniform(0.01, 0.25) if period_px > 100 else rng.uniform(0.01, 0.1)
    return np.asarray(1.0 + depth * wave, np.float32)


def _shade(planes: list[FloatArray], rng: Generator) -> list[FloatArray]:
    """Add what lies over the whole display: viewing angle, bands, reflections, glow."""
    height, width = planes[0].shape
    gain = np.full((height, width), 1.0, np.float32)
    slope_x, slope_y = rng.normal(0.0, 0.12, 2)
    gain += np.linspace(-slope_x, slope_x, width, dtype=np.float32)[None, :]
    gain += np.linspace(-slope_y, slope_y, height, dtype=np.float32)[:, None]
    if rng.random() < 0.3:
        bands = _bands(height, rng)[:, None]
        gain *= bands if rng.random() < 0.6 else _bands(width, rng)[None, :]
    tint = rng.normal(0.0, 0.03, 3)
    across = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    reflection = np.zeros((height, width), np.float32)
    if rng.random() < 0.45:
        hills = smooth_field((width, height), rng, int(rng.integers(1, 5)))
        reflection = hills ** np.float32(rng.uniform(1.0, 4.0)) * np.float32(
            rng.uniform(0.005, 0.12)
        )
    glow_share = float(rng.uniform(0.0, 0.07))
    colour_of_light = np.exp(rng.normal(0.0, 0.12, 3))
    shaded = []
    for (_, _, colour), plane in zip(PLANES, planes, strict=True):
        small = cv2.resize(plane, (16, 16), interpolation=cv2.INTER_AREA)
        glow = cv2.resize(cv2.GaussianBlur(small, (0, 0), 3.0), (width, height))
        lit = cv2.multiply(plane, gain * (1.0 + np.float32(tint[colour]) * across))
        lit = cv2.addWeighted(lit, 1.0 - glow_share, glow, glow_share, 0.0)
        shaded.append(
            cv2.addWeighted(lit, 1.0, reflection, float(colour_of_light[colour]), 0.0).astype(
                np.float32, copy=False
            )
        )
    return shaded


def screen(rgb: PixelArray, rng: Generator) -> PixelArray:
    """Photograph a display that shows the picture.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        RGB.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB; no larger than the source.
    """
    camera = draw_camera((rgb.shape[1], rgb.shape[0]), rng)
    display = draw_display(camera, rng)
    raster = _show(display_light(rgb, rng), camera, display, rng)
    planes = _shade(_see_display(raster, rgb, camera, display), rng)
    return develop(planes, camera, rng)
