from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.align import TEMPLATE_POINTS
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray
from huiyan.perception.face_embedder import FaceEmbedder
from huiyan.perception.face_reader import FaceReader
from huiyan.perception.faces import Faces


class FakeFinder:
    """Finds the faces that a test names."""

    min_short_side_px = 77

    def __init__(self, points: list[AnyArray]) -> None:
        rows = np.array(points, np.float32).reshape(-1, 5, 2)
        boxes = np.hstack([rows.min(axis=1), rows.max(axis=1)]).reshape(-1, 4)
        scores = np.linspace(0.9, 0.8, len(rows), dtype=np.float32)
        self._faces = Faces(boxes.astype(np.float32), rows, scores)

    def detect(self, image: Image) -> Faces:
        assert image.pixels.ndim == 3
        return self._faces


class MeanSession:
    """Answers with the mean colour of what it is shown."""

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        row = np.zeros((1, 128), np.float32)
        row[0, :3] = inputs[0].mean(axis=(0, 2, 3)) + 1
        return (row,)


class NotANumberSession:
    """A network that broke."""

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        return (inputs[0].reshape(-1)[np.newaxis, :128] * np.float32(np.nan),)


def _reader(*points: AnyArray) -> FaceReader:
    return FaceReader(FakeFinder(list(points)), FaceEmbedder(MeanSession(), "net:0123456789ab"))


def _image(width: int, height: int, reduced: int = 1) -> Image:
    return Image(np.full((height, width, 3), 50, np.uint8), (width * reduced, height * reduced))


@pytest.mark.parametrize("size_wh", [(1, 1), (10_000, 1), (1, 10_000), (640, 480)])
def test_no_face_is_five_empty_arrays_of_the_right_shapes(size_wh: tuple[int, int]) -> None:
    readings = _reader().read(_image(*size_wh))
    assert readings.faces.xyxy.shape == (0, 4)
    assert readings.embeddings.shape == (0, 128)
    assert readings.side_px.shape == readings.sharpness.shape == readings.frontality.shape == (0,)
    arrays = (readings.embeddings, readings.side_px, readings.sharpness, readings.frontality)
    assert {it.dtype for it in arrays} == {np.dtype(np.float32)}


def test_it_tells_its_model_and_how_much_of_a_picture_it_needs() -> None:
    reader = _reader()
    assert reader.model_id == "net:0123456789ab"
    assert reader.dimensions == 128
    assert reader.min_short_side_px == 77


def test_a_face_without_a_shape_is_left_out_and_the_others_keep_their_order() -> None:
    bad = np.full((5, 2), 30, np.float32)
    reader = _reader(TEMPLATE_POINTS, bad, TEMPLATE_POINTS * 2, bad * np.float32(np.nan))
    readings = reader.read(_image(400, 400))
    assert readings.faces.scores == pytest.approx([0.9, 0.9 - 0.2 / 3])
    assert readings.embeddings.shape == (2, 128)
    assert readings.side_px == pytest.approx([40.86, 81.73], abs=0.01)
    assert (readings.frontality > 0.8).all()


def test_a_face_outside_the_picture_is_read_without_a_bad_number() -> None:
    readings = _reader(TEMPLATE_POINTS + np.float32(9000)).read(_image(60, 60))
    assert np.isfinite(readings.embeddings).all()
    assert readings.sharpness.tolist() == [0]


def test_a_reduced_picture_is_cut_where_the_face_is() -> None:
    image = _image(300, 300, reduced=4)
    image.pixels[:] = 0
    image.pixels[100:212, 100:212, 1] = 200
    readings = _reader((TEMPLATE_POINTS + 100) * np.float32(4)).read(image)
    assert readings.embeddings[0, 1] > 0.99
    assert readings.side_px[0] == pytest.approx(4 * 40.86, abs=0.1)


def test_a_broken_network_is_an_inference_error_and_gives_no_embedding() -> None:
    reader = FaceReader(FakeFinder([TEMPLATE_POINTS]), FaceEmbedder(NotANumberSession(), "net"))
    with pytest.raises(InferenceError):
        reader.read(_image(200, 200))
