"""From what the heads say to everything that the service loads, once for each collector left out.

Owns: the weighings, the thresholds, and what is put together for a stranger. Has no opinion on: how
heads are fitted (`recapture_heads`), and how a weighing is found (`recapture_calibration`).

Whatever judges a collector in the report was fitted without it: heads, weighings, flattening and
thresholds. Only the heads behind the other collectors' scores have seen it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from recapture_calibration import (
    Weighing,
    apply_left_out,
    find_flattening,
    find_original_threshold,
    probabilities,
    weigh,
    weigh_left_out,
)
from recapture_graph import Heads
from recapture_heads import Branches, Said
from recapture_looks import Labels
from recapture_simulated import SIMULATED_MEDIA, SQUARES_A_MEDIUM
from recapture_trials import Fit
from recapture_views import PRINT

from huiyan.recapture.fusion import Fusion, Line, PictureWeights, SquareWeights

CODE_SHARE = 0.5
"""A convention, not a fit: no labelled set has codes together with what lies around them."""

EVERYONE = ""
"""The name of nobody: what is fitted without it is fitted on all."""

T = TypeVar("T")


def join(said: dict[str, Said]) -> NDArray[np.float64]:
    """Join what the networks say of pictures.

    Parameters
    ----------
    said : dict of str to Said
        By network.

    Returns
    -------
    ndarray of shape (N, 4), float64
        For each network, the mean over its squares and the whole picture.
    """
    columns = [(one.squares.mean(axis=1), one.views) for one in said.values()]
    return np.column_stack([column for pair in columns for column in pair])


def join_recompressed(said: dict[str, Said]) -> NDArray[np.float64]:
    """Join what the networks say of pictures whose squares were recompressed.

    Parameters
    ----------
    said : dict of str to Said
        By network.

    Returns
    -------
    ndarray of shape (N, 4), float64
        As `join` gives it.
    """
    columns = [(one.recompressed.mean(axis=1), one.views) for one in said.values()]
    return np.column_stack([column for pair in columns for column in pair])


@dataclass(frozen=True, slots=True)
class Fused:
    """The weighings, fitted without every collector in turn; by the collector left out.

    Parameters
    ----------
    recaptured : dict of str to Weighing
        Of the columns of `join`; `EVERYONE` for nobody left out.
    patches : dict of str to dict of str to Weighing
        Of one square, by network first.
    printed : dict of str to Weighing
        Of prints against screens, of each network's mean over squares.
    flattening : dict of str to float
        By what the log-odds of `recaptured` were multiplied, so that few originals are accused.
    original_threshold : dict of str to float
        From which probability of an original a picture is called genuine.
    """

    recaptured: dict[str, Weighing]
    patches: dict[str, dict[str, Weighing]]
    printed: dict[str, Weighing]
    flattening: dict[str, float]
    original_threshold: dict[str, float]

    def log_odds(
        self, table: NDArray[np.float64], collectors: NDArray[np.str_]
    ) -> NDArray[np.float64]:
        """Weigh each picture without its collector.

        Parameters
        ----------
        table : ndarray of shape (N, 4), float64
            As `join` gives it.
        collectors : ndarray of shape (N,), str
            Who took each.

        Returns
        -------
        ndarray of shape (N,), float64
            Log-odds.
        """
        return apply_left_out(self.recaptured, table, collectors)

    def lines(self, collectors: NDArray[np.str_]) -> NDArray[np.float64]:
        """Give the threshold that each picture is judged by.

        Parameters
        ----------
        collectors : ndarray of shape (N,), str
            Who took each.

        Returns
        -------
        ndarray of shape (N,), float64
            From which probability of an original it is called genuine.
        """
        return np.array([_of(self.original_threshold, who) for who in collectors.tolist()])

    def fusion(self, left_out: str = EVERYONE) -> Fusion:
        """Make what the service loads.

        Parameters
        ----------
        left_out : str
            Whose pictures are not fitted on.

        Returns
        -------
        Fusion
            All numbers, rounded to five digits.
        """
        picture = _of(self.recaptured, left_out)
        square0, view0, square2, view2 = (round(factor, 5) for factor in picture.factors)
        printed = _of(self.printed, left_out)
        lines = {name: _of(patch, left_out) for name, patch in self.patches.items()}
        return Fusion(
            recaptured=PictureWeights(
                lite0_squares=square0,
                lite0_view=view0,
                lite2_squares=square2,
                lite2_view=view2,
                bias=round(picture.bias, 5),
            ),
            printed=SquareWeights(
                lite0=round(printed.factors[0], 5),
                lite2=round(printed.factors[1], 5),
                bias=round(printed.bias, 5),
            ),
            lite0_patch=_line(lines["lite0"]),
            lite2_patch=_line(lines["lite2"]),
            code_share=CODE_SHARE,
            original_threshold=_of(self.original_threshold, left_out),
        )


def _of(by_collector: dict[str, T], who: str) -> T:
    return by_collector.get(who, by_collector[EVERYONE])


def _line(weighing: Weighing) -> Line:
    return Line(factor=round(weighing.factors[0], 5), bias=round(weighing.bias, 5))


def fuse(known: Labels, photographs: Labels, said: dict[str, Said]) -> Fused:
    """Fit the weighings and thresholds.

    Parameters
    ----------
    known : Labels
        What is known of people's pictures.
    photographs : Labels
        What is known of photographs of codes.
    said : dict of str to Said
        What heads say of whom they have not seen, by network.

    Returns
    -------
    Fused
        The weighings.
    """
    table, everyone = join(said), (EVERYONE, *sorted(set(known.collectors.tolist())))
    found = {who: _weigh_without(table, known, who) for who in everyone}
    return Fused(
        recaptured={who: weighing for who, (weighing, _, _) in found.items()},
        patches={name: _weigh_squares(known, one) for name, one in said.items()},
        printed=_weigh_printed(known, photographs, said),
        flattening={who: times for who, (_, times, _) in found.items()},
        original_threshold={who: line for who, (_, _, line) in found.items()},
    )


def _weigh_without(
    table: NDArray[np.float64], known: Labels, left_out: str
) -> tuple[Weighing, float, float]:
    """Give weighing, flattening and threshold as they come out of everybody else's pictures."""
    rest = known.collectors != left_out
    scores, positive, who = table[rest], known.positive[rest], known.collectors[rest]
    log_odds = apply_left_out(weigh_left_out(scores, positive, who), scores, who)
    times = find_flattening(log_odds, positive)
    line = find_original_threshold(probabilities(times * log_odds), positive)
    return weigh(scores, positive).flattened(times), times, line


