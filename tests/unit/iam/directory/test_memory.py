"""When the directory is read anew, and for how long it is believed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from huiyan.iam.directory.memory import RELOAD_PAUSE_S, STALE_AFTER_S, DirectoryMemory
from huiyan.iam.directory.model import Directory
from huiyan.iam.directory.secrets import KnownSecrets, ReadableSecrets, SecretOpener
from huiyan.iam.model import SealedSecret
from huiyan.iam.vault import Vault
from huiyan.kernel.errors import DatabaseError, InstanceKeyError
from huiyan.kernel.ids import AccessKey

AK = AccessKey("AK")


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.seconds = 50.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 3, 31, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds


class Source:
    """A database with one number in it, that can be held up and made to fail."""

    def __init__(self) -> None:
        self.number = 1
        self.asked = self.read = 0
        self.fault: Exception | None = None
        self.during: Callable[[], None] = lambda: None

    def revision(self) -> int:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self.number

    def directory(self, secrets: SecretOpener) -> Directory:  # noqa: ARG002 - there are no keys
        self.read += 1
        found = Directory(self.number, {}, {}, {})
        self.during()
        return found


class CountingVault(Vault):
    """Counts how often it was asked to open."""

    opened = 0

    def open(self, access_key: AccessKey, sealed: SealedSecret) -> bytes:
        self.opened += 1
        return super().open(access_key, sealed)


def memory_of(source: Source, clock: Clock) -> DirectoryMemory:
    return DirectoryMemory(source, Vault(bytes(32)), clock, clock.wait)


def test_a_hiccup_of_the_database_disturbs_nobody_and_a_long_failure_refuses() -> None:
    source, clock = Source(), Clock()
    memory = memory_of(source, clock)
    source.fault = DatabaseError("unreachable")
    clock.seconds += STALE_AFTER_S
    assert memory.rights().directory.revision == 1
    assert source.asked == 0
    clock.seconds += 0.1
    for _ in range(5):
        with pytest.raises(DatabaseError, match="unreachable"):
            memory.rights()
    assert source.asked == 1
    source.fault = None
    clock.seconds += 1.0
    assert memory.rights().directory.revision == 1


def test_a_database_that_cannot_be_read_refuses_too() -> None:
    source, clock = Source(), Clock()
    memory = memory_of(source, clock)
    source.fault = ValueError("a damaged row")
    clock.seconds += STALE_AFTER_S + 0.1
    with pytest.raises(ValueError, match="damaged"):
        memory.rights()
    with pytest.raises(DatabaseError, match="cannot be read"):
        memory.rights()


def test_news_that_is_put_off_does_not_count_as_fresh() -> None:
    source, clock = Source(), Clock()
    memory = DirectoryMemory(source, Vault(bytes(32)), clock, lambda _s: None)
    clock.seconds += 5
    source.number += 1
    memory.refresh()
    clock.seconds += STALE_AFTER_S + 0.1
    source.fault = DatabaseError("unreachable")
    with pytest.raises(DatabaseError):
        memory.rights()


def test_changes_by_others_are_read_at_most_twice_a_second() -> None:
    source, clock = Source(), Clock()
    memory = memory_of(source, clock)
    for _ in range(10):
        source.number += 1
        assert memory.follow()
        assert memory.rights().directory.revision == source.number
    assert clock.waits == pytest.approx([RELOAD_PAUSE_S] * 9)


def test_ones_own_change_is_read_at_once() -> None:
    source, clock = Source(), Clock()
    memory = memory_of(source, clock)
    for _ in range(10):
        source.number += 1
        assert memory.refresh()
    assert not memory.refresh()
    assert (source.read, clock.waits) == (11, [])


def test_all_who_wait_share_one_reading_and_it_is_newer_than_their_changes() -> None:
    source, clock = Source(), Clock()
    memory = memory_of(source, clock)
    reading, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reading.set()
        assert go_on.wait(20)

    source.during = hold
    source.number += 1
    seen: list[bool] = []
    first = threading.Thread(target=memory.refresh)
    first.start()
    assert reading.wait(20)

    def change() -> None:
        wanted = source.number
        memory.refresh()
        seen.append(memory.rights().directory.revision >= wanted)

    source.number += 1
    others = [threading.Thread(target=change) for _ in range(16)]
    for thread in others:
        thread.start()
    time.sleep(0.2)  # until they wait; one who comes late looks once more
    go_on.set()
    for thread in (first, *others):
        thread.join(20)
    assert seen == [True] * 16
    assert source.read == 3
    assert source.asked <= 4


def test_all_who_wait_share_one_failure() -> None:
    source, clock = Source(), Clock()
    memory = memory_of(source, clock)
    asking, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        asking.set()
        assert go_on.wait(20)
        raise DatabaseError("unreachable")

    source.during = hold
    source.number += 1
    failures: list[str] = []

    def ask() -> None:
        try:
            memory.refresh()
        except DatabaseError as error:
            failures.append(error.detail)

    threads = [threading.Thread(target=ask) for _ in range(9)]
    threads[0].start()
    assert asking.wait(20)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.2)  # until they wait; one who comes late looks once more
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert failures == ["unreachable"] * 9
    assert source.asked <= 4


def test_a_secret_is_decrypted_once_while_its_row_stays() -> None:
    vault = CountingVault(bytes(32))
    sealed, other = vault.seal(AK, "one"), vault.seal(AK, "two")
    first = KnownSecrets(vault)
    assert first.open(AK, sealed) == b"one"
    second = KnownSecrets(vault, first)
    assert second.open(AK, sealed) == b"one"
    assert vault.opened == 1
    third = KnownSecrets(vault, second)
    assert third.open(AK, other) == b"two"
    assert vault.opened == 2
    gone = KnownSecrets(vault, KnownSecrets(vault, third))
    assert gone.open(AK, other) == b"two"
    assert vault.opened == 3


def test_a_secret_moved_to_another_key_is_not_taken_for_known() -> None:
    vault = Vault(bytes(32))
    sealed = vault.seal(AK, "one")
    known = KnownSecrets(vault)
    known.open(AK, sealed)
    with pytest.raises(InstanceKeyError):
        KnownSecrets(vault, known).open(AccessKey("OTHER"), sealed)


def test_an_instance_key_that_is_not_here_is_looked_for_once_a_reading() -> None:
    vault = CountingVault(bytes(32))
    strange = Vault(bytes(31) + b"x").seal(AK, "secret")
    secrets = ReadableSecrets(KnownSecrets(vault), vault)
    assert [secrets.open(AK, strange) for _ in range(3)] == [None] * 3
    assert secrets.has_unreadable
    assert vault.opened == 1
