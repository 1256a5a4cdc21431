"""A print before the camera.

Owns: halftones of regular and of scattered dots, dot gain, inks, paper and the light upon it. Has
no opinion on: the camera, which every medium shares.

A regular halftone is a periodic function of the place and of the coverage. One period is drawn for
each of 64 coverages, blurred as the lens and the photosites do, and looked up at every photosite.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import cv2
import numpy as np
from numpy.random import Generator

from huiyan.kernel.units import FloatArray, PixelArray
from recapture_simulation.camera import (
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

TILE_SIDE = 32
COVERAGES = 64
SCREEN_ANGLES_DEG = (15.0, 75.0, 0.0, 45.0)
"""Of cyan, magenta, yellow and black, as offset printing turns them."""


class Process(StrEnum):
    """How the ink came upon the paper."""

    HALFTONE = "halftone"
    SCATTERED = "scattered dots"
    CONTINUOUS = "continuous tone"


class Spot(StrEnum):
    """How a halftone's dots grow."""

    ROUND = "round"
    DIAMOND = "diamond"
    LINE = "line"


PROCESS_SHARES = {Process.HALFTONE: 0.45, Process.SCATTERED: 0.35, Process.CONTINUOUS: 0.2}
DOT_RANGES_PX = {
    Process.HALFTONE: (0.9, 3.2),
    Process.SCATTERED: (0.25, 1.4),
    Process.CONTINUOUS: (0.25, 1.0),
}
"""Sizes of dots in pixels of the kept picture."""

CLOSE_UP_SHARE = 0.15
"""How many halftones are seen from so near that single dots are large."""


@dataclass(frozen=True, slots=True)
class Press:
    """One way of printing, and how large its dots are before the camera.

    Parameters
    ----------
    process : Process
        How the ink came upon the paper.
    spot : Spot
        How a halftone's dots grow.
    dot_px : float
        Period of the halftone, or size of scattered dots, sensor px.
    turn_rad : float
        By how much all screens are turned together.
    gain : float
        By how much a coverage of one half grows.
    ink : float
        Light that full ink of one colour leaves of its complement, in [0, 1].
    has_colour : bool
        Whether there is more than black ink.
    """

    process: Process
    spot: Spot
    dot_px: float
    turn_rad: float
    gain: float
    ink: float
    has_colour: bool


def draw_press(camera: Camera, rng: Generator) -> Press:
    """Draw a way of printing and its distance.

    Parameters
    ----------
    camera : Camera
        What looks at it.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    Press
        Halftones repeat every 0.9 to 3.2 px of the kept picture, rarely up to 9.6.
    """
    kept = camera.output_wh[0] / camera.sensor_wh[0]
    processes, spots = list(PROCESS_SHARES), list(Spot)
    process = processes[int(rng.choice(len(processes), p=list(PROCESS_SHARES.values())))]
    finest_px, coarsest_px = DOT_RANGES_PX[process]
    if process is Process.HALFTONE and rng.random() < CLOSE_UP_SHARE:
        coarsest_px *= 3.0
    dot_px = log_uniform(rng, finest_px, coarsest_px)
    return Press(
        process=process,
        spot=spots[int(rng.choice(len(spots), p=(0.6, 0.2, 0.2)))],
        dot_px=dot_px / kept,
        turn_rad=float(rng.choice((0.0, 0.0, np.pi / 2)) + rng.normal(0.0, 0.02)),
        gain=float(rng.uniform(0.0, 0.22)),
        ink=float(rng.uniform(0.02, 0.18)),
        has_colour=rng.random() < 0.88,
    )


def draw_spots(spot: Spot) -> FloatArray:
    """Draw one period of a halftone for each coverage, sharp.

    Parameters
    ----------
    spot : Spot
        How its dots grow.

    Returns
    -------
    ndarray of shape (COVERAGES, TILE_SIDE, TILE_SIDE), float32
        1 where ink is, else 0; the mean of each is its coverage, from 0 to 1.
    """
    steps = (np.arange(TILE_SIDE, dtype=np.float64) + 0.5) / TILE_SIDE * 2.0 - 1.0
    x, y = np.meshgrid(steps, steps)
    match spot:
        case Spot.ROUND:
            height = np.cos(np.pi * x) + np.cos(np.pi * y)
        case Spot.DIAMOND:
            height = np.cos(np.pi * x) + 0.7 * np.cos(np.pi * y)
        case Spot.LINE:
            height = np.cos(np.pi * y) + 0.15 * np.cos(np.pi * x)
        case unknown:
            assert_never(unknown)
    # Ranks instead of heights make the inked share exactly the coverage.
    rank = np.empty(height.size)
    rank[np.argsort(height, axis=None)] = np.arange(height.size)
    from_top = 1.0 - (rank.reshape(height.shape) + 0.5) / height.size
    coverages = np.linspace(0.0, 1.0, COVERAGES)[:, None, None]
    return (from_top[None] < coverages).astype(np.float32)


