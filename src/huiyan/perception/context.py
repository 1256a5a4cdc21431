"""What a picture as a whole suggests about objects of 80 kinds.

Owns: the linear map from the classifier's embedding to kinds of object, and the form of its fitted
file. Has no opinion on: how much a suggestion is worth beside a box, and how the file was fitted
(``tools/fit_fusion.py``).

A kitchen suggests cups and a stadium balls, however small they are in the picture.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from importlib import resources
from typing import IO

import numpy as np

from huiyan.kernel.errors import InferenceError, ModelIntegrityError
from huiyan.kernel.units import FloatArray
from huiyan.perception.heads import EMBEDDING_SIZE, normalise_embedding

KIND_COUNT = 80
"""In the order of the detector's classes."""

_UNREADABLE = (
    *(OSError, EOFError, KeyError, ValueError, TypeError, MemoryError, zipfile.BadZipFile),
    *(zlib.error, NotImplementedError, RuntimeError),
)
"""What a damaged archive makes its reader raise."""

_MOST = np.float32(1e6)
"""Far above any fitted number, far below what a float can hold."""


@dataclass(frozen=True, slots=True, eq=False)
class ContextHead:
    """A linear map.

    One instance serves all threads.

    Attributes
    ----------
    weights : ndarray of shape (1280, 80), float32
        For the normalised embedding.
    biases : ndarray of shape (80,), float32
        What a picture suggests that shows nothing in particular.
    """

    weights: FloatArray
    biases: FloatArray

    def suggest(self, embedding: FloatArray) -> FloatArray:
        """Tell what a picture suggests.

        Parameters
        ----------
        embedding : ndarray of shape (1280,), float32
            Pooled features of the picture, as the classifier gives them.

        Returns
        -------
        ndarray of shape (80,), float32
            About 0 for kinds that do not fit the picture to about 1 for those that fill it; not
            calibrated, and beyond that range at times.

        Raises
        ------
        InferenceError
            The embedding has another shape, or is not finite.
        """
        if embedding.shape != (EMBEDDING_SIZE,) or not np.isfinite(embedding).all():
            raise InferenceError("context: no usable embedding")
        suggested: FloatArray = normalise_embedding(embedding) @ self.weights + self.biases
        return suggested


def load_context() -> ContextHead:
    """Load the fitted map that is part of the package.

    Returns
    -------
    ContextHead
        Ready to use.

    Raises
    ------
    ModelIntegrityError
        Its file is damaged.
    """
    with (resources.files("huiyan.perception") / "data" / "context80.npz").open("rb") as file:
        return read_context(file)


def read_context(file: IO[bytes]) -> ContextHead:
    """Read a map as `write_context` wrote it.

    Parameters
    ----------
    file : file object
        Open for reading bytes.

    Returns
    -------
    ContextHead
        With float32 weights.

    Raises
    ------
    ModelIntegrityError
        The file is no archive of arrays, or shapes or values cannot be right.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()  # before anything tries to make sense of its contents
        if damaged is not None:
            raise ModelIntegrityError(f"context: {damaged} is damaged")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            rounded, steps, biases = (arrays[it] for it in ("weights", "steps", "biases"))
    except _UNREADABLE as error:
        raise ModelIntegrityError(f"context: cannot be read: {error}") from error
    is_sound = (
        (rounded.shape, rounded.dtype) == ((EMBEDDING_SIZE, KIND_COUNT), np.int8)
        and (steps.shape, steps.dtype) == ((KIND_COUNT,), np.float32)
        and (biases.shape, biases.dtype) == ((KIND_COUNT,), np.float32)
        and bool((np.abs(steps) <= _MOST).all() and (np.abs(biases) <= _MOST).all())
    )
    if not is_sound:
        raise ModelIntegrityError("context: weights of impossible shape or value")
    return ContextHead(rounded * steps, biases)


def write_context(head: ContextHead, file: IO[bytes]) -> None:
    """Write a map so that `read_context` can read it; equal maps give equal bytes.

    Parameters
    ----------
    head : ContextHead
        Its weights are rounded to 127 steps of each kind's greatest.
    file : file object
        Open for writing bytes.
    """
    steps = np.abs(head.weights).max(axis=0) / 127
    weights = np.round(head.weights / np.maximum(steps, np.finfo(np.float32).tiny))
    np.savez_compressed(
        file,
        weights=weights.astype(np.int8),
        steps=steps.astype(np.float32),
        biases=head.biases.astype(np.float32),
    )
