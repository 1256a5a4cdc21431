"""Sources that lie, break or are absent: a clear error or a correct file, never a corrupt store."""

import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from huiyan.kernel.errors import (
    LicenceRefusedError,
    ModelIntegrityError,
    ModelMissingError,
    ModelSourceError,
    StoreError,
)
from huiyan.runtime.card import Card
from huiyan.runtime.card_source import HubSource, PathSource, Source, WheelSource
from huiyan.runtime.store import ModelStore

CONTENT = b"the right content" * 1000


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip can reach."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    return folder


def make_wheel(shelf: Path, members: dict[str, bytes], package: str = "parcel") -> Path:
    info = f"{package}-1.0.dist-info"
    path = shelf / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def wheel_source(member: str = "parcel/file.bin", package: str = "parcel") -> WheelSource:
    return WheelSource(kind="wheel", package=package, version="1.0", member=member)


def make_card(*sources: Source, content: bytes = CONTENT) -> Card:
    return Card(
        name="thing",
        task="test",
        kind="picture",
        version="1",
        licence="CC0-1.0",
        licence_text="made by the test",
        format="bin",
        file_name="file.bin",
        sha256=sha256(content).hexdigest(),
        size_bytes=len(content),
        sources=sources or (wheel_source(),),
    )


def make_store(tmp_path: Path, card: Card, licences: tuple[str, ...] | None = None) -> ModelStore:
    return ModelStore(tmp_path / "store", (card,), licences)


def kept_files(store: ModelStore) -> list[Path]:
    """Everything in the store that is no lock."""
    return [path for path in store.root.rglob("*") if path.is_file() and ".locks" not in path.parts]


def test_a_good_wheel_gives_the_file_and_leaves_nothing_else(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, {"parcel/file.bin": CONTENT, "parcel/__init__.py": b"raise SystemExit(7)"})
    store = make_store(tmp_path, card := make_card())

    path = store.pull(card)

    assert path.read_bytes() == CONTENT
    assert kept_files(store) == [path]
    assert store.path(card) == path
    assert store.entries()[0].state == "verified"


def test_a_file_of_the_right_size_and_another_hash_is_refused_and_not_kept(
    shelf: Path, tmp_path: Path
) -> None:
    other = CONTENT[:-1] + b"!"
    make_wheel(shelf, {"parcel/file.bin": other})
    store = make_store(tmp_path, card := make_card())

    with pytest.raises(ModelIntegrityError) as caught:
        store.pull(card)

    assert card.sha256 in caught.value.detail
    assert sha256(other).hexdigest() in caught.value.detail
    assert kept_files(store) == []
    with pytest.raises(ModelMissingError, match="huiyan models pull thing"):
        store.path(card)


def test_after_a_wrong_hash_the_next_source_is_tried(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, {"parcel/file.bin": CONTENT[:-1] + b"!"})
    good = tmp_path / "good.bin"
    good.write_bytes(CONTENT)
    card = make_card(wheel_source(), PathSource(kind="path", file=str(good)))
    store = make_store(tmp_path, card)

    assert store.pull(card).read_bytes() == CONTENT
    assert good.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("keep_bytes", "reason"), [(0, "parcel"), (700, "parcel"), (-30, "parcel")]
)
def test_a_truncated_wheel_is_a_clear_error(
    keep_bytes: int, reason: str, shelf: Path, tmp_path: Path
) -> None:
    wheel = make_wheel(shelf, {"parcel/file.bin": os.urandom(len(CONTENT))})
    wheel.write_bytes(wheel.read_bytes()[:keep_bytes])
    store = make_store(tmp_path, card := make_card())

    with pytest.raises(ModelSourceError, match=reason):
        store.pull(card)
    assert kept_files(store) == []


def test_a_wheel_whose_member_is_damaged_inside_is_a_clear_error(
    shelf: Path, tmp_path: Path
) -> None:
    content = os.urandom(50_000)
    wheel = make_wheel(shelf, {"parcel/file.bin": content})
    body = bytearray(wheel.read_bytes())
    body[20_000:20_100] = bytes(100)
    wheel.write_bytes(bytes(body))
    store = make_store(tmp_path, card := make_card(content=content))

    with pytest.raises(ModelSourceError, match="the wheel is damaged"):
        store.pull(card)
    assert kept_files(store) == []


def test_a_wheel_without_the_member_is_a_clear_error(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, {"parcel/other.bin": CONTENT})
    store = make_store(tmp_path, card := make_card())

    with pytest.raises(ModelSourceError, match=r"no member parcel/file\.bin"):
        store.pull(card)


