"""The real network on real pictures: known answers, and a floor under the quality."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from huiyan.evaluation.boxes import read_boxed
from huiyan.evaluation.detection import DetectionEvaluator, DetectionFigures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings
from huiyan.perception.detector import (
    COCO80_NAMES,
    OUTPUT_NAMES,
    Detections,
    Detector,
    Slicing,
    min_short_side_px,
)
from huiyan.runtime.card import get_card
from huiyan.runtime.engine import open_session
from huiyan.runtime.fan_out import FanOut
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models

CARD = "ssd-mobilenet-v2-coco"
LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
BUDGET = MemoryBudget(1 << 28)


@pytest.fixture(scope="module")
def detector(model_store: ModelStore) -> Iterator[Detector]:
    network = _pulled(model_store, CARD)
    cache = load_settings().data_dir / "compiled"
    card = get_card(model_store.cards, CARD)
    fan_out = FanOut(1)
    yield Detector(open_session(card, network, OUTPUT_NAMES, "cpu", 1, cache), fan_out)
    fan_out.close()


def _pulled(store: ModelStore, name: str) -> Path:
    try:
        return store.path(get_card(store.cards, name))
    except OperatorError as error:
        pytest.skip(f"{error}; run: huiyan models pull --all")


def _find(
    detector: Detector, path: Path, slicing: Slicing, threshold: float
) -> tuple[Detections, list[str]]:
    image = decode(path.read_bytes(), LIMITS, min_short_side_px(slicing), BUDGET)
    found = detector.detect(image, slicing)
    return found, [COCO80_NAMES[it] for it in found.classes[found.scores >= threshold]]


@pytest.mark.parametrize("slicing", Slicing)
@pytest.mark.parametrize(
    ("card_name", "class_name"), [("sample-chelsea", "cat"), ("sample-astronaut", "person")]
)
def test_a_known_picture_shows_its_one_thing(
    detector: Detector, model_store: ModelStore, card_name: str, class_name: str, slicing: Slicing
) -> None:
    found, names = _find(detector, _pulled(model_store, card_name), slicing, 0.6)
    assert names[0] == class_name
    assert names.count(class_name) == 1
    left, top, right, bottom = found.xyxy[0]
    assert (right - left) * (bottom - top) > 0.3 * 400 * 300


def test_a_cup_is_found_on_its_table(detector: Detector, model_store: ModelStore) -> None:
    _, names = _find(detector, _pulled(model_store, "sample-coffee"), Slicing.OFF, 0.5)
    assert "cup" in names


def test_a_thing_that_is_small_in_the_picture_is_found_in_a_slice(
    detector: Detector, model_store: ModelStore
) -> None:
    cat = decode(_pulled(model_store, "sample-chelsea").read_bytes(), LIMITS, None, BUDGET)
    pixels = np.full((1500, 2000, 3), 120, np.uint8)
    pixels[900:1200, 1300:1751] = cat.pixels[:300, :451]
    wide = Image(pixels, (2000, 1500))
    best = {
        slicing: float(detector.detect(wide, slicing).scores[:1].max(initial=0))
        for slicing in Slicing
    }
    assert best[Slicing.FINE] > 0.6
    assert best[Slicing.FINE] >= best[Slicing.OFF]


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1)])
def test_a_picture_of_nothing_shows_nothing(
    detector: Detector, size_wh: tuple[int, int], value: int
) -> None:
    width, height = size_wh
    image = Image(np.full((height, width, 3), value, np.uint8), size_wh)
    found = detector.detect(image, Slicing.STANDARD)
    assert not (found.scores >= 0.5).any()
    assert np.isfinite(found.xyxy).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()


def _measure(detector: Detector, data_dir: Path, slicing: Slicing, step: int) -> DetectionFigures:
    pytest.importorskip("pycocotools")
    evaluator = DetectionEvaluator(detector, LIMITS, BUDGET, SystemClock())
    pictures = read_boxed(data_dir / "coco_sample", COCO80_NAMES)[::step]
    return evaluator.measure(pictures, slicing, lambda: None)


@pytest.mark.data
def test_every_eighth_boxed_picture_is_read_well_enough(detector: Detector, data_dir: Path) -> None:
    figures = _measure(detector, data_dir, Slicing.OFF, 8)
    assert (figures.picture_count, figures.unreadable) == (39, ())
    assert figures.ap is not None
    assert figures.ap >= 0.25


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("slicing", "least_ap", "least_ap_small"),
    [(Slicing.OFF, 0.277, 0.036), (Slicing.STANDARD, 0.325, 0.065), (Slicing.FINE, 0.33, 0.068)],
)
def test_the_whole_set_reaches_the_quality_we_claim(
    detector: Detector, data_dir: Path, slicing: Slicing, least_ap: float, least_ap_small: float
) -> None:
    figures = _measure(detector, data_dir, slicing, 1)
    assert figures.ap is not None
    assert figures.ap_small is not None
    assert figures.ap >= least_ap
    assert figures.ap_small >= least_ap_small
