"""What many callers at once, and other processes, may not break; on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from huiyan.iam.directory.model import Grant
from huiyan.iam.policy.model import Effect, Policy, RoleId, RoleType, Statement
from huiyan.iam.policy.system import TENANT_GUEST
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.roles.agency.model import MAX_AGENCIES, AgencyDraft, Trust
from huiyan.iam.roles.grant.service import GrantService
from huiyan.iam.roles.model import MAX_CUSTOM_ROLES, RoleDraft, RoleFilter
from huiyan.iam.roles.repository import RolesRepository
from huiyan.iam.service import IdentityService
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import ConflictError, HuiyanError, NotFoundError, QuotaError
from huiyan.persistence.query import Scope, delete_in
from huiyan.persistence.schema import IAM_GROUP

AT_ONCE = 8


def draft(name: str) -> RoleDraft:
    statement = Statement(Effect.ALLOW, ("obs:bucket:ListBucket",))
    return RoleDraft(name, RoleType.AX, "", "", Policy("1.1", (statement,)))


def outcomes(deeds: list[Callable[[], object]]) -> list[object]:
    """Start deeds at one moment; give what each answered or raised."""
    start = threading.Barrier(len(deeds))

    def run(deed: Callable[[], object]) -> object:
        start.wait()
        try:
            return deed()
        except HuiyanError as error:
            return error

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def test_of_equal_names_at_once_one_is_made(any_house: Any) -> None:
    tenant = any_house.tenant("one")
    made = outcomes(
        [lambda: any_house.roles.create_role(tenant.id, draft("same")) for _ in range(AT_ONCE)]
    )
    assert sum(isinstance(one, ConflictError) for one in made) == AT_ONCE - 1
    assert len(any_house.roles.custom_roles(tenant.id, RoleFilter())) == 1


def test_of_equal_agencies_at_once_one_is_made(any_house: Any) -> None:
    tenant = any_house.tenant("one")
    lent = AgencyDraft("lent", Trust(tenant.id, ""), "", "FOREVER")
    made = outcomes(
        [lambda: any_house.agencies.create_agency(tenant.id, lent) for _ in range(AT_ONCE)]
    )
    assert sum(isinstance(one, ConflictError) for one in made) == AT_ONCE - 1


def test_numbers_made_at_once_differ_and_count_up(any_house: Any) -> None:
    tenant, other = any_house.tenant("one"), any_house.tenant("two")
    deeds: list[Callable[[], object]] = [
        partial(any_house.roles.create_role, account.id, draft(f"role {number}"))
        for number in range(AT_ONCE // 2)
        for account in (tenant, other)
    ]
    made = [one for one in outcomes(deeds) if not isinstance(one, HuiyanError)]
    assert len(made) == AT_ONCE
    names = {role.name for role in any_house.roles.custom_roles(tenant.id, RoleFilter())}
    assert names == {f"custom_{tenant.id}_{number}" for number in range(1, AT_ONCE // 2 + 1)}


def test_a_gap_is_never_filled(any_house: Any) -> None:
    tenant = any_house.tenant("one")
    first = any_house.roles.create_role(tenant.id, draft("first"))
    any_house.roles.create_role(tenant.id, draft("second"))
    any_house.roles.delete_role(tenant.id, first.id)
    assert any_house.roles.create_role(tenant.id, draft("third")).name.endswith("_3")


def test_an_account_has_no_more_agencies_than_it_may(any_house: Any) -> None:
    tenant = any_house.tenant("one")

    def lend(name: str) -> object:
        lent = AgencyDraft(name, Trust(tenant.id, ""), "", "FOREVER")
        return any_house.agencies.create_agency(tenant.id, lent)

    for number in range(MAX_AGENCIES - 1):
        lend(f"{number}")
    made = outcomes([partial(lend, name) for name in "abc"])
    assert sum(isinstance(one, QuotaError) for one in made) == 2


def test_an_account_has_no_more_policies_than_it_may(house: Any) -> None:
    tenant = house.tenant("one")
    repository = RolesRepository(house.database)
    for number in range(MAX_CUSTOM_ROLES):
        repository.insert_role(
            tenant.id, RoleId(f"{number:0>32}"), draft(f"role {number}"), SystemClock().now()
        )
    with pytest.raises(QuotaError):
        house.roles.create_role(tenant.id, draft("one more"))


def test_a_policy_removed_while_it_is_granted_leaves_no_grant(any_house: Any) -> None:
    tenant = any_house.tenant("one")
    for attempt in range(4):
        role = any_house.roles.create_role(tenant.id, draft(f"role {attempt}"))
        grant = Grant(tenant.id, "group", tenant.group_id, role.id, "domain", None)
        granted, removed = outcomes(
            [
                partial(any_house.grants.grant, grant),
                partial(any_house.roles.delete_role, tenant.id, role.id),
            ]
        )
        assert (granted is None) is isinstance(removed, ConflictError)
        any_house.identity.refresh()
        directory = any_house.identity.directory
        left = {one.role_id for grants in directory.grants.values() for one in grants}
        assert left <= set(directory.roles)


def test_grants_to_a_group_that_is_gone_are_refused(any_house: Any) -> None:
    tenant = any_house.tenant("one")
    any_house.drop_group(tenant.id, tenant.group_id)
    grant = Grant(tenant.id, "group", tenant.group_id, TENANT_GUEST.id, "domain", None)
    # Even where memory still knows the group.
    with pytest.raises(NotFoundError):
        RolesRepository(any_house.database).put_grant(grant, is_custom=False)
    with pytest.raises(NotFoundError):
        any_house.grants.grant(grant)


def test_a_grant_waits_for_the_removal_of_its_group(any_house: Any) -> None:
    tenant = any_house.tenant("one")
    grant = Grant(tenant.id, "group", tenant.group_id, TENANT_GUEST.id, "domain", None)
    repository = RolesRepository(any_house.database)
    with ThreadPoolExecutor(1) as pool:
        with any_house.database.changing() as connection:
            connection.execute(
                delete_in(Scope(tenant.id), IAM_GROUP).where(IAM_GROUP.c.id == tenant.group_id)
            )
            granting = pool.submit(repository.put_grant, grant, is_custom=False)
            with pytest.raises(TimeoutError):
                granting.result(timeout=0.3)
        with pytest.raises(NotFoundError):
            granting.result(timeout=10)


def test_equal_grants_at_once_are_one(any_house: Any) -> None:
    tenant = any_house.tenant("one")
    grant = Grant(tenant.id, "group", tenant.group_id, TENANT_GUEST.id, "domain", None)
    assert outcomes([lambda: any_house.grants.grant(grant)] * AT_ONCE) == [None] * AT_ONCE
    any_house.identity.refresh()
    assert any_house.identity.directory.grants == {tenant.group_id: (grant,)}
    gone = outcomes([lambda: any_house.grants.withdraw(grant)] * AT_ONCE)
    assert sum(one is None for one in gone) == 1


def test_another_process_sees_a_grant_as_soon_as_it_is_asked(house: Any) -> None:
    tenant = house.tenant("one")
    elsewhere = IdentityService(IdentityRepository(house.database), house.vault, SystemClock())
    there = GrantService(RolesRepository(house.database), elsewhere)
    grant = Grant(tenant.id, "group", tenant.group_id, TENANT_GUEST.id, "domain", None)
    house.grants.grant(grant)
    there.require_grant(grant)
    house.grants.withdraw(grant)
    with pytest.raises(NotFoundError):
        there.require_grant(grant)
