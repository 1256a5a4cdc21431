from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import SILENT, WEIGHTS, Made, filled, random_evidence, vocabulary_of

from huiyan.kernel.errors import VocabularyError
from huiyan.labelling.calibration import load_calibration
from huiyan.labelling.evidence import Evidence
from huiyan.labelling.fusion import PERSON, Confidences, Fusion, category_onehot_of
from huiyan.perception.detector import COCO80_NAMES
from huiyan.perception.properties import PROPERTIES
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import LabelId
from huiyan.vocabulary.tree import ancestor_rows

DOG = COCO80_NAMES.index("dog")
GOLDEN_RETRIEVER, TABBY, VOLCANO = 207, 281, 980
"""Classes of the classifier."""

BOX = (100.0, 100.0, 300.0, 400.0)
FACE = (150.0, 120.0, 190.0, 160.0)

EVIDENCE = st.builds(
    random_evidence,
    seed=st.integers(0, 2**32 - 1),
    n_boxes=st.integers(0, 100),
    n_faces=st.integers(0, 12),
    logit_spread=st.sampled_from([0.0, 1.0, 3.0, 8.0, 100.0]),
)
FEW = settings(max_examples=40, deadline=None)


@cache
def fusion() -> Fusion:
    return Fusion(load_vocabulary(), load_calibration(), WEIGHTS)


