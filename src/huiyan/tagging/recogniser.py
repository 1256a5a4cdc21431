"""Pictures in, tags out.

Owns: how one classifier's logits become tags of the whole tree, in their fixed order. Has no
opinion on: the defaults of a call, other models whose labels may be fused in, and the wire.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.units import FloatArray
from huiyan.perception.classifier import OUTPUT_COUNT, OUTPUT_LAYER, Classifier
from huiyan.tagging.calibration import Calibration
from huiyan.tagging.model import Tag, TagParams
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import fold, membership_of


@dataclass(frozen=True, slots=True, eq=False)
class TagScores:
    """Everything that is known of one picture before a threshold is applied.

    Parameters
    ----------
    logits : ndarray of shape (1000,), float32
        What the classifier answered; ranks the outputs whose confidence is exactly 0.
    by_output : ndarray of shape (1000,), float32
        Confidence of each output of the classifier, in [0, 1].
    by_label : ndarray of shape (n_labels,), float32
        Confidence of each label in the vocabulary's order, in [0, 1]; 0 for a label that has no
        output at or below it.
    """

    logits: FloatArray
    by_output: FloatArray
    by_label: FloatArray


class TagRecogniser:
    """Names what a picture shows.

    One instance serves all threads.

    Parameters
    ----------
    classifier : Classifier
        The network.
    vocabulary : Vocabulary
        The labels; every output of the network belongs to one.
    calibration : Calibration
        How logits become confidences.

    Raises
    ------
    VocabularyError
        A label claims an output that the network does not have.
    OperatorError
        An output of the network belongs to no label.
    """

    def __init__(
        self, classifier: Classifier, vocabulary: Vocabulary, calibration: Calibration
    ) -> None:
        self._classifier = classifier
        self._vocabulary = vocabulary
        self._calibration = calibration
        self._membership = membership_of(vocabulary, OUTPUT_LAYER, OUTPUT_COUNT)
        self._category_onehot = category_onehot_of(vocabulary)

    @property
    def vocabulary(self) -> Vocabulary:
        """The labels that tags are made of.

        Returns
        -------
        Vocabulary
            The one given at construction.
        """
        return self._vocabulary

    def score(self, image: Image) -> TagScores:
        """Find the confidence of every output and every label.

        Parameters
        ----------
        image : Image
            The picture, upright.

        Returns
        -------
        TagScores
            Confidences, none left out.

        Raises
        ------
        InferenceError
            The network failed.
        """
        logits = self._classifier.look(image).logits
        by_output = self._calibration.confidences(logits, self._category_onehot)
        by_label = np.minimum(fold(self._membership, by_output), np.float32(1))
        return TagScores(logits, by_output, by_label)

    def recognise(self, image: Image, params: TagParams) -> tuple[Tag, ...]:
        """Name what the picture shows.

        Parameters
        ----------
        image : Image
            The picture, upright.
        params : TagParams
            Threshold and limit; the language does not change which tags are found.

        Returns
        -------
        tuple of Tag
            Confidence falling, ties by label id; none below the threshold and none whose
            confidence is 0; may be empty.

        Raises
        ------
        InferenceError
            The network failed.
        """
        by_label = self.score(image).by_label
        kept = np.flatnonzero((by_label >= np.float64(params.threshold)) & (by_label > 0))
        # Rows rise with the label id, so a stable sort settles ties by id.
        ranked = kept[np.argsort(-by_label[kept], kind="stable")[: params.limit]]
        labels = self._vocabulary.labels
        confidences = by_label[ranked].tolist()
        return tuple(
            Tag(labels[row], confidence)
            for row, confidence in zip(ranked.tolist(), confidences, strict=True)
        )


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
    OperatorError
        An output belongs to no label.
    """
    column_by_id = {category.id: column for column, category in enumerate(vocabulary.categories)}
    onehot = np.zeros((OUTPUT_COUNT, len(column_by_id)), dtype=np.float32)
    for label in vocabulary.labels:
        for output in label.outputs:
            if output.model == OUTPUT_LAYER:
                onehot[output.index, column_by_id[label.category.id]] = 1
    homeless = np.flatnonzero(onehot.sum(axis=1) == 0)
    if len(homeless):
        raise OperatorError(f"no label has {OUTPUT_LAYER}:{homeless[0]}")
    return onehot
