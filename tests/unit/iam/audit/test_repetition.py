import math
from datetime import timedelta
from typing import Any

import pytest
from audit_entries import AT, an_entry

from huiyan.iam.audit.model import AuditEntry
from huiyan.iam.audit.repetition import MAX_KINDS, PERIOD_S, Repetitions


def refusal(**changes: Any) -> AuditEntry:
    return an_entry(**({"allowed": False, "reason": "no", "pattern": "GET /v3/users"} | changes))


def test_without_refusals_nothing_is_taken() -> None:
    assert Repetitions().take(math.inf) == ()


@pytest.mark.parametrize("entry", [an_entry(pattern="GET /v3/users"), refusal(pattern="")])
def test_what_is_no_refusal_with_a_pattern_is_always_news(entry: AuditEntry) -> None:
    repetitions = Repetitions()
    assert [repetitions.is_news(entry, 0.0) for _ in range(3)] == [True] * 3
    assert repetitions.take(math.inf) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"account_id": "b" * 32},
        {"user_id": "v" * 32},
        {"credential_id": "other"},
        {"action": "iam:users:getUser"},
        {"pattern": "GET /v3/users/{user_id}"},
        {"reason": "another"},
    ],
)
def test_what_differs_in_kind_is_news(change: dict[str, Any]) -> None:
    repetitions = Repetitions()
    assert repetitions.is_news(refusal(), 0.0)
    assert repetitions.is_news(refusal(**change), 0.0)


@pytest.mark.parametrize(
    "change",
    [{"resource": "/v3/users/x"}, {"address": "192.0.2.9"}, {"project_id": "q" * 32}],
)
def test_what_differs_in_place_only_is_a_repetition(change: dict[str, Any]) -> None:
    repetitions = Repetitions()
    assert repetitions.is_news(refusal(), 0.0)
    assert not repetitions.is_news(refusal(**change), 0.0)


def test_repetitions_are_told_when_the_minute_is_over_as_the_last_of_them() -> None:
    repetitions = Repetitions()
    for number in range(5):
        repetitions.is_news(refusal(resource=str(number)), 10.0)
    assert repetitions.take(10.0 + PERIOD_S - 0.1) == ()
    (repetition,) = repetitions.take(10.0 + PERIOD_S)
    entry = repetition.entry(AT + timedelta(minutes=1))
    assert entry.detail == {"repeated": "4", "last": "2026-03-31T08:15:00.123Z"}
    assert (entry.resource, entry.at) == ("4", AT + timedelta(minutes=1))
    assert repetitions.take(math.inf) == ()
    assert repetitions.is_news(refusal(), 10.0 + PERIOD_S)


def test_a_single_refusal_is_news_again_after_its_minute() -> None:
    repetitions = Repetitions()
    assert repetitions.is_news(refusal(), 0.0)
    assert repetitions.is_news(refusal(), PERIOD_S)
    assert not repetitions.is_news(refusal(), PERIOD_S)


def test_refusals_between_the_minutes_end_and_its_telling_are_counted() -> None:
    repetitions = Repetitions()
    for now_s in (0.0, 1.0, PERIOD_S + 0.5):
        repetitions.is_news(refusal(), now_s)
    (repetition,) = repetitions.take(PERIOD_S + 1.0)
    assert repetition.times == 2


def test_what_could_not_be_told_is_news_again() -> None:
    repetitions = Repetitions()
    assert repetitions.is_news(refusal(), 5.0)
    repetitions.was_not_told(refusal())
    assert repetitions.is_news(refusal(), 5.0)


def test_what_is_put_back_adds_up_with_what_came_since() -> None:
    repetitions = Repetitions()
    for _ in range(3):
        repetitions.is_news(refusal(), 0.0)
    taken = repetitions.take(PERIOD_S)
    repetitions.put_back(taken)
    assert repetitions.take(PERIOD_S) == taken
    for _ in range(2):
        repetitions.is_news(refusal(), PERIOD_S)
    repetitions.put_back(taken)
    (repetition,) = repetitions.take(math.inf)
    assert repetition.times == 3


def test_memory_is_bounded_and_what_is_past_it_is_told() -> None:
    repetitions = Repetitions()
    kinds = range(MAX_KINDS + 10)
    assert all(repetitions.is_news(refusal(credential_id=str(kind)), 0.0) for kind in kinds)
    told = [repetitions.is_news(refusal(credential_id=str(kind)), 0.0) for kind in kinds]
    assert told.count(True) == 10
    assert len(repetitions.take(math.inf)) == MAX_KINDS
