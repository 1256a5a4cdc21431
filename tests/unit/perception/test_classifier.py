from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.classifier import (
    CROP_FRACTION,
    INPUT_SIDE_PX,
    MIN_SHORT_SIDE_PX,
    Classifier,
)


class FakeSession:
    """Remembers what it was shown and answers with what it was given."""

    def __init__(self, logits: FloatArray, embedding: FloatArray | None = None) -> None:
        self.logits = logits
        self.embedding = np.zeros((1, 1280), np.float32) if embedding is None else embedding
        self.shown: list[AnyArray] = []

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        self.shown.extend(inputs)
        return self.logits, self.embedding


def _image(height: int, width: int) -> Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 255
    return Image(pixels, (width, height))


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 500), (15, 4096), (312, 312), (600, 400)]
)
def test_the_network_is_shown_one_square_of_its_size_whatever_the_picture(
    height: int, width: int
) -> None:
    session = FakeSession(np.zeros((1, 1000), np.float32))
    features = Classifier(session).look(_image(height, width))
    assert features.logits.shape == (1000,)
    assert features.embedding.shape == (1280,)
    (shown,) = session.shown
    assert (shown.shape, shown.dtype) == ((1, 280, 280, 3), np.dtype(np.uint8))
    assert shown.flags.c_contiguous


def test_the_middle_is_shown_in_rgb() -> None:
    session = FakeSession(np.zeros((1, 1000), np.float32))
    Classifier(session).look(_image(312, 312))
    (shown,) = session.shown
    assert shown[0, 140, 5].tolist() == [255, 0, 0]
    assert shown[0, 140, 275].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "logits",
    [
        np.zeros((1, 999), np.float32),
        np.zeros((1000,), np.float32),
        np.zeros((2, 1000), np.float32),
        np.full((1, 1000), np.nan, np.float32),
        np.full((1, 1000), np.inf, np.float32),
    ],
)
def test_an_unusable_answer_is_an_inference_error(logits: FloatArray) -> None:
    with pytest.raises(InferenceError):
        Classifier(FakeSession(logits)).look(_image(400, 400))


@pytest.mark.parametrize(
    "embedding",
    [
        np.zeros((1, 1279), np.float32),
        np.zeros((1280,), np.float32),
        np.full((1, 1280), np.nan, np.float32),
    ],
)
def test_an_unusable_embedding_is_an_inference_error(embedding: FloatArray) -> None:
    session = FakeSession(np.zeros((1, 1000), np.float32), embedding)
    with pytest.raises(InferenceError):
        Classifier(session).look(_image(400, 400))


def test_a_picture_decoded_at_the_least_side_is_never_enlarged() -> None:
    assert round(MIN_SHORT_SIDE_PX * CROP_FRACTION) == INPUT_SIDE_PX
