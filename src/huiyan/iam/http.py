"""The calls of IAM, and of our own beside them, over HTTP.

Owns: how a table of calls becomes routes, and the headers of their replies. Has no opinion on: what
any call does.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from anyio import CancelScope, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from huiyan.iam.call import BODY_LIMIT_BYTES, Answer, Call, Operation
from huiyan.iam.desk import Desk
from huiyan.iam.errors_wire import render_fault
from huiyan.iam.lane import (
    LOGINS_AT_ONCE,
    LOGINS_WAITING,
    PICTURES_AT_ONCE,
    PICTURES_KEPT,
    PICTURES_WAITING,
    SURVEYS_AT_ONCE,
    SURVEYS_WAITING,
    Lane,
    LaneTurns,
)
from huiyan.kernel.errors import (
    BodyTooLargeError,
    HuiyanError,
    InvalidParameterError,
    MalformedRequestError,
    MissingCredentialsError,
)
from huiyan.kernel.ids import RequestId, new_request_id
from huiyan.web.address import address_party
from huiyan.web.request import RawRequest, raw_request, receive_body

CREDENTIAL_HEADERS = ("authorization", "x-auth-token")

Told = Callable[[str, int, RequestId, HuiyanError | None], None]
"""Hears of each call's end: its route, status, id and error."""


def call_routes(operations: Iterable[Operation], desk: Desk, tell: Told) -> list[Route]:
    """Give the routes of a table of calls.

    Parameters
    ----------
    operations : iterable of Operation
        The table.
    desk : Desk
        Answers them.
    tell : callable
        Told of each call when it ends: guessed keys must leave a trace.

    Returns
    -------
    list of Route
        One a line, fixed paths before those with variable parts.

    Notes
    -----
    ``docs/wire.md``, section "IAM".
    """
    shell = _Shell(desk, tell)
    ordered = sorted(operations, key=lambda operation: "{" in operation.path)
    return [
        Route(operation.path, shell.endpoint(operation), methods=[operation.method])
        for operation in ordered
    ]


class _Shell:
    """What all endpoints share: the desk, and the lanes of what is costly."""

    def __init__(self, desk: Desk, tell: Told) -> None:
        self._desk = desk
        self._tell = tell
        self._lanes = {
            Lane.PASSWORD: LaneTurns(LOGINS_AT_ONCE, LOGINS_WAITING),
            Lane.PICTURE: LaneTurns(PICTURES_AT_ONCE, PICTURES_WAITING, PICTURES_KEPT),
            Lane.SURVEY: LaneTurns(SURVEYS_AT_ONCE, SURVEYS_WAITING),
        }

    def endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            request_id = new_request_id()
            headers: dict[str, str] = {"X-Request-Id": request_id, "X-IAM-Trace-Id": request_id}
            try:
                answer = await self._answer(operation, request, request_id)
            except HuiyanError as error:
                fault = render_fault(error, operation.codes)
                self._tell(operation.path, fault.status, request_id, error)
                if fault.retry_after_s is not None:
                    headers["Retry-After"] = str(fault.retry_after_s)
                answer = Answer(fault.status, fault.body(operation.shape))
            else:
                if answer.pieces is not None:
                    ended = partial(self._tell_sent, operation, answer.status, request_id)
                    return _PiecesResponse(answer, headers, ended)
                self._tell(operation.path, answer.status, request_id, None)
            return _response(answer, headers)

        return endpoint

    def _tell_sent(
        self, operation: Operation, status: int, request_id: RequestId, error: HuiyanError | None
    ) -> None:
        """Tell the end of a call whose reply was sent while it came to be."""
        if error is not None:
            status = render_fault(error, operation.codes).status
        self._tell(operation.path, status, request_id, error)

    async def _answer(
        self, operation: Operation, request: Request, request_id: RequestId
    ) -> Answer:
        lane = self._lanes.get(operation.lane)
        party = address_party(request.client.host if request.client else "")
        if operation.body_limit_bytes > BODY_LIMIT_BYTES:
            _require_worth_reading(operation, request)
            if lane is not None:
                lane.require_room(party)
        raw = raw_request(request, await receive_body(request, operation.body_limit_bytes))
        work = partial(self._desk.answer, operation, _call(request, raw, request_id))
        return await (to_thread.run_sync(work) if lane is None else lane.run(party, work))


def _require_worth_reading(operation: Operation, request: Request) -> None:
    """Refuse a call that is refused anyway, before its large body is read for nothing."""
    headers = request.headers
    if not operation.is_open and not any(headers.get(name) for name in CREDENTIAL_HEADERS):
        raise MissingCredentialsError("x-auth-token not found")
    size = headers.get("content-length", "0")
    if not (size.isascii() and size.isdigit()):
        raise MalformedRequestError("Content-Length is no number")
    if len(size) > 18 or int(size) > operation.body_limit_bytes:
        raise BodyTooLargeError(f"the body has more than {operation.body_limit_bytes} bytes")


class _PiecesResponse(StreamingResponse):
    """A body that comes to be while it is sent; its pieces are closed however that ends."""

    def __init__(
        self,
        answer: Answer,
        headers: dict[str, str],
        ended: Callable[[HuiyanError | None], None],
    ) -> None:
        self._pieces = answer.pieces or ()
        self._ended = ended
        super().__init__(
            self._pieces,
            status_code=answer.status,
            media_type=answer.media_type,
            headers={**headers, **answer.headers},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault: HuiyanError | None = None
        try:
            await super().__call__(scope, receive, send)
        except HuiyanError as error:
            # The reply stays without its end: the server breaks the connection off.
            fault = error
        finally:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                with CancelScope(shield=True):
                    await to_thread.run_sync(close)
            self._ended(fault)


def _response(answer: Answer, headers: dict[str, str]) -> Response:
    headers |= answer.headers
    if answer.document is None:
        return Response(status_code=answer.status, headers=headers)
    return Response(
        json.dumps(answer.document, ensure_ascii=False).encode("utf-8", errors="replace"),
        status_code=answer.status,
        media_type="application/json",
        headers=headers,
    )


def _call(request: Request, raw: RawRequest, request_id: RequestId) -> Call:
    plain = request.url.replace(query="", fragment="")
    return Call(
        request=raw,
        request_id=request_id,
        session=None,
        path=request.path_params,
        query=_single_parameters(request),
        origin=f"{plain.scheme}://{plain.netloc}",
        url=str(plain),
    )


def _single_parameters(request: Request) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in parameters:
            raise InvalidParameterError(name, "given more than once")
        parameters[name] = value
    return parameters
