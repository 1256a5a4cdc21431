"""From evidence to one confidence for each label of the vocabulary.

Owns: how the answers of all models meet in the tree of labels. Has no opinion on: how the models
see, boxes, and which labels are worth showing.

``docs/decisions/0007-fusion.md`` gives the measurements behind each rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray
from huiyan.labelling.calibration import Calibration
from huiyan.labelling.evidence import Evidence
from huiyan.labelling.objects import ObjectWeights
from huiyan.labelling.people import (
    GROUPS,
    LEAST_COUNTED,
    LEAST_FACE_SCORE,
    count_confidences,
    count_people,
    outside,
)
from huiyan.labelling.people import OUTPUT_LAYER as PEOPLE_LAYER
from huiyan.perception import classifier, detector, heads
from huiyan.perception.colour import COLOURS
from huiyan.perception.properties import PROPERTIES
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import (
    fold,
    fold_any,
    fold_best,
    membership_of,
    own_rows,
)

COLOUR_LAYER, TONE_LAYER, PROPERTY_LAYER = "colour13", "tone13", "property"
PERSON = 0
"""The detector's class of people."""

ANIMALS = range(14, 24)
"""Its classes of animals, bird to giraffe."""

_SURE_ANIMAL = 0.5

SCENE_COUNT, MATERIAL_COUNT = 14, 5
_TINY = np.float32(1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Confidences:
    """How sure the models are together.

    Parameters
    ----------
    by_output : ndarray of shape (1000,), float32
        Of each class of the classifier alone, in [0, 1].
    by_kind : ndarray of shape (80,), float32
        Of each kind of object in the whole picture, in [0, 1].
    boxes : ndarray of shape (N,), float32
        Of each box of the detections, in [0, 1].
    by_label : ndarray of shape (n_labels,), float32
        Of each label, in [0, 1]; no label is less sure than one below it.
    """

    by_output: FloatArray
    by_kind: FloatArray
    boxes: FloatArray
    by_label: FloatArray


class Fusion:
    """Weighs evidence.

    One instance serves all threads.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels; every output of every model belongs to one.
    calibration : Calibration
        How the classifier's logits become confidences.
    weights : ObjectWeights
        How much each model counts for objects of 80 kinds.

    Attributes
    ----------
    vocabulary : Vocabulary
        The labels.
    kind_rows : ndarray of shape (80,), int64
        The label of each kind of object, as a row of the vocabulary.
    rows_by_layer : dict of str to ndarray of int64
        The labels of the outputs of all other layers but the classifier's, likewise.

    Raises
    ------
    VocabularyError
        An output of a model belongs to no label, or a label claims one that there is not.
    """

    def __init__(
        self, vocabulary: Vocabulary, calibration: Calibration, weights: ObjectWeights
    ) -> None:
        self.vocabulary = vocabulary
        self._calibration = calibration
        self._weights = weights
        self._category_onehot = category_onehot_of(vocabulary)
        self._class_members = membership_of(
            vocabulary, classifier.OUTPUT_LAYER, classifier.OUTPUT_COUNT
        )
        self._kind_members = membership_of(vocabulary, detector.OUTPUT_LAYER, detector.OUTPUT_COUNT)
        self.kind_rows = own_rows(vocabulary, detector.OUTPUT_LAYER, detector.OUTPUT_COUNT)
        self._class_of_pair, self._kind_of_pair = _pairs(vocabulary, self.kind_rows)
        layers = {
            heads.SCENE_LAYER: SCENE_COUNT,
            heads.MATERIAL_LAYER: MATERIAL_COUNT,
            COLOUR_LAYER: len(COLOURS),
            TONE_LAYER: len(COLOURS),
            PEOPLE_LAYER: len(GROUPS),
            PROPERTY_LAYER: len(PROPERTIES),
        }
        self._other_members = [membership_of(vocabulary, *it) for it in layers.items()]
        self.rows_by_layer = {layer: own_rows(vocabulary, layer, n) for layer, n in layers.items()}

    def weigh(self, evidence: Evidence) -> Confidences:
        """Turn evidence into confidences.

        Parameters
        ----------
        evidence : Evidence
            What was seen.

        Returns
        -------
        Confidences
            For all labels, boxes and kinds.
        """
        by_output = self._calibration.confidences(evidence.features.logits, self._category_onehot)
        classified = np.minimum(fold(self._class_members, by_output), np.float32(1))
        boxes = self._weights.box_confidences(evidence.detections.scores)
        by_kind = self._weights.confidences(
            evidence.detections.by_view, classified[self.kind_rows], evidence.context
        )
        is_human = _human_faces(evidence, boxes)
        by_kind[PERSON] = max(by_kind[PERSON], evidence.faces.scores[is_human].max(initial=0))
        agreed = by_output * self._agreement(classified[self.kind_rows], by_kind)
        by_label = np.minimum(fold(self._class_members, agreed), np.float32(1))
        by_label = np.maximum(by_label, fold_any(self._kind_members, by_kind))
        others = (
            evidence.scenes,
            evidence.materials,
            evidence.colours,
            evidence.tones,
            _count(evidence, is_human, float(by_kind[PERSON])),
            evidence.properties,
        )
        for members, confidences in zip(self._other_members, others, strict=True):
            by_label = np.maximum(by_label, fold_best(members, confidences))
        return Confidences(by_output, by_kind, boxes, by_label)

    def _agreement(self, classified: FloatArray, by_kind: FloatArray) -> FloatArray:
        """Find how far each class of the classifier must step back.

        A breed of dog cannot be surer than the dog: where all models together doubt the dog, its
        breeds are doubted in proportion.
        """
        at_most_one = by_kind / np.maximum(classified, np.maximum(by_kind, _TINY))
        factors = np.ones(self._class_members.n_outputs, np.float32)
        np.minimum.at(factors, self._class_of_pair, at_most_one[self._kind_of_pair])
        return factors


def _human_faces(evidence: Evidence, boxes: FloatArray) -> NDArray[np.bool_]:
    """Find the sure faces that are no animal's; the network takes some dogs for people."""
    is_animal = np.isin(evidence.detections.classes, np.array(ANIMALS)) & (boxes >= _SURE_ANIMAL)
    is_sure = evidence.faces.scores >= LEAST_FACE_SCORE
    return is_sure & outside(evidence.faces.xyxy, evidence.detections.xyxy[is_animal])


def _count(evidence: Evidence, is_human: NDArray[np.bool_], anybody: float) -> FloatArray:
    """Find how likely each group of people is, given how likely it is that anybody is there.

    Many weak boxes add up to somebody; whether anybody is there, more than boxes knows better.
    """
    is_person = evidence.detections.classes == PERSON
    sure = count_confidences(evidence.detections.scores[is_person])
    is_counted = sure >= LEAST_COUNTED
    held_by = evidence.detections.xyxy[is_person][is_counted]
    is_lone = is_human & outside(evidence.faces.xyxy, held_by)
    groups = count_people(sure[is_counted], evidence.faces.scores[is_lone])
    counted: FloatArray = groups * np.float32(anybody / max(float(groups.sum()), float(_TINY)))
    return np.minimum(counted, np.float32(anybody))


def _pairs(
    vocabulary: Vocabulary, kind_rows: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """List which class of the classifier lies at or below which kind of object."""
    members = membership_of(vocabulary, classifier.OUTPUT_LAYER, classifier.OUTPUT_COUNT)
    classes_of_kind = [members.row(row) for row in kind_rows.tolist()]
    kinds = np.repeat(np.arange(len(kind_rows)), [len(it) for it in classes_of_kind])
    return np.concatenate(classes_of_kind).astype(np.intp), kinds.astype(np.intp)


def category_onehot_of(vocabulary: Vocabulary) -> FloatArray:
    """Tell the category of each of the classifier's outputs.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels.

    Returns
    -------
    ndarray of shape (1000, n_categories), float32
        A single 1 in each row.

    Raises
    ------
    VocabularyError
        An output belongs to no label.
    """
    column_by_id = {category.id: column for column, category in enumerate(vocabulary.categories)}
    rows = own_rows(vocabulary, classifier.OUTPUT_LAYER, classifier.OUTPUT_COUNT)
    columns = [column_by_id[vocabulary.labels[row].category.id] for row in rows.tolist()]
    onehot = np.zeros((len(rows), len(column_by_id)), dtype=np.float32)
    onehot[np.arange(len(rows)), columns] = 1
    return onehot
