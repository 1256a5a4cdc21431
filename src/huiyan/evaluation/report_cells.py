"""How figures look in a cell of the quality page.

Owns: their decimals and units. Has no opinion on: which figures there are.
"""

from __future__ import annotations

from typing import Any


def percent(share: float) -> str:
    """Write a share as percent.

    Parameters
    ----------
    share : float
        In [0, 1].

    Returns
    -------
    str
        With one decimal.

    Examples
    --------
    >>> percent(0.1234)
    '12.3 %'
    """
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """Write a difference of shares in percentage points.

    Parameters
    ----------
    difference : float
        In [-1, 1].

    Returns
    -------
    str
        With its sign and one decimal.

    Examples
    --------
    >>> points(0.0512)
    '+5.1 points'
    """
    return f"{100 * difference:+.1f} points"


def thousandths(value: float) -> str:
    """Write a number with three decimals.

    Parameters
    ----------
    value : float
        Mostly in [0, 1].

    Returns
    -------
    str
        With a point.
    """
    return f"{value:.3f}"


def tenths(value: float) -> str:
    """Write a number with one decimal.

    Parameters
    ----------
    value : float
        Any.

    Returns
    -------
    str
        With a point.
    """
    return f"{value:.1f}"


def between(share: dict[str, float]) -> str:
    """Write a share in percent with its 95 % interval.

    Parameters
    ----------
    share : dict
        ``value``, ``low`` and ``high``, each in [0, 1].

    Returns
    -------
    str
        With two decimals.

    Examples
    --------
    >>> between({"value": 0.983, "low": 0.97, "high": 0.9912})
    '98.30 % (97.00–99.12)'
    """
    value, low, high = (100 * share[key] for key in ("value", "low", "high"))
    return f"{value:.2f} % ({low:.2f}–{high:.2f})"


def between_thousandths(share: dict[str, float]) -> str:
    """Write a number with its 95 % interval.

    Parameters
    ----------
    share : dict
        ``value``, ``low`` and ``high``, each in [0, 1].

    Returns
    -------
    str
        With three decimals.

    Examples
    --------
    >>> between_thousandths({"value": 0.983, "low": 0.97, "high": 0.9912})
    '0.983 (0.970–0.991)'
    """
    return f"{share['value']:.3f} ({share['low']:.3f}–{share['high']:.3f})"


def share_percent(share: dict[str, float]) -> str:
    """Write a share in percent without its interval, where there is no room for it.

    Parameters
    ----------
    share : dict
        ``value`` in [0, 1], and what is left out.

    Returns
    -------
    str
        With one decimal.
    """
    return percent(share["value"])


def how_many(items: list[Any]) -> str:
    """Write the length of a list.

    Parameters
    ----------
    items : list
        Whatever is counted.

    Returns
    -------
    str
        A whole number.
    """
    return str(len(items))
