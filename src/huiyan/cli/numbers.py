"""Numbers that options take.

Owns: which numbers are none. Has no opinion on: what they mean.
"""

from __future__ import annotations

import math

import click


class NumberRange(click.FloatRange):
    """A range that NaN lies outside of: it compares with no bound, so the base class lets it in."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Convert what was written.

        Parameters
        ----------
        value : float
            A number; click gives its text.
        param : click.Parameter or None
            The option, for the error.
        ctx : click.Context or None
            Where it was given.

        Returns
        -------
        float
            Inside the range.

        Raises
        ------
        click.BadParameter
            It is no number or lies outside.
        """
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number · 不是数字", param, ctx)
        return number
