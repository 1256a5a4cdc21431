"""What a picture costs over HTTP, against its networks alone and against what people would write.

Run: ``python benchmarks/http_operations.py --pictures DIR [--operation NAME] [--json]``. All sides
run in one run on one machine. CPU seconds are the server's own, kernel share included; the load
generator shares the machine, so CPU seconds tell more than requests a second.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import load
import pictures
from floors import Network, Operation, bare_ms, cpu_ms, large_floors_ms
from PIL import Image as Photograph
from servers import Server, our_server, plain_server

from huiyan.kernel.settings import load_settings

CORES = len(os.sched_getaffinity(0))
OPERATIONS = (
    "tagging",
    "media-tagging",
    "media-tagging-det",
    "main-object-detection",
    "recapture-detect",
)
HAVE_PLAIN_HANDLER = frozenset({"tagging", "media-tagging"})
"""The plain handler runs the same networks as these and, like them, gives no boxes."""

ONE_CORE = {"COMPUTE_THREADS": "2"}
"""Half of the compute threads lend each other cores: with two, each request keeps to one core."""

SMALL_PX = 500

Figures = dict[str, object]
Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is sent, and what is measured in this process beside the servers."""

    operation: Operation
    networks: list[Network]
    photographs: Sequence[Photograph.Image]
    bodies: list[bytes]
    mixed: list[bytes]


def prepare(folder: Path, interface: str, count: int) -> Bench:
    """Make the pictures and open the networks."""
    photographs = pictures.load_photographs(folder)
    small = [pictures.body_of(pictures.jpeg(it, SMALL_PX)) for it in photographs]
    operation = Operation(load_settings(), interface)
    return Bench(
        operation=operation,
        networks=operation.networks(small[0]),
        photographs=photographs,
        bodies=[small[index % len(small)] for index in range(count)],
        mixed=[pictures.body_of(it) for it in pictures.mix(photographs, count)],
    )


