"""Which things in a mask are subjects, told with the help of a detector's boxes.

Owns: the parts of a mask that count, joining what one object was torn into, taking apart what
several objects grew into, and where edges lie. Has no opinion on: how sure an answer is, and which
networks made mask and boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huiyan.imaging.mask import find_parts
from huiyan.kernel.units import FloatArray

MASK_THRESHOLD = 0.3
"""What a place must exceed to belong to a subject; box quality is flat from 0.3 to 0.6."""

_LEAST_PEAK = 0.6
"""A mask that is nowhere surer is a guess about nothing in particular."""
_LEAST_SHARE = 0.03
"""Parts of less weight than this share of the heaviest are crumbs."""
_MEMBER_SHARE = 0.15
"""Parts of at least this share of the heaviest are subjects in their own right."""
_MOST_PARTS = 12
_JOIN_INSIDE, _JOIN_IOU = 0.8, 0.5
_SPLIT_FILLED, _SPLIT_OVERLAP, _SPLIT_COVER = 0.4, 0.35, 0.7

CellArray = NDArray[np.bool_]
"""Which cells of a mask are meant."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One subject in a mask.

    Parameters
    ----------
    cells : ndarray of shape (H, W), bool
        Where it is; at least one cell.
    weight : float
        The sum of the mask over its cells; above 0.
    xyxy : ndarray of shape (4,), float32
        Its box in cells of the mask, edges between cells where the mask says so.
    """

    cells: CellArray
    weight: float
    xyxy: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """What a mask shows.

    Parameters
    ----------
    main : Group or None
        The main subject as a whole; None where the mask shows nothing.
    members : tuple of Group
        The subjects that it consists of, the heaviest first; empty where it is a single one.
    """

    main: Group | None
    members: tuple[Group, ...] = ()


def group(mask: FloatArray, object_xyxy: FloatArray) -> Grouping:
    """Find the subjects in a mask.

    Parameters
    ----------
    mask : ndarray of shape (H, W), float32
        How much each place belongs to the main subject, 0 to 1.
    object_xyxy : ndarray of shape (N, 4), float32
        Boxes of objects that a detector is sure of, in cells of the mask, the surest first; N may
        be 0.

    Returns
    -------
    Grouping
        Nothing in it where the mask is low all over.
    """
    if not mask.size or mask.max() < _LEAST_PEAK:
        return Grouping(None)
    parts = find_parts(mask, MASK_THRESHOLD)
    count = len(parts.areas_px)
    weights = np.bincount(parts.labels.ravel(), mask.ravel(), count + 1)[1:].astype(np.float32)
    kept = np.argsort(-weights, kind="stable")[:_MOST_PARTS]
    kept = kept[weights[kept] >= _LEAST_SHARE * weights[kept[0]]] + 1
    found = [_group(mask, parts.labels == part) for part in kept.tolist()]
    main = found[0] if len(found) == 1 else _union(mask, found)
    found = _join(mask, found, object_xyxy)
    members = [part for one in found for part in _split(mask, one, object_xyxy)]
    members.sort(key=lambda one: -one.weight)
    members = [one for one in members if one.weight >= _MEMBER_SHARE * members[0].weight]
    return Grouping(main, tuple(members) if len(members) > 1 else ())


def _group(mask: FloatArray, cells: CellArray) -> Group:
    return Group(cells, float(mask[cells].sum()), _box(mask, cells))


def _union(mask: FloatArray, groups: list[Group]) -> Group:
    return _group(mask, np.logical_or.reduce([one.cells for one in groups]))


def _box(mask: FloatArray, cells: CellArray) -> FloatArray:
    """Find the box of some cells, edges between cells by interpolation."""
    height, width = cells.shape
    left, right = _first_edge(mask, cells), _first_edge(mask[:, ::-1], cells[:, ::-1])
    top, bottom = _first_edge(mask.T, cells.T), _first_edge(mask[::-1].T, cells[::-1].T)
    return np.array([left, top, width - right, height - bottom], np.float32)


def _first_edge(mask: FloatArray, cells: CellArray) -> float:
    """Tell where, from the left, the mask first crosses the threshold at these cells."""
    place = int(cells.any(axis=0).argmax())
    if place == 0:
        return 0.0
    rows = cells[:, place]
    inside = float(mask[rows, place].max())
    # Beyond the cut between two subjects the mask may still be high.
    outside = min(float(mask[rows, place - 1].max()), MASK_THRESHOLD)
    # Values belong to the middles of cells.
    return place + 0.5 - (inside - MASK_THRESHOLD) / (inside - outside)


def _join(mask: FloatArray, groups: list[Group], object_xyxy: FloatArray) -> list[Group]:
    """Join the parts that lie together in the box of one object and fill it."""
    for xyxy in object_xyxy:
        inside = [one for one in groups if share_inside(one, xyxy) >= _JOIN_INSIDE]
        if len(inside) < 2:
            continue
        joined = _union(mask, inside)
        if iou(joined.xyxy, xyxy) >= _JOIN_IOU:
            rest = [one for one in groups if all(one is not part for part in inside)]
            groups = [*rest, joined]
    return groups


def _split(mask: FloatArray, whole: Group, object_xyxy: FloatArray) -> list[Group]:
    """Take a part apart where boxes of objects that hardly overlap cover it between them."""
    pieces: list[Group] = []
    taken: list[FloatArray] = []
    for xyxy in object_xyxy:
        window = _window(whole.cells, xyxy)
        is_filled = window.any() and window.mean() >= _SPLIT_FILLED
        if is_filled and all(_overlap(xyxy, other) < _SPLIT_OVERLAP for other in taken):
            cells = np.zeros_like(whole.cells)
            _window(cells, xyxy)[...] = window
            pieces.append(_group(mask, cells))
            taken.append(xyxy)
    if len(pieces) < 2:
        return [whole]
    covered = _union(mask, pieces).weight
    return pieces if covered >= _SPLIT_COVER * whole.weight else [whole]


def _window(cells: CellArray, xyxy: FloatArray) -> CellArray:
    """Cut a box out of a plane; a view."""
    left, top, right, bottom = (max(0, round(edge)) for edge in xyxy.tolist())
    return cells[top:bottom, left:right]


def _area(xyxy: FloatArray) -> float:
    return float(max(0.0, xyxy[2] - xyxy[0]) * max(0.0, xyxy[3] - xyxy[1]))


def _shared_area(first: FloatArray, second: FloatArray) -> float:
    corners = np.concatenate([np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])])
    return _area(corners)


def _overlap(first: FloatArray, second: FloatArray) -> float:
    """Share of the smaller box that lies in the other."""
    return _shared_area(first, second) / max(min(_area(first), _area(second)), 1e-6)


def iou(first: FloatArray, second: FloatArray) -> float:
    """Tell how far two boxes are the same.

    Parameters
    ----------
    first, second : ndarray of shape (4,), float32
        (left, top, right, bottom) in one unit.

    Returns
    -------
    float
        Intersection over union, 0 to 1; 0 where both are empty.
    """
    shared = _shared_area(first, second)
    return shared / max(_area(first) + _area(second) - shared, 1e-6)


def share_inside(one: Group, xyxy: FloatArray) -> float:
    """Tell how much of a subject lies in a box.

    Parameters
    ----------
    one : Group
        The subject.
    xyxy : ndarray of shape (4,), float32
        The box, in cells of the mask.

    Returns
    -------
    float
        Share of its cells, 0 to 1.
    """
    return float(_window(one.cells, xyxy).sum() / one.cells.sum())
