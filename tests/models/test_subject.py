"""The real networks on real pictures: where the subject is, and a floor under the quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from huiyan.assembly import Assembly
from huiyan.evaluation.subject import SubjectEvaluator, SubjectFigures, read_masked
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Image
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings
from huiyan.runtime.card import get_card
from huiyan.runtime.store import ModelStore
from huiyan.subject.capability import PICTURE_LIMITS
from huiyan.subject.model import Rank, Sight, SubjectParams
from huiyan.subject.recogniser import SubjectRecogniser

pytestmark = pytest.mark.models

BUDGET = MemoryBudget(1 << 28)


@pytest.fixture(scope="module")
def recogniser() -> SubjectRecogniser:
    return Assembly(load_settings()).subject


def _look(recogniser: SubjectRecogniser, model_store: ModelStore, name: str) -> Sight:
    try:
        data = model_store.path(get_card(model_store.cards, name)).read_bytes()
    except OperatorError as error:
        pytest.skip(f"{error}; run: huiyan models pull --samples")
    return recogniser.look(decode(data, PICTURE_LIMITS, recogniser.min_short_side_px, BUDGET))


@pytest.mark.parametrize(
    ("name", "xyxy"),
    [
        ("sample-coffee", (53, 12, 515, 393)),
        ("sample-rocket", (306, 128, 336, 412)),
        ("sample-flower", (168, 84, 447, 360)),
    ],
)
def test_a_known_picture_has_its_known_subject(
    recogniser: SubjectRecogniser,
    model_store: ModelStore,
    name: str,
    xyxy: tuple[int, int, int, int],
) -> None:
    main = _look(recogniser, model_store, name).main
    assert main is not None
    assert main.rank is Rank.MAIN
    assert main.confidence > 0.6
    # Wide enough for other processors and precisions.
    assert main.xyxy == pytest.approx(xyxy, abs=12)


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 10_000), (10_000, 1), (300, 400)])
def test_a_plain_picture_has_no_subject(
    recogniser: SubjectRecogniser, height: int, width: int, value: int
) -> None:
    pixels = np.full((height, width, 3), value, np.uint8)
    assert recogniser.recognise(Image(pixels, (width, height)), SubjectParams(0.3)) == ()


def test_noise_of_any_shape_is_answered_inside_the_picture(recogniser: SubjectRecogniser) -> None:
    random = np.random.default_rng(0)
    for height, width in ((1, 10_000), (10_000, 1), (200, 300)):
        pixels = random.integers(0, 256, (height, width, 3), np.uint8)
        for subject in recogniser.look(Image(pixels, (width, height))).subjects:
            left, top, right, bottom = subject.xyxy
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            assert 0 <= subject.confidence <= 1


def _measure(recogniser: SubjectRecogniser, folder: Path, step: int) -> SubjectFigures:
    evaluator = SubjectEvaluator(recogniser, PICTURE_LIMITS, BUDGET, SystemClock())
    return evaluator.measure(read_masked(folder)[::step], lambda: None)


@pytest.mark.data
def test_every_twentieth_picture_with_a_mask_is_found_well_enough(
    recogniser: SubjectRecogniser, data_dir: Path
) -> None:
    figures = _measure(recogniser, data_dir / "saliency_sample", 20)
    assert figures.max_f >= 0.97
    assert figures.mae <= 0.02
    assert figures.box_over_half >= 0.95


@pytest.mark.slow
@pytest.mark.data
def test_the_whole_set_with_masks_reaches_the_quality_we_claim(
    recogniser: SubjectRecogniser, data_dir: Path
) -> None:
    figures = _measure(recogniser, data_dir / "saliency_sample", 1)
    assert figures.max_f >= 0.98
    assert figures.mae <= 0.012
    assert figures.box_over_half >= 0.99
    assert figures.box_over_three_quarters >= 0.95
    assert figures.without_subject == 0
