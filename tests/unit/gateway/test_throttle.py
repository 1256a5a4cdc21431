"""Rates and concurrency of users and projects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.gateway import throttle as throttle_module
from huiyan.gateway.errors_wire import render_error
from huiyan.gateway.throttle import Throttle
from huiyan.iam.directory.model import Limits
from huiyan.kernel.errors import RateLimitError
from huiyan.kernel.ids import ProjectId, RequestId, UserId

FREE = Limits(0, 0)


class FakeClock:
    def __init__(self) -> None:
        self.at_s = 1_000_000.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return self.at_s


class Desk:
    """A throttle with its clock and limits in reach."""

    def __init__(
        self,
        user: Limits = FREE,
        project: Limits = FREE,
        *,
        processes: int = 1,
        users: dict[str, Limits] | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.user, self.project, self.users = user, project, users or {}
        self.throttle = Throttle(
            self.clock,
            lambda user_id: self.users.get(user_id, self.user),
            lambda _project_id: self.project,
            processes,
        )

    def call(self, user: str = "u", project: str = "p") -> RateLimitError | None:
        try:
            with self.throttle.enter(UserId(user), ProjectId(project)):
                return None
        except RateLimitError as error:
            return error

    def passing(self, tries: int, user: str = "u", project: str = "p") -> int:
        return sum(self.call(user, project) is None for _ in range(tries))

    @contextmanager
    def held(self, count: int, user: str = "u", project: str = "p") -> Iterator[None]:
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(self.throttle.enter(UserId(user), ProjectId(project)))
            yield


def text_of(error: RateLimitError | None) -> str:
    assert error is not None
    return render_error(error, RequestId("0" * 32)).body.decode()


def test_without_limits_everything_passes_and_no_bucket_is_kept() -> None:
    desk = Desk()
    assert desk.passing(1000) == 1000
    assert desk.throttle._users._full_at_ns == {}
    assert desk.throttle._users._running == {}


class TestRate:
    def test_a_full_minute_of_calls_may_come_at_once(self) -> None:
        desk = Desk(user=Limits(60, 0))
        assert desk.passing(100) == 60

    @pytest.mark.parametrize("limit", [1, 2, 7, 59, 60, 6000, 7001, 100_000])
    def test_the_limit_is_met_exactly(self, limit: int) -> None:
        desk = Desk(user=Limits(limit, 0))
        assert desk.passing(limit + 3) == limit

    def test_then_they_pass_evenly(self) -> None:
        desk = Desk(user=Limits(60, 0))
        desk.passing(60)
        for _ in range(5):
            assert desk.call() is not None
            desk.clock.at_s += 1
            assert desk.passing(3) == 1

    def test_after_a_quiet_minute_all_is_forgiven(self) -> None:
        desk = Desk(user=Limits(60, 0))
        desk.passing(60)
        desk.clock.at_s += 60
        assert desk.passing(100) == 60

    def test_in_any_minute_at_most_twice_the_limit_passes(self) -> None:
        desk = Desk(user=Limits(30, 0))
        passed = 0
        for _ in range(600):
            passed += desk.passing(3)
            desk.clock.at_s += 0.1
        assert 30 <= passed <= 60

    def test_the_text_is_the_vendors(self) -> None:
        desk = Desk(user=Limits(5, 0))
        desk.passing(5)
        assert (
            '"The throttling threshold has been reached: policy user over ratelimit,limit:5,'
            'time:1 minute."' in text_of(desk.call())
        )
        desk = Desk(project=Limits(7, 0))
        desk.passing(7)
        assert "policy project over ratelimit,limit:7,time:1 minute." in text_of(desk.call())

    def test_it_is_a_429_of_the_gateway(self) -> None:
        desk = Desk(user=Limits(1, 0))
        desk.call()
        error = desk.call()
        assert error is not None
        reply = render_error(error, RequestId("0" * 32))
        assert (reply.status, reply.error_code, reply.retry_after_s) == (429, "APIGW.0308", 60)

    @given(limit=st.integers(1, 600), before_s=st.floats(0, 59), processes=st.integers(1, 5))
    def test_the_time_to_come_back_is_true_to_the_second(
        self, limit: int, before_s: float, processes: int
    ) -> None:
        desk = Desk(user=Limits(limit, 0), processes=processes)
        desk.passing(limit // 2)
        desk.clock.at_s += before_s
        desk.passing(limit)
        error = desk.call()
        assert error is not None
        start_s = desk.clock.at_s
        if error.retry_after_s > 1:
            desk.clock.at_s = start_s + error.retry_after_s - 1
            assert desk.call() is not None
        desk.clock.at_s = start_s + error.retry_after_s
        assert desk.call() is None

    def test_a_refused_call_costs_nothing(self) -> None:
        desk = Desk(user=Limits(60, 0))
        desk.passing(60)
        desk.passing(10_000)
        desk.clock.at_s += 1
        assert desk.call() is None

    def test_users_have_each_their_own(self) -> None:
        desk = Desk(user=Limits(3, 0), users={"rich": Limits(5, 0)})
        assert [desk.passing(9, user) for user in ("a", "b", "rich")] == [3, 3, 5]

    def test_users_share_their_projects(self) -> None:
        desk = Desk(project=Limits(5, 0))
        assert desk.passing(3, "a") + desk.passing(3, "b") == 5
        assert desk.passing(9, "a", "another") == 5

    def test_a_call_that_the_project_refuses_does_not_use_up_the_users_rate(self) -> None:
        desk = Desk(user=Limits(10, 0), project=Limits(5, 0))
        assert desk.passing(100) == 5
        assert desk.passing(100, project="another") == 5

    def test_a_call_that_the_user_is_refused_does_not_use_up_the_projects_rate(self) -> None:
        desk = Desk(user=Limits(2, 0), project=Limits(5, 0))
        assert desk.passing(100, "a") == 2
        assert desk.passing(100, "b") == 2
        assert desk.passing(100, "c") == 1

    def test_where_both_refuse_the_longer_wait_is_told(self) -> None:
        desk = Desk(user=Limits(60, 0))
        assert desk.passing(58, project="another") == 58
        desk.project = Limits(2, 0)
        assert desk.passing(2) == 2
        error = desk.call()
        assert error is not None
        assert "policy project" in error.detail
        assert error.retry_after_s == 30
        desk.clock.at_s += 30
        assert desk.call() is None

    def test_a_limit_may_change_while_calls_come(self) -> None:
        desk = Desk(user=Limits(60, 0))
        assert desk.passing(30) == 30
        desk.user = Limits(600, 0)
        assert desk.passing(1000) == 300
        desk.user = Limits(1, 0)
        assert desk.call() is not None
        desk.user = FREE
        assert desk.passing(100) == 100
        desk.user = Limits(60, 0)
        desk.clock.at_s += 60
        assert desk.passing(100) == 60

    @pytest.mark.parametrize(
        ("limit", "processes", "share"), [(60, 2, 30), (61, 2, 31), (3, 8, 1), (1, 256, 1)]
    )
    def test_each_process_holds_its_share(self, limit: int, processes: int, share: int) -> None:
        desk = Desk(user=Limits(limit, limit), processes=processes)
        assert desk.passing(limit + 1) == share
        assert f"limit:{limit}," in text_of(desk.call())

    def test_a_clock_that_stands_still_or_is_coarse_is_no_harm(self) -> None:
        desk = Desk(user=Limits(6000, 0))
        assert desk.passing(7000) == 6000


class TestConcurrency:
    def test_one_more_at_once_is_refused_and_passes_later(self) -> None:
        desk = Desk(user=Limits(0, 2))
        with desk.held(2):
            error = desk.call()
            assert error is not None
            assert error.retry_after_s == 1
            assert "threshold has been reached: policy user over concurrency,limit:2." in text_of(
                error
            )
            assert desk.call("another") is None
        assert desk.call() is None

    def test_projects_are_limited_too(self) -> None:
        desk = Desk(project=Limits(0, 1))
        with desk.held(1, "a"):
            error = desk.call("b")
            assert error is not None
            assert "policy project over concurrency,limit:1." in error.detail
            assert desk.call("b", "another") is None

    def test_one_refused_at_once_uses_up_no_rate(self) -> None:
        desk = Desk(user=Limits(5, 1))
        with desk.held(1):
            assert desk.passing(50) == 0
        assert desk.passing(50) == 4

    def test_a_failed_call_is_not_counted_any_more(self) -> None:
        desk = Desk(user=Limits(0, 1), project=Limits(0, 1))
        for _ in range(3):
            with pytest.raises(KeyError), desk.held(1):
                raise KeyError
        assert desk.call() is None
        assert desk.throttle._projects._running == {}

    def test_calls_that_came_before_a_limit_count(self) -> None:
        desk = Desk()
        with desk.held(3):
            desk.user = Limits(0, 3)
            assert desk.call() is not None
            desk.user = FREE
            assert desk.call() is None

    def test_each_process_holds_its_share(self) -> None:
        desk = Desk(user=Limits(0, 5), processes=2)
        with desk.held(3):
            assert desk.call() is not None


class TestMemory:
    def test_buckets_that_are_full_again_are_forgotten(self) -> None:
        desk = Desk(user=Limits(60, 0))
        for number in range(3 * throttle_module.MAX_IDLE_KEYS):
            desk.call(f"u{number}")
            desk.clock.at_s += 0.01
        assert len(desk.throttle._users._full_at_ns) <= throttle_module.MAX_IDLE_KEYS + 1

    def test_however_many_callers_a_minute_has_the_buckets_are_bounded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(throttle_module, "MAX_IDLE_KEYS", 16)
        monkeypatch.setattr(throttle_module, "MAX_KEYS", 64)
        desk = Desk(user=Limits(60, 0))
        desk.passing(100, "greedy")
        for number in range(1000):
            desk.call(f"u{number}")
            assert len(desk.throttle._users._full_at_ns) <= 64
        assert desk.call("greedy") is not None

    def test_projects_are_bounded_as_users_are(self) -> None:
        desk = Desk(project=Limits(60, 0))
        for number in range(2 * throttle_module.MAX_IDLE_KEYS):
            desk.call(project=f"p{number}")
            desk.clock.at_s += 0.01
        assert len(desk.throttle._projects._full_at_ns) <= throttle_module.MAX_IDLE_KEYS + 1
        assert desk.throttle._projects._running == {}


def test_threads_together_get_the_limit_and_no_more() -> None:
    desk = Desk(user=Limits(500, 0), project=Limits(0, 6))
    passed: list[int] = []

    def run() -> None:
        passed.append(desk.passing(200))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 500
    assert desk.throttle._users._running == {}
