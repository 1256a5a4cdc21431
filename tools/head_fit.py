"""Fitting one head: its scores, and what they are worth as confidences.

Owns: the calibration, the cross-validation, and how a fitted head becomes a file. Has no opinion
on: how scores are fitted (`head_machine`), and what is told of the result (`head_report`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from head_machine import BIAS_FEATURE, FOLD_COUNT, SHARPNESS, Form, Machine, Rows, fit_machine
from numpy.typing import NDArray

from huiyan.kernel.units import FloatArray


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
    form : Form
        Its form.
    machine : Machine
        Fitted on all rows.
    machines : tuple of Machine
        Fitted without each fold.
    calibration : Calibration
        Fitted on scores of rows left out.
    """

    layer: str
    classes: tuple[str, ...]
    form: Form
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
        return score_left_out(self.machines, embeddings, folds)

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


def score_left_out(
    machines: tuple[Machine, ...], embeddings: FloatArray, folds: NDArray[np.int_]
) -> FloatArray:
    """Score each row by the machine that has not seen its picture.

    Parameters
    ----------
    machines : tuple of Machine
        One for each fold, fitted without it.
    embeddings : ndarray of shape (N, 1280), float32
        As the classifier gives them.
    folds : ndarray of shape (N,), int
        Their folds.

    Returns
    -------
    ndarray of shape (N, n_classes + 1), float32
        Scores.
    """
    scores = np.zeros((len(embeddings), machines[0].solution.shape[1]), np.float32)
    for fold, machine in enumerate(machines):
        scores[folds == fold] = machine.scores(embeddings[folds == fold])
    return scores


def fit_without_each_fold(rows: Rows, form: Form) -> tuple[Machine, ...]:
    """Fit one machine for each fold, on the others.

    Parameters
    ----------
    rows : Rows
        To fit on.
    form : Form
        The head's.

    Returns
    -------
    tuple of Machine
        In the order of the folds.
    """
    return tuple(fit_machine(rows.part(rows.folds != fold), form) for fold in range(FOLD_COUNT))


def fit_head(layer: str, rows: Rows, form: Form) -> HeadFit:
    """Fit a head on all rows and once without each fold.

    Parameters
    ----------
    layer : str
        The head's name.
    rows : Rows
        To fit on.
    form : Form
        The head's.

    Returns
    -------
    HeadFit
        Fitted.
    """
    machines = fit_without_each_fold(rows, form)
    plain = rows.part(rows.plain)
    scores = score_left_out(machines, plain.embeddings, plain.folds)
    calibration = calibrate(scores, plain.labels)
    return HeadFit(layer, rows.classes, form, fit_machine(rows, form), machines, calibration)
