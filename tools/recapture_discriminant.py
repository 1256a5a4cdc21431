"""A linear discriminant that no single collector can dominate.

Owns: what is kept of each collector's pictures (counts, means, scatters), and solving for a
direction from any of them, so that leaving a collector out costs no second look. Has no opinion on:
where features come from, and what a score is worth as a probability (`recapture_calibration`).

Collectors count by a power of how many pictures they have. Beside the scatter inside a collector's
class, a share of the scatter between collectors counts as noise: directions in which people differ
tell little about the next person. So do the shifts that alterations cause which tell no class.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from recapture_shifts import Shift, scatter_of

from huiyan.kernel.units import FloatArray

LEAST_DEVIATION = 1e-3
THINNING = 7
"""Every so many rows are enough to know a feature's centre and scale."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the discriminant is like.

    Parameters
    ----------
    power : float
        A collector's class with n pictures counts n to this power.
    between : float
        How much the scatter between collectors counts beside that inside.
    ridge : float
        Share of the mean variance that is added to each variance.
    least_pictures : int
        A collector's class with fewer is left aside.
    """

    power: float = 0.5
    between: float = 0.5
    ridge: float = 0.1
    least_pictures: int = 3


@dataclass(frozen=True, slots=True)
class Axes:
    """Centre and scale of each feature; no collector's labels are in them.

    Parameters
    ----------
    centre, scale : ndarray of shape (D,), float32
        What is taken off, and by what is divided.
    """

    centre: FloatArray
    scale: FloatArray

    def apply(self, features: FloatArray) -> FloatArray:
        """Centre and scale.

        Parameters
        ----------
        features : ndarray of shape (..., D), float32
            As the network gives them.

        Returns
        -------
        ndarray of the same shape, float32
            Centred and scaled.
        """
        return (features - self.centre) / self.scale


def find_axes(*features: FloatArray) -> Axes:
    """Measure centre and scale.

    Parameters
    ----------
    *features : ndarray of shape (..., D), float32
        Everything that will be fitted on.

    Returns
    -------
    Axes
        Of a thinned sample of all.
    """
    thinned = np.concatenate([part.reshape(-1, part.shape[-1])[::THINNING] for part in features])
    return Axes(thinned.mean(axis=0), thinned.std(axis=0) + np.float32(LEAST_DEVIATION))


@dataclass(frozen=True, slots=True)
class Moments:
    """What is kept of one collector's pictures of one class.

    Parameters
    ----------
    collector : str
        Who took them.
    is_positive : bool
        The class.
    picture_count : int
        How many pictures.
    worth : float
        What they count beside as many real ones.
    mean : ndarray of shape (D,), float64
        Mean of the features.
    scatter : ndarray of shape (D, D), float32
        Their covariance.
    """

    collector: str
    is_positive: bool
    picture_count: int
    worth: float
    mean: NDArray[np.float64]
    scatter: FloatArray


def gather(
    axes: Axes,
    features: Iterable[FloatArray],
    positive: NDArray[np.bool_],
    collectors: NDArray[np.str_],
    worth: float = 1.0,
) -> tuple[Moments, ...]:
    """Keep of each collector's classes what fitting needs.

    Parameters
    ----------
    axes : Axes
        Centre and scale.
    features : iterable of ndarray of shape (N, views, D), float32
        Views of the same pictures, as the network sees them.
    positive : ndarray of shape (N,), bool
        The class of each picture.
    collectors : ndarray of shape (N,), str
        Who took each.
    worth : float, default 1
        What they count beside as many real pictures.

    Returns
    -------
    tuple of Moments
        One for each collector and class with pictures.
    """
    parts = tuple(features)
    kept = []
    for collector in sorted(set(collectors.tolist())):
        for side in (False, True):
            members = (collectors == collector) & (positive == side)
            if not members.any():
                continue
            rows = np.concatenate(
                [axes.apply(part[members]).reshape(-1, part.shape[-1]) for part in parts]
            )
            mean = rows.mean(axis=0)
            rows -= mean
            scatter = rows.T @ rows / len(rows)
            count, mean = int(members.sum()), mean.astype(np.float64)
            kept.append(Moments(collector, side, count, worth, mean, scatter))
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class Discriminant:
    """A linear function of features, in units of the noise it was fitted against.

    So scores of heads that were fitted without different people can be pooled and weighed together;
    log-odds come from the weighing.

    Parameters
    ----------
    weights : ndarray of shape (D,), float64
        For features as the network gives them.
    bias : float
        What is added; 0 comes out half-way between the classes.
    """

    weights: NDArray[np.float64]
    bias: float

    def scores(self, features: FloatArray) -> NDArray[np.float64]:
        """Score.

        Parameters
        ----------
        features : ndarray of shape (..., D), float32
            As the network gives them.

        Returns
        -------
        ndarray of shape (...), float64
            Above 0 for the positive class.
        """
        return features.astype(np.float64) @ self.weights + self.bias


def fit(
    axes: Axes,
    moments: Iterable[Moments],
    form: Form,
    left_out: str | None = None,
    shifts: Iterable[Shift] = (),
) -> Discriminant:
    """Solve for the direction.

    Parameters
    ----------
    axes : Axes
        What the moments were gathered with.
    moments : iterable of Moments
        All that is known.
    form : Form
        Weights and ridges.
    left_out : str, optional
        The collector whose moments and shifts are not used.
    shifts : iterable of Shift
        Directions that count as noise.

    Returns
    -------
    Discriminant
        For features as the network gives them.

    Raises
    ------
    ValueError
        A class has no pictures left.
    """
    others = (one for one in moments if one.collector != left_out)
    used = [one for one in others if one.picture_count >= form.least_pictures]
    inside = np.zeros((len(axes.centre), len(axes.centre)))
    between = np.zeros_like(inside)
    means = []
    for side in (False, True):
        members = [one for one in used if one.is_positive == side]
        if not members:
            raise ValueError(f"no pictures of class {side} without {left_out}")
        counts = np.array([one.worth * one.picture_count**form.power for one in members])
        shares = counts / counts.sum()
        each = np.array([one.mean for one in members])
        mean = shares @ each
        for share, one in zip(shares, members, strict=True):
            inside += share / 2 * one.scatter
        away = (each - mean) * np.sqrt(shares / 2)[:, np.newaxis]
        between += away.T @ away
        means.append(mean)
    noise = inside + form.between * between
    noise[np.diag_indices_from(noise)] += form.ridge * np.trace(inside) / len(noise)
    noise += scatter_of(shifts, left_out, len(noise))
    direction = np.linalg.solve(noise, means[1] - means[0])
    direction /= np.sqrt(direction @ (means[1] - means[0]))
    weights = direction / axes.scale
    bias = -float((means[0] + means[1]) @ direction / 2 + axes.centre @ weights)
    return Discriminant(weights, bias)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A discriminant for each collector, fitted without that collector's pictures.

    Parameters
    ----------
    by_collector : dict of str to Discriminant
        The discriminants.
    everyone : Discriminant
        Fitted on all pictures.
    """

    by_collector: dict[str, Discriminant]
    everyone: Discriminant

    def scores(self, features: FloatArray, collectors: NDArray[np.str_]) -> NDArray[np.float64]:
        """Score each picture by the discriminant that has not seen its collector.

        Parameters
        ----------
        features : ndarray of shape (N, views, D), float32
            As the network gives them.
        collectors : ndarray of shape (N,), str
            Who took each picture; nobody known is scored by `everyone`.

        Returns
        -------
        ndarray of shape (N, views), float64
            Above 0 for the positive class.
        """
        scores = np.zeros(features.shape[:-1])
        for collector in set(collectors.tolist()):
            members = collectors == collector
            scores[members] = self.without(collector).scores(features[members])
        return scores

    def without(self, collector: str) -> Discriminant:
        """Give the discriminant that has not seen a collector.

        Parameters
        ----------
        collector : str
            Who.

        Returns
        -------
        Discriminant
            `everyone` where the collector is in no picture that was fitted on.
        """
        return self.by_collector.get(collector, self.everyone)


def fit_left_out(
    axes: Axes, moments: tuple[Moments, ...], form: Form, shifts: tuple[Shift, ...] = ()
) -> LeftOut:
    """Fit once without each collector, and once on all.

    Parameters
    ----------
    axes : Axes
        What the moments were gathered with.
    moments : tuple of Moments
        All that is known.
    form : Form
        Weights and ridges.
    shifts : tuple of Shift
        Directions that count as noise.

    Returns
    -------
    LeftOut
        The discriminants.
    """
    collectors = sorted({one.collector for one in moments})
    return LeftOut(
        {one: fit(axes, moments, form, one, shifts) for one in collectors},
        fit(axes, moments, form, shifts=shifts),
    )
