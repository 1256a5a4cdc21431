"""Figures of recapture detection, with a judge that goes by colour."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from huiyan.evaluation.media_files import read_media
from huiyan.evaluation.recapture import RecaptureEvaluator
from huiyan.evaluation.recapture_figures import RecaptureFigures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.imaging.recompress import Recompression
from huiyan.kernel.clock import SystemClock
from huiyan.perception.barcode import Barcode
from huiyan.recapture.model import Judgement, RecaptureParams

LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
CORNERS = ((1.0, 1.0), (9.0, 1.0), (9.0, 9.0), (1.0, 9.0))
CODE = Barcode("hello", "QRCode", CORNERS)


class ColourJudge:
    """Takes red for the probability of a recapture, green for the screen, blue for a code."""

    min_short_side_px = None

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def recognise(self, image: Image, params: RecaptureParams) -> Judgement:
        assert 0 <= params.threshold <= 1
        self.sizes.append(image.size_wh)
        red, green, blue = image.pixels.mean(axis=(0, 1)) / 255
        barcode = CODE if blue > 0.5 else None
        return Judgement(float(red), float(green), 0.9, barcode, ())


def _paint(path: Path, recaptured: float, screen: float = 0.0, code: float = 0.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = tuple(round(255 * it) for it in (recaptured, screen, code))
    PillowImage.new("RGB", (32, 24), colour).save(path)


def _measure(
    folder: Path, threshold: float = 0.95, way: Recompression | None = None
) -> RecaptureFigures:
    budget = MemoryBudget(1 << 28)
    evaluator = RecaptureEvaluator(ColourJudge(), LIMITS, budget, SystemClock(), way)
    return evaluator.measure(read_media(folder, {}), threshold, lambda: None)


def _set(folder: Path) -> Path:
    """Two people; one print is missed, one original doubted and one accused."""
    rows = ["file,label,collector"]
    pictures = [
        ("real", "ann", 0.02, 0.0), ("real", "ann", 0.3, 0.0), ("real", "bo", 0.97, 1.0),
        ("screen", "ann", 0.99, 1.0), ("screen", "bo", 0.98, 0.9), ("print", "bo", 0.04, 0.0),
        ("print", "cy", 0.6, 0.1),
    ]  # fmt: skip
    for number, (label, collector, recaptured, screen) in enumerate(pictures):
        _paint(folder / f"{number}.png", recaptured, screen, code=float(number == 3))
        rows.append(f"{number}.png,{label},{collector}")
    (folder / "labels.csv").write_text("\n".join(rows), "utf-8")
    return folder


def test_where_nothing_can_be_read_there_is_no_figure(tmp_path: Path) -> None:
    _paint(tmp_path / "real" / "a.png", 0.5)
    (tmp_path / "real" / "a.png").write_bytes(b"no picture")
    (tmp_path / "screen").mkdir()
    (tmp_path / "screen" / "b.jpg").write_bytes(b"")
    figures = _measure(tmp_path)
    assert figures.picture_count == 0
    assert [line.partition(":")[0] for line in figures.unreadable] == ["real/a.png", "screen/b.jpg"]
    assert figures.auc is figures.balanced_accuracy is figures.uncertain is figures.spread is None
    assert figures.ece is figures.accuracy is None
    assert figures.media == figures.collectors == figures.reliability == figures.judged == ()


def test_figures_of_a_small_set_are_as_counted_by_hand(tmp_path: Path) -> None:
    figures = _measure(_set(tmp_path))
    assert (figures.picture_count, figures.collector_count, figures.with_code) == (7, 3, 1)
    assert figures.balanced_accuracy is not None
    assert figures.balanced_accuracy.value == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert figures.accuracy is not None
    assert figures.accuracy.value == pytest.approx(5 / 7)
    assert figures.auc is not None
    assert figures.auc.value == pytest.approx((3 + 3 + 1 + 2) / 12)
    assert figures.originals_accused is not None
    assert figures.originals_accused.value == pytest.approx(1 / 3)
    assert figures.recaptures_passed is not None
    assert figures.recaptures_passed.value == pytest.approx(1 / 4)
    assert figures.uncertain is not None
    assert figures.uncertain.value == pytest.approx(2 / 7)
    assert figures.ece is not None
    assert 0 < figures.ece < 1
    assert figures.pictures_per_s > 0


def test_an_uncertain_recapture_has_not_passed_and_is_not_found(tmp_path: Path) -> None:
    for number, recaptured in enumerate((0.02, 0.5, 0.9, 0.99)):
        _paint(tmp_path / "screen" / f"{number}.png", recaptured)
    figures = _measure(tmp_path)
    assert figures.recaptures_passed is not None
    assert figures.recaptures_passed.value == 1 / 4
    assert figures.uncertain is not None
    assert figures.uncertain.value == 2 / 4
    (row,) = figures.media
    assert (row.genuine.value, row.uncertain.value, row.recaptured.value) == (1 / 4, 2 / 4, 1 / 4)


def test_each_medium_has_its_row(tmp_path: Path) -> None:
    media = {it.medium: it for it in _measure(_set(tmp_path)).media}
    assert list(media) == ["original", "screen", "print"]
    assert [media[it].picture_count for it in media] == [3, 2, 2]
    assert [media[it].collector_count for it in media] == [2, 2, 2]
    assert [media[it].with_code for it in media] == [0, 1, 0]
    assert media["screen"].named.value == media["screen"].decided.value == 1
    assert media["print"].decided.value == media["print"].named.value == 0.5
    assert media["print"].genuine.value == 0.5
    assert media["print"].uncertain.value == 0.5
    assert media["original"].uncertain.value == pytest.approx(1 / 3)


def test_people_with_both_sorts_are_compared_the_worst_first(tmp_path: Path) -> None:
    figures = _measure(_set(tmp_path))
    assert [it.collector for it in figures.collectors] == ["bo", "ann"]
    assert [it.balanced_accuracy for it in figures.collectors] == [0.25, 1.0]
    assert [it.auc for it in figures.collectors] == [0.5, 1.0]
    assert figures.spread is not None
    assert (figures.spread.lowest, figures.spread.highest) == (0.25, 1.0)
    assert figures.spread.deviation == pytest.approx(0.375)


def test_the_worst_mistake_is_named_first(tmp_path: Path) -> None:
    judged = _measure(_set(tmp_path)).judged
    assert [it.file for it in judged[:2]] == ["2.png", "5.png"]
    assert judged[0].suggestion == "recaptured"
    assert judged[0].named == "screen"
    assert (judged[-1].file, judged[-1].code) == ("3.png", "QRCode")
    assert len(judged) == 7


def test_without_collectors_pictures_are_drawn_and_nobody_is_compared(tmp_path: Path) -> None:
    for number in range(4):
        _paint(tmp_path / "original" / f"{number}.png", 0.1)
        _paint(tmp_path / "screen" / f"{number}.png", 0.9)
    figures = _measure(tmp_path, threshold=0.5)
    assert figures.collector_count == 0
    assert figures.collectors == ()
    assert figures.spread is None
    assert figures.auc is not None
    assert figures.auc.value == figures.auc.high == 1
    assert 0.5 < figures.auc.low < 1
    assert [it.collector_count for it in figures.media] == [0, 0]


def test_one_sort_alone_has_no_curve(tmp_path: Path) -> None:
    _paint(tmp_path / "screen" / "a.png", 0.9)
    figures = _measure(tmp_path)
    assert figures.auc is figures.balanced_accuracy is figures.originals_accused is None
    assert figures.accuracy is not None
    assert figures.ece is not None
    assert not math.isnan(figures.ece)


def test_the_threshold_changes_suggestions_and_nothing_decided_at_one_half(tmp_path: Path) -> None:
    strict, lax = (_measure(_set(tmp_path), threshold=it) for it in (0.95, 0.1))
    assert strict.balanced_accuracy == lax.balanced_accuracy
    assert strict.originals_accused is not None
    assert lax.originals_accused is not None
    assert lax.originals_accused.value == pytest.approx(2 / 3)


def test_every_picture_is_compressed_anew_where_asked_for(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    (tmp_path / "real").mkdir()
    PillowImage.fromarray(noise).save(tmp_path / "real" / "a.png")
    judge = ColourJudge()
    way = Recompression(75, 200)
    evaluator = RecaptureEvaluator(judge, LIMITS, MemoryBudget(1 << 28), SystemClock(), way)
    assert evaluator.measure(read_media(tmp_path, {}), 0.95, lambda: None).picture_count == 1
    assert judge.sizes == [(200, 150)]
