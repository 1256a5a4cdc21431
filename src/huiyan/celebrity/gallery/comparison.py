"""What it takes to compare faces with galleries.

Owns: what the memory of galleries is handed in: the network's name, what a likeness means, and the
gallery that comes with Huiyan. Has no opinion on: who makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from huiyan.celebrity.gallery.model import ModelId, Person
from huiyan.celebrity.search.build import IndexMaker, open_index
from huiyan.celebrity.search.model import KeyArray
from huiyan.kernel.units import FloatArray


class Starter(Protocol):
    """The gallery that comes with Huiyan (``celebrity.starter.StarterGallery``)."""

    @property
    def model(self) -> ModelId:
        """Which network made its embeddings."""
        ...

    @property
    def people(self) -> tuple[Person, ...]:
        """Who is in it."""
        ...

    @property
    def owners(self) -> KeyArray:
        """Whose each photo is, (M,): a position in ``people``."""
        ...

    @property
    def embeddings(self) -> FloatArray:
        """The photos' embeddings, (M, D) of unit length."""
        ...


class Confidence(Protocol):
    """What turns likeness into sureness (``celebrity.calibration.Calibration``)."""

    def confidence(self, similarity: FloatArray, photos: int, side_px: FloatArray) -> FloatArray:
        """Give 0 to 1 for each similarity, for so many photos searched."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """How faces are compared.

    Parameters
    ----------
    model : ModelId
        Which network reads faces.
    dimensions : int
        How many numbers its embeddings have.
    calibration : Confidence
        Says how sure a likeness is.
    open_empty : IndexMaker
        Makes the index of a project.
    """

    model: ModelId
    dimensions: int
    calibration: Confidence
    open_empty: IndexMaker = open_index
