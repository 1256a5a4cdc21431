"""Exact search finds what comparing everything finds."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.celebrity.search.flat import FlatIndex
from huiyan.celebrity.search.model import NO_KEY, Hits, KeyArray
from huiyan.celebrity.search.rows import BLOCK_ROWS, code_vectors
from huiyan.kernel.units import FloatArray

D = 128


def unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def made(count: int, seed: int = 0) -> FloatArray:
    """Unit vectors that float16 holds exactly."""
    vectors = np.random.default_rng(seed).standard_normal((count, D), np.float32)
    return unit(vectors).astype(np.float16).astype(np.float32)


def compared(queries: FloatArray, keys: KeyArray, vectors: FloatArray, count: int) -> Hits:
    """The plain way: every product, then sort by similarity and key."""
    products = (queries.astype(np.float64) @ vectors.astype(np.float64).T).astype(np.float32)
    found = np.full((len(queries), count), NO_KEY, np.int64)
    similarities = np.full((len(queries), count), -1, np.float32)
    for number, row in enumerate(products):
        best = np.lexsort((keys, -row))[:count]
        found[number, : len(best)] = keys[best]
        similarities[number, : len(best)] = row[best]
    return Hits(found, similarities)


def same(got: Hits, expected: Hits) -> None:
    assert np.array_equal(got.keys, expected.keys)
    assert np.allclose(got.similarities, expected.similarities, atol=1e-6)


def index_of(vectors: FloatArray, keys: KeyArray | None = None) -> FlatIndex:
    index = FlatIndex(vectors.shape[1])
    index.add(np.arange(len(vectors)) if keys is None else keys, vectors)
    return index


class TestNothing:
    def test_an_empty_index_has_no_key(self) -> None:
        hits = FlatIndex(D).search(made(2), 3)
        assert hits.keys.tolist() == [[NO_KEY] * 3] * 2
        assert hits.similarities.tolist() == [[-1.0] * 3] * 2
        assert (hits.keys.dtype, hits.similarities.dtype) == (np.int64, np.float32)

    def test_no_query_has_no_hits(self) -> None:
        hits = index_of(made(5)).search(np.empty((0, D), np.float32), 4)
        assert hits.keys.shape == hits.similarities.shape == (0, 4)

    def test_adding_and_removing_nothing_passes(self) -> None:
        index = FlatIndex(D)
        index.add(np.empty(0, np.int64), np.empty((0, D), np.float32))
        index.remove(np.array([3]))
        index.remove(np.empty(0, np.int64))
        assert (len(index), index.nbytes) == (0, 0)

    def test_fewer_embeddings_than_asked_for_end_with_no_key(self) -> None:
        vectors = made(3)
        same(index_of(vectors).search(vectors, 7), compared(vectors, np.arange(3), vectors, 7))


class TestHostileVectors:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_numbers_that_are_not_finite_are_refused(self, value: float) -> None:
        vectors = made(3)
        index = index_of(vectors)
        vectors[1, 7] = value
        with pytest.raises(ValueError, match="not finite"):
            index.add(np.arange(10, 13), vectors)
        with pytest.raises(ValueError, match="not finite"):
            index.search(vectors, 1)
        assert len(index) == 3

    def test_other_dimensions_are_refused(self) -> None:
        with pytest.raises(ValueError, match="shape"):
            FlatIndex(D).search(np.zeros((1, D - 1), np.float32), 1)

    def test_of_two_that_are_alike_the_lower_key_is_first(self) -> None:
        vectors = np.repeat(made(1), 500, axis=0)
        keys = np.random.default_rng(0).permutation(500)
        hits = index_of(vectors, keys).search(vectors[:1], 9)
        assert hits.keys.tolist() == [list(range(9))]

    def test_zeros_are_alike_to_nothing_and_nothing_breaks(self) -> None:
        vectors = np.concatenate([np.zeros((3, D), np.float32), made(2)])
        queries = np.concatenate([np.zeros((1, D), np.float32), vectors[3:]])
        same(index_of(vectors).search(queries, 5), compared(queries, np.arange(5), vectors, 5))

    def test_one_large_number_among_tiny_ones_does_not_hide_them(self) -> None:
        vectors = made(4000)
        vectors[:, 0] = 30
        vectors = unit(vectors).astype(np.float16).astype(np.float32)
        keys = np.arange(len(vectors))
        for queries in (vectors[:5], unit(vectors[:5] * np.array([0] + [1] * (D - 1)))):
            same(index_of(vectors).search(queries, 20), compared(queries, keys, vectors, 20))

    def test_nearly_the_same_many_times_over_is_still_exact(self) -> None:
        centre = made(1, 3)
        vectors = unit(centre + 0.003 * made(20_000, 4)).astype(np.float16).astype(np.float32)
        keys = np.arange(len(vectors))
        same(index_of(vectors).search(centre, 30), compared(centre, keys, vectors, 30))

    def test_opposites_and_right_angles_are_ranked_too(self) -> None:
        vectors = np.concatenate([np.eye(D, dtype=np.float32), -np.eye(D, dtype=np.float32)])
        same(
            index_of(vectors).search(vectors, 256), compared(vectors, np.arange(256), vectors, 256)
        )


class TestSameAsComparingEverything:
    @settings(max_examples=40, deadline=None)
    @given(
        st.integers(0, 3000),
        st.integers(1, 70),
        st.integers(1, 40),
        st.sampled_from([1, 2, 8, 40]),
        st.integers(0, 2**32 - 1),
    )
    def test_any_number_of_vectors_queries_and_hits(
        self, vectors: int, queries: int, count: int, people: int, seed: int
    ) -> None:
        random = np.random.default_rng(seed)
        centres = unit(random.standard_normal((people, D), np.float32))
        spread = random.choice([0.0, 0.01, 0.5, 5.0])
        noise = random.standard_normal((vectors, D), np.float32) / np.sqrt(D)
        held = unit(centres[random.integers(0, people, vectors)] + np.float32(spread) * noise)
        held = held.astype(np.float16).astype(np.float32)
        asked = unit(random.standard_normal((queries, D), np.float32))
        keys = random.permutation(vectors * 3)[:vectors]
        got = index_of(held, keys).search(asked, count)
        expected = compared(asked, keys, held, count)
        assert np.allclose(got.similarities, expected.similarities, atol=1e-6)
        differ = got.keys != expected.keys
        assert np.allclose(got.similarities[differ], expected.similarities[differ], atol=1e-6)

    def test_more_than_a_block_with_many_queries_at_once(self) -> None:
        vectors = made(BLOCK_ROWS + 1500)
        queries = np.concatenate([vectors[-3:], made(80, 1)])
        keys = np.arange(len(vectors))[::-1].copy()
        same(index_of(vectors, keys).search(queries, 10), compared(queries, keys, vectors, 10))

    def test_the_short_form_is_never_further_off_than_it_says(self) -> None:
        vectors = np.concatenate([made(500), np.eye(D, dtype=np.float32), np.zeros((1, D), "f4")])
        coded = code_vectors(vectors)
        near = coded.codes.astype(np.float64) * coded.scales[:, None]
        assert (np.linalg.norm(vectors - near, axis=1) <= coded.errors + 1e-9).all()
        assert (np.linalg.norm(near, axis=1) <= coded.lengths + 1e-9).all()
        assert int(np.abs(coded.codes.astype(int)).max()) == 127


class TestRemoval:
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=8), st.integers(0, 99))
    def test_any_changes_leave_what_was_not_removed(
        self, changes: list[tuple[bool, int]], seed: int
    ) -> None:
        random = np.random.default_rng(seed)
        index, held, next_key = FlatIndex(D), dict[int, FloatArray](), 0
        for adds, count in changes:
            if adds:
                vectors = made(count, next_key)
                keys = np.arange(next_key, next_key + count)
                next_key += count
                index.add(keys, vectors)
                held.update(zip(keys.tolist(), vectors, strict=True))
            else:
                gone = random.integers(0, next_key + 5, count)
                index.remove(gone)
                for key in gone.tolist():
                    held.pop(key, None)
        assert len(index) == len(held)
        keys = np.array(list(held), np.int64)
        vectors = np.array(list(held.values()), np.float32).reshape(-1, D)
        queries = made(3, 12345)
        same(index.search(queries, 5), compared(queries, keys, vectors, 5))

    def test_no_byte_of_a_removed_embedding_stays(self) -> None:
        vectors = made(1000)
        index = index_of(vectors)
        index.remove(np.array([0, 5, 500, 998, 999]))
        blocks = [block for block, _ in index._rows.blocks()]
        for key in (0, 5, 500, 998, 999):
            exact = vectors[key].astype(np.float16).tobytes()
            codes = code_vectors(vectors[key : key + 1]).codes.tobytes()
            for block in blocks:
                assert exact not in block.exact.tobytes()
                assert codes not in block.codes.tobytes()
                assert key == 0 or key not in block.keys

    def test_outgrown_blocks_are_wiped(self) -> None:
        vectors = made(300)
        index = FlatIndex(D)
        index.add(np.arange(200), vectors[:200])
        ((old, _),) = index._rows.blocks()
        index.add(np.arange(200, 300), vectors[200:])
        ((new, _),) = index._rows.blocks()
        assert new is not old
        assert not old.exact.any()
        assert not old.codes.any()

    def test_cleared_memory_is_wiped_and_given_back(self) -> None:
        index = index_of(made(300))
        ((block, _),) = index._rows.blocks()
        index.clear()
        assert not block.exact.any()
        assert not block.codes.any()
        assert (len(index), index.nbytes) == (0, 0)

    def test_everything_may_be_removed_and_added_again(self) -> None:
        vectors = made(BLOCK_ROWS + 10)
        index = index_of(vectors)
        index.remove(np.arange(len(vectors)))
        assert (len(index), index.nbytes) == (0, 0)
        index.add(np.arange(10), vectors[:10])
        assert index.search(vectors[:1], 1).keys.tolist() == [[0]]


class TestGrowth:
    def test_one_more_embedding_copies_no_full_block(self) -> None:
        index = index_of(made(BLOCK_ROWS + 5))
        first = next(index._rows.blocks())[0]
        before = index.nbytes
        index.add(np.array([10**9]), made(1, 9))
        assert next(index._rows.blocks())[0] is first
        assert index.nbytes - before <= 2**18

    def test_a_small_gallery_takes_little(self) -> None:
        assert index_of(made(1)).nbytes < 2**18


class TestThreads:
    def test_searches_beside_changes_see_one_moment_each(self) -> None:
        steady = made(3000)
        index = index_of(steady)
        extra = made(50, 77)
        keys = np.arange(10**6, 10**6 + 50)
        stop = threading.Event()
        torn: list[object] = []

        def look() -> None:
            while not stop.is_set():
                hits = index.search(np.concatenate([extra[:1], steady[:1]]), 1)
                first, second = hits.keys[:, 0].tolist()
                alike = float(hits.similarities[0, 0]) > 0.999
                if second != 0 or (first == 10**6) != alike:
                    torn.append(hits)

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(60):
            index.add(keys, extra)
            index.remove(keys)
        stop.set()
        for thread in threads:
            thread.join()
        assert not torn
        assert len(index) == 3000
