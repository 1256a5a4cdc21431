"""What tagging is asked for and what it answers.

Owns: the parameters of one call and the shape of one tag. Has no opinion on: how either is written
on the wire, which labels exist, and how a confidence is found.
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.kernel.language import Language
from huiyan.vocabulary.model import Label


@dataclass(frozen=True, slots=True)
class TagParams:
    """What a caller wants to hear.

    Parameters
    ----------
    language : {'zh', 'en'}
        The language of the plain names in the answer.
    threshold : float
        Tags of a lower confidence are left out; in [0, 1].
    limit : int
        At most so many tags; at least 1.
    """

    language: Language
    threshold: float
    limit: int


@dataclass(frozen=True, slots=True)
class Tag:
    """One label that is said of a picture.

    Parameters
    ----------
    label : Label
        What is said.
    confidence : float
        Calibrated probability that a person would agree; in [0, 1].
    """

    label: Label
    confidence: float
