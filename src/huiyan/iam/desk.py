"""The way of one call of IAM, stage by stage.

Owns: the order authenticate, throttle, authorise, tell the audit log, answer. Has no opinion on:
the web framework, and what any call does.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import structlog

from huiyan.iam.audit.model import AuditEntry, AuditLog
from huiyan.iam.call import NO_PROJECT, Answer, Call, CallThrottle, Judgement, Operation
from huiyan.iam.model import Session
from huiyan.iam.policy.model import Decision
from huiyan.iam.service import IdentityService
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    AuthorisationError,
    HuiyanError,
    MalformedJsonError,
    NotPermittedError,
    RecordingError,
)
from huiyan.kernel.ids import ProjectId

_NO_RIGHT_NEEDED = Decision(allowed=True, reason="needs no right")
_DONE = Decision(allowed=True, reason="done")

_log = structlog.get_logger(__name__)


class Desk:
    """Answers calls; runs on worker threads.

    Parameters
    ----------
    identity : IdentityService
        Who calls, and what they may.
    audit : AuditLog
        Told of every refusal, of every change before it is made, and of the ids of what came to be.
    clock : Clock
        The server's clock.
    throttle : CallThrottle, optional
        How much a user may call; asked for calls of no project. Without it, any number.
    """

    def __init__(
        self,
        identity: IdentityService,
        audit: AuditLog,
        clock: Clock,
        throttle: CallThrottle | None = None,
    ) -> None:
        self._identity = identity
        self._audit = audit
        self._clock = clock
        self._throttle = throttle

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
            The caller is unknown, calls too often or may not, or the call is at fault.
        """
        if operation.is_open:
            return operation.handle(call)
        session = self._identity.authenticate(call.request)
        with self._enter(session):
            return self._answer(operation, replace(call, session=session), session)

    def _enter(self, session: Session) -> AbstractContextManager[None]:
        if self._throttle is None:
            return nullcontext()
        return self._throttle.enter(session.principal.user_id, NO_PROJECT)

    def _answer(self, operation: Operation, call: Call, session: Session) -> Answer:
        try:
            judgement = self._judge(operation, call, session)
        except AuthorisationError as error:
            self._refuse(operation, call, session, error)
            raise
        if operation.method in {"GET", "HEAD"} and not operation.is_told:
            return self._handle(operation, call, session)
        detail = _asked(operation, call)
        self._tell(operation, call, session, judgement, detail)
        try:
            answer = self._handle(operation, call, session)
        except AuthorisationError:
            raise
        except HuiyanError as error:
            failed = Decision(allowed=True, reason=f"failed: {type(error).__name__}")
            self._tell(operation, call, session, replace(judgement, decision=failed), detail)
            raise
        self._tell_made(operation, call, session, judgement.action, answer)
        return answer

    def _handle(self, operation: Operation, call: Call, session: Session) -> Answer:
        try:
            return operation.handle(call)
        except AuthorisationError as error:
            self._refuse(operation, call, session, error)
            raise

    def _judge(self, operation: Operation, call: Call, session: Session) -> Judgement:
        if operation.judge is not None:
            return operation.judge(call)
        return Judgement(_action(operation), self._authorise(operation, call, session))

    def _authorise(self, operation: Operation, call: Call, session: Session) -> Decision:
        project_id = call.path.get("project_id") if operation.path.startswith("/huiyan/") else None
        if operation.by_any_role and project_id is not None:
            self._identity.admit(session, project_id, operation.action, operation.service)
            return Decision(allowed=True, reason="a role in the project")
        if not operation.action:
            self._identity.require_standing(session)
            return _NO_RIGHT_NEEDED
        if operation.own(call):
            return self._identity.authorise_own(session, operation.action)
        return self._identity.authorise(session, operation.action, "", project_id)

    def _tell_made(
        self, operation: Operation, call: Call, session: Session, action: str, answer: Answer
    ) -> None:
        """Tell the id of what came to be, and what was found, which nobody knew before.

        It is there now, so that a log that cannot be written is no reason to keep the answer back.
        """
        made = {**operation.tells.of_answer(answer.document or {}), **answer.told}
        if not made:
            return
        try:
            self._tell(operation, call, session, Judgement(action, _DONE), made)
        except RecordingError as error:
            _log.error(
                "audit_incomplete", request_id=call.request_id, made=made, detail=error.detail
            )

    def _refuse(
        self, operation: Operation, call: Call, session: Session, error: AuthorisationError
    ) -> None:
        """Tell a refusal, and nothing of the body: who may do nothing fills no log either."""
        self._tell(operation, call, session, _refusal(operation, error), {})

    def _tell(
        self,
        operation: Operation,
        call: Call,
        session: Session,
        judgement: Judgement,
        detail: Mapping[str, str],
    ) -> None:
        principal, decision = session.principal, judgement.decision
        path = operation.tells.of_path(call.path)
        self._audit.record(
            AuditEntry(
                at=self._clock.now(),
                account_id=principal.account_id,
                project_id=path.get("project_id", ""),
                user_id=principal.user_id,
                user_name=principal.user_name,
                credential_id=principal.credential_id,
                address=session.address,
                request_id=call.request_id,
                action=judgement.action,
                resource=operation.path.format_map(path),
                allowed=decision.allowed,
                reason=decision.reason,
                detail=detail,
                pattern="" if decision.allowed else self._pattern(operation, call, session),
            )
        )

    def _pattern(self, operation: Operation, call: Call, session: Session) -> str:
        """Tell what refusals alike share: the path without ids, and the project if it is known."""
        project = self._identity.directory.projects.get(ProjectId(call.path.get("project_id", "")))
        if project is None or project.account_id != session.principal.account_id:
            return f"{operation.method} {operation.path}"
        return f"{operation.method} {operation.path} {project.id}"


def _action(operation: Operation) -> str:
    return operation.action or f"{operation.method.lower()}:{operation.path}"


def _refusal(operation: Operation, error: AuthorisationError) -> Judgement:
    if isinstance(error, NotPermittedError):
        return Judgement(error.action, Decision(allowed=False, reason=error.reason))
    return Judgement(_action(operation), Decision(allowed=False, reason=error.detail))


def _asked(operation: Operation, call: Call) -> Mapping[str, str]:
    """Tell what a change is to do, from those fields of the body that the call reads."""
    if not operation.tells.reads_body:
        return {}
    try:
        return operation.tells.of_body(call.document())
    except MalformedJsonError:
        return {}
