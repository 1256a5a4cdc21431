"""The network that tells the main subject from its surroundings.

Owns: what the network wants to see and what its mask means. Has no opinion on: boxes, how many
subjects there are, and which engine runs it.
"""

from __future__ import annotations

import numpy as np

from huiyan.imaging.mask import squash
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.runtime.session import Session

OUTPUT_NAME = "mask"
"""The card's output that is asked for."""

SIDE_STEP_PX = 32
"""The network halves its input five times; a side that is no multiple loses its edge."""

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class SaliencyModel:
    """U²-Net-P: how much each part of a picture belongs to its main subject.

    One instance serves all threads.

    Parameters
    ----------
    session : Session
        Takes float32 of shape (1, 3, side, side) and answers with the mask, float32 of shape
        (1, 1, side, side) in [0, 1].
    side_px : int
        That side, a multiple of 32: 320 is what the network was trained with, less is coarser and
        cheaper.

    Raises
    ------
    ValueError
        The side is no positive multiple of 32.
    """

    def __init__(self, session: Session, side_px: int) -> None:
        if side_px < SIDE_STEP_PX or side_px % SIDE_STEP_PX:
            raise ValueError(f"side_px must be a multiple of {SIDE_STEP_PX}, not {side_px}")
        self._session = session
        self._side_px = side_px

    @property
    def side_px(self) -> int:
        """The mask's side; a picture decoded at a smaller short side would be enlarged again.

        Returns
        -------
        int
            The one given at construction, in px.
        """
        return self._side_px

    def mask(self, image: Image) -> FloatArray:
        """Find the main subject.

        Parameters
        ----------
        image : Image
            The picture, upright, of any size; its short side should be at least `side_px`.

        Returns
        -------
        ndarray of shape (side_px, side_px), float32
            How much each place belongs to the main subject, 0 to 1, over the whole picture
            squashed to a square. It is the network's own answer and never stretched to fill that
            range: a picture without a subject is low all over.

        Raises
        ------
        InferenceError
            The network failed, or answered with something else than numbers of that shape.

        Notes
        -----
        Preparation is that of the published model (U²-Net, doi:10.1016/j.patcog.2020.107404):
        division by the picture's largest value, then ImageNet's mean and deviation.
        """
        (mask,) = self._session.run((_prepare(squash(image.pixels, self._side_px)),))
        if mask.shape != (1, 1, self._side_px, self._side_px) or not np.isfinite(mask).all():
            raise InferenceError("the saliency network answered with no usable mask")
        plane: FloatArray = np.clip(mask[0, 0], np.float32(0), np.float32(1))
        return plane


def _prepare(pixels: PixelArray) -> FloatArray:
    """Scale by the largest value and normalise; shape (H, W, 3) becomes (1, 3, H, W)."""
    most = max(1, int(pixels.max()))
    # One product and one sum for each value; the constants carry all divisions.
    scale = (1 / (most * _DEVIATION)).astype(np.float32)
    planes = pixels.transpose(2, 0, 1) * scale[:, None, None]
    planes -= (_MEAN / _DEVIATION)[:, None, None]
    return np.ascontiguousarray(planes, dtype=np.float32)[np.newaxis]