def _coverages(rgb: PixelArray, press: Press, rng: Generator) -> list[FloatArray]:
    """Separate a picture into three inks and black, with what the printer cannot reach."""
    fading = rng.uniform(0.0, 0.25, 3) * (rng.random() < 0.4)
    exponent = log_uniform(rng, 0.9, 1.8)
    black_share = float(rng.uniform(0.3, 0.9))
    # A printer is told how dark to be, not how much ink lies: its driver undoes the dots' growth.
    codes = np.arange(256, dtype=np.float32) / 255.0
    table = 1.0 - codes ** np.float32(exponent)
    if not press.has_colour:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        return [_grow(np.asarray(cv2.LUT(grey, table), np.float32), press.gain)]
    inks = [np.asarray(plane, np.float32) for plane in cv2.split(cv2.LUT(rgb, table))]
    black = np.minimum(np.minimum(inks[0], inks[1]), inks[2])
    black = np.asarray(cv2.multiply(black, black, scale=black_share), np.float32)
    paper_left = np.maximum(1.0 - black, 0.05)
    inks = [
        np.asarray(cv2.divide(cv2.subtract(ink, black), paper_left, scale=1.0 - faded), np.float32)
        for ink, faded in zip(inks, fading, strict=True)
    ]
    return [_grow(plane, press.gain) for plane in (*inks, black)]


def _grow(coverage: FloatArray, gain: float) -> FloatArray:
    """Let dots grow, those of one half most."""
    square = cv2.multiply(coverage, coverage)
    grown = cv2.addWeighted(coverage, 1.0 + 4.0 * gain, square, -4.0 * gain, 0.0)
    return np.clip(np.asarray(grown, np.float32), 0.0, 1.0)


def _dots(
    coverage: FloatArray, spots: FloatArray, projection: Matrix, rng: Generator
) -> FloatArray:
    """Look the inked share of each photosite up in blurred halftones."""
    across, down = coordinates(projection, (coverage.shape[1], coverage.shape[0]))
    # Rounded up or down by chance, the steps between coverages draw no contours.
    chance = np.frombuffer(rng.bytes(coverage.size), np.uint8).reshape(coverage.shape)
    level = np.clip(coverage, 0.0, 1.0) * np.float32(COVERAGES - 1)
    index = (level + chance * np.float32(1 / 256)).astype(np.int32)
    index = (index * TILE_SIDE + wrap(down, TILE_SIDE)) * TILE_SIDE + wrap(across, TILE_SIDE)
    return np.asarray(np.take(spots, index), np.float32)


def _screens(camera: Camera, press: Press) -> list[tuple[Matrix, FloatArray]]:
    """Give each ink's halftone: from sensor pixels to its tile, and the blurred tiles."""
    sharp = draw_spots(press.spot)
    screens = []
    for angle_deg in SCREEN_ANGLES_DEG:
        turn = np.deg2rad(angle_deg) + press.turn_rad
        # The paper is the source's plane, so that halftones share the camera's perspective.
        per_source = TILE_SIDE * camera.magnification / press.dot_px
        cosine, sine = np.cos(turn) * per_source, np.sin(turn) * per_source
        to_tile = (
            np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]], np.float64)
            @ camera.source_from_sensor
        )
        periods = local_scale(to_tile, camera.sensor_wh) / TILE_SIDE
        screens.append((to_tile, see_through_lens(sharp, periods, camera.blur_px).ravel()))
    return screens


def _scattered(coverage: FloatArray, press: Press, kernel_px: float, rng: Generator) -> FloatArray:
    """Scatter dots: grain that is strongest at one half and has little of low frequency."""
    size_wh = (coverage.shape[1], coverage.shape[0])
    noise = normal_noise(size_wh, rng)
    # A plane's pixels are two of the sensor's.
    fine = blur(noise, kernel_px / 2)
    fine = fine - blur(fine, 1.2 + kernel_px)
    spread = float(np.sqrt(np.mean(np.square(fine)))) + 1e-6
    strength = min(1.0, (press.dot_px / (1.0 + kernel_px)) ** 0.8) * 0.22
    coverage = np.clip(coverage, 0.0, 1.0)
    amplitude = np.sqrt(coverage * (1.0 - coverage))
    grain = fine * amplitude * np.float32(strength / spread)
    return np.clip(coverage + grain, 0.0, 1.0)


