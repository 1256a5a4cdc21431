"""Turns to compute and places to fetch, between projects."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from huiyan.kernel.errors import QueueFullError
from huiyan.kernel.ids import ProjectId
from huiyan.recognition.turns import Places, Turns

PATIENCE_S = 20.0


def project(name: str) -> ProjectId:
    return ProjectId(name)


class Calls:
    """Calls on threads of their own, each of which holds its turn until it is told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.served: list[str] = []
        self._changed = threading.Condition()
        self._may_end: set[str] = set()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, project_name: str, error: BaseException | None = None) -> None:
        """Start a call and wait until it holds a turn or waits for one."""
        before = len(self.served) + self.turns.waiting

        def run() -> None:
            with suppress(ZeroDivisionError), self.turns.turn(project(project_name)):
                self._hold(name)
                if error is not None:
                    raise error

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
        until(lambda: len(self.served) + self.turns.waiting > before)

    def end(self, name: str) -> None:
        with self._changed:
            self._may_end.add(name)
            self._changed.notify_all()

    def end_in_order(self, count: int) -> list[str]:
        """End the calls in the order in which they were served; tell that order."""
        for position in range(count):
            until(lambda wanted=position: len(self.served) > wanted)  # type: ignore[misc]
            self.end(self.served[position])
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        return self.served

    def _hold(self, name: str) -> None:
        with self._changed:
            self.served.append(name)
            assert self._changed.wait_for(lambda: name in self._may_end, PATIENCE_S)


def until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.0005)


def assert_idle(turns: Turns, slots: int) -> None:
    assert (turns._free, turns._running, turns._waiting) == (slots, {}, {})


