"""All real networks together on real pictures: a floor under the quality of the fused list."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.assembly import Assembly
from huiyan.evaluation.boxes import read_boxed
from huiyan.evaluation.media import MediaEvaluator, MediaFigures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import load_settings
from huiyan.perception.detector import COCO80_NAMES

pytestmark = [pytest.mark.models, pytest.mark.data]

LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)


@pytest.fixture(scope="module")
def evaluator() -> MediaEvaluator:
    labeller = Assembly(load_settings()).labeller
    return MediaEvaluator(labeller, LIMITS, MemoryBudget(1 << 28), SystemClock())


def _measure(evaluator: MediaEvaluator, data_dir: Path, step: int) -> MediaFigures:
    pictures = read_boxed(data_dir / "coco_sample", COCO80_NAMES)[::step]
    figures = evaluator.measure(pictures, lambda: None)
    assert (figures.picture_count, figures.unreadable) == (len(pictures), ())
    return figures


def test_all_models_together_know_more_than_the_detector(
    evaluator: MediaEvaluator, data_dir: Path
) -> None:
    figures = _measure(evaluator, data_dir, 8)
    assert figures.map_fused is not None
    assert figures.map_detector is not None
    assert figures.map_fused > figures.map_detector + 0.02
    assert figures.precision is not None
    assert figures.precision >= 0.80
    assert figures.ece <= 0.1  # few answers: chance alone makes more than 0.05


@pytest.mark.slow
def test_the_whole_set_reaches_the_quality_we_claim(
    evaluator: MediaEvaluator, data_dir: Path
) -> None:
    figures = _measure(evaluator, data_dir, 1)
    assert figures.gain is not None
    assert figures.gain >= 0.03
    assert figures.ece <= 0.05
    assert figures.people.accuracy is not None
    assert figures.people.accuracy >= 0.75
