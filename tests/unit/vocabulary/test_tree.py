from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from huiyan.kernel.errors import VocabularyError
from huiyan.kernel.language import Bilingual
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import (
    Aliases,
    Category,
    CategoryId,
    Label,
    LabelId,
    ModelOutput,
    Vocabulary,
)
from huiyan.vocabulary.tree import (
    ancestor_rows,
    fold,
    fold_any,
    fold_best,
    membership_of,
    own_rows,
    topological_order,
)

BUSY = settings(deadline=None)  # a busy machine is no fault
CATEGORY = Category(CategoryId("animal"), Bilingual(zh="动物", en="Animal"))


def _vocabulary(*labels: tuple[str, str, tuple[int, ...]]) -> Vocabulary:
    """Build a vocabulary from (id, parents apart by spaces, outputs of the model 'toy')."""
    built = tuple(
        Label(
            id=LabelId(label_id),
            name=Bilingual(zh=label_id, en=label_id),
            category=CATEGORY,
            parents=tuple(map(LabelId, parents.split())),
            aliases=Aliases(),
            outputs=tuple(ModelOutput("toy", index) for index in outputs),
        )
        for label_id, parents, outputs in sorted(labels)
    )
    rows = MappingProxyType({label.id: row for row, label in enumerate(built)})
    return Vocabulary(built, (CATEGORY,), rows)


# dog and cat both lead to animal twice: by mammal and by pet
DIAMOND = _vocabulary(
    ("animal", "", ()),
    ("cat", "mammal pet", (2,)),
    ("dog", "mammal pet", (0, 1)),
    ("mammal", "animal", ()),
    ("pet", "animal", ()),
    ("stone", "", ()),
)


UNIT = npst.arrays(np.float32, 4, elements=st.floats(0, 1, width=32))


def test_no_labels_have_no_ancestors_and_no_members() -> None:
    empty = _vocabulary()
    membership = membership_of(empty, "toy", 4)
    assert ancestor_rows(empty) == ()
    assert membership.offsets.tolist() == [0]
    assert membership.indices.dtype == np.int64
    assert fold(membership, np.ones((2, 4), np.float32)).shape == (2, 0)


def test_parents_come_before_their_children() -> None:
    place = {row: place for place, row in enumerate(topological_order(DIAMOND))}
    assert sorted(place) == list(range(6))
    for row, above in enumerate(ancestor_rows(DIAMOND)):
        assert all(place[parent] < place[row] for parent in above)


def test_an_ancestor_stands_once_however_many_paths_lead_to_it() -> None:
    dog = DIAMOND.row_by_id[LabelId("dog")]
    above = [DIAMOND.labels[row].id for row in ancestor_rows(DIAMOND)[dog]]
    assert above == ["animal", "mammal", "pet"]


def test_a_circle_is_refused_by_name() -> None:
    circle = _vocabulary(("hen", "egg", ()), ("egg", "hen", ()), ("stone", "", ()))
    with pytest.raises(VocabularyError, match="egg, hen"):
        topological_order(circle)


def test_an_output_counts_once_for_each_ancestor() -> None:
    membership = membership_of(DIAMOND, "toy", 4)
    members = [membership.row(row).tolist() for row in range(6)]
    assert members == [[0, 1, 2], [2], [0, 1], [0, 1, 2], [0, 1, 2], []]


def test_another_models_outputs_are_no_members() -> None:
    assert membership_of(DIAMOND, "other", 4).indices.shape == (0,)


def test_an_output_beyond_the_model_is_refused() -> None:
    with pytest.raises(VocabularyError, match="cat: toy:2 is not below 2"):
        membership_of(DIAMOND, "toy", 2)


def test_folding_sums_the_outputs_below_each_label() -> None:
    scores = np.array([[0.5, 0.25, 0.125, 0.125], [0, 0, 1, 0]], np.float32)
    folded = fold(membership_of(DIAMOND, "toy", 4), scores)
    assert folded.dtype == np.float32
    assert folded.tolist() == [
        [0.875, 0.125, 0.75, 0.875, 0.875, 0.0],
        [1.0, 1.0, 0.0, 1.0, 1.0, 0.0],
    ]


def test_folding_takes_one_picture_or_a_batch_alike() -> None:
    membership = membership_of(DIAMOND, "toy", 4)
    scores = np.random.default_rng(1).random((3, 4), dtype=np.float32)
    one_by_one = [fold(membership, row) for row in scores]
    np.testing.assert_array_equal(fold(membership, scores), one_by_one)


def test_nothing_is_folded_to_nothing_by_every_rule() -> None:
    membership = membership_of(_vocabulary(), "toy", 4)
    for rule in (fold, fold_any, fold_best):
        assert rule(membership, np.ones(4, np.float32)).shape == (0,)
        silent = rule(membership_of(DIAMOND, "other", 0), np.zeros(0, np.float32))
        assert (silent.dtype, silent.tolist()) == (np.dtype(np.float32), [0.0] * 6)


