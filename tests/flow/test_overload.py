"""More calls than the server takes, and bodies that do not come."""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Callable
from typing import Any

from in_process import Gate, House
from live_server import tagging_body
from made_pictures import jpeg
from signed_call import Account, SignedRequest

PICTURE = jpeg(64, 48)
OpenHouse = Callable[..., House]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 -- what is waited for tells nobody
            await asyncio.sleep(0.001)


def test_past_the_queue_a_call_is_told_to_come_back_and_not_recorded(
    open_a_house: OpenHouse,
) -> None:
    house = open_a_house(queue_limit=4)  # of which one project may have three
    gate = Gate()
    house.assembly.before = gate
    request = house.request(tagging_body(PICTURE))

    async def run() -> None:
        first = [asyncio.create_task(house.answer(request)) for _ in range(3)]
        await asyncio.to_thread(gate.arrived.acquire)
        refused = await house.answer(request)
        assert (refused.status, refused.error_code) == (429, "ModelArts.4401")
        assert int(refused.headers["retry-after"]) >= 1
        assert house.calls_counted(status="429", error_code="ModelArts.4401") == 1
        gate.open()
        answers = await asyncio.gather(*first)
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert (await house.answer(request)).status == 200

    asyncio.run(run())
    assert len(house.uses()) == 4
    assert all(use.succeeded for use in house.uses())
    assert house.admission.calls == 0


def test_a_call_that_names_no_project_is_refused_once_its_project_is_known(
    open_a_house: OpenHouse,
) -> None:
    house = open_a_house(queue_limit=4)
    gate = Gate()
    house.assembly.before = gate
    named = house.request(tagging_body(PICTURE))
    unnamed = house.request(tagging_body(PICTURE), path="/v1.0/image/tagging")

    async def run() -> None:
        held = [asyncio.create_task(house.answer(named)) for _ in range(3)]
        await until(lambda: house.admission._places.used == 3)
        refused = await house.answer(unnamed)
        assert (refused.status, refused.error_code) == (429, "ModelArts.4401")
        assert int(refused.headers["retry-after"]) >= 1
        gate.open()
        assert {answer.status for answer in await asyncio.gather(*held)} == {200}
        assert (await house.answer(unnamed)).status == 200

    asyncio.run(asyncio.wait_for(run(), 30))
    assert len(house.uses()) == 4
    assert house.admission.calls == 0


def test_the_bytes_in_hand_are_bounded_too(open_a_house: OpenHouse) -> None:
    house = open_a_house(queue_bytes=10_000)
    gate = Gate()
    house.assembly.before = gate
    small = house.request(tagging_body(PICTURE))
    large = house.request(tagging_body(PICTURE) + b" " * 9_000)

    async def run() -> None:
        held = asyncio.create_task(house.answer(small))
        await asyncio.to_thread(gate.arrived.acquire)
        assert (await house.answer(large)).status == 429
        gate.open()
        assert (await held).status == 200
        assert (await house.answer(large)).status == 200

    asyncio.run(run())


def test_bodies_that_do_not_come_keep_nobody_out(open_a_house: OpenHouse) -> None:
    house = open_a_house(queue_limit=2, body_timeout_s=1.0)
    request = house.request(tagging_body(PICTURE))
    half = [{"type": "http.request", "body": request.body[:10], "more_body": True}]

    async def run() -> None:
        silent = [asyncio.create_task(house.answer(request, chunks=half)) for _ in range(20)]
        await asyncio.sleep(0.05)
        assert (await house.answer(request)).status == 200
        assert {answer.status for answer in await asyncio.gather(*silent)} == {408}

    asyncio.run(run())


def test_a_body_that_never_ends_is_given_up(open_a_house: OpenHouse) -> None:
    house = open_a_house(body_timeout_s=0.1)
    request = house.request(tagging_body(PICTURE))
    half = [{"type": "http.request", "body": request.body[:10], "more_body": True}]
    answer = asyncio.run(house.answer(request, chunks=half))
    assert (answer.status, answer.error_code) == (408, "APIGW.0201")
    assert house.uses() == ()
    assert house.admission.calls == 0


