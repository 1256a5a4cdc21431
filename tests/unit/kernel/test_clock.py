"""The two clocks."""

from __future__ import annotations

from datetime import timedelta

from huiyan.kernel.clock import SystemClock


def test_the_instant_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_seconds_for_durations_never_shrink() -> None:
    clock = SystemClock()
    seen = [clock.monotonic_s() for _ in range(1000)]
    assert seen == sorted(seen)
