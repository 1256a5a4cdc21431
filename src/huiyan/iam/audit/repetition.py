"""Refusals that come again and again, told as few.

Owns: which refusals are alike, and how often each has come lately, in this process. Has no opinion
on: where they are told, and when.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from huiyan.iam.audit.model import AuditEntry

PERIOD_S = 60.0
"""For how long refusals alike are counted instead of told."""

MAX_KINDS = 10_000
"""Kinds of refusals that are counted at once; those of further kinds are told one by one."""

_Kind = tuple[str, str, str, str, str, str]


@dataclass(slots=True)
class Repetition:
    """Refusals alike that came after one that was told.

    Parameters
    ----------
    until_s : float
        On the monotonic clock, when they are to be told, in seconds.
    last : AuditEntry
        The last of them.
    times : int
        How many, the one that was told not counted.
    """

    until_s: float
    last: AuditEntry
    times: int = 0

    def entry(self, now: datetime) -> AuditEntry:
        """Give the entry that tells of all.

        Parameters
        ----------
        now : datetime
            When it is told, in UTC: who reads the log from where they left off must find it.

        Returns
        -------
        AuditEntry
            The last of them, with their number as ``repeated`` and its instant as ``last``.
        """
        last = self.last.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return replace(self.last, at=now, detail={"repeated": str(self.times), "last": last})


class Repetitions:
    """Counts refusals alike; thread-safe.

    Alike are those of one user, with one credential, of one action, on paths of one pattern, for
    one reason. From where they came has no say: addresses would be too many to keep.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[_Kind, Repetition] = {}

    def is_news(self, entry: AuditEntry, now_s: float) -> bool:
        """Tell whether an entry is to be told now; it is counted if not.

        Parameters
        ----------
        entry : AuditEntry
            Any.
        now_s : float
            On the monotonic clock, in seconds.

        Returns
        -------
        bool
            True for all but refusals with a pattern whose like was told within a minute. Those of
            a minute that is over are counted until they are taken.
        """
        if entry.allowed or not entry.pattern:
            return True
        kind = _kind(entry)
        with self._lock:
            known = self._kinds.get(kind)
            if known is not None and (known.times or now_s < known.until_s):
                known.times += 1
                known.last = entry
                return False
            if known is not None or len(self._kinds) < MAX_KINDS:
                self._kinds[kind] = Repetition(now_s + PERIOD_S, entry)
        return True

    def was_not_told(self, entry: AuditEntry) -> None:
        """Take back that an entry was news: the next alike is, unless some were counted.

        Parameters
        ----------
        entry : AuditEntry
            One that could not be told.
        """
        with self._lock:
            known = self._kinds.get(_kind(entry))
            if known is not None:
                known.until_s = 0.0

    def take(self, now_s: float) -> tuple[Repetition, ...]:
        """Take out what is to be told.

        Parameters
        ----------
        now_s : float
            On the monotonic clock, in seconds; infinite for everything.

        Returns
        -------
        tuple of Repetition
            Those whose minute is over and that came again.
        """
        with self._lock:
            over = {kind: it for kind, it in self._kinds.items() if it.until_s <= now_s}
            for kind in over:
                del self._kinds[kind]
        return tuple(it for it in over.values() if it.times)

    def put_back(self, untold: Iterable[Repetition]) -> None:
        """Keep what could not be told for the next time.

        Parameters
        ----------
        untold : iterable of Repetition
            From ``take``.
        """
        with self._lock:
            for repetition in untold:
                kind = _kind(repetition.last)
                newer = self._kinds.get(kind)
                if newer is None:
                    self._kinds[kind] = repetition
                else:
                    newer.times += repetition.times


def _kind(entry: AuditEntry) -> _Kind:
    return (
        entry.account_id,
        entry.user_id,
        entry.credential_id,
        entry.action,
        entry.pattern,
        entry.reason,
    )
