"""Which photos a gallery takes.

Owns: which of several faces is meant, what a face must be like to stand for a person, and how a
photo is refused so that it can be mended. Has no opinion on: how faces are read, whose face it is,
and where photos are kept.
"""

from __future__ import annotations

import hashlib

import numpy as np

from huiyan.celebrity.gallery.model import NewPhoto
from huiyan.celebrity.recogniser import Reader
from huiyan.imaging.face_picture import cut_face_picture
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import UnfitFaceError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.face_reader import FaceReadings

MIN_SIDE_PX = 40.0
"""A smaller face is enlarged so much that the network sees what is not there."""

MIN_SHARPNESS = 0.3
MIN_FRONTALITY = 0.4
"""See ``docs/celebrity.md``, "Which photos are taken", for what they let pass."""

GOOD_SIDE_PX = 112.0
"""The side at which the network looks at faces: more pixels add nothing."""

LESSER_SIDE = 1 / 2
"""Faces under this share of the largest one's side are bystanders."""

LESSER_SIDE_OFF_CENTRE = 3 / 4
"""The same where the largest face covers the middle of the picture and the other one does not."""

PORTRAIT_SHARE = 1 / 3
"""From this share of the picture's short side a face in the middle is what the picture is of: faces
that its frame cuts off are bystanders, however large."""

_FRAME_SHARE = 0.02
"""How near to the frame a face is cut off, of the picture's long side."""

NO_FACE = "no face was found"
NO_FACE_THERE = "there is no face at this point"
SEVERAL_FACES = "several faces were found and none clearly dominates"
SMALL_FACE = "the face is too small"
BLURRED_FACE = "the face is blurred"
TURNED_FACE = "the face is turned away"
"""How the refusals begin, so that a shell can say the same in another language."""


