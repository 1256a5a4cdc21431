"""How sure a subject's box is.

Owns: the figures that tell and the weights fitted to them. Has no opinion on: where boxes are from,
and which confidence is enough.

Source: ``docs/decisions/0009-subject.md`` says on what the weights were fitted.
"""

from __future__ import annotations

import math

import numpy as np

from huiyan.kernel.units import FloatArray
from huiyan.subject.grouping import Group, iou

_OFFSET, _CERTAINTY_WEIGHT, _AGREEMENT_WEIGHT = -0.88, 1.16, 2.91
_OBJECT_SHARE = 0.35
"""An object that the mask does not show is rarely what the picture is of."""


def subject_confidence(one: Group, object_xyxy: FloatArray, object_scores: FloatArray) -> float:
    """Tell how probably a subject's box is right.

    Parameters
    ----------
    one : Group
        The subject in the mask.
    object_xyxy : ndarray of shape (N, 4), float32
        Boxes of objects that a detector found, in cells of the mask; N may be 0.
    object_scores : ndarray of shape (N,), float32
        The detector's scores, 0 to 1.

    Returns
    -------
    float
        Probability that the box overlaps a person's by more than half (as intersection over union);
        in (0, 1).
    """
    certainty = min(max(one.weight / int(np.count_nonzero(one.cells)), 0.02), 0.98)
    agreement = max(
        (
            iou(one.xyxy, xyxy) * score
            for xyxy, score in zip(object_xyxy, object_scores.tolist(), strict=True)
        ),
        default=0.0,
    )
    logit = (
        _OFFSET
        + _CERTAINTY_WEIGHT * math.log(certainty / (1 - certainty))
        + _AGREEMENT_WEIGHT * agreement
    )
    return 1 / (1 + math.exp(-logit))


def object_confidence(score: float) -> float:
    """Tell how probably an object that only the detector sees is the picture's subject.

    Parameters
    ----------
    score : float
        The detector's score, 0 to 1.

    Returns
    -------
    float
        In [0, 1].
    """
    return _OBJECT_SHARE * score
