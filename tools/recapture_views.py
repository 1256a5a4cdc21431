"""What the networks of recapture detection are shown of the labelled pictures.

Owns: reading the rows, the squares at native resolution, the whole picture in a square, and how
both are altered for fitting; each alteration is drawn from a hash of the picture's name, so nothing
is random. Has no opinion on: what the networks make of them.

Every class is altered alike, so that compression, size and light never tell the class.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from head_views import generator, read_pixels
from numpy.random import Generator

from huiyan.imaging.picture import Image
from huiyan.imaging.recompress import Recompression, recompress
from huiyan.kernel.units import PixelArray
from huiyan.perception.patches import cut_patches, overview
from huiyan.perception.recapture_networks import SIDE_PX

ORIGINAL = "real"
SCREEN = "screen"
PRINT = "print"

CORNER_COUNT = 4
ALTERED_COUNT = 4
MESSENGER = Recompression(quality=75, long_side_px=1600)
"""What everything is sent through alike, as a trial."""

LARGE_PX = 2000
"""From this long side on a picture is taken as the camera wrote it, and may be reduced further."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A labelled picture of which there is a crop and an overview.

    Parameters
    ----------
    path, overview_path : Path
        The crop, and the whole picture at 256 px.
    label : str
        `ORIGINAL`, `SCREEN` or `PRINT`.
    collector : str
        Who took it.
    full_long_px : int
        The whole picture's long side.
    is_guessable : bool
        Whether size or quality give the label away among this collector's files.
    """

    path: Path
    overview_path: Path
    label: str
    collector: str
    full_long_px: int
    is_guessable: bool


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A labelled picture.

    Parameters
    ----------
    path : Path
        The file.
    label : str
        What it shows.
    collector : str
        Who took it; empty if that is not told.
    """

    path: Path
    label: str
    collector: str


def read_crops(folder: Path) -> tuple[Crop, ...]:
    """Read the rows of ``recapture_sample``.

    Parameters
    ----------
    folder : Path
        It holds ``labels.csv``.

    Returns
    -------
    tuple of Crop
        In the file's order.
    """
    return tuple(
        Crop(
            path=folder / row["file"],
            overview_path=folder / "overview" / row["file"],
            label=row["label"],
            collector=row["collector"],
            full_long_px=max(int(row["full_width_px"]), int(row["full_height_px"])),
            is_guessable=row["label_guessable_from_file"] == "1",
        )
        for row in _rows(folder)
    )


def read_files(folder: Path) -> tuple[LabelledFile, ...]:
    """Read the rows of ``recapture_whole`` or ``barcode_photos``.

    Parameters
    ----------
    folder : Path
        It holds ``labels.csv``.

    Returns
    -------
    tuple of LabelledFile
        In the file's order.
    """
    return tuple(
        LabelledFile(folder / row["file"], row["label"], row.get("collector", ""))
        for row in _rows(folder)
    )


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def corner_squares(pixels: PixelArray) -> PixelArray:
    """Cut the squares in the four corners.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.

    Returns
    -------
    ndarray of shape (4, `SIDE_PX`, `SIDE_PX`, 3), uint8
        RGB; they overlap where the picture is small, and are mirrored where it is too small.
    """
    height, width = pixels.shape[:2]
    lefts = (0, max(0, width - SIDE_PX))
    tops = (0, max(0, height - SIDE_PX))
    places = tuple((left, top) for top in tops for left in lefts)
    return cut_patches(as_image(pixels), places, SIDE_PX)


def plain_squares(crop: Crop) -> PixelArray:
    """Show a crop as it is.

    Parameters
    ----------
    crop : Crop
        Which.

    Returns
    -------
    ndarray of shape (4, `SIDE_PX`, `SIDE_PX`, 3), uint8
        RGB.
    """
    return corner_squares(read_pixels(crop.path))


def recompressed_squares(crop: Crop) -> PixelArray:
    """Show a crop as if its whole picture had been sent through `MESSENGER`.

    Parameters
    ----------
    crop : Crop
        Which.

    Returns
    -------
    ndarray of shape (4, `SIDE_PX`, `SIDE_PX`, 3), uint8
        RGB.
    """
    assert MESSENGER.long_side_px is not None
    pixels = read_pixels(crop.path)
    factor = min(1.0, MESSENGER.long_side_px / crop.full_long_px)
    if factor < 1:
        pixels = resize(pixels, factor, cv2.INTER_AREA)
    return corner_squares(decode(recompress(pixels, Recompression(MESSENGER.quality, None))))


