"""Bombs do not make the process grow beyond what the documents promise."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import DamagedPictureError, PictureError, PictureSizeError

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "decode_memory.py"
GROWTH_LIMIT_MB = 450
CHEAP = ["png grey 1 bit", "bmp that lies", "bmp run-length"]
LONG = [
    "jpeg baseline 4:2:0", "jpeg progressive 4:2:0", "jpeg progressive 4:4:4", "png grey 8 bit",
    "png palette and alpha", "png rgb 8 bit", "png rgba 8 bit", "png rgb 16 bit", "png rgba 16 bit",
    "png rgb 8 bit interlaced", "png rgba 16 bit interlaced", "webp lossy", "webp lossy alpha",
    "webp lossless", "webp lossless, 7000 px",
    "webp lossy alpha, 6900 px", "webp lossless alpha, 6900 px",
]  # fmt: skip
LIMITS = PictureLimits(frozenset(Format), 1, 10_000)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(size_wh: tuple[int, int], *parts: bytes) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size_wh, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts) + _chunk(b"IEND", b"")


@pytest.mark.parametrize("case", [*CHEAP, *(pytest.param(c, marks=pytest.mark.slow) for c in LONG)])
def test_the_largest_pictures_stay_within_the_promise(case: str) -> None:
    command = [sys.executable, str(BENCHMARK), "--json", case]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    for row in json.loads(found.stdout):
        assert row["growth_mb"] <= GROWTH_LIMIT_MB, row


@pytest.mark.parametrize("size_wh", [(60_000, 60_000), (10_001, 1), (2**31 - 1, 2**31 - 1)])
def test_a_header_that_claims_too_much_is_refused_unseen(size_wh: tuple[int, int]) -> None:
    data = _png(size_wh, _chunk(b"IDAT", zlib.compress(b"")))
    with pytest.raises(PictureSizeError):
        decode(data, LIMITS, 312, MemoryBudget(400 * 2**20))


def test_sides_without_a_limit_are_still_bounded_by_pixels() -> None:
    unlimited = PictureLimits(frozenset(Format), 1, 2**31)
    data = _png((60_000, 60_000), _chunk(b"IDAT", zlib.compress(b"")))
    with pytest.raises(PictureSizeError, match="in all"):
        decode(data, unlimited, 312, MemoryBudget(400 * 2**20))


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt", b"eXIf"])
def test_bombs_beside_the_pixels_are_never_inflated(kind: bytes) -> None:
    bomb = b"name\x00\x00" + zlib.compress(bytes(50_000_000), 9)
    pixels = zlib.compress(b"\x00\x01\x02\x03")
    data = _png((1, 1), _chunk(kind, bomb), _chunk(b"IDAT", pixels))
    assert decode(data, LIMITS, 312, MemoryBudget(2**20)).pixels.tolist() == [[[1, 2, 3]]]


def test_a_flood_of_empty_chunks_is_refused() -> None:
    data = _png((1, 1), _chunk(b"tEXt", b"") * 60_000)
    with pytest.raises(DamagedPictureError, match="chunks"):
        decode(data, LIMITS, 312, MemoryBudget(2**20))


def test_a_header_that_promises_more_than_the_data_hold_is_refused() -> None:
    data = _png((10_000, 10_000), _chunk(b"IDAT", zlib.compress(bytes(1000))))
    with pytest.raises(DamagedPictureError, match="fewer pixels"):
        decode(data, LIMITS, 312, MemoryBudget(400 * 2**20))


def test_large_decodes_at_once_all_finish_or_are_refused() -> None:
    budget = MemoryBudget(40 * 2**20)
    rows = zlib.compress((b"\x02" + bytes(9_000)) * 3_000)
    data = _png((3_000, 3_000), _chunk(b"IDAT", rows))
    outcomes: list[object] = []

    def work() -> None:
        try:
            outcomes.append(decode(data, LIMITS, 312, budget).pixels.shape)
        except PictureError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes == [(334, 334, 3)] * 8


LEAK_SCRIPT = """
import gc, io, sys
import numpy as np, psutil
from PIL import Image as P
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.library import set_up_libraries
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import PictureError
set_up_libraries()
limits, budget = PictureLimits(frozenset(Format), 1, 10_000), MemoryBudget(400 * 2**20)
rng = np.random.default_rng(0)
files = []
for side in (50, 300, 900):
    noise = rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)
    scene = P.fromarray(noise).resize((side, side * 3 // 4))
    for name in ("JPEG", "PNG", "BMP", "WEBP"):
        out = io.BytesIO(); scene.save(out, name); files += [out.getvalue(), out.getvalue()[:-999]]
def run(count):
    for index in range(count):
        try: decode(files[index % len(files)], limits, 312, budget)
        except PictureError: pass
    gc.collect()
run(150); before = psutil.Process().memory_info().rss
run(1000); print((psutil.Process().memory_info().rss - before) / 1e6)
"""


def test_a_thousand_mixed_decodes_leave_no_growth() -> None:
    command = [sys.executable, "-c", LEAK_SCRIPT]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert float(found.stdout) < 8
    assert not found.stderr
