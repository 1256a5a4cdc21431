"""Cards of fully convolutional networks at another input side.

Owns: how such a card is made from the one that comes with the file. Has no opinion on: whether the
network is worth anything at that side, which is measured.
"""

from __future__ import annotations

from dataclasses import replace

from huiyan.kernel.errors import CardError
from huiyan.runtime.card import Card


def resized(card: Card, side_px: int) -> Card:
    """Make the card of the same network for pictures of another side.

    Parameters
    ----------
    card : Card
        Of a network with one square input, all of whose outputs are as wide and as high as it.
    side_px : int
        The side wanted, in px; at least 1.

    Returns
    -------
    Card
        The same card with that side in the place of the old one.

    Raises
    ------
    CardError
        The network is not of that kind.

    Examples
    --------
    >>> from huiyan.runtime.card import get_card, load_cards
    >>> coarse = resized(get_card(load_cards(None), "u2netp"), 160)
    >>> coarse.inputs[0].shape, coarse.output("mask").shape
    ((1, 3, 160, 160), (1, 1, 160, 160))
    """
    shape = card.inputs[0].shape if len(card.inputs) == 1 else ()
    axes = tuple(axis for axis, length in enumerate(shape) if shape.count(length) == 2)
    if len(shape) != 4 or len(axes) != 2:
        raise CardError(f"card {card.name}: no single square input")
    old_side_px = shape[axes[0]]
    if any(output.shape.count(old_side_px) != 2 for output in card.outputs):
        raise CardError(f"card {card.name}: an output is not as large as the input")
    if side_px == old_side_px:
        return card

    def put(shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(side_px if length == old_side_px else length for length in shape)

    return replace(
        card,
        inputs=tuple(replace(it, shape=put(it.shape)) for it in card.inputs),
        outputs=tuple(replace(it, shape=put(it.shape)) for it in card.outputs),
    )
