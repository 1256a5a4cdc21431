from pathlib import Path

import pytest

from huiyan.assembly import NEEDED_CARDS
from huiyan.kernel.errors import CardError
from huiyan.runtime.card import get_card, load_cards, parse_card
from huiyan.runtime.card_source import PathSource

PICTURE = """
name = "dot"
task = "sample-picture"
kind = "picture"
version = "1"
licence = "CC0-1.0"
licence_text = "here"
format = "png"
file_name = "dot.png"
sha256 = "{sha}"
size_bytes = 10
[[sources]]
kind = "path"
file = "dot.png"
""".format(sha="0" * 64)


def test_every_card_that_comes_with_huiyan_is_readable_and_its_names_are_unique() -> None:
    cards = load_cards(None)

    assert len({card.name for card in cards}) == len(cards)
    assert len({card.sha256 for card in cards}) == len(cards)


def test_what_the_service_needs_is_pulled_by_default_and_nothing_else() -> None:
    assert {card.name for card in load_cards(None) if card.default} == set(NEEDED_CARDS)


def test_no_card_that_comes_with_huiyan_names_a_file_of_this_machine() -> None:
    sources = [source for card in load_cards(None) for source in card.sources]

    assert not [source for source in sources if isinstance(source, PathSource)]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("size_bytes = 10", "", "size_bytes"),
        ("size_bytes = 10", 'size_bytes = "10"', "size_bytes"),
        ("size_bytes = 10", "size_bytes = 0", "size_bytes"),
        ("size_bytes = 10", "size_bytes = 10\nmirror = 1", "mirror"),
        ('name = "dot"', 'name = "../dot"', "name"),
        ('name = "dot"', 'name = "@import"', "name"),
        ('file_name = "dot.png"', 'file_name = "../dot.png"', "file_name"),
        ('file_name = "dot.png"', 'file_name = ".dot"', "file_name"),
        ("0" * 64, "0" * 63, "sha256"),
        ("0" * 64, "G" * 64, "sha256"),
        ('kind = "picture"', 'kind = "program"', "kind"),
        ('kind = "picture"', 'kind = "model"', "inputs and outputs"),
        ('kind = "path"', 'kind = "url"', "sources"),
        ('kind = "path"\nfile = "dot.png"', 'kind = "path"', "needs a file"),
        (
            'kind = "path"\nfile = "dot.png"',
            'kind = "hub"\nrepository = "a/b"\nrevision = "main"\nfile = "x"',
            "revision",
        ),
        (
            'kind = "path"\nfile = "dot.png"',
            'kind = "wheel"\npackage = "--index-url=x"\nversion = "1"\nmember = "x"',
            "package",
        ),
        ('[[sources]]\nkind = "path"\nfile = "dot.png"', "sources = []", "sources"),
        ("[[sources]]", "[sources", "dot.toml"),
        ("size_bytes = 10", "size_bytes = 2020-01-01", "JSON serializable"),
    ],
)
def test_a_malformed_card_is_refused_and_the_fault_named(
    old: str, new: str, complaint: str, tmp_path: Path
) -> None:
    assert old in PICTURE

    with pytest.raises(CardError, match=complaint):
        parse_card(PICTURE.replace(old, new), "dot.toml", tmp_path)


def test_the_operators_card_replaces_the_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PICTURE.replace('"dot"', '"sample-coffee"'))
    (tmp_path / "b.toml").write_text(PICTURE)
    (tmp_path / "notes.txt").write_text("no card")

    cards = load_cards(tmp_path)

    assert get_card(cards, "sample-coffee").size_bytes == 10
    assert get_card(cards, "dot").sources == (
        PathSource(kind="path", file=str(tmp_path / "dot.png")),
    )
    assert len(cards) == len(load_cards(None)) + 1


def test_two_cards_of_one_name_in_one_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PICTURE)
    (tmp_path / "b.toml").write_text(PICTURE)

    with pytest.raises(CardError, match="taken"):
        load_cards(tmp_path)


def test_a_huge_or_binary_card_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"#" * 70_000)
    with pytest.raises(CardError, match="larger"):
        load_cards(tmp_path)

    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CardError, match="decode"):
        load_cards(tmp_path)


def test_an_operators_folder_that_does_not_exist_means_no_cards_of_his_own(tmp_path: Path) -> None:
    assert load_cards(tmp_path / "absent") == load_cards(None)


def test_an_unknown_name_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(CardError, match="sample-coffee"):
        get_card(load_cards(None), "nothing")
