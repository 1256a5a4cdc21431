"""What it is to search embeddings.

Owns: the contract of an index, exact or not. Has no opinion on: whose embeddings they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray

KeyArray = NDArray[np.int64]
NO_KEY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The most alike embeddings for each of Q queries, the most alike first.

    Parameters
    ----------
    keys : ndarray of shape (Q, K), int64
        As they were given to ``add``; ``NO_KEY`` behind the last where fewer are known.
    similarities : ndarray of shape (Q, K), float32
        Cosines, falling; -1 where there is no key.
    """

    keys: KeyArray
    similarities: FloatArray


class SearchIndex(Protocol):
    """Embeddings that can be searched; any number of threads may search while one changes."""

    def __len__(self) -> int:
        """Tell how many embeddings there are."""
        ...

    @property
    def nbytes(self) -> int:
        """Tell how much memory is taken, in bytes."""
        ...

    def search(self, queries: FloatArray, count: int) -> Hits:
        """Find the most alike; ``queries`` (Q, D) of unit length, ``count`` = K at least 1."""
        ...

    def add(self, keys: KeyArray, embeddings: FloatArray) -> None:
        """Add (N,) keys not yet in it, 0 and above, with their (N, D) embeddings of unit length."""
        ...

    def remove(self, keys: KeyArray) -> None:
        """Forget embeddings, so that no byte of them stays in memory; unknown keys pass."""
        ...

    def clear(self) -> None:
        """Forget everything, likewise."""
        ...
