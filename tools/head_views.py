"""Altered views of the pictures that the heads are fitted on.

Owns: which alterations there are and how strong they are; each is drawn from a hash of the
picture's name, so nothing is random. Has no opinion on: what the heads make of them.

Scenes come from two sources of different resolution, so every view of them is brought to a
resolution drawn from one range. Materials all lie on a plain background, so they are cut out and
laid on other pictures, and other things are laid on their background.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from huiyan.kernel.units import PixelArray

MASK_LEVEL = 115
LEAST_MASK_SHARE, MOST_MASK_SHARE = 0.12, 0.75
"""A mask outside covers only a label on the thing, or the background too."""


def generator(*parts: object) -> Generator:
    """Give the same numbers for the same names on every machine.

    Parameters
    ----------
    *parts : object
        What the numbers are for.

    Returns
    -------
    Generator
        Seeded by a hash of the parts.
    """
    text = "|".join(str(part) for part in parts)
    return default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def read_pixels(path: Path) -> PixelArray:
    """Read a picture.

    Parameters
    ----------
    path : Path
        A JPEG file.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert pixels is not None, f"{path}: no picture"
    return np.ascontiguousarray(pixels[..., ::-1]).astype(np.uint8, copy=False)


def recompress(pixels: PixelArray, quality: int) -> PixelArray:
    """Save as JPEG and read again.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    quality : int
        1 to 100.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert again is not None
    return np.ascontiguousarray(again[..., ::-1]).astype(np.uint8)


def reduce_to(pixels: PixelArray, short_side_px: int) -> PixelArray:
    """Bring the short side to a size; a smaller picture stays as it is.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    short_side_px : int
        Size wanted, in px.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB.
    """
    height, width = pixels.shape[:2]
    factor = short_side_px / min(height, width)
    if factor >= 1:
        return pixels
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _degrade(pixels: PixelArray, draw: Generator, least_px: int, most_px: int) -> PixelArray:
    side_px = int(np.exp(draw.uniform(np.log(least_px), np.log(most_px))))
    return recompress(reduce_to(pixels, side_px), int(draw.integers(40, 96)))


def _tint(pixels: PixelArray, draw: Generator) -> PixelArray:
    shares = pixels.astype(np.float32) / 255
    grey = shares.mean(axis=2, keepdims=True)
    shares = grey + (shares - grey) * draw.uniform(0.6, 1.4)
    shares = shares * draw.uniform(0.75, 1.25) * draw.uniform(0.93, 1.07, 3)
    mean = shares.mean()
    shares = mean + (shares - mean) * draw.uniform(0.8, 1.2)
    tinted: PixelArray = (np.clip(shares, 0, 1) * 255).astype(np.uint8)
    return tinted


def _crop(pixels: PixelArray, draw: Generator, least_share: float) -> PixelArray:
    height, width = pixels.shape[:2]
    share, stretch = draw.uniform(least_share, 1), np.exp(draw.uniform(-0.2, 0.2))
    tall = min(height, max(8, int(height * share * stretch)))
    wide = min(width, max(8, int(width * share / stretch)))
    top, left = draw.integers(0, height - tall + 1), draw.integers(0, width - wide + 1)
    return pixels[top : top + tall, left : left + wide]


def view_scene(pixels: PixelArray, name: str, number: int) -> PixelArray:
    """Alter crop, side, colours and resolution.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    name : str
        The file's name.
    number : int
        Which view of it.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB, short side 90 to 320 px.
    """
    draw = generator("scene", name, number)
    view = _crop(pixels, draw, 0.65)
    view = view[:, ::-1] if draw.random() < 0.5 else view
    view = _tint(view, draw) if draw.random() < 0.6 else view
    return _degrade(view, draw, 90, 320)


def is_cut_out_usable(mask: PixelArray) -> bool:
    """Tell whether a mask can be the outline of the one thing in a picture.

    Parameters
    ----------
    mask : ndarray of shape (H, W), uint8
        0 to 255.

    Returns
    -------
    bool
        True if it covers neither too little nor too much.
    """
    return LEAST_MASK_SHARE < float((mask > MASK_LEVEL).mean()) < MOST_MASK_SHARE


def view_material(pixels: PixelArray, name: str, number: int) -> PixelArray:
    """Alter crop, side, colours and resolution of a thing on its own background.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    name : str
        The file's name.
    number : int
        Which view of it.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB, short side 120 to 400 px.
    """
    draw = generator("material", name, number)
    view = _crop(pixels, draw, 0.7)
    view = view[:, ::-1] if draw.random() < 0.5 else view
    view = _tint(view, draw) if draw.random() < 0.6 else view
    return _degrade(view, draw, 120, 400)


def view_elsewhere(
    pixels: PixelArray, mask: PixelArray, name: str, number: int, backgrounds: list[Path]
) -> PixelArray:
    """Lay a thing on another picture.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    mask : ndarray of shape (H, W), uint8
        Where the thing is, 0 to 255.
    name : str
        The file's name.
    number : int
        Which view of it.
    backgrounds : list of Path
        Pictures to choose from; at least one.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB, short side 120 to 400 px.
    """
    draw = generator("elsewhere", name, number)
    height, width = pixels.shape[:2]
    ground = _crop(read_pixels(backgrounds[draw.integers(len(backgrounds))]), draw, 0.5)
    ground = cv2.resize(ground, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    if draw.random() < 0.7:
        blur_px = float(np.exp(draw.uniform(0, np.log(14))))
        ground = cv2.GaussianBlur(ground, (0, 0), blur_px).astype(np.uint8)
    ground = _tint(ground, draw)
    size = draw.uniform(0.75, 1.15)
    across = (1 - size) * width / 2 + draw.uniform(-0.08, 0.08) * width
    down = (1 - size) * height / 2 + draw.uniform(-0.08, 0.08) * height
    moved = np.array([[size, 0, across], [0, size, down]], np.float32)
    soft = cv2.GaussianBlur((mask > MASK_LEVEL).astype(np.float32), (0, 0), 1.2)
    share = cv2.warpAffine(soft, moved, (width, height))[..., np.newaxis]
    thing = cv2.warpAffine(pixels, moved, (width, height))
    view = (thing * share + ground * (1 - share)).astype(np.uint8)
    view = view[:, ::-1] if draw.random() < 0.5 else view
    view = _tint(view, draw) if draw.random() < 0.6 else view
    return _degrade(view, draw, 120, 400)


def view_stranger(
    pixels: PixelArray, mask: PixelArray, ground: PixelArray, ground_mask: PixelArray, name: str
) -> PixelArray | None:
    """Lay another thing on the background of a material's picture.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; a thing of none of the materials.
    mask : ndarray of shape (H, W), uint8
        Where it is, 0 to 255.
    ground : ndarray of shape (H2, W2, 3), uint8
        RGB; a material's picture.
    ground_mask : ndarray of shape (H2, W2), uint8
        Where the material is, 0 to 255.
    name : str
        The file's name of the thing.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8 or None
        RGB, short side 120 to 400 px; None where there is too little thing or background.
    """
    draw = generator("stranger", name)
    is_ground = cv2.dilate((ground_mask > 40).astype(np.uint8), np.ones((15, 15))) == 0
    rows, columns = np.nonzero(mask > 128)
    if is_ground.mean() < 0.1 or rows.size < 200:
        return None
    plain = np.where(is_ground[..., np.newaxis], ground, np.median(ground[is_ground], axis=0))
    view = cv2.GaussianBlur(plain.astype(np.uint8), (0, 0), 2).astype(np.float32)
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    thing, soft = pixels[box], cv2.GaussianBlur((mask[box] > 128).astype(np.float32), (0, 0), 1)
    height, width = view.shape[:2]
    size = draw.uniform(0.5, 0.85) * min(height / thing.shape[0], width / thing.shape[1])
    size_wh = (max(1, int(thing.shape[1] * size)), max(1, int(thing.shape[0] * size)))
    thing = cv2.resize(thing, size_wh, interpolation=cv2.INTER_AREA).astype(np.uint8)
    share = cv2.resize(soft, size_wh, interpolation=cv2.INTER_AREA)[..., np.newaxis]
    top = int(draw.integers(0, height - size_wh[1] + 1))
    left = int(draw.integers(0, width - size_wh[0] + 1))
    place = slice(top, top + size_wh[1]), slice(left, left + size_wh[0])
    view[place] = thing * share + view[place] * (1 - share)
    return _degrade(view.astype(np.uint8), draw, 120, 400)
