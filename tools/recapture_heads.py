"""The linear heads on one network's features, each fitted without every collector in turn.

Owns: what each head is fitted on, what it counts, and what heads say of whom they have not seen.
Has no opinion on: where features come from (`recapture_bench`), how a head is solved for
(`recapture_discriminant`), and how scores are weighed (`recapture_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from recapture_alterations import PLAIN
from recapture_codes import COLLECTOR
from recapture_discriminant import (
    Axes,
    Form,
    LeftOut,
    Moments,
    find_axes,
    fit,
    fit_left_out,
    gather,
)
from recapture_looks import Labels, Looks
from recapture_shifts import Shift, gather_shifts
from recapture_simulated import SIMULATED_MEDIA, SQUARES_A_MEDIUM
from recapture_views import ORIGINAL, PRINT, SCREEN

from huiyan.kernel.units import FloatArray

FORM = Form(power=0.5, between=0.5, ridge=0.1)
SIMULATED_WORTH = 0.15
"""Beside real pictures: enough to find prints, too little to blunt what real ones teach."""

PRINTED_WORTH = 0.5
"""The same for telling prints from screens, where hardly any real print is known."""

PHOTOGRAPHED_WORTH = {ORIGINAL: 0.5, SCREEN: 1.0, PRINT: 0.3}
"""What photographs of codes count beside a person's pictures.

Without them one product in twelve is accused. More weight on originals clears the last ones, and
costs prints of other things; second prints at 0 are never found.
"""

SHIFTED_SQUARES = {"noise of 8 levels": 0.1}
SHIFTED_VIEWS = {
    "in a black frame": 0.005,
    "in a white frame": 0.005,
    "grey": 0.0025,
    "darkened to 0.3": 0.01,
}
"""How much the square of what an alteration does to features counts as noise.

