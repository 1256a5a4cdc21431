from __future__ import annotations

import numpy as np
import pytest

from huiyan.subject.layout import lay_out


def test_a_box_in_the_middle() -> None:
    mask = np.zeros((10, 10), np.float32)
    mask[4:6, 4:6] = 1
    layout = lay_out((400, 200, 600, 300), (1000, 500), mask)
    assert (layout.column, layout.row) == (1, 1)
    assert (layout.place.en, layout.place.zh) == ("centre", "正中")
    assert layout.area_percent == 4
    assert layout.box_percent == 4
    assert (layout.left_percent, layout.right_percent) == (40, 40)
    assert (layout.top_percent, layout.bottom_percent) == (40, 40)


@pytest.mark.parametrize(
    ("xyxy", "en", "zh", "roomiest"),
    [
        ((0, 0, 10, 10), "top left", "左上", "right"),
        ((90, 90, 100, 100), "bottom right", "右下", "left"),
        ((45, 0, 55, 10), "top centre", "上方居中", "bottom"),
        ((0, 45, 10, 55), "middle left", "左侧居中", "right"),
    ],
)
def test_the_cell_of_the_grid_is_told_in_both_languages(
    xyxy: tuple[float, float, float, float], en: str, zh: str, roomiest: str
) -> None:
    layout = lay_out(xyxy, (100, 100), np.zeros((4, 4), np.float32))
    assert (layout.place.en, layout.place.zh) == (en, zh)
    assert layout.roomiest == roomiest


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1)])
def test_a_subject_that_fills_a_picture_of_any_shape(size_wh: tuple[int, int]) -> None:
    layout = lay_out((0, 0, *size_wh), size_wh, np.ones((4, 4), np.float32))
    assert layout.box_percent == layout.area_percent == 100
    assert (layout.column, layout.row) == (1, 1)
