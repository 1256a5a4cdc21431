"""A face with some surroundings as a small JPEG, for those who keep pictures of people.

Owns: how much is cut out, its size and its quality. Has no opinion on: whose face it is, and
whether it may be kept.
"""

from __future__ import annotations

import cv2
import numpy as np

from huiyan.imaging.draw import encode_jpeg
from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray

MAX_SIDE_PX = 512
"""Four times what the face network sees: a better network of tomorrow finds enough."""

_MARGIN_SHARE = 0.6
"""Of the face's longer side, on each of the four sides: all that any usual alignment shows."""

_QUALITY = 92


def cut_face_picture(image: Image, xyxy: FloatArray) -> bytes:
    """Cut a face with its surroundings out.

    Parameters
    ----------
    image : Image
        The picture, upright.
    xyxy : ndarray of shape (4,), float32
        (left, top, right, bottom) of the face, in px of the full picture.

    Returns
    -------
    bytes
        A JPEG without any metadata, upright, at most `MAX_SIDE_PX` wide and high, and never larger
        than in the picture; it ends where the picture ends.
    """
    height, width = image.pixels.shape[:2]
    to_pixels = np.array([width, height] * 2) / np.array(image.size_wh * 2)
    box = np.nan_to_num(xyxy.astype(np.float64), posinf=1e6, neginf=-1e6) * to_pixels
    margin_px = _MARGIN_SHARE * max(box[2] - box[0], box[3] - box[1], 1.0)
    left, top = (int(np.clip(box[at] - margin_px, 0, (width, height)[at] - 1)) for at in (0, 1))
    right = int(np.clip(np.ceil(box[2] + margin_px), left + 1, width))
    bottom = int(np.clip(np.ceil(box[3] + margin_px), top + 1, height))
    crop = image.pixels[top:bottom, left:right]
    scale = min(1.0, MAX_SIDE_PX / max(crop.shape[:2]))
    size_wh = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    if scale < 1:
        crop = cv2.resize(crop, size_wh, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # OpenCV's stubs know no dtypes
    return encode_jpeg(crop, _QUALITY)
