from __future__ import annotations

import numpy as np
import pytest

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray
from huiyan.perception.faces import OUTPUT_NAMES, FaceDetector

SIDE_PX = 64
COUNTS = (64, 16, 4)


class FakeSession:
    """Answers with cells that a test filled in, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[AnyArray] = []
        self.cells: dict[str, AnyArray] = {}
        for name in OUTPUT_NAMES:
            kind, _, stride = name.partition("_")
            count = (SIDE_PX // int(stride)) ** 2
            size = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}[kind]
            self.cells[name] = np.zeros((1, count, size), np.float32)

    def put(
        self, stride: int, cell: int, score: float, offsets: tuple[float, ...] = (0, 0, 0, 0)
    ) -> None:
        self.cells[f"cls_{stride}"][0, cell] = score
        self.cells[f"obj_{stride}"][0, cell] = score
        self.cells[f"bbox_{stride}"][0, cell] = offsets

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        self.shown.extend(inputs)
        return tuple(self.cells[name].copy() for name in OUTPUT_NAMES)


def _image(width: int, height: int, full_wh: tuple[int, int] | None = None) -> Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = 200
    return Image(pixels, full_wh or (width, height))


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1), (64, 64), (300, 200)])
def test_nothing_found_is_three_empty_arrays_at_every_size(size_wh: tuple[int, int]) -> None:
    faces = FaceDetector(FakeSession(), side_px=SIDE_PX).detect(_image(*size_wh))
    assert (faces.xyxy.shape, faces.points.shape, faces.scores.shape) == ((0, 4), (0, 5, 2), (0,))
    assert {array.dtype for array in (faces.xyxy, faces.points, faces.scores)} == {
        np.dtype(np.float32)
    }


def test_the_network_is_shown_bgr_planes_with_the_picture_in_the_upper_left() -> None:
    session = FakeSession()
    FaceDetector(session, side_px=SIDE_PX).detect(_image(128, 64))
    (shown,) = session.shown
    assert (shown.shape, shown.dtype) == ((1, 3, SIDE_PX, SIDE_PX), np.dtype(np.float32))
    assert shown[0, :, 0, 0].tolist() == [0, 0, 200]
    assert shown[0, :, 31, 63].tolist() == [0, 0, 200]
    assert shown[0, :, 32, 0].tolist() == [0, 0, 0]


def test_a_cell_becomes_a_box_and_points_in_px_of_the_full_picture() -> None:
    session = FakeSession()
    session.put(16, 5, 0.9, (0.5, 0.25, 0.0, float(np.log(2))))
    session.cells["kps_16"][0, 5] = np.arange(10) / 10
    faces = FaceDetector(session, side_px=SIDE_PX).detect(_image(64, 64, (640, 640)))
    # Cell 5 of a 4 x 4 grid is column 1, row 1; its stride is 16 px; the full picture is 10 times
    # larger.
    assert faces.xyxy == pytest.approx(np.array([[160, 40, 320, 360]], np.float32))
    assert faces.points[0, 0] == pytest.approx([160, 176])
    assert faces.points[0, 4] == pytest.approx([288, 304])
    assert faces.scores == pytest.approx([0.9])


def test_the_score_is_the_geometric_mean_of_both_scores() -> None:
    session = FakeSession()
    session.cells["cls_8"][0, 3], session.cells["obj_8"][0, 3] = 0.9, 0.4
    assert FaceDetector(session, 0.59, SIDE_PX).detect(_image(64, 64)).scores == pytest.approx(
        [0.6]
    )
    assert FaceDetector(session, 0.61, SIDE_PX).detect(_image(64, 64)).scores.size == 0


def test_one_face_seen_by_several_cells_is_given_once_and_the_surest_comes_first() -> None:
    session = FakeSession()
    session.put(32, 0, 0.7, (0.5, 0.5, 0, 0))
    session.put(16, 5, 0.95, (0.0, 0.0, float(np.log(2)), float(np.log(2))))
    session.put(32, 3, 0.99, (0.5, 0.5, 0, 0))
    faces = FaceDetector(session, side_px=SIDE_PX).detect(_image(64, 64))
    assert faces.scores == pytest.approx([0.99, 0.95])
    assert faces.xyxy == pytest.approx(np.array([[32, 32, 64, 64], [0, 0, 32, 32]], np.float32))


def test_boxes_end_at_the_picture_and_one_in_the_padding_is_no_face() -> None:
    session = FakeSession()
    session.put(32, 0, 0.9, (0.0, 0.0, 5.0, 5.0))
    session.put(16, 15, 0.9)
    faces = FaceDetector(session, side_px=SIDE_PX).detect(_image(128, 64))
    assert faces.xyxy.tolist() == [[0, 0, 128, 64]]


def test_sizes_over_all_measure_stay_finite() -> None:
    session = FakeSession()
    session.put(32, 0, 0.9, (0, 0, 1000, 1000))
    faces = FaceDetector(session, side_px=SIDE_PX).detect(_image(64, 64))
    assert faces.xyxy.tolist() == [[0, 0, 64, 64]]


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("cls", np.nan), ("obj", np.nan), ("bbox", np.nan), ("bbox", -np.inf), ("kps", np.nan),
        ("kps", np.inf),
    ],
)  # fmt: skip
def test_what_is_no_number_is_an_inference_error(kind: str, bad: float) -> None:
    session = FakeSession()
    session.put(8, 0, 0.9)
    session.cells[f"{kind}_8"][0, 0] = bad
    with pytest.raises(InferenceError):
        FaceDetector(session, side_px=SIDE_PX).detect(_image(64, 64))


def test_outputs_of_another_side_are_an_inference_error() -> None:
    with pytest.raises(InferenceError):
        FaceDetector(FakeSession(), side_px=128).detect(_image(64, 64))


def test_a_detector_that_is_sure_everywhere_gives_a_bounded_answer() -> None:
    session = FakeSession()
    for stride, count in zip((8, 16, 32), COUNTS, strict=True):
        for cell in range(count):
            session.put(stride, cell, 1.0, (0.5, 0.5, -1, -1))
    faces = FaceDetector(session, side_px=SIDE_PX).detect(_image(64, 64))
    assert 0 < len(faces.scores) <= 84
