"""The whole way from a picture to findings, with networks that say what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np
import pytest
from made_evidence import WEIGHTS

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.labelling.calibration import load_calibration
from huiyan.labelling.evidence import Eyes
from huiyan.labelling.fusion import Fusion
from huiyan.labelling.labeller import Labeller
from huiyan.perception.classifier import Classifier
from huiyan.perception.context import KIND_COUNT, ContextHead
from huiyan.perception.detector import BOX_COUNT, Detector, Slicing
from huiyan.perception.faces import INPUT_SIDE_PX as FACE_SIDE_PX
from huiyan.perception.faces import STRIDES_PX, FaceDetector
from huiyan.perception.heads import EMBEDDING_SIZE, LinearHead, Projection
from huiyan.perception.saliency import SaliencyModel
from huiyan.runtime.fan_out import FanOut
from huiyan.vocabulary.load import load_vocabulary

MASK_SIDE_PX = 64
GOLDEN_RETRIEVER = 207
COCO_ID_OF_DOG = 18


@dataclass
class Answering:
    """A network that gives one answer to everything, and counts."""

    answer: tuple[AnyArray, ...]
    fault: Exception | None = None
    count: int = 0
    lock: Lock = field(default_factory=Lock)

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        assert all(np.isfinite(it).all() for it in inputs)
        with self.lock:
            self.count += 1
        if self.fault is not None:
            raise self.fault
        return self.answer


@dataclass(frozen=True)
class Networks:
    """All networks of the eyes."""

    classifier: Answering
    detector: Answering
    saliency: Answering
    faces: Answering

    def all(self) -> tuple[Answering, ...]:
        return self.classifier, self.detector, self.saliency, self.faces


def silent_networks() -> Networks:
    scores = np.zeros((1, BOX_COUNT, 91), np.float32)
    counts = [(FACE_SIDE_PX // stride) ** 2 for stride in STRIDES_PX]
    faces = [np.zeros((1, n, size), np.float32) for size in (1, 1, 4, 10) for n in counts]
    return Networks(
        Answering((np.zeros((1, 1000), np.float32), np.ones((1, EMBEDDING_SIZE), np.float32))),
        Answering((np.zeros((BOX_COUNT, 4), np.float32), scores)),
        Answering((np.zeros((1, 1, MASK_SIDE_PX, MASK_SIDE_PX), np.float32),)),
        Answering(tuple(faces)),
    )


def networks_that_see_a_dog() -> Networks:
    """A dog in the middle of the picture, its breed, and nothing else."""
    networks = silent_networks()
    networks.classifier.answer[0][0, GOLDEN_RETRIEVER] = 14
    boxes, scores = networks.detector.answer
    boxes[7] = (0.25, 0.25, 0.75, 0.75)
    scores[0, 7, COCO_ID_OF_DOG] = 0.95
    networks.saliency.answer[0][..., 16:48, 16:48] = 0.9
    return networks


def head(layer: str, size: int) -> LinearHead:
    """A head that never says anything but "none of them"."""
    weights = np.zeros((2, size + 1), np.float32)
    weights[1, -1] = 20
    projection = Projection(np.zeros((EMBEDDING_SIZE, 1), np.float32), np.zeros(1, np.float32))
    names = tuple(map(str, range(size)))
    return LinearHead(layer, names, projection, np.zeros((1, 1), np.float32), 1.0, weights)


def eyes_of(networks: Networks, fan_out: FanOut, slicing: Slicing = Slicing.OFF) -> Eyes:
    return Eyes(
        classifier=Classifier(networks.classifier),
        detector=Detector(networks.detector, fan_out),
        saliency=SaliencyModel(networks.saliency, MASK_SIDE_PX),
        faces=FaceDetector(networks.faces),
        scene_head=head("scene14", 14),
        material_head=head("material5", 5),
        context=ContextHead(
            np.zeros((EMBEDDING_SIZE, KIND_COUNT), np.float32), np.zeros(KIND_COUNT, np.float32)
        ),
        slicing=slicing,
        fan_out=fan_out,
    )


@pytest.fixture
def fan_out() -> Iterator[FanOut]:
    lent = FanOut(2)
    yield lent
    lent.close()


@pytest.fixture(scope="module")
def fusion() -> Fusion:
    return Fusion(load_vocabulary(), load_calibration(), WEIGHTS)


def picture(
    width: int = 400, height: int = 300, colour: tuple[int, int, int] = (220, 20, 20)
) -> Image:
    return Image(np.full((height, width, 3), colour, np.uint8), (width, height))


def ids(labeller: Labeller, image: Image, threshold: float) -> set[str]:
    return {it.label.id for it in labeller.find(image).best(threshold, 200)}


def boxed(labeller: Labeller, image: Image) -> dict[str, list[tuple[float, ...]]]:
    found = labeller.locate(image).boxed(0.3, 200)
    return {it.label.id: [box.xyxy for box in it.instances] for it in found}


def test_networks_that_see_nothing_name_nothing_but_measurements(
    fan_out: FanOut, fusion: Fusion
) -> None:
    labeller = Labeller(eyes_of(silent_networks(), fan_out), fusion)
    categories = {it.label.category.id for it in labeller.find(picture()).best(0.6, 200)}
    assert categories <= {"attribute"}
    assert labeller.locate(picture()).boxed(0.0, 200) == ()


def test_a_dog_is_named_with_its_breed_and_its_colour(fan_out: FanOut, fusion: Fusion) -> None:
    labeller = Labeller(eyes_of(networks_that_see_a_dog(), fan_out), fusion)
    said = ids(labeller, picture(), 0.6)
    assert {"dog", "animal", "golden-retriever", "red", "red-tones"} <= said
    assert not {"cat", "person", "one-person", "blue"} & said


def test_a_dog_is_boxed_with_its_breed_and_its_colour(fan_out: FanOut, fusion: Fusion) -> None:
    labeller = Labeller(eyes_of(networks_that_see_a_dog(), fan_out), fusion)
    found = boxed(labeller, picture())
    middle = [(100.0, 75.0, 300.0, 225.0)]
    assert found["dog"] == found["animal"] == found["golden-retriever"] == middle
    assert found["red"] == middle
    assert "red-tones" not in found


def test_boxes_are_in_px_of_the_full_picture_where_it_was_decoded_smaller(
    fan_out: FanOut, fusion: Fusion
) -> None:
    labeller = Labeller(eyes_of(networks_that_see_a_dog(), fan_out), fusion)
    reduced = Image(picture().pixels, (1600, 1200))
    found = boxed(labeller, reduced)
    assert found["dog"] == [(400.0, 300.0, 1200.0, 900.0)]
    assert found["red"] == [(400.0, 300.0, 1200.0, 900.0)]


def test_the_list_and_the_boxes_are_of_the_same_confidences(
    fan_out: FanOut, fusion: Fusion
) -> None:
    labeller = Labeller(eyes_of(networks_that_see_a_dog(), fan_out), fusion)
    found, located = labeller.find(picture()), labeller.locate(picture())
    np.testing.assert_array_equal(found.by_label, located.by_label)
    assert found.instances == {}
    assert found.vocabulary is labeller.vocabulary is fusion.vocabulary


def test_a_main_objects_colour_is_not_its_surroundings(fan_out: FanOut, fusion: Fusion) -> None:
    pixels = np.full((300, 400, 3), (20, 40, 230), np.uint8)
    pixels[75:225, 100:300] = (220, 20, 20)
    labeller = Labeller(eyes_of(networks_that_see_a_dog(), fan_out), fusion)
    said = ids(labeller, Image(pixels, (400, 300)), 0.6)
    assert "red" in said
    assert "blue-tones" in said
    assert not {"blue", "red-tones"} & said


def test_each_network_looks_once_without_slices(fan_out: FanOut, fusion: Fusion) -> None:
    networks = silent_networks()
    Labeller(eyes_of(networks, fan_out), fusion).locate(picture())
    assert [it.count for it in networks.all()] == [1, 1, 1, 1]


@pytest.mark.parametrize("broken", range(4))
def test_a_network_that_fails_fails_the_call(fan_out: FanOut, fusion: Fusion, broken: int) -> None:
    networks = silent_networks()
    networks.all()[broken].fault = InferenceError("out of order")
    with pytest.raises(InferenceError, match="out of order"):
        Labeller(eyes_of(networks, fan_out), fusion).find(picture())


@pytest.mark.parametrize("broken", range(4))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_never_comes_out(
    fan_out: FanOut, fusion: Fusion, broken: int, value: float
) -> None:
    networks = networks_that_see_a_dog()
    for array in networks.all()[broken].answer:
        array.fill(value)
    labeller = Labeller(eyes_of(networks, fan_out), fusion)
    try:
        findings = labeller.locate(picture())
    except InferenceError:
        return
    assert np.isfinite(findings.by_label).all()


@pytest.mark.parametrize("value", [0, 127, 255])
@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1), (2, 3)])
def test_boxes_stay_inside_pictures_of_any_shape(
    fan_out: FanOut, fusion: Fusion, size_wh: tuple[int, int], value: int
) -> None:
    networks = networks_that_see_a_dog()
    networks.detector.answer[0][7] = (-3, -3, 4, 4)
    networks.saliency.answer[0].fill(1)
    labeller = Labeller(eyes_of(networks, fan_out), fusion)
    findings = labeller.locate(picture(*size_wh, (value, value, value)))
    assert ((findings.by_label >= 0) & (findings.by_label <= 1)).all()
    assert findings.instances
    for instances in findings.instances.values():
        for left, top, right, bottom in (it.xyxy for it in instances):
            assert 0 <= left < right <= size_wh[0]
            assert 0 <= top < bottom <= size_wh[1]


@pytest.mark.parametrize(("slicing", "least_px"), [(Slicing.OFF, 312), (Slicing.STANDARD, 500)])
def test_decoding_keeps_what_the_most_demanding_network_needs(
    fan_out: FanOut, fusion: Fusion, slicing: Slicing, least_px: int
) -> None:
    eyes = eyes_of(silent_networks(), fan_out, slicing)
    assert Labeller(eyes, fusion).min_short_side_px == eyes.min_short_side_px == least_px
    wide = replace(eyes, saliency=SaliencyModel(silent_networks().saliency, 960))
    assert wide.min_short_side_px == 960


def test_many_threads_get_what_one_gets(fan_out: FanOut, fusion: Fusion) -> None:
    labeller = Labeller(eyes_of(networks_that_see_a_dog(), fan_out, Slicing.STANDARD), fusion)
    colours = [(220, 20, 20), (20, 40, 230), (20, 180, 20), (0, 0, 0)]
    images = [picture(400, 300 + n, colours[n % 4]) for n in range(12)]
    alone: list[FloatArray] = [labeller.locate(it).by_label for it in images]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(labeller.locate, images))
    for one, other, image in zip(alone, together, images, strict=True):
        np.testing.assert_array_equal(one, other.by_label)
        assert other.instances == labeller.locate(image).instances
