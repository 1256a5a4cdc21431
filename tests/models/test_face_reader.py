"""The real face networks: against their publishers' reader, on people, and on composed scenes."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from huiyan.evaluation.face_scene import Portrait, Scene, compose_scene, match_faces
from huiyan.imaging.align import cut_chip
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.draw import encode_jpeg
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.imaging.sharpness import measure_sharpness
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings
from huiyan.perception import face_embedder, faces
from huiyan.perception.face_embedder import FaceEmbedder
from huiyan.perception.face_pyramid import FIRST_MIN_SCORE, FacePyramid
from huiyan.perception.face_reader import FaceReader, FaceReadings
from huiyan.perception.faces import FaceDetector
from huiyan.runtime.card import Card, get_card
from huiyan.runtime.engine import open_session
from huiyan.runtime.fan_out import FanOut
from huiyan.runtime.session import Session
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models

LIMITS = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
BUDGET = MemoryBudget(1 << 28)
SAME_PERSON = 0.363
"""The network's published threshold."""


@pytest.fixture(scope="module")
def detector(model_store: ModelStore) -> FaceDetector:
    return FaceDetector(_open(model_store, "yunet-2023mar", faces.OUTPUT_NAMES), FIRST_MIN_SCORE)


@pytest.fixture(scope="module")
def embedder(model_store: ModelStore) -> FaceEmbedder:
    return FaceEmbedder(_open(model_store, "sface-2021dec", face_embedder.OUTPUT_NAMES), "sface")


@pytest.fixture(scope="module")
def reader(detector: FaceDetector, embedder: FaceEmbedder) -> FaceReader:
    return FaceReader(FacePyramid(detector, FanOut(1)), embedder)


@pytest.fixture(scope="module")
def people(data_dir: Path) -> dict[str, list[Path]]:
    with (data_dir / "faces_sample" / "labels.csv").open(encoding="utf-8") as rows:
        found = defaultdict(list)
        for row in csv.DictReader(rows):
            found[row["name"]].append(data_dir / "faces_sample" / row["file"])
    return {name: found[name] for name in sorted(found)}


def _open(store: ModelStore, name: str, outputs: tuple[str, ...], **changes: str) -> Session:
    card: Card = get_card(store.cards, name)
    cache = load_settings().data_dir / "compiled"
    return open_session(replace(card, **changes), _pulled(store, name), outputs, "cpu", 1, cache)


def _pulled(store: ModelStore, name: str) -> Path:
    try:
        return store.path(get_card(store.cards, name))
    except OperatorError as error:
        pytest.skip(f"{error}; run: huiyan models pull --all")


def _read(path: Path) -> Image:
    return decode(path.read_bytes(), LIMITS, None, BUDGET)


def _main_face(readings: FaceReadings, image: Image) -> int:
    """Tell which face the photo is of: the one in the middle."""
    middles = (readings.faces.xyxy[:, :2] + readings.faces.xyxy[:, 2:]) / 2
    return int(np.linalg.norm(middles - np.array(image.size_wh) / 2, axis=1).argmin())


def test_the_astronaut_is_one_good_face(reader: FaceReader, model_store: ModelStore) -> None:
    readings = reader.read(_read(_pulled(model_store, "sample-astronaut")))
    assert readings.embeddings.shape == (1, 128)
    assert np.linalg.norm(readings.embeddings[0]) == pytest.approx(1, abs=1e-6)
    assert readings.side_px[0] == pytest.approx(110, abs=25)
    assert readings.sharpness[0] > 0.5
    assert readings.frontality[0] > 0.6


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "flower", "china"])
def test_pictures_without_people_have_no_face(
    reader: FaceReader, model_store: ModelStore, name: str
) -> None:
    readings = reader.read(_read(_pulled(model_store, f"sample-{name}")))
    assert readings.embeddings.shape == (0, 128)
    assert readings.side_px.shape == readings.sharpness.shape == readings.frontality.shape == (0,)


@pytest.mark.parametrize("size_wh", [(1, 1), (10_000, 1), (1, 10_000), (15, 15)])
def test_the_smallest_and_thinnest_pictures_have_no_face(
    reader: FaceReader, size_wh: tuple[int, int]
) -> None:
    pixels = np.full((size_wh[1], size_wh[0], 3), 120, np.uint8)
    assert reader.read(Image(pixels, size_wh)).embeddings.shape == (0, 128)


