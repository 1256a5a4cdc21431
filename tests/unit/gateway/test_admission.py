"""The bounded queue."""

from __future__ import annotations

import pytest

from huiyan.gateway.admission import RETRY_AFTER_S, Admission
from huiyan.kernel.errors import QueueFullError


def test_nothing_is_in_hand_at_first() -> None:
    assert Admission(2, 100).calls == 0


def test_one_call_more_than_the_limit_is_refused_with_a_time_to_come_back() -> None:
    admission = Admission(2, 100)
    with admission.admit(), admission.admit():
        with pytest.raises(QueueFullError) as caught, admission.admit():
            raise AssertionError
        assert admission.calls == 2
        with pytest.raises(QueueFullError):
            admission.require_place()
    assert caught.value.retry_after_s == RETRY_AFTER_S
    admission.require_place()


def test_more_bytes_than_the_limit_are_refused() -> None:
    admission = Admission(10, 100)
    with admission.weigh() as first, admission.weigh() as second:
        first(60)
        second(30)
        with pytest.raises(QueueFullError):
            second(11)


def test_bytes_up_to_the_limit_are_taken() -> None:
    admission = Admission(10, 100)
    with admission.weigh() as first, admission.weigh() as second:
        first(60)
        second(40)


def test_a_body_that_is_alone_is_never_too_heavy() -> None:
    admission = Admission(10, 100)
    with admission.weigh() as first, admission.weigh() as second:
        first(600)
        first(600)
        with pytest.raises(QueueFullError):
            second(1)


def test_bytes_are_given_back_even_after_a_failure() -> None:
    admission = Admission(10, 100)

    def overload() -> None:
        with admission.weigh() as first, admission.weigh() as second:
            first(100)
            second(1)

    with pytest.raises(QueueFullError):
        overload()
    with admission.weigh() as first, admission.weigh() as second:
        first(50)
        second(50)


def test_a_place_is_free_again_after_the_call() -> None:
    admission = Admission(1, 100)
    for _ in range(3):
        with admission.admit():
            assert admission.calls == 1
    assert admission.calls == 0


def test_a_place_is_free_again_after_a_failure() -> None:
    admission = Admission(1, 100)
    with pytest.raises(KeyError), admission.admit():
        raise KeyError
    with admission.admit():
        assert admission.calls == 1


def test_a_refused_call_takes_no_place() -> None:
    admission = Admission(1, 100)
    with admission.admit():
        for _ in range(5):
            with pytest.raises(QueueFullError), admission.admit():
                raise AssertionError
        assert admission.calls == 1
    assert admission.calls == 0
