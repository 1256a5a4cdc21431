"""Lists of photos as CSV, as a source of photos.

Owns: the columns, how the text is read, and that no row names a file outside of the list's folder.
Has no opinion on: whether a file is a picture, and what becomes of it.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from huiyan.celebrity.gallery.model import PersonFacts
from huiyan.celebrity.gallery.source import PhotoFile, Unusable, find_outside, printable
from huiyan.kernel.errors import GalleryFileError
from huiyan.kernel.units import KIB_BYTES

COLUMNS = {
    "photo": "照片",
    "name_zh": "中文名",
    "name_en": "英文名",
    "aliases": "别名",
    "occupation": "职业",
    "link": "链接",
    "person": "人物",
    "at": "位置",
}
"""The columns, each with the Chinese heading that is taken for the same."""

NO_PHOTO_NAMED = "the row names no photo"
TOO_MANY_CELLS = "the row has more cells than there are columns"
NOT_RELATIVE = "name photos relative to the list"
NO_POINT = "the column at must hold a point"
LIST_ENDS = "the list cannot be read on"
"""How the reasons begin, so that a shell can say the same in another language."""

_BY_HEADING = {heading: name for name, other in COLUMNS.items() for heading in (name, other)}
_ENCODINGS = ("utf-8", "gb18030")
_PIECE_BYTES = 256 * KIB_BYTES
_POINT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[,;，； ]\s*(\d+(?:\.\d+)?)\s*")
_BETWEEN_ALIASES = re.compile("[;；]")


def read_list(path: Path) -> Iterator[PhotoFile | Unusable]:
    """List the photos that a CSV file names.

    Parameters
    ----------
    path : Path
        The file: UTF-8, with or without a byte order mark, or GB18030, as spreadsheets in Chinese
        write it; its first row names the columns (`COLUMNS`). Photos are named relative to it.

    Yields
    ------
    PhotoFile or Unusable
        Row after row; a row that names no photo is `Unusable`.

    Raises
    ------
    GalleryFileError
        The file cannot be read, is in another encoding, or lacks needed columns.
    """
    encoding = _find_encoding(path)
    root = path.resolve().parent
    with path.open(encoding=encoding, newline="") as file:
        first = file.readline()
        reader = csv.reader(file, delimiter=_find_delimiter(first))
        names = _read_heading(next(csv.reader([first], delimiter=_find_delimiter(first)), []))
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                line = reader.line_num + 1
                yield Unusable(f"{path.name}:{line}", f"{LIST_ENDS}: {error}")
                return
            if any(cell.strip() for cell in row):
                yield _read_row(row, names, f"{path.name}:{reader.line_num + 1}", root)


def _find_encoding(path: Path) -> str:
    """Find the first encoding in which the whole file can be read."""
    try:
        with path.open("rb") as file:
            start = file.read(3)
    except OSError as error:
        raise GalleryFileError(f"{printable(path)}: {error.strerror or error}") from error
    if start.startswith(codecs.BOM_UTF8):
        _require_encoding(path, "utf-8")
        return "utf-8-sig"
    if start[:2] not in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        for encoding in _ENCODINGS:
            if _is_encoded(path, encoding):
                return encoding
    raise GalleryFileError(f"{printable(path)}: save the list as CSV in UTF-8")


def _require_encoding(path: Path, encoding: str) -> None:
    if not _is_encoded(path, encoding):
        raise GalleryFileError(f"{printable(path)}: damaged: it says that it is UTF-8, and is not")


def _is_encoded(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _find_delimiter(heading: str) -> str:
    return next((sign for sign in (",", "\t", ";", "，") if sign in heading), ",")


def _read_heading(cells: list[str]) -> list[str]:
    names = [_BY_HEADING.get(cell.strip().lower(), "") for cell in cells]
    unknown = [cell for cell, name in zip(cells, names, strict=True) if not name and cell.strip()]
    known = ", ".join(COLUMNS)
    if unknown:
        shown = ", ".join(unknown)[:100]
        raise GalleryFileError(f"the list's columns {shown!r} are unknown; known are {known}")
    if len(set(names) - {""}) < len([name for name in names if name]):
        raise GalleryFileError("a column of the list stands there twice")
    if "photo" not in names or not {"name_zh", "name_en", "person"} & set(names):
        raise GalleryFileError(
            "the list's first row must name its columns: photo, and name_zh or name_en; "
            f"known are {known}"
        )
    return names


def _read_row(row: list[str], names: list[str], place: str, root: Path) -> PhotoFile | Unusable:
    if len(row) > len(names) and any(cell.strip() for cell in row[len(names) :]):
        return Unusable(place, f"{TOO_MANY_CELLS}: quote cells that hold the delimiter")
    cells = {name: cell.strip() for name, cell in zip(names, row, strict=False) if name}
    photo = cells.get("photo", "")
    if not photo:
        return Unusable(place, NO_PHOTO_NAMED)
    shown = f"{printable(Path(photo))} ({place})"
    relative = Path(photo.replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts:
        return Unusable(shown, f"{NOT_RELATIVE}, in its folder or below")
    path = root / relative
    outside = find_outside(path, root)
    if outside:
        return Unusable(shown, outside)
    at = None
    if cells.get("at"):
        match = _POINT.fullmatch(cells["at"])
        if match is None:
            return Unusable(shown, f"{NO_POINT} such as 120,80")
        at = (float(match[1]), float(match[2]))
    facts = _read_facts(cells)
    key = cells.get("person") or f"{facts.name_zh}\n{facts.name_en}"
    return PhotoFile(path, shown, key, facts, at)


def _read_facts(cells: Mapping[str, str]) -> PersonFacts:
    aliases = (alias.strip() for alias in _BETWEEN_ALIASES.split(cells.get("aliases", "")))
    return PersonFacts(
        name_zh=cells.get("name_zh", ""),
        name_en=cells.get("name_en", ""),
        aliases=tuple(alias for alias in aliases if alias),
        occupation=cells.get("occupation", ""),
        link=cells.get("link", ""),
    )