def test_huge_noise_is_read_without_a_bad_number(reader: FaceReader) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2500, 3)).astype(np.uint8)
    readings = reader.read(Image(noise, (2500, 1500)))
    assert len(readings.side_px) < 5
    assert np.isfinite(readings.embeddings).all()


@pytest.mark.parametrize("angle", [-30, 30])
def test_a_face_that_leans_is_the_same_face(
    reader: FaceReader, model_store: ModelStore, angle: int
) -> None:
    image = _read(_pulled(model_store, "sample-astronaut"))
    width, height = image.size_wh
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    leaning = Image(cv2.warpAffine(image.pixels, matrix, image.size_wh), image.size_wh)
    straight, again = reader.read(image), reader.read(leaning)
    assert len(again.side_px) == 1
    assert float(straight.embeddings[0] @ again.embeddings[0]) > 0.75
    assert again.frontality[0] == pytest.approx(straight.frontality[0], abs=0.15)


@pytest.mark.parametrize("zoom", [3.0, 4.4])
def test_a_close_up_is_found(reader: FaceReader, model_store: ModelStore, zoom: float) -> None:
    image = _read(_pulled(model_store, "sample-astronaut"))
    left, top, right, bottom = reader.read(image).faces.xyxy[0]
    half = 512 / zoom / 2
    x, y = max((left + right) / 2, half), max((top + bottom) / 2, half)
    crop = image.pixels[int(y - half) : int(y + half), int(x - half) : int(x + half)]
    large = cv2.resize(crop, (2400, 2400), interpolation=cv2.INTER_CUBIC)
    assert len(reader.read(Image(large, (2400, 2400))).side_px) == 1


def _backgrounds(store: ModelStore, ground: str) -> list[np.ndarray]:
    """Give pictures without people: many side by side, or one so large that it is calm."""
    if ground == "calm":
        flower = _read(_pulled(store, "sample-flower")).pixels
        return [cv2.resize(flower, (4000, 3000), interpolation=cv2.INTER_CUBIC)]
    names = ("china", "coffee", "chelsea", "flower", "rocket")
    return [_read(_pulled(store, f"sample-{name}")).pixels for name in names]


def _compose(portraits: list[Portrait], backgrounds: list[np.ndarray]) -> tuple[Scene, Image]:
    sides_px = [30] * 20 + [40] * 40 + [60] * 15 + [100] * 8 + [300] * 3 + [900]
    scene = compose_scene(portraits, backgrounds, (4000, 3000), sides_px, 1)
    return scene, decode(
        encode_jpeg(scene.pixels, 88), LIMITS, FacePyramid.min_short_side_px, BUDGET
    )


def _check(reader: FaceReader, scene: Scene, image: Image, own: np.ndarray) -> None:
    readings = reader.read(image)
    which = match_faces(scene.xyxy, readings.faces.xyxy)
    is_found = np.isin(np.arange(len(scene.xyxy)), which)
    for side_px, least in ((30, 0.8), (40, 0.95), (60, 0.95), (100, 1.0), (300, 1.0), (900, 1.0)):
        assert is_found[scene.sides_px == side_px].mean() >= least, side_px
    assert (which < 0).sum() <= 2
    found = which >= 0
    cosines = (readings.embeddings[found] * own[scene.portraits[which[found]]]).sum(axis=1)
    sides_px = scene.sides_px[which[found]]
    assert (cosines[sides_px >= 40] > SAME_PERSON).mean() >= 0.97
    assert cosines[sides_px == 40].mean() > 0.75
    assert cosines[sides_px >= 100].mean() > 0.9
    assert readings.side_px[found] == pytest.approx(sides_px, rel=0.4)


@pytest.mark.parametrize("ground", ["varied", "calm"])
def test_small_faces_in_a_photo_of_4000_px_are_found_and_known(
    reader: FaceReader, model_store: ModelStore, ground: str
) -> None:
    image = _read(_pulled(model_store, "sample-astronaut"))
    known = reader.read(image)
    backgrounds = _backgrounds(model_store, ground)
    scene, picture = _compose([Portrait(image.pixels, known.faces.xyxy[0])], backgrounds)
    assert picture.pixels.shape == (3000, 4000, 3)
    _check(reader, scene, picture, known.embeddings)


