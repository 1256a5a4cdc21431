"""Paths for operators: alive, ready, metrics.

Owns: ``/healthz``, ``/readyz``, ``/metrics``. Has no opinion on: what readiness needs; it asks.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from huiyan.kernel.ids import new_request_id
from huiyan.monitoring.prometheus import CONTENT_TYPE, Metrics


def health_routes(metrics: Metrics, problems: Callable[[], list[str]]) -> list[Route]:
    """Build the operators' routes.

    Parameters
    ----------
    metrics : Metrics
        What ``/metrics`` shows.
    problems : callable
        Gives what keeps the server from answering, an empty list when nothing does. May block.

    Returns
    -------
    list of Route
        The routes.
    """

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"}, headers=_identity())

    async def readyz(_request: Request) -> Response:
        found = await anyio.to_thread.run_sync(problems)
        status = "not ready" if found else "ready"
        return JSONResponse(
            {"status": status, "problems": found},
            status_code=503 if found else 200,
            headers=_identity(),
        )

    async def show_metrics(_request: Request) -> Response:
        text = await anyio.to_thread.run_sync(metrics.render)
        return Response(text, media_type=CONTENT_TYPE, headers=_identity())

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", show_metrics, methods=["GET"]),
    ]


def _identity() -> dict[str, str]:
    return {"X-Request-Id": new_request_id()}
