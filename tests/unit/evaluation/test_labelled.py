from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.evaluation.labelled import (
    ClassFinder,
    Half,
    find_pictures,
    half_of,
    read_labelled,
)
from huiyan.kernel.errors import OperatorError
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import Vocabulary


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def _touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_an_empty_folder_is_refused(tmp_path: Path, vocabulary: Vocabulary) -> None:
    with pytest.raises(OperatorError, match="no pictures · 目录中没有图片"):
        read_labelled(tmp_path, vocabulary)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="no folder"):
        find_pictures(tmp_path / "absent")


def test_pictures_are_found_by_the_ends_of_their_names(tmp_path: Path) -> None:
    wanted = _touch(tmp_path / "deep" / "a.JPG")
    _touch(tmp_path / "notes.txt")
    (tmp_path / "folder.png").mkdir()
    assert find_pictures(tmp_path) == (wanted,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "file\n",
        "file,index\n",
        "name,index\na.jpg,1\n",
        "file,other\na.jpg,1\n",
        "file,index\na.jpg,1000\n",
        "file,index\na.jpg,-1\n",
        "file,index\na.jpg\n",
        "file,index\n,1\n",
        "file,label\na.jpg,no such thing\n",
    ],
)
def test_a_malformed_index_is_refused(tmp_path: Path, vocabulary: Vocabulary, text: str) -> None:
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError, match=r"labels\.csv.* · "):
        read_labelled(tmp_path, vocabulary)


def test_an_index_that_is_no_text_is_refused(tmp_path: Path, vocabulary: Vocabulary) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00file,index")
    with pytest.raises(OperatorError, match="cannot be read · 无法读取"):
        read_labelled(tmp_path, vocabulary)


@pytest.mark.parametrize(
    ("header", "value"), [("index", "207"), ("wnid", "n02099601"), ("label", "Golden Retriever")]
)
def test_an_index_may_name_classes_in_three_ways(
    tmp_path: Path, vocabulary: Vocabulary, header: str, value: str
) -> None:
    (tmp_path / "labels.csv").write_text(f"file,{header}\nsub/a.jpg,{value}\n", encoding="utf-8")
    (picture,) = read_labelled(tmp_path, vocabulary)
    assert picture.path == tmp_path / "sub" / "a.jpg"
    assert picture.outputs == {207}


@pytest.mark.parametrize("name", ["207", "n02099601", "golden-retriever", "golden_retriever"])
def test_a_folder_may_name_its_class_in_several_ways(
    tmp_path: Path, vocabulary: Vocabulary, name: str
) -> None:
    path = _touch(tmp_path / name / "x.jpg")
    (picture,) = read_labelled(tmp_path, vocabulary)
    assert (picture.path, picture.outputs, picture.class_name) == (path, {207}, name)


def test_a_picture_beside_the_class_folders_is_refused(
    tmp_path: Path, vocabulary: Vocabulary
) -> None:
    _touch(tmp_path / "x.jpg")
    with pytest.raises(OperatorError, match="no folder of a class · 没有"):
        read_labelled(tmp_path, vocabulary)


def test_a_folder_of_no_class_is_refused_by_name(tmp_path: Path, vocabulary: Vocabulary) -> None:
    _touch(tmp_path / "gryphon" / "x.jpg")
    with pytest.raises(OperatorError, match="'gryphon'"):
        read_labelled(tmp_path, vocabulary)


def test_a_broad_label_is_no_class(vocabulary: Vocabulary) -> None:
    assert ClassFinder(vocabulary).find("animal") is None


def test_every_output_is_found_by_index_and_by_label_id(vocabulary: Vocabulary) -> None:
    finder = ClassFinder(vocabulary)
    for index in range(1000):
        assert finder.find(str(index)) == {index}
    for label in vocabulary.labels:
        own = {output.index for output in label.outputs if output.model == "imagenet1k"}
        if own:
            assert finder.find(label.id) == own


def test_the_halves_part_a_set_and_depend_on_the_name_alone(
    tmp_path: Path, vocabulary: Vocabulary
) -> None:
    for number in range(40):
        _touch(tmp_path / "207" / f"{number}.jpg")
    parts = {
        half: {picture.path.name for picture in read_labelled(tmp_path, vocabulary, half)}
        for half in Half
    }
    assert parts[Half.FITTED] | parts[Half.HELD_OUT] == parts[Half.ALL]
    assert not parts[Half.FITTED] & parts[Half.HELD_OUT]
    assert len(parts[Half.FITTED]) > 10
    assert len(parts[Half.HELD_OUT]) > 10


def test_the_split_never_changes() -> None:
    # The shipped calibration was fitted on one side of it.
    names = ("n01440764.jpg", "n01443537.jpg", "n02099601.jpg", "a.jpg")
    assert [half_of(name).value for name in names] == ["fitted", "fitted", "fitted", "fitted"]
