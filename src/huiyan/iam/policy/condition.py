"""Conditions: what of a call they look at and when they hold.

Owns: the operators, what values they take, and what an absent or unreadable fact means. Has no
opinion on: where the facts come from and what a statement does.

A condition holds, does not hold, or cannot be told: the key is not in the context, or its text is
no number, instant or address although the operator needs one. What cannot be told is read against
the caller: an Allow applies only if all its conditions hold, a Deny applies unless one of its
conditions does not hold. So leaving a fact out never opens anything. A Deny that is meant only for
calls that have the fact says so with ``IsNullOrEmpty`` ``false``.

Operators, after the vendor's lists of version 1.1:

* ``StringEquals``, ``StringEqualsIgnoreCase``, ``StringLike``, ``StringStartWith``,
  ``StringEndWith``, each also with ``Not`` after ``String``; ``StringLike`` compares the whole text
  with a value that has wildcards, and looks for a value without any inside the text;
* ``NumberEquals``, ``NumberNotEquals``, ``NumberLessThan``, ``NumberLessThanEquals``,
  ``NumberGreaterThan``, ``NumberGreaterThanEquals``;
* ``DateLessThan``, ``DateLessThanEquals``, ``DateGreaterThan``, ``DateGreaterThanEquals``;
* ``Bool``, ``IpAddress``, ``NotIpAddress``;
* the string operators, ``NumberEquals`` and ``NumberNotEquals`` also end in ``AnyOf``, which says
  what holds of several values anyway;
* all of these also end in ``IfExists``: an absent or empty text then fulfils the condition;
* ``IsNullOrEmpty`` with ``true`` or ``false``: whether the text is absent or empty.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from huiyan.iam.policy.matching import compile_wildcards
from huiyan.iam.policy.model import Condition
from huiyan.kernel.errors import InvalidParameterError

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,9})?", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_TRUTH = {"true": True, "false": False}

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Test = Callable[[str], bool]
"""Compares a text of the context with one value; ValueError where the text cannot be read."""


class _Family(Protocol):
    """Reads one value of a policy into its comparison; ValueError says what is wrong with it."""

    def __call__(self, value: str, /) -> _Test: ...


def _read_number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return Decimal(text)


def _read_instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise ValueError("not an instant such as 2012-11-11T23:59:59Z")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not an instant of the calendar") from None


def _read_truth(text: str) -> bool:
    truth = _TRUTH.get(text.lower())
    if truth is None:
        raise ValueError("neither true nor false")
    return truth


def _read_address(text: str) -> _Address:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _read_network(text: str) -> _Network:
    if "%" in text:
        raise ValueError("not an address or a network such as 10.0.0.0/8")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("not an address or a network such as 10.0.0.0/8") from None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def _equals(value: str) -> _Test:
    return lambda text: text == value


def _equals_ignore_case(value: str) -> _Test:
    folded = value.casefold()
    return lambda text: text.casefold() == folded


def _like(value: str) -> _Test:
    if "*" not in value and "?" not in value:
        return lambda text: value in text
    pattern = compile_wildcards(value)
    return lambda text: pattern.fullmatch(text) is not None


def _starts_with(value: str) -> _Test:
    return lambda text: text.startswith(value)


def _ends_with(value: str) -> _Test:
    return lambda text: text.endswith(value)


def _number(compare: Callable[[Decimal, Decimal], bool]) -> _Family:
    def read(value: str) -> _Test:
        bound = _read_number(value)
        return lambda text: compare(_read_number(text), bound)

    return read


def _date(compare: Callable[[datetime, datetime], bool]) -> _Family:
    def read(value: str) -> _Test:
        bound = _read_instant(value)
        return lambda text: compare(_read_instant(text), bound)

    return read


def _bool(value: str) -> _Test:
    wanted = _read_truth(value)
    return lambda text: _read_truth(text) is wanted


def _ip(value: str) -> _Test:
    network = _read_network(value)
    return lambda text: _read_address(text) in network


@dataclass(frozen=True, slots=True)
class _Operator:
    """How one operator compares.

    Parameters
    ----------
    family : callable
        Reads a value of the policy into its comparison.
    negated : bool
        Whether the condition holds where none of the values fits.
    absent_fulfils : bool
        Whether an absent or empty text fulfils the condition.
    """

    family: _Family
    negated: bool
    absent_fulfils: bool


IS_NULL_OR_EMPTY = "IsNullOrEmpty"
"""The one operator that is about absence itself."""


def _operators() -> dict[str, _Operator]:
    strings: dict[str, _Family] = {
        "Equals": _equals,
        "EqualsIgnoreCase": _equals_ignore_case,
        "Like": _like,
        "StartWith": _starts_with,
        "EndWith": _ends_with,
    }
    plain: dict[str, tuple[_Family, bool]] = {
        "Bool": (_bool, False),
        "IpAddress": (_ip, False),
        "NotIpAddress": (_ip, True),
        "NumberLessThan": (_number(operator.lt), False),
        "NumberLessThanEquals": (_number(operator.le), False),
        "NumberGreaterThan": (_number(operator.gt), False),
        "NumberGreaterThanEquals": (_number(operator.ge), False),
        "DateLessThan": (_date(operator.lt), False),
        "DateLessThanEquals": (_date(operator.le), False),
        "DateGreaterThan": (_date(operator.gt), False),
        "DateGreaterThanEquals": (_date(operator.ge), False),
    }
    for any_of in ("", "AnyOf"):
        for name, family in strings.items():
            plain[f"String{name}{any_of}"] = (family, False)
            plain[f"StringNot{name}{any_of}"] = (family, True)
        plain[f"NumberEquals{any_of}"] = (_number(operator.eq), False)
        plain[f"NumberNotEquals{any_of}"] = (_number(operator.eq), True)
    return {
        name + suffix: _Operator(family, negated, bool(suffix))
        for name, (family, negated) in plain.items()
        for suffix in ("", "IfExists")
    }


_OPERATORS = MappingProxyType(_operators())

OPERATORS: frozenset[str] = frozenset(_OPERATORS) | {IS_NULL_OR_EMPTY}
"""Every operator that a policy may name; case matters."""


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition whose values have been read.

    Parameters
    ----------
    key : str
        What of the call is looked at.
    tests : tuple of callable
        One comparison for each value; empty for ``IsNullOrEmpty``.
    negated : bool
        Whether it holds where none of the values fits.
    when_absent : bool or None
        What an absent text means; None where it cannot be told.
    when_empty : bool or None
        What an empty text means; None where it is compared like any other.
    """

    key: str
    tests: tuple[_Test, ...]
    negated: bool
    when_absent: bool | None
    when_empty: bool | None

    def holds(self, context: Mapping[str, str]) -> bool | None:
        """Tell whether the condition is fulfilled.

        Parameters
        ----------
        context : mapping of str to str
            What is known of the call.

        Returns
        -------
        bool or None
            None where it cannot be told.
        """
        text = context.get(self.key)
        if text is None:
            text = _find_ignoring_case(context, self.key)
        if text is None:
            return self.when_absent
        if not text and self.when_empty is not None:
            return self.when_empty
        if not self.tests:
            return not self.when_absent
        try:
            return any(test(text) for test in self.tests) is not self.negated
        except ValueError:
            return None


