"""The figures of recapture detection.

Owns: which figures there are, and what each means. Has no opinion on: how they are computed, and
how they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.evaluation.figures import ReliabilityBin
from huiyan.evaluation.open_set import Share


@dataclass(frozen=True, slots=True)
class JudgedPicture:
    """A picture, the truth and the answer.

    Parameters
    ----------
    file : str
        Its path below the folder.
    medium : str
        What stood before the camera.
    collector : str
        Who took it; may be empty.
    recaptured : float
        The probability that was answered, in [0, 1].
    named : str
        The medium that was answered.
    suggestion : str
        ``genuine``, ``recaptured`` or ``uncertain``, at the threshold.
    code : str
        Kind of the code that was read, such as ``QRCode``; empty for none.
    """

    file: str
    medium: str
    collector: str
    recaptured: float
    named: str
    suggestion: str
    code: str


@dataclass(frozen=True, slots=True)
class MediumFigures:
    """What a set shows about one medium.

    Parameters
    ----------
    medium : str
        ``original``, ``screen`` or ``print``.
    picture_count, collector_count : int
        Pictures of it, and how many people took them.
    with_code : int
        Pictures of it in which a code was read.
    decided : Share
        Decided rightly at one half: originals below, the others not.
    named : Share
        Given the name of this medium.
    genuine, uncertain, recaptured : Share
        Suggested as such, at the threshold.
    """

    medium: str
    picture_count: int
    collector_count: int
    with_code: int
    decided: Share
    named: Share
    genuine: Share
    uncertain: Share
    recaptured: Share


@dataclass(frozen=True, slots=True)
class CollectorFigures:
    """What the pictures of one person show.

    Parameters
    ----------
    collector : str
        Who.
    original_count, recaptured_count : int
        Pictures of each sort; one at least.
    auc : float
        Area under the curve, in [0, 1].
    balanced_accuracy : float
        Mean share decided rightly at one half, of originals and of the others.
    """

    collector: str
    original_count: int
    recaptured_count: int
    auc: float
    balanced_accuracy: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How a figure differs between people.

    Parameters
    ----------
    collector_count : int
        People with pictures of both sorts, of whom this is.
    lowest, lower_quartile, median, highest : float
        In [0, 1].
    deviation : float
        Standard deviation over the people.
    """

    collector_count: int
    lowest: float
    lower_quartile: float
    median: float
    highest: float
    deviation: float


@dataclass(frozen=True, slots=True)
class RecaptureFigures:
    """What a set shows about recapture detection.

    Parameters
    ----------
    picture_count : int
        Pictures answered.
    unreadable : tuple of str
        Files that no answer could be given for, and why; they count nowhere else.
    collector_count : int
        People who took them; 0 where that is not told.
    threshold : float
        From which probability a picture is suggested as recaptured.
    auc : Share or None
        Area under the curve, originals against all others; None where a sort is missing, as below.
    balanced_accuracy : Share or None
        Mean share decided rightly at one half, of originals and of the others.
    accuracy : Share or None
        Share of all pictures decided rightly at one half.
    originals_accused : Share or None
        Originals that are suggested as recaptured.
    recaptures_passed : Share or None
        The others that are suggested as genuine.
    uncertain : Share or None
        Pictures of all sorts that are suggested as uncertain.
    ece : float or None
        Expected calibration error of the probability; None where nothing was answered.
    spread : Spread or None
        Of the balanced accuracy over people with both sorts.
    with_code : int
        Pictures in which a code was read.
    pictures_per_s : float
        Reading, decoding and recognising, one after the other.
    media : tuple of MediumFigures
        Of each medium that occurs.
    collectors : tuple of CollectorFigures
        People with both sorts, the worst first.
    reliability : tuple of ReliabilityBin
        Claimed probability against how many were recaptured, which their `share_right` is here.
    judged : tuple of JudgedPicture
        All pictures, the most wrongly judged first.
    """

    picture_count: int
    unreadable: tuple[str, ...]
    collector_count: int
    threshold: float
    auc: Share | None
    balanced_accuracy: Share | None
    accuracy: Share | None
    originals_accused: Share | None
    recaptures_passed: Share | None
    uncertain: Share | None
    ece: float | None
    spread: Spread | None
    with_code: int
    pictures_per_s: float
    media: tuple[MediumFigures, ...]
    collectors: tuple[CollectorFigures, ...]
    reliability: tuple[ReliabilityBin, ...]
    judged: tuple[JudgedPicture, ...]
