"""What must hold of every set of roles and every request."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.iam.policy.evaluation import admits, decide
from huiyan.iam.policy.model import (
    AccessRequest,
    Condition,
    Effect,
    Policy,
    Role,
    RoleId,
    RoleType,
    Statement,
)
from huiyan.iam.policy.system import SYSTEM_ROLES
from huiyan.kernel.ids import AccountId

segment = st.sampled_from(["a", "b", "ab", "*", "a*", "?b"])
actions = st.builds("{}:{}:{}".format, segment, segment, segment)
resources = st.builds("{}:*:*:{}:{}".format, segment, segment, segment)
conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringEqualsIfExists"]),
        st.sampled_from(["g:UserName", "g:ProjectName"]),
        st.sampled_from([("x",), ("x", "y"), ("*z",)]),
    ),
    st.builds(
        Condition,
        st.sampled_from(["NumberLessThan", "NumberNotEquals"]),
        st.just("g:MFAAge"),
        st.just(("5",)),
    ),
    st.builds(
        Condition,
        st.just("IsNullOrEmpty"),
        st.just("g:UserName"),
        st.sampled_from([("true",), ("false",)]),
    ),
)
statements = st.builds(
    Statement,
    st.sampled_from(Effect),
    st.lists(actions, min_size=1, max_size=3).map(tuple),
    st.lists(resources, max_size=2).map(tuple),
    st.lists(conditions, max_size=2).map(tuple),
)
policies = st.lists(statements, min_size=1, max_size=4).map(
    lambda chosen: Policy("1.1", tuple(chosen))
)


def role_of(policy: Policy, name: str) -> Role:
    return Role(
        id=RoleId(f"id-{name}"),
        account_id=AccountId("acc"),
        name=name,
        display_name=name,
        catalog="CUSTOMED",
        type=RoleType.XA,
        flag="",
        description="",
        description_cn="",
        policy=policy,
    )


own_roles = st.builds(role_of, policies, st.sampled_from("pqr"))
coarse_roles = st.builds(
    lambda policy, name: replace(role_of(replace(policy, version="1.0"), name), account_id=None),
    policies,
    st.sampled_from("stu"),
)
held = st.lists(
    st.one_of(own_roles, coarse_roles, st.sampled_from(SYSTEM_ROLES)),
    max_size=4,
    unique_by=lambda role: role.id,
)
word = st.sampled_from(["a", "b", "ab", "get"])
requests = st.builds(
    AccessRequest,
    st.builds("{}:{}:{}".format, word, word, word),
    st.one_of(st.just(""), st.builds("{}:r:acc:{}:{}".format, word, word, word)),
    st.dictionaries(
        st.sampled_from(["g:UserName", "g:ProjectName", "g:MFAAge"]),
        st.sampled_from(["x", "y", "", "3", "7"]),
    ),
)
narrowings = st.one_of(st.none(), policies)
deciders = st.sampled_from([decide, admits])
several = settings(max_examples=120, deadline=None)


def without_number(reason: str) -> str:
    return re.sub(r"statement \d+", "statement", reason)


@several
@given(deciders, held, requests, narrowings, st.randoms(use_true_random=False))
def test_the_order_of_roles_never_matters(decider, roles, request, narrowing, random) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    shuffled = random.sample(roles, len(roles))
    assert decider(shuffled, request, narrowing) == decider(roles, request, narrowing)


@several
@given(deciders, held, requests, narrowings, st.randoms(use_true_random=False))
def test_the_order_of_statements_never_matters(decider, roles, request, narrowing, random) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    def shuffle(policy: Policy) -> Policy:
        chosen = random.sample(policy.statements, len(policy.statements))
        return replace(policy, statements=tuple(chosen))

    turned = [replace(role, policy=shuffle(role.policy)) for role in roles]
    before = decider(roles, request, narrowing)
    after = decider(turned, request, narrowing and shuffle(narrowing))
    assert after.allowed is before.allowed
    assert without_number(after.reason) == without_number(before.reason)


@several
@given(deciders, held, requests, narrowings)
def test_deny_always_wins(decider, roles, request, narrowing) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    deny = role_of(Policy("1.1", (Statement(Effect.DENY, (request.action,)),)), "deny")
    assert not decider([*roles, deny], request, narrowing).allowed
    allow = Statement(Effect.ALLOW, ("*:*:*",))
    both = replace(deny, policy=Policy("1.1", (allow, *deny.policy.statements)))
    assert not decider([*roles, both], request, narrowing).allowed


@several
@given(deciders, held, requests, policies)
def test_narrowing_never_widens(decider, roles, request, narrowing) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    if decider(roles, request, narrowing).allowed:
        assert decider(roles, request).allowed
        assert decide([role_of(narrowing, "alone")], request).allowed


@several
@given(deciders, held, requests, narrowings, statements)
def test_adding_an_allow_never_takes_away(decider, roles, request, narrowing, statement) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    if not decider(roles, request, narrowing).allowed:
        return
    allow = replace(statement, effect=Effect.ALLOW)
    more = [*roles, role_of(Policy("1.1", (allow,)), "more")]
    assert decider(more, request, narrowing).allowed
    longer = [
        replace(role, policy=replace(role.policy, statements=(*role.policy.statements, allow)))
        for role in roles
    ]
    assert decider(longer, request, narrowing).allowed


@several
@given(deciders, held, requests, narrowings, statements)
def test_adding_a_deny_never_gives(decider, roles, request, narrowing, statement) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    if decider(roles, request, narrowing).allowed:
        return
    deny = replace(statement, effect=Effect.DENY)
    more = [*roles, role_of(Policy("1.1", (deny,)), "more")]
    assert not decider(more, request, narrowing).allowed
    longer = [
        replace(role, policy=replace(role.policy, statements=(deny, *role.policy.statements)))
        for role in roles
    ]
    assert not decider(longer, request, narrowing).allowed


@several
@given(deciders, held, requests, narrowings)
def test_telling_less_about_a_call_never_gives(decider, roles, request, narrowing) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    about_absence = any(
        condition.operator == "IsNullOrEmpty" or condition.operator.endswith("IfExists")
        for policy in [role.policy for role in roles] + ([narrowing] if narrowing else [])
        for statement in policy.statements
        for condition in statement.conditions
    )
    if about_absence or decider(roles, request, narrowing).allowed:
        return
    assert not decider(roles, replace(request, context={}), narrowing).allowed


@several
@given(held, requests, narrowings)
def test_a_coarse_role_takes_away_from_no_other(roles, request, narrowing) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    fine = [role for role in roles if role.policy.version == "1.1"]
    if decide(fine, request, narrowing).allowed:
        assert decide(roles, request, narrowing).allowed
