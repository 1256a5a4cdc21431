"""How many calls a known caller may make, by user and by project.

Owns: rates and concurrency after authentication, and what a refusal says. Has no opinion on: where
the limits are from, and how the server stays whole under more calls than it can do (``admission``,
``recognition.turns``).

A rate is a bucket as deep as a minute's calls that fills evenly: a full minute's calls may come at
once, then one each ``60 / limit`` seconds, so in any minute at most twice the limit. Each process
holds its share of a limit, rounded up: together they may admit up to ``processes - 1`` more, and a
caller whose connections all lead to one process is held to that one's share.

Source: ``docs/wire.md``, "Errors of the gateway".
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from huiyan.iam.directory.model import Limits
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import RateLimitError
from huiyan.kernel.ids import ProjectId, UserId

MAX_IDLE_KEYS = 4096
"""Buckets kept before the full ones are looked for and forgotten."""

MAX_KEYS = 65_536
"""Buckets kept at most. Where more than half as many are in use within a minute, the fullest are
forgotten too, which forgives those callers what they used."""

_SECOND_NS = 1_000_000_000
_MINUTE_NS = 60 * _SECOND_NS

K = TypeVar("K", bound=Hashable)


class Throttle:
    """Holds callers to their limits; thread-safe.

    Parameters
    ----------
    clock : Clock
        For rates.
    user_limits_for : callable
        Gives a user's limits; asked at each call, so limits may change at any time.
    project_limits_for : callable
        Gives a project's, likewise.
    processes : int
        How many processes share the limits, at least 1.
    """

    def __init__(
        self,
        clock: Clock,
        user_limits_for: Callable[[UserId], Limits],
        project_limits_for: Callable[[ProjectId], Limits],
        processes: int,
    ) -> None:
        self._clock = clock
        self._user_limits_for = user_limits_for
        self._project_limits_for = project_limits_for
        self._lock = threading.Lock()
        self._users = _Tally[UserId]("user", processes)
        self._projects = _Tally[ProjectId]("project", processes)

    @contextmanager
    def enter(self, user_id: UserId, project_id: ProjectId) -> Iterator[None]:
        """Count one call, from here to the end of the block.

        Parameters
        ----------
        user_id : UserId
            Who calls.
        project_id : ProjectId
            For which project.

        Yields
        ------
        None
            While the call counts as one of those at once.

        Raises
        ------
        RateLimitError
            A limit is reached; nothing was counted, with neither of the two. Says how many seconds
            it takes until the rate lets a call pass.
        """
        user_limits = self._user_limits_for(user_id)
        project_limits = self._project_limits_for(project_id)
        now_ns = round(self._clock.monotonic_s() * _SECOND_NS)
        with self._lock:
            refusals = (
                self._users.find_refusal(user_id, user_limits, now_ns),
                self._projects.find_refusal(project_id, project_limits, now_ns),
            )
            longest = max(refusals, key=lambda it: it.wait_ns if it else -1)
            if longest is not None:
                raise RateLimitError(
                    longest.text, retry_after_s=max(1, -(-longest.wait_ns // _SECOND_NS))
                )
            self._users.count(user_id, user_limits, now_ns)
            self._projects.count(project_id, project_limits, now_ns)
        try:
            yield
        finally:
            with self._lock:
                self._users.discount(user_id)
                self._projects.discount(project_id)


@dataclass(frozen=True, slots=True)
class _Refusal:
    text: str
    wait_ns: int


class _Tally(Generic[K]):
    """What each user, or each project, has done lately and is doing; not thread-safe.

    A bucket is one number: the instant at which it is full again ("theoretical arrival time" of
    the generic cell rate algorithm, ITU-T I.371). One that is full is the same as none.
    """

    def __init__(self, policy: str, processes: int) -> None:
        self._policy = policy
        self._processes = processes
        self._full_at_ns: dict[K, int] = {}
        self._sweep_at = MAX_IDLE_KEYS
        self._running: dict[K, int] = {}

    def find_refusal(self, key: K, limits: Limits, now_ns: int) -> _Refusal | None:
        limit = limits.calls_per_minute
        if limit:
            full_at_ns = max(now_ns, self._full_at_ns.get(key, now_ns))
            wait_ns = full_at_ns + self._interval_ns(limit) - now_ns - _MINUTE_NS
            if wait_ns > 0:
                text = f"policy {self._policy} over ratelimit,limit:{limit},time:1 minute."
                return _Refusal(text, wait_ns)
        limit = limits.concurrent_calls
        if limit and self._running.get(key, 0) >= self._share(limit):
            return _Refusal(f"policy {self._policy} over concurrency,limit:{limit}.", 0)
        return None

    def count(self, key: K, limits: Limits, now_ns: int) -> None:
        self._running[key] = self._running.get(key, 0) + 1
        if limits.calls_per_minute:
            full_at_ns = max(now_ns, self._full_at_ns.get(key, now_ns))
            self._full_at_ns[key] = full_at_ns + self._interval_ns(limits.calls_per_minute)
            if len(self._full_at_ns) > self._sweep_at:
                self._sweep(now_ns)

    def discount(self, key: K) -> None:
        left = self._running[key] - 1
        if left:
            self._running[key] = left
        else:
            del self._running[key]

    def _share(self, limit: int) -> int:
        return -(-limit // self._processes)

    def _interval_ns(self, limit: int) -> int:
        return max(1, _MINUTE_NS // self._share(limit))

    def _sweep(self, now_ns: int) -> None:
        kept = {key: full for key, full in self._full_at_ns.items() if full > now_ns}
        if len(kept) > MAX_KEYS // 2:
            emptiest = sorted(kept, key=kept.__getitem__)[-(MAX_KEYS // 2) :]
            kept = {key: kept[key] for key in emptiest}
        self._full_at_ns = kept
        # Twice as many before the next look: what a look costs is spread over as many calls.
        self._sweep_at = max(MAX_IDLE_KEYS, 2 * len(kept))
