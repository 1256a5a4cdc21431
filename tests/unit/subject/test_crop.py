from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.subject.crop import crop_around, parse_aspect


@pytest.mark.parametrize(
    ("text", "aspect"), [("1:1", 1), ("16:9", 16 / 9), ("4x5", 0.8), ("3/2", 1.5)]
)
def test_aspects_are_read_as_people_write_them(text: str, aspect: float) -> None:
    assert parse_aspect(text) == pytest.approx(aspect)


@pytest.mark.parametrize("text", ["", "1", "0:1", "1:0", "a:b", "-1:2", "1:1:1", "1000:1", "1e9:1"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"aspect|square"):
        parse_aspect(text)


def test_the_subject_stands_in_the_middle_with_room_around_it() -> None:
    crop = crop_around((400, 400, 600, 600), (1000, 1000), 1)
    assert crop.xyxy == (376, 376, 624, 624)
    assert crop.holds_subject


def test_near_an_edge_the_crop_stays_inside() -> None:
    crop = crop_around((0, 0, 100, 100), (1000, 500), 2)
    assert crop.xyxy[:2] == (0, 0)
    assert crop.holds_subject


def test_of_what_is_too_high_the_top_is_kept() -> None:
    crop = crop_around((400, 100, 600, 990), (1000, 1000), 16 / 9)
    assert not crop.holds_subject
    assert crop.xyxy == (0, 100, 1000, 662)


@given(
    size_wh=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    edges=st.tuples(*[st.floats(0, 1)] * 4),
    aspect=st.floats(0.01, 100),
)
def test_a_crop_lies_inside_and_cuts_a_subject_only_where_none_of_its_shape_holds_it(
    size_wh: tuple[int, int], edges: tuple[float, float, float, float], aspect: float
) -> None:
    width, height = size_wh
    left, right = sorted((edges[0] * width, edges[2] * width))
    top, bottom = sorted((edges[1] * height, edges[3] * height))
    crop = crop_around((left, top, right, bottom), size_wh, aspect)
    x0, y0, x1, y1 = crop.xyxy
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height
    # Three px for rounding to whole ones.
    most_wide = min(width, height * aspect) - 3
    most_high = min(height, width / aspect) - 3
    if right - left <= most_wide and bottom - top <= most_high:
        assert crop.holds_subject
