"""Callers over their limits: what they are told, and what is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from in_process import Gate, House
from live_server import tagging_body
from made_pictures import jpeg

from huiyan.iam.directory.model import Limits

PICTURE = jpeg(64, 48)
OpenHouse = Callable[..., House]


def test_a_user_over_the_rate_is_told_the_vendors_text_and_recorded(
    open_a_house: OpenHouse,
) -> None:
    house = open_a_house(user_limits=Limits(2, 0))
    request = house.request(tagging_body(PICTURE))
    assert [house.ask(request).status for _ in range(2)] == [200, 200]
    refused = house.ask(request)
    assert (refused.status, refused.error_code) == (429, "APIGW.0308")
    assert refused.json["error_msg"] == (
        "The throttling threshold has been reached: "
        "policy user over ratelimit,limit:2,time:1 minute."
    )
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert [use.http_status for use in house.uses()].count(429) == 1
    assert len(house.assembly.looks) == 2
    assert house.calls_counted(status="429", error_code="APIGW.0308") == 1


def test_a_project_over_its_rate_leaves_the_users_other_project(open_a_house: OpenHouse) -> None:
    house = open_a_house(project_limits=Limits(1, 0))
    request = house.request(tagging_body(PICTURE))
    assert [house.ask(request).status for _ in range(2)] == [200, 429]
    other = house.request(tagging_body(PICTURE), path=house.path("tagging", "cn-east-3"))
    assert [house.ask(other).status for _ in range(2)] == [200, 429]
    assert "policy project" in house.ask(other).json["error_msg"]


def test_one_call_too_many_at_once_passes_later(open_a_house: OpenHouse) -> None:
    house = open_a_house(user_limits=Limits(0, 1))
    gate = Gate()
    house.assembly.before = gate
    request = house.request(tagging_body(PICTURE))

    async def run() -> None:
        held = asyncio.create_task(house.answer(request))
        await asyncio.to_thread(gate.arrived.acquire)
        refused = await house.answer(request)
        assert (refused.status, refused.error_code) == (429, "APIGW.0308")
        assert refused.headers["retry-after"] == "1"
        gate.open()
        assert (await held).status == 200
        assert (await house.answer(request)).status == 200

    asyncio.run(run())


def test_who_may_not_is_told_so_however_often(open_a_house: OpenHouse) -> None:
    house = open_a_house(user_limits=Limits(1, 0))
    foreign = house.request(tagging_body(PICTURE), path=f"/v2/{'f' * 32}/image/tagging")
    assert {house.ask(foreign).status for _ in range(3)} == {403}
    assert house.ask(house.request(tagging_body(PICTURE))).status == 200


def test_a_call_at_fault_counts_too(open_a_house: OpenHouse) -> None:
    house = open_a_house(user_limits=Limits(1, 0))
    assert house.ask(house.request(b"nonsense")).status == 400
    assert house.ask(house.request(tagging_body(PICTURE))).status == 429
