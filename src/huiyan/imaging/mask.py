"""Masks: a number for each place of a picture.

Owns: squashing pictures, connected parts, and bringing a small mask to a picture's full size along
its edges. Has no opinion on: where a mask is from and what is done with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from huiyan.kernel.units import FloatArray, IntArray, PixelArray

_AREA_FROM_FACTOR = 2.0
_WINDOW_SHARE = 1 / 128
"""Radius of the guided filter as a share of the mask's side."""
_FLATNESS = 1e-4
"""Variance of colour, on a scale of 0 to 1, below which a window counts as having no edge."""


def squash(pixels: PixelArray, side_px: int) -> PixelArray:
    """Bring a whole picture to a square, whatever its shape.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    side_px : int
        Side of the result in px, at least 1.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        RGB, a new array. Each axis is averaged where it shrinks to half or less, else bilinear.
    """
    height, width = pixels.shape[:2]
    if (height, width) == (side_px, side_px):
        return pixels.copy()
    shrinks_across, shrinks_down = (
        length >= _AREA_FROM_FACTOR * side_px for length in (width, height)
    )
    if shrinks_across == shrinks_down:
        return _resize(pixels, (side_px, side_px), is_averaged=shrinks_across)
    first_wh = (side_px, height) if shrinks_across else (width, side_px)
    shrunk = _resize(pixels, first_wh, is_averaged=True)
    return _resize(shrunk, (side_px, side_px), is_averaged=False)


def _resize(pixels: PixelArray, size_wh: tuple[int, int], *, is_averaged: bool) -> PixelArray:
    how = cv2.INTER_AREA if is_averaged else cv2.INTER_LINEAR
    return cv2.resize(pixels, size_wh, interpolation=how)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def enlarge_mask(mask: FloatArray, size_wh: tuple[int, int]) -> FloatArray:
    """Bring a mask to a picture's size, bilinearly.

    Parameters
    ----------
    mask : ndarray of shape (h, w), float32
        0 to 1.
    size_wh : tuple of int
        Width and height wanted in px, each at least 1.

    Returns
    -------
    ndarray of shape (H, W), float32
        0 to 1, a new array.
    """
    how = cv2.INTER_AREA if min(mask.shape) > max(size_wh) else cv2.INTER_LINEAR
    return cv2.resize(mask, size_wh, interpolation=how)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def enlarge_along_edges(mask: FloatArray, pixels: PixelArray) -> FloatArray:
    """Bring a mask to a picture's size so that its edges follow the picture's.

    Parameters
    ----------
    mask : ndarray of shape (h, w), float32
        0 to 1, over the whole picture.
    pixels : ndarray of shape (H, W, 3), uint8
        The picture, RGB.

    Returns
    -------
    ndarray of shape (H, W), float32
        0 to 1, a new array.

    Notes
    -----
    A guided filter (He et al., doi:10.1109/TPAMI.2012.213) whose linear model of the mask in the
    picture's colours is found at the mask's size and applied at the picture's.
    """
    height, width = pixels.shape[:2]
    small_wh = (min(width, mask.shape[1]), min(height, mask.shape[0]))
    small = cv2.resize(pixels, small_wh, interpolation=cv2.INTER_AREA).astype(np.float32)
    small *= np.float32(1 / 255)
    target = cv2.resize(mask, small_wh, interpolation=cv2.INTER_AREA)
    radius = max(1, round(max(mask.shape) * _WINDOW_SHARE))
    slopes, offset = _linear_model(small, np.asarray(target, np.float32), radius)
    result = enlarge_mask(offset, (width, height))
    for channel in range(3):
        slope = enlarge_mask(np.ascontiguousarray(slopes[..., channel]), (width, height))
        slope *= np.float32(1 / 255)
        slope *= pixels[..., channel]
        result += slope
    return np.clip(result, np.float32(0), np.float32(1), out=result)


def _linear_model(
    guide: FloatArray, target: FloatArray, radius: int
) -> tuple[FloatArray, FloatArray]:
    """Fit target = slopes · colour + offset in the window around each place; averaged."""

    def mean(values: FloatArray) -> FloatArray:
        window = (2 * radius + 1, 2 * radius + 1)
        averaged = cv2.blur(values, window, borderType=cv2.BORDER_REFLECT)
        return np.asarray(averaged, np.float32).reshape(values.shape)

    centre, centre_target = mean(guide), mean(target)
    products = guide[..., :, None] * guide[..., None, :]
    flat = np.ascontiguousarray(products.reshape(*guide.shape[:2], 9))
    spread = np.stack([mean(np.ascontiguousarray(flat[..., k])) for k in range(9)], axis=-1)
    spread = spread.reshape(products.shape) - centre[..., :, None] * centre[..., None, :]
    spread[..., range(3), range(3)] += np.float32(_FLATNESS)
    shared = mean(guide * target[..., None]) - centre * centre_target[..., None]
    slopes = np.linalg.solve(spread, shared[..., None])[..., 0].astype(np.float32)
    offset = centre_target - (slopes * centre).sum(axis=-1)
    return mean(slopes), mean(offset)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The connected parts of a claim about places.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
        0 outside, n in the n-th part, from 1.
    areas_px : ndarray of shape (N,), int32
        The parts' areas; row n - 1 for part n.
    """

    labels: IntArray
    areas_px: IntArray


def find_parts(mask: FloatArray, threshold: float) -> Parts:
    """Find the connected parts of a mask.

    Parameters
    ----------
    mask : ndarray of shape (H, W), float32
        0 to 1.
    threshold : float
        What a place must exceed.

    Returns
    -------
    Parts
        Places that touch at a corner belong together; there may be no part.
    """
    claim = (mask > threshold).astype(np.uint8)
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(claim, connectivity=8)
    areas = np.asarray(statistics[1:, cv2.CC_STAT_AREA], np.int32)
    return Parts(np.asarray(labels, np.int32), areas)