@cache
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Each label with each label above it, as rows."""
    above = ancestor_rows(fusion().vocabulary)
    below = np.repeat(np.arange(len(above)), [len(it) for it in above])
    return below, np.concatenate([np.array(it, np.int64) for it in above])


def weigh(made: Made) -> Confidences:
    return fusion().weigh(made.evidence())


def sure(confidences: Confidences, label_id: str) -> float:
    return float(confidences.by_label[fusion().vocabulary.row_by_id[LabelId(label_id)]])


def test_a_picture_of_nothing_shows_nothing() -> None:
    confidences = weigh(Made())
    assert confidences.by_label.shape == (len(fusion().vocabulary.labels),)
    assert confidences.boxes.shape == (0,)
    assert confidences.by_kind.max() < 0.05
    assert confidences.by_label.max() < 0.6


def test_all_arrays_are_float32() -> None:
    confidences = weigh(Made(boxes=((DOG, 0.9, BOX),), faces=((0.9, FACE),), main_object=0.9))
    for array in (
        confidences.by_output,
        confidences.by_kind,
        confidences.boxes,
        confidences.by_label,
    ):
        assert array.dtype == np.float32


def test_a_dog_that_the_detector_sees_is_an_animal_and_no_breed() -> None:
    confidences = weigh(Made(boxes=((DOG, 0.95, BOX),)))
    assert sure(confidences, "dog") == pytest.approx(float(confidences.by_kind[DOG]), abs=1e-5)
    assert sure(confidences, "animal") >= sure(confidences, "dog") > 0.9
    assert sure(confidences, "golden-retriever") < 0.05


def test_the_classifier_and_the_detector_together_are_surer_than_the_detector_alone() -> None:
    alone = weigh(Made(boxes=((DOG, 0.5, BOX),)))
    both = weigh(Made(logits={GOLDEN_RETRIEVER: 14}, boxes=((DOG, 0.5, BOX),)))
    assert sure(both, "dog") > sure(alone, "dog")


def test_a_breed_is_doubted_where_the_dog_is() -> None:
    confidences = weigh(Made(logits={GOLDEN_RETRIEVER: 14}))
    assert confidences.by_output[GOLDEN_RETRIEVER] > 0.95
    assert confidences.by_kind[DOG] < 0.5
    assert sure(confidences, "golden-retriever") <= confidences.by_kind[DOG] + 1e-6
    assert sure(confidences, "animal") < 0.5


def test_what_the_detector_knows_nothing_of_is_the_classifiers_alone() -> None:
    confidences = weigh(Made(logits={VOLCANO: 14}))
    assert sure(confidences, "volcano") == confidences.by_output[VOLCANO]


def test_two_animals_side_by_side_make_an_animal_likelier_than_either() -> None:
    cat = COCO80_NAMES.index("cat")
    confidences = weigh(Made(boxes=((DOG, 0.5, BOX), (cat, 0.5, BOX))))
    dog, cat_too = sure(confidences, "dog"), sure(confidences, "cat")
    both = 1 - (1 - dog) * (1 - cat_too)
    assert sure(confidences, "pet") >= both - 1e-4


def test_a_face_is_a_person_even_where_no_box_is() -> None:
    confidences = weigh(Made(faces=((0.9375, FACE),)))
    assert confidences.by_kind[PERSON] == np.float32(0.9375)
    assert sure(confidences, "person") >= 0.937
    assert sure(confidences, "one-person") == pytest.approx(0.9375, abs=1e-5)


def test_an_unsure_face_is_nobody() -> None:
    confidences = weigh(Made(faces=((0.85, FACE),)))
    assert confidences.by_kind[PERSON] < 0.1
    assert sure(confidences, "one-person") < 0.1


def test_a_face_in_a_persons_box_is_no_second_person() -> None:
    confidences = weigh(Made(boxes=((PERSON, 0.95, BOX),), faces=((0.9, FACE),)))
    assert sure(confidences, "one-person") > 0.9
    assert sure(confidences, "two-people") < 0.05


def test_many_unsure_boxes_of_people_are_no_crowd() -> None:
    boxes = tuple((PERSON, 0.05, (10.0 * n, 0.0, 10.0 * n + 9, 50.0)) for n in range(60))
    confidences = weigh(Made(boxes=((PERSON, 0.97, BOX), *boxes)))
    assert sure(confidences, "one-person") > 0.9


def test_a_face_in_a_box_too_unsure_to_be_counted_is_counted_itself() -> None:
    confidences = weigh(Made(boxes=((PERSON, 0.03, BOX),), faces=((0.9, FACE),)))
    assert sure(confidences, "one-person") == pytest.approx(0.9, abs=0.01)


def test_a_face_in_a_sure_animals_box_is_no_persons() -> None:
    confidences = weigh(Made(boxes=((DOG, 0.95, BOX),), faces=((0.9, FACE),)))
    assert confidences.by_kind[PERSON] < 0.1
    assert sure(confidences, "one-person") < 0.05


@pytest.mark.parametrize("count", [2, 3])
def test_people_are_counted(count: int) -> None:
    boxes = tuple((PERSON, 0.98, (100.0 * n, 0.0, 100.0 * n + 90, 300.0)) for n in range(count))
    confidences = weigh(Made(boxes=boxes))
    assert sure(confidences, ("one-person", "two-people", "three-people")[count - 1]) > 0.8


@pytest.mark.parametrize(
    ("made", "label_id"),
    [
        (Made(scenes={11: 0.8}), "sea"),
        (Made(materials={1: 0.8}), "glass"),
        (Made(colours={3: 0.8}), "red"),
        (Made(tones={3: 0.8}), "red-tones"),
        (Made(properties={PROPERTIES.index("blurry"): 0.8}), "blurry"),
    ],
)
def test_each_measurement_reaches_its_label(made: Made, label_id: str) -> None:
    assert sure(weigh(made), label_id) == np.float32(0.8)


def test_every_kind_of_object_has_its_own_label() -> None:
    assert len(set(fusion().kind_rows.tolist())) == len(COCO80_NAMES)


def test_no_class_lies_below_two_kinds_of_object() -> None:
    # It would have to step back for both.
    below, above = pairs()
    kinds = np.isin(above, fusion().kind_rows)
    counts = np.bincount(below[kinds], minlength=len(fusion().vocabulary.labels))
    counts[fusion().kind_rows] += 1
    assert counts.max() == 1


def test_each_class_of_the_classifier_has_one_category() -> None:
    onehot = category_onehot_of(fusion().vocabulary)
    assert onehot.shape == (1000, len(fusion().vocabulary.categories))
    assert (onehot.sum(axis=1) == 1).all()
    assert onehot.max() == 1


def test_a_vocabulary_that_knows_not_all_outputs_is_refused() -> None:
    with pytest.raises(VocabularyError, match="imagenet1k:0"):
        Fusion(vocabulary_of("a", "b"), load_calibration(), WEIGHTS)


@FEW
@given(EVIDENCE)
def test_confidences_are_numbers_from_0_to_1_whatever_the_networks_say(evidence: Evidence) -> None:
    confidences = fusion().weigh(evidence)
    for array in (
        confidences.by_output,
        confidences.by_kind,
        confidences.boxes,
        confidences.by_label,
    ):
        assert ((array >= 0) & (array <= 1)).all()


@FEW
@given(EVIDENCE)
def test_no_label_is_less_sure_than_one_below_it(evidence: Evidence) -> None:
    by_label = fusion().weigh(evidence).by_label
    below, above = pairs()
    # Sums of one and of another number of terms may differ by their rounding.
    assert (by_label[above] >= by_label[below] - 2e-6).all()


@FEW
@given(EVIDENCE)
def test_no_breed_is_surer_than_its_kind(evidence: Evidence) -> None:
    confidences = fusion().weigh(evidence)
    below, above = pairs()
    kind_of_row = np.full(len(fusion().vocabulary.labels), -1)
    kind_of_row[fusion().kind_rows] = np.arange(len(COCO80_NAMES))
    is_kind = kind_of_row[above] >= 0
    # Attributes that count people stand below a kind, and are no breeds of it.
    is_kind &= kind_of_row[above] != PERSON
    breeds, kinds = below[is_kind], kind_of_row[above[is_kind]]
    assert (confidences.by_label[breeds] <= confidences.by_kind[kinds] + 2e-6).all()


@FEW
@given(EVIDENCE, st.integers(0, 79), st.floats(0, 1, width=32))
def test_a_better_look_at_a_kind_never_makes_it_less_likely(
    evidence: Evidence, kind: int, score: float
) -> None:
    by_view = evidence.detections.by_view.copy()
    by_view[:, kind] = np.maximum(by_view[:, kind], np.float32(score))
    better = replace(evidence, detections=replace(evidence.detections, by_view=by_view))
    row = fusion().kind_rows[kind]
    before, after = fusion().weigh(evidence).by_label, fusion().weigh(better).by_label
    assert after[row] >= before[row] - 2e-6


@FEW
@given(EVIDENCE)
def test_the_evidence_is_left_as_it_was(evidence: Evidence) -> None:
    by_view, logits = evidence.detections.by_view.copy(), evidence.features.logits.copy()
    once, again = fusion().weigh(evidence), fusion().weigh(evidence)
    np.testing.assert_array_equal(once.by_label, again.by_label)
    np.testing.assert_array_equal(evidence.detections.by_view, by_view)
    np.testing.assert_array_equal(evidence.features.logits, logits)


def test_a_picture_seen_without_slices_is_weighed_too() -> None:
    evidence = Made(boxes=((DOG, 0.9, BOX),)).evidence()
    whole = replace(evidence.detections, by_view=evidence.detections.by_view[:1])
    assert fusion().weigh(replace(evidence, detections=whole)).by_kind[DOG] > SILENT


def test_context_speaks_for_a_kind() -> None:
    evidence = Made(boxes=((DOG, 0.3, BOX),)).evidence()
    fitting = replace(evidence, context=filled(80, {DOG: 0.9}))
    assert fusion().weigh(fitting).by_kind[DOG] > fusion().weigh(evidence).by_kind[DOG]
