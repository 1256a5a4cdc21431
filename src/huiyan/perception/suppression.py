"""Several boxes of one thing become one.

Owns: which of overlapping boxes of one class is kept. Has no opinion on: where the boxes come from
and which class is what.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray

IndexArray = NDArray[np.intp]


_CHUNK = 96
"""Boxes decided at once: few enough that all against all stays cheap."""


def suppress(
    xyxy: FloatArray,
    scores: FloatArray,
    classes: IndexArray,
    max_iou: float,
    max_count: int | None = None,
) -> IndexArray:
    """Keep the surest of boxes of one class that overlap.

    Parameters
    ----------
    xyxy : ndarray of shape (N, 4), float32
        Boxes as (left, top, right, bottom), in any one unit, finite; N may be 0.
    scores : ndarray of shape (N,), float32
        Higher is surer.
    classes : ndarray of shape (N,), intp
        Boxes of different classes never touch each other's fate.
    max_iou : float
        From 0 to 1: a box that shares more than this with a kept, surer one, as intersection over
        union, goes.
    max_count : int, optional
        The most that are kept, the surest of them, at least 0; all by default. A small number
        saves much time: what lies behind the last one kept is never looked at.

    Returns
    -------
    ndarray of shape (K,), intp
        Which are kept, surest first; among equals the first given comes first.

    Notes
    -----
    The result is that of walking through the boxes one by one from the surest down, which is done
    in chunks: each is compared with what is kept already, then within itself. Time grows with the
    boxes looked at times the boxes kept.
    """
    order = np.argsort(-scores, kind="stable")
    most = len(order) if max_count is None else max_count
    edges, classes = np.ascontiguousarray(xyxy[order].T), classes[order]
    kept = np.empty(0, np.intp)
    for start in range(0, len(order), _CHUNK):
        if len(kept) >= most:
            break
        left = np.arange(start, min(start + _CHUNK, len(order)))
        if start:
            left = left[~_overlaps(edges, classes, kept, left, max_iou).any(axis=0)]
        kept = np.concatenate([kept, left[_walk(_overlaps(edges, classes, left, left, max_iou))]])
    return order[kept[:most]]


def _walk(overlaps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Decide boxes one by one, surest first, by which of them overlap too much."""
    is_kept = np.ones(len(overlaps), np.bool_)
    later = np.triu(overlaps, 1)
    for place in np.flatnonzero(later.any(axis=1)).tolist():
        if is_kept[place]:
            is_kept[later[place]] = False
    return is_kept


def _overlaps(
    edges: FloatArray, classes: IndexArray, ones: IndexArray, others: IndexArray, max_iou: float
) -> NDArray[np.bool_]:
    """Tell which boxes of one class overlap too much; shape (len(ones), len(others))."""
    one, other = edges[:, ones, np.newaxis], edges[:, others]
    shared = _overlap_along(one[0], one[2], other[0], other[2])
    shared *= _overlap_along(one[1], one[3], other[1], other[3])
    most = _areas(one) + _areas(other)
    most -= shared
    most *= np.float32(max_iou)
    is_same: NDArray[np.bool_] = classes[ones, np.newaxis] == classes[others]
    return (shared > most) & is_same


def _overlap_along(
    low: FloatArray, high: FloatArray, other_low: FloatArray, other_high: FloatArray
) -> FloatArray:
    common: FloatArray = np.minimum(high, other_high)
    common -= np.maximum(low, other_low)
    return np.maximum(common, np.float32(0), out=common)


def _areas(edges: FloatArray) -> FloatArray:
    left, top, right, bottom = edges
    areas: FloatArray = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    return areas
