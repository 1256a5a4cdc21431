"""What files do to a picture: JPEG, once or several times, and reduction by messengers.

Owns: qualities, chroma sampling, resampling methods and block grids that do not agree. Has no
opinion on: what the picture shows; it treats every class alike, so that it never tells the class.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from huiyan.kernel.units import PixelArray

JPEG_GRID_PX = 8
SAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)
SAMPLING_SHARES = (0.75, 0.1, 0.15)
REDUCTIONS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
REDUCTION_SHARES = (0.45, 0.3, 0.2, 0.05)
UNREDUCED_SHARE = 0.4
"""How many pictures a messenger passes on at their size."""
SECOND_SAVING_SHARE = 0.35
LEAST_SIDE_PX = 96
"""A patch is never reduced below this."""


def save_as_jpeg(bgr: PixelArray, quality: int, sampling: int) -> PixelArray:
    """Save as JPEG and read again.

    Parameters
    ----------
    bgr : ndarray of shape (H, W, 3), uint8
        BGR.
    quality : int
        1 to 100.
    sampling : int
        One of OpenCV's ``IMWRITE_JPEG_SAMPLING_FACTOR_*``.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    done, encoded = cv2.imencode(".jpg", bgr, options)
    assert done, "JPEG could not be written"
    read = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    assert read is not None, "JPEG could not be read"
    return read.astype(np.uint8, copy=False)


def save_randomly(bgr: PixelArray, rng: Generator, low: int, high: int) -> PixelArray:
    """Save as JPEG with a drawn quality and chroma sampling, and read again.

    Parameters
    ----------
    bgr : ndarray of shape (H, W, 3), uint8
        BGR.
    rng : Generator
        Where chance comes from.
    low, high : int
        The qualities to draw from, both included.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    sampling = SAMPLINGS[int(rng.choice(len(SAMPLINGS), p=SAMPLING_SHARES))]
    return save_as_jpeg(bgr, int(rng.integers(low, high + 1)), sampling)


def reduce(pixels: PixelArray, size_wh: tuple[int, int], rng: Generator) -> PixelArray:
    """Bring a picture to another size as phones and messengers do: with or without averaging.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        Any order of colours.
    size_wh : tuple of int
        Width and height wanted, px.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (size_wh[1], size_wh[0], 3), uint8
        The same colours; a new array, or the one given where the size is the same.
    """
    if size_wh == (pixels.shape[1], pixels.shape[0]):
        return pixels
    method = REDUCTIONS[int(rng.choice(len(REDUCTIONS), p=REDUCTION_SHARES))]
    return cv2.resize(pixels, size_wh, interpolation=method).astype(np.uint8, copy=False)


def recompress(rgb: PixelArray, rng: Generator, scale: float | None = None) -> PixelArray:
    """Send a picture through a messenger: reduced or not, then saved once or twice.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        RGB.
    rng : Generator
        Where chance comes from.
    scale : float or None
        Sides afterwards divided by sides before, in (0, 1]; None draws one: 1 for two pictures in
        five, else between 0.4 and 0.95. Who knows the whole picture's size gives what brings it to
        720 to 2048 px.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB; smaller by the scale and by up to seven pixels at the left and top, so that the new
        block grid and the old do not agree.
    """
    if scale is None:
        scale = 1.0 if rng.random() < UNREDUCED_SHARE else float(rng.uniform(0.4, 0.95))
    left, top = (int(rng.integers(0, JPEG_GRID_PX)) for _ in range(2))
    pixels = rgb[top:, left:] if min(rgb.shape[:2]) > LEAST_SIDE_PX + JPEG_GRID_PX else rgb
    height, width = pixels.shape[:2]
    scale = min(1.0, max(scale, LEAST_SIDE_PX / min(height, width)))
    size_wh = (round(width * scale), round(height * scale))
    pixels = save_randomly(
        np.ascontiguousarray(reduce(pixels, size_wh, rng)[..., ::-1]), rng, 40, 95
    )
    if rng.random() < SECOND_SAVING_SHARE:
        pixels = save_randomly(np.ascontiguousarray(pixels[..., ::-1]), rng, 50, 95)
    return pixels
