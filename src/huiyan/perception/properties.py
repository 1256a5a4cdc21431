"""What is true of a picture as a picture: its light, colours, focus and format.

Owns: the list of such words, and how sure a measured value makes each. Has no opinion on: how the
values are measured, what the picture shows, and the words in any language.
"""

from __future__ import annotations

import math

import numpy as np

from huiyan.imaging.picture import Image
from huiyan.imaging.signals import Signals, measure_signals
from huiyan.kernel.units import FloatArray

PROPERTIES = (
    "black_and_white", "sepia", "bright", "dark", "high_contrast", "low_contrast", "overexposed",
    "underexposed", "blurry", "vivid", "muted", "warm", "cool", "plain_background",
    "landscape_format", "portrait_format", "square_format", "panorama", "low_resolution",
    "high_resolution",
)  # fmt: skip
"""The order of every array of shape (20,) here."""


def measure_properties(image: Image) -> FloatArray:
    """Measure a picture.

    Parameters
    ----------
    image : Image
        The picture, upright; reduced or not.

    Returns
    -------
    ndarray of shape (20,), float32
        For each of `PROPERTIES`, 0 to below 1: how likely a person would agree that the word is
        true of the picture.

    Notes
    -----
    The ramps were set by looking at the pictures of each value, see
    ``docs/decisions/0011-colours-and-properties.md``.
    """
    signals = measure_signals(image.pixels)
    confidences = (
        _judge_ink(signals)
        | _judge_light(signals)
        | _judge_detail(signals)
        | _judge_colours(signals)
        | _judge_format(image.size_wh)
    )
    return np.array([confidences[name] for name in PROPERTIES], np.float32)


def _ramp(value: float, *points: tuple[float, float]) -> float:
    """Read a confidence off a line through points (value, confidence), values rising."""
    values, confidences = zip(*points, strict=True)
    return float(np.interp(value, values, confidences))


def _judge_ink(signals: Signals) -> dict[str, float]:
    is_one_ink = _ramp(signals.tone_spread, (4.2, 1), (5.4, 0.6), (6.5, 0))
    has_tones = _ramp(signals.light_high - signals.light_low, (8, 0), (20, 1))
    grey = _ramp(signals.chroma_high, (3, 0.97), (5, 0.65), (8, 0.3), (11, 0))
    grey *= _ramp(signals.tint_chroma, (4, 1), (9, 0))
    off_brown_deg = abs((signals.tint_hue_deg - 78 + 180) % 360 - 180)
    brown = _ramp(signals.tint_chroma, (4, 0), (6, 0.5), (9, 0.95))
    brown *= _ramp(off_brown_deg, (16, 1), (26, 0))
    return {
        "black_and_white": grey * has_tones,
        "sepia": brown * is_one_ink * has_tones,
    }


def _judge_light(signals: Signals) -> dict[str, float]:
    light = signals.light_mean
    span = signals.light_high - signals.light_low
    is_backdrop = _ramp(signals.burnt_floor_share, (0.1, 0), (0.3, 1))
    is_night = _ramp(signals.lost_share, (0.2, 0), (0.5, 1))
    return {
        "bright": _ramp(light, (58, 0), (68, 0.5), (78, 0.9), (90, 0.95)),
        "dark": _ramp(light, (14, 0.95), (22, 0.85), (30, 0.5), (38, 0)),
        "high_contrast": _ramp(span, (80, 0), (91, 0.5), (98, 0.88)),
        "low_contrast": _ramp(signals.light_span, (20, 0.95), (35, 0.8), (50, 0.35), (60, 0))
        * _ramp(signals.chroma_high, (25, 1), (45, 0))
        * _ramp(light, (20, 0), (35, 1)),
        "overexposed": _ramp(signals.burnt_share, (0.06, 0), (0.2, 0.4), (0.4, 0.55))
        * (1 - is_backdrop),
        "underexposed": _ramp(light, (8, 0.85), (16, 0.7), (24, 0.4), (30, 0))
        * _ramp(signals.light_span, (45, 1), (75, 0))
        * (1 - is_night),
    }


def _judge_detail(signals: Signals) -> dict[str, float]:
    can_tell = _ramp(signals.edge_share, (0, 0), (0.1, 1))
    return {
        "blurry": _ramp(signals.blur, (0.33, 0), (0.45, 0.4), (0.55, 0.8), (0.7, 0.95)) * can_tell
    }


def _judge_colours(signals: Signals) -> dict[str, float]:
    has_colour = _ramp(signals.chroma_high, (6, 0), (12, 1))
    is_toned = _ramp(signals.tone_spread, (4, 1), (6, 0))
    vivid = _ramp(signals.colourfulness, (50, 0), (70, 0.5), (95, 0.9), (120, 0.97))
    muted = _ramp(signals.colourfulness, (8, 0.75), (16, 0.6), (24, 0))
    muted *= _ramp(signals.chroma_high, (22, 1), (32, 0))
    muted *= _ramp(signals.light_mean, (22, 0), (32, 1), (75, 1), (85, 0))
    warm = _ramp(signals.warm_share, (0.5, 0), (0.75, 0.6), (0.95, 0.93))
    cool = _ramp(signals.cool_share, (0.3, 0), (0.55, 0.6), (0.8, 0.93))
    return {
        "vivid": vivid,
        "muted": muted * has_colour * (1 - is_toned),
        "warm": warm * _ramp(signals.cool_share, (0.05, 1), (0.25, 0)),
        "cool": cool * _ramp(signals.warm_share, (0.05, 1), (0.25, 0)),
        "plain_background": _ramp(signals.border_plain, (0.6, 0), (0.8, 0.5), (0.95, 0.95))
        * _ramp(signals.inner_plain, (0.9, 1), (0.99, 0)),
    }


def _judge_format(size_wh: tuple[int, int]) -> dict[str, float]:
    width, height = size_wh
    wide = math.log(width / height)
    megapixels = width * height / 1e6
    # Nobody denies a format and few would name it, the usual one least: it comes after the content.
    is_square = _ramp(abs(wide), (0.02, 0.75), (0.06, 0.4), (0.12, 0))
    return {
        "landscape_format": _ramp(wide, (0.04, 0), (0.1, 0.5), (0.2, 0.62)),
        "portrait_format": _ramp(-wide, (0.04, 0), (0.1, 0.6), (0.2, 0.75)),
        "square_format": is_square,
        "panorama": _ramp(width / height, (1.9, 0), (2.1, 0.5), (2.4, 0.9), (3, 0.96)),
        "low_resolution": _ramp(megapixels, (0.02, 0.97), (0.05, 0.8), (0.1, 0.5), (0.2, 0)),
        "high_resolution": _ramp(megapixels, (4, 0), (8, 0.6), (12, 0.9), (24, 0.97)),
    }
