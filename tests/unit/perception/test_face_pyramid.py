"""A fake look finds bright squares: what a face is does not matter to how pictures are cut up."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.perception.face_pyramid import MAX_FACES, FacePyramid, lay_parts
from huiyan.perception.face_second_look import FACES_PER_LOOK
from huiyan.perception.faces import INPUT_SIDE_PX, Faces
from huiyan.runtime.fan_out import FanOut

SIDES = [(1, 1), (1, 10_000), (10_000, 1), (640, 480), (985, 985), (4000, 3000), (10_000, 10_000)]
POINTS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


class FakeLook:
    """Finds bright squares of 12 to 400 px as the network would see them; larger ones are missed.

    The size of a square decides its score.
    """

    def __init__(self, scores: tuple[float, ...] = ()) -> None:
        self.looks: list[tuple[int, int, int]] = []
        self._scores = list(scores)

    def detect(self, image: Image, view_px: int | None = None) -> Faces:
        height, width = image.pixels.shape[:2]
        view = view_px or INPUT_SIDE_PX
        self.looks.append((width, height, view))
        assert image.size_wh == (width, height)
        scale = min(view / max(width, height), 2.0)
        bright = (image.pixels[..., 1] > 128).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        rows = [row[:4] for row in stats[1:] if 12 <= max(row[2:4]) * scale <= 400]
        corners = np.array([row[:2] for row in rows], np.float32).reshape(-1, 2)
        sides = np.array([row[2:4] for row in rows], np.float32).reshape(-1, 2)
        xyxy = np.hstack([corners, corners + sides]).astype(np.float32)
        points = corners[:, None] + POINTS * sides[:, None]
        fixed = self._scores.pop(0) if self._scores else None
        scores = np.minimum(0.95, 0.6 + sides.max(axis=1, initial=0) * scale / 400)
        scores = scores if fixed is None else np.full(len(rows), fixed)
        return Faces(xyxy, points.astype(np.float32), scores.astype(np.float32))


def _picture(width: int, height: int, squares: list[tuple[int, int, int]]) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    for left, top, side in squares:
        pixels[top : top + side, left : left + side] = 255
    return pixels


def _detect(pixels: np.ndarray, full_wh: tuple[int, int] | None = None) -> Faces:
    image = Image(pixels, full_wh or (pixels.shape[1], pixels.shape[0]))
    return FacePyramid(FakeLook(), FanOut(1)).detect(image)


@pytest.mark.parametrize("size_wh", SIDES)
def test_parts_lie_inside_the_picture_and_each_level_covers_it(size_wh: tuple[int, int]) -> None:
    parts = lay_parts(size_wh)
    for part in parts:
        assert 0 <= part.left < part.right <= size_wh[0]
        assert 0 <= part.top < part.bottom <= size_wh[1]
    fine = min(parts[1:], key=lambda part: part.right - part.left)
    level = [part for part in parts if part.right - part.left == fine.right - fine.left]
    assert {0, size_wh[0]} <= {it for part in level for it in (part.left, part.right)}
    lefts = sorted({part.left for part in level})
    width = fine.right - fine.left
    assert all(after - before < width for before, after in itertools.pairwise(lefts))


def test_the_number_of_parts_is_bounded_for_all_sizes() -> None:
    sides = (*range(1, 10_001, 37), 985, 986, 10_000)
    assert max(len(lay_parts((side, side))) for side in sides) == 187
    assert len(lay_parts((985, 985))) == 2
    assert max(len(lay_parts((10_000, side))) for side in sides) == 187


@pytest.mark.parametrize("size_wh", SIDES[:4])
def test_nothing_found_is_three_empty_arrays(size_wh: tuple[int, int]) -> None:
    faces = _detect(_picture(*size_wh, []))
    assert (faces.xyxy.shape, faces.points.shape, faces.scores.shape) == ((0, 4), (0, 5, 2), (0,))
    assert {it.dtype for it in (faces.xyxy, faces.points, faces.scores)} == {np.dtype(np.float32)}


def test_a_small_picture_is_looked_at_twice_and_small_faces_once_more() -> None:
    look = FakeLook()
    pixels = _picture(800, 600, [(100, 100, 30), (300, 200, 25), (500, 100, 200)])
    faces = FacePyramid(look, FanOut(1)).detect(Image(pixels, (800, 600)))
    assert look.looks == [(800, 600, 640), (800, 600, 256), (640, 640, 640)]
    assert len(faces.scores) == 3


@pytest.mark.parametrize("side", [30, 180, 500, 2900])
def test_a_face_of_any_size_in_any_place_is_found_once_and_whole(side: int) -> None:
    rng = np.random.default_rng(side)
    for _ in range(2):
        left, top = (int(rng.integers(0, most - side + 1)) for most in (4000, 3000))
        faces = _detect(_picture(4000, 3000, [(left, top, side)]))
        assert len(faces.scores) == 1
        box = np.array([left, top, left + side, top + side])
        assert faces.xyxy[0] == pytest.approx(box, abs=0.03 * side + 1)
        assert faces.points[0] == pytest.approx([left, top] + POINTS * side, abs=0.04 * side + 1)


def test_faces_on_the_seams_of_parts_are_found_once() -> None:
    seams = sorted({part.right for part in lay_parts((4000, 3000))[2:]})
    squares = [(right - 20, 40 + 90 * number, 40) for number, right in enumerate(seams[:-1])]
    faces = _detect(_picture(4000, 3000, squares))
    assert len(faces.scores) == len(squares)
    assert (faces.xyxy[:, 2] - faces.xyxy[:, 0] > 37).all()


def test_a_reduced_picture_gives_boxes_of_the_full_one() -> None:
    pixels = _picture(5000, 4000, [(1000, 900, 20), (3000, 2000, 600)])
    faces = _detect(pixels, (10_000, 8000))
    order = faces.xyxy[:, 0].argsort()
    expected = np.array([[2000, 1800, 2040, 1840], [6000, 4000, 7200, 5200]])
    assert faces.xyxy[order] == pytest.approx(expected, abs=4)


def test_what_lies_inside_a_surer_face_is_no_face() -> None:
    pixels = _picture(4000, 3000, [(1000, 1000, 1000)])
    cv2.rectangle(pixels, (1300, 1300), (1360, 1360), (0, 0, 0), 8)
    cv2.rectangle(pixels, (1304, 1304), (1356, 1356), (255, 255, 255), -1)
    cv2.rectangle(pixels, (1310, 1310), (1350, 1350), (0, 0, 0), 4)
    assert len(_detect(pixels).scores) == 1


def test_the_surest_come_first_and_their_number_is_bounded() -> None:
    squares = [(x, y, 24 + (x + y) % 9) for x in range(10, 1000, 48) for y in range(10, 1000, 48)]
    look = FakeLook()
    faces = FacePyramid(look, FanOut(1)).detect(Image(_picture(1024, 1024, squares), (1024, 1024)))
    assert len(squares) > MAX_FACES
    assert 0.9 * MAX_FACES < len(faces.scores) <= MAX_FACES
    assert (np.diff(faces.scores) <= 0).all()
    assert len(look.looks) == len(lay_parts((1024, 1024))) + MAX_FACES // FACES_PER_LOOK


def test_a_small_face_counts_as_sure_as_the_second_look_says() -> None:
    image = Image(_picture(800, 600, [(100, 100, 30)]), (800, 600))
    for second, count in ((0.6, 0), (0.8, 1)):
        look = FakeLook((0.55, 0.55, second))
        faces = FacePyramid(look, FanOut(1)).detect(image)
        assert len(faces.scores) == count
        assert faces.scores == pytest.approx([second] * count)


def test_a_large_face_must_be_sure_at_once() -> None:
    image = Image(_picture(800, 600, [(100, 100, 200)]), (800, 600))
    for first, count in ((0.65, 0), (0.75, 1)):
        look = FakeLook((first, first))
        assert len(FacePyramid(look, FanOut(1)).detect(image).scores) == count
        assert len(look.looks) == 2


def test_threads_that_share_the_looks_find_the_same() -> None:
    squares = [(x, y, 44) for x in range(40, 3900, 400) for y in range(40, 2900, 400)]
    image = Image(_picture(4000, 3000, squares), (4000, 3000))
    alone = FacePyramid(FakeLook(), FanOut(1)).detect(image)
    together = FacePyramid(FakeLook(), FanOut(4)).detect(image)
    assert len(alone.scores) == len(squares)
    assert np.array_equal(alone.xyxy, together.xyxy)
