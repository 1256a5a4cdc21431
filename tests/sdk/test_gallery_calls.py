"""Galleries through the server as it stands: signed calls, two projects, and what holds it up."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_server import person, photo
from in_process import HOST, House, open_house
from made_pictures import encoded
from painted_faces import face, painted
from PIL import Image as Picture
from signed_call import Answer, SignedRequest

NORTH, EAST = "cn-north-4", "cn-east-3"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path)
    yield opened
    opened.close()


def request(
    house: House, method: str, path: str = "", document: Any = None, *, region: str = NORTH
) -> SignedRequest:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    target = f"/huiyan/v1/{house.account.project_ids[region]}/gallery{path}"
    sent = b"" if document is None else body
    return SignedRequest(house.account, HOST, target, sent, method=method)


def ask(house: House, method: str, path: str = "", document: Any = None, **more: str) -> Answer:
    return house.ask(request(house, method, path, document, **more))


def test_two_projects_of_an_account_know_nothing_of_each_other(house: House) -> None:
    made = ask(house, "POST", "/people", person("李雷", face(1))).json["person"]["id"]
    other = ask(house, "POST", "/people", person("韩梅梅", face(2)), region=EAST).json["person"]
    shown = ask(house, "GET", f"/people/{made}/photos").json["photos"][0]["id"]
    path = f"/people/{made}"
    for method, tail, document in (
        ("GET", "", None),
        ("PATCH", "", {"person": {"enabled": False}}),
        ("GET", "/photos", None),
        ("POST", "/photos", {"photos": [photo(face(1, 2))]}),
        ("GET", f"/photos/{shown}/picture", None),
        ("DELETE", f"/photos/{shown}", None),
        ("POST", "/merge", {"from": [other["id"]]}),
        ("DELETE", "", None),
    ):
        answer = ask(house, method, f"{path}{tail}", document, region=EAST)
        assert (answer.status, answer.error_code) == (404, "HY.0004"), (method, tail)
    foreign = ask(house, "POST", f"/people/{other['id']}/merge", {"from": [made]}, region=EAST)
    assert foreign.status == 404
    names = [it["name"]["zh"] for it in ask(house, "GET", "/people", region=EAST).json["people"]]
    assert names == ["韩梅梅"]
    for region, known, unknown in ((NORTH, 1, 2), (EAST, 2, 1)):
        for who, is_known in ((known, True), (unknown, False)):
            found = ask(house, "POST", "/search", photo(face(who, 5)), region=region)
            best = found.json["faces"][0]["candidates"][0]
            assert (best["similarity"] > 0.8) is is_known
    exported = ask(house, "GET", "/export").body
    assert made.encode() in exported
    assert other["id"].encode() not in exported
    assert ask(house, "DELETE").status == 204
    assert ask(house, "GET", region=EAST).json["gallery"]["people"] == 1


def test_large_bodies_pass_and_larger_ones_do_not(house: House) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1500, 1600, 3), np.uint8)
    noise[0, ::64] = 0  # nobody's face
    large = encoded(Picture.fromarray(noise), "PNG", compress_level=0)
    assert len(large) > 7_000_000
    given = {"image": base64.b64encode(large).decode()}
    document = person("李雷", face(1))
    document["photos"] = [given, given, given]
    answer = ask(house, "POST", "/people", document)
    assert (answer.status, answer.error_code) == (400, "HY.0012")
    answer = ask(house, "POST", "/people", bytes(32 * 1024 * 1024 + 1))
    assert (answer.status, answer.error_code) == (413, "HY.0005")
    assert house.admission.calls == 0


def test_the_same_file_counts_once_however_it_comes(house: House) -> None:
    house.gallery.files.files["https://a.test/1.png"] = painted(face(1))
    document = person("李雷", face(1))
    document["photos"] = [photo(face(1)), {"url": "https://a.test/1.png"}]
    assert ask(house, "POST", "/people", document).status == 409


def test_nobody_without_credentials_makes_the_server_take_a_large_body(house: House) -> None:
    asked = request(house, "POST", "/people", person("李雷", face(1)))
    waiting = house.answer(asked, {"Host": HOST}, [])
    answer = asyncio.run(asyncio.wait_for(waiting, 10))
    assert (answer.status, answer.error_code) == (401, "HY.0001")
    assert house.admission.calls == 0


def test_a_body_is_signed_whole(house: House) -> None:
    asked = request(house, "POST", "/people", person("李雷", face(1)))
    forged = request(house, "POST", "/people", person("韩梅", face(1)))
    answer = house.ask(
        SignedRequest(house.account, HOST, asked.path, forged.body, method="POST"), asked.headers
    )
    assert (answer.status, answer.error_code) == (401, "HY.0001")
    assert ask(house, "GET").json["gallery"]["exists"] is False


def test_searches_of_many_at_once_all_find_the_same(house: House) -> None:
    made = ask(house, "POST", "/people", person("李雷", face(1))).json["person"]["id"]

    async def run() -> list[Answer]:
        asked = [request(house, "POST", "/search", photo(face(1, look))) for look in range(2, 26)]
        return await asyncio.gather(*(house.answer(it) for it in asked))

    for answer in asyncio.run(run()):
        assert answer.status == 200, answer.body
        assert answer.json["faces"][0]["candidates"][0]["person"]["id"] == made


def test_the_same_photo_added_by_many_at_once_is_there_once(house: House) -> None:
    made = ask(house, "POST", "/people", person("李雷")).json["person"]["id"]

    async def run() -> list[int]:
        asked = request(house, "POST", f"/people/{made}/photos", {"photos": [photo(face(1))]})
        return [it.status for it in await asyncio.gather(*(house.answer(asked) for _ in range(8)))]

    statuses = asyncio.run(run())
    assert sorted(statuses) == [201, *[409] * 7]
    assert len(ask(house, "GET", f"/people/{made}/photos").json["photos"]) == 1
