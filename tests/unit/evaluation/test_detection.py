from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from huiyan.evaluation.boxes import BoxedPicture, LabelledBox
from huiyan.evaluation.detection import DetectionEvaluator
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.units import AnyArray
from huiyan.perception.detector import COCO80_NAMES, Detector, Slicing
from huiyan.runtime.fan_out import FanOut

SIZE_WH = (640, 480)
PERSON, CAT, DOG = (COCO80_NAMES.index(name) for name in ("person", "cat", "dog"))
DOG_COCO_ID = 18
LARGE, SMALL = (100, 80, 300, 280), (400, 300, 430, 330)


class RedDogSession:
    """Finds the red there is as one dog, and knows exactly where it is."""

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        boxes = np.zeros((1917, 4), np.float32)
        scores = np.zeros((1, 1917, 91), np.float32)
        picture = inputs[0][0].astype(int)
        rows, columns = np.nonzero((picture[..., 0] > 150) & (picture[..., 1] < 100))
        if len(rows):
            bottom, right = rows.max() + 1, columns.max() + 1
            boxes[0] = np.array([rows.min(), columns.min(), bottom, right]) / 300
            scores[0, 0, DOG_COCO_ID] = 0.9
        return boxes, scores


@pytest.fixture
def evaluator() -> Iterator[DetectionEvaluator]:
    pytest.importorskip("pycocotools")
    fan_out = FanOut(1)
    limits = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
    yield DetectionEvaluator(
        Detector(RedDogSession(), fan_out), limits, MemoryBudget(1 << 28), SystemClock()
    )
    fan_out.close()


def _write(path: Path, red: tuple[int, int, int, int] | None) -> Path:
    picture = PilImage.new("RGB", SIZE_WH, (90, 90, 90))
    if red is not None:
        picture.paste((255, 0, 0), red)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    return path


def _box(
    xyxy: tuple[int, int, int, int], index: int = DOG, *, is_crowd: bool = False
) -> LabelledBox:
    left, top, right, bottom = xyxy
    return LabelledBox(xyxy, index, (right - left) * (bottom - top), is_crowd)


def test_a_set_of_which_nothing_can_be_read_has_no_figures(
    tmp_path: Path, evaluator: DetectionEvaluator
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG no picture")
    seen: list[None] = []
    figures = evaluator.measure(
        [
            BoxedPicture(broken, SIZE_WH, (_box(LARGE),)),
            BoxedPicture(tmp_path / "absent.png", SIZE_WH, (_box(LARGE),)),
            BoxedPicture(_write(tmp_path / "a.png", None), (480, 640), (_box(LARGE),)),
        ],
        Slicing.OFF,
        lambda: seen.append(None),
    )
    assert (figures.picture_count, figures.box_count, figures.ap) == (0, 0, None)
    assert (figures.classes, figures.pictures_per_s) == ((), 0)
    assert len(figures.unreadable) == len(seen) == 3
    assert "broken.png" in figures.unreadable[0]
    assert "640" in figures.unreadable[2]


def test_pictures_without_objects_give_no_average_precision(
    tmp_path: Path, evaluator: DetectionEvaluator
) -> None:
    path = _write(tmp_path / "a.png", LARGE)
    figures = evaluator.measure([BoxedPicture(path, SIZE_WH, ())], Slicing.OFF, lambda: None)
    assert (figures.picture_count, figures.ap, figures.classes) == (1, None, ())


def test_where_nothing_is_found_the_average_precision_is_zero(
    tmp_path: Path, evaluator: DetectionEvaluator
) -> None:
    picture = BoxedPicture(_write(tmp_path / "a.png", None), SIZE_WH, (_box(LARGE),))
    figures = evaluator.measure([picture], Slicing.OFF, lambda: None)
    assert (figures.ap, figures.ap_large, figures.ap_small) == (0, 0, None)


@pytest.mark.parametrize("slicing", [Slicing.OFF, Slicing.STANDARD])
def test_finding_everything_is_perfect(
    tmp_path: Path,
    evaluator: DetectionEvaluator,
    capsys: pytest.CaptureFixture[str],
    slicing: Slicing,
) -> None:
    pictures = [
        BoxedPicture(_write(tmp_path / "a.png", LARGE), SIZE_WH, (_box(LARGE),)),
        BoxedPicture(_write(tmp_path / "b.png", None), SIZE_WH, ()),
    ]
    figures = evaluator.measure(pictures, slicing, lambda: None)
    assert figures.ap == pytest.approx(1)
    assert figures.ap_large == pytest.approx(1)
    assert (figures.ap_small, figures.box_count, figures.picture_count) == (None, 1, 2)
    assert figures.inferences_per_picture == {Slicing.OFF: 1, Slicing.STANDARD: 7}[slicing]
    assert figures.pictures_per_s > 0
    assert capsys.readouterr().out == "", "the library's own talk would break JSON on stdout"


def test_classes_are_told_worst_first(tmp_path: Path, evaluator: DetectionEvaluator) -> None:
    pictures = [
        BoxedPicture(_write(tmp_path / "a.png", LARGE), SIZE_WH, (_box(LARGE),)),
        BoxedPicture(_write(tmp_path / "b.png", SMALL), SIZE_WH, (_box(SMALL, CAT),)),
    ]
    figures = evaluator.measure(pictures, Slicing.OFF, lambda: None)
    assert [(row.name, row.box_count) for row in figures.classes] == [("cat", 1), ("dog", 1)]
    assert figures.classes[0].ap == 0
    assert figures.classes[1].ap > 0.9
    assert figures.ap_small == 0
    assert figures.ap == pytest.approx(figures.classes[1].ap / 2)


def test_a_crowd_is_neither_missed_nor_counted(
    tmp_path: Path, evaluator: DetectionEvaluator
) -> None:
    boxes = (_box(LARGE), _box((0, 300, 640, 480), PERSON, is_crowd=True))
    picture = BoxedPicture(_write(tmp_path / "a.png", LARGE), SIZE_WH, boxes)
    figures = evaluator.measure([picture], Slicing.OFF, lambda: None)
    assert figures.ap == pytest.approx(1)
    assert (figures.box_count, [row.name for row in figures.classes]) == (1, ["dog"])


def test_a_missing_library_is_told_with_the_command_to_install_it(
    tmp_path: Path, evaluator: DetectionEvaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    picture = BoxedPicture(tmp_path / "a.png", SIZE_WH, ())
    with pytest.raises(OperatorError, match=r"huiyan\[evaluation\]"):
        evaluator.measure([picture], Slicing.OFF, lambda: None)
