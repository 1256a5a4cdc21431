"""The bounded queue: how many calls, and how many bytes of them, the server holds at once.

Owns: the count of calls in hand. Has no opinion on: who they are; fairness among callers comes with
accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huiyan.kernel.errors import QueueFullError

RETRY_AFTER_S = 1


class Admission:
    """Counts calls in hand; used on the event loop's thread only.

    Parameters
    ----------
    max_calls : int
        Calls at once, waiting ones included.
    max_bytes : int
        Bytes of their bodies at once.
    """

    def __init__(self, max_calls: int, max_bytes: int) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._calls = 0
        self._bytes = 0

    @contextmanager
    def admit(self, body_bytes: int) -> Iterator[None]:
        """Hold a place while the call is in hand.

        Parameters
        ----------
        body_bytes : int
            The body's declared size.

        Yields
        ------
        None
            While the place is held.

        Raises
        ------
        QueueFullError
            There is no place.
        """
        full = self._calls >= self._max_calls
        heavy = self._calls > 0 and self._bytes + body_bytes > self._max_bytes
        if full or heavy:
            raise QueueFullError("try again later", retry_after_s=RETRY_AFTER_S)
        self._calls += 1
        self._bytes += body_bytes
        try:
            yield
        finally:
            self._calls -= 1
            self._bytes -= body_bytes

    @property
    def calls(self) -> int:
        """Calls in hand."""
        return self._calls