class Intake:
    """Judges photos of people before a gallery takes them.

    One instance serves all threads.

    Parameters
    ----------
    reader : Reader
        Reads faces.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def min_short_side_px(self) -> int | None:
        """What the reader wants photos to keep when they are decoded.

        Returns
        -------
        int or None
            The short side in px; None for the full picture.
        """
        return self._reader.min_short_side_px

    def judge(
        self,
        image: Image,
        data: bytes,
        keeps_picture: bool,  # noqa: FBT001 -- a property of the gallery, handed through
        at: tuple[float, float] | None = None,
    ) -> NewPhoto:
        """Find the face that a photo is of, and see that it can stand for a person.

        Parameters
        ----------
        image : Image
            The photo, upright.
        data : bytes
            Its file, for the digest.
        keeps_picture : bool
            Whether the gallery keeps the face's pixels.
        at : tuple of float, optional
            (x, y) in px of the full upright picture, a point on the face that is meant.

        Returns
        -------
        NewPhoto
            What the gallery stores.

        Raises
        ------
        UnfitFaceError
            There is no face, it is not clear which one is meant, or it is too poor; the text says
            how to mend it.
        InferenceError
            A network failed.
        """
        readings = self._reader.read(image)
        chosen = _choose(readings, image.size_wh, at)
        side_px = float(readings.side_px[chosen])
        sharpness = float(readings.sharpness[chosen])
        frontality = float(readings.frontality[chosen])
        require_good(side_px, sharpness, frontality)
        picture = cut_face_picture(image, readings.faces.xyxy[chosen]) if keeps_picture else None
        return NewPhoto(
            embedding=readings.embeddings[chosen].copy(),
            digest=hashlib.sha256(data).hexdigest(),
            quality=rate(side_px, sharpness, frontality),
            side_px=side_px,
            picture=picture,
        )


def rate(side_px: float, sharpness: float, frontality: float) -> float:
    """Say in one number how well a face can stand for a person.

    Parameters
    ----------
    side_px : float
        The longer side of its box, in px.
    sharpness, frontality : float
        0 to 1, as `FaceReadings` has them.

    Returns
    -------
    float
        0 to 1: the geometric mean of the three, so that no strength hides a weakness.
    """
    size = min(1.0, side_px / GOOD_SIDE_PX)
    product = max(0.0, size) * min(1.0, max(0.0, sharpness)) * min(1.0, max(0.0, frontality))
    return float(product ** (1 / 3))


def _choose(
    readings: FaceReadings, size_wh: tuple[int, int], at: tuple[float, float] | None
) -> int:
    xyxy = readings.faces.xyxy
    if not len(xyxy):
        raise UnfitFaceError(
            f"{NO_FACE}: give a photo that shows the face upright, not covered and at least "
            f"{MIN_SIDE_PX:.0f} px large"
        )
    if at is not None:
        return _choose_at(readings, at)
    if len(xyxy) == 1:
        return 0
    chosen = _find_dominant(readings, size_wh)
    if chosen is None:
        largest = np.argsort(-readings.side_px, kind="stable")[:5]
        raise UnfitFaceError(
            f"{SEVERAL_FACES} ({len(xyxy)}): cut the photo to the one that is meant, or name a "
            f"point on it, x,y in px; the largest are at {_points(xyxy[largest])}"
        )
    return chosen


def _choose_at(readings: FaceReadings, at: tuple[float, float]) -> int:
    xyxy = readings.faces.xyxy
    x, y = at
    left, top, right, bottom = xyxy.T
    there = np.flatnonzero((left <= x) & (x <= right) & (top <= y) & (y <= bottom))
    if not len(there):
        raise UnfitFaceError(
            f"{NO_FACE_THERE} ({x:.0f},{y:.0f}): name a point on a face, x,y in px of the whole "
            f"upright photo; faces are at {_points(xyxy[:5])}"
        )
    # Boxes overlap in crowds: the point is meant for the face whose middle it is nearest to.
    away = np.hypot((left + right) / 2 - x, (top + bottom) / 2 - y)
    return int(there[np.argmin(away[there])])


def _find_dominant(readings: FaceReadings, size_wh: tuple[int, int]) -> int | None:
    """Find the face beside which all others are bystanders."""
    side_px, xyxy = readings.side_px, readings.faces.xyxy
    largest = int(np.argmax(side_px))
    covers_middle = _covers(xyxy, (size_wh[0] / 2, size_wh[1] / 2))
    limit_px = np.full(len(xyxy), LESSER_SIDE * side_px[largest])
    if covers_middle[largest]:
        limit_px[~covers_middle] = LESSER_SIDE_OFF_CENTRE * side_px[largest]
        if side_px[largest] >= PORTRAIT_SHARE * min(size_wh):
            limit_px[~covers_middle & _touches_frame(xyxy, size_wh)] = np.inf
    is_lesser = side_px < limit_px
    is_lesser[largest] = True
    return largest if is_lesser.all() else None


def _touches_frame(xyxy: FloatArray, size_wh: tuple[int, int]) -> AnyArray:
    near_px = _FRAME_SHARE * max(size_wh)
    low = (xyxy[:, :2] <= near_px).any(axis=1)
    return np.asarray(low | (xyxy[:, 2:] >= np.array(size_wh) - near_px).any(axis=1))


def _covers(xyxy: FloatArray, point_xy: tuple[float, float]) -> AnyArray:
    low = (xyxy[:, :2] <= point_xy).all(axis=1)
    return np.asarray(low & (xyxy[:, 2:] >= point_xy).all(axis=1))


def _points(xyxy: FloatArray) -> str:
    middles = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in middles)


def require_good(side_px: float, sharpness: float, frontality: float) -> None:
    """See that a face can stand for a person.

    Parameters
    ----------
    side_px : float
        The longer side of its box, in px.
    sharpness, frontality : float
        0 to 1, as `FaceReadings` has them.

    Raises
    ------
    UnfitFaceError
        It cannot; the text says why and how to mend it.
    """
    if side_px < MIN_SIDE_PX:
        raise UnfitFaceError(
            f"{SMALL_FACE} ({side_px:.0f} px, at least {MIN_SIDE_PX:.0f}): give a larger photo, or "
            "one taken from nearer"
        )
    if sharpness < MIN_SHARPNESS:
        raise UnfitFaceError(
            f"{BLURRED_FACE} (sharpness {sharpness:.2f}, at least {MIN_SHARPNESS}): give a photo "
            "in focus, neither enlarged nor strongly compressed"
        )
    if frontality < MIN_FRONTALITY:
        raise UnfitFaceError(
            f"{TURNED_FACE} (frontality {frontality:.2f}, at least {MIN_FRONTALITY}): give a photo "
            "in which both eyes are seen"
        )
