"""How well people are counted on a set of pictures whose people are boxed.

Owns: comparing the tags that count people with the number of boxes. Has no opinion on: how counts
are found, and who the people are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from huiyan.evaluation.boxes import BoxedPicture
from huiyan.evaluation.figures import (
    ReliabilityBin,
    expected_calibration_error,
    reliability,
)
from huiyan.kernel.units import FloatArray
from huiyan.labelling.fusion import PERSON
from huiyan.labelling.people import GROUPS, OUTPUT_LAYER
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import own_rows

LEAST_CONFIDENCE = 0.05
NOBODY = "0"


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One row of the table of groups.

    Parameters
    ----------
    people : str
        How many people there are: ``0``, ``2``, ``4–9``, ``10+``.
    picture_count : int
        Pictures with so many boxes of people; may be 0.
    said_count : int
        Pictures of which that was the likeliest; may be 0.
    right_count : int
        Pictures of which both is true.
    """

    people: str
    picture_count: int
    said_count: int
    right_count: int


@dataclass(frozen=True, slots=True)
class PeopleFigures:
    """What a boxed set shows about counting people.

    Parameters
    ----------
    picture_count : int
        Pictures whose people were counted; one with a crowd that nobody boxed person by person
        does not tell how many there are.
    accuracy : float or None
        Share of pictures whose likeliest group, nobody being one of them, is that of the number
        of boxes; None where there is no picture.
    ece : float
        Calibration error of the tags that count people, those of 0.05 or more, in [0, 1].
    reliability : tuple of ReliabilityBin
        Behind `ece`.
    groups : tuple of GroupFigures
        Nobody first, then rising.
    """

    picture_count: int
    accuracy: float | None
    ece: float
    reliability: tuple[ReliabilityBin, ...]
    groups: tuple[GroupFigures, ...]


class PeopleTally:
    """Collects answers picture by picture.

    Parameters
    ----------
    vocabulary : Vocabulary
        Has a label for each group of people.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._rows = own_rows(vocabulary, OUTPUT_LAYER, len(GROUPS))
        self._truth: list[int] = []
        self._confidences: list[FloatArray] = []

    def add(self, picture: BoxedPicture, by_label: FloatArray) -> None:
        """Take an answer in.

        Parameters
        ----------
        picture : BoxedPicture
            What is true.
        by_label : ndarray of shape (n_labels,), float32
            What was said, in [0, 1].
        """
        people = [box for box in picture.boxes if box.class_index == PERSON]
        if any(box.is_crowd for box in people):
            return
        self._truth.append(group_of(len(people)))
        self._confidences.append(by_label[self._rows])

    def figures(self) -> PeopleFigures:
        """Boil the answers down.

        Returns
        -------
        PeopleFigures
            Without an accuracy where there is no answer.
        """
        truth = np.array(self._truth, np.intp)
        said = np.array(self._confidences, np.float32).reshape(-1, len(GROUPS))
        nobody = np.maximum(1 - said.sum(axis=1, keepdims=True), np.float32(0))
        likeliest = np.concatenate([nobody, said], axis=1).argmax(axis=1)
        is_true = truth[:, np.newaxis] == np.arange(1, len(GROUPS) + 1)
        is_asked = said >= LEAST_CONFIDENCE
        table = reliability(said[is_asked], is_true[is_asked])
        names = [NOBODY, *(_name(low, high) for low, high in GROUPS)]
        groups = tuple(
            GroupFigures(
                people=name,
                picture_count=int((truth == group).sum()),
                said_count=int((likeliest == group).sum()),
                right_count=int(((truth == group) & (likeliest == group)).sum()),
            )
            for group, name in enumerate(names)
        )
        return PeopleFigures(
            picture_count=len(truth),
            accuracy=float((truth == likeliest).mean()) if len(truth) else None,
            ece=expected_calibration_error(table),
            reliability=table,
            groups=groups,
        )


def group_of(people_count: int) -> int:
    """Find the group that a number of people belongs to.

    Parameters
    ----------
    people_count : int
        At least 0.

    Returns
    -------
    int
        0 for nobody, else 1 + the place in `huiyan.labelling.people.GROUPS`.

    Examples
    --------
    >>> [group_of(count) for count in (0, 1, 3, 4, 9, 10, 500)]
    [0, 1, 3, 4, 4, 5, 5]
    """
    return sum(people_count >= low for low, _ in GROUPS)


def _name(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return str(low) if low == high else f"{low}–{high}"
