"""Folders that say whose face is on which picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.evaluation.identities import read_identities
from huiyan.kernel.errors import OperatorError

TWO_PEOPLE = "1.jpg,Ann\n2.jpg,Ann\n3.jpg,Bo\n4.jpg,Bo\n"


def _labels(tmp_path: Path, text: str) -> Path:
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    return tmp_path


def _paint(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def test_an_empty_folder_is_told_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"neither labels\.csv nor a folder"):
        read_identities(tmp_path)
    with pytest.raises(OperatorError, match="no folder"):
        read_identities(tmp_path / "absent")


@pytest.mark.parametrize("text", ["", "file,name\n", "picture,name\n1.jpg,Ann\n", "file\n1.jpg\n"])
def test_labels_without_rows_or_columns_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(OperatorError, match="columns file and name"):
        read_identities(_labels(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,name\n1.jpg,\n", "row 2 has no file or no name"),
        ("file,name\n1.jpg\n", "row 2 has no file or no name"),
        ("file,name,role\n1.jpg,Ann,friend\n", "row 2: role is neither"),
        ("file,name\n1.jpg,Ann\n1.jpg,Ann\n", "row 3: 1.jpg is there twice"),
        ("file,name,role\n1.jpg,Ann,known\n2.jpg,Ann,stranger\n", "row 3: Ann is both"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(OperatorError, match=said):
        read_identities(_labels(tmp_path, text))


def test_labels_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OperatorError, match="cannot be read"):
        read_identities(tmp_path)


@pytest.mark.parametrize(
    "rows", ["1.jpg,Ann\n2.jpg,Bo\n", "1.jpg,Ann\n2.jpg,Ann\n3.jpg,Bo\n4.jpg,Cy\n"]
)
def test_people_with_one_picture_each_are_not_enough(tmp_path: Path, rows: str) -> None:
    with pytest.raises(OperatorError, match="at least 2 people with two pictures"):
        read_identities(_labels(tmp_path, f"file,name\n{rows}"))


def test_without_roles_people_with_one_picture_are_strangers(tmp_path: Path) -> None:
    found = read_identities(_labels(tmp_path, f"\ufefffile,name\n{TWO_PEOPLE}5.jpg,Cy\n"))
    assert [it.is_known for it in found] == [True] * 4 + [False]
    assert found[4].path == tmp_path / "5.jpg"


def test_roles_decide_where_they_are_given(tmp_path: Path) -> None:
    rows = "".join(f"{row},known\n" for row in TWO_PEOPLE.split())
    text = f"file,name,role\n{rows}5.jpg,Cy,stranger\n6.jpg,Cy,stranger\n7.jpg,Di,known\n"
    found = {it.path.name: it.is_known for it in read_identities(_labels(tmp_path, text))}
    assert (found["1.jpg"], found["5.jpg"], found["6.jpg"]) == (True, False, False)
    assert found["7.jpg"]


def test_a_folder_for_each_person_will_do(tmp_path: Path) -> None:
    for name in ("Ann/1.jpg", "Ann/2.PNG", "Bo/1.webp", "Bo/2.jpg", "Cy/1.jpg", "Cy/read.txt"):
        _paint(tmp_path / name)
    (tmp_path / "Di").mkdir()
    found = [(it.person, it.is_known) for it in read_identities(tmp_path)]
    assert found == [("Ann", True)] * 2 + [("Bo", True)] * 2 + [("Cy", False)]


def test_fewer_people_are_spread_over_known_and_strangers(tmp_path: Path) -> None:
    for number in range(10):
        for picture in range(2 if number % 2 else 1):
            _paint(tmp_path / f"person{number}" / f"{picture}.jpg")
    found = read_identities(tmp_path, 2)
    assert {it.person for it in found if it.is_known} == {"person1", "person5"}
    assert {it.person for it in found if not it.is_known} == {"person0", "person4"}
    assert len(read_identities(tmp_path, 100)) == 15
