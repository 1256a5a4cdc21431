from __future__ import annotations

import json
from typing import Any

import pytest
from fake_assembly import KNOWN_JUDGEMENT
from strict_json import faults

from huiyan.recapture.capability import PATHS
from huiyan.recapture.model import RecaptureParams
from huiyan.recapture.schema import RECAPTURE_SCHEMAS
from huiyan.recapture.wire import LABELS, SUGGESTION_TEXTS, parse, render


def answer(**changes: Any) -> bytes:
    """Give an explained answer with fields of ``result`` changed; None takes one out."""
    result = json.loads(render(KNOWN_JUDGEMENT, RecaptureParams(0.95, explains=True)))["result"]
    changed = {**result, **changes}
    return json.dumps(
        {"result": {name: value for name, value in changed.items() if value is not None}}
    ).encode()


def test_every_version_is_described_in_words_of_its_own() -> None:
    assert set(RECAPTURE_SCHEMAS) == set(PATHS)
    assert len({schema.title.zh for schema in RECAPTURE_SCHEMAS.values()}) == len(PATHS)
    assert [name for name, it in RECAPTURE_SCHEMAS.items() if it.deprecated] == ["v1.0"]


def test_scene_is_a_field_of_the_older_version_alone() -> None:
    fields = {
        name: set(json.loads(json.dumps(schema.request))["properties"])
        for name, schema in RECAPTURE_SCHEMAS.items()
    }
    assert fields["v1.0"] - fields["v2"] == {"scene"}
    assert fields["v2"] == {"image", "url", "threshold", "explain"}


@pytest.mark.parametrize("version", RECAPTURE_SCHEMAS)
def test_the_examples_are_what_is_taken_and_answered(version: str) -> None:
    schema = RECAPTURE_SCHEMAS[version]
    params = parse(json.dumps(schema.request_example).encode()).params
    assert params == RecaptureParams(0.95)
    assert faults(json.dumps(schema.response_example).encode(), schema.response) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"suggestion": True},
        {"suggestion": "maybe"},
        {"suggestion": None},
        {"category": "x"},
        {"category": None},
        {"score": 0.9998},
        {"score": "1.2000"},
        {"score": "0.99"},
        {"detail": []},
        {"detail": [{"label": "recapture", "confidence": "0.9731"}]},
        {"detail": [{"label": "screen", "confidence": "0.9731"}] * 2},
        {"detail": [{"label": "recapture", "confidence": 0.9731}] * 2},
        {"huiyan": {}},
        {"huiyan": "screen"},
        {"medium": "screen"},
    ],
)
def test_an_answer_of_another_type_is_not_as_described(changes: dict[str, Any]) -> None:
    response = RECAPTURE_SCHEMAS["v2"].response
    assert faults(answer(), response) == []
    assert faults(answer(huiyan=None), response) == []
    assert faults(answer(**changes), response)


def test_the_words_are_the_wires() -> None:
    text = json.dumps(RECAPTURE_SCHEMAS["v2"].response)
    for word in (*LABELS, *SUGGESTION_TEXTS.values()):
        assert json.dumps(word) in text
