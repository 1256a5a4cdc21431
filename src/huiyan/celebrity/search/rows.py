"""Embeddings in memory, each exactly and once more in a byte a number.

Owns: how rows are laid out, grown, moved and wiped, and how far the short form may be from the
exact one. Has no opinion on: what is searched for, and who may look while rows change.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huiyan.celebrity.search.model import KeyArray
from huiyan.kernel.units import MIB_BYTES, AnyArray, FloatArray

BLOCK_ROWS = 65536
FIRST_ROWS = 256
HUGE_FROM_BYTES = 8 * MIB_BYTES
"""From here on, memory is asked for in large pages: they are faster to run through."""

TOP_CODE = 127
ROUNDING_MARGIN = 1.001
ROUNDING_ERROR = 1e-6
"""Errors are computed in float32; they are told so much larger than they came out."""

CodeArray = NDArray[np.int8]
HalfArray = NDArray[np.float16]


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Vectors in a byte a number.

    Parameters
    ----------
    codes : ndarray of shape (N, D), int8
        -127 to 127.
    scales : ndarray of shape (N,), float32
        A vector is about its codes times its scale.
    errors : ndarray of shape (N,), float32
        How far that is from the vector itself at the most, as a Euclidean length.
    lengths : ndarray of shape (N,), float32
        Euclidean length of codes times scale, at the most.
    """

    codes: CodeArray
    scales: FloatArray
    errors: FloatArray
    lengths: FloatArray


def code_vectors(vectors: FloatArray) -> Coded:
    """Write vectors in a byte a number.

    Parameters
    ----------
    vectors : ndarray of shape (N, D), float32
        Finite.

    Returns
    -------
    Coded
        Of the same order.
    """
    scales = np.abs(vectors).max(axis=1, initial=0.0).astype(np.float32) / np.float32(TOP_CODE)
    divisors = np.where(scales > 0, scales, np.float32(1))[:, None]
    codes = np.clip(np.rint(vectors / divisors), -TOP_CODE, TOP_CODE)
    near = codes * scales[:, None]
    margin = np.float32(ROUNDING_MARGIN)
    errors = np.linalg.norm(vectors - near, axis=1) * margin + np.float32(ROUNDING_ERROR)
    lengths = np.linalg.norm(near, axis=1) * margin
    return Coded(codes.astype(np.int8), scales, errors, lengths)


def _map_memory(size_bytes: int) -> NDArray[np.uint8]:
    """Take zeroed memory from the system, to which it goes back as soon as nobody holds it.

    What the allocator is given back it may keep, and a gallery that made way would still be there.
    """
    if not hasattr(mmap, "MAP_PRIVATE"):
        return np.frombuffer(mmap.mmap(-1, size_bytes), np.uint8)
    memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE") and size_bytes >= HUGE_FROM_BYTES:
        with suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)


class Block:
    """Some rows that lie together.

    Parameters
    ----------
    capacity : int
        How many rows fit, 1 to ``BLOCK_ROWS``.
    dimensions : int
        How many numbers a row has.
    """

    def __init__(self, capacity: int, dimensions: int) -> None:
        forms = (np.int8, dimensions), (np.float16, dimensions), (np.float32, 1), (np.int64, 1)
        sizes = [capacity * np.dtype(dtype).itemsize * width for dtype, width in forms]
        codes, exact, scales, keys = np.split(_map_memory(sum(sizes)), np.cumsum(sizes)[:-1])
        self.codes: CodeArray = codes.view(np.int8).reshape(capacity, dimensions)
        self.exact: HalfArray = exact.view(np.float16).reshape(capacity, dimensions)
        self.scales: FloatArray = scales.view(np.float32)
        self.keys: KeyArray = keys.view(np.int64)
        self.max_error = 0.0
        self.max_length = 0.0

    @property
    def arrays(self) -> tuple[AnyArray, ...]:
        """Give everything that is kept row by row.

        Returns
        -------
        tuple of ndarray
            Each with rows first.
        """
        return self.codes, self.scales, self.exact, self.keys

    @property
    def nbytes(self) -> int:
        """Tell how much memory is taken.

        Returns
        -------
        int
            Bytes.
        """
        return sum(it.nbytes for it in self.arrays)

    def wipe(self, start: int = 0) -> None:
        """Overwrite rows with zeros.

        Parameters
        ----------
        start : int
            The first of them; all that follow are wiped, too.
        """
        for array in self.arrays:
            array[start:] = 0


