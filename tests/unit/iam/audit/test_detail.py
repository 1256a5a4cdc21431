import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.iam.audit.detail import DOCUMENT_CHARACTERS, VALUE_CHARACTERS, Telling

ALL = Telling(
    values=("thing.name", "thing.enabled", "thing.count"),
    documents=("thing.policy",),
    facts=("thing.password",),
    made="thing.id",
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"thing": None},
        {"thing": []},
        {"thing": "name"},
        {"thing": {}},
        {"thing": {"name": None, "policy": None, "password": None}},
        {"thing": {"name": {"x": "approved"}, "count": ["approved"], "policy": "approved"}},
        {"other": {"name": "approved by the auditor"}, "thing.name": "approved"},
        {"thing": {"description": "approved by the auditor"}},
    ],
)
def test_nothing_is_told_of_what_is_not_there_or_of_another_kind(body: dict[str, Any]) -> None:
    assert ALL.of_body(body) == {}


def test_a_call_that_names_no_fields_tells_none() -> None:
    assert not Telling().reads_body
    assert not Telling(made="thing.id").reads_body
    assert Telling().of_body({"": "x", "thing": {"name": "x"}}) == {}
    assert Telling().of_answer({"": "x", "thing": {"id": "x"}}) == {}


def test_values_are_told_and_secrets_are_facts() -> None:
    policy = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["桶:*:*"]}]}
    thing = {"name": "新", "enabled": False, "count": 0, "policy": policy, "password": "S3cret!"}
    told = ALL.of_body({"thing": thing})
    assert told == {
        "thing.name": "新",
        "thing.enabled": "False",
        "thing.count": "0",
        "thing.policy": json.dumps(policy, ensure_ascii=False, separators=(",", ":")),
        "thing.password": "set",
    }


def test_an_empty_password_is_a_fact_too() -> None:
    assert ALL.of_body({"thing": {"password": ""}}) == {"thing.password": "set"}


def test_long_values_are_cut_and_say_so() -> None:
    told = ALL.of_body({"thing": {"name": "n" * 1000, "policy": {"a": "p" * 60_000}}})
    assert len(told["thing.name"]) == VALUE_CHARACTERS
    assert len(told["thing.policy"]) == DOCUMENT_CHARACTERS
    assert all(text.endswith("…") for text in told.values())


@pytest.mark.parametrize("depth", [1, 8, 9, 500, 990, 100_000])
@pytest.mark.parametrize("is_list", [True, False])
def test_no_document_is_too_deep(depth: int, *, is_list: bool) -> None:
    deep: Any = "bottom"
    for _ in range(depth):
        deep = [deep] if is_list else {"a": deep}
    told = ALL.of_body({"thing": {"policy": {"Statement": deep}}})["thing.policy"]
    assert ("bottom" in told) == (depth < 8)
    assert len(told) < 100


@given(ANYTHING)
def test_whatever_is_sent_something_short_is_told(sent: object) -> None:
    for body in ({"thing": sent}, {"thing": {"name": sent, "policy": sent, "password": sent}}):
        told = ALL.of_body(body)
        assert sum(map(len, told.values())) < 8000


@pytest.mark.parametrize("answer", [{}, {"thing": []}, {"thing": {"id": None}}, {"thing": {}}])
def test_an_answer_without_an_id_tells_none(answer: dict[str, Any]) -> None:
    assert ALL.of_answer(answer) == {}


def test_the_id_of_what_came_to_be_is_told_and_nothing_else() -> None:
    assert ALL.of_answer({"thing": {"id": "x", "secret": "y"}}) == {"thing.id": "x"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], ""),
        (["a-1", "b_2"], "a-1 b_2"),
        (["李雷", "Li Lei", "", "x" * 65, None, 7, ["a"], "ok"], "ok"),
        (["f" * 64] * 1000, "…"),
    ],
)
def test_of_a_list_of_ids_only_ids_are_told(value: list[Any], told: str) -> None:
    found = Telling(ids=("from",)).of_body({"from": value})["from"]
    assert found.endswith(told)
    assert len(found) <= DOCUMENT_CHARACTERS
    assert Telling(ids=("from",)).of_body({"from": "a"}) == {}
