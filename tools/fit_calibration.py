"""Fit the calibration of tag confidences, and say how well it holds.

Usage: ``python tools/fit_calibration.py DIR [--write FILE]``, where DIR is a labelled folder as for
``huiyan eval tagging``. Only the temperature is fitted, on the half of the pictures that
``huiyan eval tagging DIR --half fitted`` takes; all splits come from hashes of file names, so
nothing is random. ``docs/decisions/0006-calibration.md`` tells why the rule has this form.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from huiyan.assembly import Assembly
from huiyan.evaluation.figures import expected_calibration_error, reliability
from huiyan.evaluation.labelled import Half, half_of, read_labelled
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import MIB_BYTES, FloatArray
from huiyan.labelling.calibration import Calibration
from huiyan.labelling.fusion import category_onehot_of
from huiyan.perception.classifier import MIN_SHORT_SIDE_PX, OUTPUT_COUNT, OUTPUT_LAYER
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import fold, membership_of

LABEL_SMOOTHING = 0.1
"""What the network was trained with: known, not fitted."""

OTHER_CATEGORY_WEIGHT = 0.6
"""Chosen: pictures with one label each cannot tell it (see the decision)."""

TEMPERATURES = np.arange(0.50, 1.51, 0.01)
FOLD_COUNT = 5
LEAST_CONFIDENCE = 0.05

TEMPLATE = """\
# How the logits of the output layer become confidences; read by huiyan.labelling.calibration.
# docs/decisions/0006-calibration.md tells why the rule has this form and how well it holds.
# Written by: python tools/fit_calibration.py DIR --write FILE

[{layer}]
temperature = {temperature:.2f}  # fitted
label_smoothing = {smoothing}  # not fitted: the network was trained with it
other_category_weight = {weight}  # not fitted: chosen, see the decision

[{layer}.fit]
pictures = {count}  # photographs of 1,000 classes, the half that `--half fitted` takes
top1_log_loss = {loss:.4f}  # on them
"""


@dataclass(frozen=True, slots=True)
class LogitSet:
    """Logits of a labelled set, with what is true of each picture.

    Parameters
    ----------
    logits : ndarray of shape (N, 1000), float32
        One row for each picture.
    truth : ndarray of shape (N, 1000), float32
        1 at the outputs that are right.
    names : tuple of str
        The files' names.
    vocabulary : Vocabulary
        The labels.
    """

    logits: FloatArray
    truth: FloatArray
    names: tuple[str, ...]
    vocabulary: Vocabulary

    def part(self, rows: NDArray[np.bool_]) -> LogitSet:
        """Take some of the pictures.

        Parameters
        ----------
        rows : ndarray of shape (N,), bool
            Which.

        Returns
        -------
        LogitSet
            Those, in the same order.
        """
        names = tuple(name for name, taken in zip(self.names, rows, strict=True) if taken)
        return LogitSet(self.logits[rows], self.truth[rows], names, self.vocabulary)


def read_logits(folder: Path) -> LogitSet:
    """Run the network over a set.

    Parameters
    ----------
    folder : Path
        A labelled folder.

    Returns
    -------
    LogitSet
        All its pictures.
    """
    settings = load_settings()
    classifier = Assembly(settings).classifier
    vocabulary = load_vocabulary()
    pictures = read_labelled(folder, vocabulary)
    limits = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
    budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
    truth = np.zeros((len(pictures), OUTPUT_COUNT), dtype=np.float32)
    logits = np.zeros_like(truth)
    for row, picture in enumerate(pictures):
        image = decode(picture.path.read_bytes(), limits, MIN_SHORT_SIDE_PX, budget)
        logits[row] = classifier.look(image).logits
        truth[row, sorted(picture.outputs)] = 1
    return LogitSet(logits, truth, tuple(picture.path.name for picture in pictures), vocabulary)


def top1(data: LogitSet, calibration: Calibration) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Find what is claimed of the most likely output, and whether it is right.

    Parameters
    ----------
    data : LogitSet
        N pictures.
    calibration : Calibration
        The rule.

    Returns
    -------
    tuple of ndarray of shape (N,), float32 and bool
        Confidences and hits.
    """
    by_output = calibration.confidences(data.logits, category_onehot_of(data.vocabulary))
    best = by_output.argmax(axis=1)[:, np.newaxis]
    confidences: FloatArray = np.take_along_axis(by_output, best, axis=1)[:, 0]
    return confidences, np.take_along_axis(data.truth, best, axis=1)[:, 0] > 0


