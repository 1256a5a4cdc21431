"""Boxes of an answer, made ready to be drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from huiyan.cli.boxes import BoxNames
from huiyan.imaging.draw_boxes import BoxLine
from huiyan.imaging.picture import Image
from huiyan.kernel.language import Bilingual
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId, Vocabulary

PICTURE = Image(np.zeros((50, 100, 3), np.uint8), (400, 200))
THINGS = Category(CategoryId("animal"), Bilingual("动物", "Animal"))
ATTRIBUTES = Category(CategoryId("attribute"), Bilingual("属性", "Attribute"))
KNOWN = {
    "animal": ("动物", THINGS, ()),
    "cat": ("猫", THINGS, ("animal",)),
    "cheap": ("便宜", ATTRIBUTES, ()),
    "orange": ("橙色", ATTRIBUTES, ()),
    "person": ("人", THINGS, ()),
    "striped": ("条纹", ATTRIBUTES, ()),
    "tabby": ("虎斑猫", THINGS, ("cat",)),
}
LABELS = tuple(
    Label(LabelId(en), Bilingual(zh, en), category, tuple(map(LabelId, parents)), Aliases(), ())
    for en, (zh, category, parents) in KNOWN.items()
)
NAMES = BoxNames(
    Vocabulary(LABELS, (THINGS, ATTRIBUTES), {it.id: row for row, it in enumerate(LABELS)})
)
PLACE = (40, 20, 200, 100)


def tag(name: str, *boxes: tuple[int, int, int, int, str]) -> dict[str, Any]:
    zh = KNOWN.get(name, (name,))[0]
    return {
        "tag": zh,
        "i18n_tag": {"zh": zh, "en": name},
        "instances": [
            {
                "bounding_box": {"top_left_x": x, "top_left_y": y, "width": w, "height": h},
                "confidence": confidence,
            }
            for x, y, w, h, confidence in boxes
        ],
    }


def lines(*tags: dict[str, Any]) -> list[BoxLine]:
    return NAMES.lines(tags, PICTURE)


def test_no_tags_are_no_boxes() -> None:
    assert lines() == []


def test_boxes_are_those_of_the_reduced_picture() -> None:
    (line,) = lines(tag("cat", (*PLACE, "93.00")))
    assert line.xyxy == pytest.approx((10, 5, 60, 30))
    assert (line.label, line.confidence) == ("猫", pytest.approx(0.93))


def test_all_boxes_of_a_tag_look_alike_and_come_surest_first() -> None:
    found = lines(
        tag("person", (0, 0, 9, 9, "90.00"), (20, 0, 9, 9, "30.00")),
        tag("cat", (1, 1, 5, 5, "60.00")),
    )
    assert [line.label for line in found] == ["人", "猫", "人"]
    assert found[0].group == found[2].group != found[1].group


@pytest.mark.parametrize(
    ("tabby", "label", "confidence"), [("40.00", "猫", 0.93), ("88.00", "虎斑猫", 0.88)]
)
def test_a_box_is_called_by_the_narrowest_of_its_sure_tags(
    tabby: str, label: str, confidence: float
) -> None:
    (line,) = lines(
        tag("animal", (*PLACE, "93.00")),
        tag("cat", (*PLACE, "93.00")),
        tag("tabby", (*PLACE, tabby)),
    )
    assert (line.label, line.confidence) == (label, pytest.approx(confidence))


def test_attributes_follow_their_thing_and_no_label_is_endless() -> None:
    (line,) = lines(
        tag("orange", (*PLACE, "97.00")),
        tag("cat", (*PLACE, "93.00")),
        tag("striped", (*PLACE, "60.00")),
        tag("cheap", (*PLACE, "30.00")),
    )
    assert (line.label, line.group) == ("猫 · 橙色 · 条纹", "cat")


def test_an_attribute_of_nearly_the_same_place_belongs_to_the_thing_there() -> None:
    (line,) = lines(tag("orange", (42, 20, 196, 98, "80.00")), tag("cat", (*PLACE, "93.00")))
    assert line.label == "猫 · 橙色"


def test_the_colour_of_a_subject_belongs_to_the_thing_that_is_most_of_it() -> None:
    (line,) = lines(tag("orange", (0, 20, 240, 100, "80.00")), tag("cat", (*PLACE, "93.00")))
    assert line.label == "猫 · 橙色"


def test_an_attribute_of_a_place_of_its_own_has_a_box_of_its_own() -> None:
    found = lines(tag("orange", (0, 0, 30, 30, "80.00")), tag("cat", (*PLACE, "93.00")))
    assert [line.label for line in found] == ["猫", "橙色"]


def test_a_tag_that_the_vocabulary_does_not_have_is_drawn_all_the_same() -> None:
    assert [line.label for line in lines(tag("news", (*PLACE, "50.00")))] == ["news"]
