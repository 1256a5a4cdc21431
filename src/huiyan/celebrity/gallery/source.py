"""Photos that are to be imported, before anybody looked at them.

Owns: the form in which folders and lists name photos and people, and which files may be read. Has
no opinion on: the form of either on disk, and what becomes of the photos.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from huiyan.celebrity.gallery.model import PersonFacts
from huiyan.kernel.errors import DamagedPictureError, PictureSizeError

OUTSIDE = "it lies outside of the folder that is imported"
NO_FILE = "it is no file"
UNREADABLE = "it cannot be read"
"""How the reasons begin, so that a shell can say the same in another language."""

_HAN = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_GAPS = re.compile(r"[_\s\u3000]+")


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo of somebody.

    Parameters
    ----------
    path : Path
        The file, inside the folder that is imported.
    name : str
        How reports name it: relative to that folder, always printable.
    key : str
        The same for all photos of one person; the id of a person of the gallery where it is one.
    facts : PersonFacts
        Who it is; both names may be empty where an earlier photo of the same key has them.
    at : tuple of float, optional
        (x, y) in px of the full upright picture, a point on the face that is meant.
    """

    path: Path
    name: str
    key: str
    facts: PersonFacts
    at: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Unusable:
    """Something that no photo can be had from.

    Parameters
    ----------
    name : str
        What, as reports name it.
    reason : str
        Why, and how to mend it.
    """

    name: str
    reason: str


def parse_name(text: str) -> PersonFacts:
    """Read a person's names from one text, such as a folder's name.

    Parameters
    ----------
    text : str
        Words between spaces or underscores; those with Chinese characters are the Chinese name.

    Returns
    -------
    PersonFacts
        Both names are empty where the text holds no word.

    Examples
    --------
    >>> parse_name("姚明_Yao_Ming").name_en
    'Yao Ming'
    """
    words = [word for word in _GAPS.split(text) if word]
    is_chinese = [bool(_HAN.search(word)) for word in words]
    return PersonFacts(
        name_zh=" ".join(word for word, it in zip(words, is_chinese, strict=True) if it),
        name_en=" ".join(word for word, it in zip(words, is_chinese, strict=True) if not it),
    )


def printable(path: Path) -> str:
    """Show a path that may be made of any bytes.

    Parameters
    ----------
    path : Path
        The path.

    Returns
    -------
    str
        On one line, without characters that steer a terminal.
    """
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def find_outside(path: Path, root: Path) -> str:
    """Tell why a file must not be read.

    Parameters
    ----------
    path : Path
        The file as it was named.
    root : Path
        The folder that is imported, resolved.

    Returns
    -------
    str
        Empty where it is a file that lies inside, after all links are followed.
    """
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root):
            return f"{OUTSIDE}: copy it there"
        if not real.is_file():
            return NO_FILE
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "the path cannot be used"
        return f"{UNREADABLE}: {reason}"
    return ""


def read_photo(path: Path, max_bytes: int) -> bytes:
    """Read a photo's file, and never much more than it may have.

    Parameters
    ----------
    path : Path
        The file.
    max_bytes : int
        How large it may be.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    OSError
        It cannot be read.
    DamagedPictureError
        It is empty.
    PictureSizeError
        It is larger.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if not data:
        raise DamagedPictureError("the file is empty")
    if len(data) > max_bytes:
        raise PictureSizeError(f"the file has more than {max_bytes} bytes")
    return data
