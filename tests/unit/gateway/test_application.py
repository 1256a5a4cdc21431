"""The async shell alone: which part answers a path, and what it does when a part fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from in_process import Gate, House, converse, open_house
from live_server import tagging_body
from made_pictures import jpeg
from signed_call import Answer
from starlette.routing import Route
from structlog.testing import capture_logs

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
    house.assembly.before = lambda: seen.append(house.admission.calls)
    assert house.ask(house.request(tagging_body(jpeg()))).status == 200
    assert seen == [1]
    assert house.admission.calls == 0


class TestCancelled:
    """As uvicorn does with what is still running when the graceful time is over."""

    def test_while_it_is_worked_on_the_reply_and_the_record_agree(self, house: House) -> None:
        gate = Gate()
        house.assembly.before = gate

        async def run() -> Answer:
            call = asyncio.create_task(house.answer(house.request(tagging_body(jpeg()))))
            await asyncio.to_thread(gate.arrived.acquire)
            call.cancel()
            await asyncio.sleep(0.05)
            assert not call.done()
            gate.open()
            return await asyncio.wait_for(call, 10)

        answer = asyncio.run(run())
        assert answer.status == 200
        assert answer.json["result"]["tags"]
        (use,) = house.uses()
        assert (use.request_id, use.succeeded) == (answer.request_id, True)
        assert house.calls_counted(status="200") == 1
        assert house.admission.calls == 0

    def test_while_the_body_arrives_the_client_is_told_to_try_again(self, house: House) -> None:
        request = house.request(tagging_body(jpeg()))
        half = [{"type": "http.request", "body": request.body[:10], "more_body": True}]

        async def run() -> Answer:
            call = asyncio.create_task(house.answer(request, chunks=half))
            await asyncio.sleep(0.05)
            call.cancel()
            return await asyncio.wait_for(call, 2)

        answer = asyncio.run(run())
        assert (answer.status, answer.error_code) == (408, "APIGW.0201")
        assert answer.json["request_id"] == answer.request_id
        assert "stopping" in answer.json["error_msg"]
        assert house.uses() == ()
        assert house.calls_counted(status="408") == 1
        assert house.admission.calls == 0
        assert house.ask(request).status == 200


def test_a_call_that_no_worker_takes_any_more_is_answered_in_the_vendors_shape(
    house: House,
) -> None:
    house.application._executor.shutdown()
    with capture_logs() as events:
        answer = house.ask(house.request(tagging_body(jpeg())))
    assert (answer.status, answer.error_code) == (400, "AIS.0003")
    assert answer.json["request_id"] == answer.request_id
    assert len(answer.request_id) == 32
    assert b"shutdown" not in answer.body
    assert "unexpected_failure" in [event["event"] for event in events]
    assert house.calls_counted(status="400", error_code="AIS.0003") == 1
    assert house.uses() == ()
    assert house.admission.calls == 0
