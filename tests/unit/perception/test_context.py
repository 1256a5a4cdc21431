from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.kernel.errors import InferenceError, ModelIntegrityError
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.context import (
    KIND_COUNT,
    ContextHead,
    load_context,
    read_context,
    write_context,
)
from huiyan.perception.heads import EMBEDDING_NORM, EMBEDDING_SIZE


def random_head(seed: int = 1) -> ContextHead:
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((EMBEDDING_SIZE, KIND_COUNT)).astype(np.float32)
    weights[:, 3] = 0
    weights[:, 4] *= 1e-30
    return ContextHead(weights, rng.standard_normal(KIND_COUNT).astype(np.float32))


def written(head: ContextHead) -> bytes:
    file = io.BytesIO()
    write_context(head, file)
    return file.getvalue()


def archive(**changed: AnyArray | None) -> io.BytesIO:
    arrays: dict[str, AnyArray | None] = {
        "weights": np.ones((EMBEDDING_SIZE, KIND_COUNT), np.int8),
        "steps": np.ones(KIND_COUNT, np.float32),
        "biases": np.zeros(KIND_COUNT, np.float32),
    }
    kept = {name: it for name, it in (arrays | changed).items() if it is not None}
    file = io.BytesIO()
    np.savez(file, **kept)  # type: ignore[arg-type]  # numpy's stub takes the names for its own
    file.seek(0)
    return file


WRITTEN = written(random_head())


def test_an_embedding_of_nothing_suggests_the_biases() -> None:
    head = random_head()
    suggested = head.suggest(np.zeros(EMBEDDING_SIZE, np.float32))
    assert (suggested.shape, suggested.dtype) == ((KIND_COUNT,), np.dtype(np.float32))
    np.testing.assert_array_equal(suggested, head.biases)


def test_a_feature_suggests_by_its_weight() -> None:
    head = random_head()
    embedding = np.zeros(EMBEDDING_SIZE, np.float32)
    embedding[5] = 4
    expected = EMBEDDING_NORM * head.weights[5] + head.biases
    np.testing.assert_allclose(head.suggest(embedding), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "embedding",
    [
        np.zeros(0, np.float32),
        np.zeros(EMBEDDING_SIZE - 1, np.float32),
        np.zeros((1, EMBEDDING_SIZE), np.float32),
        np.full(EMBEDDING_SIZE, np.nan, np.float32),
        np.full(EMBEDDING_SIZE, -np.inf, np.float32),
    ],
)
def test_an_unusable_embedding_is_an_inference_error(embedding: FloatArray) -> None:
    with pytest.raises(InferenceError):
        random_head().suggest(embedding)


@pytest.mark.parametrize("value", [1e-38, 1.0, 1e30, -1e30])
def test_suggestions_are_numbers_whatever_the_embedding(value: float) -> None:
    suggested = random_head().suggest(np.full(EMBEDDING_SIZE, value, np.float32))
    assert np.isfinite(suggested).all()


def test_what_was_written_is_read_within_half_a_step() -> None:
    head = random_head()
    again = read_context(io.BytesIO(WRITTEN))
    steps = np.abs(head.weights).max(axis=0) / 127
    assert (np.abs(again.weights - head.weights) <= 0.5001 * steps).all()
    assert again.weights.dtype == np.float32
    np.testing.assert_array_equal(again.biases, head.biases)
    assert not again.weights[:, 3].any()


def test_what_was_read_is_written_and_read_the_same() -> None:
    once = read_context(io.BytesIO(WRITTEN))
    again = read_context(io.BytesIO(written(once)))
    np.testing.assert_allclose(again.weights, once.weights, rtol=1e-6)


def test_equal_maps_give_equal_bytes() -> None:
    assert written(random_head()) == WRITTEN
    assert written(random_head(2)) != WRITTEN


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(),
        io.BytesIO(b"no archive"),
        io.BytesIO(WRITTEN[:-30]),
        archive(weights=None),
        archive(steps=None),
        archive(biases=None),
        archive(weights=np.ones((KIND_COUNT, EMBEDDING_SIZE), np.int8)),
        archive(weights=np.ones((EMBEDDING_SIZE, KIND_COUNT - 1), np.int8)),
        archive(weights=np.ones((EMBEDDING_SIZE, KIND_COUNT), np.complex64)),
        archive(weights=np.full((EMBEDDING_SIZE, KIND_COUNT), "a")),
        archive(steps=np.ones((EMBEDDING_SIZE, KIND_COUNT), np.float32)),
        archive(steps=np.full(KIND_COUNT, np.inf, np.float32)),
        archive(steps=np.full(KIND_COUNT, np.nan, np.float32)),
        archive(steps=np.full(KIND_COUNT, 3e38, np.float32)),
        archive(biases=np.zeros(KIND_COUNT + 1, np.float32)),
        archive(biases=np.full(KIND_COUNT, np.nan, np.float32)),
        archive(biases=np.full(KIND_COUNT, 1e300)),
    ],
)
def test_a_file_that_holds_no_map_is_refused(file: io.BytesIO) -> None:
    file.seek(0)
    with pytest.raises(ModelIntegrityError):
        read_context(file)


def test_a_lone_array_is_no_archive() -> None:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    file.seek(0)
    with pytest.raises(ModelIntegrityError):
        read_context(file)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WRITTEN) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_refused_or_changes_nothing(place: int, flip: int) -> None:
    damaged = bytearray(WRITTEN)
    damaged[place] ^= flip
    try:
        head = read_context(io.BytesIO(damaged))
    except ModelIntegrityError:
        return
    np.testing.assert_array_equal(head.weights, read_context(io.BytesIO(WRITTEN)).weights)


def test_the_shipped_map_fits_the_detectors_classes() -> None:
    head = load_context()
    assert head.weights.shape == (EMBEDDING_SIZE, KIND_COUNT)
    suggested = head.suggest(np.ones(EMBEDDING_SIZE, np.float32))
    assert (np.abs(suggested) < 2).all()
