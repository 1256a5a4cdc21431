from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.iam.policy.matching import compile_actions, compile_resources, compile_wildcards


def oracle(pattern: str, text: str) -> bool:
    """Say by the definition, in a table of every beginning against every beginning."""
    row = [True] + [False] * len(text)
    for symbol in pattern:
        if symbol == "*":
            reached = False
            fresh = []
            for fits in row:
                reached = reached or fits
                fresh.append(reached)
        else:
            fresh = [False] + [
                fits and symbol in {"?", letter} for fits, letter in zip(row, text, strict=False)
            ]
        row = fresh
    return row[-1]


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("?", "", False),
        ("**", "anything", True),
        ("a*", "a", True),
        ("*a", "ba", True),
        ("*a", "ab", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*ab*ab", "ab", False),
        ("*ab*ab", "abab", True),
        ("*aab", "aaab", True),
        ("*?a*", "aa", True),
        ("[ab].+", "[ab].+", True),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
        ("A", "a", False),
        ("a*c", "a\nb\nc", True),
        ("a?c", "a\nc", True),
        ("图?", "图像", True),
        ("a", "a\n", False),
    ],
)
def test_wildcards_fit_as_defined(pattern: str, text: str, fits: bool) -> None:  # noqa: FBT001  a table's column
    assert (compile_wildcards(pattern).fullmatch(text) is not None) is fits
    assert oracle(pattern, text) is fits


@settings(max_examples=400)
@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_a_pattern_fits_what_its_definition_fits(pattern: str, text: str) -> None:
    assert (compile_wildcards(pattern).fullmatch(text) is not None) is oracle(pattern, text)


@given(st.text(max_size=20))
def test_every_text_without_wildcards_fits_itself_only(text: str) -> None:
    literal = text.replace("*", "").replace("?", "")
    pattern = compile_wildcards(literal)
    assert pattern.fullmatch(literal)
    assert not pattern.fullmatch(literal + "x")


segments = st.tuples(*[st.text("ab*?", min_size=1, max_size=5)] * 3)
plain_segments = st.tuples(*[st.text("ab", min_size=1, max_size=5)] * 3)


@settings(max_examples=200)
@given(st.lists(segments, min_size=1, max_size=4), plain_segments)
def test_an_action_fits_where_all_three_segments_fit(
    patterns: list[tuple[str, str, str]], action: tuple[str, str, str]
) -> None:
    matcher = compile_actions([":".join(pattern) for pattern in patterns], "1.1")
    expected = any(
        all(oracle(*pair) for pair in zip(pattern, action, strict=True)) for pattern in patterns
    )
    assert matcher.fits(":".join(action)) is expected


@pytest.mark.parametrize(
    ("pattern", "action", "fits"),
    [
        ("*", "a:b:c", True),
        ("", "a:b:c", True),
        ("obs", "obs:bucket:get", True),
        ("obs", "obsx:bucket:get", False),
        ("obs:*", "obs:bucket:put", True),
        ("obs:bucket", "obs:bucket:put", True),
        ("obs:bucket", "obs:object:put", False),
        ("::Get", "a:b:getthing", True),
        ("::GET", "a:b:get", True),
        ("::Get", "a:b:forget", False),
        ("::List", "a:b:listthings", True),
        ("::Put", "a:b:putthing", False),
        ("::Put", "a:b:put", True),
        ("obs::Get", "obs:b:getx", True),
        ("obs::Get", "a:b:getx", False),
        ("obs:get", "obs:getter:put", False),
        ("identity:*", "iam:users:createuser", True),
        ("Identity:users", "iam:users:createuser", True),
        ("identity:*", "identity:users:createuser", False),
        ("identity*:x:y", "iam:x:y", False),
        ("iam:*:*", "iam:users:createuser", True),
    ],
)
def test_short_forms_of_version_1_0(pattern: str, action: str, fits: bool) -> None:  # noqa: FBT001  a table's column
    assert compile_actions([pattern], "1.0").fits(action) is fits


@pytest.mark.parametrize("pattern", ["*:*:Get", "identity:*:*"])
def test_version_1_1_knows_no_short_forms(pattern: str) -> None:
    matcher = compile_actions([pattern], "1.1")
    assert not matcher.fits("iam:users:getuser")


def test_no_resource_pattern_means_every_resource() -> None:
    assert compile_resources([]) is None
    assert compile_resources(["obs:*:*:bucket:b", "*"]) is None


def test_a_wildcard_does_not_reach_over_a_colon_before_the_path() -> None:
    pattern = compile_resources(["obs:*:bucket:*:b"])
    assert pattern is not None
    assert not pattern.fullmatch("obs:a:b:c:bucket:x:b")
    assert pattern.fullmatch("obs:a:bucket:x:b")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 60 + "b", "a" * 6000),
        ("*" * 3000 + "b", "a" * 6000),
        ("*a?" * 40 + "b", "a" * 6000),
        ("a*" * 60 + "b", "a" * 6000 + "c"),
        ("*" + "a" * 60 + "b", "a" * 6000),
        ("*" + "?" * 60 + "b", "a" * 6000),
        ("?*" * 60 + "b", "a" * 6000),
    ],
)
def test_many_stars_cost_no_more_than_the_product_of_the_lengths(pattern: str, text: str) -> None:
    compiled = compile_wildcards(pattern)
    started = time.perf_counter()
    assert not compiled.fullmatch(text)
    assert time.perf_counter() - started < 1.0
