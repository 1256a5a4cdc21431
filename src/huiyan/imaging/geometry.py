"""Crops, sizes and boxes.

Owns: what part of a picture a network sees, and moving boxes between a reduced picture and the full
one. Has no opinion on: which network wants what.
"""

from __future__ import annotations

import cv2
import numpy as np

from huiyan.kernel.units import FloatArray, PixelArray

_AREA_FROM_FACTOR = 2.0


def centre_crop_resize(pixels: PixelArray, crop_fraction: float, side_px: int) -> PixelArray:
    """Cut the centre square out and bring it to a size.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    crop_fraction : float
        Side of the square as a fraction of the short side, above 0 to 1.
    side_px : int
        Side of the result in px; at least 1.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        RGB, C-contiguous, a new array. Bilinear below a reduction by 2, where it measured best;
        averaged boxes from there on, so that nothing is skipped.
    """
    height, width = pixels.shape[:2]
    side = min(height, width) * crop_fraction
    left, top = round((width - side) / 2), round((height - side) / 2)
    square_px = max(1, round(side))
    crop = pixels[top : top + square_px, left : left + square_px]
    is_strong = square_px >= _AREA_FROM_FACTOR * side_px
    how = cv2.INTER_AREA if is_strong else cv2.INTER_LINEAR
    if square_px == side_px:
        return crop.copy()
    return cv2.resize(crop, (side_px, side_px), interpolation=how)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def clip_boxes(xyxy: FloatArray, size_wh: tuple[int, int]) -> FloatArray:
    """Clip boxes to the picture.

    Parameters
    ----------
    xyxy : ndarray of shape (N, 4), float32
        Boxes as (left, top, right, bottom), in px of the picture.
    size_wh : tuple of int
        Width and height of the picture in px.

    Returns
    -------
    ndarray of shape (N, 4), float32
        A new array; N may be 0.
    """
    most = np.array([*size_wh, *size_wh], np.float32)
    return np.clip(xyxy, np.float32(0), most)


def map_boxes(xyxy: FloatArray, from_wh: tuple[int, int], to_wh: tuple[int, int]) -> FloatArray:
    """Move boxes from one size of a picture to another.

    Parameters
    ----------
    xyxy : ndarray of shape (N, 4), float32
        Boxes as (left, top, right, bottom), in px of the first size.
    from_wh : tuple of int
        Width and height in px that the boxes belong to, for example of a reduced picture; each at
        least 1.
    to_wh : tuple of int
        Width and height in px that they shall belong to, for example of the full picture.

    Returns
    -------
    ndarray of shape (N, 4), float32
        A new array; N may be 0.
    """
    across, down = to_wh[0] / from_wh[0], to_wh[1] / from_wh[1]
    return xyxy * np.array([across, down, across, down], np.float32)
