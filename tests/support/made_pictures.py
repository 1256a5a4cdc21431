"""Pictures made on the spot, good and hostile."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image


def photograph_like(width_px: int = 64, height_px: int = 48, seed: int = 1) -> Image.Image:
    rough = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(rough).resize((width_px, height_px), Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)  # type: ignore[arg-type]
    return file.getvalue()


def jpeg(width_px: int = 64, height_px: int = 48, seed: int = 1) -> bytes:
    return encoded(photograph_like(width_px, height_px, seed), quality=85)


def png_bomb(width_px: int, height_px: int) -> bytes:
    """A few kilobytes that say they are a very large picture of one colour."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(min(height_px * (1 + 3 * width_px), 2**24)))
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND")
    )


def animation() -> bytes:
    frames = [photograph_like(seed=seed) for seed in range(4)]
    return encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50)


def animated_png() -> bytes:
    frames = [photograph_like(seed=seed) for seed in range(4)]
    return encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=50)


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
