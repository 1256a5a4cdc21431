"""Verified files in one archive, for machines that reach no source.

Owns: the bundle's format, writing and reading it. Has no opinion on: how it travels, and it trusts
nothing in it: names and hashes come from the receiver's own cards.

A bundle is an uncompressed tar: ``manifest.json`` first, then ``files/<name>`` for each card.
Times and owners are zero, so equal content gives equal bytes.
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from huiyan.kernel.errors import ModelIntegrityError, StoreError
from huiyan.runtime.card import Card
from huiyan.runtime.digest import move_into_place, store_error, write_bounded
from huiyan.runtime.progress import Progress
from huiyan.runtime.store import ModelStore

_FORMAT = 1
_MANIFEST = "manifest.json"
_MANIFEST_LIMIT_BYTES = 1 << 20
_OVERHEAD_BYTES = 64 * 1024


def export_bundle(store: ModelStore, cards: Sequence[Card], path: Path, progress: Progress) -> None:
    """Write files of the store into a bundle.

    Parameters
    ----------
    store : ModelStore
        Where the files are.
    cards : sequence of Card
        What to pack; each file is verified first.
    path : Path
        The bundle; a file there is replaced, and only by a complete one.
    progress : Progress
        Told of steps and bytes.

    Raises
    ------
    LicenceRefusedError, ModelMissingError, ModelIntegrityError
        A file may not be used, is not here or is damaged.
    StoreError
        The bundle cannot be written.
    """
    files = [(card, store.path(card)) for card in cards]
    manifest = {
        "format": _FORMAT,
        "files": [
            {"name": card.name, "sha256": card.sha256, "size_bytes": card.size_bytes}
            for card, _ in files
        ],
    }
    body = json.dumps(manifest, indent=1).encode()
    total_bytes = sum(card.size_bytes for card in cards)
    try:
        with tempfile.TemporaryDirectory(prefix=".huiyan-", dir=path.absolute().parent) as folder:
            staged = Path(folder) / "bundle"
            with tarfile.open(staged, "w:", format=tarfile.USTAR_FORMAT) as archive:
                archive.addfile(_header(_MANIFEST, len(body)), io.BytesIO(body))
                for card, file in files:
                    progress.start(f"{card.name}: packing", card.size_bytes)
                    with file.open("rb") as content:
                        archive.addfile(_header(_member(card), card.size_bytes), content)
                    progress.advance(card.size_bytes)
            move_into_place(staged, path.absolute())
    except (OSError, tarfile.TarError) as error:
        if isinstance(error, OSError):
            raise store_error(error, path, total_bytes) from error
        raise StoreError(f"cannot write {path}: {error}") from error
    progress.finish()


def _member(card: Card) -> str:
    return f"files/{card.name}"


def _header(name: str, size_bytes: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = size_bytes
    header.mode = 0o644
    return header


def import_bundle(store: ModelStore, path: Path, progress: Progress) -> tuple[Card, ...]:
    """Take a bundle's files into the store, all or none.

    Parameters
    ----------
    store : ModelStore
        Where they go; only files that its cards know are accepted.
    path : Path
        The bundle.
    progress : Progress
        Told of steps and bytes.

    Returns
    -------
    tuple of Card
        What was taken in.

    Raises
    ------
    LicenceRefusedError
        The operator refuses the licence of a file in it.
    ModelIntegrityError
        The bundle is no bundle, is damaged, or holds what no card describes.
    StoreError
        The disk is full or refuses the write.
    """
    largest_bytes = sum(card.size_bytes + _OVERHEAD_BYTES for card in store.cards)
    try:
        bundle_bytes = path.stat().st_size
        if bundle_bytes > largest_bytes + _MANIFEST_LIMIT_BYTES:
            raise ModelIntegrityError(f"{path}: larger than all known files together")
        with (
            store.workplace("@import") as work_dir,
            tarfile.open(path, "r:") as archive,
        ):
            staged = _unpack(store, archive, work_dir, progress)
            for card, file in staged:
                store.adopt(card, file)
    except tarfile.TarError as error:
        raise ModelIntegrityError(f"{path}: not a bundle: {error}") from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
    progress.finish()
    return tuple(card for card, _ in staged)


def _unpack(
    store: ModelStore, archive: tarfile.TarFile, work_dir: Path, progress: Progress
) -> list[tuple[Card, Path]]:
    expected = _expected_cards(store, archive)
    staged: list[tuple[Card, Path]] = []
    while (header := archive.next()) is not None:
        card = expected.pop(header.name, None)
        if card is None:
            raise ModelIntegrityError(f"the bundle holds {header.name!r}, which its list has not")
        content = _plain_file(archive, header, card.size_bytes)
        progress.start(f"{card.name}: unpacking", card.size_bytes)
        target = work_dir / card.name
        found = write_bounded(content, target, card.size_bytes, progress)
        if found != card.sha256:
            raise ModelIntegrityError(
                f"{card.name}: SHA-256 expected {card.sha256}, found {found} in the bundle"
            )
        staged.append((card, target))
    if expected:
        missing = ", ".join(sorted(card.name for card in expected.values()))
        raise ModelIntegrityError(f"the bundle lacks what its list names: {missing}")
    return staged


def _expected_cards(store: ModelStore, archive: tarfile.TarFile) -> dict[str, Card]:
    header = archive.next()
    if header is None or header.name != _MANIFEST:
        raise ModelIntegrityError(f"the bundle does not begin with {_MANIFEST}")
    content = _plain_file(archive, header, None)
    try:
        manifest = json.loads(content.read(_MANIFEST_LIMIT_BYTES))
        if manifest["format"] != _FORMAT:
            raise ModelIntegrityError(f"the bundle has format {manifest['format']}, not {_FORMAT}")
        listed = [(str(item["name"]), str(item["sha256"])) for item in manifest["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelIntegrityError(f"the bundle's list is damaged: {error}") from error
    known = {(card.name, card.sha256): card for card in store.cards}
    for name, sha256 in listed:
        if (name, sha256) not in known:
            raise ModelIntegrityError(
                f"the bundle holds {name!r} with SHA-256 {sha256[:64]!r}, which no card describes"
            )
    cards = [known[item] for item in listed]
    for card in cards:
        store.check_licence(card)
    return {_member(card): card for card in cards}


def _plain_file(
    archive: tarfile.TarFile, header: tarfile.TarInfo, size_bytes: int | None
) -> IO[bytes]:
    # A sparse file's size is a claim, a link's target a path: neither belongs in a bundle.
    content = archive.extractfile(header) if header.isreg() and not header.issparse() else None
    if content is None:
        raise ModelIntegrityError(f"the bundle's {header.name!r} is not a plain file")
    limit_bytes = _MANIFEST_LIMIT_BYTES if size_bytes is None else size_bytes
    if header.size > limit_bytes or (size_bytes is not None and header.size != size_bytes):
        raise ModelIntegrityError(f"the bundle's {header.name!r} has {header.size:,} bytes")
    return content