def altered_squares(crop: Crop) -> PixelArray:
    """Show a crop reduced, saved again, tinted and mirrored by chance.

    Parameters
    ----------
    crop : Crop
        Which.

    Returns
    -------
    ndarray of shape (`ALTERED_COUNT`, `SIDE_PX`, `SIDE_PX`, 3), uint8
        RGB.
    """
    pixels = read_pixels(crop.path)
    draw = generator("squares", crop.path.name)
    return np.stack([_alter_square(pixels, crop, draw) for _ in range(ALTERED_COUNT)])


def _alter_square(pixels: PixelArray, crop: Crop, draw: Generator) -> PixelArray:
    if draw.random() < 0.6:
        least = 0.4 if crop.full_long_px > LARGE_PX else 0.6
        factor = float(np.exp(draw.uniform(np.log(least), 0)))
        if factor < 0.97:
            method = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[draw.integers(3)]
            pixels = resize(pixels, factor, method)
        pixels = _save(pixels, draw, 50, 95)
        if draw.random() < 0.3:
            pixels = _save(pixels, draw, 60, 95)
    elif draw.random() < 0.3:
        pixels = _save(pixels, draw, 70, 97)
    return random_square(_tint(pixels, draw), draw)


def random_square(pixels: PixelArray, draw: Generator) -> PixelArray:
    """Cut a square out anywhere, mirrored or not.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    draw : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (`SIDE_PX`, `SIDE_PX`, 3), uint8
        RGB.
    """
    top, left = (int(draw.integers(0, max(0, length - SIDE_PX) + 1)) for length in pixels.shape[:2])
    square: PixelArray = cut_patches(as_image(pixels), ((left, top),), SIDE_PX)[0]
    return square[:, ::-1] if draw.random() < 0.5 else square


def plain_views(crop: Crop) -> PixelArray:
    """Show a whole picture as it is, and mirrored.

    Parameters
    ----------
    crop : Crop
        Which.

    Returns
    -------
    ndarray of shape (2, `SIDE_PX`, `SIDE_PX`, 3), uint8
        RGB.
    """
    view = overview(as_image(read_pixels(crop.overview_path)), SIDE_PX)
    return np.stack([view, view[:, ::-1]])


def altered_views(crop: Crop) -> PixelArray:
    """Show a whole picture cut, tinted, saved again, reduced and mirrored by chance.

    Parameters
    ----------
    crop : Crop
        Which.

    Returns
    -------
    ndarray of shape (`ALTERED_COUNT`, `SIDE_PX`, `SIDE_PX`, 3), uint8
        RGB.
    """
    pixels = read_pixels(crop.overview_path)
    draw = generator("views", crop.path.name)
    return np.stack([_alter_view(pixels, draw) for _ in range(ALTERED_COUNT)])


def _alter_view(pixels: PixelArray, draw: Generator) -> PixelArray:
    height, width = pixels.shape[:2]
    share = draw.uniform(0.7, 1)
    tall = int(height * share)
    wide = int(width * draw.uniform(max(0.7, share - 0.1), min(1, share + 0.1)))
    top, left = draw.integers(0, height - tall + 1), draw.integers(0, width - wide + 1)
    view = _tint(pixels[top : top + tall, left : left + wide], draw)
    if draw.random() < 0.5:
        view = _save(view, draw, 50, 95)
    if draw.random() < 0.3:
        view = resize(view, draw.uniform(0.5, 1), cv2.INTER_AREA)
    view = overview(as_image(view), SIDE_PX)
    return view[:, ::-1] if draw.random() < 0.5 else view


def as_image(pixels: PixelArray) -> Image:
    """Make pixels a picture.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.

    Returns
    -------
    Image
        At full size.
    """
    return Image(np.ascontiguousarray(pixels), (pixels.shape[1], pixels.shape[0]))


def decode(encoded: bytes) -> PixelArray:
    """Read a picture from memory.

    Parameters
    ----------
    encoded : bytes
        A JPEG.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None, "no picture"
    return pixels.astype(np.uint8, copy=False)


def _save(pixels: PixelArray, draw: Generator, low: int, high: int) -> PixelArray:
    return decode(recompress(pixels, Recompression(int(draw.integers(low, high + 1)), None)))


def resize(pixels: PixelArray, factor: float, method: int) -> PixelArray:
    """Make a picture smaller or larger.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    factor : float
        By what both sides are multiplied, above 0.
    method : int
        One of OpenCV's.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB, one px each way at least.
    """
    height, width = pixels.shape[:2]
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(pixels, size_wh, interpolation=method).astype(np.uint8, copy=False)


def _tint(pixels: PixelArray, draw: Generator) -> PixelArray:
    if draw.random() >= 0.5:
        return pixels
    gains = draw.uniform(0.8, 1.25, 3) * draw.uniform(0.8, 1.2)
    tinted: PixelArray = np.clip(pixels * gains, 0, 255).astype(np.uint8)
    return tinted
