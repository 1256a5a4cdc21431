"""A picture with what places of it say, as colours.

Owns: the look of the heat map, its frames, the outlines of codes and the legend. Has no opinion on:
what is judged, which words stand below it, and where the font is from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from huiyan.imaging.draw_sizes import choose_font_px, choose_script, enlarge_to_show, shorten
from huiyan.imaging.font import find_missing_glyphs, load_font
from huiyan.kernel.units import AnyArray, FloatArray, PixelArray

_LOW, _HIGH = (33, 102, 172), (203, 24, 29)
"""Blue and red, which colour-blind people tell apart; the middle stays the picture's own."""

_STRONGEST = 0.62
"""How much of a pixel the surest colour takes: what lies below must stay visible."""

_DARK, _LIGHT, _CODE = (12, 16, 22), (255, 255, 255), (255, 214, 10)
_BACKGROUND, _TEXT, _QUIET = (18, 22, 30), (240, 243, 248), (150, 160, 176)
_MIN_CANVAS_WIDTH_PX = 640
_LEGEND_STEPS = 64
_LEGEND_FONT_FACTOR = 0.75
_LEGEND_EMS = 26
"""So many ems a legend is wide at least, so that the words at the bar's ends stand side by side."""

_TICKS = (0.0, 0.5, 1.0)
_UNKNOWN_GLYPH = "?"
_ROWS_AT_ONCE = 128
"""Colours are mixed in floats, in strips: a strip of 1,600 px takes some 5 MB."""


@dataclass(frozen=True, slots=True)
class HeatSquare:
    """A square and what it says.

    Parameters
    ----------
    left_px, top_px, side_px : int
        In px of the picture handed in; may reach out of it.
    score : float
        0 to 1; 0.5 says nothing.
    """

    left_px: int
    top_px: int
    side_px: int
    score: float


@dataclass(frozen=True, slots=True)
class CodeOutline:
    """Where a code lies.

    Parameters
    ----------
    corners_xy : tuple of tuple of float
        Its corners as (x, y) in px of the picture handed in, in turn; may lie out of it.
    label : str
        What stands at it; characters that the font lacks become question marks.
    """

    corners_xy: tuple[tuple[float, float], ...]
    label: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """What places of a picture say.

    Parameters
    ----------
    field : tuple of HeatSquare
        What colours the picture, by the mean where squares overlap; may be empty.
    framed : tuple of HeatSquare
        What is framed with its score written in; may be empty. It colours what `field` leaves.
    codes : tuple of CodeOutline
        What is outlined; those with a coordinate that is no number are left out.
    """

    field: tuple[HeatSquare, ...]
    framed: tuple[HeatSquare, ...]
    codes: tuple[CodeOutline, ...]


@dataclass(frozen=True, slots=True)
class HeatWords:
    """What is written below the picture.

    Parameters
    ----------
    lines : tuple of tuple of str
        Top to bottom, each in parts that it may be broken between; a part that is too long for a
        line of its own is cut.
    low, high : str
        What a score of 0 and of 1 mean, at the ends of the colour bar.
    """

    lines: tuple[tuple[str, ...], ...]
    low: str
    high: str


def draw_heat(
    pixels: PixelArray, heat_map: HeatMap, words: HeatWords, font_path: Path
) -> PixelArray:
    """Draw what places of a picture say.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB. Small pictures are enlarged and large ones reduced to a long side of 640 to 1,600 px;
        the result shows it in grey, so that every colour is a score.
    heat_map : HeatMap
        What is known of its places.
    words : HeatWords
        What is written below.
    font_path : Path
        A font (`huiyan.imaging.font.find_font`).

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB: the picture, with margins where it is narrower than 640 px, and the legend below it.
    """
    shown = enlarge_to_show(pixels)
    scale_xy = (shown.shape[1] / pixels.shape[1], shown.shape[0] / pixels.shape[0])
    field = _mean_scores(heat_map.field, shown.shape[:2], scale_xy)
    rest = _mean_scores(heat_map.framed, shown.shape[:2], scale_xy)
    tinted = _tint(shown, np.where(np.isnan(field), rest, field))
    font = load_font(font_path, choose_font_px(shown))
    canvas = PillowImage.fromarray(tinted)
    painter = ImageDraw.Draw(canvas)
    for square in heat_map.framed:
        _draw_frame(painter, square, scale_xy, font)
    for code in heat_map.codes:
        _draw_code(painter, code, scale_xy, font)
    return _add_legend(canvas, words, font_path, round(_LEGEND_FONT_FACTOR * font.size))


