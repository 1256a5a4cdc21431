"""What a file is, by content."""

from __future__ import annotations

import io
import time
from contextlib import suppress

import pytest
from PIL import Image as PillowImage

from huiyan.imaging.header import read_header
from huiyan.imaging.picture import Format
from huiyan.kernel.errors import DamagedPictureError, UnsupportedFormatError


def _save(name: str, mode: str = "RGB", **options: object) -> bytes:
    target = io.BytesIO()
    PillowImage.new(mode, (40, 30)).save(target, name, **options)
    return target.getvalue()


@pytest.mark.parametrize("name", list(Format))
def test_the_size_is_read_without_the_pixels(name: str) -> None:
    data = _save(name)
    header = read_header(
        data if name == Format.BMP else data[:700]
    )  # a BMP's length is its header's claim
    assert header.format == name
    assert header.stored_size_wh == (40, 30)
    assert header.frame_count == 1


def test_an_animation_tells_its_frames() -> None:
    more = [PillowImage.new("RGB", (40, 30), shade) for shade in ("red", "blue")]
    assert read_header(_save("WEBP", save_all=True, append_images=more)).frame_count == 3
    assert read_header(_save("PNG", save_all=True, append_images=more)).frame_count == 3


def test_a_progressive_jpeg_is_staged() -> None:
    assert read_header(_save("JPEG", progressive=True)).is_staged
    assert not read_header(_save("JPEG")).is_staged


def test_a_header_costs_microseconds() -> None:
    data = _save("JPEG")
    start = time.perf_counter()
    for _ in range(200):
        read_header(data)
    assert (time.perf_counter() - start) / 200 < 0.001


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"x", "text"),
        (b"BM is how this text starts", "BMP"),
        (b"hello, I am a text", "text"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"%PDF-1.7", "PDF"),
        (b"8BPS\x00\x01", "Photoshop"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC"),
        (b"\x00\x00\x00\x18ftypavif", "AVIF"),
        (b"\x00\x00\x00\x18ftypisom", "video"),
        (b"\x80\x81\x82\x83", "no known format"),
        (_save("GIF"), "GIF"),
        (_save("TIFF"), "TIFF"),
        (_save("ICO"), "ICO"),
    ],
)
def test_other_files_are_named_for_what_they_are(data: bytes, what: str) -> None:
    if what == "BMP":
        with pytest.raises(DamagedPictureError, match="BMP"):
            read_header(data)
        return
    with pytest.raises(UnsupportedFormatError, match=what):
        read_header(data)


@pytest.mark.parametrize(
    ("marker", "what"), [(0xC3, "lossless"), (0xC9, "arithmetic"), (0xC5, "hierarchical")]
)
def test_exotic_jpegs_are_unsupported(marker: int, what: str) -> None:
    data = _save("JPEG").replace(b"\xff\xc0", bytes([0xFF, marker]), 1)
    with pytest.raises(UnsupportedFormatError, match=what):
        read_header(data)


def test_a_twelve_bit_jpeg_is_unsupported() -> None:
    data = bytearray(_save("JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnsupportedFormatError, match="12-bit"):
        read_header(bytes(data))


@pytest.mark.parametrize(
    "filling",
    [b"\xff\xfe\x00\x02", b"\xff", b"\xff\x00", b"\xff\xd0"],
    ids=["empty comments", "fill bytes", "stuffed bytes", "restarts"],
)
@pytest.mark.parametrize("rest", [_save("JPEG")[2:], b""], ids=["a picture", "nothing"])
def test_a_flood_before_the_first_scan_costs_milliseconds(filling: bytes, rest: bytes) -> None:
    flood = b"\xff\xd8" + filling * (7_500_000 // len(filling)) + rest
    started = time.process_time()
    with suppress(DamagedPictureError):
        read_header(flood)
    assert time.process_time() - started < 0.3


def test_fill_bytes_and_many_segments_before_the_frame_are_read_over() -> None:
    photograph = _save("JPEG")
    comments = b"\xff\xff\xff\xfe\x00\x02" * 500
    found = read_header(photograph[:2] + comments + photograph[2:])
    assert found == read_header(photograph)
