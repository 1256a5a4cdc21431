"""EXIF orientation: read it, and turn pixels upright.

Owns: the one EXIF tag that changes what is seen. Has no opinion on: the other tags, and where a
format keeps its EXIF block.
"""

from __future__ import annotations

import struct

import cv2

from huiyan.kernel.units import PixelArray

_ORIENTATION_TAG = 0x0112
_MAX_ENTRIES = 1024


def read_orientation(tiff: bytes | memoryview) -> int:
    """Read the orientation out of an EXIF block.

    Parameters
    ----------
    tiff : bytes or memoryview
        The block from its byte-order mark on; an ``Exif`` prefix is skipped.

    Returns
    -------
    int
        1 to 8; 1 where the block is damaged or silent, since a wrong turn is worse than none.
    """
    view = memoryview(tiff)
    if bytes(view[:6]) == b"Exif\x00\x00":
        view = view[6:]
    order = {b"II": "<", b"MM": ">"}.get(bytes(view[:2]))
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", view, 4)
        (count,) = struct.unpack_from(f"{order}H", view, start)
        for entry in range(min(count, _MAX_ENTRIES)):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", view, start + 2 + 12 * entry)
            if tag == _ORIENTATION_TAG:
                return int(value) if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def turn_upright(pixels: PixelArray, orientation: int) -> PixelArray:
    """Turn stored pixels upright.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        The pixels as stored.
    orientation : int
        The EXIF orientation, 1 to 8.

    Returns
    -------
    ndarray of shape (H, W, 3) or (W, H, 3), uint8
        The same array for orientation 1, else a new one.
    """
    if orientation == 1:
        return pixels
    turned: object
    if orientation == 2:
        turned = cv2.flip(pixels, 1)
    elif orientation == 3:
        turned = cv2.rotate(pixels, cv2.ROTATE_180)
    elif orientation == 4:
        turned = cv2.flip(pixels, 0)
    elif orientation == 5:
        turned = cv2.transpose(pixels)
    elif orientation == 6:
        turned = cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE)
    elif orientation == 7:
        turned = cv2.flip(cv2.transpose(pixels), -1, dst=None)
    else:
        turned = cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return turned  # type: ignore[return-value]  # OpenCV's stubs know no dtypes
