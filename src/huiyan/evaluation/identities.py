"""Folders of pictures that say whose face they show.

Owns: the two layouts of such a folder, and who counts as known and who as a stranger. Has no
opinion on: what is done with the pictures.

Such a folder holds either ``labels.csv`` with the columns ``file`` (relative path), ``name`` and,
if wanted, ``role`` (``known`` or ``stranger``), or one folder for each person. Where no role is
given, a person with one picture is a stranger.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from huiyan.evaluation.labelled import LABELS_FILE, PICTURE_SUFFIXES
from huiyan.kernel.errors import OperatorError

LEAST_KNOWN = 2
"""People with two pictures or more that a set needs: one is enrolled, another searched."""

_COLUMNS = ("file", "name")


class Role(StrEnum):
    """Whether somebody may be enrolled."""

    KNOWN = "known"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class PortraitFile:
    """A picture and whose face is in its middle.

    Parameters
    ----------
    path : Path
        The file.
    person : str
        Who, as the folder names them.
    is_known : bool
        Whether the person may be enrolled; strangers are only searched.
    """

    path: Path
    person: str
    is_known: bool


def read_identities(folder: Path, most_people: int | None = None) -> tuple[PortraitFile, ...]:
    """Read which pictures a folder holds and whose faces they show.

    Parameters
    ----------
    folder : Path
        In one of the two layouts.
    most_people : int, optional
        At most so many known people and so many strangers, spread evenly over all; by default
        everybody.

    Returns
    -------
    tuple of PortraitFile
        At least two people with two pictures among them; in the order of ``labels.csv``, else by
        path.

    Raises
    ------
    OperatorError
        The folder has neither layout, a row is wrong, or too few people have two pictures.
    """
    index = folder / LABELS_FILE
    portraits = _read_index(index) if index.is_file() else _read_folders(folder)
    if most_people is not None:
        kept = {
            name
            for is_known in (True, False)
            for name in _spread(
                {it.person for it in portraits if it.is_known is is_known}, most_people
            )
        }
        portraits = [it for it in portraits if it.person in kept]
    counts = Counter(it.person for it in portraits if it.is_known)
    if sum(count > 1 for count in counts.values()) < LEAST_KNOWN:
        raise OperatorError(
            f"{folder}: needs at least {LEAST_KNOWN} people with two pictures each: one picture is "
            "enrolled, the others are searched"
        )
    return tuple(portraits)


def _spread(names: set[str], most: int) -> list[str]:
    ordered = sorted(names)
    if most >= len(ordered):
        return ordered
    return [ordered[place * len(ordered) // most] for place in range(most)]


def _read_index(index: Path) -> list[PortraitFile]:
    try:
        with index.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OperatorError(f"{index}: cannot be read: {error}") from error
    if not rows or any(column not in rows[0] for column in _COLUMNS):
        raise OperatorError(f"{index}: needs rows with the columns {' and '.join(_COLUMNS)}")
    counts = Counter(row["name"] for row in rows)
    portraits: list[PortraitFile] = []
    seen: set[str] = set()
    roles: dict[str, bool] = {}
    for number, row in enumerate(rows, start=2):
        file_name, name, role = row["file"], row["name"], row.get("role") or ""
        if not file_name or not name:
            raise OperatorError(f"{index}: row {number} has no file or no name")
        if role not in {"", *Role}:
            raise OperatorError(
                f"{index}: row {number}: role is neither known nor stranger: {role}"
            )
        if file_name in seen:
            raise OperatorError(f"{index}: row {number}: {file_name} is there twice")
        is_known = role == Role.KNOWN if role else counts[name] > 1
        if roles.setdefault(name, is_known) is not is_known:
            raise OperatorError(f"{index}: row {number}: {name} is both known and a stranger")
        seen.add(file_name)
        portraits.append(PortraitFile(index.parent / file_name, name, is_known))
    return portraits


def _read_folders(folder: Path) -> list[PortraitFile]:
    if not folder.is_dir():
        raise OperatorError(f"{folder} is no folder")
    portraits: list[PortraitFile] = []
    for person in sorted(it for it in folder.iterdir() if it.is_dir()):
        paths = sorted(
            it for it in person.iterdir() if it.suffix.lower() in PICTURE_SUFFIXES and it.is_file()
        )
        portraits += [PortraitFile(path, person.name, len(paths) > 1) for path in paths]
    if not portraits:
        raise OperatorError(
            f"{folder}: holds neither {LABELS_FILE} nor a folder with pictures for each person"
        )
    return portraits
