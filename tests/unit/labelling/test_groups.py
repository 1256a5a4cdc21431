from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from huiyan.kernel.errors import OperatorError
from huiyan.labelling import groups
from huiyan.labelling.groups import load_groups
from huiyan.labelling.model import Findings, Instance
from huiyan.vocabulary.load import load_vocabulary

VOCABULARY = load_vocabulary()
BOX = (0.0, 0.0, 10.0, 10.0)


def findings(**confidences: float) -> Findings:
    by_label = np.zeros(len(VOCABULARY.labels), np.float32)
    instances = {}
    for name, confidence in confidences.items():
        row = VOCABULARY.row_by_id[name.replace("_", "-")]  # type: ignore[index]
        by_label[row] = confidence
        instances[row] = (Instance(BOX, confidence),)
    return Findings(VOCABULARY, by_label, instances, load_groups(VOCABULARY))


def ids(found: tuple[object, ...]) -> list[str]:
    return [it.label.id for it in found]  # type: ignore[attr-defined]


def test_an_empty_list_has_no_groups(tmp_path: Path) -> None:
    (tmp_path / "groups.txt").write_text("")
    assert load_groups(VOCABULARY, tmp_path / "groups.txt") == {}


def test_every_group_holds_something_together_and_none_is_named_twice() -> None:
    below = load_groups(VOCABULARY)
    assert [VOCABULARY.labels[row].id for row, rows in below.items() if len(rows) < 2] == []
    text = (Path(groups.__file__).parent / "data" / "groups.txt").read_text()
    assert text.split() == sorted(set(text.split()))


def test_who_says_cup_says_no_drinkware() -> None:
    found = findings(cup=0.7, drinkware=0.8, tableware=0.9, kitchenware=0.95, dog=0.7, animal=0.8)
    assert ids(found.best(0.6, 10)) == ["animal", "cup", "dog"]
    assert ids(found.boxed(0.6, 10)) == ["animal", "cup", "dog"]


def test_a_group_is_said_where_nothing_narrower_is_sure_enough() -> None:
    found = findings(cup=0.5, drinkware=0.55, tableware=0.9, kitchenware=0.95)
    assert ids(found.best(0.6, 10)) == ["tableware"]
    assert ids(found.boxed(0.92, 10)) == ["kitchenware"]


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.65, 0.75, 0.85, 0.99])
def test_a_higher_threshold_only_takes_away(threshold: float) -> None:
    found = findings(cup=0.7, drinkware=0.8, tableware=0.9, container=0.8, bottle=0.3, dog=0.5)
    everything = found.best(0, 150)
    assert found.best(threshold, 150) == tuple(
        it for it in everything if it.confidence >= np.float32(threshold)
    )


def test_the_limit_counts_what_is_said() -> None:
    found = findings(cup=0.7, drinkware=0.8, tableware=0.9, dog=0.65)
    assert ids(found.best(0.6, 2)) == ["cup", "dog"]


def test_an_unknown_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "groups.txt").write_text("no-such-label")
    with pytest.raises(OperatorError, match="no-such-label"):
        load_groups(VOCABULARY, tmp_path / "groups.txt")


def test_an_unreadable_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"groups\.txt"):
        load_groups(VOCABULARY, tmp_path / "groups.txt")