def test_a_source_distribution_is_never_built(shelf: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    (shelf / "parcel-1.0").mkdir()
    setup = shelf / "parcel-1.0" / "setup.py"
    setup.write_text(f"open({str(trap)!r}, 'w').close()")
    subprocess.run(
        ["tar", "czf", "parcel-1.0.tar.gz", "parcel-1.0"], cwd=shelf, check=True, timeout=30
    )
    store = make_store(tmp_path, card := make_card())

    with pytest.raises(ModelSourceError, match=r"parcel==1\.0"):
        store.pull(card)
    assert not trap.exists()


def test_without_a_network_each_source_is_listed_with_its_reason(
    shelf: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.bin"
    card = make_card(
        wheel_source(package="first"),
        wheel_source(package="second"),
        PathSource(kind="path", file=str(missing)),
    )
    store = make_store(tmp_path, card)

    with pytest.raises(ModelSourceError) as caught:
        store.pull(card)

    for part in ("first", "second", str(missing), "No such file"):
        assert part in caught.value.detail
    assert shelf.is_dir()
    assert kept_files(store) == []


@pytest.mark.timeout(60)
def test_a_hub_out_of_reach_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    card = make_card(HubSource(kind="hub", repository="a/b", revision="0" * 40, file="file.bin"))
    store = make_store(tmp_path, card)

    with pytest.raises(ModelSourceError, match="hub a/b@0000000: hub:"):
        store.pull(card)


def test_a_member_larger_than_the_card_says_is_never_unpacked(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, {"parcel/file.bin": bytes(200_000_000)})
    store = make_store(tmp_path, card := make_card())

    with pytest.raises(ModelSourceError, match=r"200,000,000 bytes, not 17,000"):
        store.pull(card)


def test_a_member_whose_header_lies_about_its_size_is_cut_off(shelf: Path, tmp_path: Path) -> None:
    wheel = make_wheel(shelf, {"parcel/file.bin": bytes(5_000_000)})
    true_size, claim = (5_000_000).to_bytes(4, "little"), len(CONTENT).to_bytes(4, "little")
    body = wheel.read_bytes()
    assert body.count(true_size) == 2
    wheel.write_bytes(body.replace(true_size, claim))
    store = make_store(tmp_path, card := make_card())

    with pytest.raises((ModelSourceError, ModelIntegrityError)):
        store.pull(card)
    assert kept_files(store) == []


@pytest.mark.parametrize("what", ["folder", "pipe", "device", "other size"])
def test_a_path_that_is_no_such_plain_file_is_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "there"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(CONTENT + b"!")
    card = make_card(PathSource(kind="path", file=str(path)))
    store = make_store(tmp_path, card)

    with pytest.raises(ModelSourceError, match=r"plain file|bytes, not"):
        store.pull(card)


def test_a_refused_licence_is_neither_fetched_nor_used(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, {"parcel/file.bin": CONTENT})
    card = make_card()
    strict = make_store(tmp_path, card, ("MIT", "Apache-2.0"))

    with pytest.raises(LicenceRefusedError, match=r"CC0-1\.0"):
        strict.pull(card)
    assert not strict.root.exists()

    make_store(tmp_path, card, ("CC0-1.0",)).pull(card)
    with pytest.raises(LicenceRefusedError):
        strict.path(card)
    assert [(entry.state, entry.is_allowed) for entry in strict.entries()] == [("verified", False)]


@pytest.mark.parametrize("damage", ["flipped", "short", "empty"])
def test_a_file_damaged_in_the_store_is_found_and_mended(
    damage: str, shelf: Path, tmp_path: Path
) -> None:
    make_wheel(shelf, {"parcel/file.bin": CONTENT})
    store = make_store(tmp_path, card := make_card())
    path = store.pull(card)
    path.write_bytes({"flipped": b"T" + CONTENT[1:], "short": CONTENT[:-1], "empty": b""}[damage])

    with pytest.raises(ModelIntegrityError, match="expected"):
        store.path(card)
    assert store.entries()[0].state == "damaged"
    assert store.pull(card).read_bytes() == CONTENT


def test_a_card_larger_than_the_disk_is_refused_before_anything_is_fetched(
    tmp_path: Path,
) -> None:
    card = replace(make_card(), size_bytes=10**18)
    store = make_store(tmp_path, card)

    with pytest.raises(StoreError, match="1,000,000,000,000,000,000 bytes"):
        store.pull(card)


@pytest.fixture
def small_file_limit() -> Iterator[int]:
    """Let this process write no file past 1 MiB; the system then refuses as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    yield 1 << 20
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_while_writing_leaves_nothing_half(
    shelf: Path, tmp_path: Path, small_file_limit: int
) -> None:
    content = bytes(3 * small_file_limit)
    make_wheel(shelf, {"parcel/file.bin": content})
    store = make_store(tmp_path, card := make_card(content=content))

    with pytest.raises(StoreError, match="no room for 3,145,728 bytes"):
        store.pull(card)
    assert kept_files(store) == []


def test_a_store_in_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    good = tmp_path / "good.bin"
    good.write_bytes(CONTENT)
    card = make_card(PathSource(kind="path", file=str(good)))

    with pytest.raises(StoreError, match="cannot write"):
        make_store(tmp_path, card).pull(card)


def test_pip_gets_no_address_from_us(shelf: Path) -> None:
    package = Path(sys.modules["huiyan.runtime.source"].__file__ or "").read_text()

    assert "://" not in package
    assert shelf.is_dir()
