"""Crops around a subject.

Owns: where a crop of a wanted shape lies. Has no opinion on: pixels, and which subject is meant.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from huiyan.subject.model import Box

_ROOM_SHARE = 0.12
"""Space left around the subject on each side, as a share of its box, where the picture has it."""
_MOST_RATIO = 100.0
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*[:xX×/]\s*(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a picture.

    Parameters
    ----------
    xyxy : tuple of int
        (left, top, right, bottom) in px; inside the picture, not empty.
    holds_subject : bool
        Whether the whole subject is in it: no crop of that shape holds more where it is not.
    """

    xyxy: tuple[int, int, int, int]
    holds_subject: bool


def parse_aspect(text: str) -> float:
    """Read an aspect ratio.

    Parameters
    ----------
    text : str
        Width and height as ``16:9``, ``4x5`` or ``3/2``.

    Returns
    -------
    float
        Width by height, from 0.01 to 100.

    Raises
    ------
    ValueError
        Another text, or a ratio outside that range.
    """
    found = _RATIO.fullmatch(text.strip())
    if found is None or not (float(found[1]) and float(found[2])):
        raise ValueError(f"{text!r} is no aspect ratio such as 1:1 or 16:9")
    aspect = float(found[1]) / float(found[2])
    if not 1 / _MOST_RATIO <= aspect <= _MOST_RATIO:
        raise ValueError(f"{text!r} is too far from square")
    return aspect


def crop_around(xyxy: Box, size_wh: tuple[int, int], aspect: float) -> Crop:
    """Lay a crop of a shape around a subject.

    Parameters
    ----------
    xyxy : tuple of float
        The subject's box in px of the picture.
    size_wh : tuple of int
        Width and height of the picture in px.
    aspect : float
        Width by height of the crop; above 0.

    Returns
    -------
    Crop
        The smallest of that shape that holds the subject with some room around it, as near to
        centred on it as the picture's edges allow. If none fits, the largest there is: it keeps
        the middle of what is too wide, and the top, where heads are, of what is too high.
    """
    width, height = size_wh
    left, top = math.floor(xyxy[0]), math.floor(xyxy[1])
    right, bottom = min(width, math.ceil(xyxy[2])), min(height, math.ceil(xyxy[3]))
    roomy = 1 + 2 * _ROOM_SHARE
    wanted_width = max((right - left) * roomy, (bottom - top) * roomy * aspect)
    crop_width = min(wanted_width, float(width), height * aspect)
    across = min(width, max(1, round(crop_width)))
    down = min(height, max(1, round(crop_width / aspect)))
    start_x = _start(left, right, across, width)
    fits_down = bottom - top <= down
    start_y = _start(top, bottom if fits_down else top + down, down, height)
    is_held = start_x <= left and right <= start_x + across
    is_held = is_held and start_y <= top and bottom <= start_y + down
    return Crop((start_x, start_y, start_x + across, start_y + down), is_held)


def _start(low: int, high: int, length: int, limit: int) -> int:
    """Centre a window on an interval, inside the limit."""
    return max(0, min((low + high - length) // 2, limit - length))
