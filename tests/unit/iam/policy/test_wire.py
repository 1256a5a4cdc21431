from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.iam.policy.condition import OPERATORS
from huiyan.iam.policy.model import Condition, Effect, Policy, Statement
from huiyan.iam.policy.system import SYSTEM_ROLES, TENANT_GUEST
from huiyan.iam.policy.wire import parse_policy, render_policy
from huiyan.kernel.errors import InvalidParameterError


def statement(**changed: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": ["image:*:run"], **changed}


def document(*statements: object, **changed: object) -> dict[str, object]:
    return {"Version": "1.1", "Statement": list(statements) or [statement()], **changed}


def test_a_whole_policy_is_read() -> None:
    assert parse_policy(
        document(
            {
                "Effect": "Deny",
                "Action": ["obs:bucket:*", "obs:object:Get?*"],
                "Resource": ["obs:*:*:object:b/图 片:1.jpg"],
                "Condition": {
                    "StringEquals": {"g:UserName": ["ann", "李"]},
                    "Bool": {"g:MFAPresent": "true"},
                },
            },
            statement(Action="image:tagging:run", Resource="*", Condition={}),
        )
    ) == Policy(
        "1.1",
        (
            Statement(
                Effect.DENY,
                ("obs:bucket:*", "obs:object:Get?*"),
                ("obs:*:*:object:b/图 片:1.jpg",),
                (
                    Condition("StringEquals", "g:UserName", ("ann", "李")),
                    Condition("Bool", "g:MFAPresent", ("true",)),
                ),
            ),
            Statement(Effect.ALLOW, ("image:tagging:run",), ("*",)),
        ),
    )


def test_agencies_are_read_and_shown_in_their_own_form() -> None:
    written = document(
        statement(Action=["iam:agencies:assume"], Resource={"uri": ["/iam/agencies/0a1b"]})
    )
    policy = parse_policy(written)
    assert policy.statements[0].resources == ("/iam/agencies/0a1b",)
    assert render_policy(policy) == written


def test_a_role_is_shown_with_what_it_depends_on() -> None:
    shown = render_policy(TENANT_GUEST.policy)
    assert list(shown) == ["Version", "Statement", "Depends"]
    assert shown["Version"] == "1.0"
    assert shown["Depends"] == []


@pytest.mark.parametrize("role", SYSTEM_ROLES, ids=lambda role: role.name)
def test_every_policy_of_the_system_can_be_shown_as_json(role: object) -> None:
    policy = role.policy  # type: ignore[attr-defined]
    shown = json.loads(json.dumps(render_policy(policy)))
    if policy.version == "1.1":
        assert parse_policy(shown) == policy


MANY = [f"a:b:c{number}" for number in range(101)]
DEEP: object = "x"
for _ in range(100_000):
    DEEP = [DEEP]
DEEP_OBJECT: object = {}
for _ in range(100_000):
    DEEP_OBJECT = {"Statement": DEEP_OBJECT}


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (None, "policy"),
        ([], "policy"),
        ("", "policy"),
        (1.1, "policy"),
        ({}, "policy.Version"),
        (document(Version=1.1), "policy.Version"),
        (document(Version="1.0"), "policy.Version"),
        (document(Version="5.0"), "policy.Version"),
        (document(Version=["1.1"]), "policy.Version"),
        (document(Depends=[]), "policy"),
        (document(statement=[]), "policy"),
        (document(**{"x\n" * 999: 1}), "policy"),
        ({1: 2}, "policy"),
        ({"Version": "1.1"}, "policy.Statement"),
        ({"Version": "1.1", "Statement": []}, "policy.Statement"),
        ({"Version": "1.1", "Statement": {}}, "policy.Statement"),
        ({"Version": "1.1", "Statement": statement()}, "policy.Statement"),
        ({"Version": "1.1", "Statement": [[]]}, "policy.Statement[0]"),
        (document(*[statement()] * 9), "policy.Statement"),
        (document(None), "policy.Statement[0]"),
        (document(statement(), statement(Sid="x")), "policy.Statement[1]"),
        (document(statement(NotAction=["a:b:c"])), "policy.Statement[0]"),
        (document(statement(Effect="allow")), "policy.Statement[0].Effect"),
        (document(statement(Effect=None)), "policy.Statement[0].Effect"),
        (document(statement(Effect=["Allow"])), "policy.Statement[0].Effect"),
        (document(statement(Effect={})), "policy.Statement[0].Effect"),
        (document({"Action": ["a:b:c"]}), "policy.Statement[0].Effect"),
        (document({"Effect": "Allow"}), "policy.Statement[0].Action"),
        (document(statement(Action=[])), "policy.Statement[0].Action"),
        (document(statement(Action="")), "policy.Statement[0].Action"),
        (document(statement(Action={"a:b:c": 1})), "policy.Statement[0].Action"),
        (document(statement(Action=[None])), "policy.Statement[0].Action[0]"),
        (document(statement(Action=["a:b:c", 7])), "policy.Statement[0].Action[1]"),
        (document(statement(Action=["a:b:c", ["a:b:c"]])), "policy.Statement[0].Action[1]"),
        (document(statement(Action=["a:b:c", ""])), "policy.Statement[0].Action[1]"),
        (document(statement(Action=["a:b:c", "a:b:c"])), "policy.Statement[0].Action"),
        (document(statement(Action=MANY)), "policy.Statement[0].Action"),
        (document(statement(Action=["*"])), "policy.Statement[0].Action"),
        (document(statement(Action=["obs:*"])), "policy.Statement[0].Action"),
        (document(statement(Action=["a:b:c:d"])), "policy.Statement[0].Action"),
        (document(statement(Action=["::Get"])), "policy.Statement[0].Action"),
        (document(statement(Action=["a:b: c"])), "policy.Statement[0].Action"),
        (document(statement(Action=["a:b:[c]"])), "policy.Statement[0].Action"),
        (document(statement(Action=["a:b:ç"])), "policy.Statement[0].Action"),
        (document(statement(Action=["a:b:c\n"])), "policy.Statement[0].Action[0]"),
        (document(statement(Action=["a:b:c\x00"])), "policy.Statement[0].Action[0]"),
        (document(statement(Action=["a:b:\ud800"])), "policy.Statement[0].Action[0]"),
        (document(statement(Action=["a:b:" + "c" * 125])), "policy.Statement[0].Action"),
        (document(statement(Action=["a:b:" + "c" * 10**6])), "policy.Statement[0].Action[0]"),
        (document(statement(Resource=[])), "policy.Statement[0].Resource"),
        (document(statement(Resource=None)), "policy.Statement[0].Resource"),
        (document(statement(Resource="")), "policy.Statement[0].Resource"),
        (document(statement(Resource=["obs:*"])), "policy.Statement[0].Resource"),
        (document(statement(Resource=["obs:*:*:bucket:"])), "policy.Statement[0].Resource"),
        (document(statement(Resource=["obs:::bucket:x"])), "policy.Statement[0].Resource"),
        (document(statement(Resource=["/iam/agencies/x"])), "policy.Statement[0].Resource"),
        (document(statement(Resource=["*", "*"])), "policy.Statement[0].Resource"),
        (
            document(statement(Resource=[f"a:b:c:d:{number}" for number in range(11)])),
            "policy.Statement[0].Resource",
        ),
        (document(statement(Resource=["a:b:c:d:" + "e" * 121])), "policy.Statement[0].Resource"),
        (document(statement(Resource=["a:b:c:d:\u202ee"])), "policy.Statement[0].Resource[0]"),
        (document(statement(Resource={})), "policy.Statement[0].Resource.uri"),
        (document(statement(Resource={"uri": []})), "policy.Statement[0].Resource.uri"),
        (document(statement(Resource={"uri": ["*"]})), "policy.Statement[0].Resource.uri"),
        (
            document(statement(Resource={"uri": ["/iam/users/x"]})),
            "policy.Statement[0].Resource.uri",
        ),
        (
            document(statement(Resource={"uri": ["/iam/agencies/x"], "url": []})),
            "policy.Statement[0].Resource",
        ),
        (document(statement(Condition=None)), "policy.Statement[0].Condition"),
        (document(statement(Condition=[])), "policy.Statement[0].Condition"),
        (document(statement(Condition={"Like": {}})), "policy.Statement[0].Condition"),
        (document(statement(Condition={1: {}})), "policy.Statement[0].Condition"),
        (document(statement(Condition={"Bool": {}})), "policy.Statement[0].Condition.Bool"),
        (document(statement(Condition={"Bool": []})), "policy.Statement[0].Condition.Bool"),
        (
            document(statement(Condition={"Bool": {"": ["true"]}})),
            "policy.Statement[0].Condition.Bool",
        ),
        (
            document(statement(Condition={"Bool": {"UserName": ["true"]}})),
            "policy.Statement[0].Condition.Bool",
        ),
        (
            document(statement(Condition={"Bool": {"g:" + "x" * 99: ["true"]}})),
            "policy.Statement[0].Condition.Bool",
        ),
        (
            document(statement(Condition={"Bool": {"g:X": []}})),
            "policy.Statement[0].Condition.Bool.g:X",
        ),
        (
            document(statement(Condition={"Bool": {"g:X": [True]}})),
            "policy.Statement[0].Condition.Bool.g:X[0]",
        ),
        (
            document(statement(Condition={"Bool": {"g:X": ["yes"]}})),
            "policy.Statement[0].Condition.Bool.g:X",
        ),
        (
            document(statement(Condition={"StringEquals": {"g:X": ["a", "a"]}})),
            "policy.Statement[0].Condition.StringEquals.g:X",
        ),
        (
            document(statement(Condition={"StringEquals": {"g:X": ["a\x7f"]}})),
            "policy.Statement[0].Condition.StringEquals.g:X[0]",
        ),
        (
            document(
                statement(Condition={"StringLike": {f"g:X{number}": ["a"] for number in range(11)}})
            ),
            "policy.Statement[0].Condition",
        ),
        (document(DEEP), "policy.Statement[0]"),
        (document(statement(Action=DEEP)), "policy.Statement[0].Action[0]"),
        (document(statement(Resource=DEEP)), "policy.Statement[0].Resource[0]"),
        (DEEP_OBJECT, "policy.Version"),
        (document(statement(Action=["a:b:c"] * 10**6)), "policy.Statement[0].Action"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_document_that_breaks_the_grammar_is_refused_by_the_name_of_its_field(
    written: object, named: str
) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_policy(written)
    assert caught.value.parameter == named
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) < 300


def test_the_field_is_named_as_the_caller_wrote_it() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_policy(
            document(statement(), statement(), statement(Action=[])), parameter="role.policy"
        )
    assert caught.value.parameter == "role.policy.Statement[2].Action"


def padded(characters: int) -> dict[str, object]:
    written = document(statement(Condition={"StringEquals": {"g:X": [""]}}))
    short = len(json.dumps(written, separators=(",", ":")))
    written["Statement"][0]["Condition"]["StringEquals"]["g:X"] = ["图" * (characters - short)]  # type: ignore[index]
    return written


def test_limits_are_reached_but_not_passed() -> None:
    assert parse_policy(padded(6144))
    assert parse_policy(document(*[statement()] * 8))
    assert parse_policy(document(statement(Action=MANY[:100])))
    assert parse_policy(document(statement(Action=["a:b:" + "c" * 124])))
    with pytest.raises(InvalidParameterError, match="6144") as caught:
        parse_policy(padded(6145))
    assert caught.value.parameter == "policy"


part = st.text("abzAZ09_.*?-", min_size=1, max_size=6)
actions = st.builds("{}:{}:{}".format, part, part, part)
printable = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=8
)
resources = st.one_of(
    st.just("*"),
    st.builds("{}:{}:{}:{}:{}".format, part, part, part, part, printable),
)
agencies = st.text("ab09*", min_size=1, max_size=6).map("/iam/agencies/{}".format)
conditions = st.dictionaries(
    st.sampled_from(sorted(name for name in OPERATORS if name.startswith("String"))),
    st.dictionaries(
        st.sampled_from(["g:UserName", "g:UserId", "obs:prefix"]),
        st.lists(printable, min_size=1, max_size=3, unique=True),
        min_size=1,
        max_size=2,
    ),
    min_size=1,
    max_size=3,
)
written_statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(actions, min_size=1, max_size=5, unique=True),
    },
    optional={
        "Resource": st.one_of(
            st.lists(resources, min_size=1, max_size=4, unique=True),
            st.lists(agencies, min_size=1, max_size=4, unique=True).map(lambda uri: {"uri": uri}),
        ),
        "Condition": conditions,
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(written_statements, min_size=1, max_size=8))
def test_what_is_shown_is_what_was_written(statements: list[dict[str, object]]) -> None:
    written = document(*statements)
    policy = parse_policy(written)
    shown = render_policy(policy)
    assert shown == written
    assert json.dumps(shown) == json.dumps(
        {
            **written,
            "Statement": [
                {
                    key: entry[key]
                    for key in ("Effect", "Action", "Resource", "Condition")
                    if key in entry
                }
                for entry in statements
            ],
        }
    )
    assert parse_policy(shown) == policy


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["Allow", "1.1", "a:b:c", "*", "true", "/iam/agencies/*"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    *("Version", "Statement", "Effect", "Action", "Resource", "Condition"),
                    *("uri", "Bool", "StringLike", "g:X"),
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(
    anything, st.sampled_from([lambda x: x, document, lambda x: document(statement(Condition=x))])
)
def test_whatever_is_written_is_read_or_refused(
    value: object, wrap: Callable[[object], object]
) -> None:
    try:
        policy = parse_policy(wrap(value))
    except InvalidParameterError as error:
        assert error.parameter.startswith("policy")  # noqa: PT017  other errors must not be caught
    else:
        assert parse_policy(render_policy(policy)) == policy
