"""The network that finds objects of 80 kinds and where they are.

Owns: what the network wants to see, the meaning of its output's order, and joining what it finds in
the whole picture and in slices of it. Has no opinion on: names of classes in any language, how sure
is sure enough, and which engine runs the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np

from huiyan.imaging.geometry import clip_boxes, map_boxes
from huiyan.imaging.picture import Image
from huiyan.imaging.slices import Slice, lay_slices, squash_slice
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.suppression import IndexArray, suppress
from huiyan.runtime.fan_out import FanOut
from huiyan.runtime.session import Session

OUTPUT_LAYER = "coco80"
"""The name by which a vocabulary speaks of the classes."""

OUTPUT_COUNT = 80
COCO80_NAMES = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog"),
    *("horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella"),
    *("handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite"),
    *("baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle"),
    *("wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich"),
    *("orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote"),
    *("keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book"),
    *("clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)
"""The classes as COCO names them, in the outputs' order, for labelled sets."""

OUTPUT_NAMES = ("boxes", "scores")
"""The card's outputs in the order that `Detector` reads them."""

INPUT_SIDE_PX = 300
BOX_COUNT = 1917
MIN_SCORE = 0.01
"""Below it, boxes no longer change the measured quality, and cost time."""

MAX_DETECTIONS = 100

_COCO_ID_COUNT = 91
_ABSENT_COCO_IDS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""The background, and things that COCO numbered and never labelled."""

_COCO_ID_OF_CLASS = np.setdiff1d(np.arange(_COCO_ID_COUNT), _ABSENT_COCO_IDS)
_CLASS_OF_COCO_ID = np.full(_COCO_ID_COUNT, -1, np.intp)
_CLASS_OF_COCO_ID[_COCO_ID_OF_CLASS] = range(80)

_MAX_CANDIDATES = 1000
_MIN_MARGIN = 0.02
"""A box nearer to the border of a slice, as a share of its side, is taken for a cut thing."""

_MAX_SLICE_SHARE = 0.5
"""A thing that fills more of a slice's area is better judged in a wider view."""
_MAX_IOU = 0.6
"""The published network's own."""


class Slicing(StrEnum):
    """How closely a picture is looked at.

    Small things are only seen when a part of the picture fills the network's square. Figures and
    costs are in ``docs/decisions/0008-detection.md``.
    """

    OFF = "off"
    STANDARD = "standard"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Grid:
    """Slices that are looked at besides the whole picture.

    Parameters
    ----------
    count_along : int
        How many lie along the long side of the picture; the width, where both are equal.
    count_across : int
        How many lie along its short side.
    share_along : float
        Length of each along the long side, as a share of it.
    share_across : float
        The same along the short side.
    """

    count_along: int
    count_across: int
    share_along: float
    share_across: float

    def lay(self, size_wh: tuple[int, int]) -> tuple[Slice, ...]:
        """Lay the slices over a picture.

        Parameters
        ----------
        size_wh : tuple of int
            Width and height of the picture in px, each at least 1.

        Returns
        -------
        tuple of Slice
            Row by row; together they cover the picture.
        """
        counts = self.count_along, self.count_across
        shares = self.share_along, self.share_across
        if size_wh[0] < size_wh[1]:
            counts, shares = (counts[1], counts[0]), (shares[1], shares[0])
        return lay_slices(size_wh, counts, shares)


