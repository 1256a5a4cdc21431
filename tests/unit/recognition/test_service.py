"""What the one way from body to answer holds back; what it answers is in ``tests/flow``."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from in_process import Gate, House, open_house
from live_server import tagging_body
from made_pictures import jpeg

PICTURE = jpeg(64, 48)
FETCHES = 2  # of the house
BY_URL = b'{"url": "https://example.com/a.jpg"}'


def assert_(holds: bool) -> None:  # noqa: FBT001 -- an assert statement as a function
    assert holds


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
    of_another = house.request(BY_URL, path=house.path("tagging", "cn-east-3"))

    async def run() -> list[str]:
        slow, refused_ids = [], []
        try:
            for request in (by_url, of_another):
                slow.append(asyncio.create_task(house.answer(request)))
                await asyncio.to_thread(gate.arrived.acquire)
                # The last place is kept for the other project; then there is none.
                refused = await asyncio.wait_for(house.answer(by_url), 5)
                assert (refused.status, refused.error_code) == (429, "ModelArts.4401")
                assert int(refused.headers["retry-after"]) >= 1
                refused_ids.append(refused.request_id)
            refused = await asyncio.wait_for(house.answer(of_another), 5)
            refused_ids.append(refused.request_id)
            quick = await asyncio.wait_for(house.answer(house.request(tagging_body(PICTURE))), 5)
            assert quick.status == 200
        finally:
            gate.open()
        assert [answer.status for answer in await asyncio.gather(*slow)] == [200] * FETCHES
        assert (await house.answer(by_url)).status == 200
        return refused_ids

    refused_ids = asyncio.run(run())
    failed = [use for use in house.uses() if not use.succeeded]
    assert {(use.request_id, use.http_status) for use in failed} == {
        (it, 429) for it in refused_ids
    }
    assert {use.error_code for use in failed} == {"ModelArts.4401"}
    assert len(house.uses()) == len(refused_ids) + FETCHES + 2


def test_calls_of_projects_that_wait_are_worked_on_in_turns(house: House) -> None:
    """Two compute slots; one project has eight calls, then another comes with one."""
    steps = threading.Semaphore(0)
    house.assembly.before = lambda: assert_(steps.acquire(timeout=20))
    flood = house.request(tagging_body(PICTURE))
    path = house.path("tagging", "cn-east-3")
    quiet = house.request(tagging_body(jpeg(80, 60)), path=path)
    turns = house.application._pipeline._recognition._computing

    async def until(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 -- what is waited for tells nobody
                await asyncio.sleep(0.001)

    async def run() -> None:
        calls = [asyncio.create_task(house.answer(flood)) for _ in range(8)]
        await until(lambda: turns.waiting == 6)
        calls.append(asyncio.create_task(house.answer(quiet)))
        await until(lambda: turns.waiting == 7)
        for looks in range(1, 10):
            steps.release()
            await until(lambda wanted=looks: len(house.assembly.looks) == wanted)  # type: ignore[misc]
        assert {answer.status for answer in await asyncio.gather(*calls)} == {200}

    asyncio.run(run())
    assert house.assembly.looks.index((80, 60)) <= 3
    assert len(house.uses()) == 9


def test_a_fetch_that_fails_gives_its_place_back(house: House) -> None:
    house.fetcher.pages["https://example.com/a.jpg"] = ZeroDivisionError()
    codes = {house.ask(house.request(BY_URL)).error_code for _ in range(FETCHES + 1)}
    assert codes == {"AIS.0003"}
