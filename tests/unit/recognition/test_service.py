"""What the one way from body to answer holds back; what it answers is in ``tests/flow``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from in_process import Gate, House, open_house
from live_server import tagging_body
from made_pictures import jpeg

PICTURE = jpeg(64, 48)
FETCHES = 2  # of the house
BY_URL = b'{"url": "https://example.com/a.jpg"}'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path)
    yield opened
    opened.close()


def test_one_more_slow_url_is_refused_while_other_calls_pass(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()

    def fetch(_url: str) -> bytes:
        gate()
        return PICTURE

    monkeypatch.setattr(house.fetcher, "fetch", fetch)
    by_url = house.request(BY_URL)

    async def run() -> str:
        slow = [asyncio.create_task(house.answer(by_url)) for _ in range(FETCHES)]
        for _ in slow:
            await asyncio.to_thread(gate.arrived.acquire)
        try:
            refused = await asyncio.wait_for(house.answer(by_url), 5)
            assert (refused.status, refused.error_code) == (429, "ModelArts.4401")
            assert int(refused.headers["retry-after"]) >= 1
            quick = await asyncio.wait_for(house.answer(house.request(tagging_body(PICTURE))), 5)
            assert quick.status == 200
        finally:
            gate.open()
        assert [answer.status for answer in await asyncio.gather(*slow)] == [200] * FETCHES
        assert (await house.answer(by_url)).status == 200
        return refused.request_id

    refused_id = asyncio.run(run())
    failed = [use for use in house.uses() if not use.succeeded]
    assert [(use.request_id, use.http_status) for use in failed] == [(refused_id, 429)]
    assert failed[0].error_code == "ModelArts.4401"
    assert len(house.uses()) == FETCHES + 3


def test_a_fetch_that_fails_gives_its_place_back(house: House) -> None:
    house.fetcher.pages["https://example.com/a.jpg"] = ZeroDivisionError()
    codes = {house.ask(house.request(BY_URL)).error_code for _ in range(FETCHES + 1)}
    assert codes == {"AIS.0003"}
