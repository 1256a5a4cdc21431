from __future__ import annotations

import re

from huiyan.iam.policy.model import RoleType
from huiyan.iam.policy.system import FINE_GRAINED, SYSTEM_ROLES


def test_the_entries_that_clients_know_are_there() -> None:
    assert {(role.display_name, role.name, role.type.value) for role in SYSTEM_ROLES} == {
        ("Tenant Guest", "readonly", "AA"),
        ("Tenant Administrator", "te_admin", "AA"),
        ("Security Administrator", "secu_admin", "AX"),
        ("OBS Buckets Viewer", "obs_b_list", "AX"),
        ("OBS ReadOnlyAccess", "system_all_64", "AX"),
        ("OBS OperateAccess", "system_all_72", "AX"),
        ("OBS Administrator", "obs_adm", "AX"),
    }


def test_ids_and_names_are_unique_and_ids_have_their_form() -> None:
    assert len({role.id for role in SYSTEM_ROLES}) == len(SYSTEM_ROLES)
    assert len({role.name for role in SYSTEM_ROLES}) == len(SYSTEM_ROLES)
    assert all(re.fullmatch("[0-9a-f]{32}", role.id) for role in SYSTEM_ROLES)


def test_only_policies_are_flagged_as_fine_grained() -> None:
    for role in SYSTEM_ROLES:
        assert (role.flag == FINE_GRAINED) is (role.policy.version == "1.1")
        assert role.flag in {"", FINE_GRAINED}


def test_every_entry_is_the_system_s_own_and_described_in_both_languages() -> None:
    for role in SYSTEM_ROLES:
        assert role.is_system
        assert role.description.isascii()
        assert re.search("[\u4e00-\u9fff]", role.description_cn)


def test_a_type_tells_where_a_role_can_be_valid() -> None:
    assert [(kind.is_global, kind.is_regional) for kind in RoleType] == [
        (True, False),
        (False, True),
        (True, True),
        (False, False),
    ]
