"""The pictures that ``huiyan subject`` makes.

Owns: what is made of one picture, and what each result is called. Has no opinion on: how it is
made, and which pictures there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from huiyan.cli.drawing import take_name
from huiyan.imaging.cutout import encode_png_with_alpha
from huiyan.imaging.draw import encode_png
from huiyan.imaging.draw_boxes import BoxLine, draw_boxes
from huiyan.kernel.errors import StoreError
from huiyan.kernel.language import Bilingual, Language
from huiyan.subject.crop import parse_aspect
from huiyan.subject.edit import SubjectEdits
from huiyan.subject.model import Rank, Subject

RANK_NAMES = {
    Rank.MAIN: Bilingual(zh="主体", en="main subject"),
    Rank.SECONDARY: Bilingual(zh="单个主体", en="single subject"),
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What shall be made of each picture.

    Parameters
    ----------
    cutout, blur, draw : Path or None
        A file or folder for each; None where it is not wanted.
    into : Path
        The folder for crops.
    aspects : tuple of str
        Shapes of crops, such as ``16:9``.
    blur_percent : float
        How far colours run, in percent of the long side.
    font_path : Path or None
        For drawing; None where nothing is drawn.
    language : {'zh', 'en'}
        Of drawn labels.
    """

    cutout: Path | None
    blur: Path | None
    draw: Path | None
    into: Path
    aspects: tuple[str, ...]
    blur_percent: float
    font_path: Path | None
    language: Language

    @property
    def needs_pixels(self) -> bool:
        """Whether anything is made, so that the full picture is needed.

        Returns
        -------
        bool
            False where only boxes are wanted.
        """
        return bool(self.aspects) or any((self.cutout, self.blur, self.draw))


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of one picture.

    Parameters
    ----------
    written : tuple of Path
        All files.
    clipped : tuple of Path
        The crops among them that do not hold the whole subject: none of their shape can.
    """

    written: tuple[Path, ...]
    clipped: tuple[Path, ...]


def name_pictures(paths: Sequence[Path]) -> dict[Path, str]:
    """Give each picture the name that its results begin with.

    Parameters
    ----------
    paths : sequence of Path
        The pictures.

    Returns
    -------
    dict of Path to str
        The file's name without its ending; pictures of one name get numbers.
    """
    taken: set[str] = set()
    return {path: take_name(path.stem, taken) for path in paths}


def make(
    edits: SubjectEdits,
    subjects: Sequence[Subject],
    wishes: Wishes,
    name: str,
    *,
    is_single: bool,
) -> Made:
    """Make everything that is wished for of one picture.

    Parameters
    ----------
    edits : SubjectEdits
        The picture and its main subject.
    subjects : sequence of Subject
        What is drawn.
    wishes : Wishes
        What is wanted.
    name : str
        Begins the names of results in folders.
    is_single : bool
        Whether this is the only picture, so that a path may name its file.

    Returns
    -------
    Made
        The files.

    Raises
    ------
    StoreError
        Something cannot be written.
    ModelMissingError
        The font lacks a glyph.
    """
    written: list[Path] = []
    clipped: list[Path] = []

    def write(target: Path, suffix: str, data: bytes) -> None:
        is_file = is_single and target.suffix != "" and not target.is_dir()
        path = target if is_file else target / f"{name}{suffix}"
        _write(path, data)
        written.append(path)

    if wishes.cutout is not None:
        write(wishes.cutout, ".cutout.png", encode_png_with_alpha(edits.cut_out()))
    if wishes.blur is not None:
        write(wishes.blur, ".blur.png", encode_png(edits.blur(wishes.blur_percent)))
    for aspect in wishes.aspects:
        pixels, crop = edits.crop(parse_aspect(aspect))
        path = wishes.into / f"{name}.crop-{'x'.join(parts_of(aspect))}.png"
        _write(path, encode_png(pixels))
        written.append(path)
        if not crop.holds_subject:
            clipped.append(path)
    if wishes.draw is not None and wishes.font_path is not None:
        write(
            wishes.draw, ".subject.png", _draw(edits, subjects, wishes.language, wishes.font_path)
        )
    return Made(tuple(written), tuple(clipped))


def parts_of(aspect: str) -> tuple[str, str]:
    """Take an aspect ratio apart, for names of files.

    Parameters
    ----------
    aspect : str
        One that `huiyan.subject.crop.parse_aspect` takes.

    Returns
    -------
    tuple of str
        Width and height as written.
    """
    for sign in "xX×/":
        aspect = aspect.replace(sign, ":")
    across, _, down = aspect.partition(":")
    return across.strip(), down.strip()


def _draw(
    edits: SubjectEdits, subjects: Sequence[Subject], language: Language, font_path: Path
) -> bytes:
    image = edits.image
    height, width = image.pixels.shape[:2]
    scale = np.array([width / image.size_wh[0], height / image.size_wh[1]] * 2)
    boxes = []
    for subject in subjects:
        left, top, right, bottom = (scale * subject.xyxy).tolist()
        label = RANK_NAMES[subject.rank].pick(language)
        group = subject.rank.value
        boxes.append(BoxLine((left, top, right, bottom), label, subject.confidence, group))
    return encode_png(draw_boxes(edits.outline(), boxes, font_path))


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
