from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from recapture_codes import FOLD_COUNT, MEDIA, crops_of, fold_files, folds_of, labels_of_codes
from recapture_views import LabelledFile


def dealt(labels: tuple[str, ...], texts: tuple[str, ...]) -> list[str]:
    return folds_of(labels, tuple(f"{number}.jpg" for number in range(len(labels))), texts)


def test_photographs_of_one_code_are_in_one_fold() -> None:
    texts = tuple(f"text {number % 7}" for number in range(40))
    folds = dealt(("product",) * 40, texts)
    assert {len({fold for fold, text in zip(folds, texts, strict=True) if text == one})
            for one in set(texts)} == {1}  # fmt: skip


def test_photographs_without_text_are_dealt_evenly_by_label() -> None:
    labels = ("product",) * 20 + ("screen",) * 10
    folds = dealt(labels, ("",) * 30)
    counts = Counter(zip(folds, labels, strict=True))
    assert len(set(folds)) == FOLD_COUNT
    assert {counts[fold, "product"] for fold in set(folds)} == {4}
    assert {counts[fold, "screen"] for fold in set(folds)} == {2}


def test_folds_do_not_depend_on_the_order_of_rows() -> None:
    names = tuple(f"{number}.jpg" for number in range(12))
    there = dict(zip(names, folds_of(("product",) * 12, names, ("",) * 12), strict=True))
    back = names[::-1]
    assert there == dict(zip(back, folds_of(("product",) * 12, back, ("",) * 12), strict=True))


@pytest.fixture
def files(tmp_path: Path) -> tuple[LabelledFile, ...]:
    made = []
    for number, label in enumerate(MEDIA):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), np.full((30, 40 + number, 3), 90, np.uint8))
        made.append(LabelledFile(path, label, ""))
    return tuple(made)


def test_a_photograph_is_its_own_whole_picture(files: tuple[LabelledFile, ...]) -> None:
    crops = crops_of(files)
    assert all(crop.path == crop.overview_path for crop in crops)
    assert [crop.full_long_px for crop in crops] == [40, 41, 42, 43]
    assert [crop.label for crop in crops] == list(MEDIA.values())


def test_first_prints_are_originals_and_second_ones_prints(
    files: tuple[LabelledFile, ...],
) -> None:
    known = labels_of_codes(files)
    told = dict(zip((file.label for file in files), known.labels.tolist(), strict=True))
    assert told["first_print"] == told["product"] == "real"
    assert told["second_print"] == "print"
    folded = fold_files(files, known.collectors)
    assert [file.collector for file in folded] == known.collectors.tolist()
    assert [file.label for file in folded] == list(MEDIA)
