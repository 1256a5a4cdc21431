"""Pictures of every shape, and more calls than it likes, for the operations that take them all."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import pytest
from live_server import LiveServer, tagging_body
from made_pictures import encoded, jpeg, photograph_like, png_bomb
from PIL import Image
from signed_call import connect, send
from strict_json import faults

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("unharmed")]

LIST = "/v2/{project_id}/image/media-tagging"
BOXES = "/v2/{project_id}/image/media-tagging-det"
SUBJECT = "/v3/{project_id}/image/main-object-detection"
PATHS = (LIST, BOXES, SUBJECT)
PICTURE = jpeg(400, 300)
ANSWERED_WITHIN_S = 30.0
"""However large or odd, on a busy machine."""


@pytest.fixture(scope="module")
def schemas(server: LiveServer) -> dict[str, Any]:
    paths = server.get("/openapi.json").json["paths"]
    return {
        path: paths[path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        for path in PATHS
    }


def noise(width_px: int, height_px: int) -> Image.Image:
    pixels = np.random.default_rng(5).integers(0, 256, (height_px, width_px, 3), np.uint8)
    return Image.fromarray(pixels)


def everything(picture: bytes) -> bytes:
    return tagging_body(picture, threshold=0, limit=150)


def check_places(answer: Any, size_wh: tuple[int, int]) -> None:
    """No box leaves its picture or is empty."""
    result = answer["result"]
    boxes = (
        [one["location"] for one in result]
        if isinstance(result, list)
        else [it["bounding_box"] for tag in result["tags"] for it in tag["instances"]]
    )
    for box in boxes:
        assert box["width"] > 0
        assert box["height"] > 0
        assert 0 <= box["top_left_x"] <= box["top_left_x"] + box["width"] <= size_wh[0] + 0.001
        assert 0 <= box["top_left_y"] <= box["top_left_y"] + box["height"] <= size_wh[1] + 0.001


SHAPES = ((1, 1), (2, 1), (1, 10_000), (10_000, 1), (3, 9_999), (14, 14), (9_999, 15))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_thinnest_pictures_are_answered(
    server: LiveServer, schemas: dict[str, Any], path: str, form: str
) -> None:
    for width, height in SHAPES:
        picture = noise(width, height) if form == "JPEG" else Image.new("RGB", (width, height))
        start_s = time.monotonic()
        answer = server.tag(body=everything(encoded(picture, form)), path=path)
        assert answer.status == 200, f"{width} by {height}: {answer.body!r}"
        assert faults(answer.body, schemas[path]) == []
        check_places(answer.json, (width, height))
        assert time.monotonic() - start_s < ANSWERED_WITHIN_S


@pytest.mark.parametrize("path", PATHS)
def test_the_largest_pictures_are_answered_in_bounded_memory(
    server: LiveServer, schemas: dict[str, Any], path: str
) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    for mode, form in (("L", "JPEG"), ("1", "PNG")):
        largest = encoded(Image.new(mode, (10_000, 10_000), 1), form)
        start_s = time.monotonic()
        answer = server.tag(body=everything(largest), path=path)
        assert answer.status == 200, f"{form}: {answer.body!r}"
        assert faults(answer.body, schemas[path]) == []
        check_places(answer.json, (10_000, 10_000))
        assert time.monotonic() - start_s < ANSWERED_WITHIN_S
    assert (process.memory_info().rss - before) / 2**20 < 320


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes": (lambda: b"", "AIS.0011"),
    "one byte": (lambda: b"\xff", "AIS.0502"),
    "one pixel too wide": (lambda: jpeg(10_001, 1), "AIS.0504"),
    "one pixel too high": (lambda: jpeg(1, 10_001), "AIS.0504"),
    "a truncated head": (lambda: PICTURE[:100], "AIS.0503"),
    "a truncated PNG": (lambda: encoded(photograph_like(), "PNG")[:-200], "AIS.0503"),
    "a truncated PNG of the largest size": (lambda: png_bomb(10_000, 10_000)[:-9_000], "AIS.0503"),
    "a truncated WebP": (lambda: encoded(photograph_like(), "WEBP")[:60], "AIS.0503"),
    "a truncated BMP": (lambda: encoded(photograph_like(), "BMP")[:200], "AIS.0503"),
    "a GIF": (lambda: encoded(photograph_like(), "GIF"), "AIS.0502"),
    "a bomb": (lambda: png_bomb(30_000, 30_000), "AIS.0504"),
    "a bomb of one row": (lambda: png_bomb(2**31 - 1, 1)[:4000], "AIS.0504"),
}


@pytest.mark.parametrize("path", PATHS)
def test_hostile_pictures_are_refused(server: LiveServer, path: str) -> None:
    for name, (make, code) in BAD.items():
        answer = server.tag(make(), path=path)
        assert (answer.status, answer.error_code) == (400, code), f"{name}: {answer.body!r}"
        assert answer.json["request_id"] == answer.request_id


FIELDS: dict[bytes, str | None] = {
    b'"threshold": NaN': "AIS.0014",
    b'"threshold": Infinity': "AIS.0014",
    b'"threshold": 1e400': "AIS.0501",
    b'"threshold": -1e-9': "AIS.0501",
    b'"threshold": 100.0000001': "AIS.0501",
    b'"threshold": -0.0': None,
    b'"threshold": 1e-320': None,
    b'"threshold": [60]': "AIS.0501",
    b'"threshold": {"value": 60}': "AIS.0501",
    b'"threshold": false': "AIS.0501",
    b'"threshold": "60"': "AIS.0501",
    b'"threshold": 60, "threshold": null': None,
}
TAG_FIELDS: dict[bytes, str | None] = {
    b'"limit": 10.0': "AIS.0501",
    b'"limit": 1e1': "AIS.0501",
    b'"limit": "10"': "AIS.0501",
    b'"limit": [10]': "AIS.0501",
    b'"limit": true': "AIS.0501",
    b'"limit": -1': "AIS.0501",
    b'"limit": 99999999999999999999999999': "AIS.0501",
    b'"language": ["zh"]': "AIS.0501",
    b'"language": "ZH"': "AIS.0501",
    b'"language": "zh\\u0000"': "AIS.0501",
}
"""Main object detection has neither, and ignores them whatever they hold."""


@pytest.mark.parametrize("path", PATHS)
def test_parameters_of_the_wrong_kind_are_refused(server: LiveServer, path: str) -> None:
    good = tagging_body(jpeg(20, 20))[:-1]
    for field, code in (FIELDS | TAG_FIELDS).items():
        ignored = path == SUBJECT and field in TAG_FIELDS
        answer = server.tag(body=good + b", " + field + b"}", path=path)
        if code is None or ignored:
            assert answer.status == 200, f"{field!r}: {answer.body!r}"
        else:
            assert (answer.status, answer.error_code) == (400, code), f"{field!r}: {answer.body!r}"


@pytest.mark.parametrize("turns", [40, pytest.param(60, marks=pytest.mark.slow)])
def test_bytes_turned_at_random_never_break_an_operation(server: LiveServer, turns: int) -> None:
    chance = random.Random(11)
    good = [PICTURE, *(encoded(photograph_like(), form) for form in ("PNG", "WEBP", "BMP"))]
    connection = connect(server.port)
    for turn in range(turns):
        picture = bytearray(good[turn % len(good)])
        for _ in range(chance.randint(1, 20)):
            picture[chance.randrange(len(picture))] = chance.randrange(256)
        answer = server.tag(bytes(picture), connection=connection, path=PATHS[turn % 3])
        if answer.status != 200:
            assert answer.status == 400
            assert answer.error_code in {"AIS.0502", "AIS.0503", "AIS.0504"}, answer.body
    connection.close()


def test_a_flood_of_boxes_keeps_its_answers_and_leaves_nothing_behind(
    server: LiveServer, unharmed: Callable[[], None]
) -> None:
    pictures = [PICTURE, encoded(noise(640, 480)), jpeg(1, 10_000), jpeg(900, 700, seed=3)]
    alone = [server.tag(body=everything(picture), path=BOXES).body for picture in pictures]
    told: list[tuple[int, bool]] = []

    def run(first: int) -> None:
        connection = connect(server.port, timeout_s=120)
        for turn in range(first, first + 2):
            which = turn % len(pictures)
            request = server.request(body=everything(pictures[which]), path=BOXES)
            answer = send(connection, request)
            told.append((answer.status, answer.body == alone[which]))
        connection.close()

    threads = [threading.Thread(target=run, args=(turn,)) for turn in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 32
    assert {status for status, _ in told} <= {200, 429}
    kept = [same for status, same in told if status == 200]
    assert len(kept) >= 16
    assert all(kept)
    unharmed()


def test_all_operations_at_once_are_each_answered_and_counted(server: LiveServer) -> None:
    def counted() -> Counter[str]:
        counts: Counter[str] = Counter()
        for line in server.get("/metrics").body.decode().splitlines():
            if line.startswith("huiyan_calls_total{") and 'status="200"' in line:
                for path in PATHS:
                    name = path.rpartition("/")[2]
                    if f'interface="{name}"' in line:
                        counts[name] += int(float(line.rsplit(" ", 1)[1]))
        return counts

    before, statuses = counted(), []

    def run(path: str) -> None:
        statuses.extend(server.tag(PICTURE, path=path).status for _ in range(2))

    threads = [threading.Thread(target=run, args=(path,)) for path in PATHS for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 24
    assert counted() - before == {path.rpartition("/")[2]: 8 for path in PATHS}


def test_a_threshold_or_limit_cannot_make_an_answer_of_any_size(server: LiveServer) -> None:
    for picture in (encoded(noise(640, 480)), jpeg(4000, 3000)):
        for path in PATHS:
            answer = server.tag(body=everything(picture), path=path)
            assert answer.status == 200
            assert len(answer.body) < 400_000
            result = json.loads(answer.body)["result"]
            assert len(result["tags"] if isinstance(result, dict) else result) <= 150
