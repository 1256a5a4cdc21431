from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from huiyan.kernel.units import FloatArray
from huiyan.labelling.main_object import find_main_object

BUSY = settings(deadline=None)  # a busy machine is no fault
SIZES = st.tuples(st.integers(1, 10_000), st.integers(1, 10_000))
# At most 100 places, so that a single one is large enough.
MASKS = npst.arrays(
    np.float32,
    npst.array_shapes(min_dims=2, max_dims=2, max_side=10),
    elements=st.sampled_from([0.0, 0.2, 0.5, 0.6, 1.0]),
)


def mask_of(rows: slice, columns: slice, value: float = 0.9) -> FloatArray:
    mask = np.zeros((160, 160), np.float32)
    mask[rows, columns] = value
    return mask


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5])
def test_a_flat_mask_that_is_not_sure_holds_no_object(value: float) -> None:
    assert find_main_object(np.full((160, 160), value, np.float32), (640, 480)) is None


def test_a_sure_part_is_boxed_in_px_of_the_full_picture() -> None:
    found = find_main_object(mask_of(slice(40, 80), slice(0, 16)), (1600, 80))
    assert found is not None
    assert found.xyxy == (0.0, 20.0, 160.0, 40.0)
    assert found.confidence == pytest.approx(0.9)
    assert found.weights.dtype == np.float32
    assert found.weights.sum() == pytest.approx(0.9 * 40 * 16, rel=1e-5)


def test_the_largest_part_is_the_main_one_and_the_others_weigh_nothing() -> None:
    mask = mask_of(slice(0, 30), slice(0, 30), 1.0) + mask_of(slice(60, 120), slice(60, 120), 0.7)
    found = find_main_object(mask, (160, 160))
    assert found is not None
    assert found.xyxy == (60.0, 60.0, 120.0, 120.0)
    assert found.confidence == pytest.approx(0.7)
    assert not found.weights[:60].any()


@pytest.mark.parametrize(("side", "is_found"), [(15, False), (16, True)])
def test_a_part_under_a_hundredth_of_the_picture_is_too_small(side: int, is_found: bool) -> None:  # noqa: FBT001 -- a column of the table
    found = find_main_object(mask_of(slice(0, side), slice(0, side)), (640, 480))
    assert (found is not None) is is_found


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1), (7, 3)])
def test_an_object_that_fills_the_picture_has_the_pictures_box(size_wh: tuple[int, int]) -> None:
    found = find_main_object(np.ones((160, 160), np.float32), size_wh)
    assert found is not None
    assert found.xyxy == (0.0, 0.0, *map(float, size_wh))
    assert found.confidence == 1


@BUSY
@given(MASKS, SIZES)
def test_a_main_object_is_never_outside_the_picture_and_never_empty(
    mask: FloatArray, size_wh: tuple[int, int]
) -> None:
    found = find_main_object(mask, size_wh)
    assert (found is None) == (not (mask > 0.5).any())
    if found is not None:
        left, top, right, bottom = found.xyxy
        assert 0 <= left < right <= size_wh[0]
        assert 0 <= top < bottom <= size_wh[1]
        assert 0.5 < found.confidence <= 1
        assert ((found.weights == 0) | (found.weights > 0.5)).all()
        assert found.weights.max() <= 1
        assert all(type(it) is float for it in (*found.xyxy, found.confidence))


@BUSY
@given(st.integers(1, 500), st.integers(1, 10_000))
def test_the_last_column_ends_exactly_where_the_picture_does(across: int, width: int) -> None:
    found = find_main_object(np.ones((3, across), np.float32), (width, 10))
    assert found is not None
    assert found.xyxy[2] == width
