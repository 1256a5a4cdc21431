"""Faces of a picture, each with what tells it from other faces.

Owns: that finding, aligning, embedding and judging of faces go together, as one value. Has no
opinion on: whose face it is, what a good enough face is, and anything else about the person: age,
sex, origin and mood are never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from huiyan.imaging.align import cut_chip
from huiyan.imaging.picture import Image
from huiyan.imaging.sharpness import measure_sharpness
from huiyan.kernel.units import FloatArray
from huiyan.perception.face_embedder import DIMENSIONS, FaceEmbedder
from huiyan.perception.face_quality import measure_frontality
from huiyan.perception.faces import Faces


@dataclass(frozen=True, slots=True, eq=False)
class FaceReadings:
    """Faces with their embeddings, surest first.

    Parameters
    ----------
    faces : Faces
        Where they are; N of them.
    embeddings : ndarray of shape (N, 128), float32
        Unit length; the cosine of two is their product.
    side_px : ndarray of shape (N,), float32
        How large each face is in px of the full picture: the longer side of its box.
    sharpness : ndarray of shape (N,), float32
        0 to 1, 0 for a face without any detail.
    frontality : ndarray of shape (N,), float32
        0 to 1, 1 for a face that looks straight into the camera, 0 for a profile.
    """

    faces: Faces
    embeddings: FloatArray
    side_px: FloatArray
    sharpness: FloatArray
    frontality: FloatArray


class FaceFinder(Protocol):
    """What finds faces: one look at a picture, or many."""

    @property
    def min_short_side_px(self) -> int:
        """How much of a picture decoding should keep, in px of its short side."""
        ...

    def detect(self, image: Image) -> Faces:
        """Find the faces of a picture, surest first, in px of the full picture."""
        ...


class FaceReader:
    """Finds the faces of a picture and turns each into numbers.

    One instance serves all threads.

    Parameters
    ----------
    detector : FaceFinder
        Finds them.
    embedder : FaceEmbedder
        Embeds them.
    """

    dimensions = DIMENSIONS

    def __init__(self, detector: FaceFinder, embedder: FaceEmbedder) -> None:
        self._detector = detector
        self._embedder = embedder

    @property
    def model_id(self) -> str:
        """Tell which network the embeddings are of.

        Returns
        -------
        str
            Embeddings of different ones are not comparable.
        """
        return self._embedder.model_id

    @property
    def min_short_side_px(self) -> int:
        """Tell how much of a picture decoding should keep.

        Returns
        -------
        int
            The short side in px.
        """
        return self._detector.min_short_side_px

    def read(self, image: Image) -> FaceReadings:
        """Find, align, embed and judge the faces of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright.

        Returns
        -------
        FaceReadings
            Every face that was found and has five points that make a face.

        Raises
        ------
        InferenceError
            A network failed, or answered with something else than numbers of the right shapes.
        """
        faces = self._detector.detect(image)
        height, width = image.pixels.shape[:2]
        to_pixels = np.array([width, height], np.float32) / np.array(image.size_wh, np.float32)
        cut = [cut_chip(image.pixels, points * to_pixels) for points in faces.points]
        kept = [number for number, chip in enumerate(cut) if chip is not None]
        chips = [chip for chip in cut if chip is not None]
        faces = Faces(faces.xyxy[kept], faces.points[kept], faces.scores[kept])
        sides = faces.xyxy[:, 2:] - faces.xyxy[:, :2]
        return FaceReadings(
            faces=faces,
            embeddings=self._embedder.embed(chips),
            side_px=sides.max(axis=1, initial=0),
            sharpness=np.array([measure_sharpness(chip) for chip in chips], np.float32),
            frontality=measure_frontality(faces.points),
        )
