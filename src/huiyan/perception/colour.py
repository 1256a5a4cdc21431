"""Which colour names are true of pixels.

Owns: the thirteen names, where one ends and the next begins, and how sure an area makes a name. Has
no opinion on: which pixels belong to what, and what the names are in any language.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from huiyan.imaging.colour_space import to_oklch
from huiyan.kernel.units import AnyArray, FloatArray, PixelArray

COLOURS = (
    "black", "white", "grey", "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink",
    "brown", "beige",
)  # fmt: skip
"""The order of every array of shape (13,) here."""

_LEVEL_BITS = 5
_LEVELS = 1 << _LEVEL_BITS
_PLAIN = frozenset({"black", "white", "grey", "brown", "beige"})
_BRIGHT = np.array([name not in _PLAIN for name in COLOURS])
_SHADES = (("brown", ("orange", "red", "yellow")), ("grey", ("white",)))
_SHADE_PART = 0.6


def colour_shares(pixels: PixelArray, weights: FloatArray | None = None) -> FloatArray:
    """Measure how much of an area each colour name has.

    Parameters
    ----------
    pixels : ndarray of shape (..., 3), uint8
        RGB. A side of 128 px is plenty: `huiyan.imaging.colour_space.reduce_by_area`.
    weights : ndarray of shape (...), float32, optional
        How much each pixel counts, at least 0, for example a mask of the subject; all alike when
        left out.

    Returns
    -------
    ndarray of shape (13,), float32
        Shares in the order of `COLOURS`, summing to 1; all 0 where nothing counts. A pixel near a
        boundary counts for both sides, so no share jumps.
    """
    levels = pixels.reshape(-1, 3) >> (8 - _LEVEL_BITS)
    index = levels.astype(np.intp) @ np.array([_LEVELS * _LEVELS, _LEVELS, 1])
    counts = np.bincount(index, None if weights is None else weights.ravel(), _LEVELS**3)
    used = np.flatnonzero(counts)
    if not used.size:
        return np.zeros(len(COLOURS), np.float32)
    shares = counts[used] @ _name_table()[used]
    return np.asarray(shares / shares.sum(), np.float32)


def main_colours(shares: FloatArray) -> FloatArray:
    """Tell how surely each name is a main colour of a thing.

    Parameters
    ----------
    shares : ndarray of shape (13,), float32
        Shares of the thing's area, as `colour_shares` gives them.

    Returns
    -------
    ndarray of shape (13,), float32
        For each of `COLOURS`, 0 to below 1: how likely a person would name it when asked for the
        thing's colours. Several can be high; all are 0 where all shares are.

    Notes
    -----
    Things have a shaded side: part of the brown beside orange, red or yellow is counted as theirs,
    part of the black as nobody's and part of the grey beside white as white. A bright colour is
    named from a smaller area on than black, grey, brown or beige. The ramps were set by looking at
    50 cut-out things, see ``docs/decisions/0011-colours-and-properties.md``.
    """
    own = shares.astype(np.float64)
    for shade, names in _SHADES:
        lit = np.array([COLOURS.index(name) for name in names])
        brightest = lit[own[lit].argmax()]
        moved = _SHADE_PART * min(own[brightest], own[COLOURS.index(shade)])
        own[brightest] += moved
        own[COLOURS.index(shade)] -= moved
    own[COLOURS.index("black")] -= 0.3 * min(own[_BRIGHT].sum(), own[COLOURS.index("black")])
    bright = np.interp(own, [0.05, 0.15, 0.25, 0.4, 0.6, 1], [0, 0.35, 0.68, 0.85, 0.93, 0.97])
    plain = np.interp(own, [0.1, 0.2, 0.3, 0.45, 0.6, 1], [0, 0.2, 0.42, 0.65, 0.82, 0.95])
    return np.where(_BRIGHT, bright, plain).astype(np.float32)


def dominant_tones(shares: FloatArray) -> FloatArray:
    """Tell how surely each name is the tone of a whole picture.

    Parameters
    ----------
    shares : ndarray of shape (13,), float32
        Shares of the whole picture's area, as `colour_shares` gives them.

    Returns
    -------
    ndarray of shape (13,), float32
        For each of `COLOURS`, 0 to below 1: how likely a person would say that the picture is
        mainly of that colour. Rarely more than one is above a half.
    """
    bright = np.interp(shares, [0.15, 0.3, 0.45, 0.6, 1], [0, 0.3, 0.7, 0.88, 0.97])
    plain = np.interp(shares, [0.25, 0.4, 0.55, 0.7, 1], [0, 0.3, 0.65, 0.85, 0.95])
    return np.where(_BRIGHT, bright, plain).astype(np.float32)


@cache
def _name_table() -> FloatArray:
    """Name the middle of each of 32 x 32 x 32 boxes of sRGB; shape (32768, 13)."""
    steps = (np.arange(_LEVELS, dtype=np.float32) + 0.5) / _LEVELS
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return name_colours(np.asarray(grid.reshape(-1, 3), np.float32))


def name_colours(rgb: FloatArray) -> FloatArray:
    """Tell which names are true of colours.

    Parameters
    ----------
    rgb : ndarray of shape (N, 3), float32
        Colours in sRGB, 0 to 1.

    Returns
    -------
    ndarray of shape (N, 13), float32
        Memberships in the order of `COLOURS`, 0 to 1, each row summing to 1.

    Notes
    -----
    Eight sectors of hue, each divided by lightness and chroma: a light red is pink, a dull orange
    is brown or beige. The boundaries were set on colours whose names many people agree on and
    checked on others, see ``docs/decisions/0011-colours-and-properties.md``.
    """
    light, chroma, hue_deg = np.moveaxis(to_oklch(rgb).astype(np.float64), -1, 0)
    named = np.zeros((len(rgb), len(COLOURS)))
    coloured = _chromatic(named, light, chroma, hue_deg)
    tint = _tint(light, chroma, hue_deg)
    named *= (tint / np.maximum(coloured, 1e-9))[:, np.newaxis]
    dark = _above(0.31 - light, 0.05)
    bright = _above(light - 0.87, 0.03)
    for name, share in (("black", dark), ("white", bright), ("grey", 1 - dark - bright)):
        named[:, COLOURS.index(name)] += (1 - tint) * share
    return np.asarray(named / named.sum(axis=1, keepdims=True), np.float32)


def _above(value: AnyArray, half_width: float) -> AnyArray:
    """Rise smoothly from 0 to 1 while a value goes from -half_width to half_width."""
    ramp = np.clip(value / (2 * half_width) + 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _tint(light: AnyArray, chroma: AnyArray, hue_deg: AnyArray) -> AnyArray:
    """Tell how far a colour is from black, grey and white: 0 to 1."""
    # Shadows and photographs of grey things are bluish or brownish to some degree; near white a
    # small tint shows more, and near black less.
    warm = _sector(hue_deg, 40, 115, 12)
    least = np.interp(light, [0, 0.2, 0.35, 0.6, 0.85, 1], [0.09, 0.06, 0.036, 0.034, 0.026, 0.026])
    least -= 0.009 * warm * _above(light - 0.26, 0.04) * _above(0.92 - light, 0.03)
    least += 0.012 * _sector(hue_deg, 230, 320, 15) * _above(0.7 - light, 0.1)
    tint = _above(chroma - least, 0.009)
    return tint * _above(light - 0.16, 0.04)


def _sector(
    hue_deg: AnyArray, start_deg: AnyArray | float, end_deg: AnyArray | float, half_width_deg: float
) -> AnyArray:
    """Tell how far a hue lies between two others, clockwise, with soft ends."""
    middle = (start_deg + end_deg) / 2
    off = np.abs(_signed(hue_deg - middle))
    return _above((end_deg - start_deg) / 2 - off, half_width_deg)


def _chromatic(named: AnyArray, light: AnyArray, chroma: AnyArray, hue_deg: AnyArray) -> AnyArray:
    """Add the memberships of colours that are not grey; gives their sum."""
    # Dark and dull yellow is olive, which people call green.
    yellow_end_deg = np.interp(light, [0.4, 0.7, 0.9], [97, 106, 116])
    blue_end_deg = np.interp(chroma, [0.05, 0.2], [286, 282])
    _name_orange(named, _sector(hue_deg, 39.5, 82, 5), light, chroma)
    _name_yellow(named, _sector(hue_deg, 82, yellow_end_deg, 4), light, chroma, hue_deg)
    _add(named, "green", _sector(hue_deg, yellow_end_deg, 170, 5))
    _add(named, "cyan", _sector(hue_deg, 170, 210, 6))
    _add(named, "blue", _sector(hue_deg, 210, blue_end_deg, 6))
    # Light purple stays purple up to magenta; from there on it is pink.
    purple = _sector(hue_deg, blue_end_deg, 338, 6)
    pinkish = _above(hue_deg - 326, 8) * _above(light - 0.66, 0.04)
    _split(named, purple, pinkish, "pink", "purple")
    rose, is_light = _sector(hue_deg, 338, 374, 6), _above(light - 0.52, 0.05)
    _add(named, "pink", rose * is_light)
    _split(named, rose * (1 - is_light), _above(_signed(hue_deg), 6), "red", "purple")
    _name_red(named, _sector(hue_deg, 14, 39.5, 5), light, chroma, hue_deg)
    return np.asarray(named.sum(axis=1))


def _name_red(
    named: AnyArray, red: AnyArray, light: AnyArray, chroma: AnyArray, hue_deg: AnyArray
) -> None:
    """Light red is pink or, when dull, beige; dull and dark red is brown."""
    is_light = _above(light - np.interp(chroma, [0.05, 0.2], [0.62, 0.70]), 0.04)
    dull_chroma = np.interp(light, [0.25, 0.45, 0.6], [0.085, 0.125, 0.11])
    dull_chroma += np.interp(hue_deg, [30, 40], [0, 0.025])
    _split(named, red * is_light, _above(0.045 - chroma, 0.012), "beige", "pink")
    _split(named, red * (1 - is_light), _above(dull_chroma - chroma, 0.015), "brown", "red")


def _name_orange(named: AnyArray, orange: AnyArray, light: AnyArray, chroma: AnyArray) -> None:
    """Dark orange is brown, light and dull orange is beige."""
    least_chroma = np.interp(light, [0.55, 0.7, 0.9], [0.124, 0.12, 0.095])
    is_strong = _above(chroma - least_chroma, 0.012) * _above(light - 0.56, 0.03)
    is_light = _above(light - np.interp(chroma, [0.02, 0.12], [0.63, 0.75]), 0.04)
    _add(named, "orange", orange * is_strong)
    _split(named, orange * (1 - is_strong), is_light, "beige", "brown")


def _name_yellow(
    named: AnyArray, yellow: AnyArray, light: AnyArray, chroma: AnyArray, hue_deg: AnyArray
) -> None:
    """Dull yellow is beige or, when dark, brown."""
    least_chroma = np.interp(hue_deg, [84, 96, 106], [0.115, 0.105, 0.075])
    is_strong = _above(chroma - least_chroma, 0.015) * _above(light - 0.68, 0.03)
    _add(named, "yellow", yellow * is_strong)
    _split(named, yellow * (1 - is_strong), _above(light - 0.70, 0.04), "beige", "brown")


def _add(named: AnyArray, name: str, membership: AnyArray) -> None:
    named[:, COLOURS.index(name)] += membership


def _split(named: AnyArray, membership: AnyArray, part: AnyArray, first: str, other: str) -> None:
    _add(named, first, membership * part)
    _add(named, other, membership * (1 - part))


def _signed(angle_deg: AnyArray) -> AnyArray:
    return (angle_deg + 180) % 360 - 180
