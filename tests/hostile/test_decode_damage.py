"""Files that are cut, renamed, mutated or lie give a picture error, and nothing else."""

from __future__ import annotations

import functools
import io
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.library import set_up_libraries
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.errors import (
    DamagedPictureError,
    PictureError,
    PictureSizeError,
    UnsupportedFormatError,
)

LIMITS = PictureLimits(frozenset(Format), 1, 10_000)
BUDGET = MemoryBudget(64 * 2**20)


@pytest.fixture(autouse=True, scope="module")
def quiet_libraries() -> None:
    set_up_libraries()


def _decode(data: bytes) -> Image:
    return decode(data, LIMITS, 32, BUDGET)


@functools.cache
def _files() -> dict[str, bytes]:
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 4), dtype=np.uint8)
    glassy = PillowImage.fromarray(noise)
    scene = glassy.convert("RGB")
    wanted: dict[str, tuple[PillowImage.Image, str, dict[str, object]]] = {
        "jpeg": (scene, "JPEG", {}),
        "jpeg progressive": (scene, "JPEG", {"progressive": True}),
        "jpeg cmyk": (scene.convert("CMYK"), "JPEG", {}),
        "png": (scene, "PNG", {}),
        "png alpha": (glassy, "PNG", {}),
        "png palette": (scene.quantize(64), "PNG", {}),
        "bmp": (scene, "BMP", {}),
        "bmp palette": (scene.quantize(64), "BMP", {}),
        "webp": (scene, "WEBP", {}),
        "webp alpha": (glassy, "WEBP", {}),
        "webp lossless": (scene, "WEBP", {"lossless": True}),
        "webp animated": (glassy, "WEBP", {"save_all": True, "append_images": [scene]}),
    }
    files = {}
    for name, (picture, kind, options) in wanted.items():
        target = io.BytesIO()
        picture.save(target, kind, **options)
        files[name] = target.getvalue()
    runs = (b"\x5a\x07\x00\x00") * 60 + b"\x00\x01"
    head = struct.pack("<IiiHHIIiiII", 40, 90, 60, 1, 8, 1, 0, 0, 0, 0, 0) + bytes(range(256)) * 4
    files["bmp runs"] = struct.pack("<2sIII", b"BM", 0, 0, 14 + len(head)) + head + runs
    return files


@pytest.mark.parametrize("sixteenths", range(16))
@pytest.mark.parametrize("name", sorted(set(_files()) - {"bmp runs"}))
def test_a_truncated_file_is_an_error(name: str, sixteenths: int) -> None:
    data = _files()[name]
    with pytest.raises(PictureError):
        _decode(data[: len(data) * sixteenths // 16])


@pytest.mark.parametrize("name", _files())
def test_the_whole_file_is_none(name: str) -> None:
    assert _decode(_files()[name]).size_wh == (90, 60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("name", _files())
@given(draw=st.data())
def test_a_mutated_file_decodes_or_is_a_picture_error(name: str, draw: st.DataObject) -> None:
    data = bytearray(_files()[name])
    near_the_front = st.integers(0, min(len(data) - 1, 200))
    anywhere = st.integers(0, len(data) - 1)
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(near_the_front | anywhere)] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.none() | anywhere)
    try:
        image = _decode(bytes(data[:cut]))
    except PictureError:
        return
    assert image.pixels.ndim == 3
    assert image.pixels.nbytes <= 3 * image.size_wh[0] * image.size_wh[1]


@settings(max_examples=150, deadline=None)
@given(
    magic=st.sampled_from([data[:12] for data in _files().values()] + [b"", b"GIF89a"]),
    rest=st.binary(max_size=300),
)
def test_random_bytes_behind_a_magic_are_a_picture_error(magic: bytes, rest: bytes) -> None:
    try:
        _decode(magic + rest)
    except PictureError:
        return


@pytest.mark.parametrize("side", [0, 1, 61, 10_000, 10_001, 65_535])
def test_a_jpeg_with_another_height_than_its_data_never_crashes(side: int) -> None:
    data = bytearray(_files()["jpeg"])
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 2] = struct.pack(">H", side)
    expected = PictureSizeError if side > 10_000 else (DamagedPictureError, type(None))
    try:
        _decode(bytes(data))
    except PictureError as error:
        assert isinstance(error, expected)  # noqa: PT017 - a shorter picture decodes


def test_a_jpeg_of_endless_scans_is_refused_before_it_costs_time() -> None:
    data = _files()["jpeg progressive"]
    scan = data.rindex(b"\xff\xda")
    bomb = data[:scan] + data[scan:-2] * 5000 + b"\xff\xd9"
    with pytest.raises(DamagedPictureError, match="scans"):
        _decode(bomb)


def test_a_webp_canvas_that_lies_is_refused() -> None:
    data = bytearray(_files()["webp alpha"])
    assert data[12:16] == b"VP8X"
    data[24:27] = (9_999).to_bytes(3, "little")
    with pytest.raises(DamagedPictureError, match="canvas"):
        _decode(bytes(data))
    data[24:30] = b"\xff" * 6
    with pytest.raises(PictureError):
        _decode(bytes(data))


def test_a_frame_outside_its_canvas_is_refused() -> None:
    data = bytearray(_files()["webp animated"])
    at = data.index(b"ANMF") + 8
    data[at : at + 3] = (5_000).to_bytes(3, "little")
    with pytest.raises(DamagedPictureError):
        _decode(bytes(data))


@pytest.mark.parametrize("size_wh", [(2**31 - 1, 1), (1, 2**31 - 1), (10_001, 1)])
def test_a_bmp_of_endless_sides_is_refused(size_wh: tuple[int, int]) -> None:
    data = bytearray(_files()["bmp runs"])
    data[18:26] = struct.pack("<ii", *size_wh)
    with pytest.raises(PictureSizeError):
        _decode(bytes(data))


@pytest.mark.parametrize("name", ["gif", "tiff", "ico", "ppm"])
def test_another_format_is_named_whatever_its_file_was_called(name: str) -> None:
    target = io.BytesIO()
    PillowImage.new("RGB", (32, 32)).save(target, name)
    with pytest.raises(UnsupportedFormatError):
        _decode(target.getvalue())
