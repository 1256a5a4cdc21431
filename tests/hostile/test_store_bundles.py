"""Bundles from elsewhere: nothing in them is trusted."""

import io
import json
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from huiyan.kernel.errors import (
    LicenceRefusedError,
    ModelIntegrityError,
    ModelMissingError,
    StoreError,
)
from huiyan.runtime.bundle import export_bundle, import_bundle
from huiyan.runtime.card import Card
from huiyan.runtime.card_source import PathSource
from huiyan.runtime.progress import SilentProgress
from huiyan.runtime.store import ModelStore

BODIES = {"one": b"first" * 3000, "two": b"second" * 3000}
SILENT = SilentProgress()


def make_card(name: str, folder: Path) -> Card:
    body = BODIES[name]
    path = folder / name
    path.write_bytes(body)
    return Card(
        name=name,
        task="test",
        kind="picture",
        version="1",
        licence="CC0-1.0" if name == "one" else "MIT",
        licence_text="made by the test",
        format="bin",
        file_name="file.bin",
        sha256=sha256(body).hexdigest(),
        size_bytes=len(body),
        sources=(PathSource(kind="path", file=str(path)),),
    )


@pytest.fixture
def cards(tmp_path: Path) -> tuple[Card, ...]:
    return tuple(make_card(name, tmp_path) for name in BODIES)


@pytest.fixture
def receiver(tmp_path: Path, cards: tuple[Card, ...]) -> ModelStore:
    return ModelStore(tmp_path / "receiver", cards, None)


@pytest.fixture
def bundle(tmp_path: Path, cards: tuple[Card, ...]) -> Path:
    sender = ModelStore(tmp_path / "sender", cards, None)
    for card in cards:
        sender.pull(card)
    path = tmp_path / "bundle.tar"
    export_bundle(sender, cards, path, SILENT)
    return path


Entry = tuple[tarfile.TarInfo, bytes | None]


def rewrite(bundle: Path, change: Callable[[list[Entry]], list[Entry]]) -> None:
    with tarfile.open(bundle) as archive:
        entries: list[Entry] = []
        for member in archive.getmembers():
            content = archive.extractfile(member)
            entries.append((member, content.read() if content else None))
    with tarfile.open(bundle, "w:", format=tarfile.GNU_FORMAT) as archive:
        for member, body in change(entries):
            if body is not None:
                member.size = len(body)
            archive.addfile(member, io.BytesIO(body) if body is not None else None)


def assert_untouched(store: ModelStore) -> None:
    assert [entry.state for entry in store.entries()] == ["missing", "missing"]
    assert list(store.root.glob(".partial/*/*")) == []


def test_what_was_exported_is_imported(bundle: Path, receiver: ModelStore) -> None:
    taken = import_bundle(receiver, bundle, SILENT)

    assert taken == receiver.cards
    assert [receiver.path(card).read_bytes() for card in taken] == list(BODIES.values())
    assert import_bundle(receiver, bundle, SILENT) == receiver.cards


def test_equal_content_gives_equal_bundles(bundle: Path, receiver: ModelStore) -> None:
    import_bundle(receiver, bundle, SILENT)
    again = bundle.with_name("again.tar")
    export_bundle(receiver, receiver.cards, again, SILENT)

    assert again.read_bytes() == bundle.read_bytes()


def test_an_export_of_what_is_not_here_leaves_an_older_bundle_alone(
    bundle: Path, receiver: ModelStore
) -> None:
    before = bundle.read_bytes()

    with pytest.raises(ModelMissingError):
        export_bundle(receiver, receiver.cards, bundle, SILENT)
    assert bundle.read_bytes() == before


def test_an_export_into_a_folder_that_does_not_exist_is_a_clear_error(
    bundle: Path, receiver: ModelStore, tmp_path: Path
) -> None:
    import_bundle(receiver, bundle, SILENT)

    with pytest.raises(StoreError, match="cannot write"):
        export_bundle(receiver, receiver.cards, tmp_path / "absent" / "b.tar", SILENT)


