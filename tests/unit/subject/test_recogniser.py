from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.detector import Detections, Slicing
from huiyan.perception.saliency import SaliencyModel
from huiyan.runtime.fan_out import FanOut
from huiyan.subject.model import Rank, SubjectParams
from huiyan.subject.recogniser import SubjectRecogniser, subjects_of


def _found(*boxes: tuple[float, float, float, float], score: float = 0.9) -> Detections:
    count = len(boxes)
    return Detections(
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.full(count, score, np.float32),
        classes=np.zeros(count, np.intp),
        by_view=np.zeros((1, 80), np.float32),
    )


def _mask(*boxes: tuple[int, int, int, int], value: float = 0.97) -> FloatArray:
    mask = np.zeros((64, 64), np.float32)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = value
    return mask


class FakeSession:
    """Answers with one mask, whatever it is shown."""

    def __init__(self, mask: FloatArray) -> None:
        self.mask = mask
        self.count = 0

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        self.count += 1
        # What is brightest on the left is salient there: mirrored pictures get mirrored masks.
        is_mirrored = inputs[0][0, 0, :, 0].mean() < inputs[0][0, 0, :, -1].mean()
        return (self.mask[None, None, :, ::-1] if is_mirrored else self.mask[None, None],)


class FakeDetector:
    """Answers with what it was given."""

    def __init__(self, found: Detections) -> None:
        self.found = found

    def detect(self, image: Image, slicing: Slicing) -> Detections:
        assert slicing is Slicing.OFF
        assert image.pixels.size
        return self.found


@pytest.fixture
def fan_out() -> Iterator[FanOut]:
    lending = FanOut(2)
    yield lending
    lending.close()


def _image() -> Image:
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[:, :64] = 200
    return Image(pixels, (640, 1280))


@pytest.mark.parametrize(("looks_twice", "runs"), [(True, 2), (False, 1)])
def test_boxes_are_in_px_of_the_full_picture_however_often_it_looks(
    fan_out: FanOut, runs: int, *, looks_twice: bool
) -> None:
    session = FakeSession(_mask((8, 16, 24, 48)))
    recogniser = SubjectRecogniser(
        SaliencyModel(session, 64), FakeDetector(_found()), fan_out, looks_twice=looks_twice
    )
    (main,) = recogniser.recognise(_image(), SubjectParams(0.3))
    assert session.count == runs
    assert main.rank is Rank.MAIN
    assert main.xyxy == pytest.approx((80, 320, 240, 960), abs=8)
    assert main.confidence > 0.8


def test_subjects_below_the_threshold_are_left_out(fan_out: FanOut) -> None:
    session = FakeSession(_mask((8, 16, 24, 48), value=0.62))
    recogniser = SubjectRecogniser(SaliencyModel(session, 64), FakeDetector(_found()), fan_out)
    (main,) = recogniser.look(_image()).subjects
    assert recogniser.recognise(_image(), SubjectParams(main.confidence)) == (main,)
    assert recogniser.recognise(_image(), SubjectParams(main.confidence + 0.01)) == ()


def test_a_flat_picture_has_no_subject(fan_out: FanOut) -> None:
    recogniser = SubjectRecogniser(
        SaliencyModel(FakeSession(_mask(value=0)), 64), FakeDetector(_found()), fan_out
    )
    assert recogniser.recognise(_image(), SubjectParams(0)) == ()


def test_several_subjects_follow_the_whole() -> None:
    subjects = subjects_of(_mask((4, 10, 24, 50), (40, 10, 60, 50)), _found(), (640, 640))
    assert [one.rank for one in subjects] == [Rank.MAIN, Rank.SECONDARY, Rank.SECONDARY]
    assert subjects[0].xyxy == pytest.approx((40, 100, 600, 500), abs=5)
    assert subjects[1].confidence >= subjects[2].confidence


def test_an_object_that_is_the_same_thing_makes_surer_and_pulls_the_box() -> None:
    mask = _mask((20, 20, 40, 40), value=0.8)
    (alone,) = subjects_of(mask, _found(), (64, 64))
    (confirmed,) = subjects_of(mask, _found((16, 16, 44, 44)), (64, 64))
    assert confirmed.confidence > alone.confidence
    assert 16 < confirmed.xyxy[0] < alone.xyxy[0]


def test_an_object_without_a_mask_is_a_subject_that_is_hardly_sure() -> None:
    empty = np.zeros((64, 64), np.float32)
    (main,) = subjects_of(empty, _found((100, 100, 400, 400)), (640, 640))
    assert main.rank is Rank.MAIN
    assert main.xyxy == pytest.approx((100, 100, 400, 400))
    assert main.confidence < 0.4
    assert subjects_of(empty, _found((1, 1, 9, 9)), (640, 640)) == ()
    assert subjects_of(empty, _found((100, 100, 400, 400), score=0.5), (640, 640)) == ()


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1)])
@pytest.mark.parametrize("cell", [0, 31, 63])
def test_boxes_lie_inside_pictures_of_any_shape_and_are_never_empty(
    size_wh: tuple[int, int], cell: int
) -> None:
    mask = _mask((cell, cell, cell + 1, cell + 1))
    (main,) = subjects_of(mask, _found((-5, -5, 1, 1)), size_wh)
    left, top, right, bottom = main.xyxy
    assert 0 <= left < right <= size_wh[0]
    assert 0 <= top < bottom <= size_wh[1]
