"""Whether arrays fit a card.

Owns: that check. Has no opinion on: what is in the arrays, or engines.
"""

from __future__ import annotations

from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray
from huiyan.runtime.card import Card


def check_inputs(card: Card, inputs: tuple[AnyArray, ...]) -> None:
    """Refuse arrays that the card does not describe.

    Parameters
    ----------
    card : Card
        The card of the network.
    inputs : tuple of ndarray
        One for each input of the card.

    Raises
    ------
    InferenceError
        Another number of arrays, another shape or another dtype.
    """
    if len(inputs) != len(card.inputs):
        raise InferenceError(f"{card.name} takes {len(card.inputs)} arrays, not {len(inputs)}")
    for array, wanted in zip(inputs, card.inputs, strict=True):
        if array.shape != wanted.shape or array.dtype != wanted.dtype:
            raise InferenceError(
                f"{card.name} takes {wanted.dtype} {wanted.shape} as {wanted.name}, "
                f"not {array.dtype} {array.shape}"
            )
