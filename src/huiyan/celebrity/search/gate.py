"""Many who read, or one who changes.

Owns: the lock under which an index is searched by any number of threads while none changes it. Has
no opinion on: what is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """A lock for readers and writers; who waits to change goes before who comes to read."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._readers = 0
        self._waiting = 0
        self._is_changing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read beside other readers; not to be entered twice by a thread.

        Yields
        ------
        None
            While nobody changes anything.
        """
        with self._condition:
            while self._is_changing or self._waiting:
                self._condition.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                if not self._readers:
                    self._condition.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change alone.

        Yields
        ------
        None
            While nobody else reads or changes anything.
        """
        with self._condition:
            self._waiting += 1
            try:
                while self._is_changing or self._readers:
                    self._condition.wait()
            finally:
                self._waiting -= 1
                if not self._waiting:
                    self._condition.notify_all()
            self._is_changing = True
        try:
            yield
        finally:
            with self._condition:
                self._is_changing = False
                self._condition.notify_all()
