"""The face networks on real faces: a floor under the quality, and calibrated confidences."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.assembly import Assembly
from huiyan.celebrity.calibration import load_calibration
from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.evaluation.celebrity import CelebrityEvaluator, CelebrityFigures
from huiyan.evaluation.identities import read_identities
from huiyan.imaging.budget import MemoryBudget
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import load_settings

pytestmark = [pytest.mark.models, pytest.mark.data]


@pytest.fixture(scope="module")
def evaluator() -> CelebrityEvaluator:
    reader = Assembly(load_settings()).face_reader
    return CelebrityEvaluator(
        reader=reader,
        calibration=load_calibration(reader.model_id),
        limits=PICTURE_LIMITS,
        budget=MemoryBudget(1 << 28),
        clock=SystemClock(),
    )


def _measure(
    evaluator: CelebrityEvaluator, data_dir: Path, most_people: int | None
) -> CelebrityFigures:
    files = read_identities(data_dir / "faces_sample", most_people)
    return evaluator.measure(files, 20, 1, lambda: None)


def test_a_few_people_are_told_apart_and_no_stranger_is_named(
    evaluator: CelebrityEvaluator, data_dir: Path
) -> None:
    figures = _measure(evaluator, data_dir, 16)
    assert figures.unreadable == figures.without_face == ()
    assert figures.known_count == figures.stranger_count == 16
    assert figures.enrolled_one.rank1.value >= 0.97
    assert figures.enrolled_one.found_at_wire.value >= 0.9
    assert figures.enrolled_one.false_names_at_wire.value == 0


@pytest.mark.slow
def test_the_whole_set_reaches_the_quality_we_claim(
    evaluator: CelebrityEvaluator, data_dir: Path
) -> None:
    figures = _measure(evaluator, data_dir, None)
    one, three = figures.enrolled_one, figures.enrolled_three
    assert figures.without_face == ()
    assert one.rank1.value >= 0.99
    assert one.found_at_hundredth.value >= 0.975
    assert one.found_at_wire.value >= 0.94
    assert one.false_names_at_wire.low <= 0.001
    assert one.false_names_at_wire.value <= 0.004
    assert three is not None
    assert three.found_at_hundredth.value >= 0.99
