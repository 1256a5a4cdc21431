"""What the calls about services do.

Owns: their lines in the table, and who may open and close a service. Has no opinion on: where the
state is kept, and what a service that is not open answers.
"""

from __future__ import annotations

from huiyan.iam.audit.detail import Telling
from huiyan.iam.call import Answer, Call, Judgement, Operation
from huiyan.iam.errors_wire import Shape
from huiyan.iam.field import Document, flag_field
from huiyan.iam.model import IMAGE_SERVICE, Project
from huiyan.iam.policy.model import Decision
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import MissingParameterError, NotFoundError, RequestError

_READ = "huiyan:service:read"
_ENABLE = "huiyan:service:enable"
_DISABLE = "huiyan:service:disable"
_PATH = "/huiyan/v1/{project_id}/services"
_SERVICES = (IMAGE_SERVICE,)


def service_operations(identity: IdentityService) -> tuple[Operation, ...]:
    """Give the calls about services.

    Parameters
    ----------
    identity : IdentityService
        Knows which are open, and who may change that.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Services".
    """
    calls = _ServiceCalls(identity)
    return (
        Operation("GET", _PATH, _READ, calls.list_services, shape=Shape.OWN, by_any_role=True),
        Operation(
            "PUT",
            f"{_PATH}/{{service}}",
            _ENABLE,
            calls.set_service,
            shape=Shape.OWN,
            judge=calls.judge,
            tells=Telling(values=("service.enabled",)),
        ),
    )


class _ServiceCalls:
    """Handlers that share the identity service."""

    def __init__(self, identity: IdentityService) -> None:
        self._identity = identity

    def judge(self, call: Call) -> Judgement:
        """Let any role open a service, and only one that says so close it for everyone."""
        caller, project_id = call.caller(), call.path["project_id"]
        try:
            is_closing = not _wanted(call)
        except RequestError:
            # The handler says what is wrong with it.
            is_closing = False
        if is_closing:
            decision = self._identity.authorise(caller, _DISABLE, "", project_id)
            return Judgement(_DISABLE, decision)
        self._identity.admit(caller, project_id, _ENABLE, service=None)
        return Judgement(_ENABLE, Decision(allowed=True, reason="a role in the project"))

    def list_services(self, call: Call) -> Answer:
        project = self._identity.project(call.caller(), call.path["project_id"])
        return Answer(document={"services": [_render(project, name) for name in _SERVICES]})

    def set_service(self, call: Call) -> Answer:
        name = call.path["service"]
        if name not in _SERVICES:
            raise NotFoundError("there is no such service")
        wanted = _wanted(call)
        self._identity.refresh()
        project = self._identity.project(call.caller(), call.path["project_id"])
        if wanted != (name in project.services):
            # Every change makes every process read its memory anew, so only changes are written.
            self._identity.set_service(project, name, enabled=wanted)
            project = self._identity.project(call.caller(), call.path["project_id"])
        return Answer(document={"service": _render(project, name)})


def _wanted(call: Call) -> bool:
    wanted = flag_field(call.member("service"), "enabled", "service.")
    if wanted is None:
        raise MissingParameterError("'service.enabled' is a required property")
    return wanted


def _render(project: Project, name: str) -> Document:
    return {"name": name, "enabled": name in project.services, "region": project.name}