def log_loss(data: LogitSet, calibration: Calibration) -> float:
    """Measure how badly the most likely output's confidence foretells that it is right.

    Parameters
    ----------
    data : LogitSet
        N pictures.
    calibration : Calibration
        The rule.

    Returns
    -------
    float
        Mean of minus the logarithm of the probability given to what was the case.
    """
    confidences, is_right = top1(data, calibration)
    given = np.where(is_right, confidences, 1 - confidences).astype(np.float64)
    return float(-np.log(np.maximum(given, 1e-6)).mean())


def fit(data: LogitSet, weight: float = OTHER_CATEGORY_WEIGHT) -> Calibration:
    """Choose the temperature.

    Parameters
    ----------
    data : LogitSet
        The pictures to fit on.
    weight : float
        The weight of other categories.

    Returns
    -------
    Calibration
        The rule of the least log loss.
    """
    start = Calibration(1.0, LABEL_SMOOTHING, weight)
    rules = [replace(start, temperature=round(float(value), 2)) for value in TEMPERATURES]
    return min(rules, key=lambda rule: log_loss(data, rule))


def describe(data: LogitSet, calibration: Calibration) -> str:
    """Put a rule's figures into a line.

    Parameters
    ----------
    data : LogitSet
        The pictures to judge on.
    calibration : Calibration
        The rule.

    Returns
    -------
    str
        For people.
    """
    confidences, is_right = top1(data, calibration)
    by_output = calibration.confidences(data.logits, category_onehot_of(data.vocabulary))
    membership = membership_of(data.vocabulary, OUTPUT_LAYER, OUTPUT_COUNT)
    by_label = np.minimum(fold(membership, by_output), np.float32(1))
    is_true = fold(membership, data.truth) > 0
    is_leaf = np.array([bool(label.outputs) for label in data.vocabulary.labels])
    shown = by_label >= LEAST_CONFIDENCE
    broad = shown & ~is_leaf
    ece = [
        expected_calibration_error(reliability(claimed, right))
        for claimed, right in (
            (confidences, is_right),
            (by_label[shown], is_true[shown]),
            (by_label[broad], is_true[broad]),
        )
    ]
    return (
        f"n {len(data.names):5d}  T {calibration.temperature:.2f}  "
        f"w {calibration.other_category_weight:.1f}  top-1 {is_right.mean():.3f}  "
        f"claimed {confidences.mean():.3f}  ECE top-1 {ece[0]:.4f}  tags {ece[1]:.4f}  "
        f"parents {ece[2]:.4f}  right at 0.60 {is_true[by_label >= 0.6].mean():.3f}"
    )


def cross_validate(data: LogitSet) -> str:
    """Judge each fifth by a rule fitted on the other four, all answers taken together.

    Parameters
    ----------
    data : LogitSet
        All pictures.

    Returns
    -------
    str
        For people.
    """
    folds = np.array(
        [hashlib.sha256(name.encode()).digest()[1] % FOLD_COUNT for name in data.names]
    )
    rules = [fit(data.part(folds != number)) for number in range(FOLD_COUNT)]
    parts = [top1(data.part(folds == number), rule) for number, rule in enumerate(rules)]
    confidences = np.concatenate([part[0] for part in parts])
    table = reliability(confidences, np.concatenate([part[1] for part in parts]))
    temperatures = " ".join(f"{rule.temperature:.2f}" for rule in rules)
    return f"T {temperatures}  ECE top-1 {expected_calibration_error(table):.4f}"


def main() -> None:
    """Fit, print the figures, and write the file where one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="a labelled folder")
    parser.add_argument("--write", type=Path, help="where the fitted parameters go")
    arguments = parser.parse_args()
    data = read_logits(arguments.folder)
    is_fitted = np.array([half_of(name) is Half.FITTED for name in data.names])
    fitted, held_out = data.part(is_fitted), data.part(~is_fitted)
    rule = fit(fitted)
    print("fitted half      ", describe(fitted, rule))
    print("held-out half    ", describe(held_out, rule))
    print("halves swapped   ", describe(fitted, fit(held_out)))
    print("cross-validated  ", cross_validate(data))
    print("uncalibrated     ", describe(data, Calibration(1.0, 0.0, 1.0)))
    for weight in (1.0, 0.8, 0.6, 0.4):
        print(f"held out, w {weight:.1f}  ", describe(held_out, fit(fitted, weight)))
    if arguments.write is not None:
        text = TEMPLATE.format(
            layer=OUTPUT_LAYER,
            temperature=rule.temperature,
            smoothing=LABEL_SMOOTHING,
            weight=OTHER_CATEGORY_WEIGHT,
            count=len(fitted.names),
            loss=log_loss(fitted, rule),
        )
        arguments.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
