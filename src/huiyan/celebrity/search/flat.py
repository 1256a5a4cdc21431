"""Exact search by looking at every embedding.

Owns: the best of all embeddings, proven: a first look at a byte a number passes over what cannot be
among the best, by a bound on the short form's error; what remains is compared in full. Has no
opinion on: whose embeddings they are, and from how many on a graph is faster.

The bound: with q and x the vectors, q' and x' their short forms, ``|qx - q'x'|`` is at most
``|q| |x - x'| + |q - q'| |x'|``. The first look reads 128 bytes an embedding instead of 512, and
memory is what exact search waits for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numkong
import numpy as np
from numpy.typing import NDArray

from huiyan.celebrity.search.gate import Gate
from huiyan.celebrity.search.model import NO_KEY, Hits, KeyArray
from huiyan.celebrity.search.rows import BLOCK_ROWS, Block, Rows, code_vectors
from huiyan.kernel.units import FloatArray

QUERIES_AT_ONCE = 64
SCORES_AT_ONCE = 1 << 19
"""How many scores are looked at together: few enough to stay in the processor's cache."""

COMPARED_AT_ONCE = 4096
FLOORED_AT_ONCE = 8192
ADDED_AT_ONCE = 16384
FLOAT_MARGIN = 1e-5
"""What the float32 arithmetic of the bound may be wrong by, generously."""

_NO_SIMILARITY = -1.0

RowArray = NDArray[np.intp]


@dataclass(slots=True)
class _Best:
    """The best of one query so far, the best first."""

    similarities: FloatArray
    keys: KeyArray

    def take(self, similarities: FloatArray, keys: KeyArray, count: int) -> None:
        """Let some more come in; of two that are alike, the lower key is first."""
        similarities = np.concatenate([self.similarities, similarities])
        keys = np.concatenate([self.keys, keys])
        order = np.lexsort((keys, -similarities))[:count]
        self.similarities, self.keys = similarities[order], keys[order]


