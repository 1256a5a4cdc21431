"""The network that turns a face into numbers that tell it from other faces.

Owns: what the network wants to see, and the length of what it answers. Has no opinion on: where the
face is from, how alike two faces must be to be one person's, and which engine runs the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from huiyan.imaging.align import CHIP_SIDE_PX, rgb_planes
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.runtime.fan_out import FanOut
from huiyan.runtime.session import Session

OUTPUT_NAMES = ("embedding",)
"""The card's outputs in the order that `FaceEmbedder` reads them."""

DIMENSIONS = 128
_MIN_LENGTH = 1e-6


class FaceEmbedder:
    """SFace, looking at each face and at its mirror image.

    The mean of both finds more people than either; figures are in
    ``docs/decisions/0013-celebrity.md``.

    One instance serves all threads.

    Parameters
    ----------
    session : Session
        Takes float32 of shape (1, 3, 112, 112), RGB 0 to 255, and answers `OUTPUT_NAMES`: float32
        of shape (1, 128).
    model_id : str
        Which network it is; embeddings of different ones are not comparable.
    fan_out : FanOut, optional
        Looks at faces and their mirror images side by side where cores are idle; without it, one
        after another.

    Notes
    -----
    The network is described in doi:10.1109/TIP.2020.3048632.
    """

    def __init__(self, session: Session, model_id: str, fan_out: FanOut | None = None) -> None:
        self._session = session
        self._fan_out = fan_out
        self.model_id = model_id

    def embed(self, chips: Sequence[PixelArray]) -> FloatArray:
        """Turn faces into embeddings.

        Parameters
        ----------
        chips : sequence of ndarray of shape (112, 112, 3), uint8
            N faces, RGB, as `huiyan.imaging.align.cut_chip` gives them; N may be 0.

        Returns
        -------
        ndarray of shape (N, 128), float32
            Unit length; the cosine of two is their product.

        Raises
        ------
        InferenceError
            The network failed, or answered with something else than numbers of the right shape.
        """
        views = [view for chip in chips for view in (chip, chip[:, ::-1])]
        jobs = [partial(self._look, view) for view in views]
        rows = [job() for job in jobs] if self._fan_out is None else self._fan_out.run(jobs)
        sums = np.array(rows, np.float64).reshape(-1, 2, DIMENSIONS).sum(axis=1)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        if (lengths < _MIN_LENGTH).any():
            raise InferenceError("the face embedder contradicts itself on a mirrored face")
        units: FloatArray = (sums / lengths).astype(np.float32)
        return units

    def _look(self, view: PixelArray) -> NDArray[np.float64]:
        if view.shape != (CHIP_SIDE_PX, CHIP_SIDE_PX, 3):
            raise InferenceError(f"a face of shape {view.shape} fits no face network")
        (output,) = self._session.run((rgb_planes(view),))
        if output.shape != (1, DIMENSIONS):
            raise InferenceError("the face embedder answered with an unexpected shape")
        row: NDArray[np.float64] = output[0].astype(np.float64)
        length = np.linalg.norm(row)
        # Written so that what is no number fails.
        if not _MIN_LENGTH <= length < np.inf:
            raise InferenceError("the face embedder answered with something else than a direction")
        row /= length
        return row