Noise and frames at these numbers cost nothing that shows. Light and colour do tell a recapture, so
fitting against them costs: both are kept low, and to whole pictures.
"""

CODES = "simulated codes"
"""Stands for a collector."""


@dataclass(frozen=True, slots=True)
class Branches:
    """The heads on one network.

    Parameters
    ----------
    squares, views : LeftOut
        Recaptures against originals, by a square at native resolution and by the whole picture.
    printed : LeftOut
        Prints against screens, by a square.
    """

    squares: LeftOut
    views: LeftOut
    printed: LeftOut


def fit_branches(known: Labels, photographs: Labels, looks: Looks, tried_step: int) -> Branches:
    """Fit the linear heads of one network.

    Parameters
    ----------
    known : Labels
        What is known of people's pictures.
    photographs : Labels
        What is known of photographs of codes.
    looks : Looks
        The features.
    tried_step : int
        Every so many pictures are in `Looks.tried`.

    Returns
    -------
    Branches
        The heads.
    """
    who, positive = known.collectors, known.positive
    parts = (looks.squares, looks.altered_squares)
    axes = find_axes(*parts)
    squares = gather(axes, parts, positive, who)
    squares += _gather_simulated(axes, looks.simulated, who[~positive])
    views = (looks.views, looks.altered_views)
    view_axes = find_axes(*views)
    whole = gather(view_axes, views, positive, who)
    codes = np.full(len(looks.code_views), CODES)
    whole += _gather_simulated(view_axes, looks.code_views, codes)
    taken = photographs.positive
    prints, some = photographs.among(taken), known.among(slice(None, None, tried_step))
    tried_squares = {name: features[:, :-1] for name, features in looks.tried.items()}
    tried_views = {name: features[:, -1:] for name, features in looks.tried.items()}
    return Branches(
        _fit_with_photographs(
            axes,
            squares,
            looks.photo_squares,
            photographs,
            _shifts(axes, some, tried_squares, SHIFTED_SQUARES),
        ),
        _fit_with_photographs(
            view_axes,
            whole,
            looks.photo_views,
            photographs,
            _shifts(view_axes, some, tried_views, SHIFTED_VIEWS),
        ),
        _fit_with_photographs(
            axes,
            _printed_moments(axes, known, parts, looks.simulated),
            looks.photo_squares[taken],
            prints,
        ),
    )


def _shifts(
    axes: Axes, some: Labels, tried: dict[str, FloatArray], worths: dict[str, float]
) -> tuple[Shift, ...]:
    """Gather what alterations do to squares or to the whole picture."""
    shifts: tuple[Shift, ...] = ()
    for name, worth in worths.items():
        moved = (tried[name] - tried[PLAIN]).mean(axis=1)
        shifts += gather_shifts(axes.scale, name, worth, moved, some)
    return shifts


def _fit_with_photographs(
    axes: Axes,
    moments: tuple[Moments, ...],
    features: FloatArray,
    known: Labels,
    shifts: tuple[Shift, ...] = (),
) -> LeftOut:
    """Add photographs of codes; beside each collector, each of their folds is left out once.

    Where there are no originals among them, prints are told from screens.
    """
    everyone = np.ones(len(features), np.bool_)
    negative = ORIGINAL if (known.labels == ORIGINAL).any() else SCREEN
    positive = known.labels != negative
    fitted = fit_left_out(
        axes,
        moments + _gather_photographs(axes, features, known.labels, positive, everyone),
        FORM,
        shifts,
    )
    for fold in sorted(set(known.collectors.tolist())):
        others = known.collectors != fold
        kept = _gather_photographs(axes, features, known.labels, positive, others)
        fitted.by_collector[fold] = fit(axes, moments + kept, FORM, shifts=shifts)
    return fitted


def _gather_photographs(
    axes: Axes,
    features: FloatArray,
    labels: NDArray[np.str_],
    positive: NDArray[np.bool_],
    among: NDArray[np.bool_],
) -> tuple[Moments, ...]:
    moments: tuple[Moments, ...] = ()
    for label, worth in PHOTOGRAPHED_WORTH.items():
        used = among & (labels == label)
        if worth and used.any():
            who = np.full(int(used.sum()), COLLECTOR)
            moments += gather(axes, (features[used],), positive[used], who, worth)
    return moments


def _gather_simulated(
    axes: Axes, features: FloatArray, sources: NDArray[np.str_]
) -> tuple[Moments, ...]:
    """Set simulated originals against simulated screens and prints."""
    medium = features.shape[1] // len(SIMULATED_MEDIA)
    moments: tuple[Moments, ...] = ()
    for place, name in enumerate(SIMULATED_MEDIA):
        side = np.full(len(sources), name != "original")
        squares = features[:, place * medium : (place + 1) * medium]
        moments += gather(axes, (squares,), side, sources, SIMULATED_WORTH)
    return moments


def _printed_moments(
    axes: Axes, known: Labels, parts: tuple[FloatArray, ...], simulated: FloatArray
) -> tuple[Moments, ...]:
    taken = known.positive
    shown = tuple(part[taken] for part in parts)
    moments = gather(axes, shown, known.labels[taken] == PRINT, known.collectors[taken])
    sources = known.collectors[~taken]
    for place, medium in enumerate(SIMULATED_MEDIA):
        if medium == "original":
            continue
        first = place * SQUARES_A_MEDIUM
        side = np.full(len(sources), medium == PRINT)
        squares = simulated[:, first : first + SQUARES_A_MEDIUM]
        moments += gather(axes, (squares,), side, sources, PRINTED_WORTH)
    return moments


@dataclass(frozen=True, slots=True)
class Said:
    """What one network's heads say of pictures of collectors they have not seen.

    Parameters
    ----------
    all_squares : ndarray of shape (N, 4), float64
        Scores of all squares of each picture.
    squares, recompressed : ndarray of shape (N, 2), float64
        Of those that this network judges, as they are and recompressed.
    views : ndarray of shape (N,), float64
        Of the whole pictures.
    printed : ndarray of shape (N, 2), float64
        Print against screen, of `squares`.
    simulated, simulated_printed : ndarray of shape (originals, 6), float64
        Of simulated squares; the source's collector is left out.
    photographs_printed : ndarray of shape (photographs,), float64
        Print against screen, of photographs of codes, means over squares; their fold is left out.
    tried : dict of str to ndarray of shape (some, 2), float64
        Mean over squares and whole picture, by what was done to the picture.
    """

    all_squares: NDArray[np.float64]
    squares: NDArray[np.float64]
    recompressed: NDArray[np.float64]
    views: NDArray[np.float64]
    printed: NDArray[np.float64]
    simulated: NDArray[np.float64]
    simulated_printed: NDArray[np.float64]
    photographs_printed: NDArray[np.float64]
    tried: dict[str, NDArray[np.float64]]


def judge_left_out(
    known: Labels, photographs: Labels, looks: Looks, branches: Branches, tried_step: int
) -> Said:
    """Let each head of one network judge whom it has not seen.

    Parameters
    ----------
    known : Labels
        What is known of people's pictures.
    photographs : Labels
        What is known of photographs of codes.
    looks : Looks
        The features.
    branches : Branches
        The heads.
    tried_step : int
        Every so many pictures are in `Looks.tried`.

    Returns
    -------
    Said
        Scores.
    """
    who, corners = known.collectors, list(looks.corners)
    sources, some = who[~known.positive], who[::tried_step]
    squares = branches.squares.scores(looks.squares, who)

    def tried(features: FloatArray) -> NDArray[np.float64]:
        parts = branches.squares.scores(features[:, :-1], some).mean(axis=1)
        return np.column_stack([parts, branches.views.scores(features[:, -1:], some)[:, 0]])

    return Said(
        squares,
        squares[:, corners],
        branches.squares.scores(looks.recompressed_squares, who),
        branches.views.scores(looks.views[:, :1], who)[:, 0],
        branches.printed.scores(looks.squares[:, corners], who),
        branches.squares.scores(looks.simulated, sources),
        branches.printed.scores(looks.simulated, sources),
        branches.printed.scores(looks.photo_squares[:, corners], photographs.collectors).mean(
            axis=1
        ),
        {name: tried(features) for name, features in looks.tried.items()},
    )
