"""The bounded queue."""

from __future__ import annotations

import pytest

from huiyan.gateway.admission import RETRY_AFTER_S, Admission
from huiyan.kernel.errors import QueueFullError


def test_nothing_is_in_hand_at_first() -> None:
    assert Admission(2, 100).calls == 0


def test_one_call_more_than_the_limit_is_refused_with_a_time_to_come_back() -> None:
    admission = Admission(2, 100)
    with admission.admit(1), admission.admit(1):
        with pytest.raises(QueueFullError) as caught, admission.admit(0):
            raise AssertionError
        assert admission.calls == 2
    assert caught.value.retry_after_s == RETRY_AFTER_S


def test_more_bytes_than_the_limit_are_refused() -> None:
    admission = Admission(10, 100)
    with admission.admit(60), pytest.raises(QueueFullError), admission.admit(41):
        raise AssertionError


def test_bytes_up_to_the_limit_are_admitted() -> None:
    admission = Admission(10, 100)
    with admission.admit(60), admission.admit(40):
        assert admission.calls == 2


def test_a_single_heavy_call_is_admitted_where_nothing_else_is_in_hand() -> None:
    admission = Admission(10, 100)
    with admission.admit(1000):
        assert admission.calls == 1
        with pytest.raises(QueueFullError), admission.admit(1):
            raise AssertionError


def test_a_place_is_free_again_after_the_call() -> None:
    admission = Admission(1, 100)
    for _ in range(3):
        with admission.admit(100):
            assert admission.calls == 1
    assert admission.calls == 0


def test_a_place_is_free_again_after_a_failure() -> None:
    admission = Admission(1, 100)
    with pytest.raises(KeyError), admission.admit(100):
        raise KeyError
    with admission.admit(100):
        assert admission.calls == 1


def test_a_refused_call_takes_no_place() -> None:
    admission = Admission(1, 100)
    with admission.admit(1):
        for _ in range(5):
            with pytest.raises(QueueFullError), admission.admit(1):
                raise AssertionError
        assert admission.calls == 1
    assert admission.calls == 0
