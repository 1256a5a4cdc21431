"""How good the picture of a face is.

Owns: what makes a face hard to recognise by its picture alone. Has no opinion on: what is good
enough, and whose face it is.
"""

from __future__ import annotations

import numpy as np

from huiyan.kernel.units import FloatArray

_NOSE_LENGTH = 0.55
"""How far the tip of the nose stands out, in distances from eyes to mouth."""

_NOSE_HEIGHT = 0.065
"""How far below the middle between eyes and mouth it is when seen from the front, in such
distances; the median of 1,890 portraits."""

_PITCH_SPAN = 0.25
"""How far it moves up or down when a head tilts back or forward by a quarter turn."""


def measure_frontality(points: FloatArray) -> FloatArray:
    """Tell how straight faces look into the camera.

    Parameters
    ----------
    points : ndarray of shape (N, 5, 2), float32
        (x, y) in px of the right eye, left eye, tip of the nose, right and left corner of the
        mouth.

    Returns
    -------
    ndarray of shape (N,), float32
        0 to 1: 1 for a face that looks straight into the camera however it leans to the side, 0.5
        for one turned by about 45 degrees, 0 for a profile and for points that make no face.
    """
    right_eye, left_eye, nose, right_mouth, left_mouth = np.moveaxis(
        points.astype(np.float64), 1, 0
    )
    with np.errstate(all="ignore"):
        eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
        across = (left_eye - right_eye + left_mouth - right_mouth) / 2
        offset = nose - (eyes + mouth) / 2
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        down = np.stack([-across[:, 1], across[:, 0]], axis=1)
        height = ((mouth - eyes) * down).sum(axis=1)
        yaw = (offset * across).sum(axis=1) / height / _NOSE_LENGTH
        pitch = ((offset * down).sum(axis=1) / height - _NOSE_HEIGHT) / _PITCH_SPAN
        angles = np.hypot(np.arcsin(np.clip(yaw, -1, 1)), np.arcsin(np.clip(pitch, -1, 1)))
        frontality = 1 - angles / (np.pi / 2)
    is_face = np.isfinite(frontality) & (height > 0)
    return np.clip(np.where(is_face, frontality, 0), 0, 1).astype(np.float32)
