from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray
from huiyan.perception.recapture_networks import LOGIT_COUNT, Clue, RecaptureNetwork
from huiyan.runtime.session import Session

Judge = Callable[[Session], object]


class FakeSession:
    """Remembers what it was shown and answers with what it was given."""

    def __init__(self, answer: AnyArray) -> None:
        self.answer = answer
        self.shown: list[AnyArray] = []

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        self.shown.extend(inputs)
        return (self.answer,)


class BrokenSession:
    """Fails like an engine."""

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        raise InferenceError(f"no memory for {len(inputs)}")


SQUARE = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3)


def judge_square(session: Session) -> object:
    return RecaptureNetwork(session).judge_square(SQUARE)


def judge_view(session: Session) -> object:
    return RecaptureNetwork(session).judge_view(SQUARE)


JUDGES = pytest.mark.parametrize("judge", [judge_square, judge_view])


def test_of_a_square_the_first_two_numbers_count() -> None:
    clue = judge_square(FakeSession(np.array([[1.5, -2.25, 9]], np.float32)))
    assert clue == Clue(recaptured=1.5, printed=-2.25)
    assert isinstance(clue, Clue)
    assert type(clue.recaptured) is type(clue.printed) is float


def test_of_a_view_the_third_number_counts() -> None:
    found = judge_view(FakeSession(np.array([[7, 8, -0.5]], np.float32)))
    assert found == -0.5
    assert type(found) is float


@JUDGES
def test_the_square_is_shown_as_it_is(judge: Judge) -> None:
    session = FakeSession(np.zeros((1, LOGIT_COUNT), np.float32))
    judge(session)
    (shown,) = session.shown
    assert shown.dtype == np.uint8
    np.testing.assert_array_equal(shown, SQUARE[np.newaxis])


@JUDGES
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", range(LOGIT_COUNT))
def test_no_number_is_an_inference_error(judge: Judge, number: float, at: int) -> None:
    answer = np.zeros((1, LOGIT_COUNT), np.float32)
    answer[0, at] = number
    with pytest.raises(InferenceError, match="log-odds"):
        judge(FakeSession(answer))


@JUDGES
@pytest.mark.parametrize("shape", [(3,), (1, 2), (1, 4), (2, 3), (1, 3, 1), (0, 3), ()])
def test_an_answer_of_another_shape_is_an_inference_error(
    judge: Judge, shape: tuple[int, ...]
) -> None:
    with pytest.raises(InferenceError, match="log-odds"):
        judge(FakeSession(np.zeros(shape, np.float32)))


@JUDGES
def test_what_the_engine_says_of_its_failure_is_passed_on(judge: Judge) -> None:
    with pytest.raises(InferenceError, match="no memory"):
        judge(BrokenSession())
