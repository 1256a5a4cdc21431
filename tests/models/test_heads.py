"""The fitted heads on real pictures: what they name, and that they are silent elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.library import set_up_libraries
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import FloatArray
from huiyan.perception.classifier import MIN_SHORT_SIDE_PX, Classifier
from huiyan.perception.heads import HEAD_LAYERS, LinearHead, load_head
from huiyan.runtime.card import get_card
from huiyan.runtime.engine import open_session
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models

LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
THRESHOLD = 0.6

Embed = Callable[[bytes], FloatArray]


@pytest.fixture(scope="module")
def heads() -> tuple[LinearHead, ...]:
    return tuple(load_head(name) for name in HEAD_LAYERS)


@pytest.fixture(scope="module")
def embed(model_store: ModelStore) -> Embed:
    set_up_libraries()
    card = get_card(model_store.cards, "efficientnet-lite3-int8")
    try:
        path = model_store.path(card)
    except OperatorError as error:
        pytest.skip(str(error))
    cache_dir = load_settings().data_dir / "compiled"
    session = open_session(card, path, ("logits", "embedding"), "cpu", 1, cache_dir)
    classifier, budget = Classifier(session), MemoryBudget(1 << 28)

    def look(data: bytes) -> FloatArray:
        return classifier.look(decode(data, LIMITS, MIN_SHORT_SIDE_PX, budget)).embedding

    return look


def _judged() -> list[str]:
    names = resources.files("huiyan.evaluation") / "data" / "head_strangers_judged.txt"
    return names.read_text(encoding="utf-8").split()


def _share_with_a_tag(embed: Embed, heads: tuple[LinearHead, ...], paths: list[Path]) -> float:
    told = 0
    for path in paths:
        embedding = embed(path.read_bytes())
        told += max(float(head.confidences(embedding).max()) for head in heads) >= THRESHOLD
    return told / len(paths)


def test_at_least_300_pictures_show_none_of_the_classes() -> None:
    names = _judged()
    assert len(names) == len(set(names)) >= 300


@pytest.mark.parametrize("sample", ["sample-chelsea", "sample-coffee", "sample-astronaut"])
def test_a_cat_a_coffee_and_a_portrait_are_no_scene_and_no_material(
    embed: Embed, heads: tuple[LinearHead, ...], model_store: ModelStore, sample: str
) -> None:
    try:
        path = model_store.path(get_card(model_store.cards, sample))
    except OperatorError as error:
        pytest.skip(f"{error}; run: huiyan models pull --samples")
    assert _share_with_a_tag(embed, heads, [path]) == 0


@pytest.mark.data
def test_heads_are_silent_on_pictures_of_none_of_their_classes(
    embed: Embed, heads: tuple[LinearHead, ...], data_dir: Path
) -> None:
    pictures = [name.partition("/") for name in _judged()[::4]]
    paths = [data_dir / folder / "images" / name for folder, _, name in pictures]
    assert _share_with_a_tag(embed, heads, paths) <= 0.05


@pytest.mark.slow
@pytest.mark.data
def test_heads_are_silent_on_the_whole_list(
    embed: Embed, heads: tuple[LinearHead, ...], data_dir: Path
) -> None:
    pictures = [name.partition("/") for name in _judged()]
    paths = [data_dir / folder / "images" / name for folder, _, name in pictures]
    assert _share_with_a_tag(embed, heads, paths) <= 0.02


@pytest.mark.data
@pytest.mark.parametrize(
    ("number", "folder"), [(0, "scenes_sample"), (1, "materials_sample")], ids=HEAD_LAYERS
)
def test_heads_know_the_pictures_that_they_were_fitted_on(
    embed: Embed, heads: tuple[LinearHead, ...], data_dir: Path, number: int, folder: str
) -> None:
    """Quality on pictures left out is told by the fitting tool; this checks the handling."""
    head = heads[number]
    right = [
        head.confidences(embed(path.read_bytes())).argmax() == label
        for label, name in enumerate(head.classes)
        for path in sorted((data_dir / folder / "images" / name).glob("*.jpg"))[:6]
    ]
    assert np.mean(right) >= 0.9
