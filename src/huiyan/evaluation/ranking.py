"""How well scores put right answers before wrong ones.

Owns: average precision. Has no opinion on: where scores come from, and which value is good enough.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray


def average_precision(scores: FloatArray, is_positive: NDArray[np.bool_]) -> float | None:
    """Average the precision over all steps of recall.

    Parameters
    ----------
    scores : ndarray of shape (N,), float32
        Greater is surer; any finite numbers; N may be 0.
    is_positive : ndarray of shape (N,), bool
        What is right.

    Returns
    -------
    float or None
        In (0, 1]; None where nothing is right, so that nothing can be found. Equal scores are one
        step, whatever their order, so a model that says the same of everything gets the share of
        what is right and no more.

    Notes
    -----
    The sum over distinct scores of the gain in recall times the precision there, without
    interpolation, which is also what scikit-learn computes.

    Examples
    --------
    >>> average_precision(np.array([0.9, 0.5, 0.1], np.float32), np.array([True, False, True]))
    0.8333333333333333
    """
    positives = int(np.count_nonzero(is_positive))
    if not positives:
        return None
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last_of_step = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits = np.cumsum(is_positive[order])[last_of_step]
    precision = hits / (last_of_step + 1)
    gain = np.diff(hits, prepend=0) / positives
    return float(precision @ gain)
