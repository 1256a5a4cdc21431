"""How sure a figure is, if other people had taken the pictures.

Owns: drawing groups of pictures with replacement, and the intervals that come of it. Has no opinion
on: which figure, and which pictures belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from huiyan.evaluation.open_set import Share

REPLICATES = 1000
_INTERVAL_PERCENT = (2.5, 97.5)
_DEVIATIONS = 1.96
_LEAST_REPLICATES = 100
"""Of fewer replicates that show a figure at all, percentiles say nothing."""

Weights = NDArray[np.float64]
"""Shape (N,): how often each picture counts."""

Figure = Callable[[Weights], float]
"""A figure in [0, 1] of weighted pictures; NaN where they do not show it."""


class Resampling:
    """Weights of pictures, as they are and with groups drawn anew.

    Parameters
    ----------
    groups : sequence of str
        Whose each picture is.
    seed : int
        The same seed draws the same groups.
    """

    def __init__(self, groups: Sequence[str], seed: int) -> None:
        _, self._owners = np.unique(np.array(groups, dtype=np.str_), return_inverse=True)
        self._seed = seed

    def share(self, figure: Figure, among: NDArray[np.bool_]) -> Share | None:
        """Measure a figure and how sure it is.

        Parameters
        ----------
        figure : callable
            What is measured.
        among : ndarray of shape (N,), bool
            Which pictures it is about.

        Returns
        -------
        Share, optional
            With its 95 % interval: percentiles over `REPLICATES` draws of the groups that these
            pictures are of, of the pictures themselves where they are of one group. Where the
            figure is 0 or 1, or few draws show it, Wilson's for so many groups. None where the
            pictures do not show the figure.
        """
        value = figure(among.astype(np.float64))
        if np.isnan(value):
            return None
        _, units = np.unique(self._owners[among], return_inverse=True)
        if units.max() == 0:
            units = np.arange(len(units))
        count = int(units.max()) + 1
        random = np.random.default_rng(self._seed)
        weights = np.zeros(len(among))
        found = []
        for _ in range(REPLICATES):
            drawn = np.bincount(random.integers(count, size=count), None, count)
            weights[among] = drawn[units]
            found.append(figure(weights))
        known = np.array(found)[~np.isnan(found)]
        low, high = _wilson(value, count)
        if len(known) >= _LEAST_REPLICATES and 0 < value < 1:
            low, high = (float(it) for it in np.percentile(known, _INTERVAL_PERCENT))
        return Share(value, min(low, value), max(high, value))


def _wilson(value: float, count: int) -> tuple[float, float]:
    squared = _DEVIATIONS**2 / count
    middle = (value + squared / 2) / (1 + squared)
    inner = value * (1 - value) / count + squared / (4 * count)
    reach = _DEVIATIONS * float(np.sqrt(inner)) / (1 + squared)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def mean_of(values: NDArray[np.bool_], among: NDArray[np.bool_]) -> Figure:
    """Make the figure that says how often something holds.

    Parameters
    ----------
    values : ndarray of shape (N,), bool
        Whether it holds.
    among : ndarray of shape (N,), bool
        Which pictures count.

    Returns
    -------
    callable
        The weighted share; NaN where none counts.
    """

    def figure(weights: Weights) -> float:
        counted = weights * among
        total = float(counted.sum())
        return float((counted * values).sum()) / total if total else float("nan")

    return figure


def balanced(first: Figure, second: Figure) -> Figure:
    """Make the mean of two figures.

    Parameters
    ----------
    first, second : callable
        The figures.

    Returns
    -------
    callable
        NaN where either is.
    """
    return lambda weights: (first(weights) + second(weights)) / 2


def area_under_curve(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> Figure:
    """Make the area under the curve of true over false positives.

    Parameters
    ----------
    scores : ndarray of shape (N,), float64
        Larger for what is more likely positive.
    positive : ndarray of shape (N,), bool
        The truth.

    Returns
    -------
    callable
        How often a positive picture scores above a negative one, ties by half; NaN where one of
        the two sorts is missing.
    """
    levels, places = np.unique(scores, return_inverse=True)

    def figure(weights: Weights) -> float:
        above = np.bincount(places, weights * positive, len(levels))
        below = np.bincount(places, weights * ~positive, len(levels))
        pairs = float(above.sum() * below.sum())
        if not pairs:
            return float("nan")
        return float((above * (below.cumsum() - below / 2)).sum()) / pairs

    return figure