def test_any_of_two_side_by_side_is_likelier_than_either() -> None:
    scores = np.array([0.5, 0.0, 0.5, 1.0], np.float32)
    folded = fold_any(membership_of(DIAMOND, "toy", 4), scores)
    assert folded.dtype == np.float32
    np.testing.assert_allclose(folded, [0.75, 0.5, 0.5, 0.75, 0.75, 0], rtol=1e-6)


def test_the_best_below_a_label_is_its_own() -> None:
    scores = np.array([[0.5, 0.25, 0.75, 1], [0, 0, 0, 1]], np.float32)
    folded = fold_best(membership_of(DIAMOND, "toy", 4), scores)
    assert folded.tolist() == [[0.75, 0.75, 0.5, 0.75, 0.75, 0], [0] * 6]


@BUSY
@given(UNIT)
def test_any_is_between_the_best_and_the_sum_and_never_more_than_certain(
    scores: NDArray[np.float32],
) -> None:
    membership = membership_of(DIAMOND, "toy", 4)
    found = fold_any(membership, scores)
    assert ((found >= 0) & (found <= 1)).all()
    assert (found >= fold_best(membership, scores) - 1e-6).all()
    assert (found <= fold(membership, scores) + 1e-6).all()


@BUSY
@given(UNIT)
def test_any_is_what_multiplying_the_odds_of_absence_gives(scores: NDArray[np.float32]) -> None:
    membership = membership_of(DIAMOND, "toy", 4)
    expected = [1 - np.prod(1 - scores[membership.row(row)].astype(float)) for row in range(6)]
    np.testing.assert_allclose(fold_any(membership, scores), expected, atol=1e-6)


@BUSY
@given(UNIT)
def test_no_rule_makes_a_label_less_than_one_below_it(scores: NDArray[np.float32]) -> None:
    membership = membership_of(DIAMOND, "toy", 4)
    for rule in (fold, fold_any, fold_best):
        folded = rule(membership, scores)
        for row, above in enumerate(ancestor_rows(DIAMOND)):
            assert (folded[list(above)] >= folded[row] - 1e-6).all()


def test_each_output_has_the_row_of_its_label() -> None:
    rows = own_rows(DIAMOND, "toy", 3)
    assert rows.dtype == np.int64
    assert [DIAMOND.labels[row].id for row in rows] == ["dog", "dog", "cat"]


def test_a_model_without_outputs_has_no_rows() -> None:
    rows = own_rows(DIAMOND, "other", 0)
    assert (rows.shape, rows.dtype) == ((0,), np.dtype(np.int64))


def test_an_output_that_no_label_means_is_refused_by_name() -> None:
    with pytest.raises(VocabularyError, match="no label has toy:3"):
        own_rows(DIAMOND, "toy", 4)


def test_a_row_of_an_output_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(VocabularyError, match="cat: toy:2 is not below 2"):
        own_rows(DIAMOND, "toy", 2)


def test_a_golden_retriever_is_a_dog_a_mammal_and_an_animal() -> None:
    vocabulary = load_vocabulary()
    row = vocabulary.row_by_id[LabelId("golden-retriever")]
    above = {vocabulary.labels[i].id for i in ancestor_rows(vocabulary)[row]}
    assert {"retriever", "hunting-dog", "dog", "pet", "canine", "mammal", "animal"} <= above
    assert "cat" not in above


def test_an_uncertain_dog_is_a_certain_animal() -> None:
    vocabulary = load_vocabulary()
    membership = membership_of(vocabulary, "imagenet1k", 1000)
    scores = np.zeros(1000, np.float32)
    scores[151:269] = 1 / 118  # every breed alike
    folded = fold(membership, scores)
    found = {key: folded[vocabulary.row_by_id[LabelId(key)]] for key in ("dog", "animal", "cat")}
    assert found == {"dog": pytest.approx(1), "animal": pytest.approx(1), "cat": 0}


def test_every_dog_breed_of_imagenet_is_a_dog() -> None:
    vocabulary = load_vocabulary()
    membership = membership_of(vocabulary, "imagenet1k", 1000)
    dog = membership.row(vocabulary.row_by_id[LabelId("dog")])
    assert set(range(151, 269)) <= set(dog.tolist())
    assert not set(range(269, 398)) & set(dog.tolist())


def test_the_first_398_outputs_of_imagenet_are_animals() -> None:
    vocabulary = load_vocabulary()
    membership = membership_of(vocabulary, "imagenet1k", 1000)
    animal = membership.row(vocabulary.row_by_id[LabelId("animal")])
    assert set(range(398)) <= set(animal.tolist())
