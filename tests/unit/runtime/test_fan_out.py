from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from huiyan.runtime.fan_out import FanOut

WAIT_S = 10


@pytest.fixture
def fan_out() -> Iterator[FanOut]:
    fan_out = FanOut(2)
    yield fan_out
    fan_out.close()


def test_no_jobs_have_no_results(fan_out: FanOut) -> None:
    assert fan_out.run([]) == []


def test_results_stand_in_the_order_of_the_jobs(fan_out: FanOut) -> None:
    assert fan_out.run([partial(pow, number, 2) for number in range(20)]) == [
        number**2 for number in range(20)
    ]


def test_two_jobs_run_side_by_side_on_an_idle_machine(fan_out: FanOut) -> None:
    both_are_there = threading.Barrier(2, timeout=WAIT_S)
    assert sorted(fan_out.run([both_are_there.wait] * 2)) == [0, 1]


def test_a_single_core_does_everything_in_the_calling_thread() -> None:
    fan_out = FanOut(1)
    threads = fan_out.run([threading.get_ident] * 4)
    fan_out.close()
    assert set(threads) == {threading.get_ident()}


def test_a_request_gets_no_help_while_another_works(fan_out: FanOut) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def occupy() -> None:
        begun.set()
        may_end.wait(WAIT_S)

    other = threading.Thread(target=fan_out.run, args=([occupy],))
    other.start()
    assert begun.wait(WAIT_S)
    threads = fan_out.run([threading.get_ident] * 4)
    may_end.set()
    other.join(WAIT_S)
    assert set(threads) == {threading.get_ident()}


def test_help_is_there_again_after_a_failure(fan_out: FanOut) -> None:
    def fail() -> int:
        raise ValueError("broken")

    for _ in range(5):
        with pytest.raises(ValueError, match="broken"):
            fan_out.run([fail, fail, fail])
    both_are_there = threading.Barrier(2, timeout=WAIT_S)
    assert sorted(fan_out.run([both_are_there.wait] * 2)) == [0, 1]


def test_the_first_failure_in_order_is_raised_and_no_further_job_begun() -> None:
    fan_out = FanOut(1)
    begun: list[str] = []

    def fail(name: str) -> None:
        begun.append(name)
        raise KeyError(name)

    with pytest.raises(KeyError, match="first"):
        fan_out.run([partial(fail, "first"), partial(fail, "second")])
    fan_out.close()
    assert begun == ["first"]


def test_jobs_may_fan_out_themselves(fan_out: FanOut) -> None:
    def inner(start: int) -> int:
        return sum(fan_out.run([partial(int, start + number) for number in range(4)]))

    assert fan_out.run([partial(inner, start) for start in range(6)]) == [
        4 * start + 6 for start in range(6)
    ]


def test_many_callers_at_once_all_get_their_own_results(fan_out: FanOut) -> None:
    found: dict[int, list[int]] = {}

    def call(caller: int) -> None:
        for _ in range(50):
            found[caller] = fan_out.run([partial(int, caller) for _ in range(5)])

    threads = [threading.Thread(target=call, args=(caller,)) for caller in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert found == {caller: [caller] * 5 for caller in range(8)}


def test_a_thread_that_runs_out_of_jobs_helps_with_the_parts_of_another(fan_out: FanOut) -> None:
    both_are_there = threading.Barrier(2, timeout=WAIT_S)
    begun = threading.Event()

    def inner() -> list[int]:
        begun.set()
        return fan_out.run([both_are_there.wait] * 2)

    def short() -> list[int]:
        assert begun.wait(WAIT_S)
        return []

    assert [sorted(it) for it in fan_out.run([inner, short])] == [[0, 1], []]


def test_nothing_is_counted_that_has_ended(fan_out: FanOut) -> None:
    def nested() -> list[int]:
        return fan_out.run([int] * 5)

    def fail() -> list[int]:
        raise ValueError("broken")

    def call() -> None:
        for _ in range(100):
            fan_out.run([nested, list, nested])
            with pytest.raises(ValueError, match="broken"):
                fan_out.run([nested, fail, nested])

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    both_are_there = threading.Barrier(2, timeout=WAIT_S)
    assert sorted(fan_out.run([both_are_there.wait] * 2)) == [0, 1]
    assert fan_out._runs == []
    with fan_out._changed:  # the last helper may still be on its way home
        assert fan_out._changed.wait_for(lambda: fan_out._working == 0, WAIT_S)


def test_where_no_thread_can_be_had_the_caller_does_it_all() -> None:
    fan_out = FanOut(2)
    fan_out.close()  # its pool takes no work any more
    for _ in range(3):
        assert fan_out.run([threading.get_ident] * 3) == [threading.get_ident()] * 3
    assert fan_out._working == 0
