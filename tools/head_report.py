"""Telling how well a head holds.

Owns: what is printed of a fitted head. Has no opinion on: how it was fitted (`head_fit`).
"""

from __future__ import annotations

import io

import numpy as np
from head_fit import HeadFit, calibrate, fit_without_each_fold, score_left_out
from head_machine import FOLD_COUNT, Rows
from numpy.typing import NDArray
from rich.progress import track

from huiyan.evaluation.figures import expected_calibration_error, reliability
from huiyan.kernel.units import FloatArray
from huiyan.perception.heads import read_head

THRESHOLD = 0.6
LEAST_CONFIDENCE = 0.05
SPLIT_COUNT = 5
"""Ways to make folds: one alone may be lucky."""


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
    right = _is_right(plain, fit.left_out(plain.embeddings, plain.folds))
    print(f"\n{layer}: {len(right)} pictures, {FOLD_COUNT} folds: {right.mean():.2%} right")
    for label, name in enumerate(plain.classes):
        print(f"  {name:15} {right[plain.labels == label].mean():.1%}")
    _report_confidences(rows.part(rows.plain), silent, fit)
    _report_splits(plain, rows, tests, fit)


def _is_right(plain: Rows, scores: FloatArray) -> NDArray[np.bool_]:
    right: NDArray[np.bool_] = scores[:, :-1].argmax(axis=1) == plain.labels
    return right


def _report_splits(plain: Rows, rows: Rows, tests: dict[str, FloatArray], fit: HeadFit) -> None:
    looks = {"as they are": plain.embeddings} | tests
    shares: dict[str, list[float]] = {name: [] for name in looks}
    for number in track(range(SPLIT_COUNT), f"{fit.layer}: splits"):
        machines = (
            fit.machines
            if number == 0
            else fit_without_each_fold(rows.split_anew(number), fit.form)
        )
        folds = plain.split_anew(number).folds
        for name, embeddings in looks.items():
            right = _is_right(plain, score_left_out(machines, embeddings, folds))
            shares[name].append(float(right.mean()))
    for name, found in shares.items():
        each = " ".join(f"{share:.2%}" for share in found)
        print(f"  {name}: {np.mean(found):.2%} ± {np.std(found):.2%} right ({each})")


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
