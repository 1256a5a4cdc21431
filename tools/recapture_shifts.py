"""Where alterations that tell no class move a network's features.

Owns: what is kept of each collector's pictures, and the scatter that follows. Has no opinion on:
what the alterations are (`recapture_alterations`), and how heads are fitted against them
(`recapture_discriminant`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from recapture_looks import Labels

from huiyan.kernel.units import FloatArray


@dataclass(frozen=True, slots=True)
class Shift:
    """Where an alteration moves one class of one collector's pictures.

    Parameters
    ----------
    collector : str
        Who took them.
    group : str
        Alteration and class; shifts of one group are averaged over collectors.
    picture_count : int
        How many pictures.
    worth : float
        How much the square of the mean shift counts as noise.
    mean : ndarray of shape (D,), float64
        Mean shift.
    """

    collector: str
    group: str
    picture_count: int
    worth: float
    mean: NDArray[np.float64]


def gather_shifts(
    scale: FloatArray, name: str, worth: float, moved: FloatArray, known: Labels
) -> tuple[Shift, ...]:
    """Keep of an alteration what fitting needs.

    Parameters
    ----------
    scale : ndarray of shape (D,), float32
        By what features are divided.
    name : str
        The alteration's.
    worth : float
        How much the square of the mean shift counts as noise.
    moved : ndarray of shape (N, D), float32
        By how much each picture's features change.
    known : Labels
        What is known of the pictures.

    Returns
    -------
    tuple of Shift
        One for each collector and class with pictures.
    """
    kept = []
    for collector in sorted(set(known.collectors.tolist())):
        for side in (False, True):
            members = (known.collectors == collector) & (known.positive == side)
            if members.any():
                mean = (moved[members] / scale).mean(axis=0).astype(np.float64)
                group = f"{name}, {side}"
                kept.append(Shift(collector, group, int(members.sum()), worth, mean))
    return tuple(kept)


def scatter_of(shifts: Iterable[Shift], left_out: str | None, width: int) -> NDArray[np.float64]:
    """Add the squares of each group's mean shift, over all collectors but one.

    Parameters
    ----------
    shifts : iterable of Shift
        All that is known.
    left_out : str or None
        The collector whose shifts are not used.
    width : int
        How many features there are.

    Returns
    -------
    ndarray of shape (D, D), float64
        What counts as noise; zeros where there are no shifts.
    """
    scatter = np.zeros((width, width))
    groups: dict[str, list[Shift]] = {}
    for one in shifts:
        if one.collector != left_out:
            groups.setdefault(one.group, []).append(one)
    for members in groups.values():
        counts = np.array([one.picture_count for one in members])
        mean = np.average([one.mean for one in members], axis=0, weights=counts)
        scatter += members[0].worth * np.outer(mean, mean)
    return scatter
