"""Pixels of every supported kind equal an independent decoder's, upright and over white."""

from __future__ import annotations

import functools
import io

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.errors import DamagedPictureError, PictureSizeError, UnsupportedFormatError

LIMITS = PictureLimits(frozenset(Format), 1, 10_000)
BUDGET = MemoryBudget(400 * 2**20)
SIZE_WH = (131, 77)


def _decode(data: bytes, min_short_side_px: int | None = None) -> Image:
    return decode(data, LIMITS, min_short_side_px, BUDGET)


def _scene() -> PillowImage.Image:
    noise = np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    return PillowImage.fromarray(noise).resize(SIZE_WH, PillowImage.Resampling.BICUBIC)


def _glassy() -> PillowImage.Image:
    scene = _scene()
    alpha = np.random.default_rng(1).integers(0, 255, SIZE_WH[::-1], dtype=np.uint8)
    scene.putalpha(PillowImage.fromarray(alpha))
    return scene


def _save(picture: PillowImage.Image, name: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, name, **options)
    return target.getvalue()


def _reference(data: bytes) -> NDArray[np.uint8]:
    picture = ImageOps.exif_transpose(PillowImage.open(io.BytesIO(data)))
    if picture.mode == "I;16":
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    white = PillowImage.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return np.asarray(white.convert("RGB"))


@functools.cache
def _kinds() -> dict[str, bytes]:
    scene, glassy = _scene(), _glassy()
    rng = np.random.default_rng(2)
    wide = {n: rng.integers(0, 65_535, (77, 131, n), dtype=np.uint16) for n in (1, 3, 4)}
    return {
        "png grey": _save(scene.convert("L"), "PNG"),
        "png grey 1 bit": _save(scene.convert("1"), "PNG"),
        "png grey 16 bit": _save(PillowImage.fromarray(wide[1][..., 0]), "PNG"),
        "png grey alpha": _save(glassy.convert("LA"), "PNG"),
        "png grey key": _save(scene.convert("L"), "PNG", transparency=100),
        "png rgb": _save(scene, "PNG"),
        "png rgb key": _save(scene, "PNG", transparency=scene.getpixel((5, 5))),
        "png rgb 16 bit": cv2.imencode(".png", wide[3])[1].tobytes(),
        "png rgba": _save(glassy, "PNG"),
        "png rgba 16 bit": cv2.imencode(".png", wide[4])[1].tobytes(),
        "png palette 1 bit": _save(scene.quantize(2), "PNG"),
        "png palette 2 bit": _save(scene.quantize(4), "PNG"),
        "png palette 4 bit": _save(scene.quantize(16), "PNG"),
        "png palette 8 bit": _save(scene.quantize(200), "PNG"),
        "png palette alpha": _save(scene.quantize(99), "PNG", transparency=bytes(range(99))),
        "png animated": _save(
            scene, "PNG", save_all=True, append_images=[glassy], default_image=True
        ),
        "bmp 1 bit": _save(scene.convert("1"), "BMP"),
        "bmp palette": _save(scene.quantize(200), "BMP"),
        "bmp grey": _save(scene.convert("L"), "BMP"),
        "bmp 24 bit": _save(scene, "BMP"),
        "bmp 32 bit": _save(glassy, "BMP"),
        "webp lossy": _save(scene, "WEBP"),
        "webp lossy alpha": _save(glassy, "WEBP"),
        "webp lossless": _save(scene, "WEBP", lossless=True),
        "webp lossless alpha": _save(glassy, "WEBP", lossless=True, exact=True),
        "webp animated": _save(
            scene, "WEBP", save_all=True, append_images=[glassy, scene.rotate(90)], lossless=True
        ),
        "jpeg": _save(scene, "JPEG"),
        "jpeg 4:4:4": _save(scene, "JPEG", subsampling=0),
        "jpeg progressive": _save(scene, "JPEG", progressive=True),
        "jpeg grey": _save(scene.convert("L"), "JPEG"),
        "jpeg with a tail": _save(scene, "JPEG") + b"tail" * 99,
        "jpeg of two frames": _save(
            scene, "MPO", save_all=True, append_images=[glassy.convert("RGB")]
        ),
    }


