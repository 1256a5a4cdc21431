"""Simulated screens, prints and originals as the networks are shown them.

Owns: how many there are of each and how they are cut; each is drawn from a hash of a name, so
nothing is random. Has no opinion on: how media are simulated (`recapture_simulation`), and what is
fitted on them.
"""

from __future__ import annotations

import numpy as np
from head_views import generator, read_pixels
from recapture_simulation import recompress, simulate
from recapture_simulation.barcodes import photograph_barcode
from recapture_views import ORIGINAL, Crop, as_image, random_square

from huiyan.imaging.native import cut_square
from huiyan.kernel.units import PixelArray
from huiyan.perception.patches import overview
from huiyan.perception.recapture_networks import SIDE_PX

SIMULATED_MEDIA = ("original", "screen", "print")
SQUARES_A_MEDIUM = 2
PASSED_ON_SHARE = 0.6
SOURCE_SIDE_PX = 320
CODE_COUNT = 200
CODE_SIDE_PX = 560


def originals(crops: tuple[Crop, ...]) -> tuple[Crop, ...]:
    """Take the crops that can be photographed anew.

    Parameters
    ----------
    crops : tuple of Crop
        All.

    Returns
    -------
    tuple of Crop
        The originals among them.
    """
    return tuple(crop for crop in crops if crop.label == ORIGINAL)


def simulated_squares(crop: Crop) -> PixelArray:
    """Photograph a crop of an original anew, and from a screen and a print of it.

    Parameters
    ----------
    crop : Crop
        An original.

    Returns
    -------
    ndarray of shape (6, side, side, 3), uint8
        RGB: `SQUARES_A_MEDIUM` of each of `SIMULATED_MEDIA`, in their order.
    """
    draw = generator("simulated", crop.path.name)
    source = cut_square(read_pixels(crop.path), (0, 0), SOURCE_SIDE_PX)
    squares = []
    for medium in SIMULATED_MEDIA:
        taken = simulate(np.ascontiguousarray(source), medium, draw)
        if draw.random() < PASSED_ON_SHARE:
            taken = recompress(taken, draw)
        squares += [random_square(taken, draw) for _ in range(SQUARES_A_MEDIUM)]
    return np.stack(squares)


def code_views(number: int) -> PixelArray:
    """Photograph a barcode on its product, on a display, and printed a second time.

    Parameters
    ----------
    number : int
        Which code, from 0 to `CODE_COUNT`.

    Returns
    -------
    ndarray of shape (3, `SIDE_PX`, `SIDE_PX`, 3), uint8
        RGB: one of each of `SIMULATED_MEDIA`, in their order.
    """
    views = []
    for medium in SIMULATED_MEDIA:
        draw = generator("code", medium, number)
        taken = photograph_barcode(medium, CODE_SIDE_PX, draw)
        if draw.random() < PASSED_ON_SHARE:
            taken = recompress(taken, draw)
        views.append(overview(as_image(taken), SIDE_PX))
    return np.stack(views)
