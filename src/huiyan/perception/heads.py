"""Small heads on the classifier's embedding: scenes and materials.

Owns: how an embedding becomes the confidences of a head's classes, and the form of the fitted
files in ``data/``. Has no opinion on: names of classes in any language, thresholds, and how the
files were fitted (``tools/fit_heads.py``, ``docs/decisions/0010-scene-and-material.md``).
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from importlib import resources
from typing import IO, Final

import numpy as np

from huiyan.kernel.errors import InferenceError, ModelIntegrityError, ModelMissingError
from huiyan.kernel.units import FloatArray

EMBEDDING_SIZE = 1280

SCENE_LAYER: Final = "scene14"
MATERIAL_LAYER: Final = "material5"
HEAD_LAYERS: Final = (SCENE_LAYER, MATERIAL_LAYER)
"""The names by which a vocabulary speaks of the heads' outputs."""

EMBEDDING_NORM = 10.0
"""Length of a normalised embedding."""

_NUMBERS = (
    "matrix",
    "matrix_step",
    "offset",
    "landmarks",
    "landmark_step",
    "sharpness",
    "weights",
)

_UNREADABLE = (
    *(OSError, EOFError, KeyError, ValueError, TypeError, MemoryError, zipfile.BadZipFile),
    *(zlib.error, NotImplementedError, RuntimeError),
)
"""What a damaged archive makes its reader raise."""


def normalise_embedding(embeddings: FloatArray) -> FloatArray:
    """Take roots, then bring to one length.

    Roots keep a few strong features from drowning the rest; one length makes contrast, sharpness
    and size of a picture matter less.

    Parameters
    ----------
    embeddings : ndarray of shape (..., 1280), float32
        Pooled features as the classifier gives them; values below 0 count as 0.

    Returns
    -------
    ndarray of shape (..., 1280), float32
        Of length `EMBEDDING_NORM` each; zeros stay zeros.
    """
    roots = np.sqrt(np.maximum(embeddings, np.float32(0)))
    peaks = roots.max(axis=-1, keepdims=True, initial=0)
    # By the peak first: squares of very large or small numbers leave float32.
    shares = roots / np.where(peaks > 0, peaks, np.float32(1))
    lengths = np.maximum(np.linalg.norm(shares, axis=-1, keepdims=True), np.float32(1))
    normed: FloatArray = shares * (np.float32(EMBEDDING_NORM) / lengths)
    return normed