@pytest.mark.parametrize("kind", _kinds())
def test_pixels_are_those_of_an_independent_decoder(kind: str) -> None:
    data = _kinds()[kind]
    image = _decode(data)
    assert np.array_equal(image.pixels, _reference(data))
    assert image.size_wh == SIZE_WH
    assert image.pixels.dtype == np.uint8
    assert image.pixels.flags.c_contiguous


def test_a_cmyk_jpeg_gets_its_colours() -> None:
    data = _save(_scene().convert("CMYK"), "JPEG")
    difference = _decode(data).pixels.astype(int) - _reference(data)
    assert abs(difference).max() <= 1


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(name: str, orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[0x112] = orientation
    options = {"lossless": True} if name == "WEBP" else {}
    data = _save(_scene(), name, exif=exif.tobytes(), **options)
    image = _decode(data)
    assert np.array_equal(image.pixels, _reference(data))
    assert image.size_wh == (SIZE_WH if orientation < 5 else SIZE_WH[::-1])
    assert _decode(data, 20).size_wh == image.size_wh


@pytest.mark.parametrize("kind", _kinds())
@pytest.mark.parametrize("least_px", [1, 7, 20, 38, 39, 77, 500])
def test_a_reduced_picture_keeps_the_short_side_it_must(kind: str, least_px: int) -> None:
    image = _decode(_kinds()[kind], least_px)
    short = min(image.pixels.shape[:2])
    assert min(least_px, 77) <= short <= 77
    assert image.size_wh == SIZE_WH


def test_reduction_averages_and_skips_nothing() -> None:
    board = (np.indices((400, 400)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for name, options in (("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True})):
        data = _save(PillowImage.fromarray(board).convert("RGB"), name, **options)
        pixels = _decode(data, 100).pixels
        assert pixels.shape == (100, 100, 3)
        assert abs(pixels.astype(int) - 127).max() <= 1


def test_a_large_webp_is_halved_without_skipping() -> None:
    board = (np.indices((2400, 2400)).sum(axis=0) % 2 * 255).astype(np.uint8)
    data = _save(PillowImage.fromarray(board).convert("RGB"), "WEBP", lossless=True, method=0)
    pixels = _decode(data, 500).pixels
    assert pixels.shape == (600, 600, 3)
    assert abs(pixels.astype(int) - 127).max() <= 1


def test_an_empty_file_is_damaged() -> None:
    with pytest.raises(DamagedPictureError, match="empty"):
        _decode(b"")


def test_a_format_outside_the_list_is_refused_by_content() -> None:
    limits = PictureLimits(frozenset({Format.JPEG, Format.PNG}), 1, 10_000)
    with pytest.raises(UnsupportedFormatError, match="WEBP; taken are JPEG, PNG"):
        decode(_kinds()["webp lossy"], limits, None, BUDGET)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (PictureLimits(frozenset(Format), 78, 10_000), "78 to 10000"),
        (PictureLimits(frozenset(Format), 1, 130), "1 to 130"),
        (PictureLimits(frozenset(Format), 1, 10_000, max_file_bytes=99), "at most 99"),
        (PictureLimits(frozenset(Format), 1, 10_000, max_pixels=9_999), "at most 9999"),
    ],
)
def test_a_picture_outside_the_limits_is_refused_with_the_numbers(
    limits: PictureLimits, text: str
) -> None:
    with pytest.raises(PictureSizeError, match=text):
        decode(_kinds()["png rgb"], limits, None, BUDGET)


@pytest.mark.parametrize("size_wh", [(131, 77), (77, 131)])
def test_sides_at_the_limits_pass(size_wh: tuple[int, int]) -> None:
    limits = PictureLimits(frozenset(Format), 77, 131)
    data = _save(_scene().resize(size_wh), "PNG")
    assert decode(data, limits, None, BUDGET).size_wh == size_wh


@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP", "WEBP"])
@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1), (2, 3)])
def test_the_narrowest_pictures_decode(name: str, size_wh: tuple[int, int]) -> None:
    image = _decode(_save(_scene().resize(size_wh), name), 312)
    assert image.pixels.shape == (size_wh[1], size_wh[0], 3)


def test_a_budget_that_is_too_small_refuses_with_the_numbers() -> None:
    data = _save(_scene().resize((3000, 3000)), "WEBP", method=0)
    with pytest.raises(PictureSizeError, match="MiB of memory; at most 20 MiB"):
        decode(data, LIMITS, None, MemoryBudget(20 * 2**20))
