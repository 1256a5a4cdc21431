"""Where a command draws.

Owns: the font, what is drawn on, naming drawings after their pictures and writing them, and which
targets an option refuses. Has no opinion on: what is drawn, and how it looks (``imaging``).
"""

from __future__ import annotations

from pathlib import Path

import click

from huiyan.assembly import open_store
from huiyan.cli.pictures import ERR, PICTURE_SUFFIXES
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.draw import encode_png
from huiyan.imaging.font import find_font
from huiyan.imaging.picture import Image, PictureLimits
from huiyan.kernel.errors import ModelMissingError, StoreError
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES, PixelArray
from huiyan.runtime.card import get_card

FONT_CARD = "noto-sans-cjk-regular"
DRAWN_SHORT_SIDE_PX = 1600
"""Larger pictures may be decoded smaller than they are: drawings have no use for more."""

HERE = "."
"""What an option that may stand without a path means then."""


class DrawingTarget:
    """Where drawings go: one file, or a folder with one for each picture.

    Parameters
    ----------
    settings : Settings
        Store and decoding memory matter.
    target : Path
        A file for a single picture if it is named like one; else a folder.
    single : bool
        Whether there is one picture only.
    suffix : str
        Ends the names of drawings in a folder, such as ``.tags.png``.

    Raises
    ------
    BadParameter
        It is named like one picture, and there are several.
    StoreError
        It is a file, and its folder is not there.
    ModelMissingError
        No font has Chinese glyphs.
    """

    def __init__(self, settings: Settings, target: Path, *, single: bool, suffix: str) -> None:
        check_place(target, single=single, option="--draw")
        self.font_path = find_font(_font_candidates(settings))
        self._to_file = _is_file_named(target, single=single)
        self._target = target
        self._suffix = suffix
        self._drawn: set[str] = set()
        self._budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)

    def decode(self, path: Path, limits: PictureLimits) -> Image:
        """Decode a picture to draw on.

        Parameters
        ----------
        path : Path
            The picture.
        limits : PictureLimits
            As of the operation that answered for it.

        Returns
        -------
        Image
            Upright; a very large one perhaps reduced.
        """
        return decode(path.read_bytes(), limits, DRAWN_SHORT_SIDE_PX, self._budget)

    def write(self, path: Path, pixels: PixelArray) -> None:
        """Write a drawing.

        Parameters
        ----------
        path : Path
            The picture that it is of.
        pixels : ndarray of shape (H, W, 3), uint8
            RGB.

        Raises
        ------
        StoreError
            It cannot be written.
        """
        target = self._target if self._to_file else self._target_in_folder(path)
        drawn = encode_png(pixels)
        try:
            if not self._to_file:
                self._target.mkdir(parents=True, exist_ok=True)
            target.write_bytes(drawn)
        except OSError as error:
            raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
        ERR.print(f"drawn · 已绘制: {target}", markup=False, soft_wrap=True)

    def _target_in_folder(self, path: Path) -> Path:
        """Name the drawing after its picture."""
        return self._target / f"{take_name(path.stem, self._drawn)}{self._suffix}"


def check_target(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    """Refuse a picture that is there: a bare option takes the picture after it for its target.

    Parameters
    ----------
    _context, _option : click.Context, click.Parameter
        As click hands them to a callback.
    value : str or None
        Where results are to go, a file or a folder; None where the option is not given.

    Returns
    -------
    str or None
        The value.

    Raises
    ------
    BadParameter
        It is a file, or is named like a picture that results are not.
    """
    target = Path(value or HERE)
    if target.suffix.lower() in PICTURE_SUFFIXES - {".png"} and not target.is_dir():
        raise click.BadParameter(
            f"{value}: results are PNG files; name the pictures first · "
            "结果为 PNG 文件；请先写图片，再写选项"
        )
    if target.is_file():
        raise click.BadParameter(
            f"{value} is there already; name the pictures first, or another file · "
            "文件已存在；请先写图片，再写选项，或换一个文件名"
        )
    return value


def check_place(target: Path, *, single: bool, option: str) -> None:
    """Refuse a place that results would lie in otherwise than its name says.

    Parameters
    ----------
    target : Path
        The file or folder that was named.
    single : bool
        Whether there is one picture only, so that a file may be meant.
    option : str
        By which it was named, for the error.

    Raises
    ------
    BadParameter
        It is named like one picture, and there are several.
    StoreError
        It is a file, and its folder is not there: only folders named as such are made.
    """
    if not single and target.suffix.lower() in PICTURE_SUFFIXES and not target.is_dir():
        raise click.BadParameter(
            f"{target} names one picture, but there are several to write; name a folder · "
            "图片有多张，请指定目录",
            param_hint=option,
        )
    if _is_file_named(target, single=single) and not target.parent.is_dir():
        raise StoreError(
            f"cannot write {target}: {target.parent} is no folder; make it first, or name another "
            f"· 无法写入：目录 {target.parent} 不存在"
        )


def _is_file_named(target: Path, *, single: bool) -> bool:
    return single and target.suffix != "" and not target.is_dir()


def take_name(wanted: str, taken: set[str]) -> str:
    """Take a name that nothing else has.

    Parameters
    ----------
    wanted : str
        The name.
    taken : set of str
        Names that are given away; the one returned is added.

    Returns
    -------
    str
        The name itself, or with the first free number from 2.
    """
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    taken.add(name)
    return name


def _font_candidates(settings: Settings) -> list[Path]:
    store = open_store(settings)
    try:
        return [store.path(get_card(store.cards, FONT_CARD))]
    except ModelMissingError:
        return []