def _link(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


def _manifest(entries: list[Entry], **changes: object) -> Entry:
    member, body = entries[0]
    assert body is not None
    return member, json.dumps(json.loads(body) | changes).encode()


CHANGES: dict[str, Callable[[list[Entry]], list[Entry]]] = {
    "wrong content": lambda e: [*e[:2], (e[2][0], b"X" + (e[2][1] or b"")[1:])],
    "longer content": lambda e: [*e[:2], (e[2][0], (e[2][1] or b"") + b"!")],
    "shorter content": lambda e: [*e[:2], (e[2][0], (e[2][1] or b"")[:-1])],
    "a file missing": lambda e: e[:2],
    "a file twice": lambda e: [*e, e[2]],
    "no list": lambda e: e[1:],
    "list last": lambda e: [*e[1:], e[0]],
    "nothing at all": lambda _: [],
    "list is no JSON": lambda e: [(e[0][0], b"{"), *e[1:]],
    "list is deeply nested": lambda e: [(e[0][0], b"[" * 100_000), *e[1:]],
    "list of another format": lambda e: [_manifest(e, format=2), *e[1:]],
    "list without files": lambda e: [_manifest(e, files=None), *e[1:]],
    "unknown name": lambda e: [
        _manifest(e, files=[{"name": "three", "sha256": "0" * 64}]),
        *e[1:],
    ],
    "unknown hash": lambda e: [
        _manifest(e, files=[{"name": "one", "sha256": "0" * 64}]),
        *e[1:],
    ],
    "way out of the folder": lambda e: [*e, (tarfile.TarInfo("../../escaped"), b"x")],
    "absolute path": lambda e: [*e, (tarfile.TarInfo("/tmp/huiyan-escaped"), b"x")],  # noqa: S108 - must not appear
    "symbolic link": lambda e: [*e[:2], (_link("files/two", tarfile.SYMTYPE, "/etc/passwd"), None)],
    "hard link": lambda e: [*e[:2], (_link("files/two", tarfile.LNKTYPE, "files/one"), None)],
    "pipe": lambda e: [*e[:2], (_link("files/two", tarfile.FIFOTYPE, ""), None)],
    "folder": lambda e: [*e[:2], (_link("files/two", tarfile.DIRTYPE, ""), None)],
    "list is a link": lambda _: [(_link("manifest.json", tarfile.SYMTYPE, "/etc/passwd"), None)],
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_bundle_that_was_tampered_with_is_refused_whole(
    what: str, bundle: Path, receiver: ModelStore, tmp_path: Path
) -> None:
    rewrite(bundle, CHANGES[what])
    before = {path for path in tmp_path.rglob("*") if receiver.root not in path.parents}

    with pytest.raises(ModelIntegrityError):
        import_bundle(receiver, bundle, SILENT)

    assert_untouched(receiver)
    after = {path for path in tmp_path.rglob("*") if receiver.root not in path.parents}
    assert after - before <= {receiver.root}
    assert not Path("/tmp/huiyan-escaped").exists()  # noqa: S108 - must not appear


@pytest.mark.parametrize("keep_bytes", [0, 100, 600, 12_000, 30_000])
def test_a_truncated_bundle_is_refused_whole(
    keep_bytes: int, bundle: Path, receiver: ModelStore
) -> None:
    bundle.write_bytes(bundle.read_bytes()[:keep_bytes])

    with pytest.raises(ModelIntegrityError):
        import_bundle(receiver, bundle, SILENT)
    assert_untouched(receiver)


def test_a_bundle_larger_than_all_that_is_known_is_not_read(
    bundle: Path, receiver: ModelStore
) -> None:
    with bundle.open("r+b") as file:
        file.truncate(10_000_000_000)

    with pytest.raises(ModelIntegrityError, match="larger than all known files"):
        import_bundle(receiver, bundle, SILENT)


def test_a_file_whose_licence_is_refused_stops_the_whole_bundle(
    bundle: Path, cards: tuple[Card, ...], tmp_path: Path
) -> None:
    strict = ModelStore(tmp_path / "strict", cards, ("CC0-1.0",))

    with pytest.raises(LicenceRefusedError, match="MIT"):
        import_bundle(strict, bundle, SILENT)
    assert_untouched(strict)


def test_a_bundle_that_does_not_exist_is_a_clear_error(
    receiver: ModelStore, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="cannot read"):
        import_bundle(receiver, tmp_path / "absent.tar", SILENT)
