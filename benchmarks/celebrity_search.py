"""What searching embeddings costs, and whether it finds what comparing everything finds.

Run it on one core: ``taskset -c 0 python benchmarks/celebrity_search.py``; ``--largest N`` stops at
N embeddings, ``--graph N`` looks at the graph with N of them (0 for none; a million takes half an
hour to build). Both sides of every comparison are timed in one run, turn by turn.

The embeddings are made: people drawn from the distribution of the starter gallery's embeddings,
five photos each, as alike as photos of one person are. Half the queries are further photos of such
people ("known"), half are strangers.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from huiyan.celebrity.search.flat import FlatIndex
from huiyan.celebrity.search.graph import GraphIndex
from huiyan.celebrity.search.model import KeyArray, SearchIndex
from huiyan.celebrity.starter import load_starter
from huiyan.kernel.units import FloatArray

SIZES = (1_000, 10_000, 100_000, 1_000_000)
GROUP = 50
COUNT = 10
TURNS = 101
GROUP_TURNS = 5
PHOTOS_A_PERSON = 5
WITHIN_PERSON = 0.8
"""How long the noise of a photo is, where the person is 1: photos of a person then come to 0.6."""

MADE_AT_ONCE = 50_000
MEGA = 1_000_000

Search = Callable[[FloatArray], KeyArray]


class FaceMaker:
    """Makes embeddings that are spread like those of faces."""

    def __init__(self) -> None:
        held = load_starter().embeddings
        self._random = np.random.default_rng(0)
        self._mean = held.mean(axis=0)
        spread = np.cov(held.T) + 1e-5 * np.eye(held.shape[1])
        self._root = np.linalg.cholesky(spread).astype(np.float32)

    def people(self, count: int) -> FloatArray:
        """Make one embedding each of some people."""
        normal = self._random.standard_normal((count, len(self._root)), np.float32)
        return _unit(self._mean + normal @ self._root.T)

    def photos(self, people: FloatArray) -> FloatArray:
        """Make another photo of each."""
        noise = self._random.standard_normal(people.shape, np.float32)
        noise *= np.float32(WITHIN_PERSON / np.sqrt(people.shape[1]))
        return _unit(people + noise).astype(np.float16).astype(np.float32)

    def gallery(self, count: int) -> FloatArray:
        """Make photos of people, `PHOTOS_A_PERSON` each."""
        made = np.empty((count, len(self._root)), np.float32)
        for start in range(0, count, MADE_AT_ONCE):
            part = made[start : start + MADE_AT_ONCE]
            people = self.people(-(-len(part) // PHOTOS_A_PERSON))
            part[:] = self.photos(np.repeat(people, PHOTOS_A_PERSON, axis=0)[: len(part)])
        return made

    def queries(self, gallery: FloatArray, count: int) -> FloatArray:
        """Make faces: of people who are in a gallery and of strangers, in turn."""
        made = self.people(count)
        known = self._random.integers(0, len(gallery), len(made[::2]))
        made[::2] = self.photos(gallery[known])
        return made


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, np.float32)


def compare_plainly(gallery: FloatArray, queries: FloatArray) -> KeyArray:
    """Find the best by one float32 product, as plainly as NumPy can."""
    products = gallery @ queries.T
    found = np.empty((len(queries), COUNT), np.int64)
    for number in range(len(queries)):
        row = products[:, number]
        best = np.argpartition(row, -COUNT)[-COUNT:]
        found[number] = best[np.argsort(-row[best], kind="stable")]
    return found


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds a query."""

    median_ms: float
    p99_ms: float

    def __str__(self) -> str:
        """Write both."""
        return f"{self.median_ms:8.2f} {self.p99_ms:8.2f}"


def time_in_turn(
    searches: list[Search], queries: FloatArray, group: int, turns: int
) -> list[Times]:
    """Time several ways to search, each on the same queries before the next ones come."""
    taken_ms = np.empty((len(searches), turns))
    for turn in range(turns):
        part = queries[np.arange(turn * group, (turn + 1) * group) % len(queries)]
        for number, search in enumerate(searches):
            start = time.perf_counter()
            search(part)
            taken_ms[number, turn] = (time.perf_counter() - start) * 1000 / group
    return [Times(float(np.median(it)), float(np.percentile(it, 99))) for it in taken_ms]


def recall(found: KeyArray, exact: KeyArray, depth: int) -> float:
    """Tell which share of the best is found."""
    shared = [
        len(np.intersect1d(a, b)) for a, b in zip(found[:, :depth], exact[:, :depth], strict=True)
    ]
    return float(np.mean(shared)) / depth


def measure(name: str, index: SearchIndex, maker: FaceMaker, size: int) -> None:
    """Fill an index and print its line and that of plain comparing."""
    gallery = maker.gallery(size)
    queries = maker.queries(gallery, 200)
    start = time.perf_counter()
    index.add(np.arange(size), gallery)
    build_s = time.perf_counter() - start
    searches: list[Search] = [
        lambda part: index.search(part, COUNT).keys,
        lambda part: compare_plainly(gallery, part),
    ]
    one = time_in_turn(searches, queries, 1, TURNS)
    many = time_in_turn(searches, queries, GROUP, GROUP_TURNS)
    found, exact = (search(queries) for search in searches)
    sizes_mb = (index.nbytes / MEGA, gallery.nbytes / MEGA)
    shares = [
        (recall(it, exact, 1), recall(it[::2], exact[::2], 1), recall(it, exact, COUNT))
        for it in (found, exact)
    ]
    for row, (label, taken_s) in enumerate(((name, build_s), ("numpy", 0.0))):
        told = "  ".join(f"{share:6.4f}" for share in shares[row])
        cost = f"{one[row]}  {many[row]} {sizes_mb[row]:8.1f} {taken_s:8.2f}"
        print(f"{size:>9,}  {label:<6} {cost}  {told}", flush=True)


def main() -> None:
    """Print a table: exact search with growing galleries, then the graph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    parser.add_argument("--graph", type=int, default=100_000)
    arguments = parser.parse_args()
    maker = FaceMaker()
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} core(s); ms a query, median and p99; the last three columns are recall")
    print(
        f"embeddings  by      one: ms      p99  by {GROUP}: ms      p99       MB  build s"
        f"    at 1   known   at {COUNT}"
    )
    for size in SIZES:
        if size <= arguments.largest:
            measure("flat", FlatIndex(maker.people(1).shape[1]), maker, size)
    if arguments.graph:
        measure("graph", GraphIndex(maker.people(1).shape[1]), maker, arguments.graph)


if __name__ == "__main__":
    main()
