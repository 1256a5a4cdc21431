from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.iam.policy.condition import OPERATORS, compile_condition
from huiyan.iam.policy.model import Condition
from huiyan.kernel.errors import InvalidParameterError

YES, NO, UNTOLD = True, False, None
DAY = "2026-05-04T00:00:00Z"


def holds(operator: str, values: tuple[str, ...], text: str | None) -> bool | None:
    condition = compile_condition(Condition(operator, "g:Key", values))
    return condition.holds({} if text is None else {"g:Key": text})


@pytest.mark.parametrize(
    ("operator", "values", "text", "expected"),
    [
        ("StringEquals", ("a", "b"), "b", YES),
        ("StringEquals", ("a", "b"), "B", NO),
        ("StringEquals", ("a*",), "ab", NO),
        ("StringEqualsAnyOf", ("a", "b"), "b", YES),
        ("StringNotEquals", ("a", "b"), "b", NO),
        ("StringNotEquals", ("a", "b"), "c", YES),
        ("StringNotEqualsAnyOf", ("a", "b"), "a", NO),
        ("StringEqualsIgnoreCase", ("Straße",), "STRASSE", YES),
        ("StringEqualsIgnoreCase", ("a",), "b", NO),
        ("StringNotEqualsIgnoreCase", ("a",), "A", NO),
        ("StringNotEqualsIgnoreCaseAnyOf", ("a",), "b", YES),
        ("StringLike", ("dept-*",), "dept-1", YES),
        ("StringLike", ("dept-*",), "a-dept-1", NO),
        ("StringLike", ("d?pt",), "dept", YES),
        ("StringLike", ("private/",), "my/private/x", YES),
        ("StringLike", ("private/",), "Private/", NO),
        ("StringNotLike", ("private/",), "my/private/x", NO),
        ("StringNotLike", ("p*", "q*"), "x", YES),
        ("StringLikeAnyOf", ("p*", "q*"), "qx", YES),
        ("StringNotLikeAnyOf", ("p*", "q*"), "qx", NO),
        ("StringStartWith", ("ab",), "abc", YES),
        ("StringStartWith", ("a*",), "abc", NO),
        ("StringNotStartWith", ("ab",), "abc", NO),
        ("StringStartWithAnyOf", ("x", "a"), "abc", YES),
        ("StringEndWith", ("bc",), "abc", YES),
        ("StringEndWith", ("bc",), "abcd", NO),
        ("StringNotEndWith", ("bc",), "abcd", YES),
        ("StringEndWithAnyOf", ("x", "c"), "abc", YES),
        ("StringEquals", ("a",), "", NO),
        ("StringNotEquals", ("a",), "", YES),
        ("NumberEquals", ("5",), "5.0", YES),
        ("NumberEquals", ("-5",), "+5", NO),
        ("NumberEqualsAnyOf", ("5", "6"), "6", YES),
        ("NumberNotEquals", ("5", "6"), "6", NO),
        ("NumberNotEquals", ("5", "6"), "7", YES),
        ("NumberLessThan", ("5",), "5", NO),
        ("NumberLessThan", ("5", "9"), "8", YES),
        ("NumberLessThanEquals", ("5",), "5", YES),
        ("NumberGreaterThan", ("5",), "5", NO),
        ("NumberGreaterThan", ("5",), "10", YES),
        ("NumberGreaterThanEquals", ("0.1",), "0.1", YES),
        ("NumberEquals", ("5",), "five", UNTOLD),
        ("NumberNotEquals", ("5",), "five", UNTOLD),
        ("NumberNotEquals", ("5",), "", UNTOLD),
        ("NumberLessThan", ("5",), "-Infinity", UNTOLD),
        ("NumberLessThan", ("5",), "1" * 10_000, UNTOLD),
        ("NumberLessThan", ("5",), "٣", UNTOLD),
        ("NumberLessThan", ("5",), "3\n", UNTOLD),
        ("DateLessThan", (DAY,), "2026-05-03T23:59:59.999999Z", YES),
        ("DateLessThan", (DAY,), DAY, NO),
        ("DateLessThanEquals", (DAY,), DAY, YES),
        ("DateLessThanEquals", (DAY,), "2026-05-04T01:00:00+01:00", YES),
        ("DateGreaterThan", (DAY,), DAY, NO),
        ("DateGreaterThan", (DAY,), "2026-05-04T00:00:01Z", YES),
        ("DateGreaterThanEquals", (DAY,), "2026-05-04T08:00:00+08:00", YES),
        ("DateGreaterThan", (DAY,), "2026-05-05", UNTOLD),
        ("DateGreaterThan", (DAY,), "2026-05-05T00:00:00", UNTOLD),
        ("DateGreaterThan", (DAY,), "2026-13-05T00:00:00Z", UNTOLD),
        ("DateGreaterThan", (DAY,), "9999-12-31T23:59:59-23:59", UNTOLD),
        ("DateGreaterThan", (DAY,), "0001-01-01T00:00:00+23:59", UNTOLD),
        ("Bool", ("true",), "True", YES),
        ("Bool", ("true",), "false", NO),
        ("Bool", ("false",), "false", YES),
        ("Bool", ("true",), "yes", UNTOLD),
        ("IpAddress", ("10.0.0.0/8",), "10.255.255.255", YES),
        ("IpAddress", ("10.1.2.3/8",), "10.9.9.9", YES),
        ("IpAddress", ("10.0.0.1",), "10.0.0.1", YES),
        ("IpAddress", ("10.0.0.1",), "10.0.0.2", NO),
        ("IpAddress", ("10.0.0.0/8",), "::ffff:10.0.0.1", YES),
        ("IpAddress", ("::ffff:10.0.0.0/104",), "10.1.1.1", YES),
        ("IpAddress", ("0.0.0.0/0",), "2001:db8::1", NO),
        ("IpAddress", ("2001:DB8::/32", "10.0.0.0/8"), "2001:db8::1", YES),
        ("IpAddress", ("10.0.0.0/8",), "010.0.0.1", UNTOLD),
        ("IpAddress", ("10.0.0.0/8",), "10.0.0.0/8", UNTOLD),
        ("NotIpAddress", ("10.0.0.0/8", "11.0.0.0/8"), "11.0.0.1", NO),
        ("NotIpAddress", ("10.0.0.0/8", "11.0.0.0/8"), "12.0.0.1", YES),
        ("NotIpAddress", ("10.0.0.0/8",), "localhost", UNTOLD),
        ("IsNullOrEmpty", ("true",), "", YES),
        ("IsNullOrEmpty", ("true",), "x", NO),
        ("IsNullOrEmpty", ("false",), "", NO),
        ("IsNullOrEmpty", ("False",), "x", YES),
        ("IsNullOrEmpty", ("true",), None, YES),
        ("IsNullOrEmpty", ("false",), None, NO),
        ("StringEqualsIfExists", ("a",), "b", NO),
        ("StringEqualsIfExists", ("a",), "", YES),
        ("NumberLessThanIfExists", ("5",), "", YES),
        ("NumberLessThanIfExists", ("5",), "six", UNTOLD),
        ("NotIpAddressIfExists", ("10.0.0.0/8",), "10.0.0.1", NO),
    ],
)  # fmt: skip
def test_an_operator_compares_as_the_table_says(
    operator: str,
    values: tuple[str, ...],
    text: str,
    expected: bool | None,  # noqa: FBT001  a table's column
) -> None:
    assert holds(operator, values, text) is expected


