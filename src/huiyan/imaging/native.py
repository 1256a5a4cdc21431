"""Parts of a picture at native resolution, and the whole of it reduced.

Owns: cutting squares out, mirroring at the edges, averaging a whole picture down in little memory.
Has no opinion on: where to cut, and what is read out of it.
"""

from __future__ import annotations

import cv2
import numpy as np

from huiyan.imaging.bands import reduce_area
from huiyan.kernel.units import PixelArray

_BAND_BYTES = 1 << 20
"""A band that is halved while the processor still holds it costs half of what a large one does."""


def cut_square(pixels: PixelArray, left_top: tuple[int, int], side_px: int) -> PixelArray:
    """Cut a square out; what reaches over the right or bottom edge is mirrored.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    left_top : tuple of int
        Its upper left corner in px, inside the picture.
    side_px : int
        Its side in px, at least 1.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        A view where the square lies inside the picture, else a new array.
    """
    left, top = left_top
    part = pixels[top : top + side_px, left : left + side_px]
    below, beside = side_px - part.shape[0], side_px - part.shape[1]
    if below or beside:
        part = np.pad(part, ((0, below), (0, beside), (0, 0)), mode="reflect")
    return part


def squash_view(pixels: PixelArray, side_px: int) -> PixelArray:
    """Average a whole picture down and squash it into a square.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    side_px : int
        Side of the square in px, at least 1.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        The whole picture: its long side is averaged down to `side_px`, the short side then drawn
        out to it. A smaller picture is enlarged.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    inner_wh = max(1, round(width * scale)), max(1, round(height * scale))
    small = _halve_often(pixels, inner_wh)
    if small.shape[1::-1] != inner_wh:
        small = cv2.resize(small, inner_wh, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # OpenCV's stubs know no dtypes
    return cv2.resize(small, (side_px, side_px), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def reduce_green(pixels: PixelArray, factor: int) -> PixelArray:
    """Average boxes of the green channel.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    factor : int
        Side of a box in px; at least 1. Boxes over the right and bottom edge see the edge repeated.

    Returns
    -------
    ndarray of shape (ceil(H / factor), ceil(W / factor)), uint8
        Green alone, C-contiguous; a new array.
    """
    height, width = pixels.shape[:2]
    rows = max(1, _BAND_BYTES // (3 * width * factor)) * factor
    bands = [
        reduce_area(cv2.extractChannel(pixels[top : top + rows], 1), factor)  # type: ignore[arg-type]  # OpenCV's stubs know no dtypes
        for top in range(0, height, rows)
    ]
    return np.concatenate(bands)


def _halve_often(pixels: PixelArray, least_wh: tuple[int, int]) -> PixelArray:
    """Halve in bands while it stays at least twice as large as wanted: in little memory."""
    height, width = pixels.shape[:2]
    times = 0
    while min(width // least_wh[0], height // least_wh[1]) >= 4 << times:
        times += 1
    if not times:
        return pixels
    step = 1 << times
    rows = max(1, _BAND_BYTES // (3 * width * step)) * step
    bands = []
    for first_row in range(0, height, rows):
        band = pixels[first_row : first_row + rows]
        for _ in range(times):
            band = reduce_area(band, 2)
        bands.append(band)
    return np.concatenate(bands)
