"""Request bodies that every tagging operation refuses, each with the code that says why."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from live_server import tagging_body
from made_pictures import encoded, jpeg, photograph_like, png_bomb

MAX_TEXT_CHARS = 10_485_760
PICTURE = jpeg(64, 48)
URL = "https://example.com/a.jpg"


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def picture(data: bytes) -> bytes:
    return tagging_body(data)


BODIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "AIS.0014"),
    "no JSON": (lambda: b"hello", "AIS.0014"),
    "a JSON array": (lambda: b"[]", "AIS.0014"),
    "a JSON string": (lambda: b'"x"', "AIS.0014"),
    "null": (lambda: b"null", "AIS.0014"),
    "half a JSON object": (lambda: picture(PICTURE)[:-1], "AIS.0014"),
    "two JSON objects": (lambda: b"{}{}", "AIS.0014"),
    "no UTF-8": (lambda: b'{"url": "\xff\xfe"}', "AIS.0014"),
    "deeply nested": (lambda: b'{"x":' * 200_000 + b"1" + b"}" * 200_000, "AIS.0014"),
    "a deeply nested field": (lambda: b'{"language":' + b"[" * 200_000, "AIS.0014"),
    "an empty object": (lambda: b"{}", "AIS.0011"),
    "both fields empty": (lambda: body(image="", url=""), "AIS.0011"),
    "both fields null": (lambda: body(image=None, url=None), "AIS.0011"),
    "both fields": (lambda: tagging_body(PICTURE, url=URL), "AIS.0501"),
    "a number as image": (lambda: body(image=1), "AIS.0501"),
    "an object as image": (lambda: body(image={}), "AIS.0501"),
    "a number as url": (lambda: body(url=1), "AIS.0501"),
    "another language": (lambda: tagging_body(PICTURE, language="fr"), "AIS.0501"),
    "a number as language": (lambda: tagging_body(PICTURE, language=1), "AIS.0501"),
    "threshold below": (lambda: tagging_body(PICTURE, threshold=-0.1), "AIS.0501"),
    "threshold above": (lambda: tagging_body(PICTURE, threshold=100.1), "AIS.0501"),
    "threshold as text": (lambda: tagging_body(PICTURE, threshold="60"), "AIS.0501"),
    "threshold as boolean": (lambda: tagging_body(PICTURE, threshold=True), "AIS.0501"),
    "a number that no computer holds": (lambda: b'{"threshold": 1e999, "url": "x"}', "AIS.0501"),
    "limit 0": (lambda: tagging_body(PICTURE, limit=0), "AIS.0501"),
    "limit -1": (lambda: tagging_body(PICTURE, limit=-1), "AIS.0501"),
    "limit above": (lambda: tagging_body(PICTURE, limit=151), "AIS.0501"),
    "limit a fraction": (lambda: tagging_body(PICTURE, limit=1.5), "AIS.0501"),
    "limit huge": (lambda: tagging_body(PICTURE, limit=10**300), "AIS.0501"),
    "limit as boolean": (lambda: tagging_body(PICTURE, limit=True), "AIS.0501"),
    "no base64": (lambda: body(image="?" * 40), "AIS.0015"),
    "base64 cut short": (lambda: body(image="abcde"), "AIS.0015"),
    "base64 with a stranger": (lambda: body(image="狗狗狗狗"), "AIS.0015"),
    "a data URL": (
        lambda: body(image="data:image/jpeg;base64," + base64.b64encode(PICTURE).decode()),
        "AIS.0015",
    ),
    "too much base64": (lambda: body(image="A" * (MAX_TEXT_CHARS + 4)), "AIS.0020"),
    "no picture": (lambda: picture(b"hello, this is no picture" * 4), "AIS.0502"),
    "a GIF": (lambda: picture(encoded(photograph_like(), "GIF")), "AIS.0502"),
    "a TIFF": (lambda: picture(encoded(photograph_like(), "TIFF")), "AIS.0502"),
    "half a picture": (lambda: picture(encoded(photograph_like(), "PNG")[:300]), "AIS.0503"),
    "a side too short": (lambda: picture(jpeg(14, 400)), "AIS.0504"),
    "a side too long": (lambda: picture(jpeg(4097, 20)), "AIS.0504"),
    "a bomb": (lambda: picture(png_bomb(60_000, 60_000)), "AIS.0504"),
}
