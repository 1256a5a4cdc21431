"""Pictures of pictures, made from originals: what recapture detection learns beside real ones.

Owns: the choice of a medium by its name. Has no opinion on: how often each is shown, and what is
learnt from it. ``docs/decisions/0014-recapture.md`` tells what is modelled and what is not.
"""

from __future__ import annotations

from numpy.random import Generator

from huiyan.kernel.units import PixelArray
from recapture_simulation import original, printed, screen
from recapture_simulation.compression import recompress
from recapture_simulation.pages import draw_page, light_surface

__all__ = ["MEDIA", "recompress", "simulate"]

MEDIA = {"original": original.original, "screen": screen.screen, "print": printed.printed}
"""What can stand before the camera, by the names of the classes."""

PAGE_SHARES = {"original": 0.12, "screen": 0.25, "print": 0.12}
"""How often a page of text stands in for a picture; as an original it is a thing itself."""

DARK_PAGE_SHARES = {"original": 0.15, "screen": 0.5, "print": 0.15}
"""How many pages are light on dark."""


def simulate(rgb: PixelArray, medium: str, rng: Generator) -> PixelArray:
    """Photograph a picture, or what it shows, with a phone.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        RGB of an original; 32 px a side or more.
    medium : str
        A key of `MEDIA`.
    rng : Generator
        Where chance comes from; the same state gives the same picture.

    Returns
    -------
    ndarray of shape (H', W', 3), uint8
        RGB after the camera's own JPEG; 0.7 to 1 times the source's size.
    """
    take = MEDIA[medium]
    if rng.random() < PAGE_SHARES[medium]:
        rgb = draw_page(rgb, rng, DARK_PAGE_SHARES[medium])
        if medium == "original":
            rgb = light_surface(rgb, rng)
    return take(rgb, rng)
