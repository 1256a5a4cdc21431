from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.saliency import SaliencyModel


class FakeSession:
    """Remembers what it was shown and answers with what it was given."""

    def __init__(self, mask: FloatArray) -> None:
        self.mask = mask
        self.shown: list[AnyArray] = []

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        self.shown.extend(inputs)
        return (self.mask,)


def _image(height: int, width: int, value: int) -> Image:
    return Image(np.full((height, width, 3), value, np.uint8), (width, height))


def _low(side_px: int, value: float = 0.1) -> FloatArray:
    return np.full((1, 1, side_px, side_px), value, np.float32)


@pytest.mark.parametrize("side_px", [64, 320])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 10_000), (10_000, 1), (320, 320)])
def test_the_network_is_shown_one_square_whatever_the_picture(
    height: int, width: int, side_px: int
) -> None:
    session = FakeSession(_low(side_px))
    mask = SaliencyModel(session, side_px).mask(_image(height, width, 100))
    assert mask.shape == (side_px, side_px)
    (shown,) = session.shown
    assert (shown.shape, shown.dtype) == ((1, 3, side_px, side_px), np.dtype(np.float32))
    assert shown.flags.c_contiguous


@pytest.mark.parametrize("value", [0, 1, 7, 255])
def test_the_largest_value_counts_as_full_and_a_black_picture_divides_by_nothing(
    value: int,
) -> None:
    session = FakeSession(_low(32))
    SaliencyModel(session, 32).mask(_image(40, 50, value))
    (shown,) = session.shown
    full = 1.0 if value else 0.0
    expected = (full - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    assert shown[0, :, 16, 16] == pytest.approx(expected, abs=1e-5)


def test_a_low_mask_stays_low() -> None:
    mask = SaliencyModel(FakeSession(_low(32, 0.02)), 32).mask(_image(32, 32, 9))
    assert mask.max() == pytest.approx(0.02)


@pytest.mark.parametrize(
    "answer", [_low(64), _low(32, np.nan), _low(32, np.inf), np.zeros((32, 32), np.float32)]
)
def test_an_unusable_answer_is_an_inference_error(answer: FloatArray) -> None:
    with pytest.raises(InferenceError):
        SaliencyModel(FakeSession(answer), 32).mask(_image(32, 32, 9))


@pytest.mark.parametrize("side_px", [-32, 0, 31, 300])
def test_a_side_that_the_network_cannot_halve_is_refused(side_px: int) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        SaliencyModel(FakeSession(_low(32)), side_px)
