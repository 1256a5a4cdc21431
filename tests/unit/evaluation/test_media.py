from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from colour_labeller import ColourLabeller, paint
from made_evidence import SILENT, Made

from huiyan.evaluation.boxes import BoxedPicture, LabelledBox
from huiyan.evaluation.labelled import Half, half_of
from huiyan.evaluation.media import MediaEvaluator, take_half
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import OperatorError
from huiyan.labelling.fusion import Confidences
from huiyan.labelling.labeller import Seen
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import own_rows

PERSON, CAT, DOG = 0, 15, 16
GOLDEN_RETRIEVER = 207
LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def _seen(
    vocabulary: Vocabulary,
    fused: dict[int, float],
    whole: dict[int, float] | None = None,
    slices: dict[int, float] | None = None,
    classes: dict[int, float] | None = None,
) -> Seen:
    by_view = np.full((2, 80), SILENT, np.float32)
    for view, scores in enumerate((whole or {}, slices or {})):
        by_view[view, list(scores)] = list(scores.values())
    evidence = Made().evidence()
    evidence = replace(evidence, detections=replace(evidence.detections, by_view=by_view))
    by_output = np.zeros(1000, np.float32)
    by_output[list(classes or {})] = list((classes or {}).values())
    by_label = np.zeros(len(vocabulary.labels), np.float32)
    by_label[own_rows(vocabulary, "coco80", 80)[list(fused)]] = list(fused.values())
    unused = np.zeros(80, np.float32)
    return Seen(evidence, Confidences(by_output, unused, np.zeros(0, np.float32), by_label))


@pytest.fixture
def evaluator(vocabulary: Vocabulary) -> MediaEvaluator:
    """Red shows a dog, green a cat; blue, nothing, but a slice takes it for a dog."""
    labeller = ColourLabeller(
        vocabulary,
        {
            "red": _seen(vocabulary, {DOG: 0.9}, {DOG: 0.5}, {DOG: 0.6}, {GOLDEN_RETRIEVER: 0.8}),
            "green": _seen(vocabulary, {CAT: 0.9, DOG: 0.1}, {CAT: 0.9}, {DOG: 0.4}),
            "blue": _seen(vocabulary, {DOG: 0.3}, {DOG: 0.2}, {DOG: 0.7}),
        },
    )
    return MediaEvaluator(labeller, LIMITS, MemoryBudget(1 << 28), SystemClock())


@pytest.fixture
def boxed(tmp_path: Path) -> Callable[..., BoxedPicture]:
    def make(colour: str, *kinds: int) -> BoxedPicture:
        path = paint(tmp_path / f"{colour}.jpg", colour)
        boxes = tuple(LabelledBox((0, 0, 9, 9), kind, 81) for kind in kinds)
        return BoxedPicture(path, (320, 320), boxes)

    return make


def test_a_set_of_which_nothing_can_be_read_gives_no_precision_and_names(
    tmp_path: Path, evaluator: MediaEvaluator
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    steps: list[None] = []
    pictures = [
        BoxedPicture(path, (9, 9), (LabelledBox((0, 0, 9, 9), DOG, 81),))
        for path in (broken, tmp_path / "absent.jpg")
    ]
    figures = evaluator.measure(pictures, lambda: steps.append(None))
    assert (figures.picture_count, figures.kind_count, figures.kinds) == (0, 0, ())
    assert (figures.map_fused, figures.map_detector, figures.gain) == (None, None, None)
    assert (figures.precision, figures.recall, figures.people.accuracy) == (None, None, None)
    assert (figures.ece, figures.tags_per_picture, figures.pictures_per_s) == (0, 0, 0)
    assert len(figures.unreadable) == len(steps) == 2
    assert "broken.jpg" in figures.unreadable[0]


def test_a_set_that_shows_nothing_has_no_precision(
    evaluator: MediaEvaluator, boxed: Callable[..., BoxedPicture]
) -> None:
    figures = evaluator.measure([boxed("blue")], lambda: None)
    assert (figures.picture_count, figures.map_fused, figures.gain) == (1, None, None)
    assert figures.ece == pytest.approx(0.3)


def test_the_fused_list_is_compared_with_each_model_alone(
    evaluator: MediaEvaluator, boxed: Callable[..., BoxedPicture]
) -> None:
    pictures = [boxed("red", DOG, DOG), boxed("green", CAT), boxed("blue")]
    figures = evaluator.measure(pictures, lambda: None)
    assert (figures.picture_count, figures.kind_count) == (3, 2)
    assert figures.map_fused == 1
    assert figures.map_detector == pytest.approx((1 / 2 + 1) / 2)  # a slice takes blue for a dog
    assert figures.map_whole == 1
    assert figures.map_classifier == pytest.approx((1 + 1 / 3) / 2)  # it saw no cat anywhere
    assert figures.gain == 0
    assert figures.pictures_per_s > 0


def test_the_worst_kind_comes_first(
    evaluator: MediaEvaluator, boxed: Callable[..., BoxedPicture]
) -> None:
    figures = evaluator.measure([boxed("red", CAT), boxed("green", DOG, CAT)], lambda: None)
    assert [(row.name, row.picture_count, row.ap) for row in figures.kinds] == [
        ("dog", 1, 0.5),
        ("cat", 2, 1.0),
    ]


def test_precision_and_recall_are_those_at_the_default_threshold(
    evaluator: MediaEvaluator, boxed: Callable[..., BoxedPicture]
) -> None:
    figures = evaluator.measure([boxed("red", DOG, PERSON), boxed("green", DOG)], lambda: None)
    assert figures.precision == pytest.approx(1 / 2)
    assert figures.recall == pytest.approx(1 / 3)
    assert figures.tags_per_picture == 1


def test_confidences_are_compared_with_what_is_there(
    evaluator: MediaEvaluator, boxed: Callable[..., BoxedPicture]
) -> None:
    figures = evaluator.measure([boxed("red", DOG), boxed("green", CAT)], lambda: None)
    assert sum(row.count for row in figures.reliability) == 3
    assert figures.ece == pytest.approx((0.1 + 0.1 + 0.1) / 3)


def test_people_are_counted(evaluator: MediaEvaluator, boxed: Callable[..., BoxedPicture]) -> None:
    figures = evaluator.measure([boxed("red"), boxed("green", PERSON)], lambda: None)
    assert figures.people.accuracy == 0.5


def test_halves_are_those_of_the_labelled_sets() -> None:
    pictures = [BoxedPicture(Path(f"x/{it}.jpg"), (9, 9), ()) for it in range(20)]
    fitted, held_out = take_half(pictures, Half.FITTED), take_half(pictures, Half.HELD_OUT)
    assert take_half(pictures, Half.ALL) == tuple(pictures)
    assert {it.path for it in fitted} | {it.path for it in held_out} == {it.path for it in pictures}
    assert {half_of(it.path.name) for it in fitted} == {Half.FITTED}
    assert {half_of(it.path.name) for it in held_out} == {Half.HELD_OUT}


def test_an_empty_half_is_an_error() -> None:
    only = [BoxedPicture(Path("0.jpg"), (9, 9), ())]
    other = Half.FITTED if half_of("0.jpg") is Half.HELD_OUT else Half.HELD_OUT
    with pytest.raises(OperatorError, match=other.value):
        take_half(only, other)
