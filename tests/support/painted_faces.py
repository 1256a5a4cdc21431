"""Pictures whose faces are painted stripes, and what reads them without a network.

A stripe is 64 px wide. Its red says who it is (0: nobody), its green which of somebody's looks it
is, its blue what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from made_pictures import encoded
from PIL import Image as Picture

from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray
from huiyan.perception.face_reader import FaceReadings
from huiyan.perception.faces import Faces

GOOD, SMALL, BLURRED, TURNED = 0, 60, 120, 180
DIMENSIONS = 128
MODEL = "painted-faces:0123456789ab"
_STRIPE_PX = 64

Face = tuple[int, int, int]


def face(who: int, look: int = 1, fault: int = GOOD) -> Face:
    return (who, look, fault)


def painted(*faces: Face) -> bytes:
    """Paint a picture (PNG) with these faces from left to right."""
    pixels = np.zeros((_STRIPE_PX, _STRIPE_PX * max(1, len(faces)), 3), np.uint8)
    for number, colour in enumerate(faces):
        pixels[:, _STRIPE_PX * number : _STRIPE_PX * (number + 1)] = colour
    return encoded(Picture.fromarray(pixels), "PNG")


def embedding_of(colour: Face) -> FloatArray:
    """Give the embedding: near to each other's for one person, far from everybody else's."""
    mean = np.random.default_rng(colour[0]).normal(size=DIMENSIONS)
    look = np.random.default_rng((colour[0], colour[1])).normal(size=DIMENSIONS)
    both = mean / np.linalg.norm(mean) + 0.3 * look / np.linalg.norm(look)
    return np.asarray(both / np.linalg.norm(both), np.float32)


class PaintedFaceReader:
    """Reads stripes; tells how many pictures it was shown."""

    min_short_side_px = None

    def __init__(self) -> None:
        self.pictures = 0

    def read(self, image: Image) -> FaceReadings:
        self.pictures += 1
        colours = image.pixels[0, ::_STRIPE_PX]
        found = [(at, _face(colour)) for at, colour in enumerate(colours) if colour[0]]
        return _readings(found)


def _face(colour: Sequence[int]) -> Face:
    who, look, fault = (int(it) for it in colour)
    return (who, look, fault)


def _readings(found: Sequence[tuple[int, Face]]) -> FaceReadings:
    count = len(found)
    xyxy = np.array(
        [[_STRIPE_PX * at, 0, _STRIPE_PX * (at + 1), _STRIPE_PX] for at, _ in found], np.float32
    ).reshape(-1, 4)
    faults = np.array([colour[2] for _, colour in found], np.int64)
    embeddings = np.array([embedding_of(colour) for _, colour in found], np.float32)
    return FaceReadings(
        faces=Faces(xyxy, np.zeros((count, 5, 2), np.float32), np.ones(count, np.float32)),
        embeddings=embeddings.reshape(-1, DIMENSIONS),
        side_px=np.where(faults == SMALL, 20, _STRIPE_PX).astype(np.float32),
        sharpness=np.where(faults == BLURRED, 0.05, 0.8).astype(np.float32),
        frontality=np.where(faults == TURNED, 0.05, 0.9).astype(np.float32),
    )
