from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import WEIGHTS, WHOLE, Made, random_evidence

from huiyan.labelling.boxes import LEAST_CONFIDENCE, BoxFinder
from huiyan.labelling.calibration import load_calibration
from huiyan.labelling.evidence import Evidence
from huiyan.labelling.fusion import Fusion
from huiyan.labelling.model import Instance
from huiyan.perception.detector import COCO80_NAMES
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import LabelId
from huiyan.vocabulary.tree import ancestor_rows

CAT, DOG, CUP, GIRAFFE = map(COCO80_NAMES.index, ("cat", "dog", "cup", "giraffe"))
ALTAR = 406
GOLDEN_RETRIEVER, CHEETAH, ACCORDION, VOLCANO = 207, 293, 401, 980
"""Classes of the classifier: below a kind of object, two that are not, and no thing."""

LEFT, RIGHT = (0.0, 10.0, 40.0, 90.0), (50.0, 10.0, 95.0, 90.0)

EVIDENCE = st.builds(
    random_evidence,
    seed=st.integers(0, 2**32 - 1),
    n_boxes=st.integers(0, 100),
    n_faces=st.integers(0, 4),
    logit_spread=st.sampled_from([0.0, 1.0, 3.0, 8.0]),
)
FEW = settings(max_examples=30, deadline=None)

Found = dict[str, tuple[Instance, ...]]


@cache
def above() -> tuple[tuple[int, ...], ...]:
    return ancestor_rows(finder()[0].vocabulary)


@cache
def finder() -> tuple[Fusion, BoxFinder]:
    fusion = Fusion(load_vocabulary(), load_calibration(), WEIGHTS)
    return fusion, BoxFinder(fusion)


def find_rows(evidence: Evidence) -> dict[int, tuple[Instance, ...]]:
    fusion, boxes = finder()
    return boxes.find(evidence, fusion.weigh(evidence))


def find(made: Made) -> Found:
    labels = finder()[0].vocabulary.labels
    return {labels[row].id: found for row, found in find_rows(made.evidence()).items()}


def places(instances: tuple[Instance, ...]) -> list[tuple[float, ...]]:
    return [it.xyxy for it in instances]


def test_a_picture_of_nothing_has_no_boxes() -> None:
    assert find(Made()) == {}


def test_a_sure_picture_without_any_place_has_no_boxes() -> None:
    assert find(Made(logits={ACCORDION: 14}, scenes={11: 0.9}, materials={0: 0.9})) == {}


def test_a_kind_has_all_its_boxes_the_surest_first() -> None:
    found = find(Made(boxes=((DOG, 0.6, RIGHT), (DOG, 0.9, LEFT))))
    assert places(found["dog"]) == [LEFT, RIGHT]
    assert found["dog"][0].confidence > found["dog"][1].confidence


def test_an_altar_has_a_place_and_religion_has_none() -> None:
    found = find(Made(logits={ALTAR: 14}, main_object=0.9))
    assert "altar" in found
    assert not [it for it in found if finder()[0].vocabulary.find(it).category.id == "belief"][1:]  # type: ignore[union-attr]


def test_a_broad_label_has_the_boxes_of_all_below_it() -> None:
    found = find(Made(boxes=((CAT, 0.6, RIGHT), (DOG, 0.9, LEFT))))
    assert places(found["cat"]) == [RIGHT]
    assert places(found["animal"]) == [LEFT, RIGHT]
    assert found["animal"] == found["dog"] + found["cat"]


def test_a_box_of_two_kinds_stands_once_in_what_is_above_both() -> None:
    found = find(Made(boxes=((CAT, 0.6, LEFT), (DOG, 0.9, LEFT))))
    assert found["animal"] == found["dog"]


def test_a_breed_has_the_surest_box_of_its_kind() -> None:
    found = find(
        Made(
            logits={GOLDEN_RETRIEVER: 14},
            boxes=((CUP, 0.99, RIGHT), (DOG, 0.7, RIGHT), (DOG, 0.9, LEFT)),
            main_object=0.9,
        )
    )
    (only,) = found["golden-retriever"]
    assert only.xyxy == LEFT
    assert only.confidence <= found["dog"][0].confidence
    assert places(found["dog"]) == [LEFT, RIGHT]


def test_a_thing_that_the_detector_does_not_know_is_the_main_object() -> None:
    made = Made(logits={ACCORDION: 14}, boxes=((CUP, 0.9, LEFT),), main_object=0.75)
    fusion, _ = finder()
    by_label = fusion.weigh(made.evidence()).by_label
    row = fusion.vocabulary.row_by_id[LabelId("accordion")]
    (only,) = find(made)["accordion"]
    assert only.xyxy == WHOLE
    assert only.confidence == pytest.approx(0.75 * float(by_label[row]))


