"""What the calls about groups and memberships do.

Owns: their lines in the table. Has no opinion on: what becomes of groups, and how they are
rendered.
"""

from __future__ import annotations

from dataclasses import replace

from huiyan.iam.audit.detail import Telling
from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.directory.model import Group
from huiyan.iam.field import required_text, text_field
from huiyan.iam.people.groups.service import GroupService
from huiyan.iam.people.groups.wire import render_group
from huiyan.iam.people.ownership import is_own
from huiyan.iam.people.scope import own_account, require_own_domain
from huiyan.iam.people.wire import render_user
from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import AccountId

_CREATE = "iam:groups:createGroup"
_LIST = "iam:groups:listGroups"
_GET = "iam:groups:getGroup"
_UPDATE = "iam:groups:updateGroup"
_DELETE = "iam:groups:deleteGroup"
_LIST_USERS = "iam:users:listUsersForGroup"
_LIST_GROUPS = "iam:groups:listGroupsForUser"
_ADD = "iam:permissions:addUserToGroup"
_CHECK = "iam:permissions:checkUserInGroup"
_REMOVE = "iam:permissions:removeUserFromGroup"
_TELLS = Telling(values=("group.name",))


def group_operations(service: GroupService) -> tuple[Operation, ...]:
    """Give the calls about groups and memberships.

    Parameters
    ----------
    service : GroupService
        Does what they ask for.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Users and groups".
    """
    calls = _GroupCalls(service)
    group, member = "/v3/groups/{group_id}", "/v3/groups/{group_id}/users/{user_id}"
    return (
        Operation(
            "POST", "/v3/groups", _CREATE, calls.create, tells=replace(_TELLS, made="group.id")
        ),
        Operation("GET", "/v3/groups", _LIST, calls.list_groups),
        Operation("GET", group, _GET, calls.show),
        Operation("PATCH", group, _UPDATE, calls.update, tells=_TELLS),
        Operation("DELETE", group, _DELETE, calls.delete),
        Operation("GET", f"{group}/users", _LIST_USERS, calls.list_members),
        Operation(
            "GET", "/v3/users/{user_id}/groups", _LIST_GROUPS, calls.list_user_groups, _is_own
        ),
        Operation("PUT", member, _ADD, calls.add_member),
        Operation("HEAD", member, _CHECK, calls.check_member),
        Operation("DELETE", member, _REMOVE, calls.remove_member),
    )


def _is_own(call: Call) -> bool:
    return is_own(call.caller(), call.path["user_id"])


class _GroupCalls:
    """Handlers that share the service."""

    def __init__(self, service: GroupService) -> None:
        self._service = service

    def create(self, call: Call) -> Answer:
        fields = call.member("group")
        require_own_domain(call, text_field(fields, "domain_id", "group."), _CREATE)
        group = self._service.create(
            _account(call),
            required_text(fields, "name", "group."),
            text_field(fields, "description", "group.") or "",
        )
        return _one(call, group, 201)

    def list_groups(self, call: Call) -> Answer:
        account_id = own_account(call, _LIST)
        return _many(call, self._service.roster.groups(account_id, call.query.get("name") or None))

    def show(self, call: Call) -> Answer:
        return _one(call, self._service.roster.get_group(_account(call), call.path["group_id"]))

    def update(self, call: Call) -> Answer:
        known = self._service.roster.get_group(_account(call), call.path["group_id"])
        fields = call.member("group")
        require_own_domain(call, text_field(fields, "domain_id", "group."), _UPDATE)
        group = self._service.change(
            known.account_id,
            known.id,
            text_field(fields, "name", "group."),
            text_field(fields, "description", "group."),
        )
        return _one(call, group)

    def delete(self, call: Call) -> Answer:
        self._service.delete(_account(call), call.path["group_id"])
        return Answer(204)

    def list_members(self, call: Call) -> Answer:
        found = self._service.roster.members(_account(call), call.path["group_id"])
        rendered = [render_user(user, call.origin) for user in found[call.page()]]
        return Answer(document={"users": rendered, "links": call.list_links()})

    def list_user_groups(self, call: Call) -> Answer:
        return _many(call, self._service.roster.groups_of(_account(call), call.path["user_id"]))

    def add_member(self, call: Call) -> Answer:
        self._service.add_member(_account(call), call.path["group_id"], call.path["user_id"])
        return Answer(204)

    def check_member(self, call: Call) -> Answer:
        group_id, user_id = call.path["group_id"], call.path["user_id"]
        if not self._service.is_member(_account(call), group_id, user_id):
            raise NotFoundError(f"Could not find user: {user_id} in group: {group_id}.")
        return Answer(204)

    def remove_member(self, call: Call) -> Answer:
        self._service.remove_member(_account(call), call.path["group_id"], call.path["user_id"])
        return Answer(204)


def _account(call: Call) -> AccountId:
    return call.caller().principal.account_id


def _one(call: Call, group: Group, status: int = 200) -> Answer:
    return Answer(status, {"group": render_group(group, call.origin)})


def _many(call: Call, groups: tuple[Group, ...]) -> Answer:
    rendered = [render_group(group, call.origin) for group in groups[call.page()]]
    return Answer(document={"groups": rendered, "links": call.list_links()})
