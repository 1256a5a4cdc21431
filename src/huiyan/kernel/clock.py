"""Time, handed in wherever it matters.

Owns: the two clocks. Has no opinion on: what is timed.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a part that needs the time is given."""

    def now(self) -> datetime:
        """Tell the instant, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Tell seconds that only ever grow, for durations."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Tell the instant.

        Returns
        -------
        datetime
            Aware, in UTC.
        """
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Tell seconds that only ever grow.

        Returns
        -------
        float
            Seconds since an arbitrary start.
        """
        return time.monotonic()
