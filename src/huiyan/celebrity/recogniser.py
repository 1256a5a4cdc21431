"""Who of the known people is in a picture.

Owns: that faces are read, looked up, and named only where that is sure enough. Has no opinion on:
how faces are told apart, whom a gallery holds, and what a confidence means (``calibration``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from huiyan.celebrity.model import Appearance, Candidate, CelebrityParams, Sighting
from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray
from huiyan.perception.face_reader import FaceReadings
from huiyan.persistence.query import Scope


class Reader(Protocol):
    """What reads faces; ``perception.face_reader.FaceReader`` in the server."""

    @property
    def min_short_side_px(self) -> int | None:
        """The short side that pictures keep when they are decoded, in px."""
        ...

    def read(self, image: Image) -> FaceReadings:
        """Find the faces of a picture and what tells them apart."""
        ...


class Lookup(Protocol):
    """What knows people; ``celebrity.gallery.memory.GalleryMemory`` in the server."""

    def prepare(self, scope: Scope) -> None:
        """Load what is needed to identify people of a project, which may take seconds."""
        ...

    def identify(
        self, scope: Scope, embeddings: FloatArray, side_px: FloatArray, count: int
    ) -> tuple[tuple[Candidate, ...], ...]:
        """Tell for each face who it may be, the likeliest first, at most ``count`` people."""
        ...


class CelebrityRecogniser:
    """Names the known people of a picture.

    One instance serves all threads.

    Parameters
    ----------
    reader : Reader
        Reads faces.
    lookup : Lookup
        Knows people.
    """

    def __init__(self, reader: Reader, lookup: Lookup) -> None:
        self._reader = reader
        self._lookup = lookup

    @property
    def min_short_side_px(self) -> int | None:
        """What the reader wants pictures to keep.

        Returns
        -------
        int or None
            The short side in px; None for the full picture.
        """
        return self._reader.min_short_side_px

    def prepare(self, scope: Scope) -> None:
        """Have the project's gallery loaded.

        Parameters
        ----------
        scope : Scope
            Whose gallery.

        Raises
        ------
        DatabaseError, InstanceKeyError
            The gallery could not be loaded.
        """
        self._lookup.prepare(scope)

    def recognise(self, image: Image, params: CelebrityParams, scope: Scope) -> Sighting:
        """Name the known people of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright.
        params : CelebrityParams
            How sure a name must be.
        scope : Scope
            Whose gallery is searched beside the one that comes with Huiyan.

        Returns
        -------
        Sighting
            Each face at most once, under the likeliest name.

        Raises
        ------
        GalleryModelError
            The project's gallery was made by another network.
        InferenceError
            A network failed.
        DatabaseError
            The gallery could not be loaded.
        """
        readings = self._reader.read(image)
        boxes = readings.faces.xyxy
        if not len(boxes):
            return Sighting(0, ())
        found = self._lookup.identify(scope, readings.embeddings, readings.side_px, 1)
        appearances = [
            Appearance(candidates[0], _corners(box))
            for candidates, box in zip(found, boxes, strict=True)
            if candidates and candidates[0].confidence >= params.min_confidence
        ]
        appearances.sort(key=lambda it: (-it.candidate.confidence, it.xyxy[0]))
        return Sighting(len(boxes), tuple(appearances))


def tell(sighting: Sighting) -> Mapping[str, str]:
    """Say what the audit log is told of a picture.

    Parameters
    ----------
    sighting : Sighting
        What was found.

    Returns
    -------
    mapping of str to str
        How many faces there were, and the ids of who was named: no names, because the log keeps
        what it is told when a person is removed.
    """
    people = dict.fromkeys(it.candidate.person.id for it in sighting.appearances)
    return {"faces": str(sighting.face_count), "people": " ".join(people)}


def _corners(box: FloatArray) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(edge) for edge in box)
    return left, top, right, bottom
