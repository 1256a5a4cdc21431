"""Folders of people's folders, as a source of photos.

Owns: that a folder's name is the person's, what ``person.json`` may say, and which files are passed
over. Has no opinion on: whether a file is a picture, and what becomes of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from huiyan.celebrity.gallery.model import PersonFacts
from huiyan.celebrity.gallery.source import (
    PhotoFile,
    Unusable,
    find_outside,
    parse_name,
    printable,
)
from huiyan.kernel.errors import GalleryFileError
from huiyan.kernel.units import KIB_BYTES

FACTS_FILE = "person.json"
MAX_FACTS_BYTES = 64 * KIB_BYTES

STRAY_FILE = "it lies in no person's folder: put it into one that has the person's name"
STRAY_FOLDER = "folders inside a person's folder are not looked into"
LINK_OUT = "the folder is a link that leads out of the one imported"
UNREADABLE_FOLDER = "the folder cannot be read"
NO_PHOTO = "no photo in it: put photos of the person into the folder"
"""How the reasons begin, so that a shell can say the same in another language."""


class _Facts(msgspec.Struct, forbid_unknown_fields=True):
    name_zh: str = ""
    name_en: str = ""
    aliases: tuple[str, ...] = ()
    occupation: str = ""
    link: str = ""


def read_folder(root: Path) -> Iterator[PhotoFile | Unusable]:
    """List the photos of a folder that holds a folder for each person.

    Parameters
    ----------
    root : Path
        The folder.

    Yields
    ------
    PhotoFile or Unusable
        People sorted by their folders' names, their photos by name. Hidden files and folders are
        passed over; what cannot be a photo of somebody is `Unusable`, a person's folder without
        any photo, too.

    Raises
    ------
    GalleryFileError
        The folder itself cannot be read.
    """
    real_root = root.resolve()
    try:
        names = sorted(os.listdir(root))  # noqa: PTH208 -- names alone: there may be 100,000
    except OSError as error:
        raise GalleryFileError(f"{printable(root)}: {error.strerror or error}") from error
    for name in names:
        if name.startswith("."):
            continue
        folder = root / name
        if folder.is_dir():
            yield from _read_person(folder, real_root)
        else:
            yield Unusable(printable(Path(name)), STRAY_FILE)


def _read_person(folder: Path, root: Path) -> Iterator[PhotoFile | Unusable]:
    shown = printable(Path(folder.name))
    try:
        if not folder.resolve(strict=True).is_relative_to(root):
            yield Unusable(shown, LINK_OUT)
            return
        names = sorted(os.listdir(folder))  # noqa: PTH208 -- names alone
    except (OSError, RuntimeError) as error:
        yield Unusable(shown, f"{UNREADABLE_FOLDER}: {getattr(error, 'strerror', error)}")
        return
    facts = parse_name(shown)
    if FACTS_FILE in names:
        try:
            facts = _read_facts(folder / FACTS_FILE, root, facts)
        except GalleryFileError as error:
            reason = f"{error.detail}; nobody was imported from this folder"
            yield Unusable(f"{shown}/{FACTS_FILE}", reason)
            return
    shown_names = [name for name in names if not name.startswith(".") and name != FACTS_FILE]
    if not shown_names:
        yield Unusable(shown, NO_PHOTO)
    for name in shown_names:
        path = folder / name
        file_shown = f"{shown}/{printable(Path(name))}"
        if path.is_dir():
            yield Unusable(file_shown, STRAY_FOLDER)
            continue
        outside = find_outside(path, root)
        if outside:
            yield Unusable(file_shown, outside)
            continue
        yield PhotoFile(path, file_shown, os.fsencode(folder.name).hex(), facts)


def _read_facts(path: Path, root: Path, named: PersonFacts) -> PersonFacts:
    """Read facts; names that the file leaves out are those of the folder."""
    outside = find_outside(path, root)
    if outside:
        raise GalleryFileError(outside)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FACTS_BYTES + 1)
    except OSError as error:
        raise GalleryFileError(f"it cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_FACTS_BYTES:
        raise GalleryFileError(f"it has more than {MAX_FACTS_BYTES} bytes")
    try:
        told = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_Facts)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GalleryFileError(f"it is not as it must be: {error}") from error
    has_name = bool(told.name_zh.strip() or told.name_en.strip())
    return PersonFacts(
        name_zh=told.name_zh if has_name else named.name_zh,
        name_en=told.name_en if has_name else named.name_en,
        aliases=told.aliases,
        occupation=told.occupation,
        link=told.link,
    )
