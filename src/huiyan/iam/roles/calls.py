"""What the calls about roles and custom policies do.

Owns: their lines in the table. Has no opinion on: the fields of the bodies, and grants.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from huiyan.iam.audit.detail import Telling
from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.errors_wire import Shape
from huiyan.iam.policy.model import Role
from huiyan.iam.policy.system import SYSTEM_ROLES
from huiyan.iam.roles.model import RoleFilter
from huiyan.iam.roles.ownership import require_own_account
from huiyan.iam.roles.service import RolesService
from huiyan.iam.roles.wire import (
    parse_role_change,
    parse_role_draft,
    parse_role_filter,
    render_custom_role,
    render_role,
)
from huiyan.kernel.ids import AccountId

_LIST: Final = "iam:roles:listRoles"
_GET: Final = "iam:roles:getRole"
_CUSTOM: Final = "/v3.0/OS-ROLE/roles"
_TELLS: Final = Telling(values=("role.type", "role.display_name"), documents=("role.policy",))
_SYSTEM_IDS = frozenset(role.id for role in SYSTEM_ROLES)


def role_operations(service: RolesService) -> tuple[Operation, ...]:
    """Give the calls about roles and custom policies.

    Parameters
    ----------
    service : RolesService
        Answers them.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    calls = _RoleCalls(service)
    coded = Shape.CODED
    one = f"{_CUSTOM}/{{role_id}}"
    return (
        Operation("GET", "/v3/roles", _LIST, calls.list_roles, _is_about_system),
        Operation("GET", "/v3/roles/{role_id}", _GET, calls.show_role, _is_system_role),
        Operation("GET", _CUSTOM, _LIST, calls.list_custom, shape=coded),
        Operation(
            "POST",
            _CUSTOM,
            "iam:roles:createRole",
            calls.create,
            shape=coded,
            tells=replace(_TELLS, made="role.id"),
        ),
        Operation("GET", one, _GET, calls.show_custom, shape=coded),
        Operation("PATCH", one, "iam:roles:updateRole", calls.change, shape=coded, tells=_TELLS),
        Operation("DELETE", one, "iam:roles:deleteRole", calls.delete, shape=coded),
    )


def _is_about_system(call: Call) -> bool:
    """Tell whether only the system's entries are asked for: they are no secret."""
    return not call.query.get("domain_id")


def _is_system_role(call: Call) -> bool:
    return call.path["role_id"] in _SYSTEM_IDS


class _RoleCalls:
    """Handlers that share the service."""

    def __init__(self, service: RolesService) -> None:
        self._service = service

    def list_roles(self, call: Call) -> Answer:
        wanted, domain_id = parse_role_filter(call), call.query.get("domain_id")
        found = (
            self._service.custom_roles(require_own_account(call, domain_id, _LIST), wanted)
            if domain_id
            else self._service.system_roles(wanted)
        )
        return _list(call, found, [render_role(role, call.origin) for role in found[call.page()]])

    def show_role(self, call: Call) -> Answer:
        role = self._service.role(_account(call), call.path["role_id"])
        return Answer(document={"role": render_role(role, call.origin)})

    def list_custom(self, call: Call) -> Answer:
        found = self._service.custom_roles(_account(call), RoleFilter())
        shown = [render_custom_role(role, call.origin) for role in found[call.page()]]
        return _list(call, found, shown)

    def show_custom(self, call: Call) -> Answer:
        role, references = self._service.custom_role(_account(call), call.path["role_id"])
        document = render_custom_role(role, call.origin)
        return Answer(document={"role": {**document, "references": references}})

    def create(self, call: Call) -> Answer:
        draft = parse_role_draft(call.member("role"))
        role = self._service.create_role(_account(call), draft)
        return Answer(201, {"role": render_custom_role(role, call.origin)})

    def change(self, call: Call) -> Answer:
        change = parse_role_change(call.member("role"))
        role = self._service.change_role(_account(call), call.path["role_id"], change)
        return Answer(document={"role": render_custom_role(role, call.origin)})

    def delete(self, call: Call) -> Answer:
        self._service.delete_role(_account(call), call.path["role_id"])
        return Answer(document={"message": "Delete success"})


def _account(call: Call) -> AccountId:
    return call.caller().principal.account_id


def _list(call: Call, found: tuple[Role, ...], shown: list[dict[str, object]]) -> Answer:
    return Answer(document={"roles": shown, "links": call.list_links(), "total_number": len(found)})
