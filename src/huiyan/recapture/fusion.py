"""From what single looks say to how sure it is that a picture is a recapture.

Owns: how squares, those on a code and the whole picture are weighed, the calibration, and the
reading of both. Has no opinion on: how they were fitted (``tools/fit_recapture.py``), and what
each look saw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated

import msgspec

from huiyan.kernel.errors import OperatorError
from huiyan.perception.recapture_networks import Clue

FILE_NAME = "calibration.json"
MOST_LOG_ODDS = 9.0
"""What two thousand pictures cannot prove is not claimed: p ends at 0.0001 and 0.9999."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class PictureWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each number counts in a picture's log-odds; all are added.

    Parameters
    ----------
    lite0_squares, lite2_squares : float
        The mean over the squares that a network looked at.
    lite0_view, lite2_view : float
        What it says of the whole picture.
    bias : float
        What is added.
    """

    lite0_squares: float
    lite0_view: float
    lite2_squares: float
    lite2_view: float
    bias: float


class SquareWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each network's mean over squares counts; all are added.

    Parameters
    ----------
    lite0, lite2 : float
        By network.
    bias : float
        What is added.
    """

    lite0: float
    lite2: float
    bias: float


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one square says by itself: ``factor * recaptured + bias``.

    Parameters
    ----------
    factor : float
        By what the network's number is multiplied.
    bias : float
        What is added.
    """

    factor: float
    bias: float

    def probability(self, clue: Clue) -> float:
        """Tell what one square says by itself.

        Parameters
        ----------
        clue : Clue
            By the network that this line is of.

        Returns
        -------
        float
            Probability of a recapture, in [0, 1]; rougher than a picture's.
        """
        return _probability(self.factor * clue.recaptured + self.bias)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one network says of a picture.

    Parameters
    ----------
    on_code : sequence of Clue
        Squares on the barcode; empty if there is none.
    elsewhere : sequence of Clue
        The other squares; one of the two sequences holds at least one.
    view : float
        Log-odds by the whole picture.
    """

    on_code: Sequence[Clue]
    elsewhere: Sequence[Clue]
    view: float


class Fusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that was fitted after the networks.

    Parameters
    ----------
    recaptured : PictureWeights
        A picture's log-odds of being a recapture.
    printed : SquareWeights
        A recapture's log-odds of being a print.
    lite0_patch, lite2_patch : Line
        The same as `recaptured` for one square by itself, by the network that looked at it.
    code_share : float
        How much of the squares' mean those on the code make up, in [0, 1].
    original_threshold : float
        From which probability of an original a picture counts as genuine, in [0, 1].
    """

    recaptured: PictureWeights
    printed: SquareWeights
    lite0_patch: Line
    lite2_patch: Line
    code_share: Share
    original_threshold: Share

    def recapture_probability(self, lite0: Sighting, lite2: Sighting) -> float:
        """Weigh all looks at a picture.

        Parameters
        ----------
        lite0, lite2 : Sighting
            By network.

        Returns
        -------
        float
            Calibrated probability of a recapture, in [0, 1].
        """
        weights = self.recaptured
        squares = [
            self._mean(
                [it.recaptured for it in seen.on_code], [it.recaptured for it in seen.elsewhere]
            )
            for seen in (lite0, lite2)
        ]
        return _probability(
            weights.bias
            + weights.lite0_squares * squares[0]
            + weights.lite0_view * lite0.view
            + weights.lite2_squares * squares[1]
            + weights.lite2_view * lite2.view
        )

    def print_probability(self, lite0: Sighting, lite2: Sighting) -> float:
        """Tell a print from a screen.

        Parameters
        ----------
        lite0, lite2 : Sighting
            By network.

        Returns
        -------
        float
            Probability that a recapture is of a print, in [0, 1].
        """
        weights = self.printed
        squares = [
            self._mean([it.printed for it in seen.on_code], [it.printed for it in seen.elsewhere])
            for seen in (lite0, lite2)
        ]
        return _probability(weights.bias + weights.lite0 * squares[0] + weights.lite2 * squares[1])

    def _mean(self, on_code: list[float], elsewhere: list[float]) -> float:
        if not on_code:
            return math.fsum(elsewhere) / len(elsewhere)
        of_code = math.fsum(on_code) / len(on_code)
        if not elsewhere:
            return of_code
        others = math.fsum(elsewhere) / len(elsewhere)
        return self.code_share * of_code + (1 - self.code_share) * others


def load_fusion(folder: Traversable | None = None) -> Fusion:
    """Read what was fitted.

    Parameters
    ----------
    folder : Traversable, optional
        Where `FILE_NAME` lies; the package by default.

    Returns
    -------
    Fusion
        The weights.

    Raises
    ------
    OperatorError
        The file cannot be read or is no such file.
    """
    where = (folder or resources.files("huiyan.recapture")).joinpath(FILE_NAME)
    try:
        return msgspec.json.decode(where.read_bytes(), type=Fusion)
    except (OSError, msgspec.MsgspecError) as error:
        raise OperatorError(f"{where} cannot be read: {error}") from error


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -MOST_LOG_ODDS), MOST_LOG_ODDS)))
