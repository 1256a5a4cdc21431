"""The main object of a picture, as far as naming its colour and material needs it.

Owns: where it is and how sure that is. Has no opinion on: several subjects, edges and cut-outs,
which are the main-subject operation's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from huiyan.imaging.mask import find_parts
from huiyan.kernel.units import FloatArray

_MASK_THRESHOLD = 0.5
_LEAST_AREA_SHARE = 0.01
"""A smaller part of a coarse mask is too few cells to tell its colour from what is around it."""


@dataclass(frozen=True, slots=True, eq=False)
class MainObject:
    """What a picture is mainly of.

    Parameters
    ----------
    xyxy : tuple of float
        Its box in px of the full upright picture; inside it, not empty.
    confidence : float
        How sure the mask is of it, in [0, 1].
    weights : ndarray of shape (H, W), float32
        How much each place of the mask belongs to it, in [0, 1]; 0 outside the box.
    """

    xyxy: tuple[float, float, float, float]
    confidence: float
    weights: FloatArray


def find_main_object(mask: FloatArray, size_wh: tuple[int, int]) -> MainObject | None:
    """Find the main object in a mask.

    Parameters
    ----------
    mask : ndarray of shape (H, W), float32
        How much each place belongs to the main subject, in [0, 1], over the whole picture.
    size_wh : tuple of int
        Width and height of the full picture in px.

    Returns
    -------
    MainObject or None
        The largest part that stands out; None where nothing does.
    """
    parts = find_parts(mask, _MASK_THRESHOLD)
    if not len(parts.areas_px):
        return None
    largest = int(parts.areas_px.argmax())
    if parts.areas_px[largest] < _LEAST_AREA_SHARE * mask.size:
        return None
    is_inside = parts.labels == largest + 1
    rows, columns = np.flatnonzero(is_inside.any(axis=1)), np.flatnonzero(is_inside.any(axis=0))
    (width, height), (down, across) = size_wh, mask.shape
    # Multiplied first, so that the last column ends exactly where the picture does.
    xyxy = (
        int(columns[0]) * width / across,
        int(rows[0]) * height / down,
        int(columns[-1] + 1) * width / across,
        int(rows[-1] + 1) * height / down,
    )
    weights = np.where(is_inside, mask, np.float32(0))
    return MainObject(xyxy, float(mask[is_inside].mean()), weights)
