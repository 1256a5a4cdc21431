from __future__ import annotations

import numpy as np
import pytest

from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray
from huiyan.perception.face_embedder import DIMENSIONS, FaceEmbedder
from huiyan.runtime.fan_out import FanOut


class FakeSession:
    """Answers with what a test gives, or with numbers that depend on the place of the pixels."""

    def __init__(self, answer: AnyArray | None = None) -> None:
        self.answer = answer
        self.shown: list[AnyArray] = []

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        self.shown.append(inputs[0].copy())
        if self.answer is not None:
            return (self.answer,)
        row = inputs[0][0].reshape(3, -1)[:, : 2 * DIMENSIONS : 2].sum(axis=0)
        return ((row + 1).astype(np.float32)[np.newaxis, :DIMENSIONS],)


def _chips(count: int) -> list[AnyArray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (112, 112, 3)).astype(np.uint8) for _ in range(count)]


def test_no_face_gives_no_row_of_the_right_width() -> None:
    rows = FaceEmbedder(FakeSession(), "m").embed([])
    assert (rows.shape, rows.dtype) == ((0, DIMENSIONS), np.dtype(np.float32))


@pytest.mark.parametrize("fan_out", [None, FanOut(1), FanOut(3)])
def test_rows_have_unit_length_and_the_order_of_the_faces(fan_out: FanOut | None) -> None:
    chips = _chips(7)
    rows = FaceEmbedder(FakeSession(), "m", fan_out).embed(chips)
    assert (rows.shape, rows.dtype) == ((7, DIMENSIONS), np.dtype(np.float32))
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(7), abs=1e-6)
    for row, chip in zip(rows, chips, strict=True):
        assert row == pytest.approx(FaceEmbedder(FakeSession(), "m").embed([chip])[0])


def test_the_network_sees_rgb_planes_of_the_face_and_of_its_mirror_image() -> None:
    session = FakeSession()
    (chip,) = _chips(1)
    FaceEmbedder(session, "m").embed([chip])
    assert [shown.shape for shown in session.shown] == [(1, 3, 112, 112)] * 2
    assert np.array_equal(session.shown[0][0], chip.transpose(2, 0, 1))
    assert np.array_equal(session.shown[1][0], chip[:, ::-1].transpose(2, 0, 1))


def test_a_face_and_its_mirror_image_have_one_embedding() -> None:
    (chip,) = _chips(1)
    embedder = FaceEmbedder(FakeSession(), "m")
    assert embedder.embed([chip]) == pytest.approx(embedder.embed([chip[:, ::-1]]))


@pytest.mark.parametrize(
    "answer",
    [
        np.full((1, DIMENSIONS), np.nan, np.float32),
        np.full((1, DIMENSIONS), np.inf, np.float32),
        np.zeros((1, DIMENSIONS), np.float32),
        np.eye(1, DIMENSIONS, dtype=np.float32) * np.float32(np.nan),
        np.ones((1, 512), np.float32),
        np.ones((DIMENSIONS,), np.float32),
    ],
    ids=["nan", "inf", "zero", "one nan", "another network", "one axis"],
)
def test_an_answer_that_is_no_direction_is_an_inference_error(answer: AnyArray) -> None:
    with pytest.raises(InferenceError):
        FaceEmbedder(FakeSession(answer), "m").embed(_chips(2))


def test_very_long_answers_of_the_network_keep_their_direction() -> None:
    long = np.full((1, DIMENSIONS), 1e30, np.float32)
    row = FaceEmbedder(FakeSession(long), "m").embed(_chips(1))[0]
    assert row == pytest.approx(np.full(DIMENSIONS, DIMENSIONS**-0.5, np.float32))


def test_a_chip_of_another_size_is_an_inference_error() -> None:
    with pytest.raises(InferenceError):
        FaceEmbedder(FakeSession(), "m").embed([np.zeros((96, 112, 3), np.uint8)])
