"""Both operations of media tagging, and the types that strict clients need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_json import faults

from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Finding, Instance, LabelParams
from huiyan.media_tagging.schema import MEDIA_TAGGING_SCHEMAS
from huiyan.media_tagging.wire import parse_boxes, parse_list, render_boxes, render_list
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId

ZH = LabelParams(language="zh", threshold=0.0, limit=150)
EN = LabelParams(language="en", threshold=0.0, limit=150)
VEHICLE = Category(CategoryId("vehicle"), Bilingual("交通工具", "Vehicle"))
CAR = Label(LabelId("car"), Bilingual("汽车", "car"), VEHICLE, (), Aliases(), ())
BARE = b'{"url":"http://example.com/a.jpg"}'
LIST_SCHEMA = MEDIA_TAGGING_SCHEMAS["media-tagging"].response
BOXES_SCHEMA = MEDIA_TAGGING_SCHEMAS["media-tagging-det"].response

instances = st.builds(
    lambda left, top, wide, high, sure: Instance((left, top, left + wide, top + high), sure),
    st.floats(0, 5000, width=32),
    st.floats(0, 5000, width=32),
    st.floats(0, 5000, width=32),
    st.floats(0, 5000, width=32),
    st.floats(0, 1),
)
findings = st.lists(
    st.builds(
        Finding,
        st.just(CAR),
        st.floats(0, 1),
        st.lists(instances, min_size=1, max_size=4).map(tuple),
    ),
    max_size=4,
).map(tuple)


def leaves(value: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], type]]:
    """Give the type of every leaf of a JSON value, by the names that lead to it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*names, name))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, names)
    else:
        yield names, type(value)


def test_the_two_operations_have_defaults_of_their_own() -> None:
    assert parse_list(BARE).params == LabelParams("zh", 0.6, 10)
    assert parse_boxes(BARE).params == LabelParams("zh", 0.2, 10)


@pytest.mark.parametrize("parse", [parse_list, parse_boxes])
@pytest.mark.parametrize("limit", [1, 51, 150])
def test_both_take_up_to_150_tags(parse: Any, limit: int) -> None:
    text = json.dumps({"url": "http://example.com", "limit": limit}).encode()
    assert parse(text).params.limit == limit


@pytest.mark.parametrize("render", [render_list, render_boxes])
def test_no_tags_are_an_empty_array(render: Any) -> None:
    assert render((), ZH) == b'{"result":{"tags":[]}}'


def test_a_listed_tag_has_exactly_the_fields_of_the_wire() -> None:
    finding = Finding(CAR, 0.92378, (Instance((1.0, 2.0, 30.0, 40.0), 0.9),))
    (tag,) = json.loads(render_list((finding,), ZH))["result"]["tags"]
    assert tag == {
        "confidence": "92.38",
        "type": "交通工具",
        "tag": "汽车",
        "i18n_tag": {"zh": "汽车", "en": "car"},
        "i18n_type": {"zh": "交通工具", "en": "Vehicle"},
        "instances": [],
    }


def test_a_boxed_tag_has_exactly_the_fields_of_the_wire_and_no_i18n_type() -> None:
    places = (Instance((1.2, 2.0, 30.0, 40.0), 0.9), Instance((0.0, 0.0, 5.0, 5.0), 0.25))
    (tag,) = json.loads(render_boxes((Finding(CAR, 0.9, places),), EN))["result"]["tags"]
    assert tag == {
        "confidence": "90.00",
        "type": "Vehicle",
        "tag": "car",
        "i18n_tag": {"zh": "汽车", "en": "car"},
        "instances": [
            {
                "bounding_box": {"width": 29, "height": 38, "top_left_x": 1, "top_left_y": 2},
                "confidence": "90.00",
            },
            {
                "bounding_box": {"width": 5, "height": 5, "top_left_x": 0, "top_left_y": 0},
                "confidence": "25.00",
            },
        ],
    }


@given(findings, st.sampled_from([ZH, EN]))
def test_whatever_is_found_the_answer_is_as_its_schema_says(
    found: tuple[Finding, ...], params: LabelParams
) -> None:
    assert faults(render_list(found, params), LIST_SCHEMA) == []
    assert faults(render_boxes(found, params), BOXES_SCHEMA) == []


@given(findings)
def test_every_leaf_is_text_but_for_the_four_integers_of_a_box(found: tuple[Finding, ...]) -> None:
    assert {kind for _, kind in leaves(json.loads(render_list(found, ZH)))} <= {str}
    for names, kind in leaves(json.loads(render_boxes(found, ZH))):
        assert kind is (int if "bounding_box" in names else str), names


def test_the_strict_check_finds_what_loose_clients_would_pass() -> None:
    good = json.loads(
        render_boxes((Finding(CAR, 0.9, (Instance((1.0, 2.0, 3.0, 4.0), 0.9),)),), ZH)
    )
    for path, bad in (
        (("instances", 0, "bounding_box", "width"), 2.0),
        (("instances", 0, "bounding_box", "width"), "2"),
        (("instances", 0, "bounding_box", "width"), 0),
        (("instances", 0, "bounding_box", "top_left_x"), -1),
        (("instances", 0, "confidence"), 90.0),
        (("confidence",), 90.0),
        (("confidence",), "90.0"),
        (("instances",), []),
        (("i18n_type",), {"zh": "", "en": ""}),
        (("i18n_tag", "zh"), None),
    ):
        spoilt = json.loads(json.dumps(good))
        place = spoilt["result"]["tags"][0]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = bad
        assert len(faults(json.dumps(spoilt).encode(), BOXES_SCHEMA)) == 1, path


@pytest.mark.parametrize("interface", MEDIA_TAGGING_SCHEMAS)
def test_the_examples_are_as_their_schemas_say(interface: str) -> None:
    schema = MEDIA_TAGGING_SCHEMAS[interface]
    assert faults(json.dumps(schema.response_example).encode(), schema.response) == []


@pytest.mark.parametrize(
    ("interface", "parse"), [("media-tagging", parse_list), ("media-tagging-det", parse_boxes)]
)
def test_the_defaults_told_are_those_held(interface: str, parse: Any) -> None:
    schema = MEDIA_TAGGING_SCHEMAS[interface]
    fields: Any = schema.request["properties"]
    bare = parse(BARE).params
    assert bare.limit == fields["limit"]["default"]
    assert bare.threshold * 100 == pytest.approx(fields["threshold"]["default"])
    assert bare.language == fields["language"]["default"]
    assert parse(json.dumps(schema.request_example).encode()).params.language == "en"


def test_every_description_is_in_both_languages() -> None:
    def nodes(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
            for inner in value.values():
                yield from nodes(inner)

    for schema in MEDIA_TAGGING_SCHEMAS.values():
        for node in [*nodes(schema.request), *nodes(schema.response)]:
            assert ("description" in node) == ("x-description-zh" in node)
