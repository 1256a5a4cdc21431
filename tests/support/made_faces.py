"""Pictures whose first pixel says who is in them, and a reader that believes it."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image as PillowImage

from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray
from huiyan.perception.face_reader import FaceReadings
from huiyan.perception.faces import Faces

DIMENSIONS = 128
GOOD: Final = 0
EMPTY: Final = 1
TWO: Final = 2
SMALL: Final = 3
BLURRED: Final = 4
TURNED: Final = 5
SIZE_WH = (200, 160)


def photo(person: int, variant: int = 0, kind: int = GOOD) -> bytes:
    """Make a PNG of a person (0-255), of which there are many variants (0-255)."""
    pixels = np.full((SIZE_WH[1], SIZE_WH[0], 3), 128, np.uint8)
    pixels[:8, :8] = (person, variant, kind)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def embedding(person: int, variant: int = 0) -> FloatArray:
    """Make the embedding of such a photo: those of one person are alike, and of no others."""
    own = np.random.default_rng(person).normal(size=DIMENSIONS)
    other = np.random.default_rng(1000 + variant).normal(size=DIMENSIONS)
    mixed = own + 0.4 * other
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def readings(
    boxes: list[tuple[float, float, float, float]],
    embeddings: FloatArray,
    sharpness: float = 0.8,
    frontality: float = 0.9,
) -> FaceReadings:
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    count = len(xyxy)
    return FaceReadings(
        faces=Faces(xyxy, np.zeros((count, 5, 2), np.float32), np.ones(count, np.float32)),
        embeddings=embeddings,
        side_px=(xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0),
        sharpness=np.full(count, sharpness, np.float32),
        frontality=np.full(count, frontality, np.float32),
    )


class MadeFaceReader:
    """Reads pictures of `photo`; counts them."""

    model_id = "made:000000000000"
    dimensions = DIMENSIONS
    min_short_side_px = SIZE_WH[1]

    def __init__(self) -> None:
        self.read_count = 0

    def read(self, image: Image) -> FaceReadings:
        self.read_count += 1
        person, variant, kind = (int(value) for value in image.pixels[0, 0])
        one = embedding(person, variant)
        if kind == EMPTY:
            return readings([], np.zeros((0, DIMENSIONS), np.float32))
        if kind == TWO:
            both = np.stack([one, embedding(person + 1, variant)])
            return readings([(5, 40, 85, 120), (110, 40, 190, 120)], both)
        box = (80.0, 60.0, 110.0, 90.0) if kind == SMALL else (60.0, 40.0, 140.0, 120.0)
        return readings(
            [box],
            one[np.newaxis],
            sharpness=0.01 if kind == BLURRED else 0.8,
            frontality=0.0 if kind == TURNED else 0.9,
        )
