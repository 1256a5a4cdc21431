"""What recapture detection is asked for and what it answers.

Owns: the parameters of one call and everything that was judged in one picture. Has no opinion on:
how it is judged, and how it is written on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from huiyan.perception.barcode import Barcode


class Medium(StrEnum):
    """What stood before the camera."""

    ORIGINAL = "original"
    SCREEN = "screen"
    PRINT = "print"


class Suggestion(StrEnum):
    """What to do with the picture."""

    GENUINE = "genuine"
    RECAPTURED = "recaptured"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class RecaptureParams:
    """What a caller wants to hear.

    Parameters
    ----------
    threshold : float
        From which probability a picture counts as recaptured; in [0, 1].
    explains : bool
        Whether the answer also holds what the vendor's does not: medium, barcode, evidence.
    """

    threshold: float
    explains: bool = False


@dataclass(frozen=True, slots=True)
class PatchEvidence:
    """What one patch at native resolution says by itself.

    Parameters
    ----------
    left_px, top_px, side_px : int
        Where it lies in the full, upright picture.
    recaptured : float
        Probability that it is of a screen or a print, in [0, 1]; rougher than the picture's.
    """

    left_px: int
    top_px: int
    side_px: int
    recaptured: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of one picture.

    Parameters
    ----------
    recaptured : float
        Calibrated probability that it shows a screen or a print, in [0, 1].
    screen : float
        Share of the screen in that probability, in [0, 1]; the rest is the print's.
    original_threshold : float
        From which probability of an original a picture counts as genuine, in [0, 1]; fitted.
    barcode : Barcode or None
        The code that was judged first.
    patches : tuple of PatchEvidence
        Where was looked, the most suspicious first; none in a blank picture.
    """

    recaptured: float
    screen: float
    original_threshold: float
    barcode: Barcode | None
    patches: tuple[PatchEvidence, ...]

    @property
    def original(self) -> float:
        """Calibrated probability that the thing itself was photographed.

        Returns
        -------
        float
            In [0, 1].
        """
        return 1.0 - self.recaptured

    @property
    def medium(self) -> Medium:
        """What most likely stood before the camera.

        Returns
        -------
        Medium
            Original up to one half; else the larger of screen and print.
        """
        if self.recaptured <= 0.5:
            return Medium.ORIGINAL
        return Medium.SCREEN if self.screen >= 0.5 else Medium.PRINT

    def suggestion(self, threshold: float) -> Suggestion:
        """Tell what to do with the picture.

        Parameters
        ----------
        threshold : float
            From which probability it counts as recaptured; in [0, 1].

        Returns
        -------
        Suggestion
            Recaptured is judged first, as ``docs/wire.md`` says.
        """
        if self.recaptured >= threshold:
            return Suggestion.RECAPTURED
        if self.original >= self.original_threshold:
            return Suggestion.GENUINE
        return Suggestion.UNCERTAIN
