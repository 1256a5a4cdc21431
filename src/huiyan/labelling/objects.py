"""Objects of 80 kinds: detector, classifier and context, weighed together.

Owns: the rule that turns what three networks say of a kind of object into one confidence, and the
confidence of one box. Has no opinion on: how the weights were fitted (``tools/fit_fusion.py``),
and what is above or below a kind in the tree of labels.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np

from huiyan.kernel.errors import OperatorError
from huiyan.kernel.units import FloatArray
from huiyan.perception.detector import Slicing

_LEAST_PROBABILITY = np.float32(1e-3)
"""Below it a network's answer says no more than that it saw nothing."""

_CLAIM_FROM_LOGIT = np.float32(-3)
"""Where the classifier starts to speak for a kind: 5 %. It sees the middle of the picture only, so
its silence says nothing."""

_MOST_WEIGHT = 1000
"""No fit comes near it; far more would no longer fit a float32."""


@dataclass(frozen=True, slots=True)
class ObjectWeights:
    """The weights of the rule, shared by all kinds of object.

    Parameters
    ----------
    bias : float
        The logit of a kind that nobody says anything of, but for the other terms.
    whole : float
        Weight of the logit of the detector's best score in the whole picture.
    slices : float
        Weight of the logit of its best score in any slice; 0 where no slices are looked at.
    classifier : float
        Weight of the classifier's claim.
    context : float
        Weight of the logit of what the picture as a whole suggests.
    box_bias, box_score : float
        A box's confidence is the logistic function of bias + weight × logit of its score.
    """

    bias: float
    whole: float
    slices: float
    classifier: float
    context: float
    box_bias: float
    box_score: float

    def confidences(
        self, by_view: FloatArray, classifier: FloatArray, context: FloatArray
    ) -> FloatArray:
        """Weigh the evidence for each kind.

        Parameters
        ----------
        by_view : ndarray of shape (n_views, n_kinds), float32
            The detector's best score of each kind, in [0, 1]: the whole picture first, then the
            slices, if any.
        classifier : ndarray of shape (n_kinds,), float32
            The classifier's confidence in each kind, in [0, 1]; 0 for a kind that it has no
            classes for.
        context : ndarray of shape (n_kinds,), float32
            What the picture as a whole suggests, about 0 to 1.

        Returns
        -------
        ndarray of shape (n_kinds,), float32
            Calibrated, in [0, 1].
        """
        evidence = self.bias + self.whole * logit(by_view[0])
        if len(by_view) > 1:
            evidence = evidence + self.slices * logit(by_view[1:].max(axis=0))
        claim = np.maximum(logit(classifier) - _CLAIM_FROM_LOGIT, np.float32(0))
        evidence = evidence + self.classifier * claim + self.context * logit(context)
        return logistic(evidence)

    def box_confidences(self, scores: FloatArray) -> FloatArray:
        """Tell how likely boxes are right.

        Parameters
        ----------
        scores : ndarray of shape (N,), float32
            The detector's, in [0, 1].

        Returns
        -------
        ndarray of shape (N,), float32
            Probability that an object of the kind is there and overlaps with the box by half of
            their union or more.
        """
        return logistic(self.box_bias + self.box_score * logit(scores))


_WEIGHT_NAMES = tuple(field.name for field in fields(ObjectWeights))


def logit(probability: FloatArray) -> FloatArray:
    """Give the logarithm of the odds, bounded where nothing is known.

    Parameters
    ----------
    probability : ndarray of float32
        In [0, 1].

    Returns
    -------
    ndarray of the same shape, float32
        In about [-6.9, 6.9].
    """
    bounded = np.clip(probability, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    odds: FloatArray = np.log(bounded / (1 - bounded))
    return odds


def logistic(evidence: FloatArray) -> FloatArray:
    """Invert the logit.

    Parameters
    ----------
    evidence : ndarray of float32
        Any finite numbers.

    Returns
    -------
    ndarray of the same shape, float32
        In [0, 1].
    """
    probability: FloatArray = (1 / (1 + np.exp(-np.clip(evidence, -60, 60)))).astype(np.float32)
    return probability


def load_object_weights(slicing: Slicing, file: Traversable | None = None) -> ObjectWeights:
    """Read the fitted weights.

    Parameters
    ----------
    slicing : Slicing
        How closely the detector looks: its scores mean more the closer it does.
    file : Traversable, optional
        A TOML file with one table for each slicing; the one shipped with Huiyan by default.

    Returns
    -------
    ObjectWeights
        The weights.

    Raises
    ------
    OperatorError
        The file cannot be read, or lacks a number.
    """
    if file is None:
        file = resources.files("huiyan.labelling") / "data" / "objects.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get(slicing.value)
    except (OSError, ValueError) as error:
        raise OperatorError(f"{file.name}: cannot be read: {error}") from error
    if not isinstance(table, dict):
        raise OperatorError(f"{file.name}: no table [{slicing.value}]")
    values: dict[str, float] = {}
    for name in _WEIGHT_NAMES:
        value = table.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OperatorError(f"{file.name}: {slicing.value}.{name} is not a number")
        if not abs(value) <= _MOST_WEIGHT:
            raise OperatorError(f"{file.name}: {slicing.value}.{name} is an impossible value")
        values[name] = float(value)
    return ObjectWeights(**values)
