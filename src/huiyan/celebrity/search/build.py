"""Which index a gallery is searched through.

Owns: from how many embeddings on a graph takes the place of exact search, and that nobody waits
for it: exact search goes on while the graph is built beside it. Has no opinion on: whose embeddings
they are.
"""

from __future__ import annotations

from threading import Lock, Thread
from time import sleep
from typing import Protocol

from huiyan.celebrity.search.flat import FlatIndex
from huiyan.celebrity.search.gate import Gate
from huiyan.celebrity.search.graph import GraphIndex
from huiyan.celebrity.search.model import Hits, KeyArray, SearchIndex
from huiyan.kernel.units import FloatArray

GRAPH_FROM = 1_000_001
"""Up to a million embeddings, exact search takes no longer than finding the faces."""

BUILT_AT_ONCE = 256
"""Changes wait for so many to enter the graph: some tenths of a second."""


PAUSE_S = 0.001
"""Between two steps of building: a lock that is taken again at once lets nobody else in."""


class IndexMaker(Protocol):
    """Makes an empty index."""

    def __call__(self, dimensions: int) -> SearchIndex:
        """Make one for embeddings of so many numbers."""
        ...


class GrowingIndex:
    """Exact search, and once there are many embeddings a graph.

    One instance serves all threads. Crossing the border starts a thread that builds the graph;
    until it is done, exact search answers. A graph stays one, however much is removed.

    Parameters
    ----------
    dimensions : int
        How many numbers an embedding has, 1 and above.
    graph_from : int
        From how many embeddings on a graph is built.
    """

    def __init__(self, dimensions: int, graph_from: int = GRAPH_FROM) -> None:
        self._dimensions = dimensions
        self._graph_from = graph_from
        self._changing = Lock()
        self._gate = Gate()
        self._flat = FlatIndex(dimensions)
        self._graph: GraphIndex | None = None
        self._waiting: list[KeyArray] = []
        self._is_ready = False

    def __len__(self) -> int:
        """Tell how many embeddings there are.

        Returns
        -------
        int
            0 and above.
        """
        with self._gate.reading():
            return len(self._used)

    @property
    def nbytes(self) -> int:
        """Tell how much memory is taken.

        Returns
        -------
        int
            Bytes; of both while the graph is built.
        """
        graph = self._graph
        return self._flat.nbytes + (0 if graph is None else graph.nbytes)

    @property
    def is_exact(self) -> bool:
        """Tell whether exact search answers.

        Returns
        -------
        bool
            False once the graph is built.
        """
        return not self._is_ready

    def search(self, queries: FloatArray, count: int) -> Hits:
        """Find the most alike, as ``FlatIndex.search`` and ``GraphIndex.search`` do.

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
        with self._gate.reading():
            return self._used.search(queries, count)

    def add(self, keys: KeyArray, embeddings: FloatArray) -> None:
        """Add embeddings.

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
        with self._changing:
            self._used.add(keys, embeddings)
            if self._is_ready:
                return
            if self._graph is not None:
                self._waiting.append(keys.copy())
            elif len(self._flat) >= self._graph_from:
                self._graph = GraphIndex(self._dimensions)
                self._waiting = [self._flat.keys()]
                Thread(target=self._build, args=(self._graph,), daemon=True).start()

    def remove(self, keys: KeyArray) -> None:
        """Forget embeddings: their bytes are overwritten before this returns.

        Parameters
        ----------
        keys : ndarray of shape (N,), int64
            Unknown ones pass.
        """
        with self._changing:
            self._flat.remove(keys)
            if self._graph is not None:
                self._graph.remove(keys)

    def clear(self) -> None:
        """Forget everything; a graph that is being built is given up."""
        with self._changing, self._gate.changing():
            self._flat.clear()
            if self._graph is not None:
                self._graph.clear()
            self._graph = None
            self._waiting = []
            self._is_ready = False

    @property
    def _used(self) -> SearchIndex:
        return self._graph if self._is_ready and self._graph is not None else self._flat

    def _build(self, graph: GraphIndex) -> None:
        while True:
            sleep(PAUSE_S)
            with self._changing:
                if self._graph is not graph:
                    return
                if not self._waiting:
                    with self._gate.changing():
                        self._is_ready = True
                        self._flat.clear()
                    return
                keys = self._waiting.pop()
                if len(keys) > BUILT_AT_ONCE:
                    self._waiting.append(keys[BUILT_AT_ONCE:])
                found, embeddings = self._flat.get(keys[:BUILT_AT_ONCE])
                graph.add(found, embeddings)
                embeddings.fill(0)


def open_index(dimensions: int) -> SearchIndex:
    """Make an empty index.

    Parameters
    ----------
    dimensions : int
        How many numbers an embedding has, 1 and above.

    Returns
    -------
    SearchIndex
        Exact up to a million embeddings.
    """
    return GrowingIndex(dimensions)
