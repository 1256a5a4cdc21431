"""A picture with boxes and what they are called.

Owns: the look of boxes, their colours, and finding a free place for each label. Has no opinion on:
which boxes, in which language, and where the font is from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from huiyan.imaging.draw_sizes import choose_font_px, choose_script, enlarge_to_show, shorten
from huiyan.imaging.font import load_font, require_glyphs
from huiyan.kernel.units import AnyArray, FloatArray, PixelArray

_PALETTE = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (213, 94, 0), (86, 180, 233),
    (240, 228, 66), (245, 245, 245),
)  # fmt: skip
"""Okabe and Ito's colours, which colour-blind people tell apart: https://jfly.uni-koeln.de/color/."""

_DARK, _LIGHT = (12, 16, 22), (255, 255, 255)
_MANY = 12
_MANY_FONT_FACTOR = 0.75
_MIN_FONT_PX = 13
_SHADOW_PX = 1
_AWAY_COST = 0.25
"""A label one height away from its box is as bad as one of which this share lies on others."""


@dataclass(frozen=True, slots=True)
class BoxLine:
    """One box.

    Parameters
    ----------
    xyxy : tuple of float
        (left, top, right, bottom) in px of the picture handed in; may reach out of it.
    label : str
        What the box is called; empty for no label.
    confidence : float
        0 to 1.
    group : str
        Boxes of one group share a colour; usually a label's id.
    """

    xyxy: tuple[float, float, float, float]
    label: str
    confidence: float
    group: str


@dataclass(frozen=True, slots=True)
class _Chip:
    """A label's place, and how it is written."""

    text: str
    xyxy: tuple[int, int, int, int]


