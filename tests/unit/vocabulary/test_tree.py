from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

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
from huiyan.vocabulary.tree import ancestor_rows, fold, membership_of, topological_order

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
