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
MIB = 2**20
MEMORY_BYTES = 400 * MIB


def project(name: str) -> ProjectId:
    return ProjectId(name)


class Calls:
    """Calls on threads of their own, each of which holds its turn until it is told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.served: list[str] = []
        self._changed = threading.Condition()
        self._may_end: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self.others_waiting = 0

    def start(
        self,
        name: str,
        project_name: str,
        error: BaseException | None = None,
        needed_mib: int = 0,
    ) -> None:
        """Start a call and wait until it holds a turn or waits for one."""

        def run() -> None:
            with (
                suppress(ZeroDivisionError),
                self.turns.turn(project(project_name), needed_mib * MIB),
            ):
                self._hold(name)
                if error is not None:
                    raise error

        thread = threading.Thread(target=run, daemon=True)
        self._threads[name] = thread
        thread.start()
        self.settle()

    def settle(self) -> None:
        """Wait until each call has told that it was served, or waits."""
        known = len(self._threads) + self.others_waiting
        until(lambda: len(self.served) + self.turns.waiting == known)

    def end(self, name: str) -> None:
        with self._changed:
            self._may_end.add(name)
            self._changed.notify_all()

    def end_and_settle(self, name: str) -> None:
        self.end(name)
        self._threads[name].join(PATIENCE_S)
        self.settle()

    def end_in_order(self, count: int) -> list[str]:
        """End the calls in the order in which they were served; tell that order."""
        for position in range(count):
            until(lambda wanted=position: len(self.served) > wanted)  # type: ignore[misc]
            self.end(self.served[position])
        for thread in self._threads.values():
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
    assert (turns._holding, turns._passed_over, turns._first) == ({}, {}, None)


class TestTurns:
    def test_nobody_waits_while_there_is_room(self) -> None:
        turns = Turns(2, MEMORY_BYTES)
        with turns.turn(project("a"), 0), turns.turn(project("a"), 0):
            assert turns.waiting == 0
        assert_idle(turns, 2)

    def test_inside_a_project_first_come_is_first_served(self) -> None:
        calls = Calls(Turns(1, MEMORY_BYTES))
        for name in ("a1", "a2", "a3", "a4"):
            calls.start(name, "a")
        assert calls.end_in_order(4) == ["a1", "a2", "a3", "a4"]
        assert_idle(calls.turns, 1)

    def test_projects_take_turns(self) -> None:
        calls = Calls(Turns(1, MEMORY_BYTES))
        for name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1"):
            calls.start(name, name[0])
        order = calls.end_in_order(7)
        assert order == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]
        assert_idle(calls.turns, 1)

    def test_one_call_waits_for_one_of_each_other_project_however_many_they_have(self) -> None:
        calls = Calls(Turns(1, MEMORY_BYTES))
        for index in range(10):
            for name in "ab":
                calls.start(f"{name}{index}", name)
        calls.start("quiet", "q")
        order = calls.end_in_order(21)
        assert order.index("quiet") <= 3

    def test_a_free_turn_goes_to_the_project_with_the_fewest_under_way(self) -> None:
        calls = Calls(Turns(3, MEMORY_BYTES))
        for name in ("a1", "a2", "a3", "a4", "a5", "b1"):
            calls.start(name, name[0])
        calls.end("a2")
        until(lambda: len(calls.served) == 4)
        assert calls.served[3] == "b1"
        calls.end_in_order(6)
        assert_idle(calls.turns, 3)

    def test_long_turns_get_a_project_no_more_of_them_at_once(self) -> None:
        """Two projects, two turns: while one of a's goes on, b's follow each other."""
        calls = Calls(Turns(2, MEMORY_BYTES))
        for name in ("a1", "b1", "a2", "b2", "a3", "b3"):
            calls.start(name, name[0])
        for following, ended in ((3, "b1"), (4, "b2")):
            calls.end(ended)
            until(lambda wanted=following: len(calls.served) == wanted)  # type: ignore[misc]
        assert calls.served == ["a1", "b1", "b2", "b3"]
        calls.end_in_order(6)
        assert_idle(calls.turns, 2)

    def test_a_newcomer_never_overtakes_one_who_was_served(self) -> None:
        turns = Turns(1, MEMORY_BYTES)
        calls = Calls(turns)
        calls.start("a1", "a")
        calls.start("b1", "b")
        calls.end("a1")
        calls.start("c1", "c")
        assert calls.end_in_order(3) == ["a1", "b1", "c1"]
        assert_idle(turns, 1)

    def test_a_turn_that_ends_in_an_error_is_passed_on(self) -> None:
        calls = Calls(Turns(1, MEMORY_BYTES))
        for name in ("a1", "b1", "a2"):
            calls.start(name, name[0], ZeroDivisionError())
        assert calls.end_in_order(3) == ["a1", "b1", "a2"]
        assert_idle(calls.turns, 1)

    def test_an_error_is_not_swallowed(self) -> None:
        turns = Turns(1, MEMORY_BYTES)
        with pytest.raises(KeyError), turns.turn(project("a"), 0):
            raise KeyError
        assert_idle(turns, 1)

    def test_one_who_is_interrupted_while_waiting_leaves_the_queue(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns = Turns(1, MEMORY_BYTES)
        with turns.turn(project("a"), 0):
            interrupt_waiting(monkeypatch)
            with pytest.raises(KeyboardInterrupt), turns.turn(project("b"), 0):
                raise AssertionError
            assert turns.waiting == 0
        assert_idle(turns, 1)

    def test_one_who_is_interrupted_as_its_turn_comes_passes_it_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns = Turns(1, MEMORY_BYTES)
        first = turns.turn(project("a"), 0)
        first.__enter__()
        interrupt_waiting(monkeypatch, lambda: first.__exit__(None, None, None))
        with pytest.raises(KeyboardInterrupt), turns.turn(project("b"), 0):
            raise AssertionError
        assert_idle(turns, 1)

    @pytest.mark.parametrize("slots", [1, 3])
    def test_many_threads_lose_no_turn_and_never_hold_too_many(self, slots: int) -> None:
        turns = Turns(slots, MEMORY_BYTES)
        inside, most, done = [0], [0], [0]
        guard = threading.Lock()

        def run(seed: int) -> None:
            chance = random.Random(seed)
            for _ in range(150):
                with suppress(ZeroDivisionError), turns.turn(project(chance.choice("aaaaab")), 0):
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
        turns, a = Turns(4, MEMORY_BYTES), project("a")
        best_s = 1.0
        for _ in range(20):
            started_s = time.perf_counter()
            for _ in range(500):
                with turns.turn(a, 0):
                    pass
            best_s = min(best_s, (time.perf_counter() - started_s) / 500)
        assert best_s < 20e-6


def mib(call: str) -> int:
    """What a call needs, from its name: g for a giant, m for a middling picture, s for a small."""
    return {"g": 300, "m": 40, "s": 1}[call[0]]


class MixedCalls(Calls):
    """Calls named by size and number, each of a project: ``g1`` is a giant."""

    def __init__(self, slots: int) -> None:
        super().__init__(Turns(slots, MEMORY_BYTES))

    def arrive(self, names: str, project_name: str) -> None:
        for name in names.split():
            self.start(name, project_name, needed_mib=mib(name))

    def end_each(self, names: str) -> None:
        for name in names.split():
            self.end_and_settle(name)

    def assert_served(self, names: str) -> None:
        """Assert that exactly these have been served since the start, in any order."""
        assert sorted(self.served) == sorted(names.split())


class TestTurnsAndMemory:
    @pytest.mark.parametrize("of", ["a", "b"])
    def test_giants_that_wait_for_memory_hold_no_turn(self, of: str) -> None:
        calls = MixedCalls(2)
        calls.arrive("g1 g2 g3 g4 g5 g6 g7 g8", "a")
        for number in range(1, 30):
            calls.arrive(f"s{number}", of)
            assert f"s{number}" in calls.served
            calls.end_and_settle(f"s{number}")
        assert calls.turns.waiting == 7
        calls.end_in_order(37)
        assert_idle(calls.turns, 2)

    @pytest.mark.parametrize("of", ["a", "b"])
    def test_middling_ones_pass_a_waiting_giant_where_they_fit_beside_it(self, of: str) -> None:
        calls = MixedCalls(4)
        calls.arrive("g1 g2", "a")
        calls.arrive("m1 m2 m3", of)
        calls.assert_served("g1 m1 m2")
        calls.end_each("m1")
        calls.assert_served("g1 m1 m2 m3")
        calls.end_each("g1")
        calls.assert_served("g1 m1 m2 m3 g2")
        calls.arrive("m4", of)  # 380 MiB are held
        assert calls.turns.waiting == 1
        calls.end_in_order(6)
        assert_idle(calls.turns, 4)

    @pytest.mark.parametrize("size", ["s", "m"])
    @pytest.mark.parametrize("of", ["a", "b"])
    def test_a_giant_does_not_starve_under_a_stream_that_never_pauses(
        self, size: str, of: str
    ) -> None:
        """Memory would never be free enough if all passed; turns are always wanted."""
        calls = MixedCalls(8)
        calls.arrive(" ".join(f"{size}{number}" for number in range(8)), of)
        calls.arrive("g1", "a")
        for number in range(8, 40):
            calls.arrive(f"{size}{number}", of)
        for position in range(8):
            calls.end_and_settle(calls.served[position])
        assert "g1" in calls.served
        calls.end_in_order(41)
        assert_idle(calls.turns, 8)

    def test_a_giant_whose_project_floods_with_small_ones_does_not_starve_for_anothers(
        self,
    ) -> None:
        calls = MixedCalls(4)
        calls.arrive("g1 g2 g3 g4", "a")
        calls.arrive("s1 s2 s3 g9 s4 s5 s6", "c")
        calls.end_each("s1")
        calls.assert_served("g1 s1 s2 s3 s4")
        calls.end_each("g1")  # its memory was saved for g2
        calls.assert_served("g1 s1 s2 s3 s4 g2")
        calls.end_each("g2")
        calls.assert_served("g1 s1 s2 s3 s4 g2 g9")
        calls.end_in_order(11)
        assert_idle(calls.turns, 4)

    def test_projects_take_turns_at_having_memory_saved(self) -> None:
        calls = MixedCalls(2)
        calls.arrive("g1 g2 g3 g4 g5", "a")
        calls.arrive("g6 g7", "b")
        calls.arrive("g8", "c")
        order = calls.end_in_order(8)
        assert order == ["g1", "g2", "g6", "g8", "g3", "g7", "g4", "g5"]
        assert_idle(calls.turns, 2)

    def test_a_middling_one_waits_for_one_giant_of_its_project_not_for_all(self) -> None:
        """380 of 400 MiB: nothing middling fits beside it."""
        calls = MixedCalls(2)
        for name in ("g1", "g2", "g3", "g4"):
            calls.start(name, "a", needed_mib=380)
        calls.arrive("m1", "a")
        order = calls.end_in_order(5)
        assert order == ["g1", "g2", "m1", "g3", "g4"]
        assert_idle(calls.turns, 2)

    def test_no_memory_is_saved_for_one_whose_turn_has_not_come(self) -> None:
        """A giant behind small ones of its project keeps no other project's giant waiting."""
        calls = MixedCalls(1)
        calls.arrive("s1 s2 s3 s4 s5 g1", "a")
        calls.arrive("g2", "b")
        calls.end_each("s1 s2")
        calls.assert_served("s1 s2 g2")
        calls.end_in_order(7)
        assert_idle(calls.turns, 1)

    def test_memory_that_is_given_back_in_a_turn_serves_the_next(self) -> None:
        calls = MixedCalls(2)
        with calls.turns.turn(project("a"), 300 * MIB) as keep:
            calls.arrive("g1", "a")
            keep(101 * MIB)
            calls.settle()
            calls.assert_served("")
            keep(100 * MIB)
            calls.settle()
            calls.assert_served("g1")
        calls.end_in_order(1)
        assert_idle(calls.turns, 2)

    def test_a_share_never_grows_and_a_small_rest_is_not_counted(self) -> None:
        turns = Turns(2, MEMORY_BYTES)
        with turns.turn(project("a"), 300 * MIB) as keep:
            for kept_mib, counted_mib in ((100, 100), (200, 100), (17, 17), (16, 0), (300, 0)):
                keep(kept_mib * MIB)
                assert sum(turns._holding.values()) == counted_mib * MIB
        with turns.turn(project("a"), 1) as keep:
            keep(300 * MIB)
            assert turns._holding == {}
        assert_idle(turns, 2)

    def test_one_that_needs_more_than_there_is_has_all(self) -> None:
        turns = Turns(1, MEMORY_BYTES)
        with turns.turn(project("a"), 2 * MEMORY_BYTES):
            assert sum(turns._holding.values()) == MEMORY_BYTES
        assert_idle(turns, 1)

    def test_an_error_gives_turn_and_memory_to_the_next(self) -> None:
        calls = MixedCalls(2)
        for name in ("g1", "g2", "g3"):
            calls.start(name, "a", ZeroDivisionError(), needed_mib=300)
        assert calls.end_in_order(3) == ["g1", "g2", "g3"]
        assert_idle(calls.turns, 2)

    def test_one_who_is_interrupted_while_memory_is_saved_for_it_leaves_it_to_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = MixedCalls(4)
        calls.arrive("g1", "a")
        calls.arrive("m1", "b")
        with monkeypatch.context() as patched:

            def meanwhile() -> None:
                patched.undo()
                calls.others_waiting = 1
                calls.arrive("m2 m3", "c")
                calls.assert_served("g1 m1")
                calls.others_waiting = 0

            interrupt_waiting(patched, meanwhile)
            with pytest.raises(KeyboardInterrupt), calls.turns.turn(project("d"), 390 * MIB):
                raise AssertionError
        calls.settle()
        calls.assert_served("g1 m1 m2")  # 380 MiB
        calls.end_in_order(4)
        assert_idle(calls.turns, 4)

    @pytest.mark.parametrize("slots", [1, 2, 5])
    def test_many_threads_lose_nothing_and_never_overdraw(self, slots: int) -> None:
        """All end: no turn waits for memory and no memory for a turn."""
        turns = Turns(slots, MEMORY_BYTES)
        guard = threading.Lock()
        held, most, inside, done = [0], [0], [0], [0]

        def add(calls: int, held_bytes: int) -> None:
            with guard:
                inside[0] += calls
                held[0] += held_bytes
                most[0] = max(most[0], held[0])
                assert inside[0] <= slots

        def run(seed: int) -> None:
            chance = random.Random(seed)
            for _ in range(80):
                needed = chance.choice((1, 1, 1, 17, 40, 40, 120, 200, 201, 300, 380, 400)) * MIB
                counted = needed if needed > MIB else 0
                with (
                    suppress(ZeroDivisionError),
                    turns.turn(project(chance.choice("aaab")), needed) as keep,
                ):
                    add(1, counted)
                    if chance.random() < 0.2:
                        time.sleep(0.0002)
                    if chance.random() < 0.5:
                        add(0, counted // 2 - counted)
                        counted //= 2
                        keep(counted)
                    add(-1, -counted)
                    if chance.random() < 0.1:
                        raise ZeroDivisionError
                with guard:
                    done[0] += 1

        threads = [threading.Thread(target=run, args=(seed,), daemon=True) for seed in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        assert done[0] == 12 * 80
        assert most[0] <= MEMORY_BYTES
        assert_idle(turns, slots)


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
