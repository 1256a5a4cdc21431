"""An index grows from exact search into a graph, and answers all the while."""

from __future__ import annotations

import time

import numpy as np

from huiyan.celebrity.search import build
from huiyan.celebrity.search.build import GRAPH_FROM, GrowingIndex, open_index
from huiyan.celebrity.search.model import NO_KEY
from huiyan.kernel.units import FloatArray

D = 32


def made(count: int, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, D), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def wait_for_graph(index: GrowingIndex) -> None:
    end_s = time.monotonic() + 30
    while index.is_exact:
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_a_new_index_is_empty_and_exact_up_to_a_million() -> None:
    index = open_index(D)
    assert isinstance(index, GrowingIndex)
    assert (len(index), index.is_exact, GRAPH_FROM) == (0, True, 1_000_001)
    assert index.search(made(1), 2).keys.tolist() == [[NO_KEY, NO_KEY]]
    index.remove(np.array([1]))
    index.clear()


def test_below_the_border_no_graph_is_built() -> None:
    index = GrowingIndex(D, graph_from=101)
    index.add(np.arange(100), made(100))
    assert index._graph is None
    assert len(index) == 100


def test_it_answers_while_the_graph_is_built_and_follows_changes_meanwhile() -> None:
    index, vectors = GrowingIndex(D, graph_from=1000), made(2000)
    index.add(np.arange(1000), vectors[:1000])
    turns = 0
    for start in range(1000, 2000, 50):
        turns += index.is_exact
        index.add(np.arange(start, start + 50), vectors[start : start + 50])
        index.remove(np.array([start, start - 1000]))
        hits = index.search(vectors[[start, start + 1]], 1)
        assert hits.keys[0, 0] != start
        assert hits.keys[1, 0] == start + 1
    assert turns
    wait_for_graph(index)
    assert len(index) == 2000 - 40
    assert index._flat.nbytes == 0
    kept = np.array([key for key in range(2000) if key % 50])
    found = index.search(vectors[kept], 1).keys[:, 0]
    assert np.mean(found == kept) > 0.99
    assert not set(found.tolist()) & set(range(0, 2000, 50))
    held = bytes(index._graph._index.save()) if index._graph else b""
    assert not any(vectors[key].astype(np.float16).tobytes() in held for key in range(0, 2000, 50))


def test_an_index_that_is_cleared_while_its_graph_is_built_stays_empty() -> None:
    index = GrowingIndex(D, graph_from=3000)
    index.add(np.arange(3000), made(3000))
    index.clear()
    assert (len(index), index.nbytes, index.is_exact) == (0, 0, True)
    index.add(np.arange(5), made(5))
    time.sleep(0.05)
    assert index.is_exact
    assert index.search(made(5), 1).keys[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_a_graph_that_is_cleared_begins_anew() -> None:
    index = GrowingIndex(D, graph_from=build.BUILT_AT_ONCE)
    index.add(np.arange(300), made(300))
    wait_for_graph(index)
    index.clear()
    assert (len(index), index.is_exact) == (0, True)