@pytest.mark.data
@pytest.mark.parametrize("ground", ["varied", "calm"])
def test_small_faces_of_many_people_in_a_photo_of_4000_px_are_found_and_known(
    reader: FaceReader, model_store: ModelStore, people: dict[str, list[Path]], ground: str
) -> None:
    portraits, own = [], []
    for paths in list(people.values())[::10]:
        image = _read(paths[0])
        known = reader.read(image)
        if len(known.side_px) == 1:
            portraits.append(Portrait(image.pixels, known.faces.xyxy[0]))
            own.append(known.embeddings[0])
    scene, picture = _compose(portraits, _backgrounds(model_store, ground))
    _check(reader, scene, picture, np.array(own))


@pytest.mark.data
def test_chips_and_embeddings_are_those_of_the_publishers_reader(
    model_store: ModelStore, detector: FaceDetector, people: dict[str, list[Path]]
) -> None:
    theirs = cv2.FaceRecognizerSF.create(str(_pulled(model_store, "sface-2021dec")), "")
    session = _open(model_store, "sface-2021dec", face_embedder.OUTPUT_NAMES, precision="f32")
    ours = FaceEmbedder(session, "sface")
    for paths in list(people.values())[::60]:
        image = _read(paths[0])
        points = detector.detect(image).points[0]
        row = np.concatenate([np.zeros(4, np.float32), points.ravel(), [1.0]]).astype(np.float32)
        bgr = np.ascontiguousarray(image.pixels[..., ::-1])
        aligned = theirs.alignCrop(bgr, row[np.newaxis])
        chip = cut_chip(image.pixels, points)
        assert chip is not None
        assert np.abs(chip.astype(int) - aligned[..., ::-1]).mean() < 0.5, paths[0].name
        rows = [theirs.feature(it)[0] for it in (aligned, np.ascontiguousarray(aligned[:, ::-1]))]
        mean = sum(row / np.linalg.norm(row) for row in rows)
        mean /= np.linalg.norm(mean)
        assert float(ours.embed([chip])[0] @ mean) > 0.999, paths[0].name


@pytest.mark.data
def test_photos_of_one_person_are_nearer_than_photos_of_two(
    reader: FaceReader, people: dict[str, list[Path]]
) -> None:
    rows, owners = [], []
    for number, paths in enumerate([it for it in people.values() if len(it) > 1][::6]):
        for path in paths[:3]:
            image = _read(path)
            readings = reader.read(image)
            rows.append(readings.embeddings[_main_face(readings, image)])
            owners.append(number)
    cosines = np.array(rows) @ np.array(rows).T
    one, other = np.triu_indices(len(rows), 1)
    is_same = np.array(owners)[one] == np.array(owners)[other]
    same, different = cosines[one, other][is_same], np.sort(cosines[one, other][~is_same])
    area = np.searchsorted(different, same).mean() / len(different)
    assert area > 0.998
    assert (same > np.quantile(different, 0.999)).mean() > 0.96


@pytest.mark.data
def test_sharpness_falls_with_all_that_hides_a_face(
    detector: FaceDetector, people: dict[str, list[Path]]
) -> None:
    pictures = [_read(paths[0]) for paths in list(people.values())[::16]]
    points = [detector.detect(it).points[0] for it in pictures]

    def small(pixels: np.ndarray, factor: float) -> np.ndarray:
        reduced = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return cv2.resize(reduced, pixels.shape[1::-1])

    def median(change: object) -> float:
        assert callable(change)
        chips = [cut_chip(change(it.pixels), at) for it, at in zip(pictures, points, strict=True)]
        return float(np.median([measure_sharpness(chip) for chip in chips if chip is not None]))

    clean = median(lambda it: it)
    blurs = [median(lambda it, s=s: cv2.GaussianBlur(it, (0, 0), s)) for s in (1, 2, 3, 5)]
    tiny = [median(lambda it, f=f: small(it, f)) for f in (0.5, 0.33, 0.2, 0.12)]
    moved = median(lambda it: cv2.blur(it, (13, 1)))
    assert [clean, *blurs] == sorted([clean, *blurs], reverse=True)
    assert [clean, *tiny] == sorted([clean, *tiny], reverse=True)
    assert clean > 0.7
    assert blurs[2] < 0.45
    assert tiny[3] < 0.35
    assert moved < 0.5
    noise = np.random.default_rng(0).normal(0, 8, (250, 250, 3))
    noisy = median(
        lambda it: np.clip(cv2.GaussianBlur(it, (0, 0), 3) + noise, 0, 255).astype(np.uint8)
    )
    assert noisy < 0.5
