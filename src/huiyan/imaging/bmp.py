"""BMP: its header, and its pixels.

Owns: the header versions, bit fields, palettes and row order of uncompressed files. Has no opinion
on: limits and budgets; run-length coding, which OpenCV undoes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from huiyan.imaging.bands import BandCollector, band_rows, reduce_area, reduced_size_wh
from huiyan.imaging.picture import Format, Header
from huiyan.imaging.png_colour import over_white
from huiyan.imaging.whole import decode_bgr, is_halved, swap_red_blue
from huiyan.kernel.errors import DamagedPictureError, UnsupportedFormatError
from huiyan.kernel.units import MIB_BYTES, AnyArray, FloatArray, PixelArray

_FILE_HEADER_BYTES = 14
_RGB, _RLE8, _RLE4, _FIELDS, _ALPHA_FIELDS = 0, 1, 2, 3, 6
_DEPTHS = {
    _RGB: {1, 2, 4, 8, 16, 24, 32},
    _RLE8: {8},
    _RLE4: {4},
    _FIELDS: {16, 32},
    _ALPHA_FIELDS: {16, 32},
}
_WORKING_BYTES = 24 * MIB_BYTES


@dataclass(frozen=True, slots=True)
class _Layout:
    size_wh: tuple[int, int]
    bits: int
    compression: int
    is_top_down: bool
    pixels_at: int
    palette_at: int
    palette_entry_bytes: int
    palette_length: int
    masks: tuple[int, int, int, int]


def _read_layout(data: bytes) -> _Layout:
    try:
        pixels_at, header_bytes = struct.unpack_from("<II", data, 10)
        if header_bytes == 12:
            width, height, planes, bits = struct.unpack_from("<HHHH", data, 18)
            compression = used = 0
        elif header_bytes in {16, 40, 52, 56, 64, 108, 124}:
            width, height, planes, bits = struct.unpack_from("<iiHH", data, 18)
            compression = used = 0
            if header_bytes >= 40:
                compression, _, _, _, used, _ = struct.unpack_from("<IIiiII", data, 30)
        else:
            raise DamagedPictureError("the BMP's header has an unknown length")
        if compression in {4, 5} or (compression == 3 and header_bytes == 64):
            raise UnsupportedFormatError("BMP with a JPEG, PNG or fax picture inside")
        if bits not in _DEPTHS.get(compression, ()) or planes != 1:
            raise DamagedPictureError("the BMP's header is impossible")
        if width <= 0 or not height or (height < 0 and compression in {_RLE8, _RLE4}):
            raise DamagedPictureError("the BMP has no usable size")
        masks, masks_bytes = _read_masks(data, header_bytes, bits, compression)
    except struct.error:
        raise DamagedPictureError("the BMP ends inside its header") from None
    palette_at = _FILE_HEADER_BYTES + header_bytes + masks_bytes
    palette_length = 0
    if bits <= 8:
        palette_length = min(used or 1 << bits, 1 << bits)
    entry_bytes = 3 if header_bytes == 12 else 4
    if not _FILE_HEADER_BYTES + header_bytes <= pixels_at <= len(data):
        raise DamagedPictureError("the BMP's pixels do not start inside the file")
    return _Layout(
        (width, abs(height)), bits, compression, height < 0, pixels_at,
        palette_at, entry_bytes, palette_length, masks,
    )  # fmt: skip


def _read_masks(
    data: bytes, header_bytes: int, bits: int, compression: int
) -> tuple[tuple[int, int, int, int], int]:
    if compression not in {_FIELDS, _ALPHA_FIELDS}:
        return ((0x7C00, 0x3E0, 0x1F, 0) if bits == 16 else (0xFF0000, 0xFF00, 0xFF, 0)), 0
    has_alpha = compression == _ALPHA_FIELDS or header_bytes >= 56
    masks = struct.unpack_from("<IIII" if has_alpha else "<III", data, 54)
    for mask in masks:
        run = mask >> (mask & -mask).bit_length() - 1 if mask else 0
        if mask >> bits or run & (run + 1):
            raise DamagedPictureError("the BMP's bit fields are impossible")
    behind = 4 * len(masks) if header_bytes == 40 else 0
    red, green, blue = masks[:3]
    return (red, green, blue, masks[3] if has_alpha else 0), behind


def read_header(data: bytes) -> Header:
    """Read the file and information headers.

    Parameters
    ----------
    data : bytes
        The file; the file size it states is ignored, as everywhere.

    Returns
    -------
    Header
        Without a pixel touched.

    Raises
    ------
    DamagedPictureError
        The header is impossible, or the pixels that it promises are not in the file.
    UnsupportedFormatError
        Another format is wrapped in the BMP.
    """
    layout = _read_layout(data)
    is_coded = layout.compression in {_RLE8, _RLE4}
    if not is_coded and layout.pixels_at + _pixel_bytes(layout) > len(data):
        raise DamagedPictureError("the BMP has fewer pixels than its header says")
    return Header(
        format=Format.BMP,
        stored_size_wh=layout.size_wh,
        channel_count=1 if layout.bits <= 8 else 3,
        bit_depth=layout.bits,
        is_staged=is_coded,
        has_alpha=bool(layout.masks[3]),
    )


def _stride(layout: _Layout) -> int:
    return (layout.size_wh[0] * layout.bits + 31) // 32 * 4


def _pixel_bytes(layout: _Layout) -> int:
    last_row_bytes = (layout.size_wh[0] * layout.bits + 7) // 8
    return _stride(layout) * (layout.size_wh[1] - 1) + last_row_bytes


def estimate_bytes(header: Header, factor: int) -> int:
    """Estimate what decoding takes.

    Parameters
    ----------
    header : Header
        The BMP's.
    factor : int
        The reduction.

    Returns
    -------
    int
        Bytes at the peak: the result, bands in work, and for run-length coded files the full
        picture.
    """
    width, height = header.stored_size_wh
    out_width, out_height = reduced_size_wh(header.stored_size_wh, factor)
    row_bytes = 16 * width * factor
    working_bytes = min(_WORKING_BYTES, 6 * row_bytes * -(-height // factor)) + 3 * row_bytes
    total = 3 * out_width * out_height + working_bytes
    if header.is_staged:
        total += int((3.75 if is_halved(header, factor) else 6.0) * width * height)
    return total


def decode_pixels(data: bytes, header: Header, factor: int) -> PixelArray:
    """Decode a BMP.

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
        RGB, upright (BMP knows no EXIF), transparency over white.

    Raises
    ------
    DamagedPictureError
        The run-length data are damaged.
    """
    layout = _read_layout(data)
    if header.is_staged:
        pixels = decode_bgr(data, header, layout.size_wh, factor)
        return swap_red_blue(pixels if is_halved(header, factor) else reduce_area(pixels, factor))
    width, height = layout.size_wh
    stride = _stride(layout)
    row_bytes = (width * layout.bits + 7) // 8
    stored = np.ndarray((height, row_bytes), np.uint8, data, layout.pixels_at, (stride, 1))
    if not layout.is_top_down:
        stored = stored[::-1]
    table = _read_palette(data, layout) if layout.bits <= 8 else None
    collector = BandCollector(layout.size_wh, factor)
    rows = band_rows(max(stride, 8 * width), height, factor)
    for first_row in range(0, height, rows):
        band = np.ascontiguousarray(stored[first_row : first_row + rows])
        if table is not None:
            collector.add(table[_unpack(band, layout.bits, width)])
        elif layout.bits == 24:
            collector.add(np.ascontiguousarray(band.reshape(-1, width, 3)[..., ::-1]))
        else:
            collector.add(_from_fields(band.view(f"<u{layout.bits // 8}"), layout.masks))
    return collector.finish()


def _unpack(band: PixelArray, bits: int, width: int) -> PixelArray:
    mask = (1 << bits) - 1
    shifted = [(band >> shift) & mask for shift in range(8 - bits, -1, -bits)]
    return np.stack(shifted, axis=2).reshape(band.shape[0], -1)[:, :width]


def _read_palette(data: bytes, layout: _Layout) -> PixelArray:
    end = min(layout.palette_at + layout.palette_entry_bytes * layout.palette_length, len(data))
    entries = np.frombuffer(data[layout.palette_at : end], np.uint8)
    count = len(entries) // layout.palette_entry_bytes
    table: PixelArray = np.zeros((256, 3), np.uint8)
    entries = entries[: count * layout.palette_entry_bytes].reshape(count, -1)
    table[:count] = entries[:, 2::-1]
    return table


def _from_fields(samples: AnyArray, masks: tuple[int, int, int, int]) -> PixelArray:
    channels = [_scale_field(samples, mask) for mask in masks[:3]]
    colour: PixelArray = np.stack(channels, axis=2)
    if not masks[3]:
        return colour
    alpha = _scale_field(samples, masks[3])
    return over_white(colour, alpha) if alpha.any() else colour


def _scale_field(samples: AnyArray, mask: int) -> PixelArray:
    if not mask:
        return np.zeros(samples.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    values: AnyArray = (samples & samples.dtype.type(mask)) >> samples.dtype.type(shift)
    if most == 255:
        return values.astype(np.uint8)
    scaled: FloatArray = values.astype(np.float32) * np.float32(255 / most)
    return (scaled + np.float32(0.5)).astype(np.uint8)
