"""What the tagging operations need to be handed.

Owns: the Protocol between the operations and what looks at pictures. Has no opinion on: how labels
are found (``labeller``), and how they are chosen (``model``).
"""

from __future__ import annotations

from typing import Protocol

from huiyan.imaging.picture import Image
from huiyan.labelling.model import Findings


class LabelFinder(Protocol):
    """What finds everything that can be said of a picture; one instance serves all threads."""

    @property
    def min_short_side_px(self) -> int | None:
        """The short side that its networks need, in px; None for the full picture."""
        ...

    def find(self, image: Image) -> Findings:
        """Find the confidence of every label; where they are seen may be left out."""
        ...

    def locate(self, image: Image) -> Findings:
        """Find the confidence of every label, and where labels are seen."""
        ...
