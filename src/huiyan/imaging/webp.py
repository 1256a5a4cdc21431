"""WebP: its header, and the pixels of its first frame.

Owns: RIFF chunks, and cutting one still frame out of an animation, so that the decoder never sees
the animation and never allocates its canvas twice. Has no opinion on: limits and budgets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from huiyan.imaging.bands import BandCollector, band_rows, reduce_area, reduced_size_wh
from huiyan.imaging.orientation import read_orientation
from huiyan.imaging.picture import Format, Header
from huiyan.imaging.png_colour import over_white
from huiyan.imaging.whole import decode_bgr, is_halved, swap_red_blue
from huiyan.kernel.errors import DamagedPictureError
from huiyan.kernel.units import PixelArray

_MAX_CHUNKS = 10_000
_ALPHA_FLAG, _ANIMATION_FLAG = 0x10, 0x02


@dataclass(frozen=True, slots=True)
class _Frame:
    """One still picture: where its chunks lie, and where on the canvas it goes."""

    size_wh: tuple[int, int]
    offset_xy: tuple[int, int]
    is_lossless: bool
    has_alpha: bool
    bitstream: tuple[bytes, int, int]
    alpha: tuple[bytes, int, int] | None


@dataclass(frozen=True, slots=True)
class _Layout:
    canvas_wh: tuple[int, int]
    frame: _Frame
    frame_count: int
    orientation: int


def _iterate_chunks(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    position = start
    for _ in range(_MAX_CHUNKS):
        if position + 8 > end:
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        if position + 8 + length > end:
            raise DamagedPictureError("the WebP ends inside a chunk")
        yield kind, position + 8, length
        position += 8 + length + (length & 1)
    raise DamagedPictureError(f"the WebP has more than {_MAX_CHUNKS} chunks")


def _read_bitstream(
    data: bytes, chunk: tuple[bytes, int, int], alpha: tuple[bytes, int, int] | None
) -> _Frame:
    kind, start, length = chunk
    if kind == b"VP8L" and length >= 5 and data[start] == 0x2F:
        bits = int.from_bytes(data[start + 1 : start + 5], "little")
        size_wh = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        return _Frame(
            size_wh,
            (0, 0),
            is_lossless=True,
            has_alpha=bool(bits >> 28 & 1),
            bitstream=chunk,
            alpha=None,
        )
    if kind == b"VP8 " and length >= 10 and data[start + 3 : start + 6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, start + 6)
        size_wh = (width & 0x3FFF, height & 0x3FFF)
        if not data[start] & 1 and all(size_wh):
            return _Frame(
                size_wh,
                (0, 0),
                is_lossless=False,
                has_alpha=alpha is not None,
                bitstream=chunk,
                alpha=alpha,
            )
    raise DamagedPictureError("the WebP's bitstream has no usable header")


def _find_frame(data: bytes, start: int, end: int) -> _Frame:
    alpha = None
    for chunk in _iterate_chunks(data, start, end):
        if chunk[0] == b"ALPH":
            alpha = chunk
        elif chunk[0] in {b"VP8 ", b"VP8L"}:
            return _read_bitstream(data, chunk, alpha)
    raise DamagedPictureError("the WebP has no picture")


def _read_layout(data: bytes) -> _Layout:
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    if end < 8 + int.from_bytes(data[4:8], "little"):
        raise DamagedPictureError("the WebP ends early")
    if data[12:16] != b"VP8X":
        frame = _find_frame(data, 12, end)
        return _Layout(frame.size_wh, frame, 1, 1)
    chunks = list(_iterate_chunks(data, 12, end))
    start, length = chunks[0][1:]
    if length < 10:
        raise DamagedPictureError("the WebP's canvas has no size")
    canvas_wh = (
        int.from_bytes(data[start + 4 : start + 7], "little") + 1,
        int.from_bytes(data[start + 7 : start + 10], "little") + 1,
    )
    orientation = 1
    for kind, at, size in chunks:
        if kind == b"EXIF":
            orientation = read_orientation(data[at : at + size])
    if not data[start] & _ANIMATION_FLAG:
        frame = _find_frame(data, start + length + (length & 1), end)
        if frame.size_wh != canvas_wh:
            raise DamagedPictureError("the WebP's picture does not have the size of its canvas")
        return _Layout(canvas_wh, frame, 1, orientation)
    frames = [chunk for chunk in chunks if chunk[0] == b"ANMF"]
    if not frames:
        raise DamagedPictureError("the WebP has no picture")
    frame = _read_animation_frame(data, *frames[0][1:])
    right, bottom = (frame.offset_xy[axis] + frame.size_wh[axis] for axis in (0, 1))
    if right > canvas_wh[0] or bottom > canvas_wh[1]:
        raise DamagedPictureError("the WebP's first frame does not fit its canvas")
    return _Layout(canvas_wh, frame, len(frames), orientation)


def _read_animation_frame(data: bytes, start: int, length: int) -> _Frame:
    if length < 16:
        raise DamagedPictureError("the WebP's first frame has no header")
    left, top, width, height = (
        int.from_bytes(data[start + at : start + at + 3], "little") for at in (0, 3, 6, 9)
    )
    found = _find_frame(data, start + 16, start + length)
    if found.size_wh != (width + 1, height + 1):
        raise DamagedPictureError("the WebP's first frame does not have the size it says")
    return replace(found, offset_xy=(2 * left, 2 * top))


def read_header(data: bytes) -> Header:
    """Read the chunks.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Header
        Without a pixel touched; the size is the canvas of an animation.

    Raises
    ------
    DamagedPictureError
        A chunk is cut off, there is no picture, or sizes contradict each other.

    Notes
    -----
    Chunks as in RFC 9649, section 2; key frames as in RFC 6386, section 9.1.
    """
    layout = _read_layout(data)
    return Header(
        format=Format.WEBP,
        stored_size_wh=layout.canvas_wh,
        channel_count=4 if layout.frame.has_alpha else 3,
        orientation=layout.orientation,
        frame_count=layout.frame_count,
        is_lossless=layout.frame.is_lossless,
        has_alpha=layout.frame.has_alpha or layout.frame.size_wh != layout.canvas_wh,
    )


def estimate_bytes(header: Header, factor: int) -> int:
    """Estimate what decoding takes.

    Parameters
    ----------
    header : Header
        The WebP's.
    factor : int
        The reduction.

    Returns
    -------
    int
        Bytes at the peak, as measured (``docs/decisions/0004-decoding.md``).
    """
    width, height = header.stored_size_wh
    out_width, out_height = reduced_size_wh(header.stored_size_wh, factor)
    pixels = width * height
    if header.has_alpha:
        per_pixel = 8.5
    elif header.is_lossless:
        per_pixel = 7.0
    else:
        per_pixel = 3.75 if is_halved(header, factor) else 6.0
    return int(per_pixel * pixels) + 3 * out_width * out_height + 64 * width


def decode_pixels(data: bytes, header: Header, factor: int) -> PixelArray:
    """Decode a WebP; of an animated one, the first frame on white.

    Parameters
    ----------
    data : bytes
        The file.
    header : Header
        Its header.
    factor : int
        The reduction.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB as stored, transparency over white.

    Raises
    ------
    DamagedPictureError
        The decoder failed.
    """
    layout = _read_layout(data)
    frame = layout.frame
    pixels = decode_bgr(_build_still(data, frame), header, frame.size_wh, factor)
    if pixels.shape[2] == 4:
        pixels = _lay_over_white(pixels)
    if frame.size_wh != layout.canvas_wh:
        pixels = _place(pixels, layout)
    return swap_red_blue(pixels if is_halved(header, factor) else reduce_area(pixels, factor))


def _lay_over_white(pixels: PixelArray) -> PixelArray:
    height, width = pixels.shape[:2]
    collector = BandCollector((width, height), 1)
    rows = band_rows(pixels.strides[0], height, 1)
    for first_row in range(0, height, rows):
        band = pixels[first_row : first_row + rows]
        alpha = np.ascontiguousarray(band[..., 3])
        collector.add(over_white(np.ascontiguousarray(band[..., :3]), alpha))
    return collector.finish()


def _place(pixels: PixelArray, layout: _Layout) -> PixelArray:
    width, height = layout.canvas_wh
    left, top = layout.frame.offset_xy
    canvas: PixelArray = np.full((height, width, 3), 255, np.uint8)
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return canvas


def _build_still(data: bytes, frame: _Frame) -> bytes:
    chunks = []
    if frame.alpha is not None:
        width, height = frame.size_wh
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks.append(struct.pack("<4sIB3x", b"VP8X", 10, _ALPHA_FLAG) + sides)
    for chunk in (frame.alpha, frame.bitstream):
        if chunk is not None:
            kind, start, length = chunk
            body = data[start : start + length]
            chunks.append(struct.pack("<4sI", kind, length) + body + b"\x00" * (length & 1))
    body = b"WEBP" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(body)) + body