class TestTurns:
    def test_nobody_waits_while_there_is_room(self) -> None:
        turns = Turns(2)
        with turns.turn(project("a")), turns.turn(project("a")):
            assert turns.waiting == 0
        assert_idle(turns, 2)

    def test_inside_a_project_first_come_is_first_served(self) -> None:
        calls = Calls(Turns(1))
        for name in ("a1", "a2", "a3", "a4"):
            calls.start(name, "a")
        assert calls.end_in_order(4) == ["a1", "a2", "a3", "a4"]
        assert_idle(calls.turns, 1)

    def test_projects_take_turns(self) -> None:
        calls = Calls(Turns(1))
        for name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1"):
            calls.start(name, name[0])
        order = calls.end_in_order(7)
        assert order == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]
        assert_idle(calls.turns, 1)

    def test_one_call_waits_for_one_of_each_other_project_however_many_they_have(self) -> None:
        calls = Calls(Turns(1))
        for index in range(10):
            for name in "ab":
                calls.start(f"{name}{index}", name)
        calls.start("quiet", "q")
        order = calls.end_in_order(21)
        assert order.index("quiet") <= 3

    def test_a_free_turn_goes_to_the_project_with_the_fewest_under_way(self) -> None:
        calls = Calls(Turns(3))
        for name in ("a1", "a2", "a3", "a4", "a5", "b1"):
            calls.start(name, name[0])
        calls.end("a2")
        until(lambda: len(calls.served) == 4)
        assert calls.served[3] == "b1"
        calls.end_in_order(6)
        assert_idle(calls.turns, 3)

    def test_long_turns_get_a_project_no_more_of_them_at_once(self) -> None:
        """Two projects, two turns: while one of a's goes on, b's follow each other."""
        calls = Calls(Turns(2))
        for name in ("a1", "b1", "a2", "b2", "a3", "b3"):
            calls.start(name, name[0])
        for following, ended in ((3, "b1"), (4, "b2")):
            calls.end(ended)
            until(lambda wanted=following: len(calls.served) == wanted)  # type: ignore[misc]
        assert calls.served == ["a1", "b1", "b2", "b3"]
        calls.end_in_order(6)
        assert_idle(calls.turns, 2)

    def test_a_newcomer_never_overtakes_one_who_was_served(self) -> None:
        turns = Turns(1)
        calls = Calls(turns)
        calls.start("a1", "a")
        calls.start("b1", "b")
        calls.end("a1")
        calls.start("c1", "c")
        assert calls.end_in_order(3) == ["a1", "b1", "c1"]
        assert_idle(turns, 1)

    def test_a_turn_that_ends_in_an_error_is_passed_on(self) -> None:
        calls = Calls(Turns(1))
        for name in ("a1", "b1", "a2"):
            calls.start(name, name[0], ZeroDivisionError())
        assert calls.end_in_order(3) == ["a1", "b1", "a2"]
        assert_idle(calls.turns, 1)

    def test_an_error_is_not_swallowed(self) -> None:
        turns = Turns(1)
        with pytest.raises(KeyError), turns.turn(project("a")):
            raise KeyError
        assert_idle(turns, 1)

    def test_one_who_is_interrupted_while_waiting_leaves_the_queue(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns = Turns(1)
        with turns.turn(project("a")):
            interrupt_waiting(monkeypatch)
            with pytest.raises(KeyboardInterrupt), turns.turn(project("b")):
                raise AssertionError
            assert turns.waiting == 0
        assert_idle(turns, 1)

    def test_one_who_is_interrupted_as_its_turn_comes_passes_it_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns = Turns(1)
        first = turns.turn(project("a"))
        first.__enter__()
        interrupt_waiting(monkeypatch, lambda: first.__exit__(None, None, None))
        with pytest.raises(KeyboardInterrupt), turns.turn(project("b")):
            raise AssertionError
        assert_idle(turns, 1)

    @pytest.mark.parametrize("slots", [1, 3])
    def test_many_threads_lose_no_turn_and_never_hold_too_many(self, slots: int) -> None:
        turns = Turns(slots)
        inside, most, done = [0], [0], [0]
        guard = threading.Lock()

        def run(seed: int) -> None:
            chance = random.Random(seed)
            for _ in range(150):
                with suppress(ZeroDivisionError), turns.turn(project(chance.choice("aaaaab"))):
                    with guard:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    if chance.random() < 0.05:
                        time.sleep(0.0002)
                    with guard:
                        inside[0] -= 1
                        done[0] += 1
                    if chance.random() < 0.1:
                        raise ZeroDivisionError

        threads = [threading.Thread(target=run, args=(seed,), daemon=True) for seed in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        assert done[0] == 16 * 150
        assert 1 <= most[0] <= slots
        assert_idle(turns, slots)

    def test_a_turn_that_nobody_contends_for_costs_next_to_nothing(self) -> None:
        turns, a = Turns(4), project("a")
        best_s = 1.0
        for _ in range(20):
            started_s = time.perf_counter()
            for _ in range(500):
                with turns.turn(a):
                    pass
            best_s = min(best_s, (time.perf_counter() - started_s) / 500)
        assert best_s < 20e-6


def interrupt_waiting(
    monkeypatch: pytest.MonkeyPatch, before: Callable[[], object] = lambda: None
) -> None:
    """Let the next wait for a turn end as a person's Ctrl-C ends it."""

    class Interrupted:
        def __init__(self) -> None:
            self._lock = REAL_LOCK()

        def acquire(self) -> bool:
            if self._lock.acquire(blocking=False):
                return True
            before()
            raise KeyboardInterrupt

        def release(self) -> None:
            self._lock.release()

    monkeypatch.setattr("huiyan.recognition.turns.threading.Lock", Interrupted)


REAL_LOCK = threading.Lock


class TestPlaces:
    def test_no_project_takes_all(self) -> None:
        places = Places(3, "full")
        with places.place(project("a")), places.place(project("a")):
            with pytest.raises(QueueFullError, match="full"), places.place(project("a")):
                raise AssertionError
            with places.place(project("b")):
                pass

    def test_one_place_is_for_whoever_comes_first(self) -> None:
        places = Places(1, "full")
        with (
            places.place(project("a")),
            pytest.raises(QueueFullError),
            places.place(project("b")),
        ):
            raise AssertionError
        with places.place(project("b")):
            pass

    def test_a_place_comes_back_after_a_failure(self) -> None:
        places = Places(1, "full")
        for _ in range(3):
            with pytest.raises(KeyError), places.place(project("a")):
                raise KeyError
        assert places._shares.used == 0

    def test_threads_never_hold_too_many(self) -> None:
        places = Places(4, "full")
        inside, most, refused = [0], [0], [0]
        guard = threading.Lock()

        def run(name: str) -> None:
            for _ in range(200):
                try:
                    with places.place(project(name)):
                        with guard:
                            inside[0] += 1
                            most[0] = max(most[0], inside[0])
                        time.sleep(0.00005)
                        with guard:
                            inside[0] -= 1
                except QueueFullError:
                    refused[0] += 1

        threads = [threading.Thread(target=run, args=(name,)) for name in "aaaabb"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 <= most[0] <= 4
        assert places._shares.used == 0
