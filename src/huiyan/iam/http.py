"""The IAM calls over HTTP: those by which official clients complete themselves.

Owns: routes, parameters and shapes of these calls. Has no opinion on: who may call; every call goes
through the same authentication as any other.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huiyan.iam.errors_wire import render_fault
from huiyan.iam.model import Account, Project
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import HuiyanError, InvalidParameterError
from huiyan.kernel.ids import RequestId, new_request_id
from huiyan.kernel.principal import Principal
from huiyan.web.request import RawRequest, raw_request, receive_body

BODY_LIMIT_BYTES = 64 * 1024
PAGE_LIMIT = 5000

Document = dict[str, object]
"""A JSON object about to be sent."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What a handler may look at."""

    principal: Principal
    query: Mapping[str, str]
    path: Mapping[str, str]
    url: str
    """Scheme, host and path as the caller sees them, for ``links``."""


_Handler = Callable[[IdentityService, _Call], Document]


Told = Callable[[str, int, RequestId, HuiyanError | None], None]
"""Hears of each call's end: its route, status, id and error."""


def iam_routes(service: IdentityService, tell: Told) -> list[Route]:
    """Give the routes of the IAM calls.

    Parameters
    ----------
    service : IdentityService
        Answers them.
    tell : callable
        Told of each call when it ends: guessed keys must leave a trace.

    Returns
    -------
    list of Route
        All of them ``GET``.

    Notes
    -----
    ``docs/wire.md``, section "IAM".
    """
    table: tuple[tuple[str, _Handler], ...] = (
        ("/v3/projects", _list_projects),
        ("/v3/auth/projects", _list_own_projects),
        ("/v3/projects/{project_id}", _show_project),
        ("/v3/auth/domains", _list_domains),
    )
    return [
        Route(path, _endpoint(service, path, handler, tell), methods=["GET"])
        for path, handler in table
    ]


def _endpoint(
    service: IdentityService, path: str, handler: _Handler, tell: Told
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        request_id = new_request_id()
        status = 200
        fault_seen: HuiyanError | None = None
        try:
            raw = raw_request(request, await receive_body(request, BODY_LIMIT_BYTES))
            document = await to_thread.run_sync(_answer, service, handler, request, raw)
        except HuiyanError as error:
            fault_seen = error
            fault = render_fault(error)
            status, document = fault.status, dict(fault.body())
        tell(path, status, request_id, fault_seen)
        return Response(
            json.dumps(document, ensure_ascii=False).encode(),
            status_code=status,
            media_type="application/json",
            headers={"X-Request-Id": request_id, "X-IAM-Trace-Id": request_id},
        )

    return endpoint


def _answer(
    service: IdentityService, handler: _Handler, request: Request, raw: RawRequest
) -> Document:
    principal = service.authenticate(raw)
    call = _Call(
        principal=principal,
        query=_single_parameters(request),
        path=request.path_params,
        url=str(request.url.replace(query="", fragment="")),
    )
    return handler(service, call)


def _single_parameters(request: Request) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in parameters:
            raise InvalidParameterError(name, "given more than once")
        parameters[name] = value
    return parameters


def _list_projects(service: IdentityService, call: _Call) -> Document:
    account_id = call.principal.account_id
    found = service.projects(
        call.principal,
        name=call.query.get("name") or None,
        enabled=_parse_flag(call.query, "enabled"),
    )
    # Every project of ours is a region's: its parent is the account, and none is a domain itself.
    elsewhere = (
        call.query.get("domain_id") or account_id,
        call.query.get("parent_id") or account_id,
    ) != (account_id, account_id)
    if elsewhere or _parse_flag(call.query, "is_domain"):
        found = ()
    base = call.url
    projects = [_render_project(project, base) for project in _page(found, call.query)]
    return {"projects": projects, "links": _render_list_links(base)}


def _list_own_projects(service: IdentityService, call: _Call) -> Document:
    base = call.url.replace("/v3/auth/projects", "/v3/projects")
    found = service.projects(call.principal, enabled=True)
    return {
        "projects": [_render_project(project, base) for project in found],
        "links": _render_list_links(call.url),
    }


def _show_project(service: IdentityService, call: _Call) -> Document:
    project = service.project(call.principal, call.path["project_id"])
    return {"project": _render_project(project, call.url.rpartition("/")[0])}


def _list_domains(service: IdentityService, call: _Call) -> Document:
    base = call.url.replace("/v3/auth/domains", "/v3/domains")
    return {
        "domains": [_render_domain(account, base) for account in service.domains(call.principal)],
        "links": _render_list_links(call.url),
    }


def _render_project(project: Project, base: str) -> Document:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.account_id,
        "parent_id": project.parent_id,
        "enabled": project.enabled,
        "is_domain": False,
        "description": project.description,
        "links": {"self": f"{base}/{project.id}"},
    }


def _render_domain(account: Account, base: str) -> Document:
    return {
        "id": account.id,
        "name": account.name,
        "description": account.description,
        "enabled": account.enabled,
        "links": {"self": f"{base}/{account.id}"},
    }


def _render_list_links(url: str) -> Document:
    return {"self": url, "next": None, "previous": None}


def _page(projects: tuple[Project, ...], query: Mapping[str, str]) -> tuple[Project, ...]:
    page = _parse_number(query, "page", PAGE_LIMIT)
    per_page = _parse_number(query, "per_page", PAGE_LIMIT)
    if page is None and per_page is None:
        return projects
    size = per_page or PAGE_LIMIT
    start = ((page or 1) - 1) * size
    return projects[start : start + size]


def _parse_number(query: Mapping[str, str], name: str, most: int) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= most:
        raise InvalidParameterError(name, f"must be a whole number from 1 to {most}")
    return int(text)


def _parse_flag(query: Mapping[str, str], name: str) -> bool | None:
    text = query.get(name, "").lower()
    if not text:
        return None
    if text not in {"true", "false"}:
        raise InvalidParameterError(name, "must be true or false")
    return text == "true"
