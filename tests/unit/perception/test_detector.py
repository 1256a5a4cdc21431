from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.detector import (
    BOX_COUNT,
    COCO80_NAMES,
    GRIDS,
    MAX_DETECTIONS,
    MIN_SCORE,
    OUTPUT_COUNT,
    Detections,
    Detector,
    Slicing,
    count_inferences,
    min_short_side_px,
)
from huiyan.runtime.fan_out import FanOut

PERSON, DOG, TOOTHBRUSH = 1, 18, 90
"""COCO's own ids."""

Find = tuple[int, tuple[float, float, float, float], float]


def _outputs(*finds: Find) -> tuple[FloatArray, FloatArray]:
    """COCO id, (left, top, right, bottom) from 0 to 1, and score."""
    boxes = np.zeros((BOX_COUNT, 4), np.float32)
    scores = np.zeros((1, BOX_COUNT, 91), np.float32)
    scores[..., 0] = 1
    for place, (coco_id, (left, top, right, bottom), score) in enumerate(finds):
        boxes[place] = top, left, bottom, right
        scores[0, place, coco_id] = score
    return boxes, scores


class FixedSession:
    """Remembers what it was shown and always answers the same."""

    def __init__(self, outputs: tuple[AnyArray, ...]) -> None:
        self.outputs = outputs
        self.shown: list[AnyArray] = []

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        self.shown.extend(inputs)
        return self.outputs


class RedSession:
    """Finds the red there is as one person, and knows exactly where it is."""

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        rows, columns = np.nonzero(inputs[0][0, :, :, 0] > 128)
        if not len(rows):
            return _outputs()
        left, right = columns.min() / 300, (columns.max() + 1) / 300
        top, bottom = rows.min() / 300, (rows.max() + 1) / 300
        return _outputs((PERSON, (left, top, right, bottom), 0.5 + min(0.4, right - left)))


def _detect(
    session: FixedSession | RedSession, image: Image, slicing: Slicing = Slicing.OFF
) -> Detections:
    fan_out = FanOut(1)
    try:
        return Detector(session, fan_out).detect(image, slicing)
    finally:
        fan_out.close()


def _grey(width: int, height: int, full_wh: tuple[int, int] | None = None) -> Image:
    return Image(np.full((height, width, 3), 99, np.uint8), full_wh or (width, height))


def _with_red(width: int, height: int, xyxy: tuple[int, int, int, int]) -> Image:
    image = _grey(width, height)
    left, top, right, bottom = xyxy
    image.pixels[top:bottom, left:right] = 255, 0, 0
    return image


@pytest.mark.parametrize("slicing", Slicing)
def test_a_picture_of_nothing_gives_empty_arrays_of_the_right_form(slicing: Slicing) -> None:
    found = _detect(FixedSession(_outputs()), _grey(640, 480), slicing)
    assert (found.xyxy.shape, found.xyxy.dtype) == ((0, 4), np.dtype(np.float32))
    assert (found.scores.shape, found.scores.dtype) == ((0,), np.dtype(np.float32))
    assert (found.classes.shape, found.classes.dtype) == ((0,), np.dtype(np.intp))


@pytest.mark.parametrize("slicing", Slicing)
@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1), (2, 2), (301, 299)])
def test_every_picture_is_answered_with_boxes_inside_it(
    size_wh: tuple[int, int], slicing: Slicing
) -> None:
    wild = _outputs(
        (PERSON, (-5.0, -5.0, 7.0, 7.0), 0.9),
        (DOG, (0.2, 0.2, 0.2, 0.8), 0.9),
        (DOG, (0.9, 0.9, 0.1, 0.1), 0.9),
        (DOG, (1.2, 1.2, 1.5, 1.5), 0.9),
        (TOOTHBRUSH, (-3e38, 0.3, 3e38, 0.7), 0.9),
        (DOG, (0.3, 0.3, 0.6, 0.6), 0.9),
    )
    session = FixedSession(wild)
    found = _detect(session, _grey(*size_wh), slicing)
    assert len(found.scores) >= 3
    assert np.isfinite(found.xyxy).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= np.array([*size_wh, *size_wh])).all()
    assert {it.shape for it in session.shown} == {(1, 300, 300, 3)}
    assert {it.dtype for it in session.shown} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("slicing", Slicing)
def test_the_network_runs_as_often_as_is_told(slicing: Slicing) -> None:
    session = FixedSession(_outputs())
    _detect(session, _grey(800, 600), slicing)
    assert len(session.shown) == count_inferences(slicing)


def test_closer_looks_cost_more_and_want_more_pixels() -> None:
    costs = [count_inferences(it) for it in (Slicing.OFF, Slicing.STANDARD, Slicing.FINE)]
    assert costs[0] == 1
    assert costs == sorted(set(costs))
    sides_px = [min_short_side_px(it) for it in (Slicing.OFF, Slicing.STANDARD, Slicing.FINE)]
    assert sides_px[0] == 300
    assert sides_px == sorted(set(sides_px))


