"""How long work tells of its progress.

Owns: the Protocol and a silent implementation. Has no opinion on: bars, terminals or logs.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What is told while a file is fetched, checked or packed."""

    def start(self, what: str, total_bytes: int | None) -> None:
        """Begin a step, which ends the one before.

        Parameters
        ----------
        what : str
            The step, for a person.
        total_bytes : int or None
            Bytes to come; None where the step cannot tell.
        """
        ...

    def advance(self, done_bytes: int) -> None:
        """Tell of further bytes.

        Parameters
        ----------
        done_bytes : int
            Bytes done since the last call.
        """
        ...

    def finish(self) -> None:
        """End the last step."""
        ...


class SilentProgress:
    """Tells nobody."""

    def start(self, what: str, total_bytes: int | None) -> None:
        """Begin a step.

        Parameters
        ----------
        what : str
            The step, for a person.
        total_bytes : int or None
            Bytes to come; None where the step cannot tell.
        """

    def advance(self, done_bytes: int) -> None:
        """Tell of further bytes.

        Parameters
        ----------
        done_bytes : int
            Bytes done since the last call.
        """

    def finish(self) -> None:
        """End the last step."""
