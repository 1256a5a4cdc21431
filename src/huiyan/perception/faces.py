"""The network that finds faces.

Owns: what the network wants to see, how its cells become boxes and points, and which of several
boxes of one face is kept. Has no opinion on: whose face it is, how many people there are, and which
engine runs the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from huiyan.imaging.letterbox import bgr_planes, fit_square
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.suppression import suppress
from huiyan.runtime.session import Session

STRIDES_PX = (8, 16, 32)
OUTPUT_NAMES = tuple(
    f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES_PX
)
"""The card's outputs in the order that `FaceDetector` reads them."""

INPUT_SIDE_PX = 640
MIN_SCORE = 0.6
"""See ``docs/decisions/0011-colours-and-properties.md`` for what it finds and invents."""

_KINDS = (("scores", 1), ("objectness", 1), ("offsets", 4), ("points", 10))
_MAX_IOU = 0.3
_MAX_CANDIDATES = 1000
"""Suppression grows with the square."""

_MAX_ENLARGEMENT = 2.0
_MAX_LOG_SIZE = 8.0
"""A face of e⁸ strides: far over any square, far under what a float can hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces, surest first.

    Parameters
    ----------
    xyxy : ndarray of shape (N, 4), float32
        (left, top, right, bottom) in px of the full upright picture, inside it, never empty.
    points : ndarray of shape (N, 5, 2), float32
        (x, y) in px of the full picture: the person's right eye, left eye, tip of the nose, right
        and left corner of the mouth. They may lie outside the picture when the face is cut.
    scores : ndarray of shape (N,), float32
        0 to 1, falling; the network's, not calibrated.
    """

    xyxy: FloatArray
    points: FloatArray
    scores: FloatArray


class FaceDetector:
    """YuNet.

    One instance serves all threads.

    Parameters
    ----------
    session : Session
        Takes float32 of shape (1, 3, side_px, side_px), BGR 0 to 255, and answers `OUTPUT_NAMES`.
    min_score : float
        Faces below are left out, above 0 to 1.
    side_px : int
        Side of the network's square, a multiple of 32.

    Notes
    -----
    Cells are read as in OpenCV's ``FaceDetectorYN`` (modules/objdetect/src/face_detect.cpp, Apache
    2.0); the network is described in doi:10.1007/s11633-023-1423-y.
    """

    def __init__(
        self, session: Session, min_score: float = MIN_SCORE, side_px: int = INPUT_SIDE_PX
    ) -> None:
        self._session = session
        self._min_score = min_score
        self._side_px = side_px
        self._counts = [(side_px // stride) ** 2 for stride in STRIDES_PX]
        self._cells = np.concatenate([_lay_grid(side_px // stride) for stride in STRIDES_PX])
        self._strides = np.repeat(np.array(STRIDES_PX, np.float32), self._counts)

    @property
    def min_short_side_px(self) -> int:
        """Tell how much of a picture decoding should keep.

        Returns
        -------
        int
            The short side in px that even a square picture has in the network's square.
        """
        return self._side_px

    def detect(self, image: Image, view_px: int | None = None) -> Faces:
        """Find the faces of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright.
        view_px : int, optional
            The long side that the picture gets in the network's square, 1 to the square's own,
            which is the default. Faces that would fill the square are found when it is smaller.

        Returns
        -------
        Faces
            Each face once; none on most pictures without people.

        Raises
        ------
        InferenceError
            The network failed, or answered with something else than numbers of the right shapes.
        """
        square = fit_square(image.pixels, view_px or self._side_px, _MAX_ENLARGEMENT)
        outputs = self._session.run((self._pad(bgr_planes(square.pixels)),))
        xyxy, points, scores = self._read(outputs)
        height, width = image.pixels.shape[:2]
        full_px = np.array(image.size_wh, np.float32)
        to_full = (full_px / (np.array([width, height]) * square.scale_xy)).astype(np.float32)
        most = np.tile(full_px, 2)
        xyxy = np.clip(xyxy * np.tile(to_full, 2), np.float32(0), most)
        is_there = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
        xyxy, points, scores = xyxy[is_there], points[is_there] * to_full, scores[is_there]
        surest = np.argsort(-scores, kind="stable")[:_MAX_CANDIDATES]
        kept = surest[
            suppress(xyxy[surest], scores[surest], np.zeros(len(surest), np.intp), _MAX_IOU)
        ]
        return Faces(xyxy[kept], points[kept], scores[kept])

    def _pad(self, planes: FloatArray) -> FloatArray:
        side_px = planes.shape[2]
        if side_px == self._side_px:
            return planes
        padded = np.zeros((1, 3, self._side_px, self._side_px), np.float32)
        padded[..., :side_px, :side_px] = planes
        return padded

    def _read(self, outputs: tuple[AnyArray, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
        shapes = [(1, count, size) for _, size in _KINDS for count in self._counts]
        if [output.shape for output in outputs] != shapes:
            raise InferenceError("the face detector answered with unexpected shapes")
        by_kind = [
            np.concatenate(outputs[start : start + len(STRIDES_PX)], axis=1)[0]
            for start in range(0, len(outputs), len(STRIDES_PX))
        ]
        classes, objects, offsets, points = by_kind
        scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))[:, 0]
        if not np.isfinite(scores).all():
            raise InferenceError("the face detector answered with scores that are no numbers")
        found = np.flatnonzero(scores >= self._min_score)
        cells, strides = self._cells[found], self._strides[found, np.newaxis]
        offsets, points = offsets[found], points[found].reshape(-1, 5, 2)
        centres = (cells + offsets[:, :2]) * strides
        halves = np.exp(np.minimum(offsets[:, 2:], _MAX_LOG_SIZE)) * strides / 2
        xyxy = np.concatenate([centres - halves, centres + halves], axis=1)
        points = (cells[:, np.newaxis] + points) * strides[:, np.newaxis]
        if not (np.isfinite(xyxy).all() and np.isfinite(points).all()):
            raise InferenceError("the face detector answered with boxes that are no numbers")
        return xyxy, points, scores[found]


def _lay_grid(side_cells: int) -> FloatArray:
    rows, columns = np.divmod(np.arange(side_cells**2), side_cells)
    return np.stack([columns, rows], axis=1).astype(np.float32)
