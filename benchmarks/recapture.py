"""What judging a picture costs: time by parts on one core, and memory above an idle process.

The pictures are made: light, things and a sensor's grain, with and without a QR code, as
JPEG. Times are medians over ``--repeat`` rounds in one thread on one core, on the clock and of the
processor: where other work shares the core, only the latter tells. ``call`` is everything from the
request's body to the answer's. Memory is the growth of a fresh process's peak during one
call, after it answered a small picture.

Usage: ``python benchmarks/recapture.py [--repeat N] [--json]``
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
import zxingcpp
from PIL import Image as PillowImage
from PIL import ImageDraw

from huiyan.assembly import LITE0_CARD, LITE2_CARD, open_store
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import open_picture
from huiyan.imaging.library import set_up_libraries
from huiyan.imaging.picture import MAX_FILE_BYTES, Image
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import MIB_BYTES, PixelArray
from huiyan.perception.barcode import find_barcodes
from huiyan.perception.patches import Place, choose_places, cut_patches, overview
from huiyan.perception.recapture_networks import OUTPUT_NAMES, SIDE_PX, RecaptureNetwork
from huiyan.recapture.capability import PICTURE_LIMITS, recapture_capabilities
from huiyan.recapture.fusion import load_fusion
from huiyan.recapture.recogniser import CODE_PATCH_COUNT, PATCH_COUNT, RecaptureRecogniser
from huiyan.recognition.model import PictureBytes
from huiyan.runtime.engine import open_session
from huiyan.runtime.fan_out import FanOut

WARM_UP_ROUNDS = 2
QUALITIES = (90, 80, 65, 50, 35, 20)
BAND_ROWS = 500
UPRIGHT, TURNED = 1, 6


@dataclass(frozen=True, slots=True)
class Case:
    """A picture to be judged."""

    width: int
    height: int
    has_code: bool = True
    is_progressive: bool = False
    orientation: int = UPRIGHT


TIMED = {"12 MP": Case(4000, 3000, has_code=False), "12 MP with a code": Case(4000, 3000)}
WEIGHED = {
    **TIMED,
    "12 MP turned": Case(4000, 3000, orientation=TURNED),
    "12 MP progressive": Case(4000, 3000, is_progressive=True),
    "100 MP": Case(10_000, 10_000),
    "100 MP turned": Case(10_000, 10_000, orientation=TURNED),
    "100 MP progressive": Case(10_000, 10_000, is_progressive=True),
}


def paint_scene(width: int, height: int) -> PixelArray:
    """Paint cloudy light, things with edges, and grain, in bands: little more than the pixels."""
    rng = np.random.default_rng(7)
    across, down = width // 2, height // 2
    light = np.zeros((down, across, 3), np.float32)
    for side in (4, 12, 40, 130, 400, 1000):
        spots = rng.normal(0, 160 / side**0.55, (side, side, 1)) + rng.normal(0, 20, (1, 1, 3))
        plane = PillowImage.fromarray(np.clip(spots + 128, 0, 255).astype(np.uint8))
        light += np.asarray(
            plane.resize((across, down), PillowImage.Resampling.BICUBIC), np.float32
        )
    ground = PillowImage.fromarray(
        np.clip((light - light.mean()) / 2 + 120, 0, 255).astype(np.uint8)
    )
    things = ground.copy()
    brush = ImageDraw.Draw(things)
    for _ in range(90):
        shape_wh = rng.uniform(0.01, 0.16, 2) * (across, down)
        left_top = rng.uniform(-0.05, 1, 2) * (across, down)
        corners = (*left_top, *(left_top + shape_wh))
        colour = tuple(np.clip(rng.normal(110, 45) + rng.normal(0, 25, 3), 0, 255).astype(int))
        (brush.ellipse if rng.random() < 0.5 else brush.rectangle)(corners, fill=colour)
    scene = PillowImage.blend(ground, things, 0.6)
    pixels = np.array(scene.resize((width, height), PillowImage.Resampling.BICUBIC))
    grain = rng.normal(0, 6, (BAND_ROWS, width, 1)).astype(np.int16)
    for top in range(0, height, BAND_ROWS):
        band = pixels[top : top + BAND_ROWS]
        band[...] = np.clip(band + grain[: len(band)], 0, 255)
    return pixels


def make_jpeg(case: Case) -> bytes:
    """Make a case's file, as good as the largest file allows."""
    pixels = paint_scene(case.width, case.height)
    if case.has_code:
        code = zxingcpp.create_barcode(
            "https://example.org/goods/4711-0815", zxingcpp.BarcodeFormat.QRCode
        )
        scale = case.width // 200
        grey = np.asarray(code.to_image(scale=scale, add_quiet_zones=True))
        left, top = case.width // 2, case.height // 3
        pixels[top : top + grey.shape[0], left : left + grey.shape[1]] = grey[..., None]
    exif = PillowImage.Exif()
    exif[0x112] = case.orientation
    for quality in QUALITIES:
        target = io.BytesIO()
        PillowImage.fromarray(pixels).save(
            target, "JPEG", quality=quality, exif=exif.tobytes(), progressive=case.is_progressive
        )
        if len(target.getvalue()) <= MAX_FILE_BYTES:
            return target.getvalue()
    raise SystemExit(f"{case} fits into no file that the operation takes")


