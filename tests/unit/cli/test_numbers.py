from __future__ import annotations

import click
import pytest

from huiyan.cli.numbers import NumberRange


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "inf", "-inf", "1e999", "1.01", "x", ""])
def test_what_lies_in_no_range_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        NumberRange(0, 1).convert(text, None, None)


@pytest.mark.parametrize(("text", "number"), [("0", 0.0), ("1", 1.0), ("0.25", 0.25)])
def test_what_lies_inside_is_taken(text: str, number: float) -> None:
    assert NumberRange(0, 1).convert(text, None, None) == number
