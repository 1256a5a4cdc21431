"""What celebrity recognition answers.

Owns: the answer and the parameters, in our units. Has no opinion on: the wire, galleries and
networks.
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.celebrity.gallery.model import Person


@dataclass(frozen=True, slots=True)
class CelebrityParams:
    """What a call asks for.

    Parameters
    ----------
    min_confidence : float
        0 to 1; faces that are named less surely are left out.
    """

    min_confidence: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person that a face may be.

    Parameters
    ----------
    person : Person
        Who.
    similarity : float
        Cosine of the face and the most alike photo of the person, -1 to 1.
    confidence : float
        0 to 1, calibrated for the number of photos that were searched (``calibration``).
    """

    person: Person
    similarity: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Appearance:
    """A face of the picture that is somebody known.

    Parameters
    ----------
    candidate : Candidate
        Who it is.
    xyxy : tuple of float
        The face's box in px of the full upright picture.
    """

    candidate: Candidate
    xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a picture shows of known people.

    Parameters
    ----------
    face_count : int
        Faces found, known or not.
    appearances : tuple of Appearance
        The known ones, confidence falling, ties from left to right.
    """

    face_count: int
    appearances: tuple[Appearance, ...]