def measure(folder: Path, interface: str, count: int, rounds: int) -> Figures:
    """Run everything and give the figures: medians over rounds in which the sides take turns."""
    bench = prepare(folder, interface, count)
    path = bench.operation.capability.path
    with ExitStack() as stack:
        data_dirs = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        ours = stack.enter_context(our_server(data_dirs[0], path, {}))
        load.closed_loop(ours.endpoint, bench.bodies[:20] + bench.mixed[:10], 2 * CORES)
        figures: Figures = {
            "operation": interface,
            "cores": CORES,
            "pictures a round": count,
            "rounds": rounds,
        }
        cost = [_cost_row(bench, ours) for _ in range(rounds)]
        figures |= _cost_figures(bench, cost)
        peak_rate = _middle(cost, "rate")
        figures |= _steady_figures(ours, bench, 0.7 * peak_rate)
        figures |= _large_figures(ours, bench, max(3, count // 5))
        with our_server(data_dirs[1], path, ONE_CORE) as one_core:
            figures |= _lone_figures(ours, one_core, bench, max(3, count // 5))
        if interface in HAVE_PLAIN_HANDLER:
            plain = stack.enter_context(plain_server())
            figures |= _mix_figures(ours, plain, bench, rounds)
    return figures


def _cost_row(bench: Bench, ours: Server) -> Row:
    """One round: the networks alone, decoding alone, everything in process, and over HTTP."""
    repeats = max(1, len(bench.bodies) // (5 * CORES))
    sample = bench.bodies[: max(3, len(bench.bodies) // 5)]
    files = [bench.operation.picture(body) for body in sample]
    row = bare_ms(bench.networks, repeats, CORES)
    row["bare"] = sum(row.values())
    row["decode"] = cpu_ms(lambda: [bench.operation.decode(it) for it in files]) / len(files)
    row["in process"] = cpu_ms(lambda: [bench.operation.answer(it) for it in sample]) / len(sample)
    row["server"], row["rate"] = _cost(ours, bench.bodies)
    row["ratio"] = row["server"] / row["bare"]
    row["in process ratio"] = row["in process"] / row["bare"]
    return row


def _cost_figures(bench: Bench, rows: Sequence[Row]) -> Figures:
    bare, decoding, server = (_middle(rows, it) for it in ("bare", "decode", "server"))
    rest = server - bare - decoding
    return {
        **{
            f"bare: {it.name}, CPU ms": f"{_middle(rows, it.name):.2f} in {len(it.inputs)} runs"
            for it in bench.networks
        },
        "bare: all networks, CPU ms": bare,
        "decode, CPU ms": decoding,
        "in process, CPU ms": _middle(rows, "in process"),
        "in process / bare": _middle(rows, "in process ratio"),
        "server, CPU ms": server,
        "server / bare": _middle(rows, "ratio"),
        "server / bare: all rounds": [round(row["ratio"], 3) for row in rows],
        "server without networks and decode, CPU ms": rest,
        "the same / bare": rest / bare,
        "peak, pictures/s": _middle(rows, "rate"),
    }


def _steady_figures(ours: Server, bench: Bench, per_second: float) -> Figures:
    steady = load.open_loop(ours.endpoint, bench.bodies * 2, per_second)
    median_ms, late_ms = steady.quantile_ms(0.5), steady.quantile_ms(0.99)
    return {
        "70 % of peak: median, ms": median_ms,
        "70 % of peak: p99, ms": late_ms,
        "70 % of peak: p99 / median": late_ms / median_ms,
    }


def _large_figures(ours: Server, bench: Bench, repeats: int) -> Figures:
    body = pictures.body_of(pictures.twelve_megapixels(bench.photographs[0]))
    floors = large_floors_ms(bench.operation, body, repeats)
    floors["networks"] = sum(bare_ms(bench.networks, repeats, 1).values())
    cost_ms, _ = _cost(ours, [body] * repeats, clients=1)
    return {
        "12 MP: body, MB": len(body) / 1e6,
        "12 MP: floors, CPU ms": {name: round(value, 2) for name, value in floors.items()},
        "12 MP: server, CPU ms": cost_ms,
        "12 MP: server / floors": cost_ms / sum(floors.values()),
    }


def _lone_figures(ours: Server, one_core: Server, bench: Bench, repeats: int) -> Figures:
    """Time single requests on servers that do nothing else, in turns."""
    load.closed_loop(one_core.endpoint, bench.bodies[:3], 1)
    latencies_ms: dict[str, list[float]] = {"all": [], "one": []}
    for index in range(repeats):
        body = [bench.bodies[index % len(bench.bodies)]]
        for name, server in (("all", ours), ("one", one_core)):
            taken = load.closed_loop(server.endpoint, body, 1)
            latencies_ms[name] += [it * 1000 for it in taken.latencies_s]
    all_ms, one_ms = (statistics.median(latencies_ms[it]) for it in ("all", "one"))
    return {
        "one request alone, networks side by side: median, ms": all_ms,
        "one request alone, one core: median, ms": one_ms,
        "one core / side by side": one_ms / all_ms,
    }


def _mix_figures(ours: Server, plain: Server, bench: Bench, rounds: int) -> Figures:
    load.closed_loop(plain.endpoint, bench.mixed[:10], 2 * CORES)
    rows = []
    for number in range(rounds):
        row: Row = {}
        sides = [("ours", ours), ("plain", plain)]
        for name, server in sides if number % 2 else reversed(sides):
            row[name], row[f"{name} rate"] = _cost(server, bench.mixed)
        row["gain"] = row["ours rate"] / row["plain rate"]
        rows.append(row)
    return {
        "mix: server, CPU ms": _middle(rows, "ours"),
        "mix: plain handler, CPU ms": _middle(rows, "plain"),
        "mix: server, pictures/s": _middle(rows, "ours rate"),
        "mix: plain handler, pictures/s": _middle(rows, "plain rate"),
        "mix: server / plain handler": _middle(rows, "gain"),
        "mix: all rounds": [round(row["gain"], 2) for row in rows],
    }


def _cost(server: Server, bodies: Sequence[bytes], clients: int = 4 * CORES) -> tuple[float, float]:
    """CPU milliseconds a picture and pictures a second, clients asking as fast as they can."""
    before = load.cpu_s(server.process)
    run = load.closed_loop(server.endpoint, bodies, clients)
    return (load.cpu_s(server.process) - before) * 1000 / len(bodies), run.per_second


def _middle(rows: Sequence[Row], name: str) -> float:
    return statistics.median(row[name] for row in rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--operation", choices=OPERATIONS, default="media-tagging")
    parser.add_argument("--count", type=int, default=100, help="pictures a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.pictures, arguments.operation, arguments.count, arguments.rounds)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:53} {value:.3f}" if isinstance(value, float) else f"{name:53} {value}")


if __name__ == "__main__":
    main()
