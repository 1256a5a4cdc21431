"""A second look at small and at leaning faces: closer, and upright.

Owns: which faces get one, how many share a look, and what becomes of faces that it does not
confirm. Has no opinion on: how a face is found in one look, and whose it is.

The network finds faces of 20 px and such as lean to the side, and tells their place well, but not
their eyes and mouth: aligned by those, they are hardly recognised.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from huiyan.imaging.align import cut_square
from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.perception.faces import INPUT_SIDE_PX, Faces
from huiyan.runtime.fan_out import FanOut

FACES_PER_LOOK = 16

_COLUMNS = 4
_CELL_PX = INPUT_SIDE_PX // _COLUMNS
_SURROUNDINGS = 2.5
"""Side of what is shown, in sides of the face: it gets 64 px."""

MAX_LEAN = float(np.deg2rad(10))
"""Faces that lean less, in radians, are shown as they are."""

_LEAN_GAIN = 1.5
_MAX_GAINED = np.deg2rad(60)
"""The network, which was taught on upright faces, sees two thirds of a lean of 15 to 45 degrees."""

_MIN_IOU = 0.3
"""Between what the first look and the second say about one face."""


class FaceLook(Protocol):
    """What finds faces in one look; `huiyan.perception.faces.FaceDetector`."""

    def detect(self, image: Image, view_px: int | None = None) -> Faces:
        """Find the faces of a picture, shown with this long side, in px of the full picture."""
        ...


def look_again(
    look: FaceLook, fan_out: FanOut, image: Image, faces: Faces, leans: FloatArray
) -> Faces:
    """Look closer at faces, each turned upright.

    Parameters
    ----------
    look : FaceLook
        Finds faces in one look at a square of 640 px.
    fan_out : FanOut
        Looks at several squares side by side where cores are idle.
    image : Image
        The picture, upright.
    faces : Faces
        Faces of it; N may be 0.
    leans : ndarray of shape (N,), float32
        How far each leans as the first look saw it, in radians, as `measure_lean` tells; 0 for a
        face that was seen too small to tell.

    Returns
    -------
    Faces
        Those that the second look confirms, with the boxes, points and scores that it gives, in
        the order given.

    Raises
    ------
    InferenceError
        The network failed, or answered with something else than numbers of the right shapes.
    """
    height, width = image.pixels.shape[:2]
    to_pixels = (np.array([width, height]) / np.array(image.size_wh)).astype(np.float32)
    boxes = faces.xyxy * np.tile(to_pixels, 2)
    starts = range(0, len(boxes), FACES_PER_LOOK)
    chunks = [(boxes[at : at + FACES_PER_LOOK], leans[at : at + FACES_PER_LOOK]) for at in starts]
    found = fan_out.run([partial(_look, look, image.pixels, *chunk) for chunk in chunks])
    rows = [row for part in found for row in part]
    xyxy = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    points = np.array([row[1] for row in rows], np.float32).reshape(-1, 5, 2)
    scores = np.array([row[2] for row in rows], np.float32)
    most = np.tile(np.array(image.size_wh, np.float32), 2)
    xyxy = np.clip(xyxy / np.tile(to_pixels, 2), np.float32(0), most)
    is_there = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    points = (points / to_pixels).astype(np.float32)
    return Faces(xyxy[is_there], points[is_there], scores[is_there])


def measure_lean(points: FloatArray) -> FloatArray:
    """Tell how far faces lean to the side.

    Parameters
    ----------
    points : ndarray of shape (N, 5, 2), float32
        (x, y) of the right eye, left eye, tip of the nose, right and left corner of the mouth.

    Returns
    -------
    ndarray of shape (N,), float32
        In radians, from -pi to pi, 0 for an upright face, positive where it leans clockwise.
    """
    across = points[:, 1] - points[:, 0] + points[:, 4] - points[:, 3]
    angles: FloatArray = np.arctan2(across[:, 1], across[:, 0]).astype(np.float32)
    return angles


def _look(
    look: FaceLook, pixels: PixelArray, boxes: FloatArray, angles: FloatArray
) -> list[tuple[FloatArray, FloatArray, float]]:
    """Show up to 16 faces in one square; boxes and answers are in px of `pixels`."""
    square = np.zeros((INPUT_SIDE_PX, INPUT_SIDE_PX, 3), np.uint8)
    ways = [
        _turn_upright(box, _true_lean(angle))
        for box, angle in zip(boxes, angles.tolist(), strict=True)
    ]
    for (left, top), way in zip(_cells(), ways, strict=False):
        square[top : top + _CELL_PX, left : left + _CELL_PX] = cut_square(pixels, way, _CELL_PX)
    found = look.detect(Image(square, (INPUT_SIDE_PX, INPUT_SIDE_PX)))
    middles, halves = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2, _half_sides(found.xyxy)
    answers = []
    for cell, way, box in zip(_cells(), ways, boxes, strict=False):
        back, origin = np.linalg.inv(way[:, :2]), np.array(cell) + way[:, 2]
        centres = (middles - origin) @ back.T
        half_sides = halves * np.hypot(back[0, 0], back[1, 0])
        xyxy = np.hstack([centres - half_sides, centres + half_sides]).astype(np.float32)
        ious = _overlap(xyxy, box)
        if len(ious) and ious.max() >= _MIN_IOU:
            best = int(ious.argmax())
            points = ((found.points[best] - origin) @ back.T).astype(np.float32)
            answers.append((xyxy[best], points, float(found.scores[best])))
    return answers


def _true_lean(angle: float) -> float:
    size = abs(angle)
    if size <= MAX_LEAN:
        return 0.0
    return float(np.copysign(min(_LEAN_GAIN * size, max(size, _MAX_GAINED)), angle))


def _turn_upright(box: FloatArray, angle: float) -> NDArray[np.float64]:
    """Find the similarity that brings a face and its surroundings upright into a cell."""
    side_px = _SURROUNDINGS * float(max(box[2] - box[0], box[3] - box[1]))
    scale = _CELL_PX / max(side_px, 1.0)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    middle = (box[:2].astype(np.float64) + box[2:]) / 2
    return np.column_stack([turn, _CELL_PX / 2 - turn @ middle])


def _half_sides(xyxy: FloatArray) -> FloatArray:
    half_sides: FloatArray = (xyxy[:, 2:] - xyxy[:, :2]) / np.float32(2)
    return half_sides


def _cells() -> list[tuple[int, int]]:
    places = range(0, INPUT_SIDE_PX, _CELL_PX)
    return [(left, top) for top in places for left in places]


def _overlap(xyxy: FloatArray, box: FloatArray) -> FloatArray:
    """Tell the intersection over union of boxes with one; shape (N,)."""
    low, high = np.maximum(xyxy[:, :2], box[:2]), np.minimum(xyxy[:, 2:], box[2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    ious: FloatArray = shared / np.maximum(areas + np.prod(box[2:] - box[:2]) - shared, 1e-9)
    return ious
