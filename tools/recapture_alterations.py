"""What cameras, people and web sites do to pictures, whatever these show.

Owns: noise, light, colour, blur, frames and strong reduction, each of a fixed strength: for trying
how answers bear them, and for fitting heads against the shifts they cause. Has no opinion on: what
is fitted, and where the networks look.

Every class is altered alike. A whole picture's noise is averaged away where it is reduced for a
view, so views get the less of it the larger the picture was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from head_views import generator, read_pixels
from recapture_views import (
    Crop,
    as_image,
    corner_squares,
    decode,
    resize,
)

from huiyan.imaging.recompress import Recompression, recompress
from huiyan.kernel.units import AnyArray, PixelArray
from huiyan.perception.patches import overview
from huiyan.perception.recapture_networks import SIDE_PX

PLAIN = "as it is"
TRIAL_QUALITY = 90
TRIAL_FRAME_SHARE = 0.06
OVERVIEW_LONG_PX = 256


def frame(pixels: PixelArray, down: float, across: float, level: int) -> PixelArray:
    """Lay a plain frame round a picture.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    down, across : float
        Its width above and below, and at the sides; in shares of height and width.
    level : int
        Its grey, 0 to 255.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB.
    """
    height, width = pixels.shape[:2]
    edges = ((round(height * down),) * 2, (round(width * across),) * 2, (0, 0))
    return np.pad(pixels, edges, constant_values=level)


def blur(pixels: PixelArray, sigma_px: float) -> PixelArray:
    """Blur a picture.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    sigma_px : float
        How much, above 0.

    Returns
    -------
    ndarray of the same shape, uint8
        RGB.
    """
    return cv2.GaussianBlur(pixels, (0, 0), sigma_px).astype(np.uint8, copy=False)


def scale_levels(pixels: PixelArray, gain: float) -> PixelArray:
    """Make a picture darker or brighter.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    gain : float
        By what levels are multiplied.

    Returns
    -------
    ndarray of the same shape, uint8
        RGB.
    """
    return _levels(pixels * np.float32(gain))


def drop_colours(pixels: PixelArray) -> PixelArray:
    """Make a picture grey.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.

    Returns
    -------
    ndarray of the same shape, uint8
        RGB, all three alike.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.repeat(grey[..., np.newaxis], 3, axis=2).astype(np.uint8, copy=False)


def add_noise(pixels: PixelArray, sigma: float, name: str) -> PixelArray:
    """Add noise that is alike at no two pixels and channels.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    sigma : float
        Standard deviation, in levels.
    name : str
        What it is drawn from.

    Returns
    -------
    ndarray of the same shape, uint8
        RGB.
    """
    noise = generator("noise", sigma, name).normal(0, sigma, pixels.shape)
    return _levels(pixels + noise.astype(np.float32))


def _levels(values: AnyArray) -> PixelArray:
    rounded: PixelArray = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


@dataclass(frozen=True, slots=True)
class Trial:
    """One fixed alteration of a whole picture.

    Parameters
    ----------
    name : str
        For the report.
    alter : callable
        Alters pixels, given how many times smaller they are than the picture's own and a name to
        draw from.
    is_saved : bool
        Whether the picture is saved as JPEG of `TRIAL_QUALITY` afterwards.
    is_of_view : bool
        Whether squares about the middle stay as they are.
    """

    name: str
    alter: Callable[[PixelArray, float, str], PixelArray]
    is_saved: bool = True
    is_of_view: bool = False


TRIALS = (
    Trial(PLAIN, lambda pixels, _times, _name: pixels, is_saved=False),
    Trial("noise of 5 levels", lambda pixels, times, name: add_noise(pixels, 5 / times, name)),
    Trial("noise of 8 levels", lambda pixels, times, name: add_noise(pixels, 8 / times, name)),
    Trial("darkened to 0.3", lambda pixels, _times, _name: scale_levels(pixels, 0.3)),
    Trial("brightened to 1.5", lambda pixels, _times, _name: scale_levels(pixels, 1.5)),
    Trial("grey", lambda pixels, _times, _name: drop_colours(pixels)),
    Trial("blurred by 1 px", lambda pixels, times, _name: blur(pixels, max(0.2, 1 / times))),
    Trial(
        "in a black frame",
        lambda pixels, _times, _name: frame(pixels, *(TRIAL_FRAME_SHARE,) * 2, 0),
        is_of_view=True,
    ),
    Trial(
        "in a white frame",
        lambda pixels, _times, _name: frame(pixels, *(TRIAL_FRAME_SHARE,) * 2, 255),
        is_of_view=True,
    ),
)
WEB = "reduced to 256 px"
"""Not in `TRIALS`: squares come from the reduced whole picture, too."""

TRIAL_NAMES = (*(trial.name for trial in TRIALS), WEB)


def looks_at(trial: Trial | None) -> Callable[[Crop], PixelArray]:
    """Make what shows a crop's squares and its whole picture, altered alike.

    Parameters
    ----------
    trial : Trial or None
        What is done to the picture; None reduces it to its overview, as web sites do.

    Returns
    -------
    callable
        Gives an ndarray of shape (`CORNER_COUNT` + 1, `SIDE_PX`, `SIDE_PX`, 3), uint8, for a
        crop: RGB, the whole picture last.
    """

    def show(crop: Crop) -> PixelArray:
        whole = read_pixels(crop.overview_path)
        if trial is None:
            squares = corner_squares(resize(whole, _overview_factor(whole), cv2.INTER_AREA))
        else:
            squares = read_pixels(crop.path)
            squares = squares if trial.is_of_view else _try(trial, squares, 1.0, crop)
            squares = corner_squares(squares)
            times = max(1.0, crop.full_long_px / max(whole.shape))
            whole = _try(trial, whole, times, crop)
        return np.stack([*squares, overview(as_image(whole), SIDE_PX)])

    return show


def _overview_factor(whole: PixelArray) -> float:
    return min(1.0, float(OVERVIEW_LONG_PX / max(whole.shape)))


def _try(trial: Trial, pixels: PixelArray, times: float, crop: Crop) -> PixelArray:
    altered = trial.alter(pixels, times, crop.path.name)
    if not trial.is_saved or times > 1:
        return altered
    return decode(recompress(altered, Recompression(TRIAL_QUALITY, None)))
