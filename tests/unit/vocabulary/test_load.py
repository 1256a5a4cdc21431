from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.kernel.errors import VocabularyError
from huiyan.kernel.language import Bilingual
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import Aliases, ModelOutput

CATEGORIES = "id\ten\tzh\nanimal\tAnimal\t动物\n"
HEADER = "id\ten\tzh\tcategory\tparents\taliases_en\taliases_zh\toutputs\n"
ANIMAL = "animal\tanimal\t动物\tanimal\t\t\t\t\n"
DOG = "dog\tdog\t狗\tanimal\tanimal\tpuppy;doggy\t小狗\ttoy:0;toy:2\n"


def _folder(path: Path, *lines: str, categories: str = CATEGORIES) -> Path:
    (path / "categories.tsv").write_text(categories, "utf-8")
    (path / "a.tsv").write_text(HEADER + "".join(lines), "utf-8")
    return path


def test_a_file_of_no_labels_gives_no_labels(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(_folder(tmp_path))
    assert vocabulary.labels == ()
    assert len(vocabulary.categories) == 1


def test_every_cell_arrives_in_the_label(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(_folder(tmp_path, DOG, ANIMAL))
    dog = vocabulary.find("dog")
    assert dog is not None
    assert dog.name == Bilingual(zh="狗", en="dog")
    assert dog.category.name.en == "Animal"
    assert dog.parents == ("animal",)
    assert dog.aliases == Aliases(zh=("小狗",), en=("puppy", "doggy"))
    assert dog.aliases.pick("en") == ("puppy", "doggy")
    assert dog.outputs == (ModelOutput("toy", 0), ModelOutput("toy", 2))


def test_labels_come_in_order_of_id_whatever_the_files_order(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(_folder(tmp_path, DOG, ANIMAL))
    assert [label.id for label in vocabulary.labels] == ["animal", "dog"]
    assert dict(vocabulary.row_by_id) == {"animal": 0, "dog": 1}


def test_an_unknown_id_finds_nothing(tmp_path: Path) -> None:
    assert load_vocabulary(_folder(tmp_path)).find("dog") is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("dog\tdog\n", "a.tsv:3: 2 cells instead of 8"),
        ("\n", "a.tsv:3: 1 cells instead of 8"),
        ("Dog\tdog\t狗\tanimal\t\t\t\t\n", "a.tsv:3: id 'Dog' is not kebab-case ASCII"),
        ("dog\tdog\t\tanimal\t\t\t\t\n", "a.tsv:3: a name is missing"),
        ("dog\t dog\t狗\tanimal\t\t\t\t\n", "a.tsv:3: a cell starts or ends with white space"),
        ("dog\tdog\t狗\tanimals\t\t\t\t\n", "a.tsv:3: unknown category 'animals'"),
        ("dog\tdog\t狗\tanimal\tpet\t\t\t\n", "a.tsv:3: unknown parent 'pet'"),
        ("dog\tdog\t狗\tanimal\tanimal;\t\t\t\n", "a.tsv:3: parents holds an empty or padded item"),
        ("dog\tdog\t狗\tanimal\t\tpup;pup\t\t\n", "a.tsv:3: aliases_en names an item twice"),
        (
            "dog\tdog\t狗\tanimal\t\t\t\ttoy-0\n",
            "a.tsv:3: output 'toy-0' is not written model:index",
        ),
        ("animal\tdog\t狗\tanimal\t\t\t\t\n", "a.tsv:3: id 'animal' stands in a.tsv:2 too"),
        ("dog\tAnimal\t狗\tanimal\t\t\t\t\n", "a.tsv:3: en name 'animal' belongs to 'animal'"),
        ("dog\tdog\t动物\tanimal\t\t\t\t\n", "a.tsv:3: zh name '动物' belongs to 'animal'"),
        ("dog\tdog\t狗\tanimal\tdog\t\t\t\n", "parents run in a circle at or above: dog"),
    ],
)
def test_a_fault_is_told_with_file_and_line(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(VocabularyError) as caught:
        load_vocabulary(_folder(tmp_path, ANIMAL, line))
    assert caught.value.detail == fault


def test_two_labels_cannot_claim_one_output(tmp_path: Path) -> None:
    wolf = "wolf\twolf\t狼\tanimal\t\t\t\ttoy:2\n"
    with pytest.raises(VocabularyError, match=r"a\.tsv:4: toy output 2 belongs to 'dog'"):
        load_vocabulary(_folder(tmp_path, ANIMAL, DOG, wolf))


def test_a_wrong_header_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"categories\.tsv:1: the header is not id en zh"):
        load_vocabulary(_folder(tmp_path, categories="id\tzh\ten\n"))


def test_a_category_standing_twice_is_a_fault(tmp_path: Path) -> None:
    categories = CATEGORIES + "animal\tBeast\t兽\n"
    with pytest.raises(VocabularyError, match=r"categories\.tsv:3: category 'animal' stands twice"):
        load_vocabulary(_folder(tmp_path, categories=categories))


def test_text_that_is_no_utf8_is_a_fault(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "b.tsv").write_bytes(b"\xff")
    with pytest.raises(VocabularyError, match=r"b\.tsv: cannot be read"):
        load_vocabulary(folder)
