from __future__ import annotations

import time

import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import OperatorError, VocabularyError
from huiyan.kernel.language import Bilingual
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.classifier import Classifier
from huiyan.tagging.calibration import Calibration, load_calibration
from huiyan.tagging.model import TagParams
from huiyan.tagging.recogniser import TagRecogniser
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

PICTURE = Image(np.zeros((312, 312, 3), np.uint8), (312, 312))
SOFTMAX = Calibration(temperature=1.0, label_smoothing=0.0, other_category_weight=1.0)
ALL = TagParams("zh", 0.0, 10_000)
VOCABULARY = load_vocabulary()


class FakeSession:
    """Answers every picture with the same logits."""

    def __init__(self, logits: FloatArray) -> None:
        self.logits = logits

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        assert len(inputs) == 1
        return self.logits[np.newaxis], np.zeros((1, 1280), np.float32)


def _logits(**strength_by_output: float) -> FloatArray:
    logits = np.zeros(1000, np.float32)
    for output, strength in strength_by_output.items():
        logits[int(output.removeprefix("o"))] = strength
    return logits


def _recogniser(logits: FloatArray, calibration: Calibration | None = None) -> TagRecogniser:
    rule = calibration or load_calibration()
    return TagRecogniser(Classifier(FakeSession(logits)), VOCABULARY, rule)


def _confidences(logits: FloatArray, params: TagParams = ALL) -> dict[str, float]:
    tags = _recogniser(logits).recognise(PICTURE, params)
    return {tag.label.id: tag.confidence for tag in tags}


def test_a_picture_that_says_nothing_has_no_tag_at_the_default_threshold() -> None:
    params = TagParams("en", 0.6, 50)
    assert [
        tag
        for tag in _recogniser(np.zeros(1000, np.float32), SOFTMAX).recognise(PICTURE, params)
        if tag.label.outputs
    ] == []


def test_a_certain_golden_retriever_is_also_a_dog_a_mammal_and_an_animal() -> None:
    confidences = _confidences(_logits(o207=30))
    for label_id in ("golden-retriever", "dog", "mammal", "animal"):
        assert confidences[label_id] == pytest.approx(1.0)


def test_two_breeds_make_a_dog_more_certain_than_either() -> None:
    confidences = _confidences(_logits(o207=20, o208=20))
    assert confidences["golden-retriever"] == pytest.approx(0.5, abs=1e-3)
    assert confidences["dog"] == pytest.approx(1.0, abs=1e-3)


def test_a_dog_and_a_laptop_can_both_pass_the_default_threshold() -> None:
    confidences = _confidences(_logits(o207=20, o620=20), TagParams("zh", 0.6, 50))
    assert confidences["golden-retriever"] >= 0.6
    assert confidences["laptop"] >= 0.6


def test_tags_fall_in_confidence_and_ties_are_settled_by_label_id() -> None:
    rng = np.random.default_rng(0)
    tags = _recogniser(rng.normal(0, 4, 1000).astype(np.float32)).recognise(PICTURE, ALL)
    keys = [(-tag.confidence, tag.label.id) for tag in tags]
    assert keys == sorted(keys)
    assert all(0 < tag.confidence <= 1 for tag in tags)


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.6, 0.7, 1.0])
def test_no_tag_lies_below_the_threshold(threshold: float) -> None:
    logits = np.random.default_rng(1).normal(0, 4, 1000).astype(np.float32)
    tags = _recogniser(logits).recognise(PICTURE, TagParams("zh", threshold, 150))
    assert all(tag.confidence >= threshold for tag in tags)


def test_the_limit_keeps_the_most_certain() -> None:
    logits = _logits(o207=20, o208=19)
    every = _recogniser(logits).recognise(PICTURE, ALL)
    for limit in (1, 2, 5):
        assert _recogniser(logits).recognise(PICTURE, TagParams("en", 0.0, limit)) == every[:limit]


def test_labels_without_evidence_are_left_out_even_at_threshold_nothing() -> None:
    assert 0 < len(_confidences(_logits(o207=30))) < 20


def test_a_label_above_several_outputs_counts_each_once() -> None:
    scores = _recogniser(np.zeros(1000, np.float32), SOFTMAX).score(PICTURE)
    dog_row = VOCABULARY.row_by_id[LabelId("dog")]
    dog_outputs = scores.by_label[dog_row] * 1000
    assert dog_outputs == pytest.approx(round(float(dog_outputs)), abs=1e-2)
    assert 115 <= dog_outputs <= 125
    assert scores.by_output.sum() == pytest.approx(1.0, abs=1e-4)


def _one_label(*outputs: int) -> Vocabulary:
    category = Category(CategoryId("other"), Bilingual("其他", "Other"))
    label = Label(
        LabelId("thing"),
        Bilingual("东西", "thing"),
        category,
        (),
        Aliases(),
        tuple(ModelOutput("imagenet1k", output) for output in outputs),
    )
    return Vocabulary((label,), (category,), {label.id: 0})


def test_an_output_without_a_label_is_refused_at_start() -> None:
    classifier = Classifier(FakeSession(np.zeros(1000, np.float32)))
    with pytest.raises(OperatorError, match="imagenet1k:999"):
        TagRecogniser(classifier, _one_label(*range(999)), SOFTMAX)


def test_a_label_of_an_output_that_does_not_exist_is_refused_at_start() -> None:
    classifier = Classifier(FakeSession(np.zeros(1000, np.float32)))
    with pytest.raises(VocabularyError):
        TagRecogniser(classifier, _one_label(*range(1001)), SOFTMAX)


def test_sums_of_many_outputs_never_pass_one() -> None:
    classifier = Classifier(FakeSession(np.zeros(1000, np.float32)))
    recogniser = TagRecogniser(classifier, _one_label(*range(1000)), SOFTMAX)
    (tag,) = recogniser.recognise(PICTURE, ALL)
    assert tag.confidence <= 1.0


def test_ranking_costs_far_less_than_looking() -> None:
    recogniser = _recogniser(np.random.default_rng(2).normal(0, 2, 1000).astype(np.float32))
    params = TagParams("zh", 0.6, 50)
    spent_s = []
    for _ in range(50):
        start_s = time.thread_time()
        recogniser.recognise(PICTURE, params)
        spent_s.append(time.thread_time() - start_s)
    assert min(spent_s) < 0.002
