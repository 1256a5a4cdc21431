"""How large drawn pictures and their letters are.

Owns: the size that a picture is shown at, the letters that are readable on it, and shortening what
does not fit. Has no opinion on: what is drawn.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import ImageFont, features

from huiyan.kernel.units import PixelArray

_MIN_LONG_SIDE_PX, _MAX_LONG_SIDE_PX = 640, 1600


def enlarge_to_show(pixels: PixelArray) -> PixelArray:
    """Bring a picture to a size that letters are readable on.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB, a new array; the long side is 640 to 1,600 px.
    """
    height, width = pixels.shape[:2]
    long_side = max(width, height)
    scale = min(max(long_side, _MIN_LONG_SIDE_PX), _MAX_LONG_SIDE_PX) / long_side
    shown_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if shown_wh[0] < width else cv2.INTER_CUBIC
    return cv2.resize(pixels, shown_wh, interpolation=how)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def choose_font_px(shown: PixelArray) -> int:
    """Choose letters that are readable on a picture.

    Parameters
    ----------
    shown : ndarray of shape (H, W, 3), uint8
        The picture at the size that it is shown at.

    Returns
    -------
    int
        The em square, 20 to 44 px.
    """
    height, width = shown.shape[:2]
    return int(np.clip(max(height, width) // 32, 20, 44))


def shorten(label: str, font: ImageFont.FreeTypeFont, width_px: float) -> str:
    """Cut a label to a width.

    Parameters
    ----------
    label : str
        What it says.
    font : FreeTypeFont
        What it is written in.
    width_px : float
        The most px that it may take.

    Returns
    -------
    str
        The label, or its start and an ellipsis, which stays even where it does not fit.
    """
    if font.getlength(label) <= width_px:
        return label
    kept = label
    while kept and font.getlength(f"{kept}…") > width_px:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def choose_script() -> str | None:
    """Choose whose shapes Chinese characters have.

    Returns
    -------
    str or None
        The simplified script's tag, or None where the text layout cannot choose.
    """
    return "zh-Hans" if features.check("raqm") else None
