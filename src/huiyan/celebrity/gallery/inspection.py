"""What a picture shows, face by face, and who each face may be.

Owns: that every face is told, known or not, fit for a gallery or not. Has no opinion on: how faces
are read and compared, and what a good enough face is (``intake``).
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.celebrity.gallery.intake import require_good
from huiyan.celebrity.model import Candidate
from huiyan.celebrity.recogniser import Lookup, Reader
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import UnfitFaceError
from huiyan.persistence.query import Scope


@dataclass(frozen=True, slots=True)
class InspectedFace:
    """A face of a picture.

    Parameters
    ----------
    xyxy : tuple of float
        Its box in px of the full upright picture.
    side_px : float
        The longer side of the box.
    sharpness, frontality : float
        0 to 1, as ``FaceReadings`` has them.
    fault : str
        Why a gallery would not take it; empty if it would.
    candidates : tuple of Candidate
        Who it may be, however unlikely, the likeliest first.
    """

    xyxy: tuple[float, float, float, float]
    side_px: float
    sharpness: float
    frontality: float
    fault: str
    candidates: tuple[Candidate, ...]


class Inspector:
    """Tells all about the faces of pictures. One instance serves all threads.

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
        """Have the project's gallery loaded, which may take seconds.

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

    def inspect(self, image: Image, scope: Scope, count: int) -> tuple[InspectedFace, ...]:
        """Tell all about the faces of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright.
        scope : Scope
            Whose gallery is searched beside the one that comes with Huiyan.
        count : int
            How many candidates a face gets at most, at least 1.

        Returns
        -------
        tuple of InspectedFace
            All faces, the surest found first; may be empty.

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
            return ()
        found = self._lookup.identify(scope, readings.embeddings, readings.side_px, count)
        return tuple(
            InspectedFace(
                xyxy=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                side_px=float(side_px),
                sharpness=float(sharpness),
                frontality=float(frontality),
                fault=_fault(float(side_px), float(sharpness), float(frontality)),
                candidates=candidates,
            )
            for box, side_px, sharpness, frontality, candidates in zip(
                boxes, readings.side_px, readings.sharpness, readings.frontality, found, strict=True
            )
        )


def _fault(side_px: float, sharpness: float, frontality: float) -> str:
    try:
        require_good(side_px, sharpness, frontality)
    except UnfitFaceError as error:
        return error.detail
    return ""