class StopWatch:
    """Times one part after the other, on the clock and of the processor."""

    def __init__(self) -> None:
        self.spent_ms: dict[str, tuple[float, float]] = {}
        self._at = time.perf_counter(), time.process_time()

    def note(self, part: str) -> None:
        """Count what has passed since the last part."""
        now = time.perf_counter(), time.process_time()
        self.spent_ms[part] = 1000 * (now[0] - self._at[0]), 1000 * (now[1] - self._at[1])
        self._at = now


class Desk:
    """Everything that judges pictures, in one thread."""

    def __init__(self) -> None:
        settings = load_settings()
        set_up_libraries()
        store = open_store(settings)
        self.budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)

        def network(name: str) -> RecaptureNetwork:
            card = store.card(name)
            cache = settings.data_dir / "compiled"
            path = store.path(card)
            return RecaptureNetwork(open_session(card, path, OUTPUT_NAMES, "cpu", 1, cache))

        self.networks = network(LITE0_CARD), network(LITE2_CARD)
        recogniser = RecaptureRecogniser(*self.networks, load_fusion(), FanOut(1))
        self._capability = recapture_capabilities(recogniser)[0]
        self._recogniser = recogniser

    def call(self, body: bytes) -> bytes:
        """Answer a request, all but HTTP."""
        parsed = self._capability.parse(body)
        if not isinstance(parsed.source, PictureBytes):
            raise SystemExit("the benchmark sends pictures, no addresses")
        data = parsed.source.data
        with open_picture(data, PICTURE_LIMITS, None, self.budget) as image:
            judgement = self._recogniser.recognise(image, parsed.params)
        return self._capability.render(judgement, parsed.params)

    def time_parts(self, data: bytes, watch: StopWatch) -> None:
        """Do a call's parts one by one, as the recogniser does."""
        with open_picture(data, PICTURE_LIMITS, None, self.budget) as image:
            watch.note("decode")
            codes = find_barcodes(image)
            watch.note("barcode")
            shared = self._choose(image, codes[0].corners_xy if codes else None)
            watch.note("choose")
            view = overview(image, SIDE_PX)
            watch.note("overview")
            for network in self.networks:
                network.judge_view(view)
            watch.note("overview by both networks")
            for network, places in zip(self.networks, shared, strict=True):
                for place in places:
                    network.judge_square(cut_patches(image, (place,), SIDE_PX)[0])
            watch.note("squares")

    @staticmethod
    def _choose(
        image: Image, corners_xy: tuple[tuple[float, float], ...] | None
    ) -> tuple[tuple[Place, ...], ...]:
        on_code: tuple[Place, ...] = ()
        if corners_xy is not None:
            across, down = zip(*corners_xy, strict=True)
            region = (min(across), min(down), max(across), max(down))
            on_code = choose_places(image, SIDE_PX, CODE_PATCH_COUNT, region)
        others = choose_places(image, SIDE_PX, PATCH_COUNT)
        rest = [place for place in others if place not in on_code]
        elsewhere = tuple(rest[: PATCH_COUNT - (CODE_PATCH_COUNT if on_code else 0)])
        return tuple((on_code[turn::2] or on_code) + elsewhere[turn::2] for turn in range(2))


def body_of(data: bytes) -> bytes:
    """Build the request's body."""
    return msgspec.json.encode({"image": base64.b64encode(data).decode("ascii"), "explain": True})


