"""Barcodes: on products, photographed from a display, and printed once more.

Owns: which codes are drawn and what surfaces they are printed on. Has no opinion on: displays,
printers and cameras, which are the same as for any other picture.

A code on a product is itself a print, and yet the original: one ink, laid once, on packaging. What
makes a recapture is a photograph of it that was shown or printed again.
"""

from __future__ import annotations

import string

import cv2
import numpy as np
import zxingcpp
from numpy.random import Generator

from huiyan.kernel.units import FloatArray, PixelArray
from recapture_simulation.camera import blur, log_uniform, normal_noise
from recapture_simulation.lattice import smooth_field
from recapture_simulation.original import original
from recapture_simulation.pages import light_surface
from recapture_simulation.printed import printed
from recapture_simulation.screen import screen

FORMATS = {
    "QRCode": 0.42,
    "EAN13": 0.24,
    "Code128": 0.12,
    "DataMatrix": 0.08,
    "EAN8": 0.03,
    "ITF": 0.04,
    "PDF417": 0.04,
    "Aztec": 0.03,
}
"""Symbologies by zxing-cpp's names, and how often each is drawn."""

DIGITS = {"EAN13": 12, "EAN8": 7, "ITF": 14}
"""How many digits the numeric ones hold, the check digit not counted."""

PAPERS_RGB = ((245, 245, 242), (238, 236, 228), (196, 160, 118), (250, 226, 60), (205, 225, 240))
PAPER_SHARES = (0.5, 0.2, 0.14, 0.06, 0.1)
PRINTED_PACKAGING_SHARE = 0.15
"""How many packages carry a printed picture: a halftone alone is no recapture."""

INKS_RGB = ((18, 17, 19), (18, 17, 19), (20, 28, 70), (60, 32, 22), (16, 56, 40), (120, 20, 26))


def draw_modules(rng: Generator) -> PixelArray:
    """Draw a code of a random kind and text, one pixel to a module.

    Parameters
    ----------
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (H, W), uint8
        0 where ink is, 255 elsewhere; with its quiet zone.
    """
    name = list(FORMATS)[int(rng.choice(len(FORMATS), p=list(FORMATS.values())))]
    alphabet = string.digits if name in DIGITS else string.ascii_uppercase + string.digits + "-./:"
    longest = 90 if name in {"QRCode", "DataMatrix", "Aztec", "PDF417"} else 14
    length = DIGITS.get(name) or int(rng.integers(6, longest))
    text = "".join(rng.choice(list(alphabet), length))
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, name))
    return np.array(zxingcpp.write_barcode_to_image(code, scale=1), np.uint8)


def _print_edges(modules: PixelArray, size_wh: tuple[int, int], rng: Generator) -> FloatArray:
    """Enlarge modules and lay their ink: rounded, spread or starved, ragged; 1 is full ink."""
    enlarged = cv2.resize(modules, size_wh, interpolation=cv2.INTER_NEAREST)
    module_px = size_wh[0] / modules.shape[1]
    ink = 1.0 - enlarged.astype(np.float32) / 255.0
    ink = blur(ink, max(0.45, module_px * float(rng.uniform(0.06, 0.2))))
    ragged = blur(normal_noise(size_wh, rng), 0.8) * np.float32(rng.uniform(0.0, 0.25))
    level = np.float32(rng.uniform(0.38, 0.62))
    steepness = np.float32(log_uniform(rng, 2.5, 7.0))
    ink = np.clip((ink + ragged - level) * steepness + 0.5, 0.0, 1.0)
    mottle = smooth_field(size_wh, rng, int(rng.integers(3, 24))) * np.float32(
        rng.uniform(0.0, 0.18)
    )
    return np.asarray(ink * (1.0 - mottle), np.float32)


