from __future__ import annotations

import numpy as np
import pytest

from huiyan.kernel.units import FloatArray
from huiyan.subject.grouping import group, iou

NO_BOXES = np.zeros((0, 4), np.float32)


def _mask(*boxes: tuple[int, int, int, int]) -> FloatArray:
    mask = np.zeros((100, 100), np.float32)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = 0.95
    return mask


def _boxes(*boxes: tuple[float, float, float, float]) -> FloatArray:
    return np.array(boxes, np.float32).reshape(-1, 4)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.55])
def test_a_flat_mask_has_no_subject(value: float) -> None:
    assert group(np.full((32, 32), value, np.float32), NO_BOXES).main is None


def test_one_thing_is_the_main_subject_and_has_no_members() -> None:
    seen = group(_mask((20, 30, 60, 90)), NO_BOXES)
    assert seen.main is not None
    assert seen.main.xyxy == pytest.approx([20, 30, 60, 90], abs=0.3)
    assert seen.members == ()


def test_a_mask_to_the_very_edges_gives_the_whole_picture() -> None:
    seen = group(np.ones((32, 32), np.float32), NO_BOXES)
    assert seen.main is not None
    assert seen.main.xyxy.tolist() == [0, 0, 32, 32]


def test_edges_lie_between_cells_where_the_mask_fades() -> None:
    mask = _mask((20, 20, 60, 60))
    mask[20:60, 19] = 0.2
    sharp, fading = group(_mask((20, 20, 60, 60)), NO_BOXES), group(mask, NO_BOXES)
    assert sharp.main is not None
    assert fading.main is not None
    assert 19 < fading.main.xyxy[0] < sharp.main.xyxy[0] < 20.5


def test_crumbs_do_not_stretch_the_box() -> None:
    seen = group(_mask((20, 20, 60, 60), (95, 95, 97, 97)), NO_BOXES)
    assert seen.main is not None
    assert seen.main.xyxy == pytest.approx([20, 20, 60, 60], abs=0.3)


def test_two_things_apart_are_members_of_one_main_subject() -> None:
    seen = group(_mask((5, 20, 35, 80), (60, 20, 90, 70)), NO_BOXES)
    assert seen.main is not None
    assert seen.main.xyxy == pytest.approx([5, 20, 90, 80], abs=0.3)
    assert [round(float(one.xyxy[0])) for one in seen.members] == [5, 60]


def test_what_one_object_was_torn_into_is_joined() -> None:
    torn = _mask((20, 10, 60, 45), (20, 50, 60, 90))
    assert len(group(torn, NO_BOXES).members) == 2
    assert group(torn, _boxes((18, 8, 62, 92))).members == ()


def test_what_two_objects_grew_into_is_taken_apart() -> None:
    grown = _mask((10, 20, 90, 80))
    members = group(grown, _boxes((10, 20, 50, 80), (50, 20, 90, 80))).members
    assert len(members) == 2
    assert sorted(round(float(one.xyxy[0])) for one in members) == [10, 50]


def test_two_boxes_of_one_object_take_nothing_apart() -> None:
    grown = _mask((10, 20, 90, 80))
    assert group(grown, _boxes((10, 20, 90, 80), (12, 22, 88, 78))).members == ()


def test_boxes_outside_the_mask_or_the_picture_do_no_harm() -> None:
    strange = _boxes((-50, -50, -10, -10), (200, 200, 300, 300), (0, 0, 0, 0), (5, 5, 2, 2))
    assert group(_mask((20, 20, 60, 60)), strange).members == ()


def test_a_thousand_dots_are_answered() -> None:
    mask = np.zeros((100, 100), np.float32)
    mask[::3, ::3] = 1
    seen = group(mask, NO_BOXES)
    assert seen.main is not None
    assert len(seen.members) <= 12


def test_overlap_of_boxes() -> None:
    one = np.array([0, 0, 2, 2], np.float32)
    assert iou(one, one) == 1
    assert iou(one, np.array([1, 0, 3, 2], np.float32)) == pytest.approx(1 / 3)
    assert iou(one, np.array([2, 2, 3, 3], np.float32)) == 0
    assert iou(one * 0, one * 0) == 0
