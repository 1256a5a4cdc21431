"""Readers go side by side; who changes is alone and is not starved."""

from __future__ import annotations

import threading

import pytest

from huiyan.celebrity.search.gate import Gate


def test_readers_go_side_by_side() -> None:
    gate, both = Gate(), threading.Barrier(2, timeout=5)

    def read() -> None:
        with gate.reading():
            both.wait()

    thread = threading.Thread(target=read)
    thread.start()
    with gate.reading():
        both.wait()
    thread.join()


def test_who_changes_is_alone_and_comes_before_later_readers() -> None:
    gate, order = Gate(), list[str]()
    reading, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with gate.reading():
            reading.set()
            may_end.wait(5)
            order.append("read")

    def change() -> None:
        with gate.changing():
            order.append("change")

    def late() -> None:
        with gate.reading():
            order.append("late")

    one, two, three = (threading.Thread(target=it) for it in (first, change, late))
    one.start()
    reading.wait(5)
    two.start()
    while not gate._waiting:
        pass
    three.start()
    may_end.set()
    for thread in (one, two, three):
        thread.join()
    assert order == ["read", "change", "late"]


def test_a_failure_inside_opens_the_gate() -> None:
    gate = Gate()
    for enter in (gate.reading, gate.changing, gate.reading):
        with pytest.raises(ZeroDivisionError), enter():
            _ = 1 // 0
    with gate.changing():
        pass
