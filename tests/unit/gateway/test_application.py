"""The async shell alone: which part answers a path, and what it does when a part fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from in_process import House, converse, open_house
from starlette.routing import Route

from huiyan.gateway.application import other_paths
from huiyan.gateway.observe import Observer
from huiyan.kernel.clock import SystemClock
from huiyan.monitoring.prometheus import Metrics


@pytest.fixture
def house(tmp_path: Path) -> Any:
    opened = open_house(tmp_path)
    yield opened
    opened.close()


def test_every_reply_names_its_request(house: House) -> None:
    for path in (
        "/healthz",
        "/readyz",
        "/metrics",
        "/nowhere",
        "/v3/projects",
        "/v2/x/image/tagging",
    ):
        answer = house.ask(house.request(path=path, method="GET"))
        assert len(answer.request_id) == 32, path


def test_a_fault_in_another_part_reads_like_the_vendors_and_reveals_nothing() -> None:
    metrics = Metrics()

    async def broken(_request: Any) -> Any:
        raise RuntimeError("a secret")

    async def run() -> Any:
        routes = [Route("/broken", broken, methods=["GET"])]
        others = other_paths(routes, None, Observer(metrics, SystemClock()))  # type: ignore[arg-type]
        request = type("R", (), {"body": b"", "method": "GET", "path": "/broken", "query": ""})()
        sent: list[Any] = []
        with pytest.raises(RuntimeError, match="a secret"):
            await converse(_keeping(others, sent), request, {})
        return sent

    sent = asyncio.run(run())
    assert sent[0]["status"] == 400
    assert b"AIS.0003" in sent[1]["body"]
    assert b"secret" not in sent[1]["body"]


def _keeping(application: Any, sent: list[Any]) -> Any:
    async def called(scope: Any, receive: Any, send: Any) -> None:
        async def keep(message: Any) -> None:
            sent.append(message)
            await send(message)

        await application(scope, receive, keep)

    return called


def test_a_trailing_slash_is_another_path(house: House) -> None:
    answer = house.ask(house.request(path="/healthz/", method="GET"))
    assert (answer.status, answer.error_code) == (404, "APIGW.0101")


def test_a_call_is_in_hand_while_it_is_worked_on(house: House) -> None:
    seen: list[int] = []
    house.recogniser.before = lambda: seen.append(house.admission.calls)
    from live_server import tagging_body  # noqa: PLC0415 -- beside its use
    from made_pictures import jpeg  # noqa: PLC0415 -- beside its use

    assert house.ask(house.request(tagging_body(jpeg()))).status == 200
    assert seen == [1]
    assert house.admission.calls == 0
