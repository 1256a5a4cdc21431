"""What the calls about the audit log do.

Owns: their lines in the table, and who may read which part of a log. Has no opinion on: what is
told to the log; there is no call that changes it.
"""

from __future__ import annotations

from itertools import chain

from huiyan.iam.audit.model import AuditQuery
from huiyan.iam.audit.service import AuditService
from huiyan.iam.audit.wire import (
    FILTERS,
    parse_query,
    render_lines,
    render_record,
    render_table,
)
from huiyan.iam.call import Answer, Call, Judgement, Operation
from huiyan.iam.errors_wire import Shape
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import InvalidParameterError

_READ = "huiyan:audit:read"
_PATH = "/huiyan/v1/{project_id}/audit"
_PAGE = 100
_LARGEST_PAGE = 1000
_SCOPES = ("project", "account")
_RENDERERS = {
    "jsonl": (render_lines, "application/jsonl"),
    "csv": (render_table, "text/csv; charset=utf-8; header=present"),
}


def audit_operations(identity: IdentityService, service: AuditService) -> tuple[Operation, ...]:
    """Give the calls about the audit log.

    Parameters
    ----------
    identity : IdentityService
        Decides who may read.
    service : AuditService
        Whose they are.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Audit log".
    """
    calls = _AuditCalls(identity, service)
    return (
        Operation(
            "GET", f"{_PATH}/records", _READ, calls.list_records, shape=Shape.OWN, judge=calls.judge
        ),
        Operation(
            "GET", f"{_PATH}/export", _READ, calls.export, shape=Shape.OWN, judge=calls.judge
        ),
    )


class _AuditCalls:
    """Handlers that share the log."""

    def __init__(self, identity: IdentityService, service: AuditService) -> None:
        self._identity = identity
        self._service = service

    def judge(self, call: Call) -> Judgement:
        """Ask for the right where the records belong: in the project, or in the account.

        Neither right stands in for the other, so that no Deny is gone round.
        """
        caller, project_id = call.caller(), call.path["project_id"]
        if call.query.get("scope") == "account":
            self._identity.project(caller, project_id)
            return Judgement(_READ, self._identity.authorise(caller, _READ))
        return Judgement(_READ, self._identity.authorise(caller, _READ, "", project_id))

    def list_records(self, call: Call) -> Answer:
        call.require_known(FILTERS | {"scope", "limit", "marker"})
        page = self._service.entries(
            call.caller().principal.account_id,
            _query(call),
            call.number("limit", most=_LARGEST_PAGE) or _PAGE,
            call.query.get("marker") or None,
        )
        records = [render_record(record) for record in page.records]
        return Answer(document={"records": records, "marker": page.marker})

    def export(self, call: Call) -> Answer:
        call.require_known(FILTERS | {"scope", "format"})
        form = call.query.get("format") or "jsonl"
        if form not in _RENDERERS:
            raise InvalidParameterError("format", "must be jsonl or csv")
        render, media_type = _RENDERERS[form]
        pages = self._service.export(call.caller().principal.account_id, _query(call))
        # Read now, because a fault of the database can still be answered now.
        first = next(pages, ())
        return Answer(
            headers={"Content-Disposition": f'attachment; filename="audit.{form}"'},
            pieces=() if call.request.method == "HEAD" else render(chain((first,), pages)),
            media_type=media_type,
        )


def _query(call: Call) -> AuditQuery:
    scope = call.query.get("scope") or _SCOPES[0]
    if scope not in _SCOPES:
        raise InvalidParameterError("scope", "must be project or account")
    return parse_query(call, call.path["project_id"] if scope == _SCOPES[0] else None)
