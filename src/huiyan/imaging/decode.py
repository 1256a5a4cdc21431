"""Bytes to pixels, with the header read first and memory under control.

Owns: the order of checks, how far a picture is reduced, and what a decode may cost. Has no opinion
on: which operation allows what, and where the bytes are from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    max_spared_factor: int
    """How far a picture may be reduced that would not fit into memory otherwise."""


def _choose_any_factor(header: Header, min_short_side_px: int) -> int:
    return max(1, min(header.stored_size_wh) // min_short_side_px)


_CODECS = {
    Format.JPEG: _Codec(jpeg.choose_factor, jpeg.estimate_bytes, jpeg.decode_pixels, 8),
    Format.PNG: _Codec(_choose_any_factor, png.estimate_bytes, png.decode_pixels, 8),
    Format.BMP: _Codec(whole.choose_factor, bmp.estimate_bytes, bmp.decode_pixels, 1),
    Format.WEBP: _Codec(whole.choose_factor, webp.estimate_bytes, webp.decode_pixels, 1),
}


@dataclass(frozen=True, slots=True)
class DecodePlan:
    """What decoding a picture will take; made from its header, before any pixel is touched.

    Attributes
    ----------
    header : Header
        The picture's.
    factor : int
        How many pixels of each axis become one.
    needed_bytes : int
        Memory at the peak, the result included, the file's own not.
    """

    header: Header
    factor: int
    needed_bytes: int


def plan_decode(
    data: bytes, limits: PictureLimits, min_short_side_px: int | None, budget: MemoryBudget
) -> DecodePlan:
    """Read a picture's header, check it, and decide how it is decoded; waits for nothing.

    Parameters
    ----------
    data : bytes
        The file.
    limits : PictureLimits
        What the operation takes.
    min_short_side_px : int, optional
        What the short side of the result must keep, in px, at least 1: a larger picture may come
        back reduced, a smaller one as it is. None means full size. Where even the whole budget
        would not do, a JPEG or PNG is reduced further, by up to 8.
    budget : MemoryBudget
        What it must fit into; nothing is taken from it.

    Returns
    -------
    DecodePlan
        For `decode_planned`.

    Raises
    ------
    UnsupportedFormatError
        By content, the file has a format that the operation does not take.
    DamagedPictureError
        It is empty, or its header is cut off or impossible.
    PictureSizeError
        The file or a side lies outside the limits, or decoding would take more memory than allowed.
    """
    if len(data) > limits.max_file_bytes:
        raise PictureSizeError(
            f"the picture has {len(data)} bytes; at most {limits.max_file_bytes} are allowed"
        )
    header = read_header(data, limits.formats)
    _check(header, limits)
    factor = _spare_memory(header, choose_factor(header, min_short_side_px), budget.total_bytes)
    needed_bytes = estimate_decode_bytes(header, factor)
    budget.check(needed_bytes)
    return DecodePlan(header, factor, needed_bytes)


def decode_planned(data: bytes, plan: DecodePlan) -> Image:
    """Decode a picture as planned.

    Parameters
    ----------
    data : bytes
        The file that the plan was made for.
    plan : DecodePlan
        From `plan_decode`. Its memory is for the caller to have reserved.

    Returns
    -------
    Image
        RGB, upright.

    Raises
    ------
    DamagedPictureError
        The file is cut off, contradicts its header, or the decoder failed.
    """
    header = plan.header
    pixels = _CODECS[header.format].decode_pixels(data, header, plan.factor)
    return Image(turn_upright(pixels, header.orientation), header.size_wh)


@contextmanager
def open_picture(
    data: bytes, limits: PictureLimits, min_short_side_px: int | None, budget: MemoryBudget
) -> Iterator[Image]:
    """Decode a picture, no larger than needed, and count its memory while it is looked at.

    Parameters
    ----------
    data : bytes
        The file, as for `plan_decode`.
    limits : PictureLimits
        What is taken.
    min_short_side_px : int or None
        As for `plan_decode`.
    budget : MemoryBudget
        Memory that all pictures share: the decoding's peak at first, then the pixels.

    Yields
    ------
    Image
        RGB, upright. Inside the block nothing else may be decoded: it would wait for itself.

    Raises
    ------
    UnsupportedFormatError, DamagedPictureError, PictureSizeError
        As for `plan_decode` and `decode_planned`.
    """
    plan = plan_decode(data, limits, min_short_side_px, budget)
    with budget.reserve(plan.needed_bytes) as keep:
        image = decode_planned(data, plan)
        keep(image.pixels.nbytes)
        yield image


def decode(
    data: bytes, limits: PictureLimits, min_short_side_px: int | None, budget: MemoryBudget
) -> Image:
    """Decode a picture as `open_picture` does; the pixels' later life is not counted.

    Parameters
    ----------
    data : bytes
        The file, as for `open_picture`.
    limits : PictureLimits
        What is taken.
    min_short_side_px : int or None
        As for `open_picture`.
    budget : MemoryBudget
        What decoding may hold.

    Returns
    -------
    Image
        RGB, upright.

    Raises
    ------
    UnsupportedFormatError, DamagedPictureError, PictureSizeError
        As for `open_picture`.
    """
    with open_picture(data, limits, min_short_side_px, budget) as image:
        return image


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


def _spare_memory(header: Header, factor: int, total_bytes: int) -> int:
    max_factor = _CODECS[header.format].max_spared_factor
    spared = factor
    while estimate_decode_bytes(header, spared) > total_bytes and 2 * spared <= max_factor:
        spared *= 2
    return spared


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
