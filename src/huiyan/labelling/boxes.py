"""Where in a picture labels are seen.

Owns: which boxes a label carries and how sure each is. Has no opinion on: how sure a label is of
the whole picture, and which boxes are worth showing.
"""

from __future__ import annotations

import numpy as np

from huiyan.kernel.units import FloatArray
from huiyan.labelling.evidence import Evidence
from huiyan.labelling.fusion import COLOUR_LAYER, Confidences, Fusion
from huiyan.labelling.model import Instance
from huiyan.perception import classifier, heads
from huiyan.vocabulary.tree import ancestor_rows, own_rows

LEAST_CONFIDENCE = 0.01
"""Less sure boxes are noise at any threshold."""

_SAME_IOU, _SURELY_SAME_IOU = 0.5, 0.7
"""A detected box and the main object's are of one thing from this overlap on: the first where both
are of one category, the second whatever they are."""

_THINGS = frozenset(
    {
        "animal", "plant", "food", "vehicle", "everyday", "clothing", "weapon", "medicine",
        "electronics", "home", "building", "education", "culture", "science", "sport", "leisure",
        "human", "other",
    }
)  # fmt: skip
"""Categories of things that stand somewhere; a scene or an event is the whole picture."""

_THINGS_IF_CLASSES = _THINGS | {"belief", "finance", "event"}
"""The classifier's own classes of these are things too: an altar, a cash machine, a Christmas
stocking. Their broad labels, a wedding or a religion, are not."""

_Box = tuple[float, float, float, float]


