"""What the composition root itself decides; the parts have tests of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_assembly import fake_offer
from in_process import House, open_house
from starlette.requests import Request
from structlog.testing import capture_logs

from huiyan.app import VENDOR_REGIONS, _Background, _problems, _regions
from huiyan.celebrity.assembly import GalleryParts
from huiyan.gateway.health import health_routes
from huiyan.gateway.observe import Observer
from huiyan.gateway.protocol import ConnectionGuard
from huiyan.iam.service import IdentityService
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import DatabaseError
from huiyan.kernel.settings import Settings
from huiyan.metering.model import UseRecord
from huiyan.metering.service import GroupCommitMeter
from huiyan.monitoring.prometheus import Metrics
from huiyan.persistence.database import open_database
from huiyan.runtime.fan_out import FanOut


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


def test_a_server_that_ends_ends_its_helping_threads(
    tmp_path: Path, house: House, meter: GroupCommitMeter
) -> None:
    fan_out = FanOut(2)
    assert fan_out.run([int] * 4) == [0] * 4
    background = _Background(
        identity=house.identity,
        galleries=GalleryParts(house.gallery.service, house.gallery.memory),
        key_use=house.parts.key_use,
        audit=house.parts.audit,
        meter=meter,
        database=open_database(f"sqlite:///{tmp_path / 'other.db'}"),
        executor=ThreadPoolExecutor(1),
        fan_out=fan_out,
        guard=ConnectionGuard(1.0, Observer(Metrics(), SystemClock())),
    )

    async def live() -> None:
        async with background.lifespan(None):
            pass

    asyncio.run(live())
    with pytest.raises(RuntimeError, match="shutdown"):
        fan_out._pool.submit(int)


class TestOffer:
    def test_the_operations_in_the_order_in_which_they_are_described(self) -> None:
        assert [it.path for it, _ in fake_offer()] == [
            "/v2/{project_id}/image/tagging",
            "/v1.0/image/tagging",
            "/v2/{project_id}/image/media-tagging",
            "/v2/{project_id}/image/media-tagging-det",
            "/v2/{project_id}/image/celebrity-recognition",
            "/v1.0/image/celebrity-recognition",
            "/v3/{project_id}/image/main-object-detection",
            "/v2/{project_id}/image/recapture-detect",
            "/v1.0/image/recapture-detect",
        ]

    def test_each_is_named_by_its_paths_last_segment(self) -> None:
        for capability, _ in fake_offer():
            assert capability.interface == capability.path.rpartition("/")[2]

    def test_no_operation_is_offered_twice(self) -> None:
        names = [(it.interface, it.version) for it, _ in fake_offer()]
        assert len(set(names)) == len(names)

    def test_each_has_a_description_of_its_own(self) -> None:
        descriptions = [id(schema) for _, schema in fake_offer()]
        assert len(set(descriptions)) == len(descriptions)


class TestRegions:
    def test_by_default_every_operation_is_everywhere(self) -> None:
        assert _regions(Settings()) == {}

    def test_the_vendors_offer_one_of_two_everywhere(self) -> None:
        table = _regions(Settings(vendor_regions=True))
        assert table["tagging"] == {"cn-north-4", "cn-east-3"}
        for name in set(table) - {"tagging"}:
            assert table[name] == {"cn-north-4"}, name

    def test_the_vendors_table_names_every_operation_and_no_other(self) -> None:
        assert set(VENDOR_REGIONS) == {capability.interface for capability, _ in fake_offer()}
