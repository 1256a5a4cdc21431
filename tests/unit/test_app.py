"""What the composition root itself decides; the parts have tests of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from in_process import House, open_house
from starlette.requests import Request
from structlog.testing import capture_logs

from huiyan.app import _problems
from huiyan.gateway.health import health_routes
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import DatabaseError
from huiyan.metering.model import UseRecord
from huiyan.metering.service import GroupCommitMeter
from huiyan.monitoring.prometheus import Metrics


class NoStore:
    def append(self, uses: Sequence[UseRecord]) -> None:
        raise AssertionError(uses)


class UnreachableIdentity:
    def refresh(self) -> bool:
        raise DatabaseError("database postgresql://u@10.1.2.3/db: sekret")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def meter() -> Iterator[GroupCommitMeter]:
    opened = GroupCommitMeter(NoStore())
    yield opened
    opened.close()


def ask_ready(identity: Any, meter: GroupCommitMeter) -> Any:
    problems = partial(_problems, identity, meter)
    routes = {route.path: route for route in health_routes(Metrics(), problems)}
    request = Request({"type": "http", "method": "GET", "path": "/readyz", "headers": []})
    return asyncio.run(routes["/readyz"].endpoint(request))


def test_ready_while_the_database_answers_and_use_is_recorded(
    house: House, meter: GroupCommitMeter
) -> None:
    identity: IdentityService = house.identity
    assert ask_ready(identity, meter).status_code == 200


def test_an_unreachable_database_is_told_to_the_log_only(meter: GroupCommitMeter) -> None:
    with capture_logs() as events:
        reply = ask_ready(UnreachableIdentity(), meter)
    assert reply.status_code == 503
    assert b"the database cannot be used" in reply.body
    for word in (b"sekret", b"10.1.2.3", b"postgresql"):
        assert word not in reply.body
    assert [event["event"] for event in events] == ["not_ready"]
    assert "10.1.2.3" in events[0]["detail"]


def test_a_meter_that_has_ended_is_not_ready(house: House, meter: GroupCommitMeter) -> None:
    meter.close()
    reply = ask_ready(house.identity, meter)
    assert reply.status_code == 503
    assert b"use cannot be recorded" in reply.body
