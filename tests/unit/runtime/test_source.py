"""Files that come with Huiyan reach the store like all others: by size and hash."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest

from huiyan.kernel.errors import CardError, ModelIntegrityError, ModelSourceError
from huiyan.runtime.card import Card, parse_card
from huiyan.runtime.card_source import PackageSource, PathSource
from huiyan.runtime.store import ModelStore

MEMBER = "perception/data/context80.npz"
CONTENT = resources.files("huiyan").joinpath(MEMBER).read_bytes()
CARD = """
name = "dot"
task = "test"
kind = "picture"
version = "1"
licence = "CC0-1.0"
licence_text = "here"
format = "bin"
file_name = "file.bin"
sha256 = "{sha}"
size_bytes = 10
[[sources]]
kind = "package"
member = '{member}'
"""


def _card(member: str = MEMBER) -> Card:
    card = parse_card(CARD.format(sha=sha256(CONTENT).hexdigest(), member=member), "dot.toml")
    return replace(card, size_bytes=len(CONTENT))


def _kept(store: ModelStore) -> list[Path]:
    return [it for it in store.root.rglob("*") if it.is_file() and ".locks" not in it.parts]


def test_a_file_of_the_package_is_copied_into_the_store(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, (card := _card(),), None)
    path = store.pull(card)
    assert path.read_bytes() == CONTENT
    assert _kept(store) == [path]
    assert str(card.sources[0]) == f"package huiyan: {MEMBER}"


@pytest.mark.parametrize(
    "member",
    [
        "",
        "../secret.key",
        "perception/../../secret.key",
        "perception/..",
        "perception/data/../../app.py",
        "/etc/host.conf",
        "perception//data/context80.npz",
        "perception\\data\\context80.npz",
        "perception/./data/context80.npz",
        "perception/data/.hidden",
        "perception/data/",
        "perception/data",
        "context80.npz",
        "C:/perception/context80.npz",
        "perception/data/context80.npz ",
        "perception/data/context80.npz/",
        "perception/data/数.npz",
    ],
)
def test_a_member_that_is_no_plain_path_inside_the_package_is_refused(member: str) -> None:
    with pytest.raises(CardError, match="member"):
        _card(member)


def test_a_line_break_does_not_end_the_check_of_a_member() -> None:
    text = CARD.format(sha="0" * 64, member="").replace("''", f'"{MEMBER}\\n"')
    with pytest.raises(CardError, match="member"):
        parse_card(text, "dot.toml")


def test_a_file_of_another_size_is_refused_before_it_is_copied(tmp_path: Path) -> None:
    card = replace(_card(), size_bytes=len(CONTENT) - 1)
    store = ModelStore(tmp_path, (card,), None)
    with pytest.raises(ModelSourceError, match=f"{len(CONTENT):,} bytes, not"):
        store.pull(card)
    assert _kept(store) == []


def test_a_file_of_another_hash_is_refused_and_not_kept(tmp_path: Path) -> None:
    card = replace(_card(), sha256="0" * 64)
    store = ModelStore(tmp_path, (card,), None)
    with pytest.raises(ModelIntegrityError) as caught:
        store.pull(card)
    assert sha256(CONTENT).hexdigest() in caught.value.detail
    assert MEMBER in caught.value.detail
    assert _kept(store) == []


def test_a_member_that_is_not_there_is_named_and_the_next_source_tried(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", (card := _card("perception/data/absent.onnx"),), None)
    with pytest.raises(ModelSourceError, match=r"absent\.onnx"):
        store.pull(card)
    good = tmp_path / "good.bin"
    good.write_bytes(CONTENT)
    card = replace(card, sources=(*card.sources, PathSource(kind="path", file=str(good))))
    assert store.pull(card).read_bytes() == CONTENT


def test_a_package_inside_an_archive_gives_its_files_and_names_what_it_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "huiyan.zip", "w") as archive:
        archive.writestr(f"huiyan/{MEMBER}", CONTENT)
    with zipfile.ZipFile(tmp_path / "huiyan.zip") as archive:
        root = zipfile.Path(archive, "huiyan/")
        monkeypatch.setattr(resources, "files", lambda _package: root)
        store = ModelStore(tmp_path / "store", (card := _card(),), None)
        assert store.pull(card).read_bytes() == CONTENT
        absent = PackageSource(kind="package", member="perception/data/absent.onnx")
        other = replace(card, name="other", sources=(absent,))
        with pytest.raises(ModelSourceError, match=r"absent\.onnx"):
            ModelStore(tmp_path / "store", (other,), None).pull(other)
