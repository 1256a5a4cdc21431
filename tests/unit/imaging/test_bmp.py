"""BMP kinds that common writers do not make."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from huiyan.imaging import bmp
from huiyan.kernel.errors import DamagedPictureError, UnsupportedFormatError


def _build(  # noqa: PLR0917 - the header's own fields, in their order
    width: int, height: int, bits: int, compression: int, behind: bytes, body: bytes
) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    start = 14 + len(head) + len(behind)
    return struct.pack("<2sIII", b"BM", 0, 0, start) + head + behind + body


def _decode(data: bytes) -> list[object]:
    return bmp.decode_pixels(data, bmp.read_header(data), 1).tolist()  # type: ignore[no-any-return]


PALETTE = bytes([0, 0, 0, 0, 30, 20, 10, 0]) + bytes(4 * 254)
DARK, TINT = [0, 0, 0], [10, 20, 30]


def test_rows_are_bottom_up() -> None:
    body = bytes([1, 0, 0, 0, 0, 1, 0, 0])
    assert _decode(_build(2, 2, 8, 0, PALETTE, body)) == [[DARK, TINT], [TINT, DARK]]


def test_a_negative_height_is_top_down() -> None:
    body = bytes([1, 0, 0, 0, 0, 1, 0, 0])
    assert _decode(_build(2, -2, 8, 0, PALETTE, body)) == [[TINT, DARK], [DARK, TINT]]


@pytest.mark.parametrize(("bits", "row"), [(1, 0b01000000), (2, 0b00010000), (4, 0b00000001)])
def test_packed_palettes_unpack(bits: int, row: int) -> None:
    data = _build(2, 1, bits, 0, PALETTE[: 4 << bits], bytes([row, 0, 0, 0]))
    assert _decode(data) == [[DARK, TINT]]


def test_sixteen_bits_are_five_each() -> None:
    assert _decode(_build(1, 1, 16, 0, b"", struct.pack("<HH", 0x7C1F, 0))) == [[[255, 0, 255]]]


def test_bit_fields_say_where_colours_are() -> None:
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    assert _decode(_build(1, 1, 16, 3, masks, struct.pack("<HH", 0x07E0, 0))) == [[[0, 255, 0]]]
    masks = struct.pack("<III", 0xFF, 0xFF00, 0xFF0000)
    assert _decode(_build(1, 1, 32, 3, masks, b"\x01\x02\x03\x00")) == [[[1, 2, 3]]]


def test_transparency_goes_over_white_unless_all_is_clear() -> None:
    masks = struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    half = _decode(_build(2, 1, 32, 6, masks, b"\x00\x00\x00\xff\x00\x00\x00\x00"))
    assert half == [[[0, 0, 0], [255, 255, 255]]]
    assert _decode(_build(1, 1, 32, 6, masks, b"\x01\x02\x03\x00")) == [[[1, 2, 3]]]


def test_the_oldest_header_works() -> None:
    head = struct.pack("<IHHHH", 12, 1, 1, 1, 24)
    data = struct.pack("<2sIII", b"BM", 0, 0, 26) + head + b"\x03\x02\x01\x00"
    assert _decode(data) == [[[1, 2, 3]]]


def test_run_length_coding_works() -> None:
    body = b"\x02\x01\x00\x00\x01\x00\x01\x01\x00\x01"
    assert _decode(_build(2, 2, 8, 1, PALETTE, body)) == [[DARK, TINT], [TINT, TINT]]


@pytest.mark.parametrize(
    "data",
    [
        b"BM" + bytes(16),
        _build(0, 1, 24, 0, b"", bytes(4)),
        _build(-1, 1, 24, 0, b"", bytes(4)),
        _build(1, 0, 24, 0, b"", bytes(4)),
        _build(2**31 - 1, 2**31 - 1, 24, 0, b"", bytes(4)),
        _build(1, -(2**31), 24, 0, b"", bytes(4)),
        _build(1, 1, 7, 0, b"", bytes(4)),
        _build(1, 1, 24, 1, b"", bytes(4)),
        _build(1, 1, 8, 99, b"", bytes(4)),
        _build(1, 1, 16, 3, struct.pack("<III", 0b101, 0, 0), bytes(4)),
        _build(1, 1, 16, 3, struct.pack("<III", 0xFF0000, 0, 0), bytes(4)),
        _build(3, 3, 24, 0, b"", bytes(32)),
        _build(1, 1, 24, 0, b"", bytes(4))[:40],
    ],
)
def test_headers_that_lie_are_an_error(data: bytes) -> None:
    with pytest.raises(DamagedPictureError):
        bmp.read_header(data)


@pytest.mark.parametrize("offset", [0, 13, 50, 59, 2**32 - 1])
def test_an_offset_outside_the_pixels_is_an_error(offset: int) -> None:
    data = bytearray(_build(1, 1, 24, 0, b"", bytes(4)))
    data[10:14] = struct.pack("<I", offset)
    with pytest.raises(DamagedPictureError):
        bmp.read_header(bytes(data))


@pytest.mark.parametrize("compression", [4, 5])
def test_a_wrapped_picture_is_another_format(compression: int) -> None:
    with pytest.raises(UnsupportedFormatError):
        bmp.read_header(_build(1, 1, 24, compression, b"", bytes(4)))


def test_pixels_are_contiguous_bytes() -> None:
    data = _build(2, 2, 24, 0, b"", bytes(16))
    pixels = bmp.decode_pixels(data, bmp.read_header(data), 1)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
