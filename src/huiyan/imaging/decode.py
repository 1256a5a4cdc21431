"""Bytes to pixels, with the header read first and memory under control.

Owns: the order of checks, how far a picture is reduced, and what a decode may cost. Has no opinion
on: which operation allows what, and where the bytes are from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from huiyan.imaging import bmp, jpeg, png, webp, whole
from huiyan.imaging.bands import reduced_size_wh
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.header import read_header
from huiyan.imaging.orientation import turn_upright
from huiyan.imaging.picture import Format, Header, Image, PictureLimits
from huiyan.kernel.errors import PictureSizeError, UnsupportedFormatError
from huiyan.kernel.units import PixelArray


@dataclass(frozen=True, slots=True)
class _Codec:
    choose_factor: Callable[[Header, int], int]
    estimate_bytes: Callable[[Header, int], int]
    decode_pixels: Callable[[bytes, Header, int], PixelArray]


def _choose_any_factor(header: Header, min_short_side_px: int) -> int:
    return max(1, min(header.stored_size_wh) // min_short_side_px)


_CODECS = {
    Format.JPEG: _Codec(jpeg.choose_factor, jpeg.estimate_bytes, jpeg.decode_pixels),
    Format.PNG: _Codec(_choose_any_factor, png.estimate_bytes, png.decode_pixels),
    Format.BMP: _Codec(whole.choose_factor, bmp.estimate_bytes, bmp.decode_pixels),
    Format.WEBP: _Codec(whole.choose_factor, webp.estimate_bytes, webp.decode_pixels),
}


def decode(
    data: bytes, limits: PictureLimits, min_short_side_px: int | None, budget: MemoryBudget
) -> Image:
    """Decode a picture, no larger than needed.

    Parameters
    ----------
    data : bytes
        The file.
    limits : PictureLimits
        What the operation takes.
    min_short_side_px : int, optional
        What the short side of the result must keep, in px, at least 1: a larger picture may come
        back reduced, a smaller one as it is. None means full size.
    budget : MemoryBudget
        Memory that all decodes share. It covers the decoding, not the result's later life.

    Returns
    -------
    Image
        RGB, upright.

    Raises
    ------
    UnsupportedFormatError
        By content, the file has a format that the operation does not take.
    DamagedPictureError
        It is empty, cut off, contradicts its header, or the decoder failed.
    PictureSizeError
        The file or a side lies outside the limits, or decoding would take more memory than allowed.
    """
    if len(data) > limits.max_file_bytes:
        raise PictureSizeError(
            f"the picture has {len(data)} bytes; at most {limits.max_file_bytes} are allowed"
        )
    header = read_header(data)
    _check(header, limits)
    factor = choose_factor(header, min_short_side_px)
    with budget.reserve(estimate_decode_bytes(header, factor)):
        pixels = _CODECS[header.format].decode_pixels(data, header, factor)
        pixels = turn_upright(pixels, header.orientation)
    return Image(pixels, header.size_wh)


def _check(header: Header, limits: PictureLimits) -> None:
    if header.format not in limits.formats:
        names = ", ".join(sorted(limits.formats))
        raise UnsupportedFormatError(f"the picture is {header.format}; taken are {names}")
    width, height = header.size_wh
    if min(width, height) < limits.min_side_px or max(width, height) > limits.max_side_px:
        raise PictureSizeError(
            f"the picture has {width} x {height} px; each side must have "
            f"{limits.min_side_px} to {limits.max_side_px}"
        )
    if width * height > limits.max_pixels:
        raise PictureSizeError(
            f"the picture has {width} x {height} px; at most {limits.max_pixels} in all are allowed"
        )


def choose_factor(header: Header, min_short_side_px: int | None) -> int:
    """Choose how far a picture is reduced.

    Parameters
    ----------
    header : Header
        The picture's.
    min_short_side_px : int, optional
        What the short side must keep, in px; None for full size.

    Returns
    -------
    int
        How many pixels of each axis become one: 1, 2, 4 or 8 for JPEG, else
        any from 1.
    """
    if min_short_side_px is None:
        return 1
    return _CODECS[header.format].choose_factor(header, min_short_side_px)


def estimate_decode_bytes(header: Header, factor: int) -> int:
    """Estimate the memory that decoding takes at its peak.

    Parameters
    ----------
    header : Header
        The picture's.
    factor : int
        The reduction, from `choose_factor`.

    Returns
    -------
    int
        Bytes, the result included, the file's own not; measured to be no less than the growth of
        the process (``benchmarks/decode_memory.py``).
    """
    width, height = reduced_size_wh(header.stored_size_wh, factor)
    turning_bytes = 3 * width * height if header.orientation > 1 else 0
    return turning_bytes + _CODECS[header.format].estimate_bytes(header, factor)
