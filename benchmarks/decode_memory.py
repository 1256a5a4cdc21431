"""How far decoding the largest allowed pictures makes a process grow.

Each case makes a 10,000 × 10,000 px file within 7.5 MiB and decodes it in a fresh process, once as
the classifier asks for it (short side at least 312 px) and once in full. Printed: seconds, and the
growth of the peak resident memory over what the process held before, or the refusal.

Usage: ``python benchmarks/decode_memory.py [--json] [CASE …]``
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.library import set_up_libraries
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import PictureError
from huiyan.kernel.units import MIB_BYTES, PixelArray

SIDE = 10_000
BUDGET_MIB = 400
Maker = Callable[[], bytes]


def _scene() -> PixelArray:
    noise = np.random.default_rng(7).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    return np.asarray(
        PillowImage.fromarray(noise).resize((SIDE, SIDE), PillowImage.Resampling.BICUBIC)
    )


def _save(pixels: PixelArray, name: str, **options: object) -> bytes:
    target = io.BytesIO()
    PillowImage.fromarray(pixels).save(target, name, **options)
    return target.getvalue()


def _png(colour: int, depth: int, channels: int, *, interlaced: bool = False) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    packer = zlib.compressobj(6)
    packed = []
    if interlaced:
        passes = (
            (0, 0, 8, 8),
            (4, 0, 8, 8),
            (0, 4, 4, 8),
            (2, 0, 4, 4),
            (0, 2, 2, 4),
            (1, 0, 2, 2),
        )
        for left, top, step_x, step_y in (*passes, (0, 1, 1, 2)):
            across, down = -(-(SIDE - left) // step_x), -(-(SIDE - top) // step_y)
            row = b"\x01" + b"\x07" * (-(-across * channels * depth // 8))
            packed += [packer.compress(row) for _ in range(down)]
    else:
        rng = np.random.default_rng(3)
        size = -(-SIDE * channels * depth // 8)
        rows = [
            bytes([kind])
            + np.repeat(rng.integers(0, 4, -(-size // 250), dtype=np.uint8), 250)[:size].tobytes()
            for kind in (0, 1, 2, 3, 4)
        ]
        packed += [packer.compress(rows[row % 5]) for row in range(SIDE)]
    packed.append(packer.flush())
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(range(255)) * 3 + b"\x00" * 3) if colour == 3 else b""
    transparency = chunk(b"tRNS", bytes(range(256))) if colour == 3 else b""
    parts = (chunk(b"IHDR", header), palette, transparency, chunk(b"IDAT", b"".join(packed)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def _bmp(bits: int, compression: int, body: bytes) -> bytes:
    palette = bytes(range(256)) * 4 if bits <= 8 else b""
    head = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, bits, compression, 0, 0, 0, 0, 0)
    start = 14 + len(head) + len(palette)
    return struct.pack("<2sIII", b"BM", start + len(body), 0, start) + head + palette + body


def _alpha_scene() -> PixelArray:
    return np.dstack([_scene(), np.full((SIDE, SIDE), 99, np.uint8)])


def _blocks(side: int) -> PixelArray:
    at = np.arange(side)
    planes = np.broadcast_arrays((at // 64)[None], (at // 64)[:, None], (at // 128)[None])
    return np.stack(planes, axis=2).astype(np.uint8)


CASES: dict[str, Maker] = {
    "jpeg baseline 4:2:0": lambda: _save(_scene(), "JPEG", quality=80),
    "jpeg baseline 4:4:4": lambda: _save(_scene(), "JPEG", quality=80, subsampling=0),
    "jpeg progressive 4:2:0": lambda: _save(_scene(), "JPEG", quality=70, progressive=True),
    "jpeg progressive 4:4:4": lambda: _save(
        _scene(), "JPEG", quality=60, progressive=True, subsampling=0
    ),
    "png grey 1 bit": lambda: _png(0, 1, 1),
    "png grey 8 bit": lambda: _png(0, 8, 1),
    "png palette and alpha": lambda: _png(3, 8, 1),
    "png rgb 8 bit": lambda: _png(2, 8, 3),
    "png rgba 8 bit": lambda: _png(6, 8, 4),
    "png rgb 16 bit": lambda: _png(2, 16, 3),
    "png rgba 16 bit": lambda: _png(6, 16, 4),
    "png rgb 8 bit interlaced": lambda: _png(2, 8, 3, interlaced=True),
    "png rgba 16 bit interlaced": lambda: _png(6, 16, 4, interlaced=True),
    "webp lossy": lambda: _save(_scene(), "WEBP", quality=60, method=0),
    "webp lossy alpha": lambda: _save(_alpha_scene(), "WEBP", quality=40, method=0),
    "webp lossy alpha, 6900 px": lambda: _save(
        np.ascontiguousarray(_alpha_scene()[:6900, :6900]), "WEBP", quality=40, method=0
    ),
    "webp lossless alpha, 6900 px": lambda: _save(
        np.dstack([_blocks(6900), np.full((6900, 6900), 99, np.uint8)]),
        "WEBP",
        lossless=True,
        quality=0,
        method=1,
    ),
    "webp lossless": lambda: _save(_blocks(SIDE), "WEBP", lossless=True, quality=0, method=1),
    "webp lossless, 7000 px": lambda: _save(
        _blocks(7000), "WEBP", lossless=True, quality=0, method=1
    ),
    "bmp run-length": lambda: _bmp(
        8, 1, (b"\xff\x05" * 39 + b"\x37\x09\x00\x00") * SIDE + b"\x00\x01"
    ),
    "bmp that lies": lambda: _bmp(24, 0, b"\x00" * 4096),
}


def _read_peak_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("this system does not tell the peak of resident memory")


def measure(path: Path, min_short_side_px: int | None) -> dict[str, object]:
    """Decode one file in this process.

    Parameters
    ----------
    path : Path
        The file.
    min_short_side_px : int, optional
        As for `decode`.

    Returns
    -------
    dict
        ``growth_mb`` (10^6 bytes), ``seconds`` and ``outcome``.
    """
    set_up_libraries()
    budget = MemoryBudget(BUDGET_MIB * MIB_BYTES)
    limits = PictureLimits(frozenset(Format), 1, SIDE)
    data = path.read_bytes()
    Path("/proc/self/clear_refs").write_text("5")
    before = _read_peak_mb()
    start = time.perf_counter()
    try:
        image = decode(data, limits, min_short_side_px, budget)
        outcome = "x".join(map(str, image.pixels.shape[1::-1]))
    except PictureError as error:
        outcome = f"refused: {error}"
    seconds = time.perf_counter() - start
    return {"growth_mb": _read_peak_mb() - before, "seconds": seconds, "outcome": outcome}


def main(arguments: list[str]) -> None:
    """Run the cases.

    Parameters
    ----------
    arguments : list of str
        The command line without the program.
    """
    if arguments[:1] == ["--make"]:
        Path(arguments[2]).write_bytes(CASES[arguments[1]]())
        return
    if arguments[:1] == ["--one"]:
        side = int(arguments[2]) or None
        print(json.dumps(measure(Path(arguments[1]), side)))
        return
    as_json = "--json" in arguments
    names = [name for name in arguments if name != "--json"] or list(CASES)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / "picture"
            subprocess.run([sys.executable, __file__, "--make", name, str(path)], check=True)
            for side in (312, 0):
                command = [sys.executable, __file__, "--one", str(path), str(side)]
                found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                row = {
                    "case": name,
                    "file_bytes": path.stat().st_size,
                    "min_short_side_px": side or None,
                }
                rows.append(row | json.loads(found))
                if not as_json:
                    _print_row(rows[-1])
    if as_json:
        print(json.dumps(rows, indent=1))


def _print_row(row: dict[str, object]) -> None:
    print(
        f"{row['case']:<28} {row['file_bytes']:>9,} B  side {row['min_short_side_px'] or 'full':>4}"
        f"  {row['seconds']:6.2f} s  +{row['growth_mb']:5.0f} MB  {row['outcome']}",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