def keep_to_one_core() -> None:
    """Stay on the last core that this process may use, where the system lets it."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measure_times(path: Path, repeat: int) -> dict[str, dict[str, float]]:
    """Give each part's median, and the whole call's, in milliseconds."""
    keep_to_one_core()
    desk = Desk()
    data = path.read_bytes()
    body = body_of(data)
    rounds: list[dict[str, tuple[float, float]]] = []
    for _ in range(WARM_UP_ROUNDS + repeat):
        watch = StopWatch()
        desk.time_parts(data, watch)
        watch.note("")
        desk.call(body)
        watch.note("call")
        rounds.append(watch.spent_ms)
    counted = rounds[WARM_UP_ROUNDS:]
    return {
        part: {
            "clock_ms": statistics.median(it[part][0] for it in counted),
            "processor_ms": statistics.median(it[part][1] for it in counted),
        }
        for part in counted[0]
        if part
    }


def _read_peak_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("this system does not tell the peak of resident memory")


def measure_memory(path: Path, _repeat: int) -> dict[str, object]:
    """Answer once; give the idle process and the peak above it, in 10^6 bytes."""
    keep_to_one_core()
    desk = Desk()
    small = io.BytesIO()
    PillowImage.fromarray(paint_scene(400, 300)).save(small, "JPEG")
    desk.call(body_of(small.getvalue()))
    body = body_of(path.read_bytes())
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    idle_mb = _read_peak_mb()
    began = time.perf_counter()
    answer = msgspec.json.decode(desk.call(body))
    return {
        "idle_mb": idle_mb,
        "growth_mb": _read_peak_mb() - idle_mb,
        "seconds": time.perf_counter() - began,
        "code_read": answer["result"]["huiyan"]["barcode"] is not None,
    }


MEASURES: dict[str, Callable[[Path, int], object]] = {
    "time": measure_times,
    "memory": measure_memory,
}


def measure_all(repeat: int, folder: Path) -> list[dict[str, object]]:
    """Make each picture and measure it, each step in a process of its own."""
    rows: list[dict[str, object]] = []
    for name, case in WEIGHED.items():
        path = folder / "picture.jpg"
        _run_step("--make", name, path, repeat)
        row: dict[str, object] = {"picture": name, **asdict(case), "bytes": path.stat().st_size}
        if name in TIMED:
            row["time"] = json.loads(_run_step("--time", name, path, repeat))
        row["memory"] = json.loads(_run_step("--memory", name, path, repeat))
        rows.append(row)
    return rows


def _run_step(step: str, name: str, path: Path, repeat: int) -> str:
    command = [sys.executable, __file__, step, name, "--file", str(path), "--repeat", str(repeat)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def print_rows(rows: list[dict[str, object]]) -> None:
    """Print what was measured as two tables."""
    for row in rows:
        times = row.get("time")
        if isinstance(times, dict):
            heading = f"{row['picture']}, {row['bytes']:,} B"
            print(f"{heading:<32} {'clock':>10} {'processor':>10}")
            for part, it in times.items():
                print(f"  {part:<30} {it['clock_ms']:>7.1f} ms {it['processor_ms']:>7.1f} ms")
    print(
        f"\n{'picture':<22} {'file':>11} {'idle':>8} {'above idle':>11} {'seconds':>8}  code read"
    )
    for row in rows:
        memory = row["memory"]
        if isinstance(memory, dict):
            print(
                f"{row['picture']:<22} {row['bytes']:>9,} B {memory['idle_mb']:>5.0f} MB "
                f"{memory['growth_mb']:>8.0f} MB {memory['seconds']:>8.2f}  {memory['code_read']}"
            )


def main() -> None:
    """Measure, or do one step of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--make", choices=WEIGHED, help=argparse.SUPPRESS)
    parser.add_argument("--time", choices=WEIGHED, help=argparse.SUPPRESS)
    parser.add_argument("--memory", choices=WEIGHED, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        arguments.file.write_bytes(make_jpeg(WEIGHED[arguments.make]))
        return
    for step, measure in MEASURES.items():
        if getattr(arguments, step):
            print(json.dumps(measure(arguments.file, arguments.repeat)))
            return
    with tempfile.TemporaryDirectory() as folder:
        rows = measure_all(arguments.repeat, Path(folder))
    if arguments.json:
        print(json.dumps(rows, indent=1))
    else:
        print_rows(rows)


if __name__ == "__main__":
    main()
