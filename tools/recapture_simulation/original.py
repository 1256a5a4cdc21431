"""An original: the same camera, and no medium in between.

Owns: that nothing is added. Has no opinion on: what the camera does.
"""

from __future__ import annotations

from numpy.random import Generator

from huiyan.kernel.units import PixelArray
from recapture_simulation.camera import develop, draw_camera, linearise, see_plainly


def original(rgb: PixelArray, rng: Generator) -> PixelArray:
    """Photograph the scene itself.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        RGB.
    rng : Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB; no larger than the source.
    """
    camera = draw_camera((rgb.shape[1], rgb.shape[0]), rng)
    return develop(see_plainly(linearise(rgb), camera), camera, rng)
