"""How many people are in a picture.

Owns: counting with uncertain boxes and faces, and the groups that counts are named by. Has no
opinion on: who they are, or where boxes come from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray
from huiyan.labelling.objects import logistic, logit

OUTPUT_LAYER = "people5"
GROUPS = ((1, 1), (2, 2), (3, 3), (4, 9), (10, None))
"""Least and greatest count of each output; None for no bound."""

LEAST_COUNTED = 0.12
"""Less sure boxes of people are mostly parts of people who have a surer box; counted with the
others they make two of one (``docs/decisions/0007-fusion.md``)."""

LEAST_FACE_SCORE = 0.9
"""Below it, a face that no person's box holds is as often none."""

_SCORE_WEIGHT = np.float32(1.2)

_MOST_COUNTED = 64
_MAX_FACES_COUNTED = 200


def count_people(box_confidences: FloatArray, lone_face_confidences: FloatArray) -> FloatArray:
    """Find how likely each group is.

    Parameters
    ----------
    box_confidences : ndarray of shape (N,), float32
        How likely each box of a person is right, in [0, 1].
    lone_face_confidences : ndarray of shape (M,), float32
        How likely each face outside all those boxes is one, in [0, 1].

    Returns
    -------
    ndarray of shape (5,), float32
        The probability of each of `GROUPS`; with the probability that nobody is there they add up
        to 1.

    Notes
    -----
    Boxes are taken as independent, so the count follows a Poisson binomial distribution.
    """
    each = np.concatenate([box_confidences, lone_face_confidences])[:_MAX_FACES_COUNTED]
    counts = np.zeros(_MOST_COUNTED + 1, np.float64)
    counts[0] = 1
    for probability in each.tolist():
        one_more = counts[:-1] * probability
        overflow = counts[-1] * probability
        counts *= 1 - probability
        counts[1:] += one_more
        counts[-1] += overflow
    groups = [counts[low : None if high is None else high + 1].sum() for low, high in GROUPS]
    return np.array(groups, np.float32)


def count_confidences(scores: FloatArray) -> FloatArray:
    """Tell how likely each box of a person is one more person.

    Parameters
    ----------
    scores : ndarray of shape (N,), float32
        The detector's, in [0, 1].

    Returns
    -------
    ndarray of shape (N,), float32
        In [0, 1]: more than the confidence of the box, since a box may be off and the person there.
    """
    return logistic(_SCORE_WEIGHT * logit(scores))


def outside(face_xyxy: FloatArray, box_xyxy: FloatArray) -> NDArray[np.bool_]:
    """Find the faces that no box holds.

    Parameters
    ----------
    face_xyxy : ndarray of shape (M, 4), float32
        Faces as (left, top, right, bottom) in px.
    box_xyxy : ndarray of shape (N, 4), float32
        Boxes in the same px.

    Returns
    -------
    ndarray of shape (M,), bool
        True where the face's middle is in none of the boxes.
    """
    middles = (face_xyxy[:, :2] + face_xyxy[:, 2:]) / 2
    inside = (middles[:, np.newaxis] >= box_xyxy[np.newaxis, :, :2]) & (
        middles[:, np.newaxis] <= box_xyxy[np.newaxis, :, 2:]
    )
    is_held: NDArray[np.bool_] = np.logical_and.reduce(inside, axis=2)
    is_outside: NDArray[np.bool_] = ~np.logical_or.reduce(is_held, axis=1)
    return is_outside
