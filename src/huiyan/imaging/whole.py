"""Pictures that OpenCV can only decode as a whole: WebP, and run-length coded BMP.

Owns: what such a decode costs, and halving it. Has no opinion on: formats.

OpenCV holds a whole picture twice while it hands it over, but not when it is asked to halve it:
then it holds it once and a quarter. So large pictures that are to be reduced anyway are halved
first. Each pixel of the half is the mean of four, so nothing is skipped.
"""

from __future__ import annotations

import cv2
import numpy as np

from huiyan.imaging.bands import reduce_area
from huiyan.imaging.picture import Header
from huiyan.kernel.errors import DamagedPictureError
from huiyan.kernel.units import PixelArray

_HALVED_FROM_PIXELS = 4_000_000


def is_halved(header: Header, factor: int) -> bool:
    """Tell whether the decoder is asked to halve.

    Parameters
    ----------
    header : Header
        The picture's.
    factor : int
        The reduction.

    Returns
    -------
    bool
        True for large pictures without transparency that are reduced.
    """
    return factor > 1 and not header.has_alpha and _is_large(header)


def _is_large(header: Header) -> bool:
    return header.stored_size_wh[0] * header.stored_size_wh[1] >= _HALVED_FROM_PIXELS


def choose_factor(header: Header, min_short_side_px: int) -> int:
    """Choose the strongest reduction that leaves enough.

    Parameters
    ----------
    header : Header
        The picture's.
    min_short_side_px : int
        What the short side must keep, in px; at least 1.

    Returns
    -------
    int
        From 1; even for large pictures.
    """
    factor = max(1, min(header.stored_size_wh) // min_short_side_px)
    return factor // 2 * 2 if factor > 1 and _is_large(header) else factor


def decode_bgr(data: bytes, header: Header, size_wh: tuple[int, int], factor: int) -> PixelArray:
    """Decode a still picture without its orientation.

    Parameters
    ----------
    data : bytes
        The file.
    header : Header
        Its header.
    size_wh : tuple of int
        Width and height in px that must come out, before any reduction.
    factor : int
        The reduction, from `choose_factor`; done here only where `is_halved` says so.

    Returns
    -------
    ndarray of shape (H, W, 3) BGR or (H, W, 4) BGRA, uint8
        Transparency only where the header has it.

    Raises
    ------
    DamagedPictureError
        OpenCV cannot decode it, or another size comes out.
    """
    halved = is_halved(header, factor)
    flag = cv2.IMREAD_REDUCED_COLOR_2 if halved else cv2.IMREAD_COLOR
    if header.has_alpha:
        flag = cv2.IMREAD_UNCHANGED
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error as error:
        raise DamagedPictureError(f"the {header.format} cannot be decoded") from error
    expected_wh = (size_wh[0] // 2, size_wh[1] // 2) if halved else size_wh
    if decoded is None or decoded.shape[1::-1] != expected_wh:
        raise DamagedPictureError(f"the {header.format} cannot be decoded")
    return reduce_area(decoded, factor // 2) if halved else decoded  # type: ignore[arg-type,return-value]  # OpenCV's stubs know no dtypes


def swap_red_blue(bgr: PixelArray) -> PixelArray:
    """Turn BGR into RGB.

    Parameters
    ----------
    bgr : ndarray of shape (H, W, 3), uint8
        OpenCV's order.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB, a new array.
    """
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes
