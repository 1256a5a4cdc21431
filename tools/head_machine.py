"""Fitting a head's scores to embeddings.

Owns: the rows that are fitted on, the projection, the landmarks, the linear layer and their few
constants. Has no opinion on: where embeddings come from, and what a score is worth as a confidence
(`head_fit`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.heads import nearness, normalise_embedding

FOLD_COUNT = 10
LANDMARK_COUNT = 1000
NONE_LANDMARK_SHARE = 0.25
SHARPNESS = 1.2
RIDGE = 0.2
BIAS_FEATURE, BIAS_RIDGE = 0.45, 0.2

NO_PICTURE = -1


@dataclass(frozen=True, slots=True)
class Form:
    """What differs between heads.

    Parameters
    ----------
    dimensions : int
        Of the landmarks' space.
    view_share : float
        How much directions count less in which views of one picture differ: 0 not at all, below 1.
    evenness : float
        0 leaves the strong axes strong, 1 makes all alike.
    """

    dimensions: int
    view_share: float
    evenness: float


@dataclass(frozen=True, slots=True)
class Rows:
    """Embeddings with what they show.

    Parameters
    ----------
    classes : tuple of str
        The classes' names.
    embeddings : ndarray of shape (N, 1280), float32
        As the classifier gives them.
    labels : ndarray of shape (N,), int
        Index of the class; the number of classes for none of them.
    weights : ndarray of shape (N,), float64
        How much each row counts.
    folds : ndarray of shape (N,), int
        In which fold it is left out; all views of a picture share one.
    pictures : ndarray of shape (N,), int
        Which labelled picture it is a view of; `NO_PICTURE` where it shows none of the classes.
    keys : ndarray of shape (N,), float64
        Landmarks are taken in their order.
    plain : ndarray of shape (N,), bool
        Whether it may be a landmark.
    """

    classes: tuple[str, ...]
    embeddings: FloatArray
    labels: NDArray[np.int_]
    weights: NDArray[np.float64]
    folds: NDArray[np.int_]
    pictures: NDArray[np.int_]
    keys: NDArray[np.float64]
    plain: NDArray[np.bool_]

    def part(self, which: AnyArray) -> Rows:
        """Take some rows.

        Parameters
        ----------
        which : ndarray
            A mask or indices.

        Returns
        -------
        Rows
            Those.
        """
        return Rows(self.classes, *(getattr(self, field.name)[which] for field in fields(self)[1:]))

    @staticmethod
    def joined(first: Rows, *others: Rows) -> Rows:
        """Put rows one after another.

        Parameters
        ----------
        first : Rows
            Its classes count.
        *others : Rows
            Further rows.

        Returns
        -------
        Rows
            All.
        """
        every = (first, *others)
        columns = (
            np.concatenate([getattr(rows, field.name) for rows in every])
            for field in fields(first)[1:]
        )
        return Rows(first.classes, *columns)

    def split_anew(self, number: int) -> Rows:
        """Put the labelled pictures into other folds.

        Parameters
        ----------
        number : int
            Of the split; 0 keeps the folds.

        Returns
        -------
        Rows
            Each fold with its share of every class; strangers stay where they are.
        """
        if number == 0:
            return self
        folds = self.folds.copy()
        for label in range(len(self.classes)):
            members = np.unique(self.pictures[self.labels == label])
            digests = [hashlib.sha256(f"{number}/{one}".encode()).hexdigest() for one in members]
            for place, member in enumerate(members[np.argsort(digests)]):
                folds[self.pictures == member] = place % FOLD_COUNT
        return replace(self, folds=folds)


@dataclass(frozen=True, slots=True)
class Machine:
    """A head before its scores are calibrated, with numbers as they will be stored.

    Parameters
    ----------
    matrix, matrix_step, offset : ndarray
        The projection: int8 of shape (1280, n_dims), float32 (n_dims,), float32 (n_dims,).
    landmarks : ndarray of shape (n_landmarks, n_dims), int8
        In steps of `landmark_step`.
    landmark_step : float
        Size of a step.
    solution : ndarray of shape (n_landmarks + 1, n_classes + 1), float32
        From nearness and bias feature to scores of -1 to 1.
    """

    matrix: NDArray[np.int8]
    matrix_step: FloatArray
    offset: FloatArray
    landmarks: NDArray[np.int8]
    landmark_step: float
    solution: FloatArray

    def scores(self, embeddings: FloatArray) -> FloatArray:
        """Score embeddings.

        Parameters
        ----------
        embeddings : ndarray of shape (N, 1280), float32
            As the classifier gives them.

        Returns
        -------
        ndarray of shape (N, n_classes + 1), float32
            About 1 for the class shown, about -1 for the others.
        """
        points = normalise_embedding(embeddings) @ (self.matrix * self.matrix_step) - self.offset
        features = _features(points, self.landmarks * np.float32(self.landmark_step))
        scores: FloatArray = features @ self.solution
        return scores


def _features(points: FloatArray, landmarks: FloatArray) -> FloatArray:
    near = nearness(points.astype(np.float32), landmarks.astype(np.float32), SHARPNESS)
    return np.hstack([near, np.full((len(points), 1), BIAS_FEATURE, np.float32)])


def _quantise(values: AnyArray, step: AnyArray) -> NDArray[np.int8]:
    return np.clip(np.rint(values / step), -127, 127).astype(np.int8)


def fit_machine(rows: Rows, form: Form) -> Machine:
    """Fit by kernel ridge regression on landmarks.

    Parameters
    ----------
    rows : Rows
        To fit on.
    form : Form
        The head's.

    Returns
    -------
    Machine
        Fitted.
    """
    none = len(rows.classes)
    shows, hidden = rows.plain & (rows.labels < none), rows.plain & (rows.labels == none)
    normed = normalise_embedding(rows.embeddings)
    mean = normed[shows].mean(axis=0)
    axes = _find_axes(normed[shows] - mean, _view_covariance(normed, rows.pictures), form)
    matrix_step = (np.abs(axes).max(axis=0) / 127).astype(np.float32)
    matrix = _quantise(axes, matrix_step)
    offset = (mean @ (matrix * matrix_step)).astype(np.float32)
    points = normed @ (matrix * matrix_step) - offset
    none_count = round(LANDMARK_COUNT * NONE_LANDMARK_SHARE)
    chosen = np.concatenate(
        [
            _first(shows, rows.keys, LANDMARK_COUNT - none_count),
            _first(hidden, rows.keys, none_count),
        ]
    )
    step = float(np.abs(points[chosen]).max() / 127)
    landmarks = _quantise(points[chosen], np.array(step, np.float32))
    solution = _solve(points, landmarks * np.float32(step), rows)
    return Machine(matrix, matrix_step, offset, landmarks, step, solution)


def _view_covariance(normed: FloatArray, pictures: NDArray[np.int_]) -> AnyArray:
    shown = np.flatnonzero(pictures != NO_PICTURE)
    shown = shown[np.argsort(pictures[shown], kind="stable")]
    _, starts, counts = np.unique(pictures[shown], return_index=True, return_counts=True)
    means = np.add.reduceat(normed[shown], starts, axis=0) / counts[:, np.newaxis]
    strayed = normed[shown] - np.repeat(means, counts, axis=0).astype(np.float32)
    covariance: AnyArray = (strayed.T @ strayed).astype(np.float64) / len(shown)
    return covariance


def _find_axes(centred: FloatArray, view_covariance: AnyArray, form: Form) -> AnyArray:
    """Find directions in which pictures differ much, and views of one picture little."""
    size = len(view_covariance)
    strayed = view_covariance * (size / np.trace(view_covariance))
    metric = form.view_share * strayed + (1 - form.view_share) * np.eye(size)
    lower = np.linalg.cholesky(metric)
    steady = np.linalg.solve(lower, centred.T.astype(np.float64)).T
    variances, axes = np.linalg.eigh(steady.T @ steady)
    variances, axes = variances[::-1][: form.dimensions], axes[:, ::-1][:, : form.dimensions]
    axes = np.linalg.solve(lower.T, axes / variances ** (form.evenness / 2))
    # The sign of an axis is free; fixed here, so that every machine finds the same.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    scaled: AnyArray = axes / np.sqrt(((centred @ axes) ** 2).sum(axis=1).mean())
    return scaled


def _first(which: NDArray[np.bool_], keys: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    members = np.flatnonzero(which)
    return members[np.argsort(keys[members], kind="stable")][:count]


def _solve(points: FloatArray, landmarks: FloatArray, rows: Rows) -> FloatArray:
    features = _features(points, landmarks).astype(np.float64)
    targets = 2 * np.eye(len(rows.classes) + 1)[rows.labels] - 1
    weighted = features.T * rows.weights
    size = len(landmarks)
    ridge = np.zeros((size + 1, size + 1))
    ridge[:size, :size] = _features(landmarks, landmarks)[:, :size]
    ridge[size, size] = BIAS_RIDGE
    ridge += 1e-4 * np.eye(size + 1)
    found = np.linalg.solve(weighted @ features + RIDGE * ridge, weighted @ targets)
    solution: FloatArray = found.astype(np.float32)
    return solution
