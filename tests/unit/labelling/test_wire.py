"""What the tagging operations' wires share."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.kernel.errors import InvalidParameterError
from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Finding, Instance, LabelParams
from huiyan.labelling.wire import (
    LabelDefaults,
    parse_request,
    render_confidence,
    render_i18n,
    render_instance,
    render_labels,
)
from huiyan.recognition.model import PictureUrl
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId

DEFAULTS = LabelDefaults(threshold_percent=35.0, limit=7)
ANIMAL = Category(CategoryId("animal"), Bilingual("动物", "Animal"))
DOG = Label(LabelId("dog"), Bilingual("狗", "dog"), ANIMAL, (), Aliases(), ())
ZH = LabelParams("zh", 0.6, 50)


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
def test_absent_parameters_mean_the_operations_defaults(fields: dict[str, object]) -> None:
    parsed = parse_request(body(**fields), DEFAULTS)
    assert parsed.params == LabelParams("zh", 0.35, 7)
    assert parsed.source == PictureUrl("http://example.com/a.jpg")


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": "60"},
        {"threshold": True},
        {"threshold": -0.01},
        {"threshold": 100.01},
        {"threshold": 10**300},
        {"limit": 0},
        {"limit": -1},
        {"limit": 151},
        {"limit": 5.0},
        {"limit": False},
        {"limit": "5"},
        {"language": "EN"},
        {"language": ["zh"]},
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_by_name(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_request(body(**fields), DEFAULTS)
    assert caught.value.parameter == next(iter(fields))


@given(
    st.sampled_from(["zh", "en"]),
    st.floats(min_value=0, max_value=100),
    st.integers(min_value=1, max_value=150),
)
def test_whatever_is_in_range_is_parsed_as_written(
    language: str, threshold: float, limit: int
) -> None:
    fields = body(language=language, threshold=threshold, limit=limit)
    assert parse_request(fields, DEFAULTS).params == LabelParams(language, threshold / 100, limit)


@pytest.mark.parametrize(
    ("confidence", "text"),
    [(0.0, "0.00"), (1.0, "100.00"), (0.92378, "92.38"), (0.99999, "100.00"), (1e-9, "0.00")],
)
def test_a_confidence_is_percent_with_two_decimals(confidence: float, text: str) -> None:
    assert render_confidence(confidence) == text


def test_both_languages_are_always_written() -> None:
    text = render_i18n(Bilingual("狗", "dog"))
    assert (text.zh, text.en) == ("狗", "dog")


def test_a_list_gives_no_boxes_even_where_some_are_known() -> None:
    finding = Finding(DOG, 0.9, (Instance((1.0, 2.0, 3.0, 4.0), 0.9),))
    (tag,) = json.loads(render_labels((finding,), ZH))["result"]["tags"]
    assert tag["instances"] == []


class TestBoxes:
    @pytest.mark.parametrize(
        ("xyxy", "box"),
        [
            ((0.0, 0.0, 640.0, 480.0), (0, 0, 640, 480)),
            ((1.4, 1.6, 9.4, 9.6), (1, 2, 8, 8)),
            ((0.0, 0.0, 1.0, 1.0), (0, 0, 1, 1)),
            ((3.1, 3.6, 3.4, 4.4), (3, 4, 1, 1)),
            ((639.6, 479.9, 640.0, 480.0), (639, 479, 1, 1)),
            ((0.0, 0.0, 0.2, 0.3), (0, 0, 1, 1)),
            ((-0.0, -1e-6, 5.0, 5.0), (0, 0, 5, 5)),
        ],
    )
    def test_edges_are_rounded_to_whole_pixels(
        self, xyxy: tuple[float, float, float, float], box: tuple[int, int, int, int]
    ) -> None:
        written = render_instance(Instance(xyxy, 0.5)).bounding_box
        assert (written.top_left_x, written.top_left_y, written.width, written.height) == box

    def test_the_confidence_of_a_box_is_text(self) -> None:
        assert render_instance(Instance((0, 0, 1, 1), 0.2)).confidence == "20.00"

    @given(st.data(), st.integers(1, 10_000), st.integers(1, 10_000))
    def test_a_box_never_leaves_the_picture_and_is_never_empty(
        self, data: st.DataObject, width: int, height: int
    ) -> None:
        across, down = (
            sorted(data.draw(st.tuples(*[st.floats(0, side, width=32)] * 2)))
            for side in (width, height)
        )
        instance = Instance((across[0], down[0], across[1], down[1]), 0.5)
        box = render_instance(instance).bounding_box
        assert all(type(value) is int for value in (box.width, box.height))
        assert box.top_left_x >= 0
        assert box.top_left_y >= 0
        assert box.width >= 1
        assert box.height >= 1
        assert box.top_left_x + box.width <= width
        assert box.top_left_y + box.height <= height

    @given(st.integers(0, 9_000), st.floats(1, 900, width=32), st.floats(0, 1, width=32))
    def test_rounding_moves_no_edge_by_more_than_half_a_pixel(
        self, corner: int, side: float, part: float
    ) -> None:
        left = corner + part
        box = render_instance(Instance((left, left, left + side, left + side), 0.5)).bounding_box
        assert abs(box.top_left_x - left) <= 0.5
        assert abs(box.top_left_x + box.width - (left + side)) <= 0.5
