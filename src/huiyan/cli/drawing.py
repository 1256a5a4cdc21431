"""Where a command draws.

Owns: the font, what is drawn on, naming drawings after their pictures and writing them. Has no
opinion on: what is drawn, and how it looks (``imaging``).
"""

from __future__ import annotations

from pathlib import Path

from huiyan.assembly import open_store
from huiyan.cli.pictures import ERR
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
    ModelMissingError
        No font has Chinese glyphs.
    """

    def __init__(self, settings: Settings, target: Path, *, single: bool, suffix: str) -> None:
        self.font_path = find_font(_font_candidates(settings))
        self._to_file = single and target.suffix != "" and not target.is_dir()
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
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(drawn)
        except OSError as error:
            raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
        ERR.print(f"drawn · 已绘制: {target}", markup=False, soft_wrap=True)

    def _target_in_folder(self, path: Path) -> Path:
        """Name the drawing after its picture."""
        return self._target / f"{take_name(path.stem, self._drawn)}{self._suffix}"


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
