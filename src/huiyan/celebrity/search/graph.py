"""Nearly exact search through a graph of neighbours.

Owns: how a graph is set so that it finds what exact search finds, how its removed embeddings are
overwritten, and that similarities are told as exact search tells them. Has no opinion on: from how
many embeddings on a graph is wanted (``build``).

The library only marks what is removed, and gives the marked place to the next embedding that comes.
So every removal is followed by a filler that takes the place: a random direction, which keeps the
graph passable; its key is above all keys of embeddings. A filler makes way when embeddings are
added.
"""

from __future__ import annotations

from threading import Lock

import numpy as np
from usearch.index import Index

from huiyan.celebrity.search.flat import check_vectors
from huiyan.celebrity.search.model import NO_KEY, Hits, KeyArray
from huiyan.kernel.units import FloatArray

CONNECTIVITY = 32
EXPANSION_ADD = 128
EXPANSION_SEARCH = 1024
"""So wide that more than 99 in 100 of the most alike are found even for strangers, who are about as
alike to many; people who are there would be found at an eighth of it."""

ADDED_AT_ONCE = 1024
FIRST_FILLER = 1 << 62
SPARE_HITS = 16
"""How many more than wanted are asked for, so that fillers among them crowd nobody out."""


class GraphIndex:
    """Embeddings that are found through their neighbours.

    One instance serves all threads; the library's searches go one at a time, each within
    milliseconds. Embeddings are kept as float16.

    Parameters
    ----------
    dimensions : int
        How many numbers an embedding has, 1 and above.
    threads : int
        How many add embeddings side by side, 1 and above.
    """

    def __init__(self, dimensions: int, threads: int = 1) -> None:
        self._dimensions = dimensions
        self._threads = threads
        self._lock = Lock()
        self._fillers: list[int] = []
        self._next_filler = FIRST_FILLER
        self._random = np.random.default_rng(0)
        self._index = self._open()

    def __len__(self) -> int:
        """Tell how many embeddings there are.

        Returns
        -------
        int
            0 and above.
        """
        return len(self._index) - len(self._fillers)

    @property
    def nbytes(self) -> int:
        """Tell how much memory is taken.

        Returns
        -------
        int
            Bytes.
        """
        return int(self._index.memory_usage)

    def add(self, keys: KeyArray, embeddings: FloatArray) -> None:
        """Add embeddings; each batch of some hundreds is there at once.

        Parameters
        ----------
        keys : ndarray of shape (N,), int64
            Not yet in it, 0 and above.
        embeddings : ndarray of shape (N, D), float32
            Unit length.

        Raises
        ------
        ValueError
            A number is not finite, or the shape is another.
        """
        check_vectors(embeddings, self._dimensions)
        for start in range(0, len(keys), ADDED_AT_ONCE):
            part = slice(start, start + ADDED_AT_ONCE)
            with self._lock:
                place = len(keys[part])
                if self._fillers:
                    self._index.remove(np.array(self._fillers[-place:], np.uint64))
                    del self._fillers[-place:]
                self._put(keys[part], embeddings[part])

    def remove(self, keys: KeyArray) -> None:
        """Forget embeddings: their bytes are overwritten before this returns.

        Parameters
        ----------
        keys : ndarray of shape (N,), int64
            Unknown ones pass.
        """
        with self._lock:
            known = np.unique(keys[keys >= 0])
            known = known[[bool(self._index.contains(int(key))) for key in known]]
            if not len(known):
                return
            self._index.remove(known.astype(np.uint64))
            fillers = np.arange(self._next_filler, self._next_filler + len(known))
            self._next_filler += len(known)
            vectors = self._random.standard_normal((len(known), self._dimensions), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            self._put(fillers, vectors)
            self._fillers.extend(fillers.tolist())

    def clear(self) -> None:
        """Forget everything: the memory is given back, overwritten or not."""
        with self._lock:
            self._index = self._open()
            self._fillers.clear()

    def search(self, queries: FloatArray, count: int) -> Hits:
        """Find the most alike, nearly always all of them.

        Parameters
        ----------
        queries : ndarray of shape (Q, D), float32
            Unit length; Q may be 0.
        count : int
            How many for each, 1 and above.

        Returns
        -------
        Hits
            (Q, count).

        Raises
        ------
        ValueError
            A number is not finite, or the shape is another.
        """
        check_vectors(queries, self._dimensions)
        keys = np.full((len(queries), count), NO_KEY, np.int64)
        similarities = np.full((len(queries), count), -1, np.float32)
        for number, query in enumerate(queries):
            with self._lock:
                found, vectors = self._look(query, count)
            exact = (vectors.astype(np.float64) * query).sum(axis=1).astype(np.float32)
            order = np.lexsort((found, -exact))[:count]
            keys[number, : len(order)] = found[order]
            similarities[number, : len(order)] = exact[order]
        return Hits(keys, similarities)

    def _look(self, query: FloatArray, count: int) -> tuple[KeyArray, FloatArray]:
        """Give keys and vectors of some more than wanted."""
        wanted = min(len(self._index), count + SPARE_HITS)
        if not wanted:
            return np.empty(0, np.int64), np.empty((0, self._dimensions), np.float32)
        found = np.asarray(self._index.search(query, wanted, threads=1).keys).astype(np.int64)
        found = found[found < FIRST_FILLER]
        vectors = np.asarray(self._index.get(found.astype(np.uint64), dtype="f16"))
        return found, vectors.reshape(-1, self._dimensions).astype(np.float32)

    def _put(self, keys: KeyArray, vectors: FloatArray) -> None:
        self._index.add(
            keys.astype(np.uint64), vectors.astype(np.float16), threads=self._threads, dtype="f16"
        )

    def _open(self) -> Index:
        return Index(
            ndim=self._dimensions,
            metric="ip",
            dtype="f16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