def some_value(operator: str) -> str:
    for prefix, value in (
        ("Number", "5"),
        ("Date", DAY),
        ("Bool", "true"),
        ("IpAddress", "10.0.0.1"),
        ("NotIpAddress", "10.0.0.1"),
        ("IsNull", "true"),
    ):
        if operator.startswith(prefix):
            return value
    return "x"


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_an_absent_key_is_told_only_by_operators_about_absence(operator: str) -> None:
    expected = YES if operator.endswith("IfExists") or operator == "IsNullOrEmpty" else UNTOLD
    assert holds(operator, (some_value(operator),), None) is expected


@given(st.sampled_from(sorted(OPERATORS)), st.text())
def test_no_text_of_a_call_makes_a_condition_fail(operator: str, text: str) -> None:
    assert holds(operator, (some_value(operator),), text) in {True, False, None}


@given(st.sampled_from(sorted(OPERATORS)), st.text())
def test_a_value_is_read_or_refused(operator: str, value: str) -> None:
    try:
        holds(operator, (value,), "x")
    except InvalidParameterError as error:
        assert error.parameter == "Condition"  # noqa: PT017  other errors must not be caught


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumberEquals", "1e5"),
        ("NumberEquals", "NaN"),
        ("NumberEquals", "0x10"),
        ("NumberEquals", " 1"),
        ("NumberLessThan", "1_000"),
        ("DateLessThan", "2026-05-04"),
        ("DateLessThan", "2026-05-04T00:00:00"),
        ("DateLessThan", "2026-02-30T00:00:00Z"),
        ("DateLessThan", "1777852800"),
        ("Bool", "1"),
        ("Bool", "yes"),
        ("IsNullOrEmpty", "maybe"),
        ("IpAddress", "10.0.0.0/33"),
        ("IpAddress", "10.0.0.256"),
        ("IpAddress", "fe80::1%eth0"),
        ("IpAddress", "*"),
        ("NotIpAddress", "office"),
        ("stringequals", "a"),
        ("StringMatches", "a"),
        ("IsNullOrEmptyIfExists", "true"),
        ("StringEqualsIfExistsIfExists", "a"),
    ],
)
def test_a_value_or_operator_that_cannot_be_read_is_refused(operator: str, value: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"policy\.here: "):
        compile_condition(Condition(operator, "g:Key", (value,)), parameter="policy.here")


def test_a_condition_needs_a_value() -> None:
    with pytest.raises(InvalidParameterError):
        compile_condition(Condition("StringEquals", "g:Key", ()))


def test_absence_cannot_be_asked_for_both_ways() -> None:
    with pytest.raises(InvalidParameterError, match="both"):
        compile_condition(Condition("IsNullOrEmpty", "g:Key", ("true", "false")))
