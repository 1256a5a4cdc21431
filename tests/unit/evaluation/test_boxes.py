from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from huiyan.evaluation.boxes import LabelledBox, read_boxed
from huiyan.kernel.errors import OperatorError

NAMES = ("person", "dog")

OURS: dict[str, Any] = {
    "categories": ["person", "dog"],
    "images": [
        {"file": "images/a.jpg", "width": 40, "height": 30, "boxes": [[1, 2, 11.5, 4, "Dog"]]},
        {"file": "images/b.jpg", "width": 9, "height": 8, "boxes": []},
    ],
}
COCO: dict[str, Any] = {
    "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
    "images": [
        {"id": 7, "file_name": "a.jpg", "width": 40, "height": 30},
        {"id": 5, "file_name": "b.jpg", "width": 9, "height": 8},
    ],
    "annotations": [
        {"image_id": 7, "category_id": 18, "bbox": [1, 2, 10.5, 2], "area": 12.5, "iscrowd": 0},
        {"image_id": 7, "category_id": 1, "bbox": [0, 0, 40, 30], "iscrowd": 1},
    ],
}


def _write(folder: Path, values: object, name: str = "labels.json") -> Path:
    (folder / name).write_text(json.dumps(values), encoding="utf-8")
    return folder


def test_our_layout_is_read(tmp_path: Path) -> None:
    one, other = read_boxed(_write(tmp_path, OURS), NAMES)
    assert (one.path, one.size_wh) == (tmp_path / "images" / "a.jpg", (40, 30))
    assert one.boxes == (LabelledBox((1, 2, 11.5, 4), class_index=1, area_px=21),)
    assert other.boxes == ()


def test_cocos_layout_is_read(tmp_path: Path) -> None:
    one, other = read_boxed(_write(tmp_path, COCO, "instances.json"), NAMES)
    assert (one.path, one.size_wh) == (tmp_path / "a.jpg", (40, 30))
    assert one.boxes == (
        LabelledBox((1, 2, 11.5, 4), class_index=1, area_px=12.5),
        LabelledBox((0, 0, 40, 30), class_index=0, area_px=1200, is_crowd=True),
    )
    assert other.boxes == ()


def test_cocos_pictures_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    assert read_boxed(_write(tmp_path, COCO), NAMES)[0].path == tmp_path / "images" / "a.jpg"


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"labels\.json"):
        read_boxed(tmp_path, NAMES)


def test_two_files_that_may_be_meant_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, COCO, "train.json")
    with pytest.raises(OperatorError, match="found 2"):
        read_boxed(_write(tmp_path, COCO, "val.json"), NAMES)


def _ours(**changes: object) -> dict[str, Any]:
    return {"images": [{**OURS["images"][0], **changes}]}


@pytest.mark.parametrize(
    "values",
    [
        [],
        None,
        "annotations",
        {},
        {"images": []},
        {"images": {}},
        {"images": [None]},
        {"images": [{}]},
        _ours(boxes=[[1, 2, 3, 4]]),
        _ours(boxes=[[1, 2, 3, 4, "unicorn"]]),
        _ours(boxes=[[5, 2, 3, 4, "dog"]]),
        _ours(boxes=[[1, 2, "x", 4, "dog"]]),
        _ours(boxes=[[1, 2, None, 4, "dog"]]),
        _ours(boxes=[[1, 2, float("inf"), 4, "dog"]]),
        _ours(boxes=[[1, 2, float("nan"), 4, "dog"]]),
        _ours(width=0),
        _ours(width=float("inf")),
        _ours(file=3),
        {**COCO, "categories": []},
        {**COCO, "categories": [{"id": 18, "name": "unicorn"}, {"id": 1, "name": "person"}]},
        {**COCO, "annotations": [{"image_id": 7, "category_id": 18, "bbox": [1, 2, 3]}]},
        {**COCO, "annotations": [{"image_id": [], "category_id": 18, "bbox": [1, 2, 3, 4]}]},
        {**COCO, "annotations": None},
    ],
)
def test_malformed_labels_are_the_operators_to_mend(tmp_path: Path, values: object) -> None:
    with pytest.raises(OperatorError, match=r"labels\.json"):
        read_boxed(_write(tmp_path, values), NAMES)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_json_is_the_operators_to_mend(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "labels.json").write_bytes(text)
    with pytest.raises(OperatorError, match="cannot be read"):
        read_boxed(tmp_path, NAMES)
