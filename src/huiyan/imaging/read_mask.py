"""Masks that people drew, read from files.

Owns: turning such a file into a claim about places. Has no opinion on: which picture it belongs to.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.errors import DamagedPictureError

_MIDDLE = 127


def decode_mask(data: bytes) -> NDArray[np.bool_]:
    """Decode a mask.

    Parameters
    ----------
    data : bytes
        A picture file; light places belong to the subject.

    Returns
    -------
    ndarray of shape (H, W), bool
        True for the subject.

    Raises
    ------
    DamagedPictureError
        It cannot be decoded.
    """
    encoded = np.frombuffer(data, np.uint8)
    plane = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) if len(encoded) else None
    if plane is None:
        raise DamagedPictureError("the mask cannot be decoded")
    claim: NDArray[np.bool_] = plane > _MIDDLE
    return claim
