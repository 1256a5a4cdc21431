"""From how alike two faces are to how sure it is that they are one person's.

Owns: the rule that turns similarities into confidences, its inverse, and the reading of its
parameters. Has no opinion on: how the parameters were fitted (``tools/fit_celebrity.py``), where
similarities come from, and which confidence is enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.errors import OperatorError
from huiyan.kernel.units import FloatArray

FILE_NAME = "calibration.json"
ANCHOR_CONFIDENCE = 0.9
"""The wire's default threshold."""

ANCHOR_FALSE_ALARM = 1e-3
"""At the anchor, the share of faces of unknown people that are given a name."""

MOST_CONFIDENCE = 0.9999
"""Nobody is ever certain: labels of photos are wrong more often than the rest would say."""

_ODDS = (1 / ANCHOR_CONFIDENCE - 1) / ANCHOR_FALSE_ALARM
_MOST = 1e18


class SideShift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much more alike than large faces small ones of two people look.

    Parameters
    ----------
    side_px : float
        The face's size, above 0.
    shift : float
        Taken off the similarity, at least 0.
    """

    side_px: float
    shift: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The parameters of the rule.

    Parameters
    ----------
    mean, sd : float
        Of the normal distribution that the upper tail of similarities between faces of two
        different people follows; `sd` is above 0.
    shifts : tuple of SideShift
        Sides rising, shifts falling to 0; at least one. Between two sides they are interpolated,
        beyond them the nearest holds.

    Notes
    -----
    With N photos searched, a face of a person who is on none of them reaches a similarity ``s`` at
    some photo with probability ``a(s, N) = 1 - F(s) ** N``, where F is that normal distribution.
    The confidence is ``1 / (1 + k a)``, with k such that a false name for one unknown face in a
    thousand stands at 0.9. It is the probability that the name is right, for a face at least so
    alike, if one face in ``1 + k`` = 112 is of somebody in the gallery: where those are more
    frequent, names are right more often than the confidence claims.
    """

    mean: float
    sd: float
    shifts: tuple[SideShift, ...]

    def false_alarm(
        self, similarity: FloatArray, photos: int, side_px: FloatArray
    ) -> NDArray[np.float64]:
        """Tell how often somebody unknown looks so alike.

        Parameters
        ----------
        similarity : ndarray, float32
            Cosines, -1 to 1, of any shape.
        photos : int
            How many photos were searched, at least 1.
        side_px : ndarray, float32
            How large each face is, in px of the full picture; broadcastable to `similarity`.

        Returns
        -------
        ndarray, float64
            0 to 1, of the shape of `similarity`: the probability that a face of somebody who is
            on none of the photos is as alike to any of them.
        """
        sides = [it.side_px for it in self.shifts]
        shift = np.interp(side_px, sides, [it.shift for it in self.shifts])
        deviations = (similarity - shift - self.mean) / (self.sd * math.sqrt(2))
        tails = np.array([0.5 * math.erfc(it) for it in deviations.ravel().tolist()], np.float64)
        with np.errstate(divide="ignore"):
            none = max(photos, 1) * np.log1p(-tails)
        share: NDArray[np.float64] = -np.expm1(none).reshape(similarity.shape)
        return share

    def confidence(self, similarity: FloatArray, photos: int, side_px: FloatArray) -> FloatArray:
        """Tell how sure it is that faces are of the people whose photos they are alike to.

        Parameters
        ----------
        similarity : ndarray, float32
            Cosines, -1 to 1, of any shape.
        photos : int
            How many photos were searched, at least 1.
        side_px : ndarray, float32
            How large each face is, in px of the full picture; broadcastable to `similarity`.

        Returns
        -------
        ndarray, float32
            0 to `MOST_CONFIDENCE`, of the shape of `similarity`; never falls with similarity and
            size, never rises with the number of photos.
        """
        sure = 1 / (1 + _ODDS * self.false_alarm(similarity, photos, side_px))
        return np.minimum(sure, MOST_CONFIDENCE).astype(np.float32)

    def similarity_for(self, confidence: float, photos: int) -> float:
        """Tell how alike a large face must be for a confidence.

        Parameters
        ----------
        confidence : float
            0 to 1.
        photos : int
            How many photos are searched, at least 1.

        Returns
        -------
        float
            -1 to 1; -1 for confidences that every face has, 1 for those that none less alike has.
        """
        if not 0 < confidence <= MOST_CONFIDENCE:
            return -1.0 if confidence <= 0 else 1.0
        alarm = (1 / confidence - 1) / _ODDS
        if alarm >= 1:
            return -1.0
        tail = -math.expm1(math.log1p(-alarm) / max(photos, 1))
        if tail <= 0:
            return 1.0
        deviation = -NormalDist().inv_cdf(tail)
        return min(1.0, max(-1.0, self.mean + self.sd * deviation))


class _Impostors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mean: float
    sd: float


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str
    impostors: _Impostors
    sides: tuple[SideShift, ...]
    fit: dict[str, object]


def load_calibration(model_id: str | None = None, file: Traversable | None = None) -> Calibration:
    """Read the parameters.

    Parameters
    ----------
    model_id : str, optional
        The network that similarities come from; not checked where there is none.
    file : Traversable, optional
        A JSON file as ``tools/fit_celebrity.py`` writes it; the one shipped with Huiyan by default.

    Returns
    -------
    Calibration
        The parameters.

    Raises
    ------
    OperatorError
        The file cannot be read, holds an impossible value, or was fitted for another network.
    """
    if file is None:
        file = resources.files("huiyan.celebrity") / FILE_NAME
    try:
        values = msgspec.json.decode(file.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise OperatorError(f"{file.name}: cannot be read: {error}") from error
    if model_id is not None and values.model != model_id:
        raise OperatorError(
            f"{file.name}: was fitted for {values.model}, not for {model_id}; "
            "fit it anew: python tools/fit_celebrity.py DIR --write FILE"
        )
    sides = [it.side_px for it in values.sides]
    shifts = [it.shift for it in values.sides]
    is_possible = (
        -1 < values.impostors.mean < 1
        and 0 < values.impostors.sd < 1
        and sides
        and all(0 < it < _MOST for it in sides)
        and all(low < high for low, high in pairwise(sides))
        and all(0 <= it < 1 for it in shifts)
        and all(low >= high for low, high in pairwise(shifts))
        and shifts[-1] == 0
    )
    if not is_possible:
        raise OperatorError(f"{file.name}: holds an impossible value")
    return Calibration(values.impostors.mean, values.impostors.sd, values.sides)
