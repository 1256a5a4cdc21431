"""What the calls about grants do.

Owns: their lines in the table, for groups and agencies in the three places. Has no opinion on: the
fields of the bodies, and what a role allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.directory.model import Grant, Place, SubjectKind
from huiyan.iam.errors_wire import Shape
from huiyan.iam.field import Document
from huiyan.iam.policy.model import RoleId
from huiyan.iam.roles.grant.service import GrantService
from huiyan.iam.roles.ownership import require_own_account
from huiyan.iam.roles.wire import parse_grant_filter, render_grants, render_role
from huiyan.kernel.errors import MissingParameterError
from huiyan.kernel.ids import AccountId, ProjectId

_LIST_ALL: Final = "iam:permissions:listRoleAssignments"
_LIST: Final = "listRolesFor"
_GRANT: Final = "grantRoleTo"
_CHECK: Final = "checkRoleFor"
_REVOKE: Final = "revokeRoleFrom"


@dataclass(frozen=True, slots=True)
class _Corner:
    """One kind of subject in one place, and the path under which its grants stand."""

    subject: SubjectKind
    place: Place
    path: str

    def action(self, verb: str) -> str:
        """Name what a call does, as the vendor's list of actions does."""
        return f"iam:permissions:{verb}{self.subject.capitalize()}{_ON[self.place]}"


_CORNERS: Final = (
    _Corner("group", "domain", "/v3/domains/{domain_id}/groups/{group_id}/roles"),
    _Corner("group", "project", "/v3/projects/{project_id}/groups/{group_id}/roles"),
    _Corner("group", "inherited", "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles"),
    _Corner("agency", "domain", "/v3.0/OS-AGENCY/domains/{domain_id}/agencies/{agency_id}/roles"),
    _Corner(
        "agency", "project", "/v3.0/OS-AGENCY/projects/{project_id}/agencies/{agency_id}/roles"
    ),
    _Corner(
        "agency", "inherited", "/v3.0/OS-INHERIT/domains/{domain_id}/agencies/{agency_id}/roles"
    ),
)
_TAILS: Final[dict[Place, str]] = {
    "domain": "",
    "project": "",
    "inherited": "/inherited_to_projects",
}
_ON: Final[dict[Place, str]] = {"domain": "OnDomain", "project": "OnProject", "inherited": ""}


def grant_operations(service: GrantService) -> tuple[Operation, ...]:
    """Give the calls about grants.

    Parameters
    ----------
    service : GrantService
        Answers them.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    lines = [
        Operation(
            "GET",
            "/v3.0/OS-PERMISSION/role-assignments",
            _LIST_ALL,
            _AllGrants(service).list_grants,
            shape=Shape.CODED,
        )
    ]
    for corner in _CORNERS:
        calls, tail = _GrantCalls(service, corner), _TAILS[corner.place]
        one = f"{corner.path}/{{role_id}}{tail}"
        lines += [
            Operation("GET", corner.path + tail, corner.action(_LIST), calls.list_roles),
            Operation("PUT", one, corner.action(_GRANT), calls.grant),
            Operation("HEAD", one, corner.action(_CHECK), calls.check),
            Operation("DELETE", one, corner.action(_REVOKE), calls.withdraw),
        ]
    return tuple(lines)


class _GrantCalls:
    """Handlers for one kind of subject in one place."""

    def __init__(self, service: GrantService, corner: _Corner) -> None:
        self._service = service
        self._corner = corner

    def list_roles(self, call: Call) -> Answer:
        corner = self._corner
        found = self._service.granted_roles(
            self._account(call, _LIST),
            corner.subject,
            self._subject(call),
            corner.place,
            call.path.get("project_id"),
        )
        document: Document = {
            "roles": [render_role(role, call.origin) for role in found[call.page()]]
        }
        # As the vendor's client reads them: without links for agencies in one place.
        if corner.subject == "group" or corner.place == "inherited":
            document["links"] = call.list_links()
        return Answer(document=document)

    def grant(self, call: Call) -> Answer:
        self._service.grant(self._named(call, _GRANT))
        return Answer(204)

    def check(self, call: Call) -> Answer:
        self._service.require_grant(self._named(call, _CHECK))
        return Answer(204)

    def withdraw(self, call: Call) -> Answer:
        self._service.withdraw(self._named(call, _REVOKE))
        return Answer(204)

    def _named(self, call: Call, verb: str) -> Grant:
        project_id = call.path.get("project_id")
        return Grant(
            account_id=self._account(call, verb),
            subject=self._corner.subject,
            subject_id=self._subject(call),
            role_id=RoleId(call.path["role_id"]),
            place=self._corner.place,
            project_id=None if project_id is None else ProjectId(project_id),
        )

    def _account(self, call: Call, verb: str) -> AccountId:
        account_id = call.caller().principal.account_id
        named = call.path.get("domain_id", account_id)
        return require_own_account(call, named, self._corner.action(verb))

    def _subject(self, call: Call) -> str:
        return call.path[f"{self._corner.subject}_id"]


class _AllGrants:
    """The list of all grants of an account."""

    def __init__(self, service: GrantService) -> None:
        self._service = service

    def list_grants(self, call: Call) -> Answer:
        account_id = call.caller().principal.account_id
        for name in ("domain_id", "scope.domain_id"):
            require_own_account(call, call.query.get(name) or account_id, _LIST_ALL)
        if not call.query.get("domain_id"):
            raise MissingParameterError("'domain_id' is a required property")
        found = self._service.grants(account_id, parse_grant_filter(call))
        return Answer(
            document={
                "total_num": len(found),
                "role_assignments": render_grants(found[call.page()]),
            }
        )