GRIDS: dict[Slicing, tuple[Grid, ...]] = {
    Slicing.OFF: (),
    Slicing.STANDARD: (Grid(3, 2, 0.42, 0.6),),
    Slicing.FINE: (Grid(2, 2, 0.6, 0.6), Grid(3, 3, 0.4, 0.4)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Objects, surest first.

    Parameters
    ----------
    xyxy : ndarray of shape (N, 4), float32
        (left, top, right, bottom) in px of the full upright picture, inside it, never empty.
    scores : ndarray of shape (N,), float32
        0 to 1, falling; the network's, not calibrated.
    classes : ndarray of shape (N,), intp
        0 to 79, in COCO's order without the ids that were never labelled.
    by_view : ndarray of shape (n_views, 80), float32
        The best score of each class in the whole picture and in each slice, in this order and
        whatever became of its box: several views that agree say more than one.
    """

    xyxy: FloatArray
    scores: FloatArray
    classes: IndexArray
    by_view: FloatArray


def count_inferences(slicing: Slicing) -> int:
    """Tell how often the network runs for one picture.

    Parameters
    ----------
    slicing : Slicing
        How closely the picture is looked at.

    Returns
    -------
    int
        At least 1, for the whole picture.
    """
    return 1 + sum(grid.count_along * grid.count_across for grid in GRIDS[slicing])


def min_short_side_px(slicing: Slicing) -> int:
    """Tell how much of a picture decoding should keep.

    Parameters
    ----------
    slicing : Slicing
        How closely the picture is looked at.

    Returns
    -------
    int
        The short side in px at which slices are not enlarged along it for the network.
    """
    return max(INPUT_SIDE_PX, *(round(INPUT_SIDE_PX / it.share_across) for it in GRIDS[slicing]), 0)


class Detector:
    """SSD MobileNet v2 over the 80 COCO classes.

    One instance serves all threads.

    Parameters
    ----------
    session : Session
        Takes uint8 of shape (1, 300, 300, 3), RGB, and answers `OUTPUT_NAMES`: float32 of shape
        (1917, 4), boxes as (top, left, bottom, right) from 0 to 1 of the input, and float32 of
        shape (1, 1917, 91), scores from 0 to 1 of COCO's ids from 0.
    fan_out : FanOut
        Looks at the slices of one picture side by side where cores are idle.
    """

    def __init__(self, session: Session, fan_out: FanOut) -> None:
        self._session = session
        self._fan_out = fan_out

    def detect(self, image: Image, slicing: Slicing) -> Detections:
        """Find the objects of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright; its short side should be at least ``min_short_side_px(slicing)``.
        slicing : Slicing
            How closely it is looked at.

        Returns
        -------
        Detections
            At most `MAX_DETECTIONS`, of a score of at least `MIN_SCORE`; boxes of one class overlap
            by at most 0.6 as intersection over union.

        Raises
        ------
        InferenceError
            The network failed, or answered with something else than finite numbers of those shapes.
        """
        height, width = image.pixels.shape[:2]
        parts = [(0, 0, width, height)]
        for grid in GRIDS[slicing]:
            parts += grid.lay((width, height))
        jobs = [partial(self._look, image, part) for part in parts]
        found = self._fan_out.run(jobs)
        xyxy, scores, classes, by_view = (
            np.concatenate([getattr(it, name) for it in found])
            for name in ("xyxy", "scores", "classes", "by_view")
        )
        kept = suppress(xyxy, scores, classes, _MAX_IOU, MAX_DETECTIONS)
        return Detections(xyxy[kept], scores[kept], classes[kept], by_view)

    def _look(self, image: Image, part: Slice) -> Detections:
        """Find what one part of a picture shows, boxes in px of the full picture."""
        height, width = image.pixels.shape[:2]
        pixels = squash_slice(image.pixels, part, INPUT_SIDE_PX)
        outputs = self._session.run((pixels[np.newaxis],))
        unit, scores, classes = _read(outputs)
        best = outputs[1][0].max(axis=0)[np.newaxis, _COCO_ID_OF_CLASS]
        kept = suppress(unit, scores, classes, _MAX_IOU, MAX_DETECTIONS)
        unit = np.clip(unit[kept], np.float32(0), np.float32(1))
        left, top, right, bottom = part
        is_inner = np.array([left > 0, top > 0, right < width, bottom < height])
        margins = np.hstack([unit[:, :2], 1 - unit[:, 2:]])
        is_whole = (margins[:, is_inner] > _MIN_MARGIN).all(axis=1)
        sides = np.array([right - left, bottom - top] * 2, np.float32)
        xyxy = unit * sides + np.array([left, top] * 2, np.float32)
        if is_inner.any():
            is_whole &= np.prod(unit[:, 2:] - unit[:, :2], axis=1) <= _MAX_SLICE_SHARE
        xyxy = clip_boxes(map_boxes(xyxy, (width, height), image.size_wh), image.size_wh)
        fits = is_whole & (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
        return Detections(xyxy[fits], scores[kept][fits], classes[kept][fits], best)


def _read(outputs: tuple[AnyArray, ...]) -> tuple[FloatArray, FloatArray, IndexArray]:
    """Give the likely boxes as (left, top, right, bottom), 0 to 1, with scores and classes."""
    if [it.shape for it in outputs] != [(BOX_COUNT, 4), (1, BOX_COUNT, _COCO_ID_COUNT)]:
        raise InferenceError("the detector answered with unexpected shapes")
    boxes, scores = outputs[0], outputs[1][0]
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise InferenceError("the detector answered with something else than numbers")
    # Flat: some times faster than by row and column.
    likely = np.flatnonzero(scores >= MIN_SCORE)
    likely = likely[_CLASS_OF_COCO_ID[likely % _COCO_ID_COUNT] >= 0]
    found = scores.reshape(-1)[likely]
    if len(likely) > _MAX_CANDIDATES:
        surest = np.argsort(-found, kind="stable")[:_MAX_CANDIDATES]
        likely, found = likely[surest], found[surest]
    box_of, coco_ids = np.divmod(likely, _COCO_ID_COUNT)
    # A box far outside must not make areas overflow.
    xyxy = np.clip(boxes[box_of][:, [1, 0, 3, 2]], np.float32(-1), np.float32(2))
    return xyxy, found, _CLASS_OF_COCO_ID[coco_ids]
