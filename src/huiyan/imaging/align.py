"""Faces turned upright and brought to one size by their five points.

Owns: the places where a face network expects eyes, nose and mouth, the similarity that brings a
face there, and cutting it out. Has no opinion on: where the points are from, and which network
looks at the result.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray, PixelArray

CHIP_SIDE_PX = 112

TEMPLATE_POINTS = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    np.float32,
)
"""Where a chip has the right eye, left eye, tip of the nose, right and left corner of the mouth, in
px, x before y; as in OpenCV's ``FaceRecognizerSF`` (modules/objdetect/src/face_recognize.cpp)."""

_MIN_SPREAD_PX = 1.0
"""Points nearer to each other say nothing about where a face is and how it is turned."""

_MIN_SHARE = 0.2
"""Of the points' spread, what the similarity must carry over; mirrored or scattered points fit no
upright, turned face at all."""

_AREA_FROM_FACTOR = 2
_MARGIN_PX = 2


def fit_similarity(points: FloatArray) -> NDArray[np.float64] | None:
    """Find the turn, scale and shift that bring five points nearest to a chip's.

    Parameters
    ----------
    points : ndarray of shape (5, 2), float32
        (x, y) in px of a picture; they may lie outside it.

    Returns
    -------
    ndarray of shape (2, 3), float64, optional
        What takes (x, y, 1) of the picture to px of the chip; None where the points are no
        numbers, lie all in one place, or in no order that a face has.

    Notes
    -----
    Least squares, without mirroring: doi:10.1109/34.88573. A similarity of the plane is a product
    with a complex number and a sum, so it has a closed form.
    """
    there = TEMPLATE_POINTS.astype(np.float64) @ np.array([1, 1j])
    if not np.isfinite(points).all():
        return None
    here = points.astype(np.float64) @ np.array([1, 1j])
    middle_there, middle_here = there.mean(), here.mean()
    spread = float(np.square(np.abs(here - middle_here)).mean())
    if not _MIN_SPREAD_PX**2 <= spread < np.inf:
        return None
    factor = (np.conj(here - middle_here) * (there - middle_there)).mean() / spread
    spread_there = float(np.square(np.abs(there - middle_there)).mean())
    if np.square(np.abs(factor)) * spread < _MIN_SHARE * spread_there:
        return None
    shift = middle_there - factor * middle_here
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def cut_chip(pixels: PixelArray, points: FloatArray) -> PixelArray | None:
    """Cut a face out, upright, its points where a face network expects them.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    points : ndarray of shape (5, 2), float32
        (x, y) of the right eye, left eye, tip of the nose, right and left corner of the mouth, in
        px of `pixels`.

    Returns
    -------
    ndarray of shape (112, 112, 3), uint8, optional
        RGB, C-contiguous, a new array; black where the picture ends. None where the points make no
        face (see `fit_similarity`).
    """
    matrix = fit_similarity(points)
    return None if matrix is None else cut_square(pixels, matrix, CHIP_SIDE_PX)


def cut_square(pixels: PixelArray, matrix: NDArray[np.float64], side_px: int) -> PixelArray:
    """Cut a turned square out.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.
    matrix : ndarray of shape (2, 3), float64
        A similarity that takes (x, y, 1) in px of `pixels` to px of the square.
    side_px : int
        Side of the square in px, at least 1.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        RGB, C-contiguous, a new array; black where the picture ends.
    """
    crop, matrix = _cut_around(pixels, matrix, side_px)
    factor = int(1 / np.hypot(matrix[0, 0], matrix[1, 0]))
    if factor >= _AREA_FROM_FACTOR and crop.size:
        # Bilinear alone would skip pixels of a large face.
        crop, matrix = _reduce(crop, matrix, factor)
    if not crop.size:
        return np.zeros((side_px, side_px, 3), np.uint8)
    return cv2.warpAffine(crop, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def _cut_around(
    pixels: PixelArray, matrix: NDArray[np.float64], side: int
) -> tuple[PixelArray, NDArray[np.float64]]:
    """Cut out what a square shows: OpenCV cannot address pixels of very large pictures."""
    height, width = pixels.shape[:2]
    turn, shift = matrix[:, :2], matrix[:, 2]
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) - shift
    corners = corners @ np.linalg.inv(turn).T
    most = np.array([width, height])
    low = np.clip(np.floor(corners.min(axis=0)) - _MARGIN_PX, 0, most).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + _MARGIN_PX, 0, most).astype(int)
    crop = pixels[low[1] : high[1], low[0] : high[0]]
    return crop, np.column_stack([turn, shift + turn @ low])


def _reduce(
    crop: PixelArray, matrix: NDArray[np.float64], factor: int
) -> tuple[PixelArray, NDArray[np.float64]]:
    height, width = crop.shape[:2]
    size_wh = max(1, width // factor), max(1, height // factor)
    scale = np.array([width / size_wh[0], height / size_wh[1]])
    # Centres of pixels lie at whole numbers: 0 becomes (scale - 1) / 2.
    turn = matrix[:, :2] * scale
    shift = matrix[:, 2] + matrix[:, :2] @ ((scale - 1) / 2)
    smaller = cv2.resize(crop, size_wh, interpolation=cv2.INTER_AREA)
    return smaller, np.column_stack([turn, shift])  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def rgb_planes(pixels: PixelArray) -> FloatArray:
    """Lay a picture out as float planes in RGB.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.

    Returns
    -------
    ndarray of shape (1, 3, H, W), float32
        0 to 255, C-contiguous, a new array.
    """
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], np.float32)
