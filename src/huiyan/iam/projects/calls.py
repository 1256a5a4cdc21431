"""What the calls about projects and accounts do.

Owns: their lines in the table, and how projects and accounts are rendered. Has no opinion on: what
makes and changes them.
"""

from __future__ import annotations

from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.field import Document
from huiyan.iam.model import Account, Project
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import UserId

_READ_OTHERS = "iam:projects:listProjectsForUser"


def project_operations(identity: IdentityService) -> tuple[Operation, ...]:
    """Give the calls about projects and accounts.

    Parameters
    ----------
    identity : IdentityService
        Whose they are.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Projects and accounts".
    """
    calls = _ProjectCalls(identity)
    return (
        Operation("GET", "/v3/projects", "", calls.list_projects),
        Operation("GET", "/v3/auth/projects", "", calls.list_own_projects),
        Operation("GET", "/v3/projects/{project_id}", "", calls.show_project),
        Operation(
            "GET", "/v3/users/{user_id}/projects", _READ_OTHERS, calls.list_user_projects, _is_own
        ),
        Operation("GET", "/v3/auth/domains", "", calls.list_domains),
        Operation("GET", "/v5/caller-identity", "", calls.show_caller),
    )


def _is_own(call: Call) -> bool:
    return call.path["user_id"] == call.caller().principal.user_id


class _ProjectCalls:
    """Handlers that share the identity service."""

    def __init__(self, identity: IdentityService) -> None:
        self._identity = identity

    def list_projects(self, call: Call) -> Answer:
        account_id = call.caller().principal.account_id
        found = self._identity.projects(
            call.caller(), name=call.query.get("name") or None, enabled=call.flag("enabled")
        )
        # Every project of ours is a region's: its parent is the account, and none is a domain.
        elsewhere = (
            call.query.get("domain_id") or account_id,
            call.query.get("parent_id") or account_id,
        ) != (account_id, account_id)
        if elsewhere or call.flag("is_domain"):
            found = ()
        return _render_projects(call, found[call.page()])

    def list_own_projects(self, call: Call) -> Answer:
        found = self._identity.projects(call.caller(), enabled=True)
        return _render_projects(call, found[call.page()])

    def list_user_projects(self, call: Call) -> Answer:
        user = self._identity.directory.users.get(UserId(call.path["user_id"]))
        if user is None or user.account_id != call.caller().principal.account_id:
            raise NotFoundError("Could not find user.")
        return self.list_own_projects(call)

    def show_project(self, call: Call) -> Answer:
        project = self._identity.project(call.caller(), call.path["project_id"])
        return Answer(document={"project": _render_project(project, call.origin)})

    def list_domains(self, call: Call) -> Answer:
        found = self._identity.domains(call.caller())
        return Answer(
            document={
                "domains": [_render_domain(account, call.origin) for account in found],
                "links": call.list_links(),
            }
        )

    def show_caller(self, call: Call) -> Answer:
        principal, agency_id = call.caller().principal, call.caller().agency_id
        kind = "user" if agency_id is None else "agency"
        return Answer(
            document={
                "account_id": principal.account_id,
                "principal_id": principal.user_id,
                "principal_urn": f"iam::{principal.account_id}:{kind}:{principal.user_name}",
            }
        )


def _render_projects(call: Call, projects: tuple[Project, ...]) -> Answer:
    rendered = [_render_project(project, call.origin) for project in projects]
    return Answer(document={"projects": rendered, "links": call.list_links()})


def _render_project(project: Project, origin: str) -> Document:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.account_id,
        "parent_id": project.parent_id,
        "enabled": project.enabled,
        "is_domain": False,
        "description": project.description,
        "links": {"self": f"{origin}/v3/projects/{project.id}"},
    }


def _render_domain(account: Account, origin: str) -> Document:
    return {
        "id": account.id,
        "name": account.name,
        "description": account.description,
        "enabled": account.enabled,
        "links": {"self": f"{origin}/v3/domains/{account.id}"},
    }
