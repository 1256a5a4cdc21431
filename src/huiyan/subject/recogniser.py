"""Pictures in, subjects out.

Owns: how mask and objects of one picture become its subjects. Has no opinion on: the defaults of a
call, what is done with the mask besides, and the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray
from huiyan.perception.detector import Detections, Detector, Slicing, min_short_side_px
from huiyan.perception.saliency import SaliencyModel
from huiyan.runtime.fan_out import FanOut
from huiyan.subject.confidence import object_confidence, subject_confidence
from huiyan.subject.grouping import Group, Grouping, group, iou, share_inside
from huiyan.subject.model import Box, Rank, Sight, Subject, SubjectParams

_OBJECT_SCORE = 0.4
"""Objects below it say nothing of which subjects there are."""
_SURE_SCORE = 0.6
"""Objects from here on may move a box, and are subjects where the mask shows none."""
_SAME_IOU, _SAME_INSIDE = 0.4, 0.85
_OBJECT_PULL = 0.3
"""How far a box moves from the mask's to that of an object that is the same thing."""
_LEAST_OBJECT_SHARE = 0.02
_LEAST_SIDE_PX = 0.01
"""The least that two decimals can show."""


@dataclass(frozen=True, slots=True, eq=False)
class _Objects:
    """What the detector found, in cells of the mask, the surest first."""

    xyxy: FloatArray
    scores: FloatArray

    def above(self, score: float) -> _Objects:
        kept = self.scores >= score
        return _Objects(self.xyxy[kept], self.scores[kept])


class SubjectRecogniser:
    """Finds what a picture is of.

    One instance serves all threads.

    Parameters
    ----------
    saliency : SaliencyModel
        Makes the mask.
    detector : Detector
        Finds objects.
    fan_out : FanOut
        Runs the networks of one picture side by side where cores are idle.
    looks_twice : bool, default True
        Whether the mask is the mean of the picture's and its mirror image's: a better mask and
        better boxes for a second inference (``docs/decisions/0009-subject.md``).
    """

    def __init__(
        self,
        saliency: SaliencyModel,
        detector: Detector,
        fan_out: FanOut,
        *,
        looks_twice: bool = True,
    ) -> None:
        self._saliency = saliency
        self._detector = detector
        self._fan_out = fan_out
        self._looks_twice = looks_twice

    @property
    def min_short_side_px(self) -> int:
        """The short side in px that decoding should keep.

        Returns
        -------
        int
            What the more demanding of the two networks takes in.
        """
        return max(self._saliency.side_px, min_short_side_px(Slicing.OFF))

    def look(self, image: Image) -> Sight:
        """Find the mask and every subject of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright, of any size.

        Returns
        -------
        Sight
            No subject left out.

        Raises
        ------
        InferenceError
            A network failed.
        """
        views = [image]
        if self._looks_twice:
            mirrored = np.ascontiguousarray(image.pixels[:, ::-1])
            views.append(replace(image, pixels=mirrored))
        jobs: list[Callable[[], FloatArray | Detections]] = [
            *(partial(self._saliency.mask, view) for view in views),
            partial(self._detector.detect, image, Slicing.OFF),
        ]
        results = self._fan_out.run(jobs)
        (found,) = (one for one in results if isinstance(one, Detections))
        masks = [one for one in results if not isinstance(one, Detections)]
        masks[1:] = [mirrored[:, ::-1] for mirrored in masks[1:]]
        mask = np.asarray(np.mean(masks, axis=0), np.float32)
        return Sight(mask, image.size_wh, subjects_of(mask, found, image.size_wh))

    def recognise(self, image: Image, params: SubjectParams) -> tuple[Subject, ...]:
        """Name the subjects of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright, of any size.
        params : SubjectParams
            The threshold.

        Returns
        -------
        tuple of Subject
            The main subject first, then the others, confidence falling; none below the threshold;
            empty where the picture has none.

        Raises
        ------
        InferenceError
            A network failed.
        """
        subjects = self.look(image).subjects
        return tuple(one for one in subjects if one.confidence >= params.threshold)


def subjects_of(
    mask: FloatArray, found: Detections, size_wh: tuple[int, int]
) -> tuple[Subject, ...]:
    """Tell the subjects of a picture from its mask and its objects.

    Parameters
    ----------
    mask : ndarray of shape (H, W), float32
        How much each place belongs to the main subject, 0 to 1.
    found : Detections
        Objects, in px of the full picture.
    size_wh : tuple of int
        Width and height of the full picture in px.

    Returns
    -------
    tuple of Subject
        The main subject first; may be empty.
    """
    height, width = mask.shape
    per_cell = np.array([size_wh[0] / width, size_wh[1] / height] * 2, np.float32)
    objects = _Objects(found.xyxy / per_cell, found.scores).above(_OBJECT_SCORE)
    grouping = group(mask, objects.xyxy)
    if grouping.main is None:
        ranked = _object_alone(objects, mask.size)
    else:
        ranked = _in_mask(grouping, grouping.main, objects)
    subjects = [
        Subject(rank, _place(xyxy * per_cell, size_wh), confidence)
        for rank, xyxy, confidence in ranked
    ]
    return (*subjects[:1], *sorted(subjects[1:], key=lambda one: -one.confidence))


_Ranked = list[tuple[Rank, FloatArray, float]]


def _in_mask(grouping: Grouping, main: Group, objects: _Objects) -> _Ranked:
    def ranked(one: Group, rank: Rank) -> tuple[Rank, FloatArray, float]:
        confidence = subject_confidence(one, objects.xyxy, objects.scores)
        return rank, _pull(one, objects.above(_SURE_SCORE).xyxy), confidence

    return [
        ranked(main, Rank.MAIN),
        *(ranked(one, Rank.SECONDARY) for one in grouping.members),
    ]


def _pull(one: Group, object_xyxy: FloatArray) -> FloatArray:
    """Move a box a little to that of the object that is the same thing, where there is one."""
    same = [
        xyxy
        for xyxy in object_xyxy
        if iou(one.xyxy, xyxy) >= _SAME_IOU and share_inside(one, xyxy) >= _SAME_INSIDE
    ]
    if not same:
        return one.xyxy
    nearest = max(same, key=lambda xyxy: iou(one.xyxy, xyxy))
    pulled: FloatArray = one.xyxy + np.float32(_OBJECT_PULL) * (nearest - one.xyxy)
    return pulled


def _object_alone(objects: _Objects, cell_count: int) -> _Ranked:
    """Take the surest object for the subject where the mask shows nothing."""
    sure = objects.above(_SURE_SCORE)
    extents = sure.xyxy[:, 2:] - sure.xyxy[:, :2]
    large = np.flatnonzero(extents.prod(axis=1) >= _LEAST_OBJECT_SHARE * cell_count)
    if not len(large):
        return []
    first = int(large[0])
    return [(Rank.MAIN, sure.xyxy[first], object_confidence(float(sure.scores[first])))]


def _place(xyxy: FloatArray, size_wh: tuple[int, int]) -> Box:
    """Clip to the picture; never empty."""
    left, top, right, bottom = (float(edge) for edge in xyxy)
    width, height = size_wh
    left = min(max(left, 0.0), width - _LEAST_SIDE_PX)
    top = min(max(top, 0.0), height - _LEAST_SIDE_PX)
    right = min(max(right, left + _LEAST_SIDE_PX), float(width))
    bottom = min(max(bottom, top + _LEAST_SIDE_PX), float(height))
    return left, top, right, bottom
