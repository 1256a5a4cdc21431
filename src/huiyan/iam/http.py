"""The calls of IAM, and of our own beside them, over HTTP.

Owns: how a table of calls becomes routes, and the headers of their replies. Has no opinion on: what
any call does.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.desk import Desk
from huiyan.iam.errors_wire import render_fault
from huiyan.kernel.errors import HuiyanError, InvalidParameterError, QueueFullError
from huiyan.kernel.ids import RequestId, new_request_id
from huiyan.kernel.shares import Shares
from huiyan.web.address import address_party
from huiyan.web.request import RawRequest, raw_request, receive_body

BODY_LIMIT_BYTES = 64 * 1024
LOGINS_AT_ONCE = 2
LOGINS_WAITING = 64

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
    """What all endpoints share: the desk, and the little that may be done without credentials.

    Password checks are costly on purpose, so only a few run at once and few more wait: otherwise
    anyone could fill the server with them. Those few are shared by the addresses that they come
    from, which take turns: so no one address, locked out or not, keeps the others out.
    """

    def __init__(self, desk: Desk, tell: Told) -> None:
        self._desk = desk
        self._tell = tell
        self._logins = CapacityLimiter(LOGINS_AT_ONCE)
        self._login_turns = _Turns(LOGINS_AT_ONCE, LOGINS_WAITING)

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
                self._tell(operation.path, answer.status, request_id, None)
            return _response(answer, headers)

        return endpoint

    async def _answer(
        self, operation: Operation, request: Request, request_id: RequestId
    ) -> Answer:
        raw = raw_request(request, await receive_body(request, BODY_LIMIT_BYTES))
        call = _call(request, raw, request_id)
        if not operation.is_costly:
            return await to_thread.run_sync(self._desk.answer, operation, call)
        async with self._login_turns.turn(address_party(raw.client_address)):
            return await to_thread.run_sync(
                self._desk.answer, operation, call, limiter=self._logins
            )


class _Turns:
    """So many turns at once, which those who wait have one after the other; for one event loop.

    How many may wait is shared by ``Shares``; a free turn goes to the party that has waited longest
    since its last one, so one that comes anew waits for a turn of each other at most.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._in_hand = Shares(at_once + waiting)
        self._free = at_once
        # A party is in it while something of it waits, the one that was served last at the end.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, party: str) -> AsyncIterator[None]:
        if not self._in_hand.fits(party, 1):
            raise QueueFullError("too many log-ins at once")
        self._in_hand.take(party, 1)
        try:
            await self._wait(party)
            try:
                yield
            finally:
                self._pass_on()
        finally:
            self._in_hand.give_back(party, 1)

    async def _wait(self, party: str) -> None:
        if self._free:
            self._free -= 1
            return
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party, deque()).append(served)
        try:
            await served
        except asyncio.CancelledError:
            if not served.cancelled():  # served and cancelled at one moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            party = next(iter(self._waiting))
            queue = self._waiting.pop(party)
            served = queue.popleft()
            if queue:
                self._waiting[party] = queue
            if not served.done():
                served.set_result(None)
                return
        self._free += 1


def _response(answer: Answer, headers: dict[str, str]) -> Response:
    headers |= answer.headers
    if answer.pieces is not None:
        return StreamingResponse(
            answer.pieces,
            status_code=answer.status,
            media_type=answer.media_type,
            headers=headers,
        )
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
