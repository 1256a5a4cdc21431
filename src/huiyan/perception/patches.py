"""The parts of a picture that are looked at in its own pixels, and the whole of it reduced.

Owns: where squares at native resolution lie, and the reduced view beside them. Has no opinion on:
what they tell, and how many are wanted.
"""

from __future__ import annotations

import math

import numpy as np

from huiyan.imaging.native import cut_square, squash_view
from huiyan.imaging.picture import Image
from huiyan.kernel.units import PixelArray

GRID_PX = 16
"""Squares start on multiples of it, where a JPEG's blocks start too."""

_REACH = 0.15
_POINTS_XY = ((0, 0), (-1, -1), (1, 1), (1, -1), (-1, 1))
"""The middle, then around it; in shares of `_REACH` of the region's sides.

Measured on whole photographs by people left out (``docs/decisions/0014-recapture.md``): squares
about the middle tell more than the most textured ones, than those spread over all of the picture,
and than a single one. There lies what was photographed, and in focus.
"""

_SAMPLED_PIXELS = 65_536
_BLANK_LEVELS = 8
"""What a JPEG makes of one colour; a camera's grain alone spreads further."""

MAX_PLACES = len(_POINTS_XY)

Place = tuple[int, int]


def is_blank(image: Image) -> bool:
    """Tell whether there is nothing to be seen, not even grain.

    Parameters
    ----------
    image : Image
        The picture.

    Returns
    -------
    bool
        Whether px spread over all of it differ by no more than one colour's do in a JPEG. No
        camera gives that, so nothing tells what stood before it.
    """
    height, width = image.pixels.shape[:2]
    step = math.ceil(math.sqrt(height * width / _SAMPLED_PIXELS))
    sample = image.pixels[::step, ::step].reshape(-1, 3)
    return bool(np.all(np.ptp(sample, axis=0) <= _BLANK_LEVELS))


def choose_places(
    image: Image,
    side_px: int,
    count: int,
    region_xyxy: tuple[float, float, float, float] | None = None,
) -> tuple[Place, ...]:
    """Choose squares about the middle.

    Parameters
    ----------
    image : Image
        The picture; only the size of `pixels` counts.
    side_px : int
        Side of a square in px of `pixels`, at least 1.
    count : int
        How many are wanted, 1 to `MAX_PLACES`.
    region_xyxy : tuple of float, optional
        About whose middle, in px of `pixels`: left, top, right, bottom; the whole picture's by
        default.

    Returns
    -------
    tuple of tuple of int
        Left and top of each square, the middle one first, never the same one twice: 1 to `count`,
        less in a small region. They lie inside the picture, except along a side that is shorter
        than `side_px`: there they start at 0.
    """
    height, width = image.pixels.shape[:2]
    left, top, right, bottom = _clip_region(region_xyxy, (width, height))
    places = [
        (
            _start((left + right) / 2 + x * _REACH * (right - left), side_px, width),
            _start((top + bottom) / 2 + y * _REACH * (bottom - top), side_px, height),
        )
        for x, y in _POINTS_XY[:count]
    ]
    return tuple(dict.fromkeys(places))


def cut_patches(image: Image, places: tuple[Place, ...], side_px: int) -> PixelArray:
    """Cut squares out at native resolution.

    Parameters
    ----------
    image : Image
        The picture.
    places : tuple of tuple of int
        Left and top of each in px of `pixels`, as `choose_places` gives them.
    side_px : int
        Their side in px, at least 1.

    Returns
    -------
    ndarray of shape (N, side_px, side_px, 3), uint8
        RGB, C-contiguous; what reaches over the right or bottom edge is mirrored. N may be 0.
    """
    patches: PixelArray = np.empty((len(places), side_px, side_px, 3), np.uint8)
    for patch, place in zip(patches, places, strict=True):
        patch[...] = cut_square(image.pixels, place, side_px)
    return patches


def overview(image: Image, side_px: int) -> PixelArray:
    """Reduce the whole picture into a square.

    Parameters
    ----------
    image : Image
        The picture.
    side_px : int
        Side of the square in px, at least 1.

    Returns
    -------
    ndarray of shape (side_px, side_px, 3), uint8
        RGB; squashed, so that every pixel of the square is the picture's.
    """
    return squash_view(image.pixels, side_px)


def _clip_region(
    region_xyxy: tuple[float, float, float, float] | None, size_wh: tuple[int, int]
) -> tuple[float, float, float, float]:
    width, height = size_wh
    if region_xyxy is None:
        return (0.0, 0.0, float(width), float(height))
    left, top, right, bottom = region_xyxy
    left, right = sorted((min(max(left, 0.0), width), min(max(right, 0.0), width)))
    top, bottom = sorted((min(max(top, 0.0), height), min(max(bottom, 0.0), height)))
    return (left, top, right, bottom)


def _start(middle_px: float, side_px: int, length_px: int) -> int:
    """Find the multiple of the grid next to where a square begins, inside the picture."""
    last = max(0, length_px - side_px)
    start = round((middle_px - side_px / 2) / GRID_PX) * GRID_PX
    return min(max(start, 0), last // GRID_PX * GRID_PX)
