"""What is told of recapture detection.

Owns: the figures of one set of answers, and the tables. Has no opinion on: who answered.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from recapture_calibration import ACCUSING, probabilities
from rich.console import Console
from rich.table import Table

from huiyan.evaluation.figures import expected_calibration_error, reliability
from huiyan.evaluation.resampling import area_under_curve


class Spread(msgspec.Struct, frozen=True):
    """How balanced accuracy differs between collectors with both classes.

    Parameters
    ----------
    collector_count : int
        How many there are.
    mean, lowest, lower_quartile, highest : float
        In [0, 1].
    each : dict of str to float
        By collector.
    """

    collector_count: int
    mean: float
    lowest: float
    lower_quartile: float
    highest: float
    each: dict[str, float]


class Wrong(msgspec.Struct, frozen=True):
    """How often recaptures are called genuine, three ways.

    Parameters
    ----------
    of_all, of_recaptures, of_genuine : float
        As a share of all pictures, of all recaptures, and of all that are called genuine.
    """

    of_all: float
    of_recaptures: float
    of_genuine: float


class Figures(msgspec.Struct, frozen=True):
    """What a set of answers is worth.

    Parameters
    ----------
    pictures : int
        How many.
    auc, balanced_accuracy : float
        Of recaptures against originals; the accuracy at one half.
    spread : Spread
        Over collectors.
    originals_accused : float
        Originals of a probability from `ACCUSING` on.
    accused_each : dict of str to float
        The same by collector, where there are any.
    uncertain : float
        Pictures that are called neither recaptured nor genuine.
    recaptures_called_genuine : Wrong
        How often recaptures are called genuine.
    prints_found : float
        Prints of a probability above one half.
    ece : float
        Expected calibration error.
    """

    pictures: int
    auc: float
    balanced_accuracy: float
    spread: Spread
    originals_accused: float
    accused_each: dict[str, float]
    uncertain: float
    recaptures_called_genuine: Wrong
    prints_found: float
    ece: float


def measure(
    log_odds: NDArray[np.float64],
    labels: NDArray[np.str_],
    collectors: NDArray[np.str_],
    original_threshold: float | NDArray[np.float64],
) -> Figures:
    """Compute the figures.

    Parameters
    ----------
    log_odds : ndarray of shape (N,), float64
        Calibrated log-odds of a recapture.
    labels : ndarray of shape (N,), str
        ``real``, ``screen`` or ``print``.
    collectors : ndarray of shape (N,), str
        Who took each.
    original_threshold : float or ndarray of shape (N,), float64
        From which probability of an original a picture is called genuine.

    Returns
    -------
    Figures
        NaN where a class is missing.
    """
    shares = probabilities(log_odds)
    positive = labels != "real"
    genuine = (1 - shares >= original_threshold) & (shares < ACCUSING)
    each = {}
    for collector in sorted(set(collectors.tolist())):
        members = collectors == collector
        if positive[members].any() and not positive[members].all():
            each[collector] = balanced_accuracy(log_odds[members], positive[members])
    found = np.array(list(each.values()) or [np.nan])
    certainty = np.maximum(shares, 1 - shares).astype(np.float32)
    return Figures(
        pictures=len(labels),
        auc=area(log_odds, positive),
        balanced_accuracy=balanced_accuracy(log_odds, positive),
        spread=Spread(
            len(each),
            float(found.mean()),
            float(found.min()),
            float(np.quantile(found, 0.25)),
            float(found.max()),
            {name: round(value, 4) for name, value in each.items()},
        ),
        originals_accused=share(shares[~positive] >= ACCUSING),
        accused_each={
            who: round(share(shares[~positive & (collectors == who)] >= ACCUSING), 4)
            for who in sorted(set(collectors[(shares >= ACCUSING) & ~positive].tolist()))
        },
        uncertain=share((shares < ACCUSING) & ~genuine),
        recaptures_called_genuine=Wrong(
            share(positive & genuine), share(genuine[positive]), share(positive[genuine])
        ),
        prints_found=share(shares[labels == "print"] >= 0.5),
        ece=expected_calibration_error(reliability(certainty, (shares >= 0.5) == positive)),
    )


def tell_verdicts(
    log_odds: NDArray[np.float64],
    positive: NDArray[np.bool_],
    original_threshold: float | NDArray[np.float64],
) -> dict[str, float]:
    """Tell what is said of originals and of recaptures.

    Parameters
    ----------
    log_odds : ndarray of shape (N,), float64
        Calibrated log-odds of a recapture.
    positive : ndarray of shape (N,), bool
        Whether each is one.
    original_threshold : float or ndarray of shape (N,), float64
        From which probability of an original a picture is called genuine.

    Returns
    -------
    dict of str to float
        Shares; NaN where a class is missing.
    """
    shares = probabilities(log_odds)
    accused = shares >= ACCUSING
    genuine = (1 - shares >= original_threshold) & ~accused
    told = {}
    for name, members in (("originals", ~positive), ("recaptures", positive)):
        told[f"{name} accused"] = share(accused[members])
        told[f"{name} above one half"] = share(shares[members] >= 0.5)
        told[f"{name} called genuine"] = share(genuine[members])
    return told


def area(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Measure the area under the curve.

    Parameters
    ----------
    scores : ndarray of shape (N,), float64
        Larger for what is more likely positive.
    positive : ndarray of shape (N,), bool
        The truth.

    Returns
    -------
    float
        In [0, 1]; NaN where a class is missing.
    """
    return area_under_curve(scores, positive)(np.ones(len(scores)))