@pytest.mark.parametrize("size_wh", [(640, 480), (480, 640)])
def test_the_standard_slices_lie_three_along_the_long_side(size_wh: tuple[int, int]) -> None:
    (grid,) = GRIDS[Slicing.STANDARD]
    parts = grid.lay(size_wh)
    starts = len({left for left, _, _, _ in parts}), len({top for _, top, _, _ in parts})
    assert starts == ((3, 2) if size_wh[0] > size_wh[1] else (2, 3))


def test_a_box_is_given_in_pixels_of_the_full_picture() -> None:
    session = FixedSession(_outputs((DOG, (0.1, 0.2, 0.5, 0.6), 0.75)))
    found = _detect(session, _grey(400, 300, full_wh=(4000, 1000)))
    np.testing.assert_allclose(found.xyxy, [[400, 200, 2000, 600]], rtol=1e-5)
    assert found.scores.tolist() == [0.75]


def test_coco_ids_become_the_eighty_classes() -> None:
    ids = (PERSON, 11, 13, DOG, 67, 70, TOOTHBRUSH)
    finds = [(it, (0.1, 0.1, 0.9, 0.9), 0.9 - number / 100) for number, it in enumerate(ids)]
    found = _detect(FixedSession(_outputs(*finds)), _grey(9, 9))
    names = [COCO80_NAMES[it] for it in found.classes]
    expected = ("person", "fire hydrant", "stop sign", "dog", "dining table", "toilet")
    assert names == [*expected, "toothbrush"]


def test_ids_that_coco_never_labelled_are_never_answered() -> None:
    finds = [(it, (0.1, 0.1, 0.9, 0.9), 0.9) for it in (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]
    assert len(_detect(FixedSession(_outputs(*finds)), _grey(9, 9)).scores) == 0


def test_there_are_eighty_names() -> None:
    assert len(set(COCO80_NAMES)) == OUTPUT_COUNT


def test_unlikely_boxes_are_left_out() -> None:
    finds = (DOG, (0.1, 0.1, 0.3, 0.3), MIN_SCORE), (DOG, (0.6, 0.6, 0.9, 0.9), MIN_SCORE * 0.99)
    found = _detect(FixedSession(_outputs(*finds)), _grey(9, 9))
    np.testing.assert_allclose(found.scores, [MIN_SCORE])


def test_one_object_is_found_once_and_two_twice() -> None:
    finds = (
        (DOG, (0.1, 0.1, 0.5, 0.5), 0.6),
        (DOG, (0.1, 0.1, 0.49, 0.5), 0.8),
        (DOG, (0.6, 0.6, 0.9, 0.9), 0.7),
        (PERSON, (0.1, 0.1, 0.5, 0.5), 0.5),
    )
    found = _detect(FixedSession(_outputs(*finds)), _grey(100, 100))
    np.testing.assert_allclose(found.scores, [0.8, 0.7, 0.5])


def test_a_session_that_sees_things_everywhere_gets_no_more_than_the_limit() -> None:
    generator = np.random.default_rng(0)
    boxes = np.sort(generator.random((BOX_COUNT, 2, 2), np.float32), axis=1).reshape(-1, 4)
    scores = generator.random((1, BOX_COUNT, 91), np.float32)
    found = _detect(FixedSession((boxes, scores)), _grey(640, 480), Slicing.FINE)
    assert len(found.scores) == MAX_DETECTIONS
    assert (np.diff(found.scores) <= 0).all()


def test_what_lies_in_several_slices_is_found_once_where_it_is() -> None:
    small = (300, 220, 340, 250)
    for slicing in Slicing:
        found = _detect(RedSession(), _with_red(640, 480, small), slicing)
        np.testing.assert_allclose(found.xyxy, [small], atol=3)


def test_a_piece_cut_off_by_a_slice_is_no_object_of_its_own() -> None:
    wide = (20, 200, 620, 260)
    found = _detect(RedSession(), _with_red(640, 480, wide), Slicing.FINE)
    np.testing.assert_allclose(found.xyxy, [wide], atol=3)


def test_what_touches_the_edge_of_the_picture_is_kept() -> None:
    corner = (0, 0, 60, 40)
    found = _detect(RedSession(), _with_red(640, 480, corner), Slicing.STANDARD)
    np.testing.assert_allclose(found.xyxy, [corner], atol=3)
    assert found.scores[0] > 0.65, "the slice is surer, since the object is larger in it"


@pytest.mark.parametrize(
    "outputs",
    [
        (np.zeros((1917, 4), np.float32), np.zeros((1, 1917, 90), np.float32)),
        (np.zeros((1, 1917, 4), np.float32), np.zeros((1, 1917, 91), np.float32)),
        (np.zeros((1917, 4), np.float32),),
        (np.zeros((1917, 4), np.float32), np.full((1, 1917, 91), np.nan, np.float32)),
        (np.full((1917, 4), np.inf, np.float32), np.zeros((1, 1917, 91), np.float32)),
    ],
)
def test_an_unusable_answer_is_an_inference_error(outputs: tuple[AnyArray, ...]) -> None:
    with pytest.raises(InferenceError):
        _detect(FixedSession(outputs), _grey(400, 400), Slicing.STANDARD)