def _draw_label(rng: Generator, side_px: int) -> tuple[PixelArray, PixelArray]:
    """Draw a label with a code and lines of text, and where it is; both about a side large."""
    modules = draw_modules(rng)
    if modules.shape[0] < modules.shape[1] * 0.6 and rng.random() < 0.5:
        modules = np.repeat(modules, 2, axis=0)
    share = float(rng.uniform(0.45, 1.15))
    scale = side_px * share / max(modules.shape)
    width, height = (max(24, round(side * scale)) for side in modules.shape[::-1])
    ink = _print_edges(modules, (width, height), rng)
    margins = (int(height * rng.uniform(0.02, 0.5)), int(height * rng.uniform(0.02, 0.4)))
    sides = int(width * rng.uniform(0.02, 0.3))
    ink = np.pad(ink, (margins, (sides, sides)))
    words = np.zeros(ink.shape, np.uint8)
    letters = list(string.ascii_uppercase + string.digits + "   ")
    font_scale = max(0.35, margins[1] / 60)
    for baseline in (ink.shape[0] - margins[1] // 3, margins[0] * 2 // 3):
        text = "".join(rng.choice(letters, int(rng.integers(5, 22))))
        at = (sides + int(rng.integers(0, 12)), baseline)
        cv2.putText(words, text, at, cv2.FONT_HERSHEY_SIMPLEX, font_scale, 245, 1, cv2.LINE_AA)
    ink = np.maximum(ink, words.astype(np.float32) / 255.0)
    paper = np.array(PAPERS_RGB[int(rng.choice(len(PAPERS_RGB), p=PAPER_SHARES))], np.float32)
    full = np.array(INKS_RGB[int(rng.integers(0, len(INKS_RGB)))], np.float32)
    paper = np.clip(paper + rng.normal(0.0, 5.0, 3), 0, 255).astype(np.float32)
    if rng.random() < 0.04:
        paper, full = full, paper
    colours = paper + ink[..., None] * (full - paper)
    present = np.full(ink.shape, 255, np.uint8)
    return np.clip(colours, 0, 255).astype(np.uint8), present


def _curve(
    side_px: int, label_wh: tuple[int, int], rng: Generator
) -> tuple[FloatArray, FloatArray]:
    """Say where on the label each pixel looks: turned, tilted, rolled round a can, wrinkled."""
    steps = np.arange(side_px, dtype=np.float32) - side_px / 2
    x, y = np.meshgrid(steps, steps)
    turn = rng.normal(0.0, 0.12) + rng.choice((0.0, np.pi / 2, np.pi, -np.pi / 2))
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    x, y = x * cosine - y * sine, x * sine + y * cosine
    if rng.random() < 0.35:
        radius = side_px * log_uniform(rng, 0.75, 3.0)
        x = np.float32(radius) * np.arcsin(np.clip(x / np.float32(radius), -0.98, 0.98))
    if rng.random() < 0.3:
        deep = np.float32(rng.uniform(1.0, 5.0))
        x = x + deep * smooth_field((side_px, side_px), rng, int(rng.integers(2, 7)))
        y = y + deep * smooth_field((side_px, side_px), rng, int(rng.integers(2, 7)))
    tilt = rng.normal(0.0, 0.12, 2) / side_px
    below = 1.0 + np.float32(tilt[0]) * x + np.float32(tilt[1]) * y
    shift = rng.normal(0.0, 0.08, 2) * side_px
    across = x / below + np.float32(label_wh[0] / 2 + shift[0])
    down = y / below + np.float32(label_wh[1] / 2 + shift[1])
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def draw_product(side_px: int, rng: Generator, background: PixelArray | None = None) -> PixelArray:
    """Draw packaging with a barcode, as light leaves it.

    Parameters
    ----------
    side_px : int
        Side of the square wanted, px; 64 or more.
    rng : Generator
        Where chance comes from.
    background : ndarray of shape (H, W, 3), uint8, or None
        What lies around the label, of any size; None for a plain colour.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        RGB.
    """
    if background is None:
        plain = rng.integers(20, 250, 3).astype(np.uint8)
        around = np.broadcast_to(plain, (side_px, side_px, 3)).copy()
    else:
        if rng.random() < PRINTED_PACKAGING_SHARE:
            background = printed(background, rng)
        resized = cv2.resize(background, (side_px, side_px), interpolation=cv2.INTER_AREA)
        around = np.asarray(resized, np.uint8)
    label, present = _draw_label(rng, side_px)
    across, down = _curve(side_px, (label.shape[1], label.shape[0]), rng)
    laid = cv2.remap(label, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.remap(present, across, down, cv2.INTER_LINEAR, borderValue=0)
    share = covered.astype(np.float32)[..., None] / 255.0
    joined = laid * share + around * (1.0 - share)
    return light_surface(np.clip(np.rint(joined), 0, 255).astype(np.uint8), rng)


def draw_on_display(side_px: int, rng: Generator) -> PixelArray:
    """Draw a code as an app or a page shows it: sharp, flat, black on white.

    Parameters
    ----------
    side_px : int
        Side of the square wanted, px; 64 or more.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        RGB.
    """
    modules = draw_modules(rng)
    share = float(rng.uniform(0.5, 1.6))
    times = max(1, round(side_px * share / max(modules.shape)))
    code = np.repeat(np.repeat(modules, times, axis=0), times, axis=1)
    page = np.full((side_px, side_px), int(rng.choice((255, 255, 240, 18))), np.uint8)
    height, width = (min(side, side_px) for side in code.shape)
    top, left = ((code.shape[i] - (height, width)[i]) // 2 for i in range(2))
    at_y, at_x = (side_px - height) // 2, (side_px - width) // 2
    page[at_y : at_y + height, at_x : at_x + width] = code[top : top + height, left : left + width]
    return np.repeat(page[..., None], 3, axis=2)


def _stretch(rgb: PixelArray, rng: Generator) -> PixelArray:
    """Do what a copier does before it prints: push ink to black and paper to white."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    dark, bright = np.percentile(grey, (8.0, 88.0))
    harder = rng.uniform(0.0, 0.35) * (bright - dark)
    table = np.interp(np.arange(256), (dark + harder, max(dark + harder + 1, bright)), (0, 255))
    stretched = cv2.LUT(rgb if rng.random() < 0.5 else cv2.merge([grey] * 3), np.rint(table))
    return np.clip(stretched, 0, 255).astype(np.uint8)


def photograph_barcode(
    medium: str, side_px: int, rng: Generator, background: PixelArray | None = None
) -> PixelArray:
    """Photograph a barcode: on its product, on a display, or printed a second time.

    Parameters
    ----------
    medium : str
        ``original``, ``screen`` or ``print``.
    side_px : int
        Side of the square drawn, px; 64 or more.
    rng : Generator
        Where chance comes from.
    background : ndarray of shape (H, W, 3), uint8, or None
        What lies around the label on the product.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB after the camera's own JPEG; no larger than `side_px`.
    """
    if medium == "screen" and rng.random() < 0.5:
        return screen(draw_on_display(side_px, rng), rng)
    if medium == "original":
        return original(draw_product(side_px, rng, background), rng)
    # The first photograph may be smaller than what it shows, and the second again.
    first = original(draw_product(round(side_px / 0.7) + 1, rng, background), rng)
    spare = ((first.shape[0] - side_px) // 2, (first.shape[1] - side_px) // 2)
    first = np.ascontiguousarray(
        first[spare[0] : spare[0] + side_px, spare[1] : spare[1] + side_px]
    )
    if medium == "screen":
        return screen(first, rng)
    return printed(_stretch(first, rng) if rng.random() < 0.6 else first, rng)
