"""Both wire versions of image tagging."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_json import faults

from huiyan.kernel.errors import InvalidParameterError, MalformedJsonError
from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Finding, LabelParams
from huiyan.recognition.model import PictureUrl
from huiyan.tagging.schema import TAGGING_SCHEMAS
from huiyan.tagging.wire import V1_TYPE_OF_CATEGORY, parse_v1, parse_v2, render_v1, render_v2
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId

ZH = LabelParams(language="zh", threshold=0.6, limit=50)
EN = LabelParams(language="en", threshold=0.6, limit=50)
ANIMAL = Category(CategoryId("animal"), Bilingual("动物", "Animal"))
SCENE = Category(CategoryId("scene"), Bilingual("场景", "Scene"))
EMOTION = Category(CategoryId("emotion"), Bilingual("情感", "Emotion"))


def label(name: str, zh: str, category: Category) -> Label:
    return Label(LabelId(name), Bilingual(zh, name), category, (), Aliases(), ())


DOG = label("dog", "狗", ANIMAL)
BEACH = label("beach", "海滩", SCENE)
JOY = label("joy", "喜悦", EMOTION)


def body(**fields: object) -> bytes:
    return json.dumps({"url": "http://example.com/a.jpg", **fields}).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"language": None, "threshold": None, "limit": None},
        {"language": "", "threshold": "", "limit": ""},
        {"scene": ["recapture"], "confidence": 1},
    ],
)
def test_absent_parameters_mean_the_defaults(fields: dict[str, object]) -> None:
    assert parse_v2(body(**fields)).params == LabelParams("zh", 0.6, 50)
    assert parse_v1(body(**fields)).params == LabelParams("zh", 0.0, 30)


def test_parameters_arrive_in_our_units() -> None:
    parsed = parse_v2(body(language="en", threshold=12.5, limit=7))
    assert parsed.params == LabelParams("en", 0.125, 7)
    assert parsed.source == PictureUrl("http://example.com/a.jpg")


@pytest.mark.parametrize("threshold", [0, 0.0, 100, 100.0, 55])
def test_both_ends_of_the_threshold_are_taken(threshold: float) -> None:
    assert parse_v2(body(threshold=threshold)).params.threshold == pytest.approx(threshold / 100)


@pytest.mark.parametrize("limit", [1, 150])
def test_both_ends_of_the_limit_are_taken(limit: int) -> None:
    assert parse_v2(body(limit=limit)).params.limit == limit
    assert parse_v1(body(limit=limit)).params.limit == limit


WRONG_TYPES = [
    {"threshold": "60"},
    {"threshold": True},
    {"threshold": []},
    {"limit": "5"},
    {"limit": False},
    {"limit": 5.0},
    {"limit": 0.5},
    {"limit": {}},
    {"language": "EN"},
    {"language": "fr"},
    {"language": 1},
    {"language": ["zh"]},
]


@pytest.mark.parametrize("fields", WRONG_TYPES, ids=str)
def test_a_wrong_type_is_refused_by_name_in_both_versions(fields: dict[str, object]) -> None:
    for parse in (parse_v2, parse_v1):
        with pytest.raises(InvalidParameterError) as caught:
            parse(body(**fields))
        assert caught.value.parameter == next(iter(fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": -0.1},
        {"threshold": 100.1},
        {"threshold": 10**300},
        {"limit": 0},
        {"limit": -1},
        {"limit": 151},
        {"limit": 10**300},
    ],
    ids=str,
)
def test_out_of_range_is_refused_in_v2_and_means_the_default_in_v1(
    fields: dict[str, object],
) -> None:
    with pytest.raises(InvalidParameterError):
        parse_v2(body(**fields))
    assert parse_v1(body(**fields)).params == LabelParams("zh", 0.0, 30)


def test_a_number_that_json_does_not_have_is_malformed() -> None:
    with pytest.raises(MalformedJsonError):
        parse_v2(b'{"url":"http://example.com","threshold":NaN}')


@pytest.mark.parametrize("render", [render_v2, render_v1])
def test_no_tags_are_an_empty_array(render: object) -> None:
    assert render((), ZH) == b'{"result":{"tags":[]}}'


def test_a_v2_tag_has_exactly_the_fields_and_types_of_the_wire() -> None:
    (tag,) = json.loads(render_v2((Finding(DOG, 0.92378),), ZH))["result"]["tags"]
    assert tag == {
        "confidence": "92.38",
        "type": "动物",
        "tag": "狗",
        "i18n_tag": {"zh": "狗", "en": "dog"},
        "i18n_type": {"zh": "动物", "en": "Animal"},
        "instances": [],
    }


def test_a_v1_tag_has_exactly_the_fields_and_types_of_the_wire() -> None:
    (tag,) = json.loads(render_v1((Finding(DOG, 0.92378),), EN))["result"]["tags"]
    assert tag == {
        "confidence": 92.38,
        "type": "object",
        "tag": "dog",
        "i18n_tag": {"zh": "狗", "en": "dog"},
    }
    assert isinstance(tag["confidence"], float)


def test_the_language_changes_plain_names_and_never_the_i18n_fields() -> None:
    zh = json.loads(render_v2((Finding(DOG, 0.9),), ZH))["result"]["tags"][0]
    en = json.loads(render_v2((Finding(DOG, 0.9),), EN))["result"]["tags"][0]
    assert (zh["tag"], zh["type"], en["tag"], en["type"]) == ("狗", "动物", "dog", "Animal")
    assert (zh["i18n_tag"], zh["i18n_type"]) == (en["i18n_tag"], en["i18n_type"])


def test_v1_has_three_types_that_are_never_translated() -> None:
    tags = (Finding(DOG, 0.9), Finding(BEACH, 0.8), Finding(JOY, 0.7))
    for params in (ZH, EN):
        answer = json.loads(render_v1(tags, params))["result"]["tags"]
        assert [tag["type"] for tag in answer] == ["object", "scene", "concept"]


def test_the_table_of_v1_types_names_real_categories_only() -> None:
    real = {category.id for category in load_vocabulary().categories}
    assert set(V1_TYPE_OF_CATEGORY) <= real


def test_the_order_of_tags_is_kept() -> None:
    tags = (Finding(BEACH, 0.9), Finding(DOG, 0.8), Finding(JOY, 0.7))
    answer = json.loads(render_v2(tags, EN))["result"]["tags"]
    assert [tag["tag"] for tag in answer] == ["beach", "dog", "joy"]


@pytest.mark.parametrize(
    ("confidence", "text"),
    [
        (0.0, "0.00"),
        (1.0, "100.00"),
        (0.6, "60.00"),
        (0.99999, "100.00"),
        (1e-9, "0.00"),
        (0.005, "0.50"),
    ],
)
def test_a_v2_confidence_is_text_with_two_decimals(confidence: float, text: str) -> None:
    answer = json.loads(render_v2((Finding(DOG, confidence),), ZH))["result"]["tags"][0]
    assert answer["confidence"] == text


@given(st.floats(min_value=0, max_value=1))
def test_both_versions_say_the_same_confidence(confidence: float) -> None:
    tags = (Finding(DOG, confidence),)
    text = json.loads(render_v2(tags, ZH))["result"]["tags"][0]["confidence"]
    number = json.loads(render_v1(tags, ZH))["result"]["tags"][0]["confidence"]
    assert abs(float(text) - number) < 0.011
    assert 0 <= number <= 100


@given(
    st.sampled_from(["zh", "en"]),
    st.floats(min_value=0, max_value=100),
    st.integers(min_value=1, max_value=150),
)
def test_whatever_is_in_range_is_parsed_as_written(
    language: str, threshold: float, limit: int
) -> None:
    params = parse_v2(body(language=language, threshold=threshold, limit=limit)).params
    assert params == LabelParams(language, threshold / 100, limit)


@given(st.lists(st.builds(Finding, st.sampled_from([DOG, BEACH, JOY]), st.floats(0, 1))))
def test_whatever_is_found_both_answers_are_as_their_schemas_say(found: list[Finding]) -> None:
    for params in (ZH, EN):
        v2, v1 = render_v2(tuple(found), params), render_v1(tuple(found), params)
        assert faults(v2, TAGGING_SCHEMAS["v2"].response) == []
        assert faults(v1, TAGGING_SCHEMAS["v1.0"].response) == []


@pytest.mark.parametrize("version", TAGGING_SCHEMAS)
def test_the_examples_are_as_their_schemas_say(version: str) -> None:
    schema = TAGGING_SCHEMAS[version]
    assert faults(json.dumps(schema.response_example).encode(), schema.response) == []
