from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fake_assembly import fake_offer
from structlog.testing import capture_logs

from huiyan.gateway.call import Arrival, Reply, Target
from huiyan.gateway.observe import Observer
from huiyan.kernel.ids import RequestId
from huiyan.monitoring.prometheus import Metrics


class StoppedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 12.5


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_a_call_is_one_event_and_one_count(metrics: Metrics) -> None:
    v2, _ = fake_offer()[0]
    arrival = Arrival(RequestId("a" * 32), StoppedClock().now(), 12.0)
    with capture_logs() as events:
        Observer(metrics, StoppedClock()).call_ended(
            Target(v2, "p"), arrival, Reply(400, b"", "AIS.0011"), 17
        )
    (event,) = events
    wanted: dict[str, Any] = {
        "event": "call",
        "log_level": "info",
        "request_id": "a" * 32,
        "interface": "tagging",
        "version": "v2",
        "status": 400,
        "error_code": "AIS.0011",
        "bytes_in": 17,
        "duration_ms": 500.0,
    }
    assert event == wanted
    text = metrics.render().decode()
    labels = 'error_code="AIS.0011",interface="tagging",status="400",version="v2"'
    assert f"huiyan_calls_total{{{labels}}} 1.0" in text
    assert 'huiyan_call_duration_seconds_sum{interface="tagging"} 0.5' in text


def test_a_refusal_is_counted_apart(metrics: Metrics) -> None:
    with capture_logs() as events:
        Observer(metrics, StoppedClock()).request_refused(Reply(404, b"", "APIGW.0101"), "b" * 32)
    assert [event["event"] for event in events] == ["refused"]
    text = metrics.render().decode()
    assert 'huiyan_refused_requests_total{error_code="APIGW.0101",status="404"} 1.0' in text
    assert "huiyan_calls_total{" not in text
