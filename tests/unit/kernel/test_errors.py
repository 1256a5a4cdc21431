"""What errors carry."""

from __future__ import annotations

import pickle

import pytest

from huiyan.kernel import errors


def test_an_error_without_a_detail_is_an_empty_text() -> None:
    assert str(errors.DamagedPictureError()) == ""
    assert errors.DamagedPictureError().detail == ""


def test_an_error_says_its_detail() -> None:
    error = errors.DamagedPictureError("cut short")
    assert (str(error), error.detail) == ("cut short", "cut short")


def test_a_parameters_error_names_the_parameter_first() -> None:
    error = errors.InvalidParameterError("limit", "must be an integer")
    assert (str(error), error.parameter) == ("limit: must be an integer", "limit")


def test_an_unknown_key_is_kept_as_sent() -> None:
    assert errors.UnknownKeyError("AKX").access_key == "AKX"


def test_overload_says_when_to_come_back() -> None:
    assert errors.QueueFullError("full", retry_after_s=5).retry_after_s == 5
    assert errors.RateLimitError().retry_after_s == 1


@pytest.mark.parametrize("error", [errors.StoreError("x"), errors.QueueFullError("x", 3)])
def test_an_error_of_one_text_can_cross_processes(error: errors.HuiyanError) -> None:
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes
    assert type(back) is type(error)
    assert back.detail == error.detail
