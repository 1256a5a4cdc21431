"""The verified store: no file counts until its SHA-256 is its card's.

Owns: where files are kept, how they get there whole or not at all, and what is refused. Has no
opinion on: how sources are reached, or what the files are used for.

Layout under the store's root::

    cards/*.toml                     the operator's own cards (read elsewhere)
    files/<name>/<sha256>/<file>     complete, verified files
    .partial/<name>/                 work of pulls that run or were killed; swept by the next pull
    .locks/<name>.lock               one pull of a card at a time, over all processes
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from huiyan.kernel.errors import (
    LicenceRefusedError,
    ModelIntegrityError,
    ModelMissingError,
    ModelSourceError,
    StoreError,
)
from huiyan.runtime.card import Card, get_card
from huiyan.runtime.digest import hash_file, move_into_place, store_error
from huiyan.runtime.progress import Progress, SilentProgress
from huiyan.runtime.source import fetch

FileState = Literal["missing", "verified", "damaged"]


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """A card and the state of its file.

    Parameters
    ----------
    card : Card
        The card.
    state : {'missing', 'verified', 'damaged'}
        What a full check of the file said just now.
    is_allowed : bool
        Whether the operator's settings allow its licence.
    """

    card: Card
    state: FileState
    is_allowed: bool


class ModelStore:
    """Files by their cards.

    Parameters
    ----------
    root : Path
        The store's folder; made when first written to.
    cards : tuple of Card
        The cards of the installation.
    allowed_licences : tuple of str, or None
        SPDX identifiers that may be pulled and used; None allows every one.
    """

    def __init__(
        self, root: Path, cards: tuple[Card, ...], allowed_licences: tuple[str, ...] | None
    ) -> None:
        self.root = root
        self.cards = cards
        self._allowed_licences = allowed_licences

    def card(self, name: str) -> Card:
        """Give the card of a name.

        Parameters
        ----------
        name : str
            The name looked for.

        Returns
        -------
        Card
            The card.

        Raises
        ------
        CardError
            There is none; the text lists those there are.
        """
        return get_card(self.cards, name)

    def path(self, card: Card) -> Path:
        """Give a card's file, checked in full.

        Parameters
        ----------
        card : Card
            The card.

        Returns
        -------
        Path
            A file whose SHA-256 was the card's a moment ago.

        Raises
        ------
        LicenceRefusedError
            The operator refuses the licence.
        ModelMissingError
            The file is not here; the text holds the command that gets it.
        ModelIntegrityError
            The file here is not the card's.
        StoreError
            The file cannot be read.

        Notes
        -----
        Hashing takes about one millisecond a mebibyte, so a start pays for it every time and no
        record of earlier checks can go stale.
        """
        self.check_licence(card)
        self.verify(card)
        return self._final(card)

    def verify(self, card: Card, progress: Progress | None = None) -> None:
        """Check a card's file in full.

        Parameters
        ----------
        card : Card
            The card.
        progress : Progress, optional
            Told of the bytes hashed.

        Raises
        ------
        ModelMissingError
            The file is not here; the text holds the command that gets it.
        ModelIntegrityError
            The file's SHA-256 is not the card's.
        StoreError
            The file cannot be read.
        """
        progress = progress or SilentProgress()
        path = self._final(card)
        if not path.is_file():
            # What the service needs is pulled at once: the next one is missing too, most likely.
            names = "" if card.default else f" {card.name}"
            raise ModelMissingError(
                f"{card.kind} {card.name} is not in {self.root}; run: huiyan models pull{names}"
            )
        progress.start(f"{card.name}: verifying", card.size_bytes)
        found = hash_file(path, progress)
        if found != card.sha256:
            raise ModelIntegrityError(
                f"{path}: SHA-256 expected {card.sha256}, found {found}; "
                f"run: huiyan models pull {card.name}"
            )

    def check_licence(self, card: Card) -> None:
        """Refuse a card whose licence the operator does not allow.

        Parameters
        ----------
        card : Card
            The card.

        Raises
        ------
        LicenceRefusedError
            The settings list licences, and the card's is not among them.
        """
        if not self._is_allowed(card):
            raise LicenceRefusedError(
                f"{card.kind} {card.name} is under {card.licence}, "
                "which the setting allowed_licences does not list"
            )

    def entries(self) -> tuple[StoreEntry, ...]:
        """List every card with the state of its file.

        Returns
        -------
        tuple of StoreEntry
            In the order of the cards; each file that is here was hashed.

        Raises
        ------
        StoreError
            A file cannot be read.
        """
        return tuple(
            StoreEntry(card, self._state(card), self._is_allowed(card)) for card in self.cards
        )

    def pull(self, card: Card, progress: Progress | None = None) -> Path:
        """Get a card's file from its sources, unless it is here already.

        Parameters
        ----------
        card : Card
            The card.
        progress : Progress, optional
            Told of steps and bytes.

        Returns
        -------
        Path
            The file, verified and durable.

        Raises
        ------
        LicenceRefusedError
            The operator refuses the licence.
        ModelIntegrityError
            A source gave other content than the card's, and none gave the right one.
        ModelSourceError
            No source gave anything; the text lists each with its reason.
        StoreError
            The disk is full or refuses the write; nothing half is kept.

        Notes
        -----
        Pulls of one card exclude each other over all processes; the second finds the work done. A
        broken download from the hub is resumed by the next pull. For wheels pip keeps finished
        downloads in its own cache.
        """
        progress = progress or SilentProgress()
        self.check_licence(card)
        if self._state(card) != "verified":
            with self.workplace(card.name) as work_dir:
                # A pull that held the lock until now may have done the work.
                if self._state(card) != "verified":
                    self._fetch_verified(card, work_dir, progress)
        progress.finish()
        return self._final(card)

    def free_bytes(self) -> int:
        """Tell how much room the store's disk has.

        Returns
        -------
        int
            Bytes that may still be written.

        Raises
        ------
        StoreError
            The folder cannot be made.
        """
        self._make(self.root)
        return shutil.disk_usage(self.root).free

    @contextmanager
    def workplace(self, name: str) -> Iterator[Path]:
        """Lend an empty private folder on the store's own disk, swept afterwards.

        Parameters
        ----------
        name : str
            Whose work it is: one at a time over all processes. What a killed predecessor of that
            name left is removed.

        Yields
        ------
        Path
            The folder; its parent may be used for what should outlive a failure.

        Raises
        ------
        StoreError
            The folder cannot be made.
        """
        partial = self.root / ".partial" / name
        with self._locked(name):
            self._make(partial)
            for stale in partial.glob("work-*"):
                shutil.rmtree(stale, ignore_errors=True)
            try:
                work_dir = Path(tempfile.mkdtemp(prefix="work-", dir=partial))
            except OSError as error:
                raise store_error(error, partial, 0) from error
            try:
                yield work_dir
            finally:
                shutil.rmtree(work_dir, ignore_errors=True)

    def adopt(self, card: Card, staged: Path) -> None:
        """Take over a file that the caller has verified.

        Parameters
        ----------
        card : Card
            The card whose SHA-256 the file has.
        staged : Path
            A complete file inside a `workplace`; it is moved.

        Raises
        ------
        LicenceRefusedError
            The operator refuses the licence.
        StoreError
            The filesystem refuses.
        """
        self.check_licence(card)
        with self._locked(card.name):
            move_into_place(staged, self._final(card))

    def _fetch_verified(self, card: Card, work_dir: Path, progress: Progress) -> None:
        free_bytes = self.free_bytes()
        if free_bytes < card.size_bytes:
            raise StoreError(
                f"{card.name} needs {card.size_bytes:,} bytes, {self.root} has {free_bytes:,} free"
            )
        resume_dir = work_dir.parent / "resume"
        reasons: list[str] = []
        has_wrong_hash = False
        for number, source in enumerate(card.sources):
            source_dir = work_dir / str(number)
            self._make(source_dir)
            try:
                candidate, found = fetch(source, card, source_dir, resume_dir, progress)
            except ModelSourceError as error:
                reasons.append(f"{source}: {error.detail}")
                continue
            # What is complete is nothing to resume, be it right or wrong.
            shutil.rmtree(resume_dir, ignore_errors=True)
            if found == card.sha256:
                move_into_place(candidate, self._final(card))
                return
            has_wrong_hash = True
            reasons.append(f"{source}: SHA-256 expected {card.sha256}, found {found}")
            shutil.rmtree(source_dir, ignore_errors=True)
        text = f"{card.name}: no source gave the right file\n  " + "\n  ".join(reasons)
        raise ModelIntegrityError(text) if has_wrong_hash else ModelSourceError(text)

    def _state(self, card: Card) -> FileState:
        try:
            self.verify(card)
        except ModelMissingError:
            return "missing"
        except ModelIntegrityError:
            return "damaged"
        return "verified"

    def _final(self, card: Card) -> Path:
        return self.root / "files" / card.name / card.sha256 / card.file_name

    def _is_allowed(self, card: Card) -> bool:
        return self._allowed_licences is None or card.licence in self._allowed_licences

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        folder = self.root / ".locks"
        self._make(folder)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire()
        except OSError as error:
            raise store_error(error, folder, 0) from error
        try:
            yield
        finally:
            lock.release()

    @staticmethod
    def _make(folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store_error(error, folder, 0) from error
