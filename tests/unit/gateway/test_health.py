from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from huiyan.gateway.health import health_routes
from huiyan.monitoring.prometheus import Metrics


def get(path: str, problems: list[str]) -> Any:
    routes = {route.path: route for route in health_routes(Metrics(), lambda: problems)}
    request = Request({"type": "http", "method": "GET", "path": path, "headers": []})
    return asyncio.run(routes[path].endpoint(request))


def test_alive_needs_nothing() -> None:
    reply = get("/healthz", ["the database is away"])
    assert (reply.status_code, reply.body) == (200, b'{"status":"alive"}')


def test_ready_when_there_is_no_problem() -> None:
    assert get("/readyz", []).status_code == 200


def test_not_ready_tells_why() -> None:
    reply = get("/readyz", ["the database is away"])
    assert reply.status_code == 503
    assert b"the database is away" in reply.body


def test_metrics_are_prometheus_text() -> None:
    reply = get("/metrics", [])
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert b"huiyan_calls_in_hand 0.0" in reply.body


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_each_reply_has_an_id_of_its_own(path: str) -> None:
    first, second = (get(path, []).headers["x-request-id"] for _ in range(2))
    assert first != second
    assert len(first) == 32
