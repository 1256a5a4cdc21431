"""Both operations end to end, from picture to answer, with findings that are known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from huiyan.imaging.picture import Format, Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Findings, Instance
from huiyan.media_tagging.capability import media_tagging_capabilities
from huiyan.media_tagging.recogniser import MediaTagRecogniser
from huiyan.persistence.query import Scope
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId, Vocabulary

THING = Category(CategoryId("thing"), Bilingual("东西", "Thing"))
LABELS = tuple(
    Label(LabelId(name), Bilingual(name, name), THING, (), Aliases(), ()) for name in "abcd"
)
VOCABULARY = Vocabulary(LABELS, (THING,), {label.id: row for row, label in enumerate(LABELS)})
SCOPE = Scope(AccountId("a"), ProjectId("p"))
PICTURE = Image(np.zeros((10, 10, 3), np.uint8), (10, 10))


def place(confidence: float) -> Instance:
    return Instance((0.0, 0.0, 10.0, 10.0), confidence)


class Known:
    """Finds what it was given, boxes only where asked; fails where it was given nothing."""

    min_short_side_px = 312

    def __init__(self, by_label: list[float] | None, **places: list[float]) -> None:
        self.by_label = by_label
        self.places = places
        self.asked: list[str] = []

    def find(self, image: Image) -> Findings:
        assert image is PICTURE
        self.asked.append("find")
        return self._findings({})

    def locate(self, image: Image) -> Findings:
        assert image is PICTURE
        self.asked.append("locate")
        return self._findings(
            {
                "abcd".index(name): tuple(place(one) for one in confidences)
                for name, confidences in self.places.items()
            }
        )

    def _findings(self, instances: dict[int, tuple[Instance, ...]]) -> Findings:
        if self.by_label is None:
            raise InferenceError("the network failed")
        return Findings(VOCABULARY, np.array(self.by_label, np.float32), instances)


def answers(finder: Known, **fields: Any) -> tuple[list[Any], list[Any]]:
    body = json.dumps({"url": "http://example.com/a.jpg", **fields}).encode()
    both = []
    for capability in media_tagging_capabilities(MediaTagRecogniser(finder)):
        params = capability.parse(body).params
        reply = capability.render(capability.recognise(PICTURE, params, SCOPE), params)
        both.append(json.loads(reply)["result"]["tags"])
    return both[0], both[1]


def test_a_picture_of_nothing_has_no_tags_and_no_boxes() -> None:
    assert answers(Known([0, 0, 0, 0]), threshold=0, limit=150) == ([], [])


def test_each_is_offered_under_its_own_name_and_path() -> None:
    offered = media_tagging_capabilities(MediaTagRecogniser(Known([])))
    assert [(it.interface, it.version, it.path) for it in offered] == [
        ("media-tagging", "v2", "/v2/{project_id}/image/media-tagging"),
        ("media-tagging-det", "v2", "/v2/{project_id}/image/media-tagging-det"),
    ]


def test_both_take_pictures_of_1_to_10000_px_in_four_formats() -> None:
    for capability in media_tagging_capabilities(MediaTagRecogniser(Known([]))):
        assert capability.limits.formats == set(Format)
        assert (capability.limits.min_side_px, capability.limits.max_side_px) == (1, 10_000)


def test_how_large_a_picture_must_be_decoded_is_told_by_what_looks_at_it() -> None:
    for capability in media_tagging_capabilities(MediaTagRecogniser(Known([]))):
        assert capability.min_short_side_px == 312


def test_the_list_says_what_is_in_the_picture_and_the_boxes_what_is_where() -> None:
    finder = Known([0.9, 0.7, 0.0, 0.61], a=[0.5, 0.2], c=[0.95])
    listed, boxed = answers(finder)
    assert [(tag["tag"], tag["confidence"]) for tag in listed] == [
        ("a", "90.00"),
        ("b", "70.00"),
        ("d", "61.00"),
    ]
    assert [(tag["tag"], tag["confidence"]) for tag in boxed] == [("c", "95.00"), ("a", "50.00")]
    assert finder.asked == ["find", "locate"], "boxes cost time, and one look is enough"


def test_the_threshold_is_that_of_each_box() -> None:
    _, boxed = answers(Known([0.9, 0, 0, 0], a=[0.5, 0.4, 0.1], b=[0.39]), threshold=40)
    (tag,) = boxed
    assert [it["confidence"] for it in tag["instances"]] == ["50.00", "40.00"]


def test_the_limit_counts_tags_and_ties_go_by_id() -> None:
    finder = Known([0.9, 0.9, 0.9, 0.9], d=[0.8, 0.7], b=[0.8, 0.6], a=[0.3])
    listed, boxed = answers(finder, limit=2)
    assert [tag["tag"] for tag in listed] == ["a", "b"]
    assert [(tag["tag"], len(tag["instances"])) for tag in boxed] == [("b", 2), ("d", 2)]


def test_a_network_that_fails_fails_the_call() -> None:
    for capability in media_tagging_capabilities(MediaTagRecogniser(Known(None))):
        params = capability.parse(b'{"url":"http://example.com"}').params
        with pytest.raises(InferenceError):
            capability.recognise(PICTURE, params, SCOPE)
