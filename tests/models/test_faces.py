"""The real network on real faces, against the reader that its publishers use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.letterbox import fit_square
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings
from huiyan.perception.faces import INPUT_SIDE_PX, OUTPUT_NAMES, FaceDetector
from huiyan.runtime.card import Card, get_card
from huiyan.runtime.engine import open_session
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models

CARD = "yunet-2023mar"
LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
BUDGET = MemoryBudget(1 << 28)


@pytest.fixture(scope="module")
def network(model_store: ModelStore) -> Path:
    return _pulled(model_store, CARD)


@pytest.fixture(scope="module")
def detector(model_store: ModelStore, network: Path) -> FaceDetector:
    return _open(get_card(model_store.cards, CARD), network)


def _open(card: Card, network: Path) -> FaceDetector:
    cache = load_settings().data_dir / "compiled"
    return FaceDetector(open_session(card, network, OUTPUT_NAMES, "cpu", 1, cache))


def _pulled(store: ModelStore, name: str) -> Path:
    try:
        return store.path(get_card(store.cards, name))
    except OperatorError as error:
        pytest.skip(f"{error}; run: huiyan models pull --all")


def _read(path: Path) -> Image:
    return decode(path.read_bytes(), LIMITS, None, BUDGET)


def test_a_portrait_has_one_face_with_its_points_in_order(
    detector: FaceDetector, model_store: ModelStore
) -> None:
    faces = detector.detect(_read(_pulled(model_store, "sample-astronaut")))
    assert len(faces.scores) == 1
    assert faces.scores[0] > 0.9
    (left, top, right, bottom), points = faces.xyxy[0], faces.points[0]
    assert (points > [left, top]).all()
    assert (points < [right, bottom]).all()
    right_eye, left_eye, nose, right_mouth, left_mouth = points
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


@pytest.mark.parametrize("name", ["sample-chelsea", "sample-coffee", "sample-rocket"])
def test_pictures_without_people_have_no_face(
    detector: FaceDetector, model_store: ModelStore, name: str
) -> None:
    assert detector.detect(_read(_pulled(model_store, name))).scores.size == 0


def test_a_reduced_picture_gives_boxes_of_the_full_one(
    detector: FaceDetector, model_store: ModelStore
) -> None:
    full = _read(_pulled(model_store, "sample-astronaut"))
    half = Image(cv2.resize(full.pixels, None, fx=0.5, fy=0.5), full.size_wh)
    found, again = detector.detect(full).xyxy[0], detector.detect(half).xyxy[0]
    assert again == pytest.approx(found, abs=0.1 * float(found[2] - found[0]))


def _theirs(network: Path, pixels: np.ndarray) -> np.ndarray:
    side = (pixels.shape[1], pixels.shape[0])
    reader = cv2.FaceDetectorYN.create(str(network), "", side, 0.6, 0.3, 5000)
    _, rows = reader.detect(np.ascontiguousarray(pixels[..., ::-1]))
    return np.zeros((0, 15), np.float32) if rows is None else rows


@pytest.mark.data
def test_we_find_what_the_publishers_reader_finds(
    model_store: ModelStore, network: Path, data_dir: Path
) -> None:
    # Theirs runs in f32.
    detector = _open(replace(get_card(model_store.cards, CARD), precision="f32"), network)
    pictures = sorted((data_dir / "faces_sample" / "images").rglob("*.jpg"))[::100]
    assert pictures
    for path in pictures:
        pixels = fit_square(_read(path).pixels, INPUT_SIDE_PX, 2.0).pixels
        ours = detector.detect(Image(pixels, (INPUT_SIDE_PX, INPUT_SIDE_PX)))
        theirs = _theirs(network, pixels)
        assert len(ours.scores) == len(theirs), path.name
        corners = np.concatenate([theirs[:, :2], theirs[:, :2] + theirs[:, 2:4]], axis=1)
        boxes = np.clip(corners, 0, INPUT_SIDE_PX)
        assert ours.xyxy == pytest.approx(boxes, abs=0.05), path.name
        assert ours.points.reshape(-1, 10) == pytest.approx(theirs[:, 4:14], abs=0.05), path.name
        assert ours.scores == pytest.approx(theirs[:, 14], abs=1e-4)


@pytest.mark.data
def test_the_shipped_precision_finds_the_face_of_portraits(
    detector: FaceDetector, data_dir: Path
) -> None:
    pictures = sorted((data_dir / "faces_sample" / "images").rglob("*.jpg"))[::40]
    assert pictures
    assert all(detector.detect(_read(path)).scores.size for path in pictures)
