from __future__ import annotations

import threading
from typing import Any

import pytest

from huiyan.iam.people.passwords import HashCost, PasswordHasher, check_password
from huiyan.kernel.errors import InvalidParameterError, QueueFullError, WeakPasswordError

CHEAP = HashCost(memory_kib=8, passes=1)


class CountingArgon2:
    """Counts computations, which take all the time that a check takes."""

    def __init__(self, argon2: Any) -> None:
        self._argon2 = argon2
        self.computed = 0

    def verify(self, stored: str, password: bytes) -> bool:
        # One that cannot be read costs nothing: it is refused before anything is computed.
        self._argon2.check_needs_rehash(stored)
        self.computed += 1
        return bool(self._argon2.verify(stored, password))


@pytest.mark.parametrize("password", ["", "a", "aaaaa", "a" * 33, "a" * 10_000])
def test_a_password_has_6_to_32_characters(password: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"user\.password") as raised:
        check_password(password, "someone")
    assert not password or password not in raised.value.detail.split()


@pytest.mark.parametrize(
    "password", ["aaaa1\n", "aaaa1\x00", "密码密码密码1", "pass1\ud800x", "aaaa1é"]
)
def test_a_password_is_of_printable_ascii(password: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"user\.password"):
        check_password(password, "someone")


@pytest.mark.parametrize(
    "password", ["aaaaaa", "AAAAAA", "123456", "!!!!!!", "      ", "abcdef" * 5]
)
def test_one_kind_of_characters_is_weak(password: str) -> None:
    with pytest.raises(WeakPasswordError) as raised:
        check_password(password, "someone")
    assert password not in raised.value.detail


@pytest.mark.parametrize(
    "password", ["aaaaaB", "aaaaa1", "aaaaa!", "AAAAA1", "AAAAA ", "11111!", "a1" * 16, "a~!@#$"]
)
def test_two_kinds_of_characters_are_enough(password: str) -> None:
    check_password(password, "someone")


@pytest.mark.parametrize("password", ["Alice-1", "1-ecilA", "aLICE-1", "1-ECILa"])
def test_the_name_forwards_or_backwards_is_weak(password: str) -> None:
    with pytest.raises(WeakPasswordError):
        check_password(password, "Alice-1")
    check_password(password, "Alice-2")


def test_a_password_holds_neither_address_nor_number() -> None:
    for password in ("xA@b.CnX", "x13800138000"):
        with pytest.raises(WeakPasswordError):
            check_password(password, "someone", "a@b.cn", "13800138000")
        check_password(password, "someone", "", "")


def test_a_password_fits_its_own_hash_only() -> None:
    hasher = PasswordHasher(CHEAP)
    stored = hasher.hash("Correct-horse7")
    assert stored.startswith("$argon2id$")
    assert "Correct-horse7" not in stored
    assert stored != hasher.hash("Correct-horse7")
    assert hasher.verify(stored, "Correct-horse7")
    for wrong in ("", "correct-horse7", "Correct-horse7 ", "\ud800", "x" * 100_000):
        assert not hasher.verify(stored, wrong)


@pytest.mark.parametrize("stored", [None, "", "x", "$argon2id$", "plain", "$2b$12$abc"])
def test_where_there_is_no_hash_the_same_is_computed_in_vain(stored: str | None) -> None:
    hasher = PasswordHasher(CHEAP)
    counting = CountingArgon2(hasher._argon2)
    hasher._argon2 = counting  # type: ignore[assignment]
    assert not hasher.verify(stored, "Correct-horse7")
    assert counting.computed == 1


def test_a_right_and_a_wrong_password_compute_as_much() -> None:
    hasher = PasswordHasher(CHEAP)
    stored = hasher.hash("Correct-horse7")
    counting = CountingArgon2(hasher._argon2)
    hasher._argon2 = counting  # type: ignore[assignment]
    assert hasher.verify(stored, "Correct-horse7")
    assert not hasher.verify(stored, "wrong")
    assert counting.computed == 2


def test_the_default_cost_is_the_recommended_one() -> None:
    assert "$m=19456,t=2,p=1$" in PasswordHasher().hash("Correct-horse7")


def test_a_hash_of_another_cost_is_to_be_renewed() -> None:
    hasher = PasswordHasher(CHEAP)
    assert not hasher.needs_rehash(hasher.hash("a"))
    assert hasher.needs_rehash(PasswordHasher(HashCost(memory_kib=16, passes=1)).hash("a"))


def test_only_a_few_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huiyan.iam.people.passwords._PATIENCE_S", 0.01)
    hasher = PasswordHasher(CHEAP)
    go, inside = threading.Event(), threading.Barrier(3)
    real = hasher._argon2

    class Slow:
        def verify(self, stored: str, password: bytes) -> bool:
            inside.wait(10)
            go.wait(10)
            return real.verify(stored, password)

    stored = hasher.hash("a")
    hasher._argon2 = Slow()  # type: ignore[assignment]
    threads = [threading.Thread(target=hasher.verify, args=(stored, "a")) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    with pytest.raises(QueueFullError):
        hasher.verify(stored, "a")
    go.set()
    for thread in threads:
        thread.join()
    hasher._argon2 = real
    assert hasher.verify(stored, "a")
