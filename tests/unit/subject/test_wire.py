from __future__ import annotations

import json

import pytest

from huiyan.kernel.errors import InvalidParameterError
from huiyan.subject.model import Rank, Subject, SubjectParams
from huiyan.subject.schema import SUBJECT_SCHEMAS
from huiyan.subject.wire import DEFAULT_THRESHOLD_PERCENT, parse_v3, render_v3

PARAMS = SubjectParams(0.3)


@pytest.mark.parametrize("threshold", ['""', "null"])
def test_an_absent_threshold_means_30(threshold: str) -> None:
    assert parse_v3(b'{"image": "aGk="}').params == PARAMS
    body = f'{{"image": "aGk=", "threshold": {threshold}}}'.encode()
    assert parse_v3(body).params == PARAMS


@pytest.mark.parametrize(
    "field", ['"language": 5', '"language": "fr"', '"limit": -1', '"limit": []']
)
def test_fields_of_other_operations_are_ignored_whatever_they_hold(field: str) -> None:
    assert parse_v3(f'{{"image": "aGk=", {field}}}'.encode()).params == PARAMS


@pytest.mark.parametrize("threshold", ["-0.1", "100.1", "true", '"30"', "[]", "1e400"])
def test_another_threshold_is_refused(threshold: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_v3(f'{{"image": "aGk=", "threshold": {threshold}}}'.encode())
    assert caught.value.parameter == "threshold"


def test_no_subject_is_an_empty_array() -> None:
    assert render_v3((), PARAMS) == b'{"result":[]}'


def test_confidence_is_text_and_places_are_numbers() -> None:
    subject = Subject(Rank.MAIN, (256.128, 85.2149, 395.712, 346.5351), 0.66379)
    (entry,) = json.loads(render_v3((subject,), PARAMS))["result"]
    assert entry == {
        "label": "main_object_box",
        "confidence": "66.38",
        "location": {"width": 139.58, "height": 261.33, "top_left_x": 256.13, "top_left_y": 85.21},
    }


def test_a_box_never_leaves_the_picture_by_rounding() -> None:
    subject = Subject(Rank.SECONDARY, (0.005, 0.0, 99.996, 100.0), 1.0)
    (entry,) = json.loads(render_v3((subject,), PARAMS))["result"]
    box = entry["location"]
    assert box["top_left_x"] + box["width"] <= 100
    assert entry["label"] == "bounding_box"
    assert entry["confidence"] == "100.00"


def test_the_description_has_the_wire_s_numbers() -> None:
    schema = json.loads(json.dumps(SUBJECT_SCHEMAS["v3"].request))
    assert f'"default": {DEFAULT_THRESHOLD_PERCENT}' in json.dumps(schema)