class Rows:
    """Embeddings with their keys; one thread changes it while none reads.

    Parameters
    ----------
    dimensions : int
        How many numbers an embedding has.
    """

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._count = 0
        self._blocks: list[Block] = []

    def __len__(self) -> int:
        """Tell how many rows there are."""
        return self._count

    @property
    def nbytes(self) -> int:
        """Tell how much memory is taken.

        Returns
        -------
        int
            Bytes.
        """
        return sum(it.nbytes for it in self._blocks)

    def blocks(self) -> Iterator[tuple[Block, int]]:
        """Give the rows block by block.

        Yields
        ------
        tuple of Block and int
            And how many rows of it are in use, 1 and above.
        """
        for number, block in enumerate(self._blocks):
            yield block, min(self._count - number * BLOCK_ROWS, BLOCK_ROWS)

    def append(self, keys: KeyArray, exact: HalfArray, coded: Coded) -> None:
        """Add rows behind the last.

        Parameters
        ----------
        keys : ndarray of shape (N,), int64
            Their keys.
        exact : ndarray of shape (N, D), float16
            The embeddings.
        coded : Coded
            The same in short.
        """
        done = 0
        while done < len(keys):
            block = self._roomy_block(len(keys) - done)
            start = self._count % BLOCK_ROWS
            taken = min(len(keys) - done, len(block.keys) - start)
            into, of = slice(start, start + taken), slice(done, done + taken)
            block.codes[into] = coded.codes[of]
            block.scales[into] = coded.scales[of]
            block.exact[into] = exact[of]
            block.keys[into] = keys[of]
            block.max_error = max(block.max_error, float(coded.errors[of].max()))
            block.max_length = max(block.max_length, float(coded.lengths[of].max()))
            self._count += taken
            done += taken

    def remove(self, keys: KeyArray) -> None:
        """Take rows out; the last ones fill the holes, and what is left behind is wiped.

        Parameters
        ----------
        keys : ndarray of shape (N,), int64
            Whose rows; unknown ones pass.
        """
        gone = self._find(keys)
        left = self._count - len(gone)
        holes = gone[gone < left]
        movers = np.setdiff1d(np.arange(left, self._count), gone, assume_unique=True)
        for hole, mover in zip(holes.tolist(), movers.tolist(), strict=True):
            self._move(mover, hole)
        self._count = left
        used = -(-left // BLOCK_ROWS)
        for number, block in enumerate(self._blocks):
            if (number + 1) * BLOCK_ROWS > left:
                block.wipe(max(0, left - number * BLOCK_ROWS))
        del self._blocks[used:]

    def keys(self) -> KeyArray:
        """Tell which rows there are.

        Returns
        -------
        ndarray of shape (N,), int64
            Their keys, in the order of the rows.
        """
        return np.concatenate([np.empty(0, np.int64), *(it.keys[:n] for it, n in self.blocks())])

    def get(self, keys: KeyArray) -> tuple[KeyArray, HalfArray]:
        """Give rows.

        Parameters
        ----------
        keys : ndarray of shape (N,), int64
            Whose; unknown ones are left out.

        Returns
        -------
        keys : ndarray of shape (M,), int64
            In the order of the rows.
        exact : ndarray of shape (M, D), float16
            A copy.
        """
        found, exact = [np.empty(0, np.int64)], [np.empty((0, self._dimensions), np.float16)]
        for block, used in self.blocks():
            rows = np.flatnonzero(np.isin(block.keys[:used], keys))
            found.append(block.keys[rows])
            exact.append(block.exact[rows])
        return np.concatenate(found), np.concatenate(exact)

    def clear(self) -> None:
        """Wipe and drop everything."""
        for block in self._blocks:
            block.wipe()
        self._blocks.clear()
        self._count = 0

    def _find(self, keys: KeyArray) -> NDArray[np.int64]:
        found = [
            np.flatnonzero(np.isin(block.keys[:used], keys)) + number * BLOCK_ROWS
            for number, (block, used) in enumerate(self.blocks())
        ]
        return np.concatenate([np.empty(0, np.int64), *found])

    def _move(self, start: int, end: int) -> None:
        source, target = self._blocks[start // BLOCK_ROWS], self._blocks[end // BLOCK_ROWS]
        for of, into in zip(source.arrays, target.arrays, strict=True):
            into[end % BLOCK_ROWS] = of[start % BLOCK_ROWS]
        target.max_error = max(target.max_error, source.max_error)
        target.max_length = max(target.max_length, source.max_length)

    def _roomy_block(self, wanted: int) -> Block:
        """Give the last block, with room for one row at least; it doubles until it is full size."""
        used = self._count - BLOCK_ROWS * max(0, len(self._blocks) - 1)
        last = self._blocks[-1] if self._blocks else None
        if last is not None and used < len(last.keys):
            return last
        if last is None or used == BLOCK_ROWS:
            capacity = min(BLOCK_ROWS, max(FIRST_ROWS, wanted))
            self._blocks.append(Block(capacity, self._dimensions))
            return self._blocks[-1]
        grown = Block(min(BLOCK_ROWS, max(2 * used, used + wanted)), self._dimensions)
        for of, into in zip(last.arrays, grown.arrays, strict=True):
            into[:used] = of
        grown.max_error, grown.max_length = last.max_error, last.max_length
        last.wipe()
        self._blocks[-1] = grown
        return grown
