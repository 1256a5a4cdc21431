"""The bounded queue: how many calls, and how many bytes of them, the server holds at once.

Owns: the count of calls in hand and of the bytes received. Has no opinion on: who they are;
fairness among callers comes with accounts.

A call takes a place when its body is complete, so that clients that are slow to send, or never do,
keep nobody out; while a body arrives it weighs what has come of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from huiyan.kernel.errors import QueueFullError

RETRY_AFTER_S = 1

Hold = Callable[[int], None]
"""Takes up so many more bytes; raises ``QueueFullError`` when that is too many."""


class Admission:
    """Counts calls in hand; used on the event loop's thread only.

    Parameters
    ----------
    max_calls : int
        Calls at once, waiting ones included.
    max_bytes : int
        Bytes of bodies at once, arriving ones included.
    """

    def __init__(self, max_calls: int, max_bytes: int) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._calls = 0
        self._bytes = 0

    def require_place(self) -> None:
        """See that there is a place, before a body is read for nothing.

        Raises
        ------
        QueueFullError
            There is none.
        """
        if self._calls >= self._max_calls:
            raise QueueFullError("try again later", retry_after_s=RETRY_AFTER_S)

    @contextmanager
    def weigh(self) -> Iterator[Hold]:
        """Count the bytes of one body from its first until its call has ended.

        Yields
        ------
        Hold
            To be told of bytes as they arrive. A body that is alone is never too heavy.
        """
        held = 0

        def hold(size_bytes: int) -> None:
            nonlocal held
            others = self._bytes - held
            if others and self._bytes + size_bytes > self._max_bytes:
                raise QueueFullError("try again later", retry_after_s=RETRY_AFTER_S)
            self._bytes += size_bytes
            held += size_bytes

        try:
            yield hold
        finally:
            self._bytes -= held

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold a place while the call is in hand.

        Yields
        ------
        None
            While the place is held.

        Raises
        ------
        QueueFullError
            There is no place.
        """
        self.require_place()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    @property
    def calls(self) -> int:
        """Calls in hand."""
        return self._calls