class BoxFinder:
    """Gives labels their boxes.

    One instance serves all threads.

    Parameters
    ----------
    fusion : Fusion
        Whose confidences are given boxes.
    """

    def __init__(self, fusion: Fusion) -> None:
        vocabulary = fusion.vocabulary
        above = ancestor_rows(vocabulary)
        categories = [label.category.id for label in vocabulary.labels]
        is_thing = [it in _THINGS for it in categories]
        self._kind_rows = fusion.kind_rows.tolist()
        self._category = categories
        self._things_above = [tuple(it for it in rows if is_thing[it]) for rows in above]
        self._colour_rows = fusion.rows_by_layer[COLOUR_LAYER].tolist()
        self._material_rows = fusion.rows_by_layer[heads.MATERIAL_LAYER].tolist()
        kind_of_row = {row: kind for kind, row in enumerate(self._kind_rows)}
        class_rows = own_rows(vocabulary, classifier.OUTPUT_LAYER, classifier.OUTPUT_COUNT)
        self._thing_rows = np.array(
            [
                row
                for row in dict.fromkeys(class_rows.tolist())
                if categories[row] in _THINGS_IF_CLASSES
            ]
        )
        self._kinds_of_row = {
            row: frozenset(kind_of_row[it] for it in (row, *above[row]) if it in kind_of_row)
            for row in self._thing_rows.tolist()
        }

    def find(self, evidence: Evidence, confidences: Confidences) -> dict[int, tuple[Instance, ...]]:
        """Find the boxes of each label.

        Parameters
        ----------
        evidence : Evidence
            What was seen.
        confidences : Confidences
            How sure the models are together.

        Returns
        -------
        dict of int to tuple of Instance
            By the label's row, confidence falling. A kind of object has the detector's boxes; a
            class of the classifier the surest box of its kind, or else the main object's; a colour
            or material the main object's; a broad label the boxes of all below it.
        """
        found: dict[int, dict[_Box, float]] = {}
        detections, boxes = evidence.detections, confidences.boxes.tolist()
        corners: list[list[float]] = detections.xyxy.tolist()
        by_kind = confidences.by_kind.tolist()
        for corner, kind, sure in zip(corners, detections.classes.tolist(), boxes, strict=True):
            # No box is surer than that such a thing is in the picture at all.
            self._add(found, self._kind_rows[kind], _box(corner), min(sure, by_kind[kind]))
        self._add_classes(found, evidence, confidences)
        main_object = evidence.main_object
        if main_object is not None:
            # Colours are the main object's and already no surer than it is; materials are
            # read off the whole picture.
            shares = [(row, 1.0) for row in self._colour_rows]
            shares += [(row, main_object.confidence) for row in self._material_rows]
            for row, share in shares:
                sure = float(confidences.by_label[row]) * share
                if sure >= LEAST_CONFIDENCE:
                    found[row] = {main_object.xyxy: sure}
        return {
            row: tuple(
                Instance(box, sure) for box, sure in sorted(by_box.items(), key=lambda it: -it[1])
            )
            for row, by_box in found.items()
        }

    def _add(
        self, found: dict[int, dict[_Box, float]], row: int, box: _Box, confidence: float
    ) -> None:
        """Add a box to a label and to all things above it, each box once and at its surest."""
        if confidence < LEAST_CONFIDENCE:
            return
        for each in (row, *self._things_above[row]):
            by_box = found.setdefault(each, {})
            by_box[box] = max(confidence, by_box.get(box, 0.0))

    def _add_classes(
        self,
        found: dict[int, dict[_Box, float]],
        evidence: Evidence,
        confidences: Confidences,
    ) -> None:
        """Give things that the classifier names a box that something else found."""
        surest = _surest_by_kind(evidence, confidences.boxes)
        rivals = self._rivals(evidence, confidences)
        by_row = confidences.by_label[self._thing_rows]
        sure_places = np.flatnonzero(by_row >= LEAST_CONFIDENCE)
        for row, sure in zip(
            self._thing_rows[sure_places].tolist(), by_row[sure_places].tolist(), strict=True
        ):
            places = [surest[kind] for kind in self._kinds_of_row[row] if kind in surest]
            if places:
                place = min(places)  # the detector gives the surest first
                box = _box(evidence.detections.xyxy[place].tolist())
                self._add(found, row, box, min(sure, float(confidences.boxes[place])))
            elif evidence.main_object is not None:
                rival = max(rivals.get(self._category[row], 0.0), rivals.get("", 0.0))
                stands = evidence.main_object.confidence * (1 - rival)
                self._add(found, row, evidence.main_object.xyxy, sure * stands)

    def _rivals(self, evidence: Evidence, confidences: Confidences) -> dict[str, float]:
        """Find how sure the detector is, by category, that the main object is something it knows.

        A giraffe that the classifier, which knows none, calls a cheetah must not become one, nor a
        dog corn. The empty category stands for all.
        """
        if evidence.main_object is None:
            return {}
        rivals: dict[str, float] = {}
        overlaps = _iou(np.array(evidence.main_object.xyxy, np.float32), evidence.detections.xyxy)
        for place in np.flatnonzero(overlaps >= _SAME_IOU).tolist():
            kind = int(evidence.detections.classes[place])
            category = self._category[self._kind_rows[kind]]
            sure = float(confidences.boxes[place])
            named = [category, ""] if overlaps[place] >= _SURELY_SAME_IOU else [category]
            for each in named:
                rivals[each] = max(sure, rivals.get(each, 0.0))
        return rivals


def _iou(one: FloatArray, others: FloatArray) -> FloatArray:
    """Give the intersection over union of one box with each of others, shape (N,)."""
    shared = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    intersection = np.maximum(shared, 0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    union = (one[2:] - one[:2]).prod() + areas - intersection
    overlaps: FloatArray = intersection / union
    return overlaps


def _surest_by_kind(evidence: Evidence, boxes: FloatArray) -> dict[int, int]:
    """Find the place of the surest box of each kind that has one."""
    surest: dict[int, int] = {}
    likely = np.flatnonzero(boxes >= LEAST_CONFIDENCE)
    kinds = evidence.detections.classes[likely]
    for place, kind in zip(likely.tolist(), kinds.tolist(), strict=True):
        surest.setdefault(kind, place)
    return surest


def _box(corners: list[float]) -> _Box:
    left, top, right, bottom = corners
    return left, top, right, bottom
