from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from huiyan.iam.people.keys.use import KeyUse
from huiyan.kernel.errors import DatabaseError
from huiyan.kernel.ids import AccessKey, AccountId, UserId
from huiyan.kernel.principal import Principal

AT = datetime(2026, 3, 31, 8, 15, tzinfo=UTC)
Use = tuple[AccountId, AccessKey, datetime]


class WrittenUses:
    """Takes uses as the repository does; fails when told to."""

    def __init__(self) -> None:
        self.batches: list[list[Use]] = []
        self.fails_at = -1

    def touch_keys(self, uses: Iterable[Use]) -> None:
        if len(self.batches) == self.fails_at:
            self.fails_at = -1
            raise DatabaseError("unreachable")
        self.batches.append(list(uses))


class Seconds:
    now = 5.0

    def monotonic_s(self) -> float:
        return self.now


def caller(access_key: str) -> Principal:
    return Principal(AccountId("a"), UserId("u"), "name", access_key, is_owner=False)


def use_of(written: WrittenUses, seconds: Seconds, most_keys: int = 1000) -> KeyUse:
    return KeyUse(written, seconds, most_keys)  # type: ignore[arg-type]


def test_nothing_noted_writes_nothing() -> None:
    written = WrittenUses()
    use_of(written, Seconds()).flush()
    assert written.batches == []


def test_many_uses_of_a_key_are_written_as_the_last_once_a_minute() -> None:
    written, seconds = WrittenUses(), Seconds()
    use = use_of(written, seconds)
    for passed in range(3):
        use.note(caller("A"), AT + timedelta(seconds=passed))
    use.flush()
    assert written.batches == [[("a", "A", AT + timedelta(seconds=2))]]
    use.note(caller("A"), AT)
    for seconds.now in (6.0, 64.9):
        use.flush()
    assert len(written.batches) == 1
    seconds.now = 65.0
    use.flush()
    use.flush()
    assert len(written.batches) == 2


def test_closing_writes_at_once() -> None:
    written = WrittenUses()
    use = use_of(written, Seconds())
    use.flush()
    use.note(caller("A"), AT)
    use.close()
    assert len(written.batches) == 1


def test_memory_is_bounded() -> None:
    written = WrittenUses()
    use = use_of(written, Seconds(), most_keys=10)
    for number in range(1000):
        use.note(caller(f"K{number}"), AT)
    use.note(caller("K3"), AT + timedelta(seconds=1))
    use.flush()
    assert [key for _, key, _ in written.batches[0]] == [f"K{number}" for number in range(10)]
    assert written.batches[0][3][2] == AT + timedelta(seconds=1)


def test_what_could_not_be_written_is_kept_unless_there_is_newer() -> None:
    written, seconds = WrittenUses(), Seconds()
    use = use_of(written, seconds)
    for number in range(600):
        use.note(caller(f"K{number:03}"), AT)
    written.fails_at = 1
    with pytest.raises(DatabaseError):
        use.flush()
    assert len(written.batches) == 1
    use.note(caller("K599"), AT + timedelta(seconds=9))
    seconds.now += 60
    use.flush()
    assert len(written.batches) == 2
    assert {key: at for _, key, at in written.batches[1]}[AccessKey("K599")] > AT
    assert len(written.batches[1]) == 100


def test_noting_costs_about_a_microsecond() -> None:
    use, who = use_of(WrittenUses(), Seconds()), caller("A")
    best_s = min(_measured(use, who) for _ in range(5))
    assert best_s < 5e-6  # five times what it takes: the machine is shared


def _measured(use: KeyUse, who: Principal) -> float:
    begun = time.perf_counter()
    for _ in range(2000):
        use.note(who, AT)
    return (time.perf_counter() - begun) / 2000


def test_last_use_is_stored_without_raising_the_revision(any_house: Any) -> None:
    house = any_house
    key = house.made.key.access_key
    before = house.identities.revision()
    repository = house.repository.keys
    repository.touch_keys(
        [(house.account_id, key, AT), (house.account_id, AccessKey("ABSENT"), AT)]
    )
    repository.touch_keys([(house.account_id, key, AT - timedelta(seconds=1))])
    repository.touch_keys([(house.stranger_account_id, key, AT + timedelta(seconds=1))])
    stored = repository.find(house.account_id, key)
    assert stored is not None
    assert stored.last_used_at == AT
    assert house.identities.revision() == before