def balanced_accuracy(log_odds: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Measure the mean share decided rightly, of both classes.

    Parameters
    ----------
    log_odds : ndarray of shape (N,), float64
        From 0 on counts as positive.
    positive : ndarray of shape (N,), bool
        The truth.

    Returns
    -------
    float
        In [0, 1]; NaN where a class is missing.
    """
    return (share(log_odds[positive] >= 0) + share(log_odds[~positive] < 0)) / 2


def share(claims: NDArray[np.bool_]) -> float:
    """Measure how often something holds.

    Parameters
    ----------
    claims : ndarray of bool
        Whether it does.

    Returns
    -------
    float
        In [0, 1]; NaN for none.
    """
    return float(claims.mean()) if claims.size else float("nan")


def print_figures(title: str, rows: dict[str, Figures]) -> None:
    """Print a table of figures.

    Parameters
    ----------
    title : str
        Above it.
    rows : dict of str to Figures
        By what they are of.
    """
    table = Table(title=title)
    heads = (
        "",
        "AUC",
        "balanced",
        "collectors",
        "lowest",
        "accused",
        "uncertain",
        "genuine: of all",
        "recaptures",
        "genuine",
    )
    for head in (*heads, "prints", "ECE"):
        table.add_column(head, justify="left" if not head else "right", no_wrap=True)
    for name, row in rows.items():
        spread, wrong = row.spread, row.recaptures_called_genuine
        table.add_row(
            name, f"{row.auc:.4f}", f"{row.balanced_accuracy:.4f}", f"{spread.mean:.3f}",
            f"{spread.lowest:.2f}", f"{row.originals_accused:.2%}", f"{row.uncertain:.1%}",
            f"{wrong.of_all:.2%}", f"{wrong.of_recaptures:.2%}", f"{wrong.of_genuine:.2%}",
            f"{row.prints_found:.0%}", f"{row.ece:.3f}",
        )  # fmt: skip
    Console(width=160).print(table)


def print_numbers(title: str, numbers: dict[str, float]) -> None:
    """Print single numbers.

    Parameters
    ----------
    title : str
        Above them.
    numbers : dict of str to float
        By what they are of.
    """
    console = Console(width=132)
    console.print(f"\n[bold]{title}[/bold]")
    for name, number in numbers.items():
        console.print(f"  {name}: {number:.4f}")


def print_verdicts(title: str, rows: dict[str, dict[str, float]]) -> None:
    """Print a table of shares.

    Parameters
    ----------
    title : str
        Above it.
    rows : dict of str to dict of str to float
        From `tell_verdicts`, by what they are of.
    """
    table = Table(title=title)
    heads = list(dict.fromkeys(name for row in rows.values() for name in row))
    for head in ("", *heads):
        table.add_column(head, justify="left" if not head else "right")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[head]:.1%}" if head in row else "" for head in heads))
    Console(width=132).print(table)
