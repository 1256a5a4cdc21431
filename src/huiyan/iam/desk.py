"""The way of one call of IAM, stage by stage.

Owns: the order authenticate, authorise, tell the audit log, answer. Has no opinion on: the web
framework, and what any call does.
"""

from __future__ import annotations

import json
from dataclasses import replace

from huiyan.iam.audit.model import AuditEntry, AuditLog
from huiyan.iam.call import Answer, Call, Judgement, Operation
from huiyan.iam.model import Session
from huiyan.iam.policy.model import Decision
from huiyan.iam.service import IdentityService
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    AuthorisationError,
    HuiyanError,
    MalformedJsonError,
    NotPermittedError,
)

_TOLD_THINGS = ("user", "group", "credential", "role", "agency", "service", "limit")
_TOLD_FIELDS = (
    "name",
    "display_name",
    "user_id",
    "domain_id",
    "enabled",
    "status",
    "description",
    "access_mode",
    "trust_domain_name",
    "calls_per_minute",
    "concurrent_calls",
)
_TOLD_CHARACTERS = 200
_TOLD_POLICY_CHARACTERS = 8000
_OWN_CALL = Decision(allowed=True, reason="concerns the caller's own user")
_NO_RIGHT_NEEDED = Decision(allowed=True, reason="needs no right")


class Desk:
    """Answers calls; runs on worker threads.

    Parameters
    ----------
    identity : IdentityService
        Who calls, and what they may.
    audit : AuditLog
        Told of every refusal, and of every change before it is made.
    clock : Clock
        The server's clock.
    """

    def __init__(self, identity: IdentityService, audit: AuditLog, clock: Clock) -> None:
        self._identity = identity
        self._audit = audit
        self._clock = clock

    def answer(self, operation: Operation, call: Call) -> Answer:
        """Answer one call.

        Parameters
        ----------
        operation : Operation
            Its line in the table.
        call : Call
            As it came, without a caller.

        Returns
        -------
        Answer
            What the handler answers.

        Raises
        ------
        HuiyanError
            The caller is unknown or may not, or the call is at fault.
        """
        if operation.is_open:
            return operation.handle(call)
        session = self._identity.authenticate(call.request)
        call = replace(call, session=session)
        try:
            judgement = self._judge(operation, call, session)
        except AuthorisationError as error:
            self._tell(call, session, _refusal(operation, error))
            raise
        is_change = operation.method not in {"GET", "HEAD"}
        if is_change:
            self._tell(call, session, judgement)
        try:
            return operation.handle(call)
        except AuthorisationError as error:
            self._tell(call, session, _refusal(operation, error))
            raise
        except HuiyanError as error:
            if is_change:
                failed = Decision(allowed=True, reason=f"failed: {type(error).__name__}")
                self._tell(call, session, replace(judgement, decision=failed))
            raise

    def _judge(self, operation: Operation, call: Call, session: Session) -> Judgement:
        if operation.judge is not None:
            return operation.judge(call)
        return Judgement(_action(operation), self._authorise(operation, call, session))

    def _authorise(self, operation: Operation, call: Call, session: Session) -> Decision:
        project_id = call.path.get("project_id") if operation.path.startswith("/huiyan/") else None
        if operation.by_any_role and project_id is not None:
            self._identity.admit(session, project_id, operation.action, service=None)
            return Decision(allowed=True, reason="a role in the project")
        if not operation.action:
            self._identity.require_standing(session)
            return _NO_RIGHT_NEEDED
        if operation.own(call):
            self._identity.require_standing(session)
            return _OWN_CALL
        return self._identity.authorise(session, operation.action, "", project_id)

    def _tell(self, call: Call, session: Session, judgement: Judgement) -> None:
        principal = session.principal
        self._audit.record(
            AuditEntry(
                at=self._clock.now(),
                account_id=principal.account_id,
                project_id=call.path.get("project_id", ""),
                user_id=principal.user_id,
                user_name=principal.user_name,
                credential_id=principal.credential_id,
                address=session.address,
                request_id=call.request_id,
                action=judgement.action,
                resource=_resource(call),
                allowed=judgement.decision.allowed,
                reason=judgement.decision.reason,
                detail=_detail(call),
            )
        )


def _action(operation: Operation) -> str:
    return operation.action or f"{operation.method.lower()}:{operation.path}"


def _refusal(operation: Operation, error: AuthorisationError) -> Judgement:
    if isinstance(error, NotPermittedError):
        return Judgement(error.action, Decision(allowed=False, reason=error.reason))
    return Judgement(_action(operation), Decision(allowed=False, reason=error.detail))


def _resource(call: Call) -> str:
    """Name what a call is about: the path as it was asked for, which holds every id."""
    return call.request.raw_path.decode("latin-1")[:500]


def _detail(call: Call) -> dict[str, str]:
    """Tell what a change is about, from those fields of the body that never hold secrets."""
    try:
        document = call.document()
    except MalformedJsonError:
        return {}
    told: dict[str, str] = {}
    for thing, fields in document.items():
        if thing in _TOLD_THINGS and isinstance(fields, dict):
            told |= {
                f"{thing}.{name}": str(fields[name])[:_TOLD_CHARACTERS]
                for name in _TOLD_FIELDS
                if isinstance(fields.get(name), str | bool | int)
            }
            if "policy" in fields:
                told[f"{thing}.policy"] = json.dumps(fields["policy"])[:_TOLD_POLICY_CHARACTERS]
    return told
