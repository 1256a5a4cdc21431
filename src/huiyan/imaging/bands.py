"""Pictures too large to hold: collected band by band, reduced on the way.

Owns: averaging boxes of pixels into one, and how a fully decoded picture is reduced. Has no opinion
on: where rows come from.
"""

from __future__ import annotations

import cv2
import numpy as np

from huiyan.kernel.units import PixelArray

_BAND_BYTES = 2 * 1024 * 1024


def reduced_size_wh(size_wh: tuple[int, int], factor: int) -> tuple[int, int]:
    """Tell the size of a reduced picture.

    Parameters
    ----------
    size_wh : tuple of int
        Width and height in px.
    factor : int
        How many pixels of each axis become one; at least 1.

    Returns
    -------
    tuple of int
        Width and height in px, rounded up.
    """
    return -(-size_wh[0] // factor), -(-size_wh[1] // factor)


def band_rows(row_bytes: int, height: int, factor: int) -> int:
    """Choose how many rows to handle at once.

    Parameters
    ----------
    row_bytes : int
        Bytes of one row in the form that is handled.
    height : int
        Rows of the picture.
    factor : int
        The reduction; a band is a multiple of it.

    Returns
    -------
    int
        Rows a band: about 2 MiB of them, at least `factor`.
    """
    rows = max(1, _BAND_BYTES // row_bytes)
    return min(-(-rows // factor), -(-height // factor)) * factor


def reduce_area(pixels: PixelArray, factor: int) -> PixelArray:
    """Average boxes of pixels, band by band where the picture is large.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, C) or (H, W), uint8
        What to reduce.
    factor : int
        Side of a box in px; at least 1. Boxes over the right and bottom edge see the edge repeated.

    Returns
    -------
    ndarray of shape (ceil(H / factor), ceil(W / factor), C) or without C, uint8
        The same array for factor 1, else a new one.
    """
    if factor == 1:
        return pixels
    height = pixels.shape[0]
    rows = band_rows(pixels.strides[0], height, factor)
    bands = [_reduce_band(pixels[at : at + rows], factor) for at in range(0, height, rows)]
    return bands[0] if len(bands) == 1 else np.concatenate(bands)


def _reduce_band(pixels: PixelArray, factor: int) -> PixelArray:
    height, width = pixels.shape[:2]
    out_wh = reduced_size_wh((width, height), factor)
    right, bottom = out_wh[0] * factor - width, out_wh[1] * factor - height
    if right or bottom:
        pixels = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE)  # type: ignore[assignment]  # OpenCV's stubs know no dtypes
    return cv2.resize(pixels, out_wh, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


class BandCollector:
    """Collects a picture from its bands, top to bottom.

    Parameters
    ----------
    size_wh : tuple of int
        Width and height of the full picture in px.
    factor : int
        The reduction; at least 1.
    """

    __slots__ = ("_factor", "_next_row", "_out")

    def __init__(self, size_wh: tuple[int, int], factor: int) -> None:
        width, height = reduced_size_wh(size_wh, factor)
        self._out: PixelArray = np.empty((height, width, 3), np.uint8)
        self._factor = factor
        self._next_row = 0

    def add(self, band: PixelArray) -> None:
        """Add the next rows.

        Parameters
        ----------
        band : ndarray of shape (N, W, 3) RGB or (N, W) grey, uint8
            N is a multiple of the factor, except in the last band.
        """
        reduced = reduce_area(band, self._factor)
        rows = self._out[self._next_row : self._next_row + reduced.shape[0]]
        rows[:] = reduced if reduced.ndim == 3 else reduced[..., None]
        self._next_row += reduced.shape[0]

    def finish(self) -> PixelArray:
        """Hand over the picture.

        Returns
        -------
        ndarray of shape (H, W, 3), uint8
            RGB; the collector is of no more use.
        """
        return self._out
