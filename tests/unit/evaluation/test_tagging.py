from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from huiyan.evaluation.labelled import LabelledPicture
from huiyan.evaluation.tagging import TaggingEvaluator
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.units import AnyArray
from huiyan.perception.classifier import Classifier
from huiyan.tagging.calibration import load_calibration
from huiyan.tagging.recogniser import TagRecogniser
from huiyan.vocabulary.load import load_vocabulary

GOLDEN_RETRIEVER = 207
LABRADOR = 208
LAPTOP = 620
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


class ColourSession:
    """Sees a dog in red, a laptop in green, and nothing in particular in blue."""

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        red, green, _ = inputs[0][0, 140, 140].tolist()
        logits = np.zeros((1, 1000), np.float32)
        if red > 128:
            logits[0, [GOLDEN_RETRIEVER, LABRADOR]] = 20, 15
        elif green > 128:
            logits[0, LAPTOP] = 20
        return logits, np.zeros((1, 1280), np.float32)


@pytest.fixture(scope="module")
def evaluator() -> TaggingEvaluator:
    recogniser = TagRecogniser(Classifier(ColourSession()), load_vocabulary(), load_calibration())
    limits = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
    return TaggingEvaluator(recogniser, limits, MemoryBudget(1 << 28), SystemClock())


def _write(path: Path, colour: tuple[int, int, int]) -> Path:
    buffer = io.BytesIO()
    PilImage.new("RGB", (320, 320), colour).save(buffer, "JPEG", quality=95)
    path.write_bytes(buffer.getvalue())
    return path


def _labelled(path: Path, *outputs: int) -> LabelledPicture:
    return LabelledPicture(path, frozenset(outputs), "-".join(map(str, outputs)))


def test_a_set_of_which_nothing_can_be_read_gives_zeros_and_names(
    tmp_path: Path, evaluator: TaggingEvaluator
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    seen: list[None] = []
    pictures = (_labelled(broken, 1), _labelled(tmp_path / "absent.jpg", 1))
    figures = evaluator.measure(pictures, lambda: seen.append(None))
    assert figures.picture_count == 0
    assert (figures.top1, figures.top5, figures.coverage, figures.ece_tags) == (0, 0, 0, 0)
    assert len(figures.unreadable) == 2
    assert "broken.jpg" in figures.unreadable[0]
    assert len(seen) == 2
    assert evaluator.cover((broken,), 0.6, lambda: None).picture_count == 0


def test_hits_are_counted_over_classes(tmp_path: Path, evaluator: TaggingEvaluator) -> None:
    red, green = _write(tmp_path / "r.jpg", RED), _write(tmp_path / "g.jpg", GREEN)
    figures = evaluator.measure(
        (_labelled(red, GOLDEN_RETRIEVER), _labelled(red, LABRADOR), _labelled(green, 900)),
        lambda: None,
    )
    assert figures.picture_count == 3
    assert figures.top1 == pytest.approx(1 / 3)
    assert figures.top5 == pytest.approx(2 / 3)
    assert [(row.name, row.top1, row.top5) for row in figures.classes] == [
        ("900", 0, 0),
        ("208", 0, 1),
        ("207", 1, 1),
    ]
    assert figures.pictures_per_s > 0


def test_a_picture_may_have_several_right_classes(
    tmp_path: Path, evaluator: TaggingEvaluator
) -> None:
    red = _write(tmp_path / "r.jpg", RED)
    figures = evaluator.measure((_labelled(red, LABRADOR, GOLDEN_RETRIEVER),), lambda: None)
    assert figures.top1 == 1


def test_a_broad_tag_is_right_where_the_class_lies_below_it(
    tmp_path: Path, evaluator: TaggingEvaluator
) -> None:
    red = _write(tmp_path / "r.jpg", RED)
    right = evaluator.measure((_labelled(red, GOLDEN_RETRIEVER),), lambda: None)
    assert right.precision == 1
    assert right.ece_tags < 0.01
    other_breed = evaluator.measure((_labelled(red, LABRADOR),), lambda: None)
    assert 0 < other_breed.precision < 1
    wrong = evaluator.measure((_labelled(red, LAPTOP),), lambda: None)
    assert wrong.precision == 0
    assert wrong.ece_top1 > 0.9


def test_coverage_tells_broad_labels_from_classes(
    tmp_path: Path, evaluator: TaggingEvaluator
) -> None:
    red, blue = _write(tmp_path / "r.jpg", RED), _write(tmp_path / "b.jpg", BLUE)
    figures = evaluator.cover((red, blue), 0.9999, lambda: None)
    assert figures.picture_count == 2
    assert figures.coverage == 0.5
    assert figures.coverage_by_outputs < figures.coverage
    assert figures.tags_per_picture > 1
