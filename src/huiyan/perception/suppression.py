"""Several boxes of one thing become one.

Owns: which of overlapping boxes of one class is kept. Has no opinion on: where the boxes come from
and which class is what.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray

IndexArray = NDArray[np.intp]


def suppress(
    xyxy: FloatArray, scores: FloatArray, classes: IndexArray, max_iou: float
) -> IndexArray:
    """Keep the surest of boxes of one class that overlap.

    Parameters
    ----------
    xyxy : ndarray of shape (N, 4), float32
        Boxes as (left, top, right, bottom), in any one unit, finite; N may be 0. Time and memory
        grow with the square of the boxes of one class.
    scores : ndarray of shape (N,), float32
        Higher is surer.
    classes : ndarray of shape (N,), intp
        Boxes of different classes never touch each other's fate.
    max_iou : float
        From 0 to 1: a box that shares more than this with a kept, surer one, as intersection over
        union, goes.

    Returns
    -------
    ndarray of shape (K,), intp
        Which are kept, surest first; among equals the first given comes first.

    Notes
    -----
    The result is that of walking through the boxes one by one from the surest down. Here all boxes
    whose fate is settled are decided at once, which takes a few rounds instead of N.
    """
    order = np.argsort(-scores, kind="stable")
    surer, weaker = _overlapping_pairs(xyxy[order], classes[order], max_iou)
    is_open = np.ones(len(order), np.bool_)
    is_kept = np.zeros(len(order), np.bool_)
    while len(surer):
        is_kept_now = is_open.copy()
        is_kept_now[weaker] = False
        is_kept |= is_kept_now
        is_open &= ~is_kept_now
        is_open[weaker[is_kept_now[surer]]] = False
        still = is_open[surer] & is_open[weaker]
        surer, weaker = surer[still], weaker[still]
    return order[is_kept | is_open]


def _overlapping_pairs(
    xyxy: FloatArray, classes: IndexArray, max_iou: float
) -> tuple[IndexArray, IndexArray]:
    """List the pairs of one class that overlap too much, as places of the surer and the weaker."""
    by_class = np.argsort(classes, kind="stable")
    # In `by_class`, a box at place p pairs with all from p + 1 to the end of its class.
    ends = np.searchsorted(classes[by_class], classes[by_class], side="right")
    places = np.arange(len(by_class))
    counts = ends - places - 1
    first = np.repeat(places, counts)
    starts = np.cumsum(counts) - counts
    second = np.arange(len(first)) - np.repeat(starts, counts) + first + 1
    surer, weaker = by_class[first], by_class[second]
    areas = np.maximum(xyxy[:, 2] - xyxy[:, 0], 0) * np.maximum(xyxy[:, 3] - xyxy[:, 1], 0)
    one, other = xyxy[surer], xyxy[weaker]
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.maximum(sides[:, 0], 0) * np.maximum(sides[:, 1], 0)
    is_too_much = shared > max_iou * (areas[surer] + areas[weaker] - shared)
    return surer[is_too_much], weaker[is_too_much]
