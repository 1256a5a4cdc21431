"""Pages of text and pictures: what displays show besides photographs, and paper carries.

Owns: how such pages look, and a surface in the light. Has no opinion on: the medium; pages are
shown on displays, printed, and photographed as the things they are, so that text tells no class.
"""

from __future__ import annotations

import string

import cv2
import numpy as np
from numpy.random import Generator

from huiyan.kernel.units import PixelArray
from recapture_simulation.camera import blur, log_uniform, normal_noise
from recapture_simulation.lattice import smooth_field

LETTERS = list(string.ascii_letters + string.digits + "      .,:-/()")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
FINENESS = 2
"""Pages are drawn larger and reduced, so that letters are no coarser than photographs."""


def light_surface(pixels: PixelArray, rng: Generator) -> PixelArray:
    """Give a surface its texture and the light upon it: fibres, weave or gloss.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB, flat and evenly lit.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    size_wh = (pixels.shape[1], pixels.shape[0])
    fibres = blur(normal_noise(size_wh, rng), log_uniform(rng, 0.5, 2.5))
    fibres = fibres / (float(fibres.std()) + 1e-6)
    gain = 1.0 + np.float32(log_uniform(rng, 0.004, 0.04)) * fibres
    if rng.random() < 0.12:
        period_px = log_uniform(rng, 3.0, 12.0)
        waves = np.cos(np.arange(size_wh[0], dtype=np.float32) * np.float32(2 * np.pi / period_px))
        gain = gain * (1.0 + np.float32(rng.uniform(0.01, 0.06)) * waves[None, :])
    gain = gain * (1.0 - np.float32(rng.uniform(0.05, 0.5)) * smooth_field(size_wh, rng, 2))
    gloss = np.zeros_like(gain)
    if rng.random() < 0.3:
        hills = smooth_field(size_wh, rng, int(rng.integers(1, 5)))
        gloss = hills ** np.float32(rng.uniform(3.0, 8.0)) * np.float32(rng.uniform(20.0, 160.0))
    lit = pixels.astype(np.float32) * gain[..., None] + gloss[..., None]
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def _draw_colours(rng: Generator, dark_share: float) -> tuple[list[int], list[int]]:
    """Draw the colours of a page and of its text."""
    if rng.random() < dark_share:
        page = rng.integers(8, 50) + rng.integers(0, 22, 3)
        text = rng.integers(170, 256) - rng.integers(0, 30, 3)
    else:
        page = rng.integers(228, 256) - rng.integers(0, 16, 3)
        text = rng.integers(5, 90) + rng.integers(0, 40, 3)
    if rng.random() < 0.25:
        text = rng.integers(40, 256, 3)
    return [int(level) for level in page], [int(level) for level in text]


def _write(canvas: PixelArray, colour: list[int], rng: Generator) -> None:
    """Write lines of nonsense in one size, from a margin on."""
    side_px = canvas.shape[0]
    scale = log_uniform(rng, 0.45, 2.6) * FINENESS * 0.6
    step_px = max(10, int(scale * 22 * rng.uniform(1.2, 2.6)))
    left = int(rng.integers(-60, 60))
    font = FONTS[int(rng.integers(0, len(FONTS)))]
    thickness = max(1, round(scale * float(rng.uniform(0.7, 1.8))))
    for baseline in range(int(rng.integers(0, step_px)), side_px + step_px, step_px):
        if rng.random() < 0.12:
            continue
        text = "".join(rng.choice(LETTERS, int(rng.integers(4, 60))))
        cv2.putText(canvas, text, (left, baseline), font, scale, colour, thickness, cv2.LINE_AA)


def _lay_cards(canvas: PixelArray, rgb: PixelArray, rng: Generator) -> None:
    """Lay the picture and plain cards on the page."""
    height, width = canvas.shape[:2]
    for number in range(int(rng.integers(1, 4))):
        card_w, card_h = (int(side * rng.uniform(0.2, 0.75)) for side in (width, height))
        left, top = int(rng.integers(0, width - card_w)), int(rng.integers(0, height - card_h))
        place = canvas[top : top + card_h, left : left + card_w]
        if number == 0:
            place[:] = cv2.resize(rgb, (card_w, card_h), interpolation=cv2.INTER_AREA)
        else:
            place[:] = rng.integers(0, 256, 3).astype(np.uint8)


def draw_page(rgb: PixelArray, rng: Generator, dark_share: float) -> PixelArray:
    """Draw a page of text, with or without the picture on it.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        RGB.
    rng : Generator
        Where chance comes from.
    dark_share : float
        How likely light text on a dark page is, in [0, 1].

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    height, width = rgb.shape[:2]
    page, text = _draw_colours(rng, dark_share)
    canvas = np.empty((height * FINENESS, width * FINENESS, 3), np.uint8)
    canvas[:] = page
    _write(canvas, text, rng)
    if rng.random() < 0.6:
        _lay_cards(canvas, rgb, rng)
    reduced = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.uint8)