def test_an_iam_call_whose_body_never_ends_is_given_up(open_a_house: OpenHouse) -> None:
    house = open_a_house(body_timeout_s=0.1)
    request = house.request(path="/v3/projects", method="GET")
    half = [{"type": "http.request", "body": b"", "more_body": True}]
    answer = asyncio.run(house.answer(request, chunks=half))
    assert answer.status == 408


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(house: House) -> None:
    request = house.request(tagging_body(PICTURE))
    gone: list[dict[str, Any]] = [
        {"type": "http.request", "body": request.body[:10], "more_body": True},
        {"type": "http.disconnect"},
    ]
    answer = asyncio.run(house.answer(request, chunks=gone))
    assert answer.status == 0
    assert house.uses() == ()
    assert house.admission.calls == 0


def test_a_body_in_pieces_is_one_body(house: House) -> None:
    request = house.request(tagging_body(PICTURE))
    pieces = [
        {"type": "http.request", "body": bytes([byte]), "more_body": True} for byte in request.body
    ]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})
    assert asyncio.run(house.answer(request, chunks=pieces)).status == 200


def test_too_large_a_body_is_refused_whether_it_says_so_or_not(house: House) -> None:
    request = house.request(b" " * (12 * 2**20 + 1))
    said = asyncio.run(house.answer(request))
    piece = {"type": "http.request", "body": request.body[: 2**20], "more_body": True}
    unsaid = asyncio.run(house.answer(request, chunks=[piece] * 20))
    for answer in (said, unsaid):
        assert (answer.status, answer.error_code) == (413, "APIGW.0201")
    assert house.uses() == ()
    assert house.admission.calls == 0


def test_a_project_that_floods_the_queue_leaves_room_for_another(open_a_house: OpenHouse) -> None:
    house = open_a_house(queue_limit=9)
    gate = Gate()
    house.assembly.before = gate
    flood = house.request(tagging_body(PICTURE))
    quiet = house.request(tagging_body(PICTURE), path=house.path("tagging", "cn-east-3"))

    async def run() -> None:
        held = [asyncio.create_task(house.answer(flood)) for _ in range(8)]
        await asyncio.to_thread(gate.arrived.acquire)
        await until(lambda: house.admission.calls >= 8)
        refused = await asyncio.gather(*(house.answer(flood) for _ in range(20)))
        assert {answer.error_code for answer in refused} == {"ModelArts.4401"}
        held.append(asyncio.create_task(house.answer(quiet)))
        await until(lambda: house.admission.calls >= 9)
        gate.open()
        assert {answer.status for answer in await asyncio.gather(*held)} == {200}

    asyncio.run(asyncio.wait_for(run(), 30))
    assert len(house.uses()) == 9
    assert house.admission.calls == 0


def test_a_project_that_floods_makes_another_wait_for_little(open_a_house: OpenHouse) -> None:
    """Forty calls of one project at any time, and one of the other: it waits for two at most."""
    house = open_a_house(queue_limit=64)
    house.assembly.before = lambda: time.sleep(0.005)
    flood = house.request(tagging_body(PICTURE))
    quiet = house.request(tagging_body(PICTURE), path=house.path("tagging", "cn-east-3"))
    waits_s: dict[str, list[float]] = {"flood": [], "quiet": []}
    ended = asyncio.Event()

    async def call(name: str, request: SignedRequest) -> None:
        started_s = time.perf_counter()
        answer = await house.answer(request)
        assert answer.status == 200
        waits_s[name].append(time.perf_counter() - started_s)

    async def flooding() -> None:
        while not ended.is_set():
            await call("flood", flood)

    async def run() -> None:
        floods = [asyncio.create_task(flooding()) for _ in range(40)]
        await until(lambda: len(waits_s["flood"]) >= 40)
        for _ in range(15):
            await call("quiet", quiet)
        ended.set()
        await asyncio.gather(*floods)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert statistics.median(waits_s["quiet"]) < statistics.median(waits_s["flood"]) / 3
    assert len(house.uses()) == sum(map(len, waits_s.values()))


