"""A reader that takes each colour for a face: pictures of one colour are of one person.

Black pictures show no face; a picture whose left edge is white shows a second one there, which is
surer than the one in the middle.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from huiyan.imaging.picture import Image
from huiyan.perception.face_reader import FaceReadings
from huiyan.perception.faces import Faces

DIMENSIONS = 128
SIDE_PX = 100
EDGE_PX = 20


class ColourFaces:
    """Stands for `huiyan.perception.face_reader.FaceReader`."""

    dimensions = DIMENSIONS
    min_short_side_px = SIDE_PX

    def __init__(self, model_id: str = "colour:1") -> None:
        self.model_id = model_id

    def read(self, image: Image) -> FaceReadings:
        """See a face in the middle, and one at a white edge."""
        width, height = image.size_wh
        colour = image.pixels[height // 2, width // 2].astype(int)
        boxes, embeddings = [], []
        if image.pixels[height // 2, 2].min() > 200:
            boxes.append((0, 0, EDGE_PX, EDGE_PX))
            embeddings.append(np.eye(DIMENSIONS)[DIMENSIONS - 1])
        if colour.max() > 40:
            boxes.append((EDGE_PX, EDGE_PX, width - EDGE_PX, height - EDGE_PX))
            hue = int(np.round(colour / 64) @ (1, 5, 25))
            embeddings.append(np.eye(DIMENSIONS)[hue])
        count = len(boxes)
        xyxy = np.array(boxes, np.float32).reshape(count, 4)
        return FaceReadings(
            faces=Faces(xyxy, np.zeros((count, 5, 2), np.float32), np.full(count, 0.9, np.float32)),
            embeddings=np.array(embeddings, np.float32).reshape(count, DIMENSIONS),
            side_px=(xyxy[:, 2] - xyxy[:, 0]),
            sharpness=np.ones(count, np.float32),
            frontality=np.ones(count, np.float32),
        )


def paint_face(path: Path, colour: tuple[int, int, int], *, has_second: bool = False) -> None:
    """Write a picture that `ColourFaces` sees a face in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = PilImage.new("RGB", (SIDE_PX, SIDE_PX), colour)
    if has_second:
        picture.paste((255, 255, 255), (0, 0, EDGE_PX, SIDE_PX))
    picture.save(path)