def test_an_animal_that_the_detector_knows_better_is_no_other_animal() -> None:
    alone = find(Made(logits={CHEETAH: 14}, main_object=0.9))
    beaten = find(Made(logits={CHEETAH: 14}, boxes=((GIRAFFE, 0.95, WHOLE),), main_object=0.9))
    elsewhere = find(
        Made(logits={CHEETAH: 14}, boxes=((GIRAFFE, 0.95, (0.0, 0.0, 9.0, 9.0)),), main_object=0.9)
    )
    assert alone["cheetah"][0].confidence > 0.8
    assert beaten["cheetah"][0].confidence < 0.1
    assert elsewhere["cheetah"][0].confidence > 0.8
    assert beaten["animal"] == beaten["giraffe"]


def test_an_animal_at_a_part_of_the_main_object_leaves_it_a_thing() -> None:
    part = (10.0, 20.0, 90.0, 56.0)  # three fifths of the main object
    made = Made(logits={ACCORDION: 14}, boxes=((GIRAFFE, 0.95, part),), main_object=0.9)
    assert find(made)["accordion"][0].confidence > 0.8


def test_a_thing_at_the_very_place_of_a_sure_other_one_is_not_there() -> None:
    made = Made(logits={ACCORDION: 14}, boxes=((GIRAFFE, 0.95, WHOLE),), main_object=0.9)
    assert find(made)["accordion"][0].confidence < 0.1


def test_a_scene_is_the_whole_picture_and_has_no_box() -> None:
    found = find(Made(logits={VOLCANO: 14}, scenes={11: 0.9}, main_object=0.9))
    assert not {"volcano", "sea"} & set(found)


def test_a_colour_is_the_main_objects_and_as_sure_as_in_the_list() -> None:
    # Evidence of a colour is already no surer than the main object.
    found = find(Made(colours={3: 0.5}, main_object=0.75))
    assert found["red"] == (Instance(WHOLE, 0.5),)
    assert "red-tones" not in found


def test_a_material_is_no_surer_than_the_main_object_it_is_said_of() -> None:
    found = find(Made(materials={1: 0.5}, main_object=0.5))
    assert found["glass"] == (Instance(WHOLE, 0.25),)


def test_what_is_true_of_the_whole_picture_has_no_box() -> None:
    assert find(Made(tones={3: 0.9}, properties={0: 0.9}, main_object=0.9)) == {}


def test_noise_has_no_box() -> None:
    assert find(Made(boxes=((DOG, 0.01, LEFT),))) == {}


@FEW
@given(EVIDENCE)
def test_each_box_is_one_of_those_that_were_seen(evidence: Evidence) -> None:
    seen = {tuple(box) for box in evidence.detections.xyxy.tolist()}
    if evidence.main_object is not None:
        seen.add(evidence.main_object.xyxy)
    for instances in find_rows(evidence).values():
        assert {it.xyxy for it in instances} <= seen


@FEW
@given(EVIDENCE)
def test_boxes_of_a_label_are_unique_and_their_confidences_fall(evidence: Evidence) -> None:
    for instances in find_rows(evidence).values():
        confidences = [it.confidence for it in instances]
        assert instances
        assert len({it.xyxy for it in instances}) == len(instances)
        assert confidences == sorted(confidences, reverse=True)
        assert confidences[-1] >= LEAST_CONFIDENCE
        assert confidences[0] <= 1


@FEW
@given(EVIDENCE)
def test_a_broad_thing_has_at_least_the_boxes_of_what_is_below_it(evidence: Evidence) -> None:
    labels = finder()[0].vocabulary.labels
    found = find_rows(evidence)
    for row in found:
        below = {it.xyxy: it.confidence for it in found[row]}
        for broad in above()[row]:
            if labels[broad].category.id in {"animal", "vehicle", "food", "clothing", "home"}:
                at_broad = {it.xyxy: it.confidence for it in found.get(broad, ())}
                assert all(at_broad[box] >= sure for box, sure in below.items())


@FEW
@given(EVIDENCE)
def test_no_label_is_surer_at_a_place_than_in_the_picture(evidence: Evidence) -> None:
    fusion, boxes = finder()
    confidences = fusion.weigh(evidence)
    for row, instances in boxes.find(evidence, confidences).items():
        # A label's own confidence has been through sums and logarithms.
        assert instances[0].confidence <= float(confidences.by_label[row]) + 2e-6


@FEW
@given(EVIDENCE)
def test_the_evidence_is_left_as_it_was_and_asked_twice_answers_the_same(
    evidence: Evidence,
) -> None:
    xyxy = evidence.detections.xyxy.copy()
    assert find_rows(evidence) == find_rows(evidence)
    np.testing.assert_array_equal(evidence.detections.xyxy, xyxy)
