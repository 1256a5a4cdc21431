from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.recapture.model import Judgement, Medium, RecaptureParams, Suggestion

JUDGEMENT = Judgement(
    recaptured=0.6,
    screen=0.5,
    original_threshold=0.8,
    barcode=None,
    patches=(),
)
SHARE = st.floats(0, 1)


def test_nothing_is_explained_unless_asked_for() -> None:
    assert not RecaptureParams(0.95).explains


@pytest.mark.parametrize(
    ("recaptured", "screen", "medium"),
    [
        (0.0, 0.0, Medium.ORIGINAL),
        (0.4999, 1.0, Medium.ORIGINAL),
        (0.5001, 0.4999, Medium.PRINT),
        (0.5001, 0.5, Medium.SCREEN),
        (1.0, 0.0, Medium.PRINT),
        (1.0, 1.0, Medium.SCREEN),
    ],
)
def test_the_medium_is_decided_at_one_half(
    recaptured: float, screen: float, medium: Medium
) -> None:
    assert replace(JUDGEMENT, recaptured=recaptured, screen=screen).medium is medium


@pytest.mark.parametrize(
    ("recaptured", "threshold", "suggestion"),
    [
        (0.0, 0.0, Suggestion.RECAPTURED),
        (0.0, 0.95, Suggestion.GENUINE),
        (0.2, 0.95, Suggestion.GENUINE),
        (0.2001, 0.95, Suggestion.UNCERTAIN),
        (0.9499, 0.95, Suggestion.UNCERTAIN),
        (0.95, 0.95, Suggestion.RECAPTURED),
        (1.0, 1.0, Suggestion.RECAPTURED),
    ],
)
def test_between_both_thresholds_nothing_is_certain(
    recaptured: float, threshold: float, suggestion: Suggestion
) -> None:
    assert replace(JUDGEMENT, recaptured=recaptured).suggestion(threshold) is suggestion


def test_where_both_thresholds_are_reached_the_picture_is_recaptured() -> None:
    assert replace(JUDGEMENT, recaptured=0.1).suggestion(0.1) is Suggestion.RECAPTURED


@given(SHARE, SHARE, SHARE)
def test_a_lower_threshold_never_makes_a_picture_more_genuine(
    recaptured: float, one: float, other: float
) -> None:
    judgement = replace(JUDGEMENT, recaptured=recaptured)
    if judgement.suggestion(max(one, other)) is Suggestion.RECAPTURED:
        assert judgement.suggestion(min(one, other)) is Suggestion.RECAPTURED


@given(SHARE)
def test_both_probabilities_are_one_together(recaptured: float) -> None:
    judgement = replace(JUDGEMENT, recaptured=recaptured)
    assert judgement.original + judgement.recaptured == pytest.approx(1)
