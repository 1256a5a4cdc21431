from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from huiyan.evaluation.subject import (
    SubjectEvaluator,
    box_of,
    precision_and_recall,
    read_masked,
)
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.units import FloatArray
from huiyan.subject.model import Rank, Sight, Subject

LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)


class FakeRecogniser:
    """Sees one mask in every picture."""

    min_short_side_px = 32

    def __init__(self, mask: FloatArray, *subjects: Subject) -> None:
        self.mask = mask
        self.subjects = subjects

    def look(self, image: Image) -> Sight:
        return Sight(self.mask, image.size_wh, self.subjects)


def _truth() -> FloatArray:
    mask = np.zeros((32, 32), np.float32)
    mask[8:24, 4:20] = 1
    return mask


def _set(folder: Path, count: int) -> Path:
    for number in range(count):
        PillowImage.new("RGB", (32, 32)).save(folder / f"{number}.png")
        truth = PillowImage.fromarray((_truth() * 255).astype(np.uint8))
        truth.save(folder / f"{number}-mask.png")
    rows = [f"{number}.png,{number}-mask.png" for number in range(count)]
    (folder / "labels.csv").write_text("\n".join(["image,mask", *rows]), "utf-8")
    return folder


def _evaluator(recogniser: FakeRecogniser) -> SubjectEvaluator:
    return SubjectEvaluator(recogniser, LIMITS, MemoryBudget(1 << 28), SystemClock())


@pytest.mark.parametrize("text", [None, "", "image,mask\n", "file,mask\na,b\n", "image,mask\na,\n"])
def test_a_folder_without_usable_rows_is_the_operator_s_fault(
    tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "labels.csv").write_text(text, "utf-8")
    with pytest.raises(OperatorError, match=r"labels\.csv"):
        read_masked(tmp_path)


def test_a_perfect_answer_scores_full(tmp_path: Path) -> None:
    main = Subject(Rank.MAIN, (4, 8, 20, 24), 0.9)
    counted: list[None] = []
    pictures = read_masked(_set(tmp_path, 2))
    figures = _evaluator(FakeRecogniser(_truth(), main)).measure(
        pictures, lambda: counted.append(None)
    )
    assert len(counted) == figures.picture_count == 2
    assert figures.max_f == pytest.approx(1)
    assert figures.mae == 0
    assert figures.box_iou == figures.box_over_half == figures.box_over_three_quarters == 1
    assert figures.without_subject == figures.with_several == 0
    assert figures.pictures_per_s > 0


def test_no_subject_counts_as_a_box_of_no_overlap(tmp_path: Path) -> None:
    figures = _evaluator(FakeRecogniser(np.zeros((32, 32), np.float32))).measure(
        read_masked(_set(tmp_path, 1)), lambda: None
    )
    assert figures.without_subject == 1
    assert figures.box_iou == 0
    assert figures.mae == pytest.approx(0.25)


def test_what_cannot_be_read_is_named_and_counts_nowhere(tmp_path: Path) -> None:
    pictures = read_masked(_set(tmp_path, 4))
    (tmp_path / "0.png").unlink()
    (tmp_path / "1.png").write_bytes(b"no picture")
    (tmp_path / "2-mask.png").write_bytes(b"no picture")
    PillowImage.new("L", (5, 5), 255).save(tmp_path / "3-mask.png")
    figures = _evaluator(FakeRecogniser(_truth())).measure(pictures, lambda: None)
    assert figures.picture_count == 0
    assert len(figures.unreadable) == 4


def test_precision_and_recall_at_the_ends() -> None:
    truth = _truth() > 0
    precision, recall = precision_and_recall(_truth() * np.float32(0.5), truth)
    assert (precision[0], recall[0]) == (0.25, 1)
    assert (precision[100], recall[100]) == (1, 1)
    assert (precision[255], recall[255]) == (1, 0)


def test_the_box_of_a_claim() -> None:
    assert box_of(_truth() > 0).tolist() == [4, 8, 20, 24]
