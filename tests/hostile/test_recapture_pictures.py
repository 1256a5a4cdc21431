"""Pictures and fields that try to break recapture detection, which decodes at full size."""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import psutil
import pytest
from live_server import LiveServer, tagging_body
from made_pictures import animated_png, encoded, jpeg, photograph_like, png_bomb
from PIL import Image
from signed_call import connect
from strict_json import faults

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("unharmed")]

PATH = "/v2/{project_id}/image/recapture-detect"
PICTURE = jpeg(400, 300)
MOST_MIB = 450.0
"""Above idle, at 10,000 by 10,000 px, the answer included."""
SHAPES = ((1, 1), (2, 1), (1, 10_000), (10_000, 1), (3, 9_999), (14, 14), (9_999, 15))


@pytest.fixture(scope="module")
def schema(server: LiveServer) -> Any:
    operation = server.get("/openapi.json").json["paths"][PATH]["post"]
    return operation["responses"]["200"]["content"]["application/json"]["schema"]


def ask(server: LiveServer, picture: bytes) -> Any:
    return server.tag(body=tagging_body(picture, explain=True), path=PATH)


def check(answer: Any, schema: Any, size_wh: tuple[int, int]) -> None:
    assert answer.status == 200, f"{size_wh}: {answer.body!r}"
    assert faults(answer.body, schema) == []
    assert len(answer.body) < 100_000
    for patch in answer.json["result"]["huiyan"]["patches"]:
        assert patch["left"] < size_wh[0]
        assert patch["top"] < size_wh[1]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP"])
def test_the_thinnest_pictures_are_answered(server: LiveServer, schema: Any, form: str) -> None:
    for size_wh in SHAPES:
        check(ask(server, encoded(photograph_like(*size_wh), form)), schema, size_wh)


class Peak:
    """The most memory that a process has while this runs, in MiB."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.mib = self.now()

    def now(self) -> float:
        return float(self._process.memory_info().rss) / 2**20

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            self.mib = max(self.mib, self.now())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self._ended.set()
        self._thread.join()


def shaded(mode: str, side_px: int, form: str, **options: Any) -> bytes:
    """Make a square picture that is not blank and yet fits into a request."""
    shade = Image.linear_gradient("L").resize((side_px, side_px))
    if mode == "RGB":
        picture = Image.merge("RGB", (shade, shade.rotate(90), shade.rotate(180)))
    else:
        picture = shade.convert(mode, dither=Image.Dither.NONE)
    target = io.BytesIO()
    picture.save(target, form, **options)
    return target.getvalue()


@pytest.mark.parametrize(
    ("make", "side_px", "most_mib"),
    [
        (lambda: shaded("RGB", 3_464, "JPEG"), 3_464, 150.0),
        (lambda: shaded("RGB", 10_000, "JPEG", quality=40), 10_000, MOST_MIB),
        (lambda: shaded("RGB", 10_000, "JPEG", quality=40, progressive=True), 10_000, MOST_MIB),
        (lambda: shaded("L", 10_000, "JPEG"), 10_000, MOST_MIB),
        (lambda: shaded("1", 10_000, "PNG"), 10_000, MOST_MIB),
    ],
    ids=["12 megapixels", "colour", "progressive", "grey", "PNG of bits"],
)
def test_large_pictures_are_answered_in_bounded_memory(
    server: LiveServer, schema: Any, make: Callable[[], bytes], side_px: int, most_mib: float
) -> None:
    large = make()
    ask(server, PICTURE)
    with Peak(server.process.pid) as peak:
        before_mib, start_s = peak.now(), time.monotonic()
        check(ask(server, large), schema, (side_px, side_px))
    assert time.monotonic() - start_s < 30
    assert peak.mib - before_mib < most_mib


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes": (lambda: b"", "AIS.0011"),
    "one byte": (lambda: b"\xff", "AIS.0502"),
    "one pixel too wide": (lambda: jpeg(10_001, 1), "AIS.0504"),
    "a truncated head": (lambda: PICTURE[:100], "AIS.0503"),
    "a truncated PNG": (lambda: encoded(photograph_like(), "PNG")[:-200], "AIS.0503"),
    "a truncated PNG of the largest size": (lambda: png_bomb(10_000, 10_000)[:-9_000], "AIS.0503"),
    "a truncated BMP": (lambda: encoded(photograph_like(), "BMP")[:200], "AIS.0503"),
    "a GIF": (lambda: encoded(photograph_like(), "GIF"), "AIS.0502"),
    "a WebP": (lambda: encoded(photograph_like(), "WEBP"), "AIS.0502"),
    "a truncated WebP": (lambda: encoded(photograph_like(), "WEBP")[:60], "AIS.0503"),
    "a bomb": (lambda: png_bomb(30_000, 30_000), "AIS.0504"),
    "a bomb of one row": (lambda: png_bomb(2**31 - 1, 1)[:4000], "AIS.0504"),
}


@pytest.mark.parametrize("name", BAD)
def test_hostile_pictures_are_refused(server: LiveServer, name: str) -> None:
    make, code = BAD[name]
    answer = server.tag(make(), path=PATH)
    assert (answer.status, answer.error_code) == (400, code), answer.body
    assert answer.json["request_id"] == answer.request_id


def test_of_an_animation_the_first_frame_counts(server: LiveServer, schema: Any) -> None:
    answer = ask(server, animated_png())
    assert answer.status == 200
    assert faults(answer.body, schema) == []


FIELDS: dict[bytes, str | None] = {
    b'"threshold": NaN': "AIS.0014",
    b'"threshold": 1e400': "AIS.0501",
    b'"threshold": [0.9]': "AIS.0501",
    b'"threshold": false': "AIS.0501",
    b'"threshold": "0.9"': "AIS.0501",
    b'"threshold": -1e-9': None,
    b'"threshold": 95': None,
    b'"threshold": -0.0': None,
    b'"threshold": 1e-320': None,
    b'"threshold": ' + b"9" * 4000: None,
    b'"explain": 1e999': None,
    b'"explain": ' + b"[" * 900 + b"]" * 900: None,
    b'"scene": ' + b"[" * 900 + b"]" * 900: None,
    b'"explain": ' + b"[" * 200_000: "AIS.0014",
}


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field[:30].decode())
def test_odd_fields_are_refused_or_mean_the_default(server: LiveServer, field: bytes) -> None:
    code = FIELDS[field]
    answer = server.tag(body=tagging_body(jpeg(20, 20))[:-1] + b", " + field + b"}", path=PATH)
    if code is None:
        assert answer.status == 200, answer.body
    else:
        assert (answer.status, answer.error_code) == (400, code), answer.body


def test_bytes_turned_at_random_never_break_it(server: LiveServer) -> None:
    chance = random.Random(13)
    good = [PICTURE, *(encoded(photograph_like(), form) for form in ("PNG", "BMP"))]
    connection = connect(server.port)
    for turn in range(60):
        picture = bytearray(good[turn % len(good)])
        for _ in range(chance.randint(1, 20)):
            picture[chance.randrange(len(picture))] = chance.randrange(256)
        answer = server.tag(bytes(picture), connection=connection, path=PATH)
        if answer.status != 200:
            assert answer.status == 400
            assert answer.error_code in {"AIS.0502", "AIS.0503", "AIS.0504"}, answer.body
    connection.close()