def compile_condition(condition: Condition, *, parameter: str = "Condition") -> CompiledCondition:
    """Read a condition's values, so that nothing in it can fail later.

    Parameters
    ----------
    condition : Condition
        As it stands in the policy.
    parameter : str
        The field as the caller wrote it, for the error.

    Returns
    -------
    CompiledCondition
        Ready for comparison.

    Raises
    ------
    InvalidParameterError
        The operator is unknown, there is no value, or a value is not of the operator's kind.
    """
    if not condition.values:
        raise InvalidParameterError(parameter, "needs at least one value")
    try:
        if condition.operator == IS_NULL_OR_EMPTY:
            return _compile_absence(condition)
        known = _OPERATORS.get(condition.operator)
        if known is None:
            raise InvalidParameterError(parameter, "unknown operator")
        tests = tuple(known.family(value) for value in condition.values)
    except ValueError as error:
        raise InvalidParameterError(parameter, str(error)) from None
    fulfils = True if known.absent_fulfils else None
    return CompiledCondition(condition.key, tests, known.negated, fulfils, fulfils)


def _compile_absence(condition: Condition) -> CompiledCondition:
    truths = {_read_truth(value) for value in condition.values}
    if len(truths) > 1:
        raise ValueError("both true and false")
    is_wanted = truths.pop()
    return CompiledCondition(
        condition.key, tests=(), negated=False, when_absent=is_wanted, when_empty=is_wanted
    )


def _find_ignoring_case(context: Mapping[str, str], key: str) -> str | None:
    wanted = key.lower()
    return next((text for name, text in context.items() if name.lower() == wanted), None)
