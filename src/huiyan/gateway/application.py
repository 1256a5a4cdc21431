"""The server as one ASGI application.

Owns: the async shell around the pipeline, and which part of the server answers which path. Has no
opinion on: what the parts answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Lifespan, Receive, Scope, Send

from huiyan.gateway.admission import Admission, claimed_project
from huiyan.gateway.call import Arrival, Reply, Target
from huiyan.gateway.envelope import reply_headers, send_reply
from huiyan.gateway.errors_wire import render_error
from huiyan.gateway.observe import Observer
from huiyan.gateway.pipeline import Pipeline
from huiyan.gateway.receive import (
    BodyLimits,
    ClientGoneError,
    check_declared_size,
    receive_body,
    require_credentials,
    within_limits,
)
from huiyan.gateway.route import RouteTable
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    BodyTimeoutError,
    HuiyanError,
    UnknownRouteError,
    WrongMethodError,
)
from huiyan.kernel.ids import RequestId, new_request_id
from huiyan.web.request import RawRequest, raw_request


class Application:
    """Answers every request of the server.

    Parameters
    ----------
    routes : RouteTable
        The Image operations.
    pipeline : Pipeline
        What answers them, on worker threads.
    executor : Executor
        The worker threads: twice as many as calls are admitted, so that one whose caller is not
        known yet never waits for one that is at work.
    admission : Admission
        The bounded queue.
    limits : BodyLimits
        Of bodies.
    observer : Observer
        Told about each request.
    clock : Clock
        For arrivals.
    others : Starlette
        Every other path of the server.
    """

    def __init__(  # noqa: PLR0913 -- the parts of a shell, by name
        self,
        *,
        routes: RouteTable,
        pipeline: Pipeline,
        executor: Executor,
        admission: Admission,
        limits: BodyLimits,
        observer: Observer,
        clock: Clock,
        others: Starlette,
    ) -> None:
        self._routes = routes
        self._pipeline = pipeline
        self._executor = executor
        self._admission = admission
        self._limits = limits
        self._observer = observer
        self._clock = clock
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection.

        Parameters
        ----------
        scope : Scope
            The connection.
        receive, send : callable
            Its channels.
        """
        if scope["type"] != "http":
            await self._others(scope, receive, send)
            return
        request_id = new_request_id()
        try:
            target = self._routes.find(scope["method"], scope["raw_path"])
        except HuiyanError as error:
            reply = render_error(error, request_id)
            self._observer.request_refused(reply, request_id)
            await send_reply(reply, request_id, send)
            return
        arrival = Arrival(request_id, self._clock.now(), self._clock.monotonic_s())
        with suppress(ClientGoneError):
            if target is None:
                with self._admission.holding(_address(scope)) as hold:
                    in_time = within_limits(receive, self._limits, hold)
                    await self._others(scope, in_time, send)
            else:
                await self._answer(target, arrival, scope, receive, send)

    async def _answer(
        self, target: Target, arrival: Arrival, scope: Scope, receive: Receive, send: Send
    ) -> None:
        bytes_in = 0
        try:
            reply, bytes_in = await self._receive_and_work(target, arrival, scope, receive)
        except ClientGoneError:
            raise
        except asyncio.CancelledError:
            stopping = BodyTimeoutError("the server is stopping; send the call again")
            reply = render_error(stopping, arrival.request_id)
        except Exception as error:  # noqa: BLE001 -- every reply has the vendor's shape
            reply = render_error(error, arrival.request_id)
            self._observer.note_unexpected(error, arrival.request_id)
        finally:
            self._observer.show_in_hand(self._admission.calls)
        self._observer.call_ended(target, arrival, reply, bytes_in)
        await send_reply(reply, arrival.request_id, send)

    async def _receive_and_work(
        self, target: Target, arrival: Arrival, scope: Scope, receive: Receive
    ) -> tuple[Reply, int]:
        check_declared_size(scope, self._limits)
        require_credentials(scope)
        claim = claimed_project(target.project_id, scope["headers"])
        with self._admission.holding(_address(scope)) as holding:
            holding.require_place(claim)
            body = await receive_body(receive, self._limits, holding)
            holding.enter(claim)
            self._observer.show_in_hand(self._admission.calls)
            request = raw_request(Request(scope), body)
            work = self._work(request, target, replace(arrival, settle=holding.settle))
            return await work, len(body)

    async def _work(self, request: RawRequest, target: Target, arrival: Arrival) -> Reply:
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(
            self._executor, self._pipeline.respond, request, target, arrival
        )
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # Past the shutdown's time-out: what will be recorded is still answered.
            return await work


def other_paths(
    routes: Sequence[BaseRoute], lifespan: Lifespan[Starlette], observer: Observer
) -> Starlette:
    """Build the part that answers every path but the Image operations'.

    Parameters
    ----------
    routes : sequence of BaseRoute
        The paths.
    lifespan : callable
        What happens around serving.
    observer : Observer
        Told about unknown paths.

    Returns
    -------
    Starlette
        The application; unknown paths and methods read as the vendor's gateway says them.
    """

    async def refuse(_request: Request, error: Exception) -> Response:
        wrong_method = isinstance(error, HTTPException) and error.status_code == 405
        fault = WrongMethodError() if wrong_method else UnknownRouteError()
        request_id = new_request_id()
        reply = render_error(fault, request_id)
        observer.request_refused(reply, request_id)
        return _response(reply, request_id)

    async def fail(_request: Request, error: Exception) -> Response:
        request_id = new_request_id()
        reply = render_error(error, request_id)
        observer.note_unexpected(error, request_id)
        observer.request_refused(reply, request_id)
        return _response(reply, request_id)

    others = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={404: refuse, 405: refuse, Exception: fail},
    )
    others.router.redirect_slashes = False  # a path with a trailing slash is another path
    return others


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _response(reply: Reply, request_id: RequestId) -> Response:
    headers = {name.decode(): value.decode() for name, value in reply_headers(reply, request_id)}
    return Response(reply.body, status_code=reply.status, headers=headers)
