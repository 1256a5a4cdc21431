"""The pictures that the benchmarks send.

Owns: JPEGs of given sizes, made from a folder of photographs or from the store's samples. Has no
opinion on: what is measured with them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

QUALITY = 90


def load_photographs(folder: Path) -> list[Image.Image]:
    """Load the JPEG and PNG photographs of a folder, in order of name, at most 40."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise SystemExit(f"no picture in {folder}; run: huiyan models pull --samples")
    return [Image.open(path).convert("RGB") for path in paths[:40]]


def jpeg(photograph: Image.Image, long_side_px: int) -> bytes:
    """Scale a photograph and encode it; fine grain stands in for a sensor's noise."""
    factor = long_side_px / max(photograph.size)
    size = (round(photograph.width * factor), round(photograph.height * factor))
    pixels = np.asarray(photograph.resize(size, Image.Resampling.BICUBIC), np.int16)
    if factor > 1:
        grain = np.random.default_rng(7).normal(0, 6, (*pixels.shape[:2], 1))
        pixels = np.clip(pixels + grain, 0, 255).astype(np.int16)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def twelve_megapixels(photograph: Image.Image) -> bytes:
    """Encode a photograph at 4000 by 3000 pixels, about 4 MB."""
    fitted = photograph.resize((1000, 750), Image.Resampling.BICUBIC)
    return jpeg(fitted, 4000)


def body_of(picture: bytes) -> bytes:
    """Build the request body for one picture."""
    text = base64.b64encode(picture).decode("ascii")
    return msgspec.json.encode({"image": text, "language": "zh", "threshold": 60.0, "limit": 50})


def mix(photographs: Sequence[Image.Image], count: int) -> list[bytes]:
    """Make the mix: 70 % of 500–1000 px, 25 % of 3 and 5 % of 12 megapixels, shuffled."""
    chance = np.random.default_rng(11)
    small = [jpeg(p, int(chance.integers(500, 1001))) for p in photographs]
    medium = [jpeg(p, 2000) for p in photographs[:12]]
    large = [twelve_megapixels(p) for p in photographs[:4]]
    chosen = []
    for index in range(count):
        share = (index % 20) / 20
        group = small if share < 0.70 else medium if share < 0.95 else large
        chosen.append(group[int(chance.integers(len(group)))])
    chance.shuffle(chosen)
    return chosen
