"""The network that tells 1,000 classes apart.

Owns: what the network wants to see and the meaning of its output's order. Has no opinion on: names
of classes, calibration, and which engine runs it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from huiyan.imaging.geometry import centre_crop_resize
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import FloatArray
from huiyan.runtime.session import Session

OUTPUT_LAYER = "imagenet1k"
"""The name by which a vocabulary speaks of the outputs."""

OUTPUT_COUNT = 1000
EMBEDDING_SIZE = 1280
INPUT_SIDE_PX = 280
CROP_FRACTION = 280 / 312
MIN_SHORT_SIDE_PX = 312
"""A picture decoded at a smaller short side would be enlarged again before the network."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the network makes of a picture.

    Parameters
    ----------
    logits : ndarray of shape (1000,), float32
        In ImageNet-1k's order (synset ids rising), before any softmax, all finite.
    embedding : ndarray of shape (1280,), float32
        The pooled features before the last layer, not normalised, all finite.
    """

    logits: FloatArray
    embedding: FloatArray


class Classifier:
    """EfficientNet-Lite3 over the ImageNet-1k classes.

    One instance serves all threads.

    Parameters
    ----------
    session : Session
        Takes uint8 of shape (1, 280, 280, 3), RGB, and answers with logits, float32 of shape
        (1, 1000) before any softmax, and the embedding, float32 of shape (1, 1280).
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def look(self, image: Image) -> Features:
        """Look at the middle of a picture.

        Parameters
        ----------
        image : Image
            The picture, upright; its short side should be at least `MIN_SHORT_SIDE_PX`.

        Returns
        -------
        Features
            What the network answered.

        Raises
        ------
        InferenceError
            The network failed, or answered with something else than finite numbers of that shape.

        Notes
        -----
        Crop and size are those that the published model was evaluated with: the middle 280/312
        of the short side at 280 x 280 px (EfficientNet-Lite, Apache-2.0).
        """
        pixels = centre_crop_resize(image.pixels, CROP_FRACTION, INPUT_SIDE_PX)
        logits, embedding = self._session.run((pixels[np.newaxis],))
        if logits.shape != (1, OUTPUT_COUNT) or not np.isfinite(logits).all():
            raise InferenceError("the classifier answered with no usable logits")
        if embedding.shape != (1, EMBEDDING_SIZE) or not np.isfinite(embedding).all():
            raise InferenceError("the classifier answered with no usable embedding")
        return Features(logits[0], embedding[0])
