from __future__ import annotations

import io
from importlib import resources

import numpy as np
import pytest

from huiyan.kernel.errors import InferenceError, ModelIntegrityError, ModelMissingError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.heads import (
    EMBEDDING_NORM,
    EMBEDDING_SIZE,
    HEAD_LAYERS,
    LinearHead,
    load_head,
    nearness,
    normalise_embedding,
    read_head,
)


def _arrays() -> dict[str, AnyArray]:
    """Two dimensions (the first two features), one landmark for each of two classes."""
    matrix = np.zeros((EMBEDDING_SIZE, 2), np.int8)
    matrix[0, 0] = matrix[1, 1] = 100
    return {
        "classes": np.array(["left", "right"]),
        "matrix": matrix,
        "matrix_step": np.full(2, 0.001, np.float32),
        "offset": np.zeros(2, np.float32),
        "landmarks": np.array([[100, 0], [0, 100]], np.int8),
        "landmark_step": np.float32(0.01),
        "sharpness": np.float32(3),
        "weights": np.array([[9, 0, 0], [0, 9, 0], [0, 0, 4]], np.float16),
    }


def _file(arrays: dict[str, AnyArray]) -> io.BytesIO:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    file.seek(0)
    return file


def _embedding(*features: int) -> FloatArray:
    embedding = np.zeros(EMBEDDING_SIZE, np.float32)
    embedding[list(features)] = 2
    return embedding


@pytest.fixture
def head() -> LinearHead:
    return read_head(_file(_arrays()), "made-up")


def test_an_embedding_at_a_landmark_is_of_its_class(head: LinearHead) -> None:
    left, right = head.confidences(_embedding(0))
    assert left > 0.95
    assert right < 0.02


def test_an_embedding_far_from_all_landmarks_is_of_no_class(head: LinearHead) -> None:
    assert head.confidences(_embedding(7)).sum() < 0.15


def test_an_embedding_between_two_classes_is_certain_of_neither(head: LinearHead) -> None:
    left, right = head.confidences(_embedding(0, 1))
    assert left == pytest.approx(right)
    assert left < 0.6


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e30])
def test_the_length_of_an_embedding_does_not_matter(head: LinearHead, size: float) -> None:
    given = head.confidences(_embedding(0) * np.float32(size))
    assert given == pytest.approx(head.confidences(_embedding(0)), abs=1e-3)


@pytest.mark.parametrize("name", HEAD_LAYERS)
@pytest.mark.parametrize("value", [0.0, -1.0, 1e-45, 1e38])
def test_no_embedding_makes_anything_but_confidences(name: str, value: float) -> None:
    shares = load_head(name).confidences(np.full(EMBEDDING_SIZE, value, np.float32))
    assert shares.dtype == np.float32
    assert np.isfinite(shares).all()
    assert shares.min() >= 0
    assert shares.sum() <= 1


@pytest.mark.parametrize(
    "embedding",
    [
        np.zeros(0, np.float32),
        np.zeros(1279, np.float32),
        np.zeros((1, 1280), np.float32),
        np.full(1280, np.nan, np.float32),
        np.full(1280, np.inf, np.float32),
    ],
)
def test_an_unusable_embedding_is_an_inference_error(
    head: LinearHead, embedding: FloatArray
) -> None:
    with pytest.raises(InferenceError):
        head.confidences(embedding)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        (
            "scene14",
            (
                "airport auditorium bamboo_forest buildings campus desert football_field forest "
                "glacier kitchen mountain sea sky street"
            ),
        ),
        ("material5", "cardboard glass metal paper plastic"),
    ],
)
def test_the_fitted_heads_have_their_classes_in_order(name: str, classes: str) -> None:
    head = load_head(name)
    assert head.layer == name
    assert head.classes == tuple(classes.split())
    assert head.confidences(np.ones(EMBEDDING_SIZE, np.float32)).shape == (len(head.classes),)


def test_an_unknown_head_is_missing() -> None:
    with pytest.raises(ModelMissingError, match="scene14, material5"):
        load_head("../scene14")


def test_a_file_that_is_no_archive_is_refused() -> None:
    for data in (b"", b"PK\x03\x04", b"\x93NUMPY", b"x" * 1000, _file(_arrays()).read()[:900]):
        with pytest.raises(ModelIntegrityError):
            read_head(io.BytesIO(data), "made-up")


@pytest.mark.parametrize("name", HEAD_LAYERS)
def test_a_damaged_file_of_a_fitted_head_is_refused_or_still_a_head(name: str) -> None:
    whole = (resources.files("huiyan.perception") / "data" / f"{name}.npz").read_bytes()
    for place in range(0, len(whole), len(whole) // 60):
        data = bytearray(whole)
        data[place] ^= 0xFF
        try:
            head = read_head(io.BytesIO(bytes(data)), name)
        except ModelIntegrityError:
            continue
        shares = head.confidences(np.ones(EMBEDDING_SIZE, np.float32))
        assert np.isfinite(shares).all()


def test_a_pickled_object_is_never_loaded() -> None:
    file = io.BytesIO()
    arrays = _arrays() | {"classes": np.array(["left", None], dtype=object)}
    np.savez(file, allow_pickle=True, **arrays)  # type: ignore[arg-type]
    file.seek(0)
    with pytest.raises(ModelIntegrityError):
        read_head(file, "made-up")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("matrix", np.zeros((EMBEDDING_SIZE, 3), np.int8)),
        ("matrix_step", np.full(2, np.nan, np.float32)),
        ("offset", np.zeros((2, 2), np.float32)),
        ("landmarks", np.zeros((3, 2), np.int8)),
        ("landmarks", np.zeros((2, 3), np.int8)),
        ("sharpness", np.float32(0)),
        ("sharpness", np.zeros(2, np.float32)),
        ("weights", np.zeros((3, 2), np.float16)),
        ("weights", np.float16(1)),
        ("weights", np.full((3, 3), np.inf, np.float16)),
        ("classes", np.array(["left"])),
    ],
)
def test_arrays_that_do_not_fit_are_refused(key: str, value: AnyArray) -> None:
    with pytest.raises(ModelIntegrityError):
        read_head(_file(_arrays() | {key: value}), "made-up")


def test_a_file_without_an_array_is_refused() -> None:
    arrays = _arrays()
    del arrays["offset"]
    with pytest.raises(ModelIntegrityError):
        read_head(_file(arrays), "made-up")


def test_normalised_embeddings_have_one_length_and_zeros_stay() -> None:
    rows = np.vstack([_embedding(), _embedding(3), -_embedding(3), _embedding(1, 2, 900)])
    lengths = np.linalg.norm(normalise_embedding(rows), axis=1)
    assert lengths == pytest.approx([0, EMBEDDING_NORM, 0, EMBEDDING_NORM], rel=1e-5)
    assert normalise_embedding(rows[:0]).shape == (0, EMBEDDING_SIZE)


def test_nearness_is_one_at_a_landmark_and_fades() -> None:
    landmarks = np.array([[0, 0], [1, 0]], np.float32)
    near = nearness(np.array([[0, 0], [30, 0]], np.float32), landmarks, 1.0)
    assert near[0].tolist() == pytest.approx([1.0, np.exp(-1)])
    assert near[1].max() < 1e-6
