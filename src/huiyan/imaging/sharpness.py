"""How much detail the picture of a face has.

Owns: that measure. Has no opinion on: what is sharp enough.
"""

from __future__ import annotations

import cv2
import numpy as np

from huiyan.kernel.units import FloatArray, PixelArray

_FINE_SIGMA_PX, _COARSE_SIGMA_PX = 1.0, 3.0
_ROWS, _COLUMNS = slice(26, 106), slice(20, 92)
"""From above the eyes to below the mouth: neither hair nor background."""

_STEPS = ((1, 0), (0, 1), (1, 1), (1, -1))
_FINE_FLOOR, _COARSE_FLOOR = 0.1, 3.0
"""Of squared steps of grey: what noise and rounding make of a plain surface."""

_SHARP = 1.2
"""The logarithm of the ratio for the sharpest tenth of good portraits."""


def measure_sharpness(chip: PixelArray) -> float:
    """Tell how sharp a face is.

    Parameters
    ----------
    chip : ndarray of shape (112, 112, 3), uint8
        RGB, as `huiyan.imaging.align.cut_chip` gives it.

    Returns
    -------
    float
        0 to 1; 0 without any detail. Most good portraits have 0.6 to 1; 0.3 where a blur or a lack
        of pixels makes recognition fail often.

    Notes
    -----
    The energy of steps between neighbours after a light blur, over that after a strong one, in the
    direction where it is least: movement blurs in one direction only. The light blur keeps noise
    from passing for detail, the ratio keeps out how much contrast there is.
    """
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine, coarse = (
        cv2.GaussianBlur(grey, (0, 0), sigma_px).astype(np.float32, copy=False)
        for sigma_px in (_FINE_SIGMA_PX, _COARSE_SIGMA_PX)
    )
    least = min(
        (_energy(fine, step) + _FINE_FLOOR) / (_energy(coarse, step) + _COARSE_FLOOR)
        for step in _STEPS
    )
    return float(np.clip(np.log(least) / _SHARP, 0, 1))


def _energy(grey: FloatArray, step: tuple[int, int]) -> float:
    across, down = step
    before = grey[_move(_ROWS, -down), _move(_COLUMNS, -across)]
    after = grey[_move(_ROWS, down), _move(_COLUMNS, across)]
    return float(np.square(after - before).mean())


def _move(part: slice, by_px: int) -> slice:
    return slice(part.start + by_px, part.stop + by_px)
