from __future__ import annotations

import numpy as np
import pytest
import simplejpeg

from huiyan.imaging.face_picture import MAX_SIDE_PX, cut_face_picture
from huiyan.imaging.picture import Image


def _cut(size_wh: tuple[int, int], xyxy: list[float], reduced: int = 1) -> np.ndarray:
    pixels = np.full((size_wh[1] // reduced, size_wh[0] // reduced, 3), 40, np.uint8)
    pixels[:, : pixels.shape[1] // 2, 0] = 220
    data = cut_face_picture(Image(pixels, size_wh), np.array(xyxy, np.float32))
    assert b"Exif" not in data
    return simplejpeg.decode_jpeg(data, "RGB")


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 900), (900, 1)])
def test_the_thinnest_pictures_give_a_picture(size_wh: tuple[int, int]) -> None:
    assert min(_cut(size_wh, [0, 0, *size_wh]).shape[:2]) >= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_a_box_of_no_numbers_or_far_outside_gives_a_picture(bad: float) -> None:
    assert _cut((60, 60), [bad, 0, 20, bad]).size


def test_a_face_comes_with_its_surroundings_in_their_colours() -> None:
    shown = _cut((400, 400), [180, 180, 220, 220])
    assert shown.shape == (88, 88, 3)
    assert shown[44, 4, 0] > 200
    assert shown[44, 84, 0] < 60


def test_it_ends_where_the_picture_ends() -> None:
    assert _cut((400, 400), [0, 0, 100, 100]).shape == (160, 160, 3)


def test_a_large_face_is_reduced_and_a_small_one_is_not_enlarged() -> None:
    assert max(_cut((4000, 3000), [1000, 500, 2000, 1500]).shape) == MAX_SIDE_PX
    assert max(_cut((4000, 3000), [1000, 500, 1010, 510]).shape) == 22


def test_a_reduced_picture_is_cut_at_the_same_place() -> None:
    assert _cut((800, 800), [360, 360, 440, 440], reduced=2).shape == (88, 88, 3)
