"""The directory as this process holds it.

Owns: when it is read anew, who waits for whom meanwhile, and for how long it may be believed. Has
no opinion on: what is in it, and who asks.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from huiyan.iam.directory.model import Directory
from huiyan.iam.directory.secrets import KnownSecrets, ReadableSecrets, SecretOpener
from huiyan.iam.rights import Rights
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import DatabaseError

STALE_AFTER_S: Final = 10.0
"""For so long a process that gets no news judges by what it knows; then it refuses everyone."""

RELOAD_PAUSE_S: Final = 0.5
"""From the end of a reading to the next that only other people's changes cause."""

_RETRY_AFTER_S = 1.0


class DirectorySource(Protocol):
    """Where the directory is stored."""

    def revision(self) -> int:
        """Read the number that grows with every change."""
        ...

    def directory(self, secrets: SecretOpener) -> Directory:
        """Read all of it."""
        ...


class DirectoryMemory:
    """Keeps the directory, and learns of changes.

    A look asks for the revision and reads the directory anew if it has grown. Looks follow one
    another; whoever asked before a look began needs no other one, however many they are.

    Parameters
    ----------
    source : DirectorySource
        Where it is stored.
    vault : Vault
        Opens the keys' secrets.
    clock : Clock
        The server's clock.
    pause : callable, optional
        Waits for so many seconds.

    Raises
    ------
    DatabaseError
        The database failed.
    InstanceKeyError
        A stored secret does not open: so it is refused at the start. Later such a key is left out.
    """

    def __init__(
        self,
        source: DirectorySource,
        vault: Vault,
        clock: Clock,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._source = source
        self._vault = vault
        self._clock = clock
        self._pause = pause
        self._looking = threading.Lock()
        self._begun = self._succeeded = self._failed = 0
        self._failure = ""
        self._failed_at_s = -_RETRY_AFTER_S
        self._fresh_at_s = clock.monotonic_s()
        self._waits_for_key = False
        self._key_ids = vault.key_ids
        self._secrets = KnownSecrets(vault)
        self._rights = Rights(source.directory(self._secrets))
        self._read_at_s = clock.monotonic_s() - RELOAD_PAUSE_S

    def rights(self) -> Rights:
        """Give what callers are judged by.

        Returns
        -------
        Rights
            Of a directory that was the newest within the last ten seconds.

        Raises
        ------
        DatabaseError
            It was not, and cannot be made so: what was withdrawn meanwhile is not known.
        """
        if not self._is_stale():
            return self._rights
        if self._clock.monotonic_s() - self._failed_at_s < _RETRY_AFTER_S:
            raise DatabaseError(self._failure)
        self.refresh()
        return self._rights

    def refresh(self) -> bool:
        """Make the directory as new as the database at the time of the call, at once.

        Returns
        -------
        bool
            Whether it changed.

        Raises
        ------
        DatabaseError
            The database failed; the directory stays as it was.
        """
        return self._renew(is_urgent=True)

    def follow(self) -> bool:
        """Make the directory as new as the database at the time of the call, without haste.

        After a reading the next one is put off for half a second, so that changes by other people,
        however many, cost little.

        Returns
        -------
        bool
            Whether it changed.

        Raises
        ------
        DatabaseError
            The database failed; the directory stays as it was.
        """
        return self._renew(is_urgent=False)

    def _is_stale(self) -> bool:
        return self._clock.monotonic_s() - self._fresh_at_s > STALE_AFTER_S

    def _renew(self, *, is_urgent: bool) -> bool:
        before = self._rights
        # A look that has begun may have passed by the caller's own change.
        wanted = self._begun + 1
        wait_s = self._join(wanted, is_urgent=is_urgent)
        if wait_s > 0:
            self._pause(wait_s)
            self._join(wanted, is_urgent=True)
        return self._rights is not before

    def _join(self, wanted: int, *, is_urgent: bool) -> float:
        """Look unless such a late look has ended; tell how long to wait for a reading."""
        with self._looking:
            if self._succeeded >= wanted:
                return 0.0
            if self._failed >= wanted:
                raise DatabaseError(self._failure)
            self._begun += 1
            try:
                return self._look(is_urgent=is_urgent)
            except Exception as error:
                self._failed, self._failed_at_s = self._begun, self._clock.monotonic_s()
                self._failure = getattr(error, "detail", "the accounts cannot be read; see the log")
                raise

    def _look(self, *, is_urgent: bool) -> float:
        number, at_s = self._begun, self._clock.monotonic_s()
        if self._is_news(self._source.revision()):
            wait_s = self._read_at_s + RELOAD_PAUSE_S - at_s
            if wait_s > 0 and not is_urgent and not self._is_stale():
                return wait_s
            self._read()
        self._succeeded, self._fresh_at_s = number, at_s
        return 0.0

    def _is_news(self, revision: int) -> bool:
        if revision != self._rights.directory.revision:
            return True
        if not self._waits_for_key:
            return False
        self._vault.follow()
        return self._vault.key_ids != self._key_ids

    def _read(self) -> None:
        self._vault.follow()  # a rotation of the instance key raises the revision, too
        known = KnownSecrets(self._vault, self._secrets)
        secrets, key_ids = ReadableSecrets(known, self._vault), self._vault.key_ids
        # Nothing that is read is garbage: looking for it on the way takes a third of the time.
        gc.disable()
        try:
            self._rights = Rights(self._source.directory(secrets))
        finally:
            gc.enable()
        self._secrets = known
        self._waits_for_key, self._key_ids = secrets.has_unreadable, key_ids
        self._read_at_s = self._clock.monotonic_s()
