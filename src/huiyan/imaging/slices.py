"""Slices of a picture, each brought to a network's square.

Owns: where the slices of a regular grid lie, and cutting one out at the size wanted. Has no opinion
on: how many slices are worth their cost.
"""

from __future__ import annotations

import math

import cv2

from huiyan.kernel.units import PixelArray

Slice = tuple[int, int, int, int]
"""(left, top, right, bottom) in whole px; right and bottom lie just outside."""

_AREA_FROM_FACTOR = 2.0


def lay_slices(
    size_wh: tuple[int, int], columns_rows: tuple[int, int], share_wh: tuple[float, float]
) -> tuple[Slice, ...]:
    """Lay a grid of equal slices over a picture; together they cover all of it.

    Parameters
    ----------
    size_wh : tuple of int
        Width and height of the picture in px, each at least 1.
    columns_rows : tuple of int
        How many slices lie side by side, and how many above each other; each at least 1.
    share_wh : tuple of float
        Width and height of a slice as shares of the picture's: 1 over the columns (rows) to 1.

    Returns
    -------
    tuple of Slice
        Row by row; none is empty.

    Examples
    --------
    >>> lay_slices((100, 10), (2, 1), (0.6, 1.0))
    ((0, 0, 60, 10), (40, 0, 100, 10))
    """
    columns, rows = map(_lay_along, size_wh, columns_rows, share_wh)
    return tuple((left, top, right, bottom) for top, bottom in rows for left, right in columns)


def _lay_along(side_px: int, count: int, share: float) -> list[tuple[int, int]]:
    # A thousandth of a px: 0.6 * 5 is more than 3 by as much as a float can tell.
    length_px = min(side_px, math.ceil(share * side_px - 1e-3))
    steps = max(1, count - 1)
    starts = [round((side_px - length_px) * number / steps) for number in range(count)]
    return [(start, start + length_px) for start in starts]


def squash_slice(pixels: PixelArray, part: Slice, side_px: int) -> PixelArray:
    """Cut a slice out and squash it to a square.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    part : Slice
        Not empty, inside the picture.
    side_px : int
        Side of the result in px; at least 1.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        RGB, C-contiguous, a new array. Bilinear, as detectors are trained; averaged boxes where
        both sides are reduced by 2 or more, so that nothing is skipped.
    """
    left, top, right, bottom = part
    crop = pixels[top:bottom, left:right]
    if crop.shape[:2] == (side_px, side_px):
        return crop.copy()
    is_strong = min(crop.shape[:2]) >= _AREA_FROM_FACTOR * side_px
    how = cv2.INTER_AREA if is_strong else cv2.INTER_LINEAR
    return cv2.resize(crop, (side_px, side_px), interpolation=how)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes
