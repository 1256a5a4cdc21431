"""Faces of every size, in pictures of every size.

Owns: at which scales and in which parts a picture is looked at, and that each face comes once. Has
no opinion on: how a face is found in one look, and whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray
from huiyan.perception.face_second_look import MAX_LEAN, FaceLook, look_again, measure_lean
from huiyan.perception.faces import INPUT_SIDE_PX, Faces
from huiyan.perception.suppression import IndexArray
from huiyan.runtime.fan_out import FanOut

MIN_SHORT_SIDE_PX = 2501
"""Decoding halves a picture above 5000 px and never quarters one of at most 10000 px, so a face of
40 px keeps at least 20 px, which is what the network needs, and all 40 px in ordinary photos."""

FIRST_MIN_SCORE = 0.5
"""What the first look should let through: the second one sorts most false faces out."""

MIN_SCORE = 0.7
"""See ``docs/decisions/0013-celebrity.md`` for what it finds and invents."""

MAX_FACES = 256
"""Whoever asks pays for each face; a picture can be made to hold thousands."""

_FINE_SIDE_PX = 896
"""Side of the finest parts in px of the full picture: one of 40 px has 28 px in the network's
square. With 20 px, one in seven is missed before a calm background."""

_SMALL_PX = 48
"""Faces shown smaller than this get a second look, as do those that lean to the side."""

_MIN_TELLING_PX = 32
"""What a face shown smaller seems to lean is mostly the network's error."""

_CLOSE_UP_VIEW_PX = 256
"""Faces of more than 400 px in the network's square are often missed, so the whole picture is also
looked at this small."""

_CLOSE_UP_TRUST = 0.9
"""Of a score in that look: of a face that both see, the other one has the finer points."""

_LEVEL_STEP = 4
_MIN_GAIN = 1.1
"""A level that shows hardly more than the next wider one is not worth its looks."""

_OVERLAP_SHARE = 0.14375
"""Of a part's side: a face that neither of two neighbours sees whole is large enough (20 px of the
network's square) for the next wider level."""

_EDGE_SHARE = 0.006
_MAX_IOU = 0.3
_MAX_INSIDE = 0.6


@dataclass(frozen=True, slots=True)
class Part:
    """What one look shows, in px of the full picture.

    Parameters
    ----------
    left, top, right, bottom : int
        Right and bottom lie just outside.
    view_px : int
        The long side that it gets in the network's square.
    """

    left: int
    top: int
    right: int
    bottom: int
    view_px: int = INPUT_SIDE_PX


def lay_parts(size_wh: tuple[int, int]) -> tuple[Part, ...]:
    """Tell which parts of a picture are looked at.

    Parameters
    ----------
    size_wh : tuple of int
        Width and height of the full picture in px, each at least 1.

    Returns
    -------
    tuple of Part
        The whole picture twice, then ever smaller parts; parts of one level cover the picture. At
        most 187 for sides of at most 10000 px, 28 for 4000 x 3000, 2 up to 985 px.

    Examples
    --------
    >>> lay_parts((800, 600))[1]
    Part(left=0, top=0, right=800, bottom=600, view_px=256)
    >>> [len(lay_parts(size_wh)) for size_wh in ((800, 600), (4000, 3000), (10_000, 10_000))]
    [2, 28, 187]
    """
    width, height = size_wh
    parts = [Part(0, 0, width, height), Part(0, 0, width, height, _CLOSE_UP_VIEW_PX)]
    sides_px = [_FINE_SIDE_PX]
    while sides_px[-1] * _LEVEL_STEP * _MIN_GAIN < max(size_wh):
        sides_px.append(sides_px[-1] * _LEVEL_STEP)
    for side_px in reversed(sides_px):
        if side_px * _MIN_GAIN < max(size_wh):
            columns, rows = (_lay_along(length_px, side_px) for length_px in size_wh)
            parts += [
                Part(left, top, right, bottom) for top, bottom in rows for left, right in columns
            ]
    return tuple(parts)


def _lay_along(length_px: int, side_px: int) -> list[tuple[int, int]]:
    if length_px <= side_px:
        return [(0, length_px)]
    step_px = round(side_px * (1 - _OVERLAP_SHARE))
    count = 1 + -(-(length_px - side_px) // step_px)
    starts = [(length_px - side_px) * number // (count - 1) for number in range(count)]
    return [(start, start + side_px) for start in starts]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Faces in px of the reduced picture, and how large the network saw each."""

    xyxy: FloatArray
    points: FloatArray
    scores: FloatArray
    shown_px: FloatArray

    def pick(self, which: IndexArray) -> _Seen:
        return _Seen(self.xyxy[which], self.points[which], self.scores[which], self.shown_px[which])


class FacePyramid:
    """Looks at the whole picture, closer at parts of a large one, again at unclear faces.

    One instance serves all threads.

    Parameters
    ----------
    look : FaceLook
        Finds faces in one look, those of a score of `FIRST_MIN_SCORE` and more.
    fan_out : FanOut
        Looks at the parts of one picture side by side where cores are idle.
    min_score : float
        Faces below are left out, 0 to 1; what the first look finds may be less sure.
    """

    min_short_side_px = MIN_SHORT_SIDE_PX

    def __init__(self, look: FaceLook, fan_out: FanOut, min_score: float = MIN_SCORE) -> None:
        self._face_look = look
        self._fan_out = fan_out
        self._min_score = min_score

    def detect(self, image: Image) -> Faces:
        """Find the faces of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright; its short side should be at least `MIN_SHORT_SIDE_PX`.

        Returns
        -------
        Faces
            Each face once; the `MAX_FACES` surest.

        Raises
        ------
        InferenceError
            The network failed, or answered with something else than numbers of the right shapes.
        """
        parts = lay_parts(image.size_wh)
        found = self._fan_out.run([partial(self._look, image, part) for part in parts])
        xyxy, points, scores, shown_px = (
            np.concatenate([getattr(it, name) for it in found])
            for name in ("xyxy", "points", "scores", "shown_px")
        )
        trust = np.repeat(
            [_CLOSE_UP_TRUST if part.view_px < INPUT_SIDE_PX else 1.0 for part in parts],
            [len(it.scores) for it in found],
        )
        surest = _keep_surest(xyxy, scores * trust.astype(np.float32))
        seen = _Seen(xyxy, points, scores, shown_px).pick(surest)
        is_telling = seen.shown_px >= _MIN_TELLING_PX
        leans = np.where(is_telling, measure_lean(seen.points), np.float32(0))
        is_unclear = (seen.shown_px < _SMALL_PX) | (np.abs(leans) > MAX_LEAN)
        height, width = image.pixels.shape[:2]
        unclear = Faces(seen.xyxy[is_unclear], seen.points[is_unclear], seen.scores[is_unclear])
        reduced = Image(image.pixels, (width, height))
        again = look_again(self._face_look, self._fan_out, reduced, unclear, leans[is_unclear])
        xyxy = np.concatenate([seen.xyxy[~is_unclear], again.xyxy])
        points = np.concatenate([seen.points[~is_unclear], again.points])
        scores = np.concatenate([seen.scores[~is_unclear], again.scores])
        kept = _keep_surest(xyxy, scores)
        kept = kept[scores[kept] >= self._min_score]
        to_full = (np.array(image.size_wh) / np.array([width, height])).astype(np.float32)
        return Faces(xyxy[kept] * np.tile(to_full, 2), points[kept] * to_full, scores[kept])

    def _look(self, image: Image, part: Part) -> _Seen:
        """Find the faces that lie wholly in one part."""
        height, width = image.pixels.shape[:2]
        left, right = _scale(part.left, part.right, width, image.size_wh[0])
        top, bottom = _scale(part.top, part.bottom, height, image.size_wh[1])
        size_wh = right - left, bottom - top
        crop = Image(image.pixels[top:bottom, left:right], size_wh)
        faces = self._face_look.detect(crop, part.view_px)
        is_inner = np.array([left > 0, top > 0, right < width, bottom < height])
        margins = np.hstack([faces.xyxy[:, :2], np.array(size_wh, np.float32) - faces.xyxy[:, 2:]])
        is_whole = (margins[:, is_inner] > _EDGE_SHARE * max(size_wh)).all(axis=1)
        xyxy = faces.xyxy[is_whole]
        sides_px = (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0)
        corner = np.array([left, top], np.float32)
        return _Seen(
            xyxy + np.tile(corner, 2),
            faces.points[is_whole] + corner,
            faces.scores[is_whole],
            sides_px * np.float32(part.view_px / max(size_wh)),
        )


def _scale(low_px: int, high_px: int, length_px: int, full_px: int) -> tuple[int, int]:
    low = min(length_px - 1, low_px * length_px // full_px)
    return low, max(low + 1, min(length_px, -(-high_px * length_px // full_px)))


def _keep_surest(xyxy: FloatArray, scores: FloatArray) -> IndexArray:
    """Tell which boxes are kept, surest first.

    One that lies inside another goes too, not only one of its size: close looks take eyes and
    mouths of large faces for small ones.
    """
    order = np.argsort(-scores, kind="stable")
    areas = np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    kept: list[int] = []
    while len(order) and len(kept) < MAX_FACES:
        surest, order = order[0], order[1:]
        kept.append(int(surest))
        low = np.maximum(xyxy[order, :2], xyxy[surest, :2])
        high = np.minimum(xyxy[order, 2:], xyxy[surest, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        joined = areas[order] + areas[surest] - shared
        smaller = np.minimum(areas[order], areas[surest])
        is_other = (shared <= _MAX_IOU * joined) & (shared <= _MAX_INSIDE * smaller)
        order = order[is_other]
    return np.array(kept, np.intp)
