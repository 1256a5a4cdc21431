"""What changes nothing makes no process read the accounts anew."""

from __future__ import annotations

from typing import Any

from huiyan.iam.directory.model import Grant
from huiyan.iam.policy.model import Effect, Policy, RoleType, Statement
from huiyan.iam.policy.system import TENANT_GUEST
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.roles.agency.model import AgencyChange, AgencyDraft, Trust
from huiyan.iam.roles.model import RoleChange, RoleDraft
from huiyan.iam.roles.repository import RolesRepository

POLICY = Policy("1.1", (Statement(Effect.ALLOW, ("obs:bucket:ListBucket",)),))


def test_only_a_change_of_values_raises_the_revision(any_house: Any) -> None:
    house, tenant = any_house, any_house.tenant("one")
    trust = Trust(tenant.id, "")
    role = house.roles.create_role(tenant.id, RoleDraft("own", RoleType.AX, "", "", POLICY))
    agency = house.agencies.create_agency(tenant.id, AgencyDraft("lent", trust, "", "FOREVER"))
    grant = Grant(tenant.id, "group", tenant.group_id, TENANT_GUEST.id, "inherited", None)
    repository = RolesRepository(house.database)
    repository.put_grant(grant, is_custom=False)
    revision = IdentityRepository(house.database).revision
    before = revision()
    for change in (RoleChange(), RoleChange("own", RoleType.AX, "", "", POLICY)):
        assert house.roles.change_role(tenant.id, role.id, change) == role
    for wanted in (AgencyChange(), AgencyChange(trust, "", "FOREVER")):
        assert house.agencies.change_agency(tenant.id, agency.id, wanted) == agency
    repository.put_grant(grant, is_custom=False)
    assert revision() == before
    house.roles.change_role(tenant.id, role.id, RoleChange(description="new"))
    house.agencies.change_agency(tenant.id, agency.id, AgencyChange(description="new"))
    repository.delete_grant(grant)
    assert revision() == before + 3
