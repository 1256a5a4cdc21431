from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from huiyan.evaluation.boxes import BoxedPicture, LabelledBox
from huiyan.evaluation.people import PeopleTally, group_of
from huiyan.labelling.people import GROUPS, OUTPUT_LAYER
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import own_rows

PERSON, DOG = 0, 16


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def _picture(people: int, *, is_crowd: bool = False) -> BoxedPicture:
    boxes = [LabelledBox((0, 0, 9, 9), PERSON, 81, is_crowd=is_crowd)] * people
    return BoxedPicture(Path("a.jpg"), (320, 320), (*boxes, LabelledBox((0, 0, 9, 9), DOG, 81)))


def _said(vocabulary: Vocabulary, *confidences: float) -> np.ndarray:
    by_label = np.full(len(vocabulary.labels), 0.5, np.float32)
    by_label[own_rows(vocabulary, OUTPUT_LAYER, len(GROUPS))] = 0
    rows = own_rows(vocabulary, OUTPUT_LAYER, len(GROUPS))[: len(confidences)]
    by_label[rows] = confidences
    return by_label


def test_without_pictures_there_is_no_accuracy(vocabulary: Vocabulary) -> None:
    figures = PeopleTally(vocabulary).figures()
    assert (figures.picture_count, figures.accuracy, figures.ece) == (0, None, 0)
    assert figures.reliability == ()
    assert [row.people for row in figures.groups] == ["0", "1", "2", "3", "4–9", "10+"]


def test_every_number_of_people_has_its_group() -> None:
    assert [group_of(count) for count in range(12)] == [0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 5, 5]


def test_the_likeliest_group_counts_and_nobody_is_one(vocabulary: Vocabulary) -> None:
    tally = PeopleTally(vocabulary)
    tally.add(_picture(0), _said(vocabulary, 0.3))
    tally.add(_picture(1), _said(vocabulary, 0.8, 0.1))
    tally.add(_picture(5), _said(vocabulary, 0.0, 0.0, 0.6, 0.4))
    figures = tally.figures()
    assert (figures.picture_count, figures.accuracy) == (3, pytest.approx(2 / 3))
    assert [row.picture_count for row in figures.groups] == [1, 1, 0, 0, 1, 0]
    assert [row.said_count for row in figures.groups] == [1, 1, 0, 1, 0, 0]
    assert [row.right_count for row in figures.groups] == [1, 1, 0, 0, 0, 0]


def test_tags_of_people_are_compared_with_the_number_of_boxes(vocabulary: Vocabulary) -> None:
    tally = PeopleTally(vocabulary)
    tally.add(_picture(2), _said(vocabulary, 0.04, 0.9))
    tally.add(_picture(1), _said(vocabulary, 0.04, 0.9))
    figures = tally.figures()
    assert sum(row.count for row in figures.reliability) == 2  # those below 0.05 are left out
    assert figures.ece == pytest.approx((0.1 + 0.9) / 2)


def test_a_crowd_that_nobody_counted_tells_nothing(vocabulary: Vocabulary) -> None:
    tally = PeopleTally(vocabulary)
    tally.add(_picture(1, is_crowd=True), _said(vocabulary, 1.0))
    assert tally.figures().picture_count == 0
