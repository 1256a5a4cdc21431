"""A picture with its labels beside it.

Owns: the panel's look, and writing pictures to files. Has no opinion on: which labels, in which
language, and where the font is from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from huiyan.imaging.draw_sizes import (
    choose_font_px,
    choose_script,
    enlarge_to_show,
    shorten,
)
from huiyan.imaging.font import load_font, require_glyphs
from huiyan.kernel.units import PixelArray

_WIDE_ASPECT = 1.9
_BACKGROUND, _TEXT, _QUIET = (18, 22, 30), (240, 243, 248), (150, 160, 176)
_TRACK, _BAR_LOW, _BAR_HIGH = (40, 47, 60), (62, 110, 168), (64, 190, 165)


@dataclass(frozen=True, slots=True)
class TagLine:
    """One line of the panel.

    Attributes
    ----------
    label : str
        What it says.
    confidence : float
        0 to 1.
    """

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things go, in px."""

    font_px: int
    row_px: int
    pad_px: int
    picture_wh: tuple[int, int]
    canvas_wh: tuple[int, int]
    panel_xy: tuple[int, int]
    panel_width_px: int
    column_count: int
    column_rows: int


def draw_tags(pixels: PixelArray, lines: Sequence[TagLine], font_path: Path) -> PixelArray:
    """Draw a picture and its labels with their confidences.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB. Small pictures are enlarged and large ones reduced to a long side of 640 to 1,600 px.
    lines : sequence of TagLine
        The labels, top to bottom; may be empty.
    font_path : Path
        A font that has the labels' glyphs (`huiyan.imaging.font.find_font`).

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB: the panel stands right of the picture, below it where the picture is very wide.

    Raises
    ------
    ModelMissingError
        The font lacks a glyph: no squares are drawn.
    """
    shown = enlarge_to_show(pixels)
    layout = _lay_out(shown, len(lines))
    font = load_font(font_path, layout.font_px)
    require_glyphs(font, [line.label for line in lines])
    canvas = PillowImage.new("RGB", layout.canvas_wh, _BACKGROUND)
    is_right = layout.panel_xy[0] > 0
    top = (layout.canvas_wh[1] - layout.picture_wh[1]) // 2 if is_right else 0
    canvas.paste(PillowImage.fromarray(shown), (0, top))
    painter = ImageDraw.Draw(canvas)
    for index, line in enumerate(lines):
        _draw_line(painter, line, index, layout, font)
    return np.array(canvas, np.uint8)


def _lay_out(shown: PixelArray, line_count: int) -> _Layout:
    picture_wh = (shown.shape[1], shown.shape[0])
    font_px = choose_font_px(shown)
    row_px, pad_px = round(font_px * 2.1), round(font_px * 1.1)
    column_px = font_px * 16
    is_right = picture_wh[0] < _WIDE_ASPECT * picture_wh[1]
    if is_right:
        fits = max(1, (max(picture_wh[1], 12 * row_px) - 2 * pad_px) // row_px)
        column_count = max(1, -(-line_count // fits))
    else:
        column_count = max(1, min((picture_wh[0] - 2 * pad_px) // column_px, line_count))
    column_rows = -(-line_count // column_count)
    panel_height = column_rows * row_px + 2 * pad_px if line_count else 0
    panel_width = column_count * column_px + 2 * pad_px if line_count else 0
    if is_right:
        canvas_wh = (picture_wh[0] + panel_width, max(picture_wh[1], panel_height))
        panel_xy = (picture_wh[0], 0)
    else:
        panel_width = max(picture_wh[0], panel_width)
        canvas_wh = (panel_width, picture_wh[1] + panel_height)
        panel_xy = (0, picture_wh[1])
    return _Layout(
        font_px, row_px, pad_px, picture_wh, canvas_wh, panel_xy, panel_width,
        column_count, column_rows,
    )  # fmt: skip


def _draw_line(
    painter: ImageDraw.ImageDraw,
    line: TagLine,
    index: int,
    layout: _Layout,
    font: ImageFont.FreeTypeFont,
) -> None:
    column, row = divmod(index, layout.column_rows)
    column_px = (layout.panel_width_px - 2 * layout.pad_px) // layout.column_count
    left = layout.panel_xy[0] + layout.pad_px + column * column_px
    right = left + column_px - (layout.pad_px if layout.column_count > 1 else 0)
    top = layout.panel_xy[1] + layout.pad_px + row * layout.row_px
    confidence = min(1.0, max(0.0, line.confidence))
    percent = f"{confidence * 100:.1f} %"
    percent_px = font.getlength(percent)
    label = shorten(line.label, font, right - left - percent_px - layout.font_px)
    baseline = top + round(layout.font_px * 1.05)
    painter.text((left, baseline), label, _TEXT, font, anchor="ls", language=choose_script())
    painter.text((right, baseline), percent, _QUIET, font, anchor="rs")
    bar_px = max(3, layout.font_px // 5)
    bar_top = top + round(layout.font_px * 1.38)
    radius = bar_px // 2
    track = (left, bar_top, right, bar_top + bar_px)
    painter.rounded_rectangle(track, radius, fill=_TRACK)
    filled = (
        left,
        bar_top,
        left + max(bar_px, round((right - left) * confidence)),
        bar_top + bar_px,
    )
    colour = tuple(
        round(low + (high - low) * confidence)
        for low, high in zip(_BAR_LOW, _BAR_HIGH, strict=True)
    )
    painter.rounded_rectangle(filled, radius, fill=colour)


def encode_png(pixels: PixelArray) -> bytes:
    """Write a PNG.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.

    Returns
    -------
    bytes
        The file.
    """
    return _encode(pixels, ".png", ())


def encode_jpeg(pixels: PixelArray, quality: int = 92) -> bytes:
    """Write a JPEG.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    quality : int
        1 to 100.

    Returns
    -------
    bytes
        The file.
    """
    return _encode(pixels, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, quality))


def _encode(pixels: PixelArray, suffix: str, options: tuple[int, ...]) -> bytes:
    _, encoded = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return encoded.tobytes()
