"""Folders of pictures that say what stood before the camera.

Owns: the two layouts of such a folder, the names of media in it, and who took a picture. Has no
opinion on: what is done with the pictures.

Such a folder holds either ``labels.csv`` with the columns ``file`` (relative path), ``label`` and,
if wanted, ``collector``, or one folder for each medium. A medium is called ``real`` or
``original``, ``screen``, or ``print``; other names need a meaning handed in.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huiyan.evaluation.labelled import LABELS_FILE, find_pictures
from huiyan.kernel.errors import OperatorError
from huiyan.recapture.model import Medium

MEDIUM_BY_NAME: Mapping[str, Medium] = {
    "real": Medium.ORIGINAL,
    "original": Medium.ORIGINAL,
    "screen": Medium.SCREEN,
    "print": Medium.PRINT,
}
"""Names that need no explanation."""

_COLUMNS = ("file", "label")


@dataclass(frozen=True, slots=True)
class MediumPicture:
    """A picture and what stood before the camera.

    Parameters
    ----------
    path : Path
        The file.
    file : str
        Its path below the folder, which says nothing about the machine.
    medium : Medium
        The truth.
    collector : str
        Who took it; empty where that is not told.
    """

    path: Path
    file: str
    medium: Medium
    collector: str


def read_media(folder: Path, meanings: Mapping[str, Medium | None]) -> tuple[MediumPicture, ...]:
    """Read which pictures a folder holds and what stood before the camera.

    Parameters
    ----------
    folder : Path
        In one of the two layouts.
    meanings : mapping of str to Medium or None
        What further names mean, or those of `MEDIUM_BY_NAME` here; None leaves such pictures out.

    Returns
    -------
    tuple of MediumPicture
        At least one; in the order of ``labels.csv``, else by path.

    Raises
    ------
    OperatorError
        The folder has neither layout, a row is wrong, a name is unknown, or nothing is left.
    """
    media: dict[str, Medium | None] = {**MEDIUM_BY_NAME, **meanings}
    index = folder / LABELS_FILE
    pictures = _read_index(index, media) if index.is_file() else _read_folders(folder, media)
    if not pictures:
        raise OperatorError(f"{folder}: no labelled pictures are left · 没有可用的图片")
    return tuple(pictures)


def _read_index(index: Path, media: Mapping[str, Medium | None]) -> list[MediumPicture]:
    try:
        with index.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OperatorError(f"{index}: cannot be read · 无法读取: {error}") from error
    if not rows or any(column not in rows[0] for column in _COLUMNS):
        raise OperatorError(
            f"{index}: needs rows with the columns {' and '.join(_COLUMNS)} · "
            f"须有 {'、'.join(_COLUMNS)} 两列，且至少一行"
        )
    pictures: list[MediumPicture] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        file_name, label = row["file"] or "", row["label"] or ""
        if not file_name or label not in media:
            raise OperatorError(
                f"{index}: row {number} has no file, or unknown label {label!r}: "
                f"known are {', '.join(media)}; --as gives others a meaning · "
                f"第 {number} 行未写文件名，或标签未知；其他标签的含义用 --as 说明"
            )
        if file_name in seen:
            raise OperatorError(f"{index}: row {number}: {file_name} is there twice · 文件重复")
        seen.add(file_name)
        medium, collector = media[label], row.get("collector") or ""
        if medium is not None:
            path = index.parent / file_name
            pictures.append(MediumPicture(path, file_name, medium, collector))
    return pictures


def _read_folders(folder: Path, media: Mapping[str, Medium | None]) -> list[MediumPicture]:
    pictures = []
    for path in find_pictures(folder):
        below = path.relative_to(folder)
        label = below.parts[0]
        if path.parent == folder or label not in media:
            raise OperatorError(
                f"{path}: no {LABELS_FILE} in {folder}, and {label!r} is no folder of a medium "
                f"({', '.join(media)}); --as gives other folders a meaning · "
                f"没有 {LABELS_FILE}，且该目录名不是已知介质；其他目录的含义用 --as 说明"
            )
        medium = media[label]
        if medium is not None:
            pictures.append(MediumPicture(path, below.as_posix(), medium, ""))
    return pictures
