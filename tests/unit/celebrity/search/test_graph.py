"""The graph finds nearly all that exact search finds, and forgets as thoroughly."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from huiyan.celebrity.search.flat import FlatIndex
from huiyan.celebrity.search.graph import GraphIndex
from huiyan.celebrity.search.model import NO_KEY
from huiyan.kernel.units import FloatArray

D = 128


def made(count: int, seed: int = 0) -> FloatArray:
    """Four photos each of some people, as unit vectors."""
    random = np.random.default_rng(seed)
    people = random.standard_normal((count // 4 + 1, D), np.float32)
    vectors = np.repeat(people, 4, axis=0)[:count]
    vectors += 0.8 * random.standard_normal((count, D), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_an_empty_graph_has_no_key() -> None:
    hits = GraphIndex(D).search(made(2), 3)
    assert hits.keys.tolist() == [[NO_KEY] * 3] * 2
    assert hits.similarities.tolist() == [[-1.0] * 3] * 2


def test_no_query_has_no_hits() -> None:
    assert GraphIndex(D).search(np.empty((0, D), np.float32), 2).keys.shape == (0, 2)


def test_fewer_embeddings_than_asked_for_end_with_no_key() -> None:
    graph, vectors = GraphIndex(D), made(3)
    graph.add(np.array([7, 8, 9]), vectors)
    keys = graph.search(vectors[:1], 5).keys[0]
    assert keys[0] == 7
    assert sorted(keys.tolist()) == [NO_KEY, NO_KEY, 7, 8, 9]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        GraphIndex(D).add(np.array([1]), np.full((1, D), value, np.float32))


def test_it_finds_what_exact_search_finds_with_the_same_similarities() -> None:
    graph, flat, vectors = GraphIndex(D), FlatIndex(D), made(3000)
    for index in (graph, flat):
        index.add(np.arange(3000), vectors)
    queries = np.concatenate([vectors[:50], made(50, 5)])
    found, exact = graph.search(queries, 10), flat.search(queries, 10)
    shared = [len(set(a) & set(b)) for a, b in zip(found.keys, exact.keys, strict=True)]
    assert sum(shared) >= 0.99 * 10 * len(queries)
    assert np.array_equal(found.similarities[:, 0], exact.similarities[:, 0])


def test_no_byte_of_a_removed_embedding_stays() -> None:
    graph, vectors = GraphIndex(D), made(2000)
    graph.add(np.arange(2000), vectors)
    gone = np.array([0, 3, 700, 1999])
    for key in gone:
        graph.remove(np.array([key, 10**9]))
    graph.add(np.array([5000]), vectors[700:701] * np.float32(-1))
    graph.remove(np.array([5000]))
    held = bytes(graph._index.save())
    for vector in (*vectors[gone], -vectors[700]):
        assert vector.astype(np.float16).tobytes() not in held
    assert len(graph) == 1996
    hits = graph.search(vectors[gone], 5)
    assert not set(hits.keys.ravel().tolist()) & {*gone.tolist(), 5000}
    assert (hits.keys < 2000).all()


def test_what_is_left_is_found_after_many_removals() -> None:
    graph, flat, vectors = GraphIndex(D), FlatIndex(D), made(2000)
    for index in (graph, flat):
        index.add(np.arange(2000), vectors)
        index.remove(np.arange(0, 2000, 2))
        index.add(np.arange(3000, 3300), made(300, 8))
        index.remove(np.arange(1, 200))
    assert len(graph) == len(flat)
    queries = vectors[201:401:2]
    found, exact = graph.search(queries, 5), flat.search(queries, 5)
    shared = [len(set(a) & set(b)) for a, b in zip(found.keys, exact.keys, strict=True)]
    assert sum(shared) >= 0.99 * 5 * len(queries)


def test_removing_everything_and_clearing_leave_nothing_to_find() -> None:
    graph, vectors = GraphIndex(D), made(20)
    graph.add(np.arange(20), vectors)
    graph.remove(np.arange(20))
    assert len(graph) == 0
    assert graph.search(vectors[:1], 2).keys.tolist() == [[NO_KEY, NO_KEY]]
    graph.add(np.arange(20), vectors)
    assert graph.search(vectors[:1], 1).keys.tolist() == [[0]]
    graph.clear()
    assert graph.search(vectors[:1], 1).keys.tolist() == [[NO_KEY]]


def test_threads_may_search_while_one_changes() -> None:
    graph, vectors = GraphIndex(D), made(600)
    graph.add(np.arange(600), vectors)
    stop, wrong = threading.Event(), list[int]()

    def look() -> None:
        while not stop.is_set():
            key = int(graph.search(vectors[:1], 1).keys[0, 0])
            if key != 0:
                wrong.append(key)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        graph.add(np.arange(1000, 1040), made(40, 2))
        graph.remove(np.arange(1000, 1040))
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
