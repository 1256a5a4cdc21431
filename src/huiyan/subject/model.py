"""What main-subject detection is asked for and what it answers.

Owns: the parameters of one call, one subject, and everything that is seen in one picture. Has no
opinion on: how any of it is found, and how it is written on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from huiyan.kernel.units import FloatArray

Box = tuple[float, float, float, float]
"""(left, top, right, bottom), in px of the full picture."""


class Rank(StrEnum):
    """What a subject is to its picture."""

    MAIN = "main"
    SECONDARY = "secondary"


@dataclass(frozen=True, slots=True)
class SubjectParams:
    """What a caller wants to hear.

    Parameters
    ----------
    threshold : float
        Subjects of a lower confidence are left out; in [0, 1].
    """

    threshold: float


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject of a picture.

    Parameters
    ----------
    rank : Rank
        Whether this is the main subject as a whole, or one of several or lesser ones.
    xyxy : tuple of float
        (left, top, right, bottom) in px of the full upright picture; never empty.
    confidence : float
        Calibrated probability that the box is right; in [0, 1].
    """

    rank: Rank
    xyxy: Box
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """Everything that is seen in one picture, before a threshold is applied.

    Parameters
    ----------
    mask : ndarray of shape (side, side), float32
        How much each place belongs to the main subject, 0 to 1, over the whole picture squashed to
        a square.
    size_wh : tuple of int
        Width and height of the full upright picture in px.
    subjects : tuple of Subject
        The main subject first, where there is one; then the others, confidence falling.
    """

    mask: FloatArray
    size_wh: tuple[int, int]
    subjects: tuple[Subject, ...]

    @property
    def main(self) -> Subject | None:
        """The main subject as a whole.

        Returns
        -------
        Subject or None
            None in a picture that has no subject.
        """
        return self.subjects[0] if self.subjects else None
