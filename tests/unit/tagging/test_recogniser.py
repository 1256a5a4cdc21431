"""Image tagging's choice among findings."""

from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Findings, Instance, LabelParams
from huiyan.tagging.capability import tagging_capabilities
from huiyan.tagging.recogniser import TagRecogniser
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId, Vocabulary

THING = Category(CategoryId("thing"), Bilingual("东西", "Thing"))
LABELS = tuple(
    Label(LabelId(name), Bilingual(name, name), THING, (), Aliases(), ()) for name in "abcd"
)
VOCABULARY = Vocabulary(LABELS, (THING,), {label.id: row for row, label in enumerate(LABELS)})
PICTURE = Image(np.zeros((10, 10, 3), np.uint8), (10, 10))


class Known:
    """Finds what it was given; fails where that is nothing."""

    min_short_side_px = 312

    def __init__(self, *by_label: float) -> None:
        self.by_label = by_label

    def find(self, image: Image) -> Findings:
        assert image is PICTURE
        if not self.by_label:
            raise InferenceError("the network failed")
        somewhere = {0: (Instance((0.0, 0.0, 5.0, 5.0), 0.99),)}
        return Findings(VOCABULARY, np.array(self.by_label, np.float32), somewhere)

    def locate(self, image: Image) -> Findings:
        raise AssertionError(f"image tagging gives no boxes: {image}")


def names(finder: Known, threshold: float, limit: int) -> list[str]:
    params = LabelParams("zh", threshold, limit)
    return [it.label.id for it in TagRecogniser(finder).recognise(PICTURE, params)]


def test_a_picture_of_nothing_has_no_tags_at_any_threshold() -> None:
    assert names(Known(0, 0, 0, 0), 0.0, 150) == []


def test_the_most_certain_come_first_and_ties_go_by_id() -> None:
    assert names(Known(0.2, 0.9, 0.5, 0.9), 0.0, 150) == ["b", "d", "c", "a"]


def test_the_threshold_itself_is_kept() -> None:
    assert names(Known(0.5, 0.25, 0.75, 0.0), 0.5, 150) == ["c", "a"]


def test_the_limit_keeps_the_first() -> None:
    assert names(Known(0.2, 0.9, 0.5, 0.9), 0.0, 2) == ["b", "d"]


def test_a_network_that_fails_fails_the_call() -> None:
    with pytest.raises(InferenceError):
        names(Known(), 0.0, 150)


def test_how_large_a_picture_must_be_decoded_is_told_by_what_looks_at_it() -> None:
    for capability in tagging_capabilities(TagRecogniser(Known(0.5))):
        assert capability.min_short_side_px == 312


def test_pictures_of_15_to_4096_px_are_taken() -> None:
    for capability in tagging_capabilities(TagRecogniser(Known(0.5))):
        limits = capability.limits
        assert (limits.min_side_px, limits.max_side_px) == (15, 4096)