def _box_of(square: HeatSquare, scale_xy: tuple[float, float]) -> tuple[int, int, int, int]:
    across, down = scale_xy
    return (
        round(square.left_px * across),
        round(square.top_px * down),
        round((square.left_px + square.side_px) * across),
        round((square.top_px + square.side_px) * down),
    )


def _mean_scores(
    squares: Sequence[HeatSquare], shape_hw: tuple[int, ...], scale_xy: tuple[float, float]
) -> FloatArray:
    """Spread scores over the pixels; NaN where no square lies."""
    total = np.zeros(shape_hw, np.float32)
    count = np.zeros(shape_hw, np.float32)
    for square in squares:
        left, top, right, bottom = _box_of(square, scale_xy)
        inside = np.s_[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        total[inside] += _clip(square.score)
        count[inside] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))


def _clip(score: float) -> float:
    return float(np.clip(np.nan_to_num(score, nan=0.5), 0, 1))


def _colours(scores: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Give each score a colour, and how much of the pixel it takes; NaN takes nothing."""
    sure = np.abs(2 * np.nan_to_num(scores, nan=0.5) - 1)[..., np.newaxis]
    ends = np.where(
        scores[..., np.newaxis] > 0.5, np.array(_HIGH, np.float32), np.array(_LOW, np.float32)
    )
    return ends, _STRONGEST * sure


def _tint(shown: PixelArray, heat: FloatArray) -> PixelArray:
    tinted = np.empty_like(shown)
    for top in range(0, shown.shape[0], _ROWS_AT_ONCE):
        strip = np.s_[top : top + _ROWS_AT_ONCE]
        grey = cv2.cvtColor(shown[strip], cv2.COLOR_RGB2GRAY)[..., np.newaxis]
        colours, share = _colours(heat[strip])
        tinted[strip] = np.rint(grey * (1 - share) + colours * share).astype(np.uint8)
    return tinted


def _colour_of(score: float) -> tuple[int, int, int]:
    return _HIGH if _clip(score) > 0.5 else _LOW


def _draw_frame(
    painter: ImageDraw.ImageDraw,
    square: HeatSquare,
    scale_xy: tuple[float, float],
    font: ImageFont.FreeTypeFont,
) -> None:
    width, height = painter.im.size
    left, top, right, bottom = _box_of(square, scale_xy)
    left, top = max(0, left), max(0, top)
    right, bottom = min(width, right) - 1, min(height, bottom) - 1
    if right <= left or bottom <= top:
        return
    line_px = max(2, round(font.size) // 8)
    # A dark edge keeps the line visible on a ground of its own colour.
    painter.rectangle((left, top, right, bottom), outline=_DARK, width=line_px + 2)
    inner = (left + 1, top + 1, max(left + 1, right - 1), max(top + 1, bottom - 1))
    painter.rectangle(inner, outline=_colour_of(square.score), width=line_px)
    said = f"{_clip(square.score):.2f}"
    pad_px = line_px + 4
    if font.getlength(said) + 2 * pad_px <= right - left and font.size + pad_px < bottom - top:
        painter.text(
            (left + pad_px, top + pad_px), said, _LIGHT, font, stroke_width=2, stroke_fill=_DARK
        )


def _draw_code(
    painter: ImageDraw.ImageDraw,
    code: CodeOutline,
    scale_xy: tuple[float, float],
    font: ImageFont.FreeTypeFont,
) -> None:
    size_wh = np.array(painter.im.size)
    corners = np.array(code.corners_xy, np.float64).reshape(-1, 2) * scale_xy
    if len(corners) < 2 or not np.isfinite(corners).all():
        return
    points = [(x, y) for x, y in corners.tolist()]
    line_px = max(3, round(font.size) // 6)
    closed = [*points, points[0], points[1]]
    painter.line(closed, fill=_DARK, width=line_px + 4, joint="curve")
    painter.line(closed, fill=_CODE, width=line_px, joint="curve")
    pad_px = max(3, round(font.size) // 4)
    label = shorten(_writable(code.label, font), font, float(size_wh[0]) - 2 * pad_px)
    wide, high = round(font.getlength(label)) + 2 * pad_px, round(font.size * 1.35)
    left = round(min(x for x, _ in points))
    left = max(0, min(left, int(size_wh[0]) - wide))
    top = round(max(y for _, y in points)) + line_px
    top = max(0, min(top, int(size_wh[1]) - high))
    painter.rounded_rectangle((left, top, left + wide, top + high), pad_px // 2, fill=_CODE)
    middle = (left + pad_px, top + high / 2)
    painter.text(middle, label, _DARK, font, anchor="lm", language=choose_script())


def _writable(text: str, font: ImageFont.FreeTypeFont) -> str:
    """Replace what the font lacks: what a code says is a stranger's choice."""
    missing = find_missing_glyphs(font, text)
    return "".join(_UNKNOWN_GLYPH if it in missing else it for it in text if it.isprintable())


def _add_legend(
    picture: PillowImage.Image, words: HeatWords, font_path: Path, font_px: int
) -> PixelArray:
    width = max(picture.width, _MIN_CANVAS_WIDTH_PX)
    font = load_font(font_path, min(font_px, width // _LEGEND_EMS))
    em_px = round(font.size)
    pad_px, row_px, bar_px = em_px, round(em_px * 1.5), max(8, em_px // 2)
    room_px = width - 2 * pad_px
    lines = [it for parts in words.lines for it in _break(parts, font, room_px)]
    gap_px = em_px // 3
    height = picture.height + 2 * pad_px + (len(lines) + 2) * row_px + gap_px + bar_px
    canvas = PillowImage.new("RGB", (width, height), _BACKGROUND)
    canvas.paste(picture, ((width - picture.width) // 2, 0))
    painter = ImageDraw.Draw(canvas)
    top = picture.height + pad_px
    for line in lines:
        painter.text((pad_px, top), line, _TEXT, font, language=choose_script())
        top += row_px
    top += gap_px
    canvas.paste(_bar(room_px, bar_px), (pad_px, top))
    top += bar_px
    _draw_ticks(painter, (pad_px, top, width - pad_px), font)
    top += row_px
    half_px = room_px / 2 - em_px / 2
    low, high = (shorten(_writable(it, font), font, half_px) for it in (words.low, words.high))
    painter.text((pad_px, top), low, _QUIET, font, language=choose_script())
    painter.text((width - pad_px, top), high, _QUIET, font, anchor="ra", language=choose_script())
    return np.array(canvas, np.uint8)


def _break(parts: Sequence[str], font: ImageFont.FreeTypeFont, room_px: float) -> list[str]:
    """Put as many parts on each line as fit."""
    lines: list[str] = []
    for part in (_writable(it, font) for it in parts):
        if lines and font.getlength(joined := f"{lines[-1]} {part}") <= room_px:
            lines[-1] = joined
        else:
            lines.append(part)
    return [shorten(line, font, room_px) for line in lines]


def _bar(width_px: int, height_px: int) -> PillowImage.Image:
    steps = np.linspace(0, 1, _LEGEND_STEPS, dtype=np.float32)
    colours, share = _colours(steps)
    ground = np.float32(128)
    row = np.rint(ground * (1 - share) + colours * share).astype(np.uint8)[np.newaxis]
    return PillowImage.fromarray(row).resize((width_px, height_px), PillowImage.Resampling.BILINEAR)


def _draw_ticks(
    painter: ImageDraw.ImageDraw, left_top_right: tuple[int, int, int], font: ImageFont.FreeTypeFont
) -> None:
    """Mark scores below the bar, the outermost flush with its ends."""
    left, top, right = left_top_right
    high_px, wide_px = max(3, round(font.size) // 5), max(1, round(font.size) // 14)
    for score, anchor in zip(_TICKS, ("la", "ma", "ra"), strict=True):
        x = min(round(left + score * (right - left)), right - wide_px)
        painter.rectangle((x, top, x + wide_px - 1, top + high_px - 1), fill=_QUIET)
        edge = right if anchor == "ra" else x
        painter.text((edge, top + high_px), f"{score:g}", _QUIET, font, anchor=anchor)
