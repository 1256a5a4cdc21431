"""The figures by which answers are judged.

Owns: how calibration error, hits and tables are computed from arrays. Has no opinion on: where the
arrays come from and which value is good enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray

ECE_BINS = 15


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One row of a reliability table.

    Parameters
    ----------
    count : int
        How many answers fell into it; at least 1.
    lowest : float
        The least confidence among them, in [0, 1].
    highest : float
        The greatest, in [0, 1].
    mean_confidence : float
        In [0, 1].
    share_right : float
        How many of them were right, in [0, 1].
    """

    count: int
    lowest: float
    highest: float
    mean_confidence: float
    share_right: float


def reliability(
    confidences: FloatArray, right: NDArray[np.bool_], bins: int = ECE_BINS
) -> tuple[ReliabilityBin, ...]:
    """Sort answers by confidence and compare what was claimed with what was right.

    Parameters
    ----------
    confidences : ndarray of shape (N,), float32
        In [0, 1]; N may be 0.
    right : ndarray of shape (N,), bool
        Whether each answer was right.
    bins : int, default 15
        Into how many bins of equal mass the answers go.

    Returns
    -------
    tuple of ReliabilityBin
        Confidence rising; fewer than `bins` where there are fewer answers; empty for none.
    """
    order = np.argsort(confidences, kind="stable")
    rows = []
    for members in np.array_split(order, bins):
        if not len(members):
            continue
        inside = confidences[members].astype(np.float64)
        rows.append(
            ReliabilityBin(
                count=len(members),
                lowest=float(inside[0]),
                highest=float(inside[-1]),
                mean_confidence=float(inside.mean()),
                share_right=float(right[members].mean()),
            )
        )
    return tuple(rows)


def expected_calibration_error(table: tuple[ReliabilityBin, ...]) -> float:
    """Average how far claim and truth lie apart.

    Parameters
    ----------
    table : tuple of ReliabilityBin
        From `reliability`.

    Returns
    -------
    float
        The mean over all answers of the gap in their bin, in [0, 1]; 0 for an empty table.

    Notes
    -----
    The equal-mass form of the expected calibration error (doi:10.1609/aaai.v29i1.9602).
    """
    answers = sum(row.count for row in table)
    if not answers:
        return 0.0
    gaps = (row.count * abs(row.mean_confidence - row.share_right) for row in table)
    return sum(gaps) / answers


def top_outputs(by_output: FloatArray, logits: FloatArray, count: int) -> NDArray[np.intp]:
    """Rank the outputs.

    Parameters
    ----------
    by_output : ndarray of shape (n_outputs,), float32
        Confidences of one picture.
    logits : ndarray of shape (n_outputs,), float32
        Settle ties, of which confidences of exactly 0 have many.
    count : int
        How many outputs to name.

    Returns
    -------
    ndarray of shape (min(count, n_outputs),), intp
        Output indices, confidences falling, then logits falling, then by index.
    """
    return np.lexsort((-logits, -by_output))[:count]
