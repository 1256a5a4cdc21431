"""Periodic patterns before a camera, and smooth fields over a picture.

Owns: how a period is blurred, placed and looked up. Has no opinion on: what the pattern is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray
from recapture_simulation.camera import Matrix


def see_through_lens(tile: FloatArray, period_from_sensor: Matrix, blur_px: float) -> FloatArray:
    """Blur periodic tiles as the lens and the photosites' area do.

    Parameters
    ----------
    tile : ndarray of shape (..., N, N), float32
        One period.
    period_from_sensor : ndarray of shape (2, 2), float64
        Periods to one sensor pixel: rows across and down the tile, columns across and down the
        sensor.
    blur_px : float
        Standard deviation of the lens's blur, sensor px.

    Returns
    -------
    ndarray of the same shape, float32
        With the same mean.
    """
    side = tile.shape[-1]
    down = np.fft.fftfreq(side, 1.0 / side)[:, None]
    across = np.fft.rfftfreq(side, 1.0 / side)[None, :]
    (x_by_x, x_by_y), (y_by_x, y_by_y) = period_from_sensor
    sensor_x = across * x_by_x + down * y_by_x
    sensor_y = across * x_by_y + down * y_by_y
    passed = np.exp(-2.0 * (np.pi * blur_px) ** 2 * (sensor_x**2 + sensor_y**2))
    passed = passed * np.sinc(sensor_x) * np.sinc(sensor_y)
    return np.fft.irfft2(np.fft.rfft2(tile) * passed, s=(side, side)).astype(np.float32)


def local_scale(projection: Matrix, sensor_wh: tuple[int, int]) -> NDArray[np.float64]:
    """Give how a projection moves when the sensor's middle moves by one pixel.

    Parameters
    ----------
    projection : ndarray of shape (3, 3), float64
        From sensor pixels.
    sensor_wh : tuple of int
        The sensor's size, px.

    Returns
    -------
    ndarray of shape (2, 2), float64
        Rows are across and down in the target, columns across and down on the sensor.
    """
    middle = np.array([sensor_wh[0] / 2, sensor_wh[1] / 2, 1.0])
    places = [projection @ (middle + step) for step in np.eye(3)[:2]]
    here = projection @ middle
    return np.stack([p[:2] / p[2] - here[:2] / here[2] for p in places], axis=1)


def wrap(places: FloatArray, side: int) -> NDArray[np.int32]:
    """Turn places in repeated tiles into whole ones within one.

    Parameters
    ----------
    places : ndarray, float32
        Samples of the tile from its corner; between -1024 tiles and as many.
    side : int
        The tile's side in samples; a power of two.

    Returns
    -------
    ndarray of the same shape, int32
        In [0, side).
    """
    # Moved by whole tiles, all are positive, so that cutting the fraction off rounds down.
    moved = (places + np.float32(side * 1024)).astype(np.int32)
    return np.bitwise_and(moved, np.int32(side - 1), out=moved)


def smooth_field(size_wh: tuple[int, int], rng: Generator, knots: int) -> FloatArray:
    """Draw a smooth field.

    Parameters
    ----------
    size_wh : tuple of int
        Width and height, px.
    rng : Generator
        Where chance comes from.
    knots : int
        About how many hills there are each way; 1 or more.

    Returns
    -------
    ndarray of shape (size_wh[1], size_wh[0]), float32
        In [0, 1].
    """
    coarse = rng.random((knots + 1, knots + 1), np.float32)
    field = cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC)
    return np.clip(field, 0.0, 1.0).astype(np.float32)
