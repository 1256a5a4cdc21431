from __future__ import annotations

import pytest

from huiyan.kernel.errors import CardError
from huiyan.runtime.card import get_card, load_cards
from huiyan.runtime.resized import resized

CARDS = load_cards(None)


def test_the_same_side_gives_the_same_card() -> None:
    card = get_card(CARDS, "u2netp")
    assert resized(card, 320) == card


def test_input_and_outputs_get_the_new_side_and_nothing_else_changes() -> None:
    card = get_card(CARDS, "u2netp")
    coarse = resized(card, 160)
    assert coarse.inputs[0].shape == (1, 3, 160, 160)
    assert coarse.output("mask").shape == (1, 1, 160, 160)
    assert (coarse.name, coarse.sha256, coarse.precision) == (
        card.name,
        card.sha256,
        card.precision,
    )


@pytest.mark.parametrize("name", ["yunet-2023mar", "sample-chelsea"])
def test_a_card_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(CardError, match=name):
        resized(get_card(CARDS, name), 160)
