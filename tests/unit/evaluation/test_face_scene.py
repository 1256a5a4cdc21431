from __future__ import annotations

import numpy as np
import pytest

from huiyan.evaluation.face_scene import Portrait, compose_scene, match_faces


def _portraits() -> list[Portrait]:
    rows = []
    for colour in (80, 160, 240):
        pixels = np.full((120, 100, 3), 30, np.uint8)
        pixels[30:70, 20:60] = colour
        rows.append(Portrait(pixels, np.array([20, 30, 60, 70], np.float32)))
    return rows


GROUND = [np.zeros((70, 90, 3), np.uint8), np.zeros((50, 40, 3), np.uint8)]


@pytest.mark.parametrize("size_wh", [(1, 1), (1000, 3), (33, 47)])
def test_a_scene_too_small_for_a_face_has_none(size_wh: tuple[int, int]) -> None:
    scene = compose_scene(_portraits(), GROUND, size_wh, [40], 0)
    assert scene.pixels.shape == (size_wh[1], size_wh[0], 3)
    assert scene.xyxy.shape == (0, 4)
    assert scene.sides_px.shape == scene.portraits.shape == (0,)


def test_each_face_has_its_size_and_lies_where_the_truth_says() -> None:
    scene = compose_scene(_portraits(), GROUND, (800, 600), [20, 40, 80, 20, 33], 5)
    assert sorted(scene.sides_px.tolist()) == [20, 20, 33, 40, 80]
    for box, side, which in zip(scene.xyxy, scene.sides_px, scene.portraits, strict=True):
        assert box[2:] - box[:2] == pytest.approx([side, side], abs=1)
        middle_x, middle_y = ((box[:2] + box[2:]) / 2).astype(int)
        assert scene.pixels[middle_y, middle_x, 0] == (80, 160, 240)[which]


def test_the_same_seed_gives_the_same_scene() -> None:
    one, two = (compose_scene(_portraits(), GROUND, (300, 300), [20] * 4, 9) for _ in range(2))
    assert np.array_equal(one.pixels, two.pixels)


def test_faces_match_once_and_the_surest_box_wins() -> None:
    truth = np.array([[0, 0, 10, 10], [50, 50, 80, 80]], np.float32)
    found = np.array([[51, 51, 80, 80], [50, 50, 80, 80], [200, 0, 210, 10], [0, 0, 9, 9]])
    assert match_faces(truth, found.astype(np.float32)).tolist() == [1, -1, -1, 0]
    assert match_faces(truth, np.zeros((0, 4), np.float32)).tolist() == []
    assert match_faces(np.zeros((0, 4), np.float32), found[:1].astype(np.float32)).tolist() == [-1]
