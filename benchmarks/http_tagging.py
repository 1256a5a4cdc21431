"""What a picture costs over HTTP, against a bare loop and against what people would write today.

Run: ``python benchmarks/http_tagging.py --pictures DIR [--json]``. Both sides run in one run on
one machine. CPU seconds are the server's own, kernel share included; the load generator shares the
machine, so CPU seconds tell more than requests a second.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import load
import pictures
import psutil

from huiyan.app import CLASSIFIER_CARD, open_store
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.kernel.settings import load_settings
from huiyan.perception.classifier import MIN_SHORT_SIDE_PX, Classifier
from huiyan.recognition.model import PictureBytes
from huiyan.runtime.card import get_card
from huiyan.runtime.engine import open_session
from huiyan.tagging.capability import PICTURE_LIMITS
from huiyan.tagging.wire import parse_v2

HERE = Path(__file__).resolve().parent
CORES = len(os.sched_getaffinity(0))


@contextmanager
def our_server(folder: Path) -> Iterator[tuple[load.Endpoint, psutil.Process]]:
    """Start Huiyan with a fresh account and the models that are already pulled."""
    environment = dict(os.environ)
    environment["HUIYAN_MODELS_DIR"] = str(load_settings().resolved_models_dir())
    environment["HUIYAN_LOG_LEVEL"] = "warning"
    command = [sys.executable, "-m", "huiyan", "--data-dir", str(folder), "serve", "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment | {"COLUMNS": "200"}, text=True
    )
    try:
        shown = ""
        assert process.stdout is not None
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", shown)):
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the server did not start")
            shown += line
        access_key, secret_key, project = (
            _first(pattern, shown)
            for pattern in (r"\(AK\)\s+(\w+)", r"\(SK\)\s+(\w+)", r"cn-north-4\s+(\w+)")
        )
        port = int(found.group(1))
        _wait_ready(f"http://127.0.0.1:{port}/readyz")
        path = f"/v2/{project}/image/tagging"
        endpoint = load.Endpoint("127.0.0.1", port, path, access_key, secret_key)
        yield endpoint, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def plain_server() -> Iterator[tuple[load.Endpoint, psutil.Process]]:
    """Start the handler that people would write today."""
    command = [sys.executable, str(HERE / "plain_handler.py")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        _wait_ready(f"http://127.0.0.1:{port}/docs")
        yield load.Endpoint("127.0.0.1", port, "/tag"), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def bare_loop_ms(files: Sequence[bytes], threads: int) -> float:
    """CPU milliseconds a picture of a bare loop of decode and inference, in this process."""
    classifier = _classifier(threads)
    budget = MemoryBudget(400 * 2**20)

    def work(share: Sequence[bytes]) -> None:
        for file in share:
            classifier.look(decode(file, PICTURE_LIMITS, MIN_SHORT_SIDE_PX, budget))

    work(files[:20])
    return _cpu_ms(lambda: _side_by_side(work, files, threads)) / len(files)


def floors_ms(body: bytes, repeats: int) -> dict[str, float]:
    """CPU milliseconds of each thing that a large picture cannot do without."""
    classifier = _classifier(1)
    budget = MemoryBudget(400 * 2**20)
    source = parse_v2(body).source
    assert isinstance(source, PictureBytes)
    data = source.data
    image = decode(data, PICTURE_LIMITS, MIN_SHORT_SIDE_PX, budget)
    steps: dict[str, Callable[[], object]] = {
        "parse the body": lambda: parse_v2(body),
        "hash the body": lambda: hashlib.sha256(body).digest(),
        "decode at scale": lambda: decode(data, PICTURE_LIMITS, MIN_SHORT_SIDE_PX, budget),
        "infer": lambda: classifier.look(image),
    }
    floors = {}
    for name, step in steps.items():
        step()
        floors[name] = _cpu_ms(lambda step=step: [step() for _ in range(repeats)]) / repeats  # type: ignore[misc]
    return floors


def measure(folder: Path, count: int, rounds: int) -> dict[str, object]:
    """Run everything and give the figures: medians over rounds in which the sides take turns."""
    photographs = pictures.load_photographs(folder)
    small = [pictures.jpeg(p, 500) for p in photographs]
    files = [small[index % len(small)] for index in range(count)]
    mixed_files = pictures.mix(photographs, count)
    mixed = [pictures.body_of(file) for file in mixed_files]
    bodies = [pictures.body_of(file) for file in files]
    large = pictures.body_of(pictures.twelve_megapixels(photographs[0]))
    with (
        tempfile.TemporaryDirectory() as data_dir,
        our_server(Path(data_dir)) as (ours, server),
        plain_server() as (plain, process),
    ):
        load.closed_loop(ours, bodies[:60] + mixed[:20], 4)
        load.closed_loop(plain, mixed[:40], 4)
        rows = []
        for number in range(rounds):
            row = {"bare": bare_loop_ms(files, CORES), "bare_mix": bare_loop_ms(mixed_files, CORES)}
            row["ours"], row["ours_rate"] = _cost(ours, server, bodies)
            sides = [("ours_mix", ours, server), ("plain_mix", plain, process)]
            for name, endpoint, member in sides if number % 2 else reversed(sides):
                row[name], row[f"{name}_rate"] = _cost(endpoint, member, mixed)
            row["ratio"] = row["ours"] / row["bare"]
            row["gain"] = row["ours_mix_rate"] / row["plain_mix_rate"]
            rows.append(row)
        middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        steady = load.open_loop(ours, bodies, 0.7 * middle["ours_rate"])
        large_figures = _large_figures(ours, server, large)
    return {
        "cores": CORES,
        "pictures a round": count,
        "rounds": rounds,
        "small: bare loop, CPU ms": middle["bare"],
        "small: server, CPU ms": middle["ours"],
        "small: server / bare loop": middle["ratio"],
        "small: all rounds": [round(row["ratio"], 3) for row in rows],
        "small: peak, pictures/s": middle["ours_rate"],
        "70 % of peak: median, ms": steady.quantile_ms(0.5),
        "70 % of peak: p99, ms": steady.quantile_ms(0.99),
        "70 % of peak: p99 / median": steady.quantile_ms(0.99) / steady.quantile_ms(0.5),
        **large_figures,
        "mix: bare loop, CPU ms": middle["bare_mix"],
        "mix: server, CPU ms": middle["ours_mix"],
        "mix: plain handler, CPU ms": middle["plain_mix"],
        "mix: server, pictures/s": middle["ours_mix_rate"],
        "mix: plain handler, pictures/s": middle["plain_mix_rate"],
        "mix: server / plain handler": middle["gain"],
        "mix: all rounds": [round(row["gain"], 2) for row in rows],
    }


def _cost(
    endpoint: load.Endpoint, process: psutil.Process, bodies: Sequence[bytes]
) -> tuple[float, float]:
    """CPU milliseconds a picture and pictures a second, clients asking as fast as they can."""
    before = load.cpu_s(process)
    run = load.closed_loop(endpoint, bodies, 4 * CORES)
    return (load.cpu_s(process) - before) * 1000 / len(bodies), run.per_second


def _large_figures(ours: load.Endpoint, server: psutil.Process, body: bytes) -> dict[str, object]:
    repeats = 40
    floors = floors_ms(body, repeats)
    before = load.cpu_s(server)
    load.closed_loop(ours, [body] * repeats, 1)
    cost_ms = (load.cpu_s(server) - before) * 1000 / repeats
    return {
        "12 MP: body, MB": len(body) / 1e6,
        "12 MP: floors, CPU ms": {name: round(value, 2) for name, value in floors.items()},
        "12 MP: server, CPU ms": cost_ms,
        "12 MP: server / floors": cost_ms / sum(floors.values()),
    }


def _classifier(threads: int) -> Classifier:
    settings = load_settings()
    store = open_store(settings)
    card = get_card(store.cards, CLASSIFIER_CARD)
    cache = settings.data_dir / "compiled"
    session = open_session(
        card,
        store.path(card),
        outputs=("logits", "embedding"),
        device="cpu",
        threads=threads,
        cache_dir=cache,
    )
    return Classifier(session)


def _cpu_ms(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return (time.process_time() - started) * 1000


def _side_by_side(
    work: Callable[[Sequence[bytes]], None], files: Sequence[bytes], threads: int
) -> None:
    workers = [
        threading.Thread(target=work, args=(files[index::threads],)) for index in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"the server's first start did not show {pattern}")
    return found.group(1)


def _wait_ready(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 -- our own loopback server
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not become ready")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder of photographs")
    parser.add_argument("--count", type=int, default=200, help="pictures a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.pictures
    if folder is None:
        raise SystemExit("give a folder of photographs: --pictures DIR")
    figures = measure(folder, arguments.count, arguments.rounds)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:34} {value:.3f}" if isinstance(value, float) else f"{name:34} {value}")


if __name__ == "__main__":
    main()
