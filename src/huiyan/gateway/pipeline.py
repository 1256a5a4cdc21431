"""The way of one Image call, stage by stage, once its bytes are in hand.

Owns: the order authenticate, authorise, throttle, answer, and that a failed call is recorded as
failed. Has no opinion on: sockets (``application``), and what any stage does inside.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from huiyan.gateway.call import Arrival, Reply, Target
from huiyan.gateway.errors_wire import render_error
from huiyan.gateway.throttle import Throttle
from huiyan.iam.audit.model import AuditEntry, AuditLog
from huiyan.iam.model import Session
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import (
    AccessError,
    AuthorisationError,
    MissingHeaderError,
    NotPermittedError,
    OverloadError,
    QueueFullError,
    RecordingError,
    RequestError,
    UnknownRouteError,
    UnsupportedMediaTypeError,
)
from huiyan.kernel.ids import ProjectId, RegionId
from huiyan.metering.model import Meter
from huiyan.recognition.model import Caller
from huiyan.recognition.service import RecognitionService
from huiyan.recognition.use import Outcome, use_record
from huiyan.web.request import RawRequest

_log = structlog.get_logger(__name__)


class Pipeline:
    """Answers Image calls; runs on worker threads.

    Parameters
    ----------
    identity : IdentityService
        Who calls, and which projects are theirs.
    recognition : RecognitionService
        The one way from body to answer.
    meter : Meter
        Where use is recorded.
    audit : AuditLog
        Told of callers who may not, and of what some operations find.
    throttle : Throttle
        How many calls a user and a project may make.
    regions : mapping of str to frozenset
        Interface to the regions that offer it.
    default_region : RegionId
        Whose project a call without one in its path means.
    """

    def __init__(  # noqa: PLR0913 -- the parts of the way, by name
        self,
        *,
        identity: IdentityService,
        recognition: RecognitionService,
        meter: Meter,
        audit: AuditLog,
        throttle: Throttle,
        regions: Mapping[str, frozenset[RegionId]],
        default_region: RegionId,
    ) -> None:
        self._identity = identity
        self._recognition = recognition
        self._meter = meter
        self._audit = audit
        self._throttle = throttle
        self._regions = regions
        self._default_region = default_region

    def respond(self, request: RawRequest, target: Target, arrival: Arrival) -> Reply:
        """Answer one call, whatever happens.

        Parameters
        ----------
        request : RawRequest
            The request as it came over the wire.
        target : Target
            What its path names.
        arrival : Arrival
            Its id and time.

        Returns
        -------
        Reply
            The answer or the error, recorded if the caller was known and the operation is offered.
        """
        try:
            session = self._identity.authenticate(request)
        except Exception as error:  # noqa: BLE001 -- the gateway's last line: every call gets a reply
            return _render(error, arrival)
        caller = self._stranger(session, target, arrival)
        try:
            caller = self._authorise(session, request, target, arrival)
            try:
                arrival.settle(caller.project_id)
            except QueueFullError as error:  # as one that found no place on arrival: not recorded
                return _render(error, arrival)
            with self._throttle.enter(caller.principal.user_id, caller.project_id):
                _check_content_type(request)
                body = self._recognition.answer(
                    target.capability, request.body, caller, self._meter, self._audit
                )
        except (RecordingError, UnknownRouteError) as error:
            return _render(error, arrival)
        except Exception as error:  # noqa: BLE001 -- as above
            return self._record_failure(_render(error, arrival), request, target, caller)
        return Reply(status=200, body=body)

    def _authorise(
        self, session: Session, request: RawRequest, target: Target, arrival: Arrival
    ) -> Caller:
        action = f"image:{target.capability.interface}:run"
        try:
            project = self._identity.admit(session, self._named(session, request, target), action)
        except AuthorisationError as error:
            self._tell_refusal(session, target, arrival, error)
            raise
        region = RegionId(project.name)
        offered = self._regions.get(target.capability.interface)
        if offered is not None and region not in offered:
            raise UnknownRouteError(f"{target.capability.interface} is not offered in {region}")
        return _caller(session, ProjectId(project.id), region, arrival)

    def _named(self, session: Session, request: RawRequest, target: Target) -> str:
        """Tell which project a call is made in; paths of v1.0 name none."""
        if target.project_id is not None:
            return target.project_id
        named = _header(request, b"x-project-id").decode("latin-1") or session.project_id
        if named:
            return named
        return self._identity.project_for_region(session, self._default_region).id

    def _tell_refusal(
        self,
        session: Session,
        target: Target,
        arrival: Arrival,
        error: AuthorisationError,
    ) -> None:
        principal = session.principal
        claimed = self._stranger(session, target, arrival).project_id
        self._audit.record(
            AuditEntry(
                at=arrival.instant,
                account_id=principal.account_id,
                project_id=claimed,
                user_id=principal.user_id,
                user_name=principal.user_name,
                credential_id=principal.credential_id,
                address=session.address,
                request_id=arrival.request_id,
                action=f"image:{target.capability.interface}:run",
                resource=target.capability.path.replace("{project_id}", claimed or "…"),
                allowed=False,
                reason=error.reason if isinstance(error, NotPermittedError) else error.detail,
                pattern=self._pattern(session, target),
            )
        )

    def _pattern(self, session: Session, target: Target) -> str:
        """Tell what refusals alike share: the path without ids, and the project if it is known."""
        path, project_id = target.capability.path, ProjectId(target.project_id or "")
        project = self._identity.directory.projects.get(project_id)
        if project is None or project.account_id != session.principal.account_id:
            return path
        return f"{path} {project.id}"

    def _stranger(self, session: Session, target: Target, arrival: Arrival) -> Caller:
        """Describe a caller whose project is not (yet) known to be theirs."""
        named = target.project_id or ""
        claimed = named if named.isascii() and named.isalnum() else ""
        return _caller(session, ProjectId(claimed[:64]), self._default_region, arrival)

    def _record_failure(
        self, reply: Reply, request: RawRequest, target: Target, caller: Caller
    ) -> Reply:
        outcome = Outcome(http_status=reply.status, error_code=reply.error_code, size_wh=None)
        use = use_record(
            caller,
            target.capability,
            outcome,
            bytes_in=len(request.body),
            duration_ms=self._recognition.elapsed_ms(caller),
        )
        try:
            self._meter.record(use)
        except RecordingError as error:
            _log.error("use_not_recorded", request_id=caller.request_id, detail=error.detail)
            return render_error(error, caller.request_id)
        return reply


def _render(error: Exception, arrival: Arrival) -> Reply:
    """Render an error, and tell the operator of those that are not the caller's."""
    if isinstance(error, RecordingError):
        _log.error("use_not_recorded", request_id=arrival.request_id, detail=error.detail)
    elif not isinstance(error, RequestError | AccessError | OverloadError):
        _log.error("unexpected_failure", request_id=arrival.request_id, exc_info=error)
    return render_error(error, arrival.request_id)


def _caller(session: Session, project_id: ProjectId, region: RegionId, arrival: Arrival) -> Caller:
    return Caller(
        request_id=arrival.request_id,
        principal=session.principal,
        project_id=project_id,
        region=region,
        arrived=arrival.instant,
        arrived_monotonic_s=arrival.monotonic_s,
        address=session.address,
    )


def _check_content_type(request: RawRequest) -> None:
    value = _header(request, b"content-type")
    if not value:
        raise MissingHeaderError("send Content-Type: application/json")
    media_type = value.split(b";", 1)[0].strip().lower()
    if media_type != b"application/json" and not media_type.endswith(b"+json"):
        raise UnsupportedMediaTypeError("Content-Type must be application/json")


def _header(request: RawRequest, name: bytes) -> bytes:
    """Find a header's first value that is not empty, else the empty one."""
    values = (value.strip() for named, value in request.headers if named.lower() == name)
    return next(filter(None, values), b"")