def test_a_stranger_that_invents_projects_shuts_nobody_out(open_a_house: OpenHouse) -> None:
    house = open_a_house(queue_limit=8)
    good = house.request(tagging_body(PICTURE))
    ended = asyncio.Event()
    flood: list[int] = []

    async def flooding() -> None:
        nobody = Account("A" * 20, "b" * 40, {})
        while not ended.is_set():
            path = f"/v2/{secrets.token_hex(16)}/image/tagging"
            bogus = house.request(tagging_body(PICTURE), account=nobody, path=path)
            flood.append((await house.answer(bogus, client="198.51.100.6")).status)
            await asyncio.sleep(0)  # a refusal at once waits for nothing

    async def run() -> list[int]:
        floods = [asyncio.create_task(flooding()) for _ in range(40)]
        await until(lambda: len(flood) >= 100)
        statuses = [(await house.answer(good)).status for _ in range(15)]
        ended.set()
        await asyncio.gather(*floods)
        return statuses

    assert set(asyncio.run(asyncio.wait_for(run(), 30))) == {200}
    assert set(flood) == {401, 429}
    assert house.admission.calls == 0


def test_who_calls_for_anothers_project_takes_none_of_its_places(open_a_house: OpenHouse) -> None:
    house = open_a_house(queue_limit=9)
    gate = Gate()
    house.assembly.before = gate
    good = house.request(tagging_body(PICTURE))
    unsigned = {**good.headers, "Authorization": "SDK-HMAC-SHA256 Access=A"}

    async def run() -> None:
        refused = await asyncio.gather(
            *(house.answer(good, unsigned, client="198.51.100.6") for _ in range(8))
        )
        held = [asyncio.create_task(house.answer(good)) for _ in range(8)]
        await until(lambda: house.admission.calls >= 8)
        gate.open()
        assert {answer.status for answer in refused} == {401}
        assert {answer.status for answer in await asyncio.gather(*held)} == {200}

    asyncio.run(asyncio.wait_for(run(), 30))


def test_callers_behind_one_address_may_fill_the_queue(open_a_house: OpenHouse) -> None:
    house = open_a_house(queue_limit=9, queue_bytes=9 * 5_000)
    gate = Gate()
    house.assembly.before = gate
    body = tagging_body(PICTURE)
    body += b" " * (4_900 - len(body))
    paths = [house.path("tagging", region) for region in ("cn-north-4", "cn-east-3")]

    async def run() -> None:
        held = []
        for number in range(8):
            request = house.request(body, path=paths[number % 2])
            held.append(asyncio.create_task(house.answer(request)))
            await until(lambda: house.admission._places.used == len(held))
        gate.open()
        assert {answer.status for answer in await asyncio.gather(*held)} == {200}

    asyncio.run(asyncio.wait_for(run(), 30))


def test_iam_calls_that_arrive_slowly_weigh_for_their_address(open_a_house: OpenHouse) -> None:
    house = open_a_house(queue_bytes=10_000, body_timeout_s=1.0)
    slow = house.request(path="/v3/auth/tokens", method="POST")
    half = [{"type": "http.request", "body": b" " * 2_000, "more_body": True}]

    async def run() -> None:
        silent = [
            asyncio.create_task(house.answer(slow, chunks=half, client="198.51.100.6"))
            for _ in range(20)
        ]
        await asyncio.sleep(0.05)
        assert (await house.answer(house.request(tagging_body(PICTURE)))).status == 200
        answers = await asyncio.gather(*silent)
        statuses = [answer.status for answer in answers]
        assert statuses.count(408) == 4
        assert statuses.count(429) == 16
        full = next(answer for answer in answers if answer.status == 429)
        assert int(full.headers["retry-after"]) >= 1
        assert json.loads(full.body)["error"]["code"] == 429

    asyncio.run(run())
    assert house.admission._bytes.used == 0


def test_many_at_once_are_each_recorded_once(house: House) -> None:
    async def run() -> list[str]:
        request = house.request(tagging_body(PICTURE))
        answers = await asyncio.gather(*(house.answer(request) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        return [answer.request_id for answer in answers]

    told = asyncio.run(run())
    stored = [use.request_id for use in house.uses()]
    assert sorted(told) == sorted(stored)
    assert len(set(stored)) == 50
