"""From a classifier's logits to confidences that mean what they say.

Owns: the rule that turns logits into one confidence for each output, one output against the rest,
and the reading of its parameters. Has no opinion on: how the parameters were fitted
(``tools/fit_calibration.py``), what an output means, and which confidences are worth showing.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np

from huiyan.kernel.errors import OperatorError
from huiyan.kernel.units import FloatArray
from huiyan.perception.classifier import OUTPUT_LAYER

_PARAMETERS = ("temperature", "label_smoothing", "other_category_weight")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The parameters of the rule, shared by all outputs.

    Parameters
    ----------
    temperature : float
        Above 1 flattens, below 1 sharpens; greater than 0.
    label_smoothing : float
        The share of probability that training spread evenly over all outputs; in [0, 1).
    other_category_weight : float
        How much an output of another category counts against one: 1 lets all outputs exclude
        each other, 0 only those of the same category; in [0, 1].
    """

    temperature: float
    label_smoothing: float
    other_category_weight: float

    def confidences(self, logits: FloatArray, category_onehot: FloatArray) -> FloatArray:
        """Turn logits into confidences.

        The evenly spread share is taken off the softmax, which leaves most outputs at exactly 0,
        so that broad labels may add up hundreds of them. What remains is tempered, and each
        output stands against the rest: those of its own category in full, those of others by
        their weight, because a dog makes a cat unlikely and says little about a chair.

        Parameters
        ----------
        logits : ndarray of shape (..., n_outputs), float32
            Before any softmax.
        category_onehot : ndarray of shape (n_outputs, n_categories), float32
            A single 1 in each row, at the output's category.

        Returns
        -------
        ndarray of shape (..., n_outputs), float32
            In [0, 1]; the sum is 1 or more.

        Notes
        -----
        ``docs/decisions/0006-calibration.md`` gives the measurements behind the rule.
        """
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        floor = self.label_smoothing / logits.shape[-1]
        spread_off = np.maximum(
            exponentials - floor * exponentials.sum(axis=-1, keepdims=True), np.float32(0)
        )
        evidence = (spread_off / spread_off.max(axis=-1, keepdims=True)) ** np.float32(
            1 / self.temperature
        )
        by_category = evidence @ category_onehot
        total = by_category.sum(axis=-1, keepdims=True)
        weight = np.float32(self.other_category_weight)
        against = weight * total + (1 - weight) * by_category
        opposed = np.maximum(against @ category_onehot.T, np.finfo(np.float32).tiny)
        confidences: FloatArray = np.minimum(evidence / opposed, np.float32(1))
        return confidences


def load_calibration(
    output_layer: str = OUTPUT_LAYER, file: Traversable | None = None
) -> Calibration:
    """Read the parameters for one output layer.

    Parameters
    ----------
    output_layer : str
        The layer's name; the classifier's by default.
    file : Traversable, optional
        A TOML file with one table for each layer; the one shipped with Huiyan by default.

    Returns
    -------
    Calibration
        The parameters.

    Raises
    ------
    OperatorError
        The file cannot be read, lacks the layer, or holds an impossible value.
    """
    if file is None:
        file = resources.files("huiyan.labelling") / "data" / "calibration.toml"
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OperatorError(f"{file.name}: cannot be read: {error}") from error
    table = document.get(output_layer)
    if not isinstance(table, dict):
        raise OperatorError(f"{file.name}: no table [{output_layer}]")
    values: dict[str, float] = {}
    for name in _PARAMETERS:
        value = table.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OperatorError(f"{file.name}: {output_layer}.{name} is not a number")
        values[name] = float(value)
    calibration = Calibration(
        temperature=values["temperature"],
        label_smoothing=values["label_smoothing"],
        other_category_weight=values["other_category_weight"],
    )
    if not (
        0 < calibration.temperature < float("inf")
        and 0 <= calibration.label_smoothing < 1
        and 0 <= calibration.other_category_weight <= 1
    ):
        raise OperatorError(f"{file.name}: [{output_layer}] holds an impossible value")
    return calibration
