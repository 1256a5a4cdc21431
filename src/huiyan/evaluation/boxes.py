"""Folders of pictures whose objects are boxed.

Owns: the two layouts of such a folder, and what a box may be. Has no opinion on: what is done with
the pictures.

A folder holds ``labels.json``: ``categories`` is a list of names, ``images`` a list of ``file``,
``width``, ``height`` and ``boxes`` (left, top, right, bottom in px, name). Or it holds one JSON
file in COCO's own form (``images``, ``annotations``, ``categories``) with the pictures beside it or
in a folder ``images``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huiyan.kernel.errors import OperatorError

LABELS_FILE = "labels.json"


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """One object that a person boxed.

    Parameters
    ----------
    xyxy : tuple of float
        (left, top, right, bottom) in px of the upright picture.
    class_index : int
        Its place among the class names given to `read_boxed`.
    area_px : float
        What decides whether it counts as small, in square px; of the box or, where COCO's form
        gives it, of the object's outline.
    is_crowd : bool
        Many objects in one box: it neither counts as missed nor makes a find wrong.
    """

    xyxy: tuple[float, float, float, float]
    class_index: int
    area_px: float
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class BoxedPicture:
    """A picture and the objects in it.

    Parameters
    ----------
    path : Path
        The file.
    size_wh : tuple of int
        Width and height that the boxes belong to, in px.
    boxes : tuple of LabelledBox
        May be empty.
    """

    path: Path
    size_wh: tuple[int, int]
    boxes: tuple[LabelledBox, ...]


def read_boxed(folder: Path, class_names: Sequence[str]) -> tuple[BoxedPicture, ...]:
    """Read which pictures a folder holds and which objects are in them.

    Parameters
    ----------
    folder : Path
        In one of the two layouts.
    class_names : sequence of str
        English names of the classes that the detector knows; case does not matter.

    Returns
    -------
    tuple of BoxedPicture
        At least one, in the file's order.

    Raises
    ------
    OperatorError
        There is no such file, it is malformed, a class is unknown, or it names no picture.
    """
    path = _find_labels(folder)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise OperatorError(f"{path}: cannot be read: {error}") from error
    index_by_name = {name.casefold(): index for index, name in enumerate(class_names)}
    try:
        if "annotations" in values:
            pictures = _parse_coco(folder, values, index_by_name)
        else:
            pictures = [_parse_picture(folder, item, index_by_name) for item in values["images"]]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise OperatorError(f"{path}: malformed: {type(error).__name__}: {error}") from error
    if not pictures:
        raise OperatorError(f"{path}: names no pictures")
    return tuple(pictures)


def _find_labels(folder: Path) -> Path:
    path = folder / LABELS_FILE
    if path.is_file():
        return path
    others = sorted(folder.glob("*.json"))
    if len(others) != 1:
        raise OperatorError(
            f"{folder}: needs {LABELS_FILE} or exactly one JSON file in COCO's form; "
            f"found {len(others)}"
        )
    return others[0]


def _parse_picture(folder: Path, item: Any, index_by_name: dict[str, int]) -> BoxedPicture:  # noqa: ANN401 -- JSON
    boxes = []
    for left, top, right, bottom, name in item["boxes"]:
        xyxy = _check_box((left, top, right, bottom))
        area_px = (xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1])
        boxes.append(LabelledBox(xyxy, _class_index(name, index_by_name), area_px))
    return BoxedPicture(folder / item["file"], _size_wh(item), tuple(boxes))


def _parse_coco(
    folder: Path,
    values: Any,  # noqa: ANN401 -- JSON
    index_by_name: dict[str, int],
) -> list[BoxedPicture]:
    name_by_id = {item["id"]: item["name"] for item in values["categories"]}
    boxes_by_picture: dict[Any, list[LabelledBox]] = {}
    for item in values["annotations"]:
        left, top, width, height = item["bbox"]
        xyxy = _check_box((left, top, left + width, top + height))
        area_px = float(item.get("area", width * height))
        index = _class_index(name_by_id[item["category_id"]], index_by_name)
        box = LabelledBox(xyxy, index, area_px, bool(item.get("iscrowd", 0)))
        boxes_by_picture.setdefault(item["image_id"], []).append(box)
    beside = folder / "images"
    root = beside if beside.is_dir() else folder
    return [
        BoxedPicture(
            root / item["file_name"], _size_wh(item), tuple(boxes_by_picture.get(item["id"], ()))
        )
        for item in values["images"]
    ]


def _size_wh(item: dict[str, Any]) -> tuple[int, int]:
    width, height = int(item["width"]), int(item["height"])
    if min(width, height) < 1:
        raise ValueError(f"a picture of {width} x {height} px")
    return width, height


def _check_box(values: Iterable[object]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(str(value)) for value in values)
    if not all(map(math.isfinite, (left, top, right, bottom))) or right < left or bottom < top:
        raise ValueError(f"no box: ({left}, {top}, {right}, {bottom})")
    return left, top, right, bottom


def _class_index(name: object, index_by_name: dict[str, int]) -> int:
    index = index_by_name.get(str(name).casefold())
    if index is None:
        raise ValueError(f"the detector knows no class {name!r}")
    return index
