"""Folders of pictures, with and without labels.

Owns: the two layouts of a labelled folder, how a class may be named, and the split into halves.
Has no opinion on: what is done with the pictures.

A labelled folder holds either ``labels.csv`` with a column ``file`` (relative path) and one of
``index``, ``wnid`` and ``label``, or one folder for each class. A class is named by its index
among the network's outputs (from 0), its WordNet synset (``n01440764``), a label's id, or a
label's English name or alias.
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path

from huiyan.kernel.errors import OperatorError
from huiyan.perception.classifier import OUTPUT_COUNT, OUTPUT_LAYER
from huiyan.vocabulary.model import Label, Vocabulary

LABELS_FILE = "labels.csv"
CLASS_COLUMNS = ("index", "wnid", "label")
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

_BETWEEN_WORDS = re.compile(r"[\s_-]+")


class Half(StrEnum):
    """A part of a labelled folder."""

    ALL = "all"
    FITTED = "fitted"
    HELD_OUT = "held-out"


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture and what it shows.

    Parameters
    ----------
    path : Path
        The file.
    outputs : frozenset of int
        The network's outputs that are right for it; at least one.
    class_name : str
        The class as the folder names it; the column ``label`` where there is one.
    """

    path: Path
    outputs: frozenset[int]
    class_name: str


def half_of(file_name: str) -> Half:
    """Tell in which half a picture lies, on every machine the same.

    Parameters
    ----------
    file_name : str
        The file's name without its folders, so that moving a set moves nothing between halves.

    Returns
    -------
    Half
        `Half.FITTED` or `Half.HELD_OUT`.
    """
    first_byte = hashlib.sha256(file_name.encode()).digest()[0]
    return Half.HELD_OUT if first_byte & 1 else Half.FITTED


def find_pictures(folder: Path) -> tuple[Path, ...]:
    """List the pictures in a folder and below it, by the ends of their names.

    Parameters
    ----------
    folder : Path
        Where to look.

    Returns
    -------
    tuple of Path
        In rising order.

    Raises
    ------
    OperatorError
        There is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise OperatorError(f"{folder} is no folder · 不是目录")
    pictures = tuple(
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()
    )
    if not pictures:
        raise OperatorError(f"{folder} holds no pictures · 目录中没有图片")
    return pictures


def read_labelled(
    folder: Path, vocabulary: Vocabulary, half: Half = Half.ALL
) -> tuple[LabelledPicture, ...]:
    """Read which pictures a folder holds and what they show.

    Parameters
    ----------
    folder : Path
        In one of the two layouts.
    vocabulary : Vocabulary
        The labels by which classes may be named.
    half : Half, default all
        Which part is wanted.

    Returns
    -------
    tuple of LabelledPicture
        At least one; in the order of ``labels.csv``, else by path.

    Raises
    ------
    OperatorError
        The folder has neither layout, a class is unknown, or nothing is left.
    """
    finder = ClassFinder(vocabulary)
    index = folder / LABELS_FILE
    labelled = _read_index(index, finder) if index.is_file() else _read_folders(folder, finder)
    wanted = tuple(
        picture for picture in labelled if half is Half.ALL or half_of(picture.path.name) is half
    )
    if not wanted:
        raise OperatorError(
            f"{folder}: no labelled pictures in the part {half.value!r} · 该部分没有带标注的图片"
        )
    return wanted


class ClassFinder:
    """Finds the network's outputs that a class name means.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels by which classes may be named; only those with outputs of their own count.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        wnids = resources.files("huiyan.evaluation") / "data" / "imagenet1k_wnids.txt"
        self._outputs_by_key: dict[str, frozenset[int]] = {
            wnid: frozenset({index})
            for index, wnid in enumerate(wnids.read_text(encoding="ascii").split())
        }
        self._outputs_by_key |= {str(index): frozenset({index}) for index in range(OUTPUT_COUNT)}
        leaves = [(label, own) for label in vocabulary.labels if (own := _own_outputs(label))]
        for label, own in leaves:
            self._outputs_by_key.setdefault(_key(label.id), own)
        for label, own in leaves:
            self._outputs_by_key.setdefault(_key(label.name.en), own)
        owners_by_alias: dict[str, set[frozenset[int]]] = {}
        for label, own in leaves:
            for alias in label.aliases.en:
                owners_by_alias.setdefault(_key(alias), set()).add(own)
        for key, owners in owners_by_alias.items():
            if len(owners) == 1:  # an alias of two classes names neither
                self._outputs_by_key.setdefault(key, *owners)

    def find(self, class_name: str) -> frozenset[int] | None:
        """Look a class up.

        Parameters
        ----------
        class_name : str
            Index, synset, label id, English name or alias; case, spaces, hyphens and underscores
            do not matter.

        Returns
        -------
        frozenset of int or None
            The outputs; None where the name is unknown or belongs to two classes.
        """
        return self._outputs_by_key.get(_key(class_name))


def _key(name: str) -> str:
    return _BETWEEN_WORDS.sub(" ", name.strip()).casefold()


def _own_outputs(label: Label) -> frozenset[int]:
    return frozenset(output.index for output in label.outputs if output.model == OUTPUT_LAYER)


def _read_index(index: Path, finder: ClassFinder) -> list[LabelledPicture]:
    try:
        with index.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OperatorError(f"{index}: cannot be read · 无法读取: {error}") from error
    columns = set(rows[0]) if rows else set()
    named_by = next((column for column in CLASS_COLUMNS if column in columns), None)
    if "file" not in columns or named_by is None:
        columns_text = ", ".join(CLASS_COLUMNS)
        raise OperatorError(
            f"{index}: needs rows with a column file and one of {columns_text} · "
            f"须有 file 列及其一：{columns_text}，且至少一行"
        )
    labelled = []
    for number, row in enumerate(rows, start=2):
        file_name, class_name = row["file"] or "", row[named_by] or ""
        outputs = finder.find(class_name)
        if outputs is None or not file_name:
            raise OperatorError(
                f"{index}:{number}: no file, or unknown class {class_name!r} · "
                "未写文件名，或类别未知"
            )
        shown_name = row.get("label") or class_name
        labelled.append(LabelledPicture(index.parent / file_name, outputs, shown_name))
    return labelled


def _read_folders(folder: Path, finder: ClassFinder) -> list[LabelledPicture]:
    labelled = []
    for path in find_pictures(folder):
        class_name = path.relative_to(folder).parts[0]
        outputs = finder.find(class_name)
        if outputs is None or path.parent == folder:
            raise OperatorError(
                f"{path}: no {LABELS_FILE} in {folder}, and {class_name!r} is no folder of a class "
                f"· 没有 {LABELS_FILE}，且该目录名不是已知类别"
            )
        labelled.append(LabelledPicture(path, outputs, class_name))
    return labelled
