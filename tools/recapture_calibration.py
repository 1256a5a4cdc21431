"""From scores to probabilities, and the thresholds that follow.

Owns: how looks are weighed into log-odds, how bold those may be, and from where on a picture counts
as genuine. Has no opinion on: where scores come from, and how the service uses the numbers
(``huiyan.recapture.fusion``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

ACCUSING = 0.95
"""The probability from which the wire's default calls a picture recaptured."""

MOST_ACCUSED = 0.02
MOST_WRONGLY_GENUINE = 0.02
LEAST_LOOSENESS = 1e4
"""Hardly any ridge: there are two or three numbers to fit."""


@dataclass(frozen=True, slots=True)
class Weighing:
    """A linear function of scores: log-odds.

    Parameters
    ----------
    factors : tuple of float
        One for each score.
    bias : float
        What is added.
    """

    factors: tuple[float, ...]
    bias: float

    def log_odds(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weigh.

        Parameters
        ----------
        scores : ndarray of shape (N, scores), float64
            Scores.

        Returns
        -------
        ndarray of shape (N,), float64
            Log-odds.
        """
        weighed: NDArray[np.float64] = scores @ np.array(self.factors) + self.bias
        return weighed

    def flattened(self, times: float) -> Weighing:
        """Make it less sure; what it decides at one half stays.

        Parameters
        ----------
        times : float
            By what log-odds are multiplied, above 0 and at most 1.

        Returns
        -------
        Weighing
            The less sure one.
        """
        return Weighing(tuple(times * factor for factor in self.factors), times * self.bias)


def weigh(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> Weighing:
    """Fit log-odds; both classes count alike, however many pictures they have.

    Parameters
    ----------
    scores : ndarray of shape (N, scores), float64
        Scores of pictures whose collectors were left out.
    positive : ndarray of shape (N,), bool
        Their classes; both occur.

    Returns
    -------
    Weighing
        By logistic regression.
    """
    spread = scores.std(axis=0) + 1e-12
    machine = LogisticRegression(C=LEAST_LOOSENESS, class_weight="balanced", max_iter=1000)
    machine.fit(scores / spread, positive)
    factors = tuple(float(value) for value in machine.coef_[0] / spread)
    return Weighing(factors, float(machine.intercept_[0]))


def weigh_left_out(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], collectors: NDArray[np.str_]
) -> dict[str, Weighing]:
    """Fit log-odds once without each collector.

    Parameters
    ----------
    scores : ndarray of shape (N, scores), float64
        Scores of pictures whose collectors were left out.
    positive : ndarray of shape (N,), bool
        Their classes.
    collectors : ndarray of shape (N,), str
        Who took each picture.

    Returns
    -------
    dict of str to Weighing
        By the collector left out.
    """
    return {
        collector: weigh(scores[collectors != collector], positive[collectors != collector])
        for collector in sorted(set(collectors.tolist()))
    }


def apply_left_out(
    weighings: dict[str, Weighing], scores: NDArray[np.float64], collectors: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Weigh each picture without its collector.

    Parameters
    ----------
    weighings : dict of str to Weighing
        From `weigh_left_out`.
    scores : ndarray of shape (N, scores), float64
        Scores.
    collectors : ndarray of shape (N,), str
        Who took each picture.

    Returns
    -------
    ndarray of shape (N,), float64
        Log-odds.
    """
    log_odds = np.zeros(len(scores))
    for collector, weighing in weighings.items():
        members = collectors == collector
        log_odds[members] = weighing.log_odds(scores[members])
    return log_odds


def probabilities(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn log-odds into probabilities.

    Parameters
    ----------
    log_odds : ndarray, float64
        Log-odds.

    Returns
    -------
    ndarray of the same shape, float64
        In [0, 1].
    """
    shares: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(log_odds, -60, 60)))
    return shares


def find_flattening(log_odds: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Tell how much less sure the log-odds must become to accuse few originals.

    Parameters
    ----------
    log_odds : ndarray of shape (N,), float64
        Of pictures whose collectors were left out.
    positive : ndarray of shape (N,), bool
        Whether each is a recapture.

    Returns
    -------
    float
        1 where at most `MOST_ACCUSED` of the originals reach `ACCUSING`; else the largest share
        below 1 for which they do.
    """
    originals = np.sort(log_odds[~positive])
    line = float(np.log(ACCUSING / (1 - ACCUSING)))
    allowed = int(MOST_ACCUSED * len(originals))
    boldest = float(originals[len(originals) - 1 - allowed]) if len(originals) else 0.0
    return 1.0 if boldest < line else line / boldest * (1 - 1e-6)


def find_original_threshold(shares: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Find from which probability of an original a picture may be called genuine.

    Parameters
    ----------
    shares : ndarray of shape (N,), float64
        Probability of a recapture, of pictures whose collectors were left out.
    positive : ndarray of shape (N,), bool
        Whether each is a recapture.

    Returns
    -------
    float
        The least one, rounded up to a thousandth and at least 0.5, with which recaptures called
        genuine are at most `MOST_WRONGLY_GENUINE` of all pictures; 1 where there is none.
    """
    for step in range(500, 1001):
        called = 1 - shares >= step / 1000
        if called.any() and (positive & called).mean() <= MOST_WRONGLY_GENUINE:
            return step / 1000
    return 1.0
