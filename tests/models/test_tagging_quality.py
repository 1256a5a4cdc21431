"""All networks together on real pictures: known answers, and a floor under the quality."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.assembly import Assembly
from huiyan.evaluation.labelled import Half, LabelledPicture, find_pictures, read_labelled
from huiyan.evaluation.tagging import CoverageFigures, TaggingEvaluator, TaggingFigures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings
from huiyan.runtime.card import get_card
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models

LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)


@pytest.fixture(scope="module")
def evaluator() -> TaggingEvaluator:
    labeller = Assembly(load_settings()).labeller
    return TaggingEvaluator(labeller, LIMITS, MemoryBudget(1 << 28), SystemClock())


def _sample(model_store: ModelStore, name: str) -> bytes:
    try:
        return model_store.path(get_card(model_store.cards, name)).read_bytes()
    except OperatorError as error:
        pytest.skip(f"{error}; run: huiyan models pull --samples")


def _confidences(evaluator: TaggingEvaluator, data: bytes, threshold: float) -> dict[str, float]:
    labeller = evaluator.labeller
    image = decode(data, LIMITS, labeller.min_short_side_px, evaluator.budget)
    return {it.label.id: it.confidence for it in labeller.find(image).best(threshold, 50)}


@pytest.mark.parametrize(
    ("card_name", "said", "never_said"),
    [
        ("sample-chelsea", {"animal", "cat", "pet"}, {"dog", "vehicle", "mammal"}),
        ("sample-coffee", {"food", "drink", "espresso"}, {"animal", "vehicle"}),
        ("sample-china", {"building", "palace"}, {"animal", "food"}),
        ("sample-rocket", {"missile"}, {"animal", "food"}),
    ],
)
def test_a_known_picture_gets_its_known_tags(
    evaluator: TaggingEvaluator,
    model_store: ModelStore,
    card_name: str,
    said: set[str],
    never_said: set[str],
) -> None:
    found = _confidences(evaluator, _sample(model_store, card_name), 0.6)
    assert said <= set(found)
    assert not never_said & set(found)


def test_the_cat_is_as_certain_as_it_was(
    evaluator: TaggingEvaluator, model_store: ModelStore
) -> None:
    found = _confidences(evaluator, _sample(model_store, "sample-chelsea"), 0.0)
    # Wide enough for other processors and precisions, narrow enough to notice another crop,
    # channel order or calibration.
    assert found["cat"] == pytest.approx(0.98, abs=0.03)
    assert found["animal"] > 0.97


def test_the_same_picture_gets_the_same_answer_twice(
    evaluator: TaggingEvaluator, model_store: ModelStore
) -> None:
    data = _sample(model_store, "sample-coffee")
    assert _confidences(evaluator, data, 0.0) == _confidences(evaluator, data, 0.0)


def _every(labelled: tuple[LabelledPicture, ...], step: int) -> tuple[LabelledPicture, ...]:
    return labelled[::step]


def _measure(evaluator: TaggingEvaluator, folder: Path, half: Half, step: int) -> TaggingFigures:
    labelled = read_labelled(folder, evaluator.labeller.vocabulary, half)
    return evaluator.measure(_every(labelled, step), lambda: None)


def _cover(evaluator: TaggingEvaluator, folder: Path, step: int) -> CoverageFigures:
    return evaluator.cover(find_pictures(folder)[::step], 0.6, lambda: None)


@pytest.mark.data
def test_every_tenth_labelled_picture_is_named_well_enough(
    evaluator: TaggingEvaluator, data_dir: Path
) -> None:
    figures = _measure(evaluator, data_dir / "imagenet_sample", Half.ALL, 10)
    assert figures.picture_count == 100
    assert figures.unreadable == ()
    assert figures.top1 >= 0.80
    assert figures.top5 >= 0.92
    assert figures.ece_tags <= 0.05


@pytest.mark.data
@pytest.mark.parametrize("step", [12, pytest.param(6, marks=pytest.mark.slow)])
def test_most_everyday_photographs_get_a_tag(
    evaluator: TaggingEvaluator, data_dir: Path, step: int
) -> None:
    assert _cover(evaluator, data_dir / "coco_sample", step).coverage >= 0.75


@pytest.mark.slow
@pytest.mark.data
def test_the_whole_labelled_set_reaches_the_quality_we_claim(
    evaluator: TaggingEvaluator, data_dir: Path
) -> None:
    figures = _measure(evaluator, data_dir / "imagenet_sample", Half.ALL, 1)
    assert figures.top1 >= 0.855
    assert figures.top5 >= 0.965


@pytest.mark.slow
@pytest.mark.data
def test_confidences_hold_on_the_half_that_was_not_fitted_on(
    evaluator: TaggingEvaluator, data_dir: Path
) -> None:
    figures = _measure(evaluator, data_dir / "imagenet_sample", Half.HELD_OUT, 1)
    assert figures.ece_top1 <= 0.05
    assert figures.ece_tags <= 0.05


@pytest.mark.slow
@pytest.mark.data
def test_four_in_five_everyday_photographs_get_a_tag(
    evaluator: TaggingEvaluator, data_dir: Path
) -> None:
    assert _cover(evaluator, data_dir / "coco_sample", 1).coverage >= 0.80
