"""PNG: its header, and its pixels streamed row by row.

Owns: chunks, inflating, colour types, transparency and interlacing. Has no opinion on: limits and
budgets; what a decoded band becomes (``bands``); undoing the row filters (``png_filter``).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from huiyan.imaging.bands import BandCollector, band_rows, reduce_area, reduced_size_wh
from huiyan.imaging.orientation import read_orientation
from huiyan.imaging.picture import Format, Header
from huiyan.imaging.png_colour import PngColour
from huiyan.imaging.png_filter import RowFilter
from huiyan.kernel.errors import DamagedPictureError
from huiyan.kernel.units import MIB_BYTES, PixelArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_MAX_CHUNKS = 50_000
_FEED_BYTES = 64 * 1024
_WORKING_BYTES = 24 * MIB_BYTES
# Adam7: first column, first row, column step, row step of each pass (PNG specification, 8.2).
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    length: int


def _iterate_chunks(data: bytes) -> Iterator[_Chunk]:
    position = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        yield _Chunk(kind, position + 8, length)
        position += 12 + length
    raise DamagedPictureError(f"the PNG has more than {_MAX_CHUNKS} chunks")


def _read_chunk(data: bytes, chunk: _Chunk) -> bytes:
    body = data[chunk.start : chunk.start + chunk.length]
    found = data[chunk.start + chunk.length : chunk.start + chunk.length + 4]
    if len(found) < 4:
        raise DamagedPictureError("the PNG ends inside a chunk")
    if zlib.crc32(body, zlib.crc32(chunk.kind)) != int.from_bytes(found, "big"):
        raise DamagedPictureError("a chunk of the PNG has a wrong checksum")
    return body


def read_header(data: bytes) -> Header:
    """Read the chunks up to the first pixels.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Header
        Without a pixel touched; of compressed text and profiles nothing is inflated, ever.

    Raises
    ------
    DamagedPictureError
        The header chunk is missing, damaged or impossible.

    Notes
    -----
    Chunks as in the PNG specification (third edition), sections 5 and 11.
    """
    chunks = _iterate_chunks(data)
    first = next(chunks, None)
    if first is None or first.kind != b"IHDR" or first.length != 13:
        raise DamagedPictureError("the PNG does not start with its header chunk")
    width, height, depth, colour, compression, filtering, interlacing = struct.unpack(
        ">IIBBBBB", _read_chunk(data, first)
    )
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise DamagedPictureError("the PNG has no usable size")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlacing > 1:
        raise DamagedPictureError("the PNG's header chunk is impossible")
    orientation, frame_count, has_alpha = 1, 1, colour in {4, 6}
    for chunk in chunks:
        if chunk.kind == b"IDAT":
            break
        if chunk.kind == b"eXIf":
            orientation = read_orientation(data[chunk.start : chunk.start + chunk.length])
        elif chunk.kind == b"acTL" and chunk.length == 8:
            frame_count = max(1, int.from_bytes(data[chunk.start : chunk.start + 4], "big"))
        elif chunk.kind == b"tRNS":
            has_alpha = True
    return Header(
        format=Format.PNG,
        stored_size_wh=(width, height),
        channel_count=_CHANNELS[colour],
        bit_depth=depth,
        orientation=orientation,
        frame_count=frame_count,
        is_staged=interlacing == 1,
        has_alpha=has_alpha,
    )


def estimate_bytes(header: Header, factor: int) -> int:
    """Estimate what decoding takes.

    Parameters
    ----------
    header : Header
        The PNG's.
    factor : int
        The reduction.

    Returns
    -------
    int
        Bytes at the peak: the result, bands in work, and for interlaced files the full picture.
    """
    width, height = header.stored_size_wh
    out_width, out_height = reduced_size_wh(header.stored_size_wh, factor)
    row_bytes = 8 * width * factor
    working_bytes = min(_WORKING_BYTES, 12 * row_bytes * -(-height // factor)) + 6 * row_bytes
    total = 3 * out_width * out_height + working_bytes
    if header.is_staged and factor > 1:
        total += 3 * width * height
    return total


def decode_pixels(data: bytes, header: Header, factor: int) -> PixelArray:
    """Decode a PNG; of an animated one, the default picture.

    Parameters
    ----------
    data : bytes
        The file.
    header : Header
        Its header.
    factor : int
        The reduction: boxes of ``factor × factor`` px are averaged while rows stream in.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB as stored, transparency over white.

    Raises
    ------
    DamagedPictureError
        The file ends early, or its data are not what its header says.
    """
    colour_type = data[len(SIGNATURE) + 17]
    palette = transparency = b""
    pieces: list[memoryview] = []
    view = memoryview(data)
    for chunk in _iterate_chunks(data):
        if chunk.kind == b"IDAT":
            pieces.append(view[chunk.start : chunk.start + chunk.length])
        elif pieces:
            break
        elif chunk.kind == b"PLTE":
            palette = _read_chunk(data, chunk)
        elif chunk.kind == b"tRNS":
            transparency = _read_chunk(data, chunk)
    colour = PngColour(colour_type, header.bit_depth, palette, transparency)
    stream = _Inflater(pieces)
    try:
        if not header.is_staged:
            collector = BandCollector(header.stored_size_wh, factor)
            for _, band in _decode_bands(stream, colour, header.stored_size_wh, factor):
                collector.add(band)
            pixels = collector.finish()
        else:
            pixels = reduce_area(_decode_interlaced(stream, colour, header), factor)
        stream.finish()
    except zlib.error as error:
        raise DamagedPictureError(f"the PNG cannot be inflated: {error}") from error
    return pixels


def _decode_interlaced(stream: _Inflater, colour: PngColour, header: Header) -> PixelArray:
    width, height = header.stored_size_wh
    pixels: PixelArray = np.empty((height, width, 3), np.uint8)
    for left, top, step_x, step_y in _PASSES:
        pass_wh = (-(-(width - left) // step_x), -(-(height - top) // step_y))
        if pass_wh[0] <= 0 or pass_wh[1] <= 0:
            continue
        target = pixels[top::step_y, left::step_x]
        for first_row, band in _decode_bands(stream, colour, pass_wh, 1):
            rows = target[first_row : first_row + band.shape[0]]
            rows[:] = band if band.ndim == 3 else band[..., None]
    return pixels


def _decode_bands(
    stream: _Inflater, colour: PngColour, size_wh: tuple[int, int], factor: int
) -> Iterator[tuple[int, PixelArray]]:
    width, height = size_wh
    row_bytes = colour.row_bytes(width)
    row_filter = RowFilter(row_bytes, colour.step_bytes)
    rows = band_rows(max(row_bytes, 3 * width), height, factor)
    for first_row in range(0, height, rows):
        count = min(rows, height - first_row)
        raw = row_filter.undo(stream.read(count * (row_bytes + 1)), count)
        yield first_row, colour.to_rgb(raw, width)


class _Inflater:
    __slots__ = ("_inflater", "_pending", "_pieces")

    def __init__(self, pieces: list[memoryview]) -> None:
        self._inflater = zlib.decompressobj()
        self._pieces = (
            piece[start : start + _FEED_BYTES]
            for piece in pieces
            for start in range(0, len(piece), _FEED_BYTES)
        )
        self._pending: bytes | memoryview = b""

    def read(self, size_bytes: int) -> bytes:
        """Inflate exactly this many bytes and hold no more than them."""
        parts: list[bytes] = []
        missing = size_bytes
        while missing:
            if not self._pending and (fed := next(self._pieces, None)) is not None:
                self._pending = fed
            part = self._inflater.decompress(self._pending, missing)
            if not part and (self._inflater.eof or not self._pending):
                raise DamagedPictureError("the PNG has fewer pixels than its header says")
            self._pending = self._inflater.unconsumed_tail
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def finish(self) -> None:
        """Let the checksum behind the last row be compared; surplus data are not looked at."""
        for _ in range(4):
            if self._inflater.eof:
                return
            if not self._pending and (fed := next(self._pieces, None)) is not None:
                self._pending = fed
            if self._inflater.decompress(self._pending, 1):
                return
            self._pending = self._inflater.unconsumed_tail
        raise DamagedPictureError("the PNG's data end before their checksum")
