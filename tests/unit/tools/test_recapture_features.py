import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import recapture_features
from recapture_features import Shelf, digest_items


@dataclass(frozen=True)
class Item:
    path: Path
    number: int


def counted(done: list[Item]) -> object:
    def work(item: Item) -> np.ndarray:
        done.append(item)
        return np.full((2, 3), item.number, np.float32)

    return work


def items(folder: Path) -> list[Item]:
    for name in ("a", "b"):
        (folder / name).write_bytes(b"something")
    return [Item(folder / name, number) for number, name in enumerate("ab")]


def test_rows_are_computed_once(tmp_path: Path) -> None:
    made, done = items(tmp_path), []
    shelf = Shelf(tmp_path)
    first = shelf.rows("step", made, counted(done))
    assert np.array_equal(first, shelf.rows("step", made, counted(done)))
    assert len(done) == 2


def test_a_file_of_another_size_or_time_is_looked_at_again(tmp_path: Path) -> None:
    made = items(tmp_path)
    digests = {digest_items(made)}
    (tmp_path / "a").write_bytes(b"something else")
    digests.add(digest_items(made))
    os.utime(tmp_path / "b", ns=(1, 1))
    digests.add(digest_items(made))
    digests.add(digest_items(made[:1]))
    digests.add(digest_items([made[0], Item(made[1].path, 7)]))
    assert len(digests) == 5


def test_other_code_finds_nothing_and_other_comments_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "recapture_views.py"
    monkeypatch.setattr(recapture_features, "HERE", tmp_path)

    def digest(text: str) -> str:
        code.write_text(text, encoding="utf-8")
        return recapture_features.digest_code.__wrapped__("recapture_features")

    first = digest("LEVEL = 1\n")
    assert digest('"""Says something."""\nLEVEL = 1  # why\n') == first
    assert digest("LEVEL = 2\n") != first


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    made, done = items(tmp_path), []
    for _ in range(2):
        Shelf(None).rows("step", made, counted(done))
    assert len(done) == 4
