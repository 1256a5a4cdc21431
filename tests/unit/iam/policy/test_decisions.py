"""Two tables of cases, one row a case: ``decisions.txt`` and ``admissions.txt``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from huiyan.iam.policy.evaluation import admits, decide
from huiyan.iam.policy.model import AccessRequest, Policy, Role, RoleId, RoleType
from huiyan.iam.policy.system import (
    OBS_ADMINISTRATOR,
    OBS_BUCKETS_VIEWER,
    OBS_OPERATE,
    OBS_READ_ONLY,
    SECURITY_ADMINISTRATOR,
    TENANT_ADMINISTRATOR,
    TENANT_GUEST,
)
from huiyan.iam.policy.wire import parse_policy
from huiyan.kernel.ids import AccountId

HERE = Path(__file__).parent
SYSTEM = {
    "guest": TENANT_GUEST,
    "admin": TENANT_ADMINISTRATOR,
    "security": SECURITY_ADMINISTRATOR,
    "viewer": OBS_BUCKETS_VIEWER,
    "reader": OBS_READ_ONLY,
    "operator": OBS_OPERATE,
    "obs": OBS_ADMINISTRATOR,
}


def custom_role(name: str, policy: Policy) -> Role:
    return Role(
        id=RoleId(f"id-{name}"),
        account_id=AccountId("acc1"),
        name=f"custom_acc1_{name}",
        display_name=name,
        catalog="CUSTOMED",
        type=RoleType.XA,
        flag="",
        description="",
        description_cn="",
        policy=policy,
    )


def read_policies() -> dict[str, Policy]:
    written = json.loads((HERE / "policies.json").read_text("utf-8"))
    return {
        name: parse_policy(
            {"Version": "1.1", "Statement": entry if isinstance(entry, list) else [entry]}
        )
        for name, entry in written.items()
    }


POLICIES = read_policies()
ROLES = SYSTEM | {name: custom_role(name, policy) for name, policy in POLICIES.items()}


@dataclass(frozen=True)
class Case:
    line: str
    allowed: bool
    roles: tuple[Role, ...]
    request: AccessRequest
    narrowing: Policy | None


def read_cases(name: str) -> list[Case]:
    cases = []
    for line in (HERE / name).read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        allowed, roles, action, resource, context, narrowing = (
            cell.strip() for cell in line.split("|")
        )
        assert allowed in {"yes", "no"}
        cases.append(
            Case(
                line=" ".join(line.split()),
                allowed=allowed == "yes",
                roles=tuple(ROLES[role] for role in roles.split() if role != "-"),
                request=AccessRequest(
                    action,
                    resource,
                    dict(pair.split("=", 1) for pair in context.split()),
                ),
                narrowing=POLICIES[narrowing] if narrowing else None,
            )
        )
    return cases


DECISIONS = read_cases("decisions.txt")
ADMISSIONS = read_cases("admissions.txt")


def line_of(case: Case) -> str:
    return case.line


def test_the_table_is_long_and_says_nothing_twice() -> None:
    assert len({case.line for case in DECISIONS}) == len(DECISIONS) >= 200


@pytest.mark.parametrize("case", DECISIONS, ids=line_of)
def test_a_call_is_decided_as_the_table_says(case: Case) -> None:
    decision = decide(case.roles, case.request, case.narrowing)
    assert decision.allowed is case.allowed, decision.reason


@pytest.mark.parametrize("case", ADMISSIONS, ids=line_of)
def test_a_call_is_admitted_as_the_table_says(case: Case) -> None:
    decision = admits(case.roles, case.request, case.narrowing)
    assert decision.allowed is case.allowed, decision.reason


@pytest.mark.parametrize("case", DECISIONS, ids=line_of)
def test_whatever_is_decided_favourably_is_admitted_too(case: Case) -> None:
    if case.allowed:
        assert admits(case.roles, case.request, case.narrowing).allowed


@pytest.mark.parametrize(
    ("roles", "action", "narrowing", "reason"),
    [
        ("guest", "ces:metrics:list", "", "Tenant Guest: statement 1 allows"),
        ("guest", "iam:users:list", "", "Tenant Guest: statement 2 denies"),
        ("guest tagger", "image:tagging:run", "", "custom policy tagger: statement 1 allows"),
        ("gallery admin", "huiyan:gallery:delete", "", "custom policy gallery: statement 2 denies"),
        ("guest", "image:tagging:run", "", "no statement allows image:tagging:run"),
        ("no-tagging", "image:a:run", "", "no statement allows image:a:run"),
        ("admin", "a:b:c", "nothing", "narrowing policy: statement 1 denies"),
        ("admin", "a:b:c", "tagger", "narrowing policy: no statement allows a:b:c"),
        ("no-tagging", "image:tagging:run", "nothing", "custom policy no-tagging: statement 1 denies"),  # noqa: E501  one row a case
    ],
)  # fmt: skip
def test_the_reason_names_what_decided(
    roles: str, action: str, narrowing: str, reason: str
) -> None:
    held = [ROLES[role] for role in roles.split()]
    request = AccessRequest(action)
    policy = POLICIES[narrowing] if narrowing else None
    assert decide(held, request, policy).reason == reason
    assert decide(held[::-1], request, policy).reason == reason


def test_an_admission_names_the_first_role_of_the_alphabet() -> None:
    request = AccessRequest("image:tagging:run")
    reason = "OBS Buckets Viewer: the role admits"
    assert admits([TENANT_GUEST, OBS_BUCKETS_VIEWER], request).reason == reason
    assert admits([OBS_BUCKETS_VIEWER, TENANT_GUEST], request).reason == reason


@pytest.mark.parametrize("action", ["", "image", "image:run", "a:b:c:d"])
def test_an_action_of_another_form_is_a_fault_of_the_calling_code(action: str) -> None:
    with pytest.raises(ValueError, match="no action"):
        AccessRequest(action)


def test_a_resource_of_another_form_is_a_fault_of_the_calling_code() -> None:
    with pytest.raises(ValueError, match="no resource"):
        AccessRequest("a:b:c", "obs:bucket")
