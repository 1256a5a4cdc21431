"""The recapture networks themselves: the same answer however opened, and a floor under the quality.

The labelled pictures were fitted on, so the floors here only tell a broken build; what holds for
people left out is told by ``tools/fit_recapture.py`` (``docs/recapture.md``).
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from huiyan.assembly import LITE0_CARD, LITE2_CARD, Assembly
from huiyan.evaluation.media_files import read_media
from huiyan.evaluation.recapture import RecaptureEvaluator
from huiyan.evaluation.recapture_figures import RecaptureFigures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.recompress import Recompression
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import PixelArray
from huiyan.perception.recapture_networks import OUTPUT_NAMES, SIDE_PX, RecaptureNetwork
from huiyan.recapture.capability import PICTURE_LIMITS
from huiyan.runtime.card import get_card
from huiyan.runtime.engine import open_session
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models

CARDS = (LITE0_CARD, LITE2_CARD)


def _stripes() -> PixelArray:
    rows, columns = np.indices((SIDE_PX, SIDE_PX))
    grey = 128 + 60 * np.sin(columns / 3.1) * np.cos(rows / 5.3)
    return np.stack([grey, grey * 0.9, 255 - grey], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("name", CARDS)
def test_a_network_answers_alike_for_every_number_of_threads_fresh_and_from_the_cache(
    name: str, model_store: ModelStore, tmp_path: Path
) -> None:
    card = get_card(model_store.cards, name)
    square = _stripes()
    answers = []
    for threads, _again in itertools.product((1, 2, 4), range(3)):
        session = open_session(
            card, model_store.path(card), OUTPUT_NAMES, "cpu", threads, tmp_path / str(threads)
        )
        network = RecaptureNetwork(session)
        clue = network.judge_square(square)
        answers.append((clue.recaptured, clue.printed, network.judge_view(square)))
    spread = np.ptp(np.array(answers), axis=0)
    assert spread.max() < 0.1, answers


@pytest.mark.parametrize("name", CARDS)
def test_both_engines_agree(name: str, model_store: ModelStore, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    card = get_card(model_store.cards, name)
    square, path = _stripes(), model_store.path(card)
    engine = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ((recaptured, _, view),) = engine.run(None, {"square": square[np.newaxis]})[0]
    network = RecaptureNetwork(open_session(card, path, OUTPUT_NAMES, "cpu", 2, tmp_path))
    # Wide enough for bf16, which moves log-odds by some tenths.
    assert network.judge_square(square).recaptured == pytest.approx(recaptured, abs=0.6)
    assert network.judge_view(square) == pytest.approx(view, abs=0.6)


def _measure(data_dir: Path, step: int, way: Recompression | None) -> RecaptureFigures:
    pictures = read_media(data_dir / "recapture_whole", {})[::step]
    evaluator = RecaptureEvaluator(
        judge=Assembly(load_settings()).recapture,
        limits=PICTURE_LIMITS,
        budget=MemoryBudget(1 << 29),
        clock=SystemClock(),
        way=way,
    )
    return evaluator.measure(pictures, 0.95, lambda: None)


@pytest.mark.data
def test_every_fourth_whole_picture_is_judged_well_enough(data_dir: Path) -> None:
    figures = _measure(data_dir, 4, None)
    assert figures.unreadable == ()
    assert figures.auc is not None
    assert figures.auc.value >= 0.9


@pytest.mark.data
@pytest.mark.slow
def test_all_whole_pictures_are_judged_as_well_when_recompressed_alike(data_dir: Path) -> None:
    plain, again = _measure(data_dir, 1, None), _measure(data_dir, 1, Recompression(75, 1600))
    assert plain.balanced_accuracy is not None
    assert again.balanced_accuracy is not None
    assert plain.balanced_accuracy.value >= 0.88
    assert again.balanced_accuracy.value >= plain.balanced_accuracy.value - 0.04
