from __future__ import annotations

from pathlib import Path

import pytest
from colour_labeller import fused_labeller, paint
from made_evidence import Made

from huiyan.evaluation.labelled import LabelledPicture
from huiyan.evaluation.tagging import TaggingEvaluator
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.vocabulary.load import load_vocabulary

GOLDEN_RETRIEVER = 207
LABRADOR = 208
LAPTOP = 620


@pytest.fixture(scope="module")
def evaluator() -> TaggingEvaluator:
    """Red shows a dog, green a laptop, and blue nothing in particular."""
    labeller = fused_labeller(
        load_vocabulary(),
        {
            "red": Made(logits={GOLDEN_RETRIEVER: 20, LABRADOR: 15}),
            "green": Made(logits={LAPTOP: 20}),
            "blue": Made(),
        },
    )
    limits = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
    return TaggingEvaluator(labeller, limits, MemoryBudget(1 << 28), SystemClock())


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
    red, green = paint(tmp_path / "r.jpg", "red"), paint(tmp_path / "g.jpg", "green")
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
    red = paint(tmp_path / "r.jpg", "red")
    figures = evaluator.measure((_labelled(red, LABRADOR, GOLDEN_RETRIEVER),), lambda: None)
    assert figures.top1 == 1


def test_a_broad_tag_is_right_where_the_class_lies_below_it(
    tmp_path: Path, evaluator: TaggingEvaluator
) -> None:
    red = paint(tmp_path / "r.jpg", "red")
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
    red, blue = paint(tmp_path / "r.jpg", "red"), paint(tmp_path / "b.jpg", "blue")
    figures = evaluator.cover((red, blue), 0.9999, lambda: None)
    assert figures.picture_count == 2
    assert figures.coverage == 0.5
    assert figures.coverage_by_outputs < figures.coverage
    assert figures.tags_per_picture > 1
