"""All networks together on real and on hostile pictures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import numpy as np
import pytest

from huiyan.assembly import Assembly
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings
from huiyan.labelling.labeller import Labeller
from huiyan.labelling.model import Findings
from huiyan.runtime.card import get_card
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models

LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
BUDGET = MemoryBudget(1 << 28)
FITTED = (
    "perception/data/context80.npz",
    "perception/data/scene14.npz",
    "perception/data/material5.npz",
    "labelling/data/objects.toml",
)
EXTREMES = ((1, 1), (1, 10_000), (10_000, 1), (2, 3), (640, 480))

Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def labeller(model_store: ModelStore) -> Iterator[Labeller]:
    del model_store  # skips where there is none
    package = resources.files("huiyan")
    missing = [it for it in FITTED if not package.joinpath(it).is_file()]
    if missing:
        pytest.skip(f"NOT TESTED: not fitted yet: {', '.join(missing)}")
    assembly = Assembly(load_settings().model_copy(update={"compute_threads": 4}))
    try:
        yield assembly.labeller
    except OperatorError as error:
        pytest.skip(f"NOT TESTED: {error}; run: huiyan models pull --all")
    assembly.fan_out.close()


def read(labeller: Labeller, store: ModelStore, name: str) -> Image:
    try:
        data = store.path(get_card(store.cards, name)).read_bytes()
    except OperatorError as error:
        pytest.skip(f"{error}; run: huiyan models pull --samples")
    return decode(data, LIMITS, labeller.min_short_side_px, BUDGET)


def said(findings: Findings, threshold: float) -> set[str]:
    return {it.label.id for it in findings.best(threshold, 500)}


def boxes(findings: Findings, threshold: float) -> dict[str, list[Box]]:
    found = findings.boxed(threshold, 500)
    return {it.label.id: [box.xyxy for box in it.instances] for it in found}


def check_sound(findings: Findings, size_wh: tuple[int, int]) -> None:
    assert findings.by_label.dtype == np.float32
    assert ((findings.by_label >= 0) & (findings.by_label <= 1)).all()
    for instances in findings.instances.values():
        for instance in instances:
            left, top, right, bottom = instance.xyxy
            assert 0 <= left < right <= size_wh[0]
            assert 0 <= top < bottom <= size_wh[1]
            assert 0 < instance.confidence <= 1


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    areas = sum((it[2] - it[0]) * (it[3] - it[1]) for it in (one, other))
    return shared / (areas - shared)


@pytest.mark.parametrize(
    ("name", "shown", "absent"),
    [
        (
            "sample-chelsea",
            {"cat", "animal", "pet", "landscape-format"},
            {"dog", "person", "one-person", "vehicle", "food", "black-and-white"},
        ),
        (
            "sample-astronaut",
            {"person", "one-person", "square-format"},
            {"two-people", "crowd", "animal", "black-and-white"},
        ),
        ("sample-coffee", {"food", "drink", "cup"}, {"animal", "person", "vehicle"}),
        ("sample-china", {"building", "palace"}, {"animal", "food", "crowd"}),
        ("sample-rocket", {"missile"}, {"animal", "food", "person", "one-person"}),
    ],
)
def test_a_known_picture_is_told_from_what_it_is_not(
    labeller: Labeller, model_store: ModelStore, name: str, shown: set[str], absent: set[str]
) -> None:
    image = read(labeller, model_store, name)
    findings = labeller.locate(image)
    check_sound(findings, image.size_wh)
    assert shown <= said(findings, 0.5)
    assert not absent & said(findings, 0.5)


def test_a_cat_is_boxed_with_all_that_it_is(labeller: Labeller, model_store: ModelStore) -> None:
    image = read(labeller, model_store, "sample-chelsea")
    found = boxes(labeller.locate(image), 0.5)
    (cat,) = found["cat"]
    assert found["animal"] == [cat]
    width, height = image.size_wh
    assert (cat[2] - cat[0]) * (cat[3] - cat[1]) > 0.4 * width * height


def test_a_picture_decoded_smaller_has_its_boxes_in_px_of_the_full_one(
    labeller: Labeller, model_store: ModelStore
) -> None:
    image = read(labeller, model_store, "sample-astronaut")
    same = Image(image.pixels, (image.size_wh[0] * 4, image.size_wh[1] * 4))
    (small,), (large,) = (boxes(labeller.locate(it), 0.6)["person"] for it in (image, same))
    assert large == pytest.approx([it * 4 for it in small], rel=1e-3)


def test_a_mirrored_picture_shows_the_same_at_mirrored_places(
    labeller: Labeller, model_store: ModelStore
) -> None:
    image = read(labeller, model_store, "sample-chelsea")
    mirrored = Image(np.ascontiguousarray(image.pixels[:, ::-1]), image.size_wh)
    (one,), (other,) = (boxes(labeller.locate(it), 0.5)["cat"] for it in (image, mirrored))
    width = image.size_wh[0]
    assert overlap(one, (width - other[2], other[1], width - other[0], other[3])) > 0.8


def test_a_picture_without_colour_is_black_and_white(
    labeller: Labeller, model_store: ModelStore
) -> None:
    image = read(labeller, model_store, "sample-chelsea")
    grey = np.repeat(image.pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    found = said(labeller.find(Image(grey, image.size_wh)), 0.5)
    assert {"black-and-white", "cat"} <= found
    assert not {"red", "orange", "blue", "green"} & found


@pytest.mark.parametrize("size_wh", EXTREMES)
@pytest.mark.parametrize("value", [0, 255])
def test_a_picture_of_nothing_shows_no_thing(
    labeller: Labeller, size_wh: tuple[int, int], value: int
) -> None:
    pixels = np.full((size_wh[1], size_wh[0], 3), value, np.uint8)
    findings = labeller.locate(Image(pixels, size_wh))
    check_sound(findings, size_wh)
    named = findings.best(0.6, 500)
    assert {it.label.category.id for it in named} <= {"attribute"}
    assert findings.boxed(0.6, 500) == ()


@pytest.mark.parametrize("size_wh", EXTREMES)
def test_noise_is_answered_and_shows_nobody(labeller: Labeller, size_wh: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (size_wh[1], size_wh[0], 3), np.uint8)
    findings = labeller.locate(Image(pixels, size_wh))
    check_sound(findings, size_wh)
    assert not {"person", "one-person", "crowd", "animal"} & said(findings, 0.6)


def test_several_threads_at_once_get_what_one_gets(
    labeller: Labeller, model_store: ModelStore
) -> None:
    names = ("sample-chelsea", "sample-astronaut", "sample-coffee", "sample-rocket")
    images = [read(labeller, model_store, name) for name in names]
    alone = [labeller.locate(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(labeller.locate, images * 2))
    for one, other in zip(alone * 2, together, strict=True):
        np.testing.assert_allclose(other.by_label, one.by_label, atol=1e-4)
        assert said(other, 0.6) == said(one, 0.6)
        assert boxes(other, 0.6).keys() == boxes(one, 0.6).keys()


def test_the_list_and_the_boxes_agree(labeller: Labeller, model_store: ModelStore) -> None:
    image = read(labeller, model_store, "sample-coffee")
    np.testing.assert_allclose(
        labeller.find(image).by_label, labeller.locate(image).by_label, atol=1e-4
    )
