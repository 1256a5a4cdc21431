from __future__ import annotations

import json

import pytest
from fake_assembly import person_of

from huiyan.celebrity.model import Appearance, Candidate, CelebrityParams, Sighting
from huiyan.celebrity.schema import CELEBRITY_SCHEMAS
from huiyan.celebrity.wire import DEFAULT_THRESHOLD, parse, render
from huiyan.kernel.errors import InvalidParameterError

PARAMS = CelebrityParams(0.9)


def rendered(
    xyxy: tuple[float, float, float, float], confidence: float = 0.95, name: str = "姚明"
) -> dict[str, object]:
    appearance = Appearance(Candidate(person_of(name, "Yao Ming"), 0.5, confidence), xyxy)
    (entry,) = json.loads(render(Sighting(1, (appearance,)), PARAMS))["result"]
    assert isinstance(entry, dict)
    return entry


def test_nobody_is_an_empty_array() -> None:
    assert render(Sighting(0, ()), PARAMS) == b'{"result":[]}'
    assert render(Sighting(3, ()), PARAMS) == b'{"result":[]}'


@pytest.mark.parametrize("threshold", ['""', "null"])
def test_an_absent_threshold_means_nine_tenths(threshold: str) -> None:
    assert parse(b'{"image": "aGk="}').params == PARAMS
    body = f'{{"image": "aGk=", "threshold": {threshold}}}'.encode()
    assert parse(body).params == PARAMS


@pytest.mark.parametrize("threshold", [0, 0.48, 1])
def test_a_threshold_is_taken_as_it_is(threshold: float) -> None:
    body = json.dumps({"image": "aGk=", "threshold": threshold}).encode()
    assert parse(body).params.min_confidence == threshold


@pytest.mark.parametrize("threshold", ["-0.01", "1.01", "90", "true", '"0.9"', "[]", "1e400"])
def test_another_threshold_is_refused(threshold: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse(f'{{"image": "aGk=", "threshold": {threshold}}}'.encode())
    assert caught.value.parameter == "threshold"


@pytest.mark.parametrize(
    "field", ['"language": 5', '"language": "fr"', '"limit": -1', '"limit": []']
)
def test_fields_of_other_operations_are_ignored_whatever_they_hold(field: str) -> None:
    assert parse(f'{{"image": "aGk=", {field}}}'.encode()).params == PARAMS


def test_the_confidence_is_a_number_and_places_are_whole() -> None:
    assert rendered((163.4, 116.6, 349.2, 397.4), 0.987654) == {
        "confidence": 0.9877,
        "face_detail": {"w": 186, "h": 280, "x": 163, "y": 117},
        "label": "姚明",
    }


def test_a_name_without_chinese_is_given_as_stored() -> None:
    assert rendered((0, 0, 9, 9), name="")["label"] == "Yao Ming"


@pytest.mark.parametrize(
    "xyxy", [(0.5, 0.5, 63.5, 47.5), (63.6, 0.0, 64.0, 48.0), (0.0, 0.0, 0.3, 0.4)]
)
def test_a_box_never_leaves_the_picture_by_rounding(
    xyxy: tuple[float, float, float, float],
) -> None:
    box = rendered(xyxy)["face_detail"]
    assert isinstance(box, dict)
    assert min(box["x"], box["y"]) >= 0
    assert box["w"] >= 1
    assert box["h"] >= 1
    assert box["x"] + box["w"] <= 64
    assert box["y"] + box["h"] <= 48


def test_the_description_has_the_wire_s_default() -> None:
    for schema in CELEBRITY_SCHEMAS.values():
        text = json.loads(json.dumps(schema.request))
        assert text["properties"]["threshold"]["default"] == DEFAULT_THRESHOLD
