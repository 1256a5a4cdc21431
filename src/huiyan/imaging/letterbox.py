"""A picture in a square without a change of its shape.

Owns: scaling into the square, the padding, the planes that float networks read, and the way back
for points. Has no opinion on: which network wants which square.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from huiyan.kernel.units import FloatArray, PixelArray

_AREA_FROM_FACTOR = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Letterbox:
    """A picture in the upper left corner of a black square.

    Parameters
    ----------
    pixels : ndarray of shape (side, side, 3), uint8
        RGB, C-contiguous; black right of and below the picture.
    scale_xy : tuple of float
        Px of the square for one px of the picture, across and down. They differ by the rounding to
        whole px only.
    """

    pixels: PixelArray
    scale_xy: tuple[float, float]


def fit_square(pixels: PixelArray, side_px: int, max_enlargement: float) -> Letterbox:
    """Bring a picture into a square, its shape kept.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    side_px : int
        Side of the square in px, at least 1.
    max_enlargement : float
        The most that a small picture is enlarged by, at least 1; the rest of the square is black.

    Returns
    -------
    Letterbox
        A new array, and how it was scaled.
    """
    height, width = pixels.shape[:2]
    scale = min(side_px / max(height, width), max_enlargement)
    inner_wh = (_fit(width * scale, side_px), _fit(height * scale, side_px))
    square = np.zeros((side_px, side_px, 3), np.uint8)
    inner = square[: inner_wh[1], : inner_wh[0]]
    if inner_wh == (width, height):
        inner[:] = pixels
    else:
        is_strong = scale * _AREA_FROM_FACTOR <= 1
        how = cv2.INTER_AREA if is_strong else cv2.INTER_LINEAR
        inner[:] = cv2.resize(pixels, inner_wh, interpolation=how)
    return Letterbox(square, (inner_wh[0] / width, inner_wh[1] / height))


def _fit(length_px: float, side_px: int) -> int:
    return min(side_px, max(1, round(length_px)))


def bgr_planes(pixels: PixelArray) -> FloatArray:
    """Lay a picture out as float planes in BGR.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.

    Returns
    -------
    ndarray of shape (1, 3, H, W), float32
        0 to 255, C-contiguous, a new array.
    """
    planes = np.empty((1, 3, *pixels.shape[:2]), np.float32)
    for plane, channel in zip(planes[0], reversed(cv2.split(pixels)), strict=True):
        plane[...] = channel
    return planes
