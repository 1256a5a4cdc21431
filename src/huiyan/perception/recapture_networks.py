"""The two networks that tell a recapture, each by its traces and by its surroundings.

Owns: what each wants to see and what its numbers mean. Has no opinion on: where to look, how the
two are weighed, and which engine runs them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.runtime.session import Session

OUTPUT_NAMES = ("logits",)
"""The cards' output that is asked for."""

SIDE_PX = 240
"""Of a square at native resolution, and of the whole picture squashed."""

LOGIT_COUNT = 3


@dataclass(frozen=True, slots=True)
class Clue:
    """What one look at a square says.

    Parameters
    ----------
    recaptured : float
        Log-odds that it is of a screen or a print; not calibrated.
    printed : float
        Log-odds that it is a print if it is a recapture; not calibrated.
    """

    recaptured: float
    printed: float


class RecaptureNetwork:
    """One of the two networks.

    One instance serves all threads.

    Parameters
    ----------
    session : Session
        Takes uint8 RGB of shape (1, `SIDE_PX`, `SIDE_PX`, 3) and answers with float32 of shape
        (1, `LOGIT_COUNT`): of a square at native resolution, recaptured, and printed if so; of a
        whole picture, recaptured.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def judge_square(self, square: PixelArray) -> Clue:
        """Look at a part.

        Parameters
        ----------
        square : ndarray of shape (`SIDE_PX`, `SIDE_PX`, 3), uint8
            A patch at native resolution.

        Returns
        -------
        Clue
            What it says.

        Raises
        ------
        InferenceError
            The engine failed, the square has another size, or the answer is no such numbers.
        """
        recaptured, printed, _ = self._run(square)
        return Clue(float(recaptured), float(printed))

    def judge_view(self, view: PixelArray) -> float:
        """Look at the whole.

        Parameters
        ----------
        view : ndarray of shape (`SIDE_PX`, `SIDE_PX`, 3), uint8
            The overview.

        Returns
        -------
        float
            Log-odds that it is of a screen or a print; not calibrated.

        Raises
        ------
        InferenceError
            As for `judge_square`.
        """
        return float(self._run(view)[2])

    def _run(self, square: PixelArray) -> FloatArray:
        (logits,) = self._session.run((square[np.newaxis],))
        if logits.shape != (1, LOGIT_COUNT) or not np.isfinite(logits).all():
            raise InferenceError("the recapture network answered with no usable log-odds")
        row: FloatArray = logits[0]
        return row