class FlatIndex:
    """Embeddings of which every one is looked at.

    One instance serves all threads. It keeps embeddings as float16: similarities are those of the
    rounded ones, and exact beyond that.

    Parameters
    ----------
    dimensions : int
        How many numbers an embedding has, 1 and above.
    """

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._gate = Gate()
        self._rows = Rows(dimensions)

    def __len__(self) -> int:
        """Tell how many embeddings there are.

        Returns
        -------
        int
            0 and above.
        """
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """Tell how much memory is taken.

        Returns
        -------
        int
            Bytes.
        """
        return self._rows.nbytes

    def add(self, keys: KeyArray, embeddings: FloatArray) -> None:
        """Add embeddings; each batch of some thousands is there at once.

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
            exact = embeddings[part].astype(np.float16)
            coded = code_vectors(exact.astype(np.float32))
            with self._gate.changing():
                self._rows.append(keys[part], exact, coded)
            exact.fill(0)
            coded.codes.fill(0)

    def remove(self, keys: KeyArray) -> None:
        """Forget embeddings: their bytes are overwritten before this returns.

        Parameters
        ----------
        keys : ndarray of shape (N,), int64
            Unknown ones pass.
        """
        if len(keys):
            with self._gate.changing():
                self._rows.remove(keys)

    def keys(self) -> KeyArray:
        """Tell which embeddings there are.

        Returns
        -------
        ndarray of shape (N,), int64
            In no order.
        """
        with self._gate.reading():
            return self._rows.keys()

    def get(self, keys: KeyArray) -> tuple[KeyArray, FloatArray]:
        """Give embeddings back.

        Parameters
        ----------
        keys : ndarray of shape (N,), int64
            Unknown ones are left out.

        Returns
        -------
        keys : ndarray of shape (M,), int64
            Those that are known, in no order.
        embeddings : ndarray of shape (M, D), float32
            As they were added, rounded to float16.
        """
        with self._gate.reading():
            found, exact = self._rows.get(keys)
            return found, exact.astype(np.float32)

    def clear(self) -> None:
        """Forget everything, likewise."""
        with self._gate.changing():
            self._rows.clear()

    def search(self, queries: FloatArray, count: int) -> Hits:
        """Find the most alike.

        Parameters
        ----------
        queries : ndarray of shape (Q, D), float32
            Unit length; Q may be 0.
        count : int
            How many for each, 1 and above.

        Returns
        -------
        Hits
            (Q, count), all of one moment.

        Raises
        ------
        ValueError
            A number is not finite, or the shape is another.
        """
        check_vectors(queries, self._dimensions)
        keys = np.full((len(queries), count), NO_KEY, np.int64)
        similarities = np.full((len(queries), count), _NO_SIMILARITY, np.float32)
        with self._gate.reading():
            for start in range(0, len(queries), QUERIES_AT_ONCE):
                part = queries[start : start + QUERIES_AT_ONCE]
                for offset, best in enumerate(self._search(part, count)):
                    keys[start + offset, : len(best.keys)] = best.keys
                    similarities[start + offset, : len(best.keys)] = best.similarities
        return Hits(keys, similarities)

    def _search(self, queries: FloatArray, count: int) -> list[_Best]:
        bests = [_Best(np.empty(0, np.float32), np.empty(0, np.int64)) for _ in queries]
        coded = code_vectors(queries)
        packed = numkong.dots_pack(coded.codes, "int8")
        units = np.where(coded.scales > 0, coded.scales, np.float32(1))
        lengths = np.linalg.norm(queries, axis=1)
        step = min(BLOCK_ROWS, max(1, SCORES_AT_ONCE // len(queries)))
        for block, used in self._rows.blocks():
            slacks = lengths * block.max_error + coded.errors * block.max_length + FLOAT_MARGIN
            for start in range(0, used, step):
                end = min(used, start + step)
                scores = np.asarray(numkong.dots_packed(block.codes[start:end], packed))
                near = scores.astype(np.float32)
                near *= block.scales[start:end, None]
                floors = np.full(len(queries), -np.inf)
                for number, best in enumerate(bests):
                    if len(best.keys) == count:
                        floors[number] = best.similarities[-1]
                    elif end - start > count:
                        likeliest = _likeliest(near[:FLOORED_AT_ONCE, number], count) + start
                        first = _similarities(queries[number], block, likeliest)
                        floors[number] = first.min() if len(first) == count else -np.inf
                reach = ((floors - slacks) / units).astype(np.float32)
                rows, whose = np.divmod(np.flatnonzero(near >= reach), len(queries))
                for number in np.unique(whose).tolist():
                    found = rows[whose == number] + start
                    _take(bests[number], queries[number], block, found, count)
        return bests


def _likeliest(near: FloatArray, count: int) -> RowArray:
    return np.argpartition(near, -min(count, len(near)))[-count:]


def _take(best: _Best, query: FloatArray, block: Block, rows: RowArray, count: int) -> None:
    exact = [
        _similarities(query, block, rows[start : start + COMPARED_AT_ONCE])
        for start in range(0, len(rows), COMPARED_AT_ONCE)
    ]
    best.take(np.concatenate(exact), block.keys[rows], count)


def _similarities(query: FloatArray, block: Block, rows: RowArray) -> FloatArray:
    """Compare in full; what a row comes to does not depend on where it lies, so ties stay ties."""
    products: NDArray[np.float64] = block.exact[rows].astype(np.float64) * query
    similarities: FloatArray = products.sum(axis=1).astype(np.float32)
    return similarities


def check_vectors(vectors: FloatArray, dimensions: int) -> None:
    """Refuse what would be alike to nothing and everything.

    Parameters
    ----------
    vectors : ndarray, float32
        To be of shape (N, `dimensions`), and finite.
    dimensions : int
        How many numbers a vector has.

    Raises
    ------
    ValueError
        They are not.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dimensions:
        message = f"vectors of shape {vectors.shape}, not (N, {dimensions})"
        raise ValueError(message)
    if not np.isfinite(vectors).all():
        message = "a vector has a number that is not finite"
        raise ValueError(message)
