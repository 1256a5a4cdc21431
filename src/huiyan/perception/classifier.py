"""The network that tells 1,000 classes apart.

Owns: what the network wants to see and the meaning of its output's order. Has no opinion on: names
of classes, calibration, and which engine runs it.
"""

from __future__ import annotations

import numpy as np

from huiyan.imaging.geometry import centre_crop_resize
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import FloatArray
from huiyan.runtime.session import Session

OUTPUT_LAYER = "imagenet1k"
"""The name by which a vocabulary speaks of the outputs."""

OUTPUT_COUNT = 1000
INPUT_SIDE_PX = 280
CROP_FRACTION = 280 / 312
MIN_SHORT_SIDE_PX = 312
"""A picture decoded at a smaller short side would be enlarged again before the network."""


class Classifier:
    """EfficientNet-Lite3 over the ImageNet-1k classes.

    One instance serves all threads.

    Parameters
    ----------
    session : Session
        Takes uint8 of shape (1, 280, 280, 3), RGB, and answers with the logits first: float32 of
        shape (1, 1000), before any softmax.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def logits(self, image: Image) -> FloatArray:
        """Look at the middle of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright; its short side should be at least `MIN_SHORT_SIDE_PX`.

        Returns
        -------
        ndarray of shape (1000,), float32
            Logits in ImageNet-1k's order (synset ids rising), all finite.

        Raises
        ------
        InferenceError
            The network failed, or answered with something else than 1,000 finite numbers.

        Notes
        -----
        Crop and size are those that the published model was evaluated with: the middle 280/312
        of the short side at 280 x 280 px (EfficientNet-Lite, Apache-2.0).
        """
        pixels = centre_crop_resize(image.pixels, CROP_FRACTION, INPUT_SIDE_PX)
        logits: FloatArray = self._session.run((pixels[np.newaxis],))[0]
        if logits.shape != (1, OUTPUT_COUNT) or not np.isfinite(logits).all():
            raise InferenceError("the classifier answered with no usable logits")
        first: FloatArray = logits[0]
        return first
