"""The bounded queue, and how projects and addresses share it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from huiyan.gateway.admission import RETRY_AFTER_S, Admission, Holding, claimed_project
from huiyan.kernel.errors import QueueFullError
from huiyan.kernel.ids import ProjectId


@contextmanager
def stranger(
    admission: Admission, claim: str = "", size_bytes: int = 0, address: str = "1.1.1.1"
) -> Iterator[Holding]:
    """Hold a place for a call whose caller is not known yet."""
    with admission.holding(address) as holding:
        holding.require_place(claim)
        holding(size_bytes)
        holding.enter(claim)
        yield holding


@contextmanager
def call(
    admission: Admission, project: str = "a", size_bytes: int = 0, address: str = "1.1.1.1"
) -> Iterator[Holding]:
    """Hold a place for a call that is known to be of a project."""
    with stranger(admission, project, size_bytes, address) as holding:
        holding.settle(ProjectId(project))
        yield holding


def require_place(admission: Admission, claim: str, address: str = "1.1.1.1") -> None:
    with admission.holding(address) as holding:
        holding.require_place(claim)


def test_nothing_is_in_hand_at_first() -> None:
    assert Admission(2, 100).calls == 0


class TestPlaces:
    def test_one_call_more_than_the_limit_is_refused_with_a_time_to_come_back(self) -> None:
        admission = Admission(2, 100)
        with call(admission, "a"), call(admission, "b"):
            with pytest.raises(QueueFullError) as caught, call(admission, "c"):
                raise AssertionError
            assert admission.calls == 2
            with pytest.raises(QueueFullError):
                require_place(admission, "c")
        assert caught.value.retry_after_s == RETRY_AFTER_S
        require_place(admission, "c")

    def test_a_project_that_floods_leaves_room_for_another(self) -> None:
        admission = Admission(64, 1000)
        with ExitStack() as stack:
            for _ in range(56):
                stack.enter_context(call(admission, "flood"))
            with pytest.raises(QueueFullError):
                require_place(admission, "flood")
            with pytest.raises(QueueFullError), call(admission, "flood"):
                raise AssertionError
            for _ in range(7):
                stack.enter_context(call(admission, "quiet"))
            assert admission.calls == 63
            stack.enter_context(call(admission, "third"))
            with pytest.raises(QueueFullError):
                require_place(admission, "fourth")

    def test_a_place_is_free_again_after_the_call(self) -> None:
        admission = Admission(1, 100)
        for _ in range(3):
            with call(admission):
                assert admission.calls == 1
        assert admission.calls == 0

    def test_a_place_is_free_again_after_a_failure(self) -> None:
        admission = Admission(1, 100)
        with pytest.raises(KeyError), call(admission, size_bytes=50):
            raise KeyError
        with call(admission, size_bytes=100):
            assert admission.calls == 1

    def test_a_refused_call_takes_no_place(self) -> None:
        admission = Admission(1, 100)
        with call(admission):
            for _ in range(5):
                with pytest.raises(QueueFullError), call(admission):
                    raise AssertionError
            assert admission.calls == 1
        assert admission.calls == 0


class TestStrangers:
    def test_an_address_that_invents_projects_leaves_room_for_another_address(self) -> None:
        admission = Admission(64, 1000)
        with ExitStack() as stack:
            for number in range(56):
                stack.enter_context(stranger(admission, f"p{number}", address="6.6.6.6"))
            with pytest.raises(QueueFullError):
                require_place(admission, "another", "6.6.6.6")
            with (
                pytest.raises(QueueFullError),
                stranger(admission, "another", address="6.6.6.6:1234"),
            ):
                raise AssertionError
            stack.enter_context(stranger(admission, "quiet"))
            stack.enter_context(call(admission, "quiet", address="2.2.2.2"))

    def test_strangers_take_no_place_that_a_project_could_have(self) -> None:
        admission = Admission(64, 1000)
        with ExitStack() as stack:
            for number in range(50):
                stack.enter_context(stranger(admission, f"p{number}", address="6.6.6.6"))
            for _ in range(56):
                stack.enter_context(call(admission, "good"))
            assert admission.calls == 106

    def test_anothers_name_used_by_strangers_keeps_the_other_out_of_nothing(self) -> None:
        admission = Admission(64, 1000)
        with ExitStack() as stack:
            for _ in range(56):
                stack.enter_context(stranger(admission, "victim", address="6.6.6.6"))
            for _ in range(56):
                stack.enter_context(call(admission, "victim"))

    def test_a_network_of_ipv6_is_one_stranger(self) -> None:
        admission = Admission(64, 1000)
        with ExitStack() as stack:
            for number in range(56):
                stack.enter_context(stranger(admission, address=f"2001:db8::{number:x}"))
            with pytest.raises(QueueFullError):
                require_place(admission, "", "2001:db8::ffff:1")
            require_place(admission, "", "2001:db8:0:1::1")

    def test_many_projects_behind_one_address_fill_the_whole_queue(self) -> None:
        admission = Admission(64, 1000)
        with ExitStack() as stack:
            for number in range(64):
                stack.enter_context(call(admission, f"p{number}", address="proxy"))
            assert admission.calls == 64

    def test_a_call_that_its_project_has_no_place_for_is_refused_when_that_is_known(self) -> None:
        admission = Admission(9, 100)
        with ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(call(admission, "flood"))
            with stranger(admission, size_bytes=10) as holding:
                with pytest.raises(QueueFullError):
                    holding.settle(ProjectId("flood"))
                assert admission.calls == 8
        assert admission.calls == 0
        assert admission._bytes.used == 0

    def test_who_is_identified_after_the_call_has_ended_holds_nothing(self) -> None:
        admission = Admission(9, 100)
        with stranger(admission, size_bytes=10) as holding:
            pass
        holding.settle(ProjectId("late"))
        assert admission.calls == 0
        assert admission._bytes.used == 0

    def test_calls_may_be_identified_on_many_threads(self) -> None:
        admission = Admission(200, 100_000)
        together = threading.Barrier(8)

        def work(number: int) -> None:
            together.wait(10)
            for _ in range(300):
                with call(admission, f"p{number % 3}", 7, f"10.0.0.{number % 5}"):
                    pass

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert admission.calls == 0
        assert admission._bytes.used == 0
        assert admission._bytes._held == {}


class TestBytes:
    def test_more_bytes_than_the_limit_are_refused(self) -> None:
        admission = Admission(10, 100)
        with admission.holding("1.0.0.1") as first, admission.holding("1.0.0.2") as second:
            first(60)
            second(30)
            with pytest.raises(QueueFullError):
                second(11)

    def test_bytes_up_to_the_limit_are_taken(self) -> None:
        admission = Admission(10, 100)
        with admission.holding("1.0.0.1") as first, admission.holding("1.0.0.2") as second:
            first(60)
            second(40)

    def test_a_body_that_is_alone_is_never_too_heavy(self) -> None:
        admission = Admission(10, 100)
        with admission.holding("1.0.0.1") as first, admission.holding("1.0.0.2") as second:
            first(600)
            first(600)
            with pytest.raises(QueueFullError):
                second(1)
        with call(admission, size_bytes=600):
            assert admission.calls == 1

    def test_bytes_are_given_back_even_after_a_failure(self) -> None:
        admission = Admission(10, 100)

        def overload() -> None:
            with admission.holding("1.0.0.1") as first, admission.holding("1.0.0.2") as second:
                first(100)
                second(1)

        with pytest.raises(QueueFullError):
            overload()
        with admission.holding("1.0.0.1") as first, admission.holding("1.0.0.2") as second:
            first(50)
            second(50)
        assert admission._bytes.used == 0

    def test_an_address_whose_bodies_arrive_slowly_leaves_room_for_another(self) -> None:
        admission = Admission(10, 900)
        with ExitStack() as stack:
            slow = [stack.enter_context(admission.holding("6.6.6.6")) for _ in range(100)]
            taken = 0
            for weight in slow:
                try:
                    weight(10)
                except QueueFullError:
                    break
                taken += 10
            assert taken == 800
            with call(admission, "quiet", 100, "1.1.1.1"):
                pass

    def test_what_has_arrived_counts_no_longer_for_its_address(self) -> None:
        """Many projects behind one proxy: one of them floods, another is taken."""
        admission = Admission(100, 900)
        with ExitStack() as stack:
            for _ in range(80):
                stack.enter_context(call(admission, "flood", 10, "proxy"))
            with pytest.raises(QueueFullError), call(admission, "flood", 10, "proxy"):
                raise AssertionError
            with call(admission, "quiet", 90, "proxy"):
                pass

    def test_a_projects_bodies_leave_room_wherever_they_come_from(self) -> None:
        admission = Admission(1000, 900)
        with ExitStack() as stack:
            taken = 0
            for number in range(100):
                try:
                    stack.enter_context(call(admission, "flood", 10, f"10.0.0.{number}"))
                except QueueFullError:
                    break
                taken += 10
            assert taken == 800
            assert admission._bytes.used == 800

    def test_anothers_name_used_by_a_slow_client_keeps_the_other_out_of_nothing(self) -> None:
        admission = Admission(10, 900)
        with admission.holding("6.6.6.6") as slow:
            slow(800)
            with call(admission, "victim", 100, "1.1.1.1"):
                pass

    def test_a_complete_body_counts_for_its_address_until_the_caller_is_known(self) -> None:
        admission = Admission(1000, 900)
        with ExitStack() as stack:
            for number in range(80):
                stack.enter_context(stranger(admission, f"p{number}", 10, "6.6.6.6"))
            with (
                pytest.raises(QueueFullError),
                stranger(admission, "another", 10, "6.6.6.6"),
            ):
                raise AssertionError
            with call(admission, "quiet", 90, "1.1.1.1"):
                pass

    def test_a_request_without_a_body_is_never_too_heavy(self) -> None:
        admission = Admission(10, 90)
        with admission.holding("6.6.6.6") as heavy, admission.holding("6.6.6.6") as empty:
            heavy(85)
            with pytest.raises(QueueFullError):
                empty(1)
            empty(0)

    def test_nothing_is_remembered_of_those_who_have_gone(self) -> None:
        admission = Admission(10, 100)
        for number in range(100):
            with call(admission, f"p{number}", 5, f"10.0.0.{number}"):
                pass
        assert admission._bytes._held == {}
        assert admission._places._held == {}
        assert admission._strangers._held == {}


class TestClaim:
    @pytest.mark.parametrize(
        ("named", "headers", "claim"),
        [
            (None, [], ""),
            ("abc", [(b"x-project-id", b"other")], "abc"),
            (None, [(b"x-project-id", b" abc ")], "abc"),
            (None, [(b"x-project-id", b""), (b"x-project-id", b"abc")], "abc"),
            ("", [(b"x-project-id", b"abc")], ""),
            (None, [(b"authorization", b"SDK-HMAC-SHA256 Access=AK1, SignedHeaders=a")], ""),
            (None, [(b"x-project-id", b"\xff")], "\xff"),
        ],
    )
    def test_a_call_says_for_which_project_it_is(
        self, named: str | None, headers: list[tuple[bytes, bytes]], claim: str
    ) -> None:
        assert claimed_project(named, headers) == claim
