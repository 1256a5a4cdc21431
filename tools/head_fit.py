"""Fitting one head to embeddings, and telling how well it holds.

Owns: the fit, its few constants, the cross-validation and what is printed. Has no opinion on: where
embeddings come from.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from huiyan.evaluation.figures import expected_calibration_error, reliability
from huiyan.kernel.units import AnyArray, FloatArray
from huiyan.perception.heads import nearness, normalise_embedding, read_head

FOLD_COUNT = 10
DIMENSIONS = 80
LANDMARK_COUNT = 1000
NONE_LANDMARK_SHARE = 0.25
SHARPNESS = 1.2
RIDGE = 0.2
BIAS_FEATURE, BIAS_RIDGE = 0.45, 0.2
THRESHOLD = 0.6
LEAST_CONFIDENCE = 0.05


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


def fit_machine(rows: Rows) -> Machine:
    """Fit by kernel ridge regression on landmarks.

    Parameters
    ----------
    rows : Rows
        To fit on.

    Returns
    -------
    Machine
        Fitted.
    """
    none = len(rows.classes)
    shows, hidden = rows.plain & (rows.labels < none), rows.plain & (rows.labels == none)
    normed = normalise_embedding(rows.embeddings)
    mean = normed[shows].mean(axis=0)
    centred = (normed[shows] - mean).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    # The sign of an axis is free; fixed here, so that every machine finds the same.
    axes = axes[:, ::-1][:, :DIMENSIONS]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    axes = axes / np.sqrt(((centred @ axes) ** 2).sum(axis=1).mean())
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


@dataclass(frozen=True, slots=True)
class Calibration:
    """From scores to confidences.

    Parameters
    ----------
    scale : float
        What scores are multiplied with before the softmax.
    none_bonus : float
        What "none of them" gets on top.
    """

    scale: float
    none_bonus: float

    def confidences(self, scores: FloatArray) -> FloatArray:
        """Turn scores into confidences.

        Parameters
        ----------
        scores : ndarray of shape (N, n_classes + 1), float32
            From `Machine.scores`.

        Returns
        -------
        ndarray of shape (N, n_classes), float32
            0 to 1.
        """
        return np.exp(self.logs(scores))[:, :-1]

    def logs(self, scores: FloatArray) -> FloatArray:
        """Turn scores into logarithms of shares.

        Parameters
        ----------
        scores : ndarray of shape (N, n_classes + 1), float32
            From `Machine.scores`.

        Returns
        -------
        ndarray of shape (N, n_classes + 1), float32
            Of the classes and of none of them.
        """
        logits = self.scale * scores.astype(np.float32)
        logits[:, -1] += np.float32(self.none_bonus)
        logits -= logits.max(axis=1, keepdims=True)
        logs: FloatArray = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logs


def calibrate(scores: FloatArray, labels: NDArray[np.int_]) -> Calibration:
    """Fit two numbers to scores of pictures left out; showing and not showing count alike.

    Parameters
    ----------
    scores : ndarray of shape (N, n_classes + 1), float32
        From `Machine.scores`.
    labels : ndarray of shape (N,), int
        What they show.

    Returns
    -------
    Calibration
        Of the least log loss.
    """
    is_none = labels == scores.shape[1] - 1
    weights = np.where(is_none, 0.5 / max(1, is_none.sum()), 0.5 / max(1, (~is_none).sum()))

    def loss(calibration: Calibration) -> float:
        logs = calibration.logs(scores)
        return float(-(weights * logs[np.arange(len(labels)), labels]).sum())

    best = Calibration(4.0, 0.0)
    for step in (0.5, 0.1, 0.02):
        near = (
            Calibration(best.scale + step * wider, best.none_bonus + step * higher)
            for wider in range(-6, 7)
            for higher in range(-6, 7)
        )
        best = min((one for one in near if one.scale > 0), key=loss)
    return best


@dataclass(frozen=True, slots=True)
class HeadFit:
    """A fitted head and the scores of pictures that were left out.

    Parameters
    ----------
    layer : str
        The head's name.
    classes : tuple of str
        Its classes.
    machine : Machine
        Fitted on all rows.
    machines : tuple of Machine
        Fitted without each fold.
    calibration : Calibration
        Fitted on scores of rows left out.
    """

    layer: str
    classes: tuple[str, ...]
    machine: Machine
    machines: tuple[Machine, ...]
    calibration: Calibration

    def left_out(self, embeddings: FloatArray, folds: NDArray[np.int_]) -> FloatArray:
        """Score each row by the machine that has not seen its picture.

        Parameters
        ----------
        embeddings : ndarray of shape (N, 1280), float32
            As the classifier gives them.
        folds : ndarray of shape (N,), int
            Their folds.

        Returns
        -------
        ndarray of shape (N, n_classes + 1), float32
            Scores.
        """
        scores = np.zeros((len(embeddings), len(self.classes) + 1), np.float32)
        for fold, machine in enumerate(self.machines):
            scores[folds == fold] = machine.scores(embeddings[folds == fold])
        return scores

    def file_bytes(self) -> bytes:
        """Render the head's file.

        Returns
        -------
        bytes
            As `huiyan.perception.heads.read_head` reads it.
        """
        weights = self.machine.solution * self.calibration.scale
        weights[-1] *= BIAS_FEATURE
        weights[-1, -1] += self.calibration.none_bonus
        file = io.BytesIO()
        np.savez_compressed(
            file,
            classes=np.array(self.classes),
            matrix=self.machine.matrix,
            matrix_step=self.machine.matrix_step,
            offset=self.machine.offset,
            landmarks=self.machine.landmarks,
            landmark_step=np.float32(self.machine.landmark_step),
            sharpness=np.float32(SHARPNESS),
            weights=weights.astype(np.float16),
        )
        return file.getvalue()


def fit_head(layer: str, rows: Rows) -> HeadFit:
    """Fit a head on all rows and once without each fold.

    Parameters
    ----------
    layer : str
        The head's name.
    rows : Rows
        To fit on.

    Returns
    -------
    HeadFit
        Fitted.
    """
    machines = tuple(fit_machine(rows.part(rows.folds != fold)) for fold in range(FOLD_COUNT))
    fit = HeadFit(layer, rows.classes, fit_machine(rows), machines, Calibration(1, 0))
    plain = rows.part(rows.plain)
    calibration = calibrate(fit.left_out(plain.embeddings, plain.folds), plain.labels)
    return HeadFit(layer, rows.classes, fit.machine, machines, calibration)


def report(  # noqa: PLR0913, PLR0917 - what is told has six sources
    layer: str,
    plain: Rows,
    rows: Rows,
    tests: dict[str, FloatArray],
    silent: FloatArray,
    fit: HeadFit,
) -> None:
    """Print how well a head holds.

    Parameters
    ----------
    layer : str
        The head's name.
    plain : Rows
        The labelled pictures as they are.
    rows : Rows
        All that it was fitted on.
    tests : dict of str to ndarray of shape (N, 1280)
        Other looks at the labelled pictures.
    silent : ndarray of shape (M, 1280), float32
        Pictures that show none of the classes and were not fitted on.
    fit : HeadFit
        The head.
    """
    scores = fit.left_out(plain.embeddings, plain.folds)
    right = scores[:, :-1].argmax(axis=1) == plain.labels
    print(f"\n{layer}: {len(right)} pictures, {FOLD_COUNT} folds: {right.mean():.2%} right")
    for label, name in enumerate(plain.classes):
        print(f"  {name:15} {right[plain.labels == label].mean():.1%}")
    for name, embeddings in tests.items():
        seen = fit.left_out(embeddings, plain.folds)[:, :-1].argmax(axis=1) == plain.labels
        print(f"  {name}: {seen.mean():.2%} right")
    _report_confidences(rows.part(rows.plain), silent, fit)


def _report_confidences(rows: Rows, silent: FloatArray, fit: HeadFit) -> None:
    scores = fit.left_out(rows.embeddings, rows.folds)
    shares = np.zeros((len(scores), len(rows.classes)), np.float32)
    for parity in (0, 1):  # calibrated on the other folds
        other = rows.folds % 2 != parity
        shares[~other] = calibrate(scores[other], rows.labels[other]).confidences(scores[~other])
    truth = np.arange(len(rows.classes)) == rows.labels[:, np.newaxis]
    shows = rows.labels < len(rows.classes)
    for name, which in (("labelled", shows), ("labelled and strangers", shows | ~shows)):
        told = shares[which] >= LEAST_CONFIDENCE
        error = expected_calibration_error(
            reliability(shares[which][told], truth[which][told], bins=15)
        )
        print(f"  ECE, {name}: {error:.3f}")
    tagged = shares >= THRESHOLD
    print(f"  told at {THRESHOLD}: {(tagged & truth)[shows].any(axis=1).mean():.1%} of labelled")
    print(f"  told wrongly: {(tagged & ~truth)[shows].any(axis=1).mean():.1%} of labelled")
    final = read_head(io.BytesIO(fit.file_bytes()), fit.layer)
    most = np.array([final.confidences(embedding).max() for embedding in silent])
    print(f"  told on {len(silent)} judged strangers: {(most >= THRESHOLD).mean():.2%}")
    print(f"  calibration: {fit.calibration}; file: {len(fit.file_bytes())} bytes")
