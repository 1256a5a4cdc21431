"""When keys were last used, gathered in memory and written now and then.

Owns: how little that may cost a request, and how often it is written. Has no opinion on: which
requests count as use, and what runs in the background.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Protocol

from huiyan.iam.people.keys.repository import KeyRepository
from huiyan.kernel.ids import AccessKey, AccountId
from huiyan.kernel.principal import Principal

FLUSH_S = 60.0
MOST_KEYS = 50_000

_BATCH = 500


class Ticker(Protocol):
    """What tells seconds that only ever grow."""

    def monotonic_s(self) -> float:
        """Tell them."""
        ...


class KeyUse:
    """Remembers the last use of each key until it is written.

    Parameters
    ----------
    repository : KeyRepository
        Where it is written.
    clock : Ticker
        The server's clock.
    most_keys : int, default 50000
        Keys remembered between two writings; of further ones the use is forgotten.
    """

    def __init__(
        self, repository: KeyRepository, clock: Ticker, most_keys: int = MOST_KEYS
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._most_keys = most_keys
        self._lock = threading.Lock()
        self._latest: dict[AccessKey, tuple[AccountId, datetime]] = {}
        self._flushed_s = clock.monotonic_s() - FLUSH_S

    def note(self, principal: Principal, at: datetime) -> None:
        """Note that a key has signed a request; costs less than a microsecond.

        Parameters
        ----------
        principal : Principal
            Who called; its credential is the access key.
        at : datetime
            When, in UTC.
        """
        access_key = AccessKey(principal.credential_id)
        with self._lock:
            if access_key in self._latest or len(self._latest) < self._most_keys:
                self._latest[access_key] = (principal.account_id, at)

    def flush(self) -> None:
        """Write what was noted, unless that was done less than a minute ago.

        Raises
        ------
        DatabaseError
            The database failed; what was not written is kept for the next time.
        """
        now_s = self._clock.monotonic_s()
        if now_s - self._flushed_s < FLUSH_S:
            return
        self._flushed_s = now_s
        self.close()

    def close(self) -> None:
        """Write what was noted, now.

        Raises
        ------
        DatabaseError
            The database failed; what was not written is kept for the next time.
        """
        with self._lock:
            taken, self._latest = self._latest, {}
        keys = list(taken)
        try:
            while keys:
                batch = keys[:_BATCH]
                self._repository.touch_keys((taken[key][0], key, taken[key][1]) for key in batch)
                del keys[:_BATCH]
        finally:
            if keys:
                self._keep(keys, taken)

    def _keep(
        self, keys: list[AccessKey], taken: dict[AccessKey, tuple[AccountId, datetime]]
    ) -> None:
        with self._lock:
            for key in keys:
                if len(self._latest) < self._most_keys:
                    self._latest.setdefault(key, taken[key])
