"""That deciding is cheap: a smoke test with a generous bound, no benchmark."""

from __future__ import annotations

import time

from huiyan.iam.policy import evaluation
from huiyan.iam.policy.evaluation import decide
from huiyan.iam.policy.model import AccessRequest, Role, RoleId, RoleType
from huiyan.iam.policy.system import (
    OBS_BUCKETS_VIEWER,
    OBS_READ_ONLY,
    SECURITY_ADMINISTRATOR,
    TENANT_GUEST,
)
from huiyan.iam.policy.wire import parse_policy
from huiyan.kernel.ids import AccountId


def custom(written: dict[str, object]) -> Role:
    return Role(
        RoleId("id"), AccountId("acc"), "c", "c", "CUSTOMED", RoleType.XA, "", "", "",
        parse_policy(written),
    )  # fmt: skip


def seconds_a_call(roles: tuple[Role, ...], request: AccessRequest, calls: int) -> float:
    decide(roles, request)
    started = time.perf_counter()
    for _ in range(calls):
        decide(roles, request)
    return (time.perf_counter() - started) / calls


def test_five_roles_are_weighed_in_microseconds() -> None:
    gallery = custom(
        {
            "Version": "1.1",
            "Statement": [
                {"Effect": "Allow", "Action": ["huiyan:gallery:*", "image:tagging:run"]},
                {
                    "Effect": "Deny",
                    "Action": ["huiyan:gallery:delete"],
                    "Condition": {"NotIpAddress": {"g:SourceIp": ["10.0.0.0/8"]}},
                },
            ],
        }
    )
    roles = (TENANT_GUEST, SECURITY_ADMINISTRATOR, OBS_BUCKETS_VIEWER, OBS_READ_ONLY, gallery)
    request = AccessRequest("huiyan:gallery:delete", "", {"g:SourceIp": "10.0.0.1"})
    assert seconds_a_call(roles, request, 2000) < 1e-3


def test_the_costliest_policy_is_weighed_in_no_time_that_anybody_notices() -> None:
    stars = "*a" * 30
    statement = {"Effect": "Allow", "Action": [f"{stars}b:{stars}:{n}" for n in range(45)]}
    hostile = custom({"Version": "1.1", "Statement": [statement]})
    request = AccessRequest("a" * 60 + ":" + "a" * 60 + ":x")
    started = time.perf_counter()
    assert seconds_a_call((hostile,), request, 20) < 0.05
    assert time.perf_counter() - started < 5


def test_no_number_of_narrowing_policies_drives_out_the_prepared_ones() -> None:
    """Anyone may make narrowing policies, without end; every account shares the other memory."""
    gallery = custom(
        {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["huiyan:gallery:*"]}]}
    )
    request = AccessRequest("huiyan:gallery:read")
    decide((gallery,), request)
    before = evaluation._prepare.cache_info()
    for number in range(evaluation._KEPT_POLICIES + 1):
        statement = {"Effect": "Allow", "Action": [f"huiyan:gallery:r{number}"]}
        narrowing = parse_policy({"Version": "1.1", "Statement": [statement]})
        assert not decide((gallery,), request, narrowing).allowed
    after = evaluation._prepare.cache_info()
    assert (after.misses, after.currsize) == (before.misses, before.currsize)
    assert evaluation._prepare_narrowing.cache_info().currsize <= 128
