"""Colours as the eye orders them, and pictures small enough to count them in.

Owns: the way from sRGB to OKLCh, and reducing by averaging. Has no opinion on: what colours are
called.
"""

from __future__ import annotations

import cv2
import numpy as np

from huiyan.kernel.units import FloatArray, PixelArray

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def to_oklab(rgb: FloatArray) -> FloatArray:
    """Bring sRGB colours into OKLab.

    Parameters
    ----------
    rgb : ndarray of shape (..., 3), float32
        Colours in sRGB, 0 to 1.

    Returns
    -------
    ndarray of shape (..., 3), float32
        Lightness 0 to 1, then green to red and blue to yellow, each about -0.4 to 0.4.

    Notes
    -----
    Björn Ottosson, "A perceptual color space for image processing", 2020,
    https://bottosson.github.io/posts/oklab/ (public domain); sRGB by IEC 61966-2-1.
    """
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _TO_CONES.T)
    return np.asarray(cones @ _TO_LAB.T, np.float32)


def to_oklch(rgb: FloatArray) -> FloatArray:
    """Bring sRGB colours into lightness, chroma and hue.

    Parameters
    ----------
    rgb : ndarray of shape (..., 3), float32
        Colours in sRGB, 0 to 1.

    Returns
    -------
    ndarray of shape (..., 3), float32
        OKLab's lightness 0 to 1, chroma 0 (grey) to about 0.33, and hue in degrees, 0 up to 360
        (red 29, yellow 110, green 142, blue 264; meaningless for grey).
    """
    lightness, a, b = np.moveaxis(to_oklab(rgb), -1, 0)
    hue_deg = np.degrees(np.arctan2(b, a)) % 360
    return np.stack([lightness, np.hypot(a, b), hue_deg], axis=-1).astype(np.float32)


def reduce_by_area(pixels: PixelArray, max_side_px: int) -> PixelArray:
    """Reduce a picture by averaging boxes of its pixels.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3) or (H, W), uint8
        RGB or one channel; H and W at least 1.
    max_side_px : int
        The most that the longer side may have, at least 1.

    Returns
    -------
    ndarray of shape (H', W', 3) or (H', W'), uint8
        Its shape kept as far as whole px allow; the same array when it is small enough.
    """
    height, width = pixels.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1:
        return pixels
    small_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, small_wh, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def average_boxes(pixels: PixelArray, max_side_px: int) -> PixelArray:
    """Reduce a picture by a whole factor: the fast way where the exact size does not matter.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    max_side_px : int
        The most that the longer side may have, at least 1.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        Each px the mean of a box; what is left over at the right and lower edge, less than one box,
        is not counted. The same array when it is small enough.
    """
    height, width = pixels.shape[:2]
    factor = -(-max(height, width) // max_side_px)
    if factor == 1:
        return pixels
    small_wh = (max(1, width // factor), max(1, height // factor))
    boxes = pixels[: small_wh[1] * factor, : small_wh[0] * factor]
    return cv2.resize(boxes, small_wh, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes
