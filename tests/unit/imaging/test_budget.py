"""The budget is never overdrawn, serves in order and always comes back."""

from __future__ import annotations

import threading
import time

import pytest

from huiyan.imaging.budget import FREE_BYTES, MemoryBudget
from huiyan.kernel.errors import PictureSizeError

MIB = 2**20


def test_small_work_never_waits() -> None:
    budget = MemoryBudget(100 * MIB)
    with budget.reserve(100 * MIB), budget.reserve(FREE_BYTES), budget.reserve(0):
        pass


def test_more_than_the_whole_budget_is_refused() -> None:
    with (
        pytest.raises(PictureSizeError, match="101 MiB"),
        MemoryBudget(100 * MIB).reserve(101 * MIB),
    ):
        pass


def test_a_failed_decode_gives_its_share_back() -> None:
    budget = MemoryBudget(100 * MIB)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), budget.reserve(90 * MIB):
            raise ZeroDivisionError
    with budget.reserve(100 * MIB):
        pass


def test_many_threads_never_overdraw_it_and_all_finish() -> None:
    budget = MemoryBudget(100 * MIB)
    lock = threading.Lock()
    held, peak, done = 0, 0, 0

    def work(size: int) -> None:
        nonlocal held, peak, done
        for _ in range(20):
            with budget.reserve(size):
                with lock:
                    held += size
                    peak = max(peak, held)
                time.sleep(0.0002)
                with lock:
                    held -= size
        with lock:
            done += 1

    threads = [threading.Thread(target=work, args=(n * 17 * MIB,)) for n in (1, 2, 3, 4, 5, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert done == len(threads)
    assert peak <= 100 * MIB


def test_a_large_one_is_not_overtaken_by_smaller_ones_behind_it() -> None:
    budget = MemoryBudget(100 * MIB)
    order: list[int] = []

    def work(size: int) -> None:
        with budget.reserve(size * MIB):
            order.append(size)

    with budget.reserve(60 * MIB):
        threads = []
        for size in (90, 30, 31):
            threads.append(threading.Thread(target=work, args=(size,)))
            threads[-1].start()
            while len(budget._queue) < len(threads):
                time.sleep(0.001)
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order[0] == 90
    assert sorted(order) == [30, 31, 90]


def test_what_is_kept_afterwards_is_all_that_others_wait_for() -> None:
    budget = MemoryBudget(100 * MIB)
    with budget.reserve(90 * MIB) as keep:
        keep(40 * MIB)
        keep(60 * MIB)  # a share never grows again
        with budget.reserve(60 * MIB):
            pass
        keep(1)
        with budget.reserve(100 * MIB):
            pass
    with budget.reserve(100 * MIB):
        pass
