"""Real answers of every operation, against what the server itself says that it answers.

Clients in Go, .NET and Java refuse a number where text is declared, and a decimal where an integer
is; the vendor's Python client takes both, so the raw JSON is looked at here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer, tagging_body
from made_pictures import jpeg
from strict_json import faults

pytestmark = pytest.mark.models

PATHS = (
    "/v2/{project_id}/image/tagging",
    "/v1.0/image/tagging",
    "/v2/{project_id}/image/media-tagging",
    "/v2/{project_id}/image/media-tagging-det",
    "/v2/{project_id}/image/celebrity-recognition",
    "/v1.0/image/celebrity-recognition",
    "/v3/{project_id}/image/main-object-detection",
    "/v2/{project_id}/image/recapture-detect",
    "/v1.0/image/recapture-detect",
)
PEOPLE = tuple(path for path in PATHS if "celebrity" in path)
RECAPTURE = tuple(path for path in PATHS if "recapture" in path)


@pytest.fixture(scope="module")
def schemas(server: LiveServer) -> dict[str, Any]:
    paths = server.get("/openapi.json").json["paths"]
    return {
        path: item["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        for path, item in paths.items()
        if "image" in item.get("post", {}).get("tags", ())
    }


def values(answer: Any, name: str) -> Iterator[Any]:
    """Give every value of a name, however deep it lies."""
    if isinstance(answer, dict):
        for key, inner in answer.items():
            if key == name:
                yield inner
            yield from values(inner, name)
    elif isinstance(answer, list):
        for inner in answer:
            yield from values(inner, name)


def test_these_are_all_operations(schemas: dict[str, Any]) -> None:
    assert set(schemas) == set(PATHS)


@pytest.mark.parametrize("path", PATHS)
def test_every_value_of_every_answer_is_of_the_type_told(
    server: LiveServer, schemas: dict[str, Any], photographs: dict[str, Path], path: str
) -> None:
    pictures = {name: file.read_bytes() for name, file in photographs.items()}
    pictures |= {"a thin one": jpeg(15, 4000), "noise": jpeg(640, 480, seed=9)}
    for turn, (name, picture) in enumerate(pictures.items()):
        language = ("zh", "en")[turn % 2]
        body = tagging_body(picture, threshold=0, limit=150, language=language, explain=True)
        answer = server.tag(body=body, path=path)
        assert answer.status == 200, answer.body
        assert faults(answer.body, schemas[path]) == [], f"{name} {language}"


@pytest.mark.parametrize("path", PATHS)
def test_confidences_are_text_but_in_the_oldest_operation_and_of_people(
    server: LiveServer, photographs: dict[str, Path], path: str
) -> None:
    picture = photographs["astronaut" if path in PEOPLE else "chelsea"].read_bytes()
    body = tagging_body(picture, threshold=0, limit=150)
    confidences = list(values(server.tag(body=body, path=path).json, "confidence"))
    assert confidences
    for confidence in confidences:
        if path in RECAPTURE:
            assert isinstance(confidence, str)
            assert re.fullmatch(r"[01]\.\d{4}", confidence)
        elif path in PEOPLE or path.startswith("/v1.0"):
            assert isinstance(confidence, float)
        else:
            assert isinstance(confidence, str)
            assert re.fullmatch(r"\d{1,3}\.\d\d", confidence)
        assert 0 <= float(confidence) <= (1 if path in PEOPLE + RECAPTURE else 100)


def test_boxes_are_whole_and_places_are_not(
    server: LiveServer, photographs: dict[str, Path]
) -> None:
    body = tagging_body(photographs["chelsea"].read_bytes(), threshold=0, limit=150)
    for path, name, kind in (
        ("/v2/{project_id}/image/media-tagging-det", "bounding_box", int),
        ("/v3/{project_id}/image/main-object-detection", "location", float),
    ):
        boxes = list(values(json.loads(server.tag(body=body, path=path).body), name))
        assert boxes
        for box in boxes:
            assert set(box) == {"width", "height", "top_left_x", "top_left_y"}
            assert {type(edge) for edge in box.values()} == {kind}