def _weigh_squares(known: Labels, said: Said) -> dict[str, Weighing]:
    count = said.all_squares.shape[1]
    scores = said.all_squares.reshape(-1, 1)
    positive, who = np.repeat(known.positive, count), np.repeat(known.collectors, count)
    return weigh_left_out(scores, positive, who) | {EVERYONE: weigh(scores, positive)}


def _weigh_printed(
    known: Labels, photographs: Labels, said: dict[str, Said]
) -> dict[str, Weighing]:
    """Real screens and prints as pictures, simulated ones as the two squares there are of each."""
    taken, copied = known.positive, photographs.positive
    sources = known.collectors[~taken]
    scores = [
        np.column_stack([one.printed[taken].mean(axis=1) for one in said.values()]),
        np.column_stack([one.photographs_printed[copied] for one in said.values()]),
    ]
    sides = [known.labels[taken] == PRINT, photographs.labels[copied] == PRINT]
    who = [known.collectors[taken], photographs.collectors[copied]]
    for place, medium in enumerate(SIMULATED_MEDIA):
        if medium != "original":
            squares = slice(place * SQUARES_A_MEDIUM, (place + 1) * SQUARES_A_MEDIUM)
            means = [one.simulated_printed[:, squares].mean(axis=1) for one in said.values()]
            scores.append(np.column_stack(means))
            sides.append(np.full(len(sources), medium == PRINT))
            who.append(sources)
    table, side, collectors = np.concatenate(scores), np.concatenate(sides), np.concatenate(who)
    return weigh_left_out(table, side, collectors) | {EVERYONE: weigh(table, side)}


def fit_without(branches: dict[str, Branches], fused: Fused, collector: str) -> Fit:
    """Put together what has not seen a collector.

    Parameters
    ----------
    branches : dict of str to Branches
        The heads, by network.
    fused : Fused
        The weighings.
    collector : str
        Who; `EVERYONE` for what is fitted on all.

    Returns
    -------
    Fit
        Heads of three outputs each.
    """
    return Fit(
        {name: _stack(one, collector) for name, one in branches.items()}, fused.fusion(collector)
    )


def _stack(branches: Branches, collector: str) -> Heads:
    """In the order of the service: a square recaptured, a square printed, a view recaptured."""
    parts = [
        part.without(collector) for part in (branches.squares, branches.printed, branches.views)
    ]
    return Heads(
        np.column_stack([part.weights for part in parts]), np.array([part.bias for part in parts])
    )
