"""What faces of which size are found in large pictures, how well they are told apart, and the time.

Run it with a folder of labelled portraits (labels.csv with file, name, role), for example
``python benchmarks/face_detection.py --data faces_sample``; without, the store's sample portrait is
the only face. Each scene has two grounds: varied, pictures without people side by side (from
``--backgrounds DIR``, else the samples), and calm, one of them so large that it has no detail.
``--sizes`` lists the scenes.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from huiyan.assembly import open_store
from huiyan.evaluation.face_scene import Portrait, Scene, compose_scene, match_faces
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.draw import encode_jpeg
from huiyan.imaging.library import set_up_libraries
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.settings import Settings, load_settings
from huiyan.kernel.units import KIB_BYTES, MIB_BYTES, FloatArray, PixelArray
from huiyan.perception import face_embedder, faces
from huiyan.perception.face_embedder import FaceEmbedder
from huiyan.perception.face_pyramid import FIRST_MIN_SCORE, FacePyramid, lay_parts
from huiyan.perception.face_reader import FaceReader, FaceReadings
from huiyan.perception.faces import FaceDetector
from huiyan.runtime.engine import open_session
from huiyan.runtime.fan_out import FanOut
from huiyan.runtime.session import Session
from huiyan.runtime.store import ModelStore

SIDES_PX = (20, 30, 40, 60, 100, 300, 800)
COUNTS = (10, 20, 40, 25, 12, 4, 1)
SAMPLES = ("sample-china", "sample-coffee", "sample-chelsea", "sample-flower", "sample-rocket")
SAME_PERSON = 0.363
"""The network's published threshold."""

LIMITS = PictureLimits(
    frozenset(Format), min_side_px=1, max_side_px=10_000, max_file_bytes=64 * MIB_BYTES
)
"""A scene of 100 megapixels made of photographs is larger than a request may be."""


def _read(path: Path, min_short_side_px: int | None = None) -> Image:
    return decode(path.read_bytes(), LIMITS, min_short_side_px, MemoryBudget(400 * MIB_BYTES))


def open_reader(settings: Settings, store: ModelStore, threads: int) -> FaceReader:
    """Open the starter networks as the server does."""

    def network(name: str, outputs: tuple[str, ...]) -> Session:
        card = store.card(name)
        cache = settings.data_dir / "compiled"
        return open_session(card, store.path(card), outputs, "cpu", threads, cache)

    fan_out = FanOut(threads)
    detector = FaceDetector(network("yunet-2023mar", faces.OUTPUT_NAMES), FIRST_MIN_SCORE)
    embedder = FaceEmbedder(network("sface-2021dec", face_embedder.OUTPUT_NAMES), "sface", fan_out)
    return FaceReader(FacePyramid(detector, fan_out), embedder)


def load_portraits(
    reader: FaceReader, store: ModelStore, folder: Path | None
) -> tuple[list[Portrait], FloatArray]:
    """Load pictures with one sure face each, and what each face's embedding is."""
    paths = [store.path(store.card("sample-astronaut"))]
    if folder is not None:
        with (folder / "labels.csv").open(encoding="utf-8") as rows:
            paths = [folder / row["file"] for row in csv.DictReader(rows)][::12]
    portraits, embeddings = [], []
    for path in paths:
        image = _read(path)
        found = reader.read(image)
        if len(found.side_px) == 1 and found.faces.scores[0] > 0.85:
            portraits.append(Portrait(image.pixels, found.faces.xyxy[0]))
            embeddings.append(found.embeddings[0])
    return portraits, np.array(embeddings)


def load_backgrounds(
    reader: FaceReader, store: ModelStore, folder: Path | None
) -> list[PixelArray]:
    """Load pictures in which nobody is."""
    paths = [store.path(store.card(name)) for name in SAMPLES]
    if folder is not None:
        paths = sorted(folder.rglob("*.jpg"))[:200]
    pictures = [_read(path).pixels for path in paths]
    return [
        it
        for it in pictures
        if min(it.shape[:2]) >= 300
        and not len(reader.read(Image(it, (it.shape[1], it.shape[0]))).side_px)
    ]


def enlarge(pixels: PixelArray, width: int, height: int) -> PixelArray:
    """Enlarge a picture to the size of a scene."""
    return np.asarray(Picture.fromarray(pixels).resize((width, height), Picture.Resampling.BICUBIC))


def measure(
    reader: FaceReader, scene: Scene, data: bytes, own: FloatArray
) -> tuple[dict[int, list[float]], int, str]:
    """Read one scene: cosines with the portrait by size (-2 for a face not found), false ones."""
    started = time.perf_counter()
    image = decode(data, LIMITS, reader.min_short_side_px, MemoryBudget(400 * MIB_BYTES))
    decoded = time.perf_counter()
    found: FaceReadings = reader.read(image)
    ended = time.perf_counter()
    which = match_faces(scene.xyxy, found.faces.xyxy)
    by_size: dict[int, list[float]] = {}
    for number, side_px in enumerate(scene.sides_px.tolist()):
        at = np.flatnonzero(which == number)
        cosine = float(found.embeddings[at[0]] @ own[scene.portraits[number]]) if len(at) else -2.0
        by_size.setdefault(side_px, []).append(cosine)
    height, width = image.pixels.shape[:2]
    told = (
        f"decoded to {width} x {height} in {1000 * (decoded - started):.0f} ms, "
        f"{len(which)} faces read in {1000 * (ended - decoded):.0f} ms"
    )
    return by_size, int((which < 0).sum()), told


def main() -> None:
    """Compose scenes, read them and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backgrounds", type=Path)
    parser.add_argument("--sizes", nargs="*", default=["4000x3000", "4000x4000", "10000x10000"])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    set_up_libraries()
    settings = load_settings()
    store = open_store(settings)
    reader = open_reader(settings, store, arguments.threads)
    portraits, own = load_portraits(reader, store, arguments.data)
    backgrounds = load_backgrounds(reader, store, arguments.backgrounds)
    sides_px = [it for it, count in zip(SIDES_PX, COUNTS, strict=True) for _ in range(count)]
    print(f"{len(portraits)} portraits, {len(backgrounds)} backgrounds")
    for number, (size, ground) in enumerate(product(arguments.sizes, ("varied", "calm"))):
        width, height = (int(part) for part in size.split("x"))
        pictures = backgrounds if ground == "varied" else [enlarge(backgrounds[0], width, height)]
        scene = compose_scene(portraits, pictures, (width, height), sides_px, number)
        by_size, false_count, told = measure(reader, scene, encode_jpeg(scene.pixels, 88), own)
        looks = len(lay_parts((width, height)))
        print(f"\n{size} {ground}: {looks} first looks, {told}, {false_count} false")
        print("  side   faces  found  recognised  mean cosine")
        for side_px, cosines in sorted(by_size.items()):
            seen = [it for it in cosines if it > -2]
            share = len(seen) / len(cosines)
            known = sum(it >= SAME_PERSON for it in seen) / len(cosines)
            mean = f"{np.mean(seen):.3f}" if seen else "–"
            print(f"  {side_px:>4}   {len(cosines):>5}  {share:>5.3f}  {known:>10.3f}  {mean:>11}")
    unit_bytes = 1 if sys.platform == "darwin" else KIB_BYTES
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes
    print(f"\npeak memory of this process, scenes included: {peak // MIB_BYTES} MiB")


if __name__ == "__main__":
    main()
