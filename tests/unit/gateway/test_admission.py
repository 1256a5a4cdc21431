"""The bounded queue, and how projects and addresses share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from huiyan.gateway.admission import (
    RETRY_AFTER_S,
    Admission,
    address_party,
    claimed_project,
)
from huiyan.kernel.errors import QueueFullError


@contextmanager
def call(
    admission: Admission, claim: str = "a", size_bytes: int = 0, address: str = "1.1.1.1"
) -> Iterator[None]:
    with admission.weigh(address) as weight:
        weight(size_bytes)
        with admission.admit(claim, weight):
            yield


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
                admission.require_place("c")
        assert caught.value.retry_after_s == RETRY_AFTER_S
        admission.require_place("c")

    def test_a_project_that_floods_leaves_room_for_another(self) -> None:
        admission = Admission(64, 1000)
        with ExitStack() as stack:
            for _ in range(56):
                stack.enter_context(call(admission, "flood"))
            with pytest.raises(QueueFullError):
                admission.require_place("flood")
            with pytest.raises(QueueFullError), call(admission, "flood"):
                raise AssertionError
            for _ in range(7):
                stack.enter_context(call(admission, "quiet"))
            assert admission.calls == 63
            stack.enter_context(call(admission, "third"))
            with pytest.raises(QueueFullError):
                admission.require_place("fourth")

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


class TestBytes:
    def test_more_bytes_than_the_limit_are_refused(self) -> None:
        admission = Admission(10, 100)
        with admission.weigh("1") as first, admission.weigh("2") as second:
            first(60)
            second(30)
            with pytest.raises(QueueFullError):
                second(11)

    def test_bytes_up_to_the_limit_are_taken(self) -> None:
        admission = Admission(10, 100)
        with admission.weigh("1") as first, admission.weigh("2") as second:
            first(60)
            second(40)

    def test_a_body_that_is_alone_is_never_too_heavy(self) -> None:
        admission = Admission(10, 100)
        with admission.weigh("1") as first, admission.weigh("2") as second:
            first(600)
            first(600)
            with pytest.raises(QueueFullError):
                second(1)
        with call(admission, size_bytes=600):
            assert admission.calls == 1

    def test_bytes_are_given_back_even_after_a_failure(self) -> None:
        admission = Admission(10, 100)

        def overload() -> None:
            with admission.weigh("1") as first, admission.weigh("2") as second:
                first(100)
                second(1)

        with pytest.raises(QueueFullError):
            overload()
        with admission.weigh("1") as first, admission.weigh("2") as second:
            first(50)
            second(50)
        assert admission._bytes.used == 0

    def test_an_address_whose_bodies_arrive_slowly_leaves_room_for_another(self) -> None:
        admission = Admission(10, 900)
        with ExitStack() as stack:
            slow = [stack.enter_context(admission.weigh("6.6.6.6")) for _ in range(100)]
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
        with admission.weigh("6.6.6.6") as slow:
            slow(800)
            with call(admission, "victim", 100, "1.1.1.1"):
                pass

    def test_nothing_is_remembered_of_those_who_have_gone(self) -> None:
        admission = Admission(10, 100)
        for number in range(100):
            with call(admission, f"p{number}", 5, f"10.0.0.{number}"):
                pass
        assert admission._bytes._held == {}
        assert admission._places._held == {}


class TestClaim:
    @pytest.mark.parametrize(
        ("named", "headers", "claim"),
        [
            (None, [], "t"),
            ("abc", [(b"x-project-id", b"other")], "pabc"),
            (None, [(b"x-project-id", b" abc ")], "pabc"),
            (None, [(b"x-project-id", b""), (b"x-project-id", b"abc")], "pabc"),
            ("", [(b"authorization", b"SDK-HMAC-SHA256 Access=AK1, SignedHeaders=a")], "kAK1"),
            (None, [(b"authorization", b"V11-HMAC-SHA256 Credential=AK1/2026/x, S=a")], "kAK1"),
            (None, [(b"authorization", b"nonsense")], "tnonsense"),
            (None, [(b"x-auth-token", b"MIIabc")], "tMIIabc"),
            (None, [(b"authorization", b"\xff"), (b"x-auth-token", b"")], "t\xff"),
        ],
    )
    def test_a_call_comes_in_the_name_that_it_gives(
        self, named: str | None, headers: list[tuple[bytes, bytes]], claim: str
    ) -> None:
        assert claimed_project(named, headers) == claim

    @pytest.mark.parametrize(
        ("address", "party"),
        [
            ("", ""),
            ("10.1.2.3", "10.1.2.3"),
            ("testclient", "testclient"),
            ("not:an:address", "not:an:address"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("2001:db8:0:1::5", "20010db800000001/64"),
            ("2001:db8:0:1:ffff::9", "20010db800000001/64"),
            ("2001:db8:0:2::5", "20010db800000002/64"),
            ("fe80::1%eth0", "fe80000000000000/64"),
        ],
    )
    def test_a_network_of_ipv6_is_one_client(self, address: str, party: str) -> None:
        assert address_party(address) == party