def _see_inks(rgb: PixelArray, camera: Camera, press: Press, rng: Generator) -> list[FloatArray]:
    """Let the camera's four planes see inks on white paper."""
    softness_px = float(np.hypot(camera.blur_px, press.dot_px * rng.uniform(0.2, 0.6)))
    softness = softness_px / camera.magnification + float(rng.uniform(0.0, 0.8))
    inks = [blur(plane, softness) for plane in _coverages(rgb, press, rng)]
    black = len(inks) - 1
    screens = _screens(camera, press) if press.process is Process.HALFTONE else []
    half_wh = (camera.sensor_wh[0] // 2, camera.sensor_wh[1] // 2)
    # Yule and Nielsen: light that spreads in the paper makes dots darker than their area.
    spreading = float(rng.uniform(1.2, 2.0))
    left = 1.0 - press.ink ** (1.0 / spreading)
    seen = []
    for row, column, colour in PLANES:
        projection = plane_projection(camera.source_from_sensor, row, column)
        light = np.ones((half_wh[1], half_wh[0]), np.float32)
        for ink in sorted({min(colour, black), black}):
            coverage = sample(inks[ink], projection, half_wh)
            if press.process is Process.HALFTONE:
                to_tile, spots = screens[-1 if ink == black else ink]
                there = plane_projection(to_tile, row, column)
                coverage = _dots(coverage, spots, there, rng)
            elif press.process is Process.SCATTERED:
                coverage = _scattered(coverage, press, camera.blur_px, rng)
            light *= 1.0 - np.float32(left) * coverage
        seen.append(np.asarray(cv2.pow(light, spreading), np.float32))
    return seen


def _streaks(half_wh: tuple[int, int], rng: Generator) -> FloatArray:
    """Draw what worn drums and blocked nozzles leave: uneven lines along one side."""
    count = half_wh[int(rng.integers(0, 2))]
    uneven = rng.standard_normal(count).astype(np.float32)[None, :]
    uneven = blur(uneven, log_uniform(rng, 0.5, 6.0))
    uneven = uneven / (float(uneven.std()) + 1e-6) * np.float32(rng.uniform(0.004, 0.03))
    lines = uneven if count == half_wh[0] else uneven.T
    return np.broadcast_to(1.0 + lines, (half_wh[1], half_wh[0])).astype(np.float32)


def _lie(planes: list[FloatArray], rng: Generator) -> list[FloatArray]:
    """Lay the print on a table: paper's colour and fibres, uneven light, gloss."""
    half_wh = (planes[0].shape[1], planes[0].shape[0])
    uneven = log_uniform(rng, 0.02, 0.35)
    gain = 1.0 - np.float32(uneven) * smooth_field(half_wh, rng, int(rng.integers(1, 3)))
    coarse_px = log_uniform(rng, 0.6, 4.0)
    fibres = normal_noise(half_wh, rng)
    fibres = blur(fibres, coarse_px)
    fibres = fibres / (float(fibres.std()) + 1e-6)
    gain = gain * (1.0 + np.float32(log_uniform(rng, 0.002, 0.025)) * fibres)
    if rng.random() < 0.35:
        gain = gain * _streaks(half_wh, rng)
    gloss = np.zeros_like(gain)
    if rng.random() < 0.35:
        hills = smooth_field(half_wh, rng, int(rng.integers(1, 4)))
        gloss = hills ** np.float32(rng.uniform(1.5, 5.0)) * np.float32(rng.uniform(0.02, 0.3))
    paper = np.array([1.0, rng.normal(0.985, 0.012), rng.normal(0.955, 0.04)])
    lamp = np.exp(rng.normal(0.0, (0.07, 0.02, 0.09)))
    brightness = float(np.clip(rng.normal(0.72, 0.16), 0.35, 1.1))
    haze = float(rng.uniform(0.0, 0.06))
    lain = []
    for (_, _, colour), plane in zip(PLANES, planes, strict=True):
        white = brightness * float(paper[colour] * lamp[colour])
        lain.append((plane + np.float32(haze)) * (gain * np.float32(white)) + gloss)
    return lain


def printed(rgb: PixelArray, rng: Generator) -> PixelArray:
    """Photograph a print of the picture.

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
    press = draw_press(camera, rng)
    return develop(_lie(_see_inks(rgb, camera, press, rng), rng), camera, rng)