@dataclass(frozen=True, slots=True)
class Projection:
    """Brings normalised embeddings to a few dimensions.

    Attributes
    ----------
    matrix : ndarray of shape (1280, n_dims), float32
        One column for each dimension.
    offset : ndarray of shape (n_dims,), float32
        Taken off afterwards.
    """

    matrix: FloatArray
    offset: FloatArray


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Linear in how near an embedding lies to landmarks, then a softmax with "none of them".

    Far from every landmark all nearness fades, and "none of them", which is never told, is left.
    One instance serves all threads.

    Attributes
    ----------
    layer : str
        The name by which a vocabulary speaks of the outputs.
    classes : tuple of str
        The classes' names, in the order of the outputs.
    projection : Projection
        From embeddings to the landmarks' space.
    landmarks : ndarray of shape (n_landmarks, n_dims), float32
        Projected embeddings of fitted pictures.
    sharpness : float
        How fast nearness fades with the squared distance, above 0.
    weights : ndarray of shape (n_landmarks + 1, n_classes + 1), float32
        The last row is the bias, the last column belongs to "none of them".
    """

    layer: str
    classes: tuple[str, ...]
    projection: Projection
    landmarks: FloatArray
    sharpness: float
    weights: FloatArray

    def confidences(self, embedding: FloatArray) -> FloatArray:
        """Tell how likely each class is.

        Parameters
        ----------
        embedding : ndarray of shape (1280,), float32
            Pooled features of the picture, as the classifier gives them.

        Returns
        -------
        ndarray of shape (n_classes,), float32
            0 to 1, in the order of `classes`; the sum is at most 1, and small on a picture that
            shows none of the classes.

        Raises
        ------
        InferenceError
            The embedding has another shape, or is not finite.
        """
        if embedding.shape != (EMBEDDING_SIZE,) or not np.isfinite(embedding).all():
            raise InferenceError(f"{self.layer}: no usable embedding")
        point = normalise_embedding(embedding) @ self.projection.matrix - self.projection.offset
        near = nearness(point[np.newaxis], self.landmarks, self.sharpness)[0]
        scores = near @ self.weights[:-1] + self.weights[-1]
        raised = np.exp(scores - scores.max())
        shares: FloatArray = (raised / raised.sum())[:-1]
        return shares


def nearness(points: FloatArray, landmarks: FloatArray, sharpness: float) -> FloatArray:
    """Tell how near points lie to landmarks.

    Parameters
    ----------
    points : ndarray of shape (N, n_dims), float32
        Projected embeddings.
    landmarks : ndarray of shape (n_landmarks, n_dims), float32
        Likewise.
    sharpness : float
        How fast nearness fades with the squared distance, above 0.

    Returns
    -------
    ndarray of shape (N, n_landmarks), float32
        0 (far) to 1 (the same point).
    """
    squares = (points**2).sum(axis=1)[:, np.newaxis] + (landmarks**2).sum(axis=1)
    distances = np.maximum(squares - 2 * points @ landmarks.T, 0)
    near: FloatArray = np.exp(np.float32(-sharpness) * distances).astype(np.float32)
    return near


def load_head(name: str) -> LinearHead:
    """Load a fitted head that is part of the package.

    Parameters
    ----------
    name : str
        One of `HEAD_LAYERS`.

    Returns
    -------
    LinearHead
        Ready to use.

    Raises
    ------
    ModelMissingError
        There is no head of this name.
    ModelIntegrityError
        The head's file is damaged.
    """
    if name not in HEAD_LAYERS:
        raise ModelMissingError(f"no head is called {name!r}; there are {', '.join(HEAD_LAYERS)}")
    with (resources.files("huiyan.perception") / "data" / f"{name}.npz").open("rb") as file:
        return read_head(file, name)


def read_head(file: IO[bytes], name: str) -> LinearHead:
    """Read a head.

    Parameters
    ----------
    file : file object
        Open for reading bytes: an uncompressed or compressed archive of the arrays ``classes``
        (text), ``matrix`` and ``landmarks`` (int8) with their steps ``matrix_step`` (one for each
        column) and ``landmark_step``, ``offset``, ``sharpness`` and ``weights``.
    name : str
        The head's layer.

    Returns
    -------
    LinearHead
        All in float32.

    Raises
    ------
    ModelIntegrityError
        The file is no archive of arrays, or shapes or values cannot be right.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            classes = tuple(str(label) for label in arrays["classes"])
            numbers = {key: arrays[key].astype(np.float32) for key in _NUMBERS}
        matrix = numbers["matrix"] * numbers["matrix_step"]
        landmarks = numbers["landmarks"] * numbers["landmark_step"]
        sharpness = float(numbers["sharpness"])
        offset, weights = numbers["offset"], numbers["weights"]
    except _UNREADABLE as error:
        raise ModelIntegrityError(f"head {name}: cannot be read: {error}") from error
    is_sound = (
        offset.ndim == landmarks.ndim - 1 == 1
        and matrix.shape == (EMBEDDING_SIZE, offset.size)
        and weights.shape == (len(landmarks) + 1, len(classes) + 1)
        and landmarks.shape[1:] == offset.shape
        and sharpness > 0
        and all(np.isfinite(values).all() for values in numbers.values())
    )
    if not is_sound:
        raise ModelIntegrityError(f"head {name}: arrays of impossible shape or value")
    return LinearHead(name, classes, Projection(matrix, offset), landmarks, sharpness, weights)