def draw_boxes(pixels: PixelArray, boxes: Sequence[BoxLine], font_path: Path) -> PixelArray:
    """Draw boxes with their labels and confidences into a picture.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB. Small pictures are enlarged and large ones reduced to a long side of 640 to 1,600 px.
    boxes : sequence of BoxLine
        The boxes, most important first: they choose their label's place first and lie on top. May
        be empty. Boxes without area inside the picture are left out.
    font_path : Path
        A font that has the labels' glyphs (`huiyan.imaging.font.find_font`).

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB. Labels are cut where they are longer than the picture, and lie on one another only
        where there is no free place at a box.

    Raises
    ------
    ModelMissingError
        The font lacks a glyph: no squares are drawn.
    """
    shown = enlarge_to_show(pixels)
    size_wh = np.array([shown.shape[1], shown.shape[0]], np.float32)
    scale = np.tile(size_wh / [pixels.shape[1], pixels.shape[0]], 2)
    colours = _choose_colours(boxes)
    placed = []
    for box in boxes:
        xyxy = np.clip(np.nan_to_num(np.array(box.xyxy)) * scale, 0, np.tile(size_wh - 1, 2))
        if (xyxy[2:] > xyxy[:2]).all():
            placed.append((box, xyxy))
    font_px = choose_font_px(shown)
    if len(placed) > _MANY:
        font_px = max(_MIN_FONT_PX, round(font_px * _MANY_FONT_FACTOR))
    font = load_font(font_path, font_px)
    require_glyphs(font, [box.label for box, _ in placed])
    chips = _place_chips(placed, font, (int(size_wh[0]), int(size_wh[1])))
    canvas = PillowImage.fromarray(shown)
    painter = ImageDraw.Draw(canvas)
    line_px = max(2, font_px // 7)
    for box, xyxy in reversed(placed):
        _draw_frame(painter, xyxy, colours[box.group], line_px)
    for (box, _), chip in reversed(list(zip(placed, chips, strict=True))):
        if chip is not None:
            _draw_chip(painter, chip, colours[box.group], font)
    return np.array(canvas, np.uint8)


def _choose_colours(boxes: Sequence[BoxLine]) -> dict[str, tuple[int, int, int]]:
    groups = dict.fromkeys(box.group for box in boxes)
    return {group: _PALETTE[number % len(_PALETTE)] for number, group in enumerate(groups)}


def _place_chips(
    placed: Sequence[tuple[BoxLine, FloatArray]],
    font: ImageFont.FreeTypeFont,
    size_wh: tuple[int, int],
) -> list[_Chip | None]:
    """Give each label the place near its box that hides least of other labels."""
    taken = np.zeros((0, 4))
    chips: list[_Chip | None] = []
    for box, xyxy in placed:
        if not box.label:
            chips.append(None)
            continue
        text, wh = _write(box, font, size_wh)
        places = _list_places(xyxy, wh, size_wh)
        best = places[int(np.argmin([_cost(place, xyxy, taken) for place in places]))]
        taken = np.vstack([taken, best])
        chips.append(_Chip(text, best))
    return chips


def _write(
    box: BoxLine, font: ImageFont.FreeTypeFont, size_wh: tuple[int, int]
) -> tuple[str, tuple[int, int]]:
    pad_px = _pad(font)
    percent = f" {min(1.0, max(0.0, box.confidence)) * 100:.0f}%"
    room_px = size_wh[0] - 2 * pad_px - font.getlength(percent)
    text = shorten(box.label, font, room_px) + percent
    ascent, descent = font.getmetrics()
    width_px = min(size_wh[0], round(font.getlength(text)) + 2 * pad_px)
    return text, (width_px, min(size_wh[1], round((ascent + descent) * 0.92)))


def _pad(font: ImageFont.FreeTypeFont) -> int:
    return max(3, round(font.size * 0.28))


def _list_places(
    xyxy: FloatArray, wh: tuple[int, int], size_wh: tuple[int, int]
) -> list[tuple[int, int, int, int]]:
    """List places for a label, best first, all inside the picture."""
    left, top, right, bottom = (round(float(value)) for value in xyxy)
    width, height = wh
    across = (left, right - width)
    starts = [(x, y) for y in (top - height, top, bottom, bottom - height) for x in across]
    starts += [(x, y) for y in (top, bottom - height) for x in (right, left - width)]
    # Further ones slide along and away from the box, in steps of a label's height.
    starts += [
        (x, y)
        for step in range(1, 6)
        for y in (top + step * height, top - (step + 1) * height)
        for x in across
    ]
    places = []
    for x, y in starts:
        inner_x = min(max(0, x), size_wh[0] - width)
        inner_y = min(max(0, y), size_wh[1] - height)
        places.append((inner_x, inner_y, inner_x + width, inner_y + height))
    return places


def _cost(place: tuple[int, int, int, int], xyxy: FloatArray, taken: AnyArray) -> float:
    """Weigh what a label hides of others against how far it is from its own box."""
    corners = np.array(place)
    low, high = np.maximum(corners[:2], taken[:, :2]), np.minimum(corners[2:], taken[:, 2:])
    hidden_px = float(np.clip(high - low, 0, None).prod(axis=1).sum())
    height_px = place[3] - place[1]
    gap_px = float(np.maximum(xyxy[:2] - corners[2:], corners[:2] - xyxy[2:]).max())
    hidden_share = hidden_px / (height_px * (place[2] - place[0]))
    return hidden_share + _AWAY_COST * max(0.0, gap_px - 1) / height_px


def _draw_frame(
    painter: ImageDraw.ImageDraw, xyxy: FloatArray, colour: tuple[int, int, int], line_px: int
) -> None:
    left, top, right, bottom = (round(float(value)) for value in xyxy)
    # A dark edge keeps the line visible on a ground of its own colour.
    outer = (left - _SHADOW_PX, top - _SHADOW_PX, right + _SHADOW_PX, bottom + _SHADOW_PX)
    painter.rectangle(outer, outline=_DARK, width=line_px + 2 * _SHADOW_PX)
    painter.rectangle((left, top, right, bottom), outline=colour, width=line_px)


def _draw_chip(
    painter: ImageDraw.ImageDraw,
    chip: _Chip,
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont,
) -> None:
    left, top, right, bottom = chip.xyxy
    radius = max(2, (bottom - top) // 6)
    painter.rounded_rectangle(
        (left, top, right - 1, bottom - 1), radius, fill=colour, outline=_DARK, width=1
    )
    luminance = 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]
    ink = _DARK if luminance > 115 else _LIGHT
    middle = (left + _pad(font), (top + bottom) / 2)
    painter.text(middle, chip.text, ink, font, anchor="lm", language=choose_script())
