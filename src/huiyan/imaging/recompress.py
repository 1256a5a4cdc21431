"""A picture as messengers pass it on.

Owns: making a picture smaller and compressing it anew. Has no opinion on: why, and how strongly.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from huiyan.imaging.draw import encode_jpeg
from huiyan.kernel.units import PixelArray


@dataclass(frozen=True, slots=True)
class Recompression:
    """What is done to a picture on its way.

    Parameters
    ----------
    quality : int
        Of the JPEG, 1 to 100.
    long_side_px : int or None
        Larger pictures are reduced to it, px; None leaves the size alone.
    """

    quality: int
    long_side_px: int | None


def recompress(pixels: PixelArray, way: Recompression) -> bytes:
    """Reduce a picture and write it as JPEG.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    way : Recompression
        How.

    Returns
    -------
    bytes
        The JPEG, colours at half resolution; no picture is enlarged.
    """
    height, width = pixels.shape[:2]
    if way.long_side_px is not None and max(width, height) > way.long_side_px:
        scale = way.long_side_px / max(width, height)
        size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
        reduced = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA)
        return encode_jpeg(reduced, way.quality)  # type: ignore[arg-type]  # OpenCV's stubs know no dtypes
    return encode_jpeg(pixels, way.quality)
