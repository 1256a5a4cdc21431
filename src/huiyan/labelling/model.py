"""What is said of a picture: labels with confidences, some of them with boxes.

Owns: the shape of a finding, its order, and choosing findings by threshold and number. Has no
opinion on: how confidences are found, and how a finding is written on a wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from huiyan.kernel.language import Language
from huiyan.kernel.units import FloatArray
from huiyan.vocabulary.model import Label, Vocabulary

SURE = 0.6
"""A label of this confidence stands for the groups above it."""


@dataclass(frozen=True, slots=True)
class LabelParams:
    """What a caller wants to hear.

    Parameters
    ----------
    language : {'zh', 'en'}
        The language of the plain names in the answer.
    threshold : float
        Findings of a lower confidence are left out; in [0, 1].
    limit : int
        At most so many findings; at least 1.
    """

    language: Language
    threshold: float
    limit: int


@dataclass(frozen=True, slots=True)
class Instance:
    """One place where a label is seen.

    Parameters
    ----------
    xyxy : tuple of float
        Left, top, right and bottom in px of the full upright picture; inside it, not empty.
    confidence : float
        Calibrated probability that the box is right; in [0, 1].
    """

    xyxy: tuple[float, float, float, float]
    confidence: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One label that is said of a picture.

    Parameters
    ----------
    label : Label
        What is said.
    confidence : float
        Calibrated probability that a person would agree; in [0, 1].
    instances : tuple of Instance
        Where it is seen, confidence falling; empty where nothing but the whole picture says so.
    """

    label: Label
    confidence: float
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything that is known of one picture before a threshold is applied.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels.
    by_label : ndarray of shape (n_labels,), float32
        Confidence of each label in the vocabulary's order, in [0, 1]; 0 for a label that no model
        can give.
    instances : mapping of int to tuple of Instance
        By the label's row: where it is seen, confidence falling. Rows without any are missing.
    below_groups : mapping of int to frozenset of int
        Rows of labels that only hold others together, with the rows of all below each: who says
        "cup" does not say "drinkware", "tableware" and "kitchenware" too.
    """

    vocabulary: Vocabulary
    by_label: FloatArray
    instances: Mapping[int, tuple[Instance, ...]]
    below_groups: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def best(self, threshold: float, limit: int) -> tuple[Finding, ...]:
        """Choose what is said of the whole picture.

        Parameters
        ----------
        threshold : float
            Labels of a lower confidence are left out; in [0, 1].
        limit : int
            At most so many; at least 1.

        Returns
        -------
        tuple of Finding
            Confidence falling, ties by label id; none whose confidence is 0, no group of which
            something narrower is sure, whatever the threshold: a higher one only takes away; may
            be empty.
        """
        kept = np.flatnonzero((self.by_label >= np.float64(threshold)) & (self.by_label > 0))
        sure = np.flatnonzero(self.by_label >= SURE).tolist()
        kept = np.array(self._without_groups(kept.tolist(), sure), np.intp)
        # Rows rise with the label id, so a stable sort settles ties by id.
        ranked = kept[np.argsort(-self.by_label[kept], kind="stable")[:limit]]
        return tuple(
            Finding(self.vocabulary.labels[row], confidence, self.instances.get(row, ()))
            for row, confidence in zip(ranked.tolist(), self.by_label[ranked].tolist(), strict=True)
        )

    def boxed(self, threshold: float, limit: int) -> tuple[Finding, ...]:
        """Choose what is said of places in the picture.

        Parameters
        ----------
        threshold : float
            Instances of a lower confidence are left out; in [0, 1].
        limit : int
            At most so many labels; at least 1.

        Returns
        -------
        tuple of Finding
            Each with at least one instance and with the confidence of its best one; confidence
            falling, ties by label id; no group of which something narrower has a box; may be
            empty.
        """
        kept_by_row = {
            row: kept
            for row in sorted(self.instances)
            if (kept := tuple(it for it in self.instances[row] if it.confidence >= threshold))
        }
        found = [
            Finding(self.vocabulary.labels[row], kept_by_row[row][0].confidence, kept_by_row[row])
            for row in self._without_groups(kept_by_row, kept_by_row)
        ]
        found.sort(key=lambda finding: -finding.confidence)
        return tuple(found[:limit])

    def _without_groups(self, rows: Iterable[int], narrower: Iterable[int]) -> list[int]:
        """Leave groups out that something narrower stands for; the order stays."""
        known = frozenset(narrower)
        return [row for row in rows if known.isdisjoint(self.below_groups.get(row, ()))]
