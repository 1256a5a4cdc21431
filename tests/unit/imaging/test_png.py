"""PNG kinds that common writers do not make: interlaced, every filter, odd chunk layouts."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

from huiyan.imaging import png
from huiyan.kernel.errors import DamagedPictureError

PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip
KINDS = [
    (0, 1, 1), (0, 2, 1), (0, 4, 1), (0, 8, 1), (2, 8, 3), (4, 8, 2), (6, 8, 4), (0, 16, 1),
    (2, 16, 3), (4, 16, 2), (6, 16, 4),
]  # fmt: skip


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _build(size_wh: tuple[int, int], kind: tuple[int, int, int], *, interlaced: bool) -> bytes:
    """Random filtered bytes with random filters: any such bytes are a valid picture."""
    rng = np.random.default_rng(sum(size_wh) + sum(kind))
    (width, height), (colour, depth, channels) = size_wh, kind
    raw = bytearray()
    for left, top, step_x, step_y in PASSES if interlaced else ((0, 0, 1, 1),):
        across, down = -(-(width - left) // step_x), -(-(height - top) // step_y)
        for _ in range(down if across > 0 else 0):
            raw.append(int(rng.integers(0, 5)))
            raw += rng.bytes(-(-across * channels * depth // 8))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    packed = zlib.compress(bytes(raw))
    cut = len(packed) // 3
    parts = _chunk(b"IDAT", packed[:cut]) + _chunk(b"IDAT", b"") + _chunk(b"IDAT", packed[cut:])
    return png.SIGNATURE + _chunk(b"IHDR", header) + parts + _chunk(b"IEND", b"")


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size_wh", [(1, 1), (3, 2), (5, 9), (33, 17)])
def test_any_filters_and_passes_give_an_independent_decoders_pixels(
    size_wh: tuple[int, int],
    kind: tuple[int, int, int],
    *,
    interlaced: bool,
) -> None:
    data = _build(size_wh, kind, interlaced=interlaced)
    ours = png.decode_pixels(data, png.read_header(data), 1)
    picture = PillowImage.open(io.BytesIO(data))
    if picture.mode == "I;16":
        theirs = np.repeat((np.asarray(picture) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    else:
        white = PillowImage.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        theirs = np.asarray(white.convert("RGB"))
    assert abs(ours.astype(int) - theirs).max() <= (1 if kind[0] in {4, 6} else 0)


@pytest.mark.parametrize("kind", [(2, 8, 3), (6, 16, 4), (0, 1, 1)])
def test_bands_join_without_a_seam(
    kind: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _build((50, 41), kind, interlaced=False)
    header = png.read_header(data)
    whole = png.decode_pixels(data, header, 1)
    monkeypatch.setattr("huiyan.imaging.bands._BAND_BYTES", 1)
    assert np.array_equal(png.decode_pixels(data, header, 1), whole)


def test_surplus_data_behind_the_last_row_are_ignored() -> None:
    header = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    rows = b"\x00\x01\x02\x00\x03\x04"
    data = png.SIGNATURE + _chunk(b"IHDR", header)
    data += _chunk(b"IDAT", zlib.compress(rows + b"surplus" * 10_000))
    pixels = png.decode_pixels(data, png.read_header(data), 1)
    assert pixels[..., 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (b"", "fewer pixels"),
        (zlib.compress(b"\x00\x01\x02"), "fewer pixels"),
        (zlib.compress(b"\x05\x01\x02\x00\x03\x04"), "filter"),
        (zlib.compress(b"\x00\x01\x02\x00\x03\x04")[:-4] + b"\x00\x00\x00\x00", "inflated"),
        (zlib.compress(b"\x00\x01\x02\x00\x03\x04")[:-2], "checksum"),
        (b"no deflate at all", "inflated"),
    ],
)
def test_damaged_data_are_an_error(packed: bytes, text: str) -> None:
    header = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    data = png.SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed)
    with pytest.raises(DamagedPictureError, match=text):
        png.decode_pixels(data, png.read_header(data), 1)


@pytest.mark.parametrize(
    "fields",
    [
        (0, 1, 8, 0, 0, 0, 0), (1, 0, 8, 0, 0, 0, 0), (1, 1, 3, 0, 0, 0, 0), (1, 1, 8, 1, 0, 0, 0),
        (1, 1, 4, 2, 0, 0, 0), (1, 1, 8, 0, 1, 0, 0), (1, 1, 8, 0, 0, 1, 0), (1, 1, 8, 0, 0, 0, 2),
        (2**31, 1, 8, 0, 0, 0, 0),
    ],
)  # fmt: skip
def test_impossible_header_fields_are_an_error(fields: tuple[int, ...]) -> None:
    data = png.SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", *fields))
    with pytest.raises(DamagedPictureError):
        png.read_header(data)


def test_a_header_with_a_wrong_checksum_is_an_error() -> None:
    data = bytearray(_build((3, 3), (0, 8, 1), interlaced=False))
    data[19] ^= 1
    with pytest.raises(DamagedPictureError, match="checksum"):
        png.read_header(bytes(data))


def test_a_palette_picture_without_a_palette_is_an_error() -> None:
    data = _build((3, 3), (3, 8, 1), interlaced=False)
    with pytest.raises(DamagedPictureError, match="palette"):
        png.decode_pixels(data, png.read_header(data), 1)
