"""``huiyan models``: see, fetch, check and carry model files.

Owns: these commands and their progress bars. Has no opinion on: what a card means or where files
are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings
from huiyan.runtime.bundle import export_bundle, import_bundle
from huiyan.runtime.card import Card, load_cards
from huiyan.runtime.store import ModelStore, StoreEntry


class BarProgress:
    """Steps as bars on the terminal; see `huiyan.runtime.progress.Progress`.

    Parameters
    ----------
    bars : rich.progress.Progress
        The live display.
    """

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def start(self, what: str, total_bytes: int | None) -> None:
        """Begin a step, which ends the one before.

        Parameters
        ----------
        what : str
            The step.
        total_bytes : int or None
            Bytes to come; None shows a bar that only moves.
        """
        self.finish()
        self._task = self._bars.add_task(what, total=total_bytes)

    def advance(self, done_bytes: int) -> None:
        """Move the bar.

        Parameters
        ----------
        done_bytes : int
            Bytes done since the last call.
        """
        if self._task is not None:
            self._bars.advance(self._task, done_bytes)

    def finish(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None


@contextmanager
def bar_progress(console: Console) -> Iterator[BarProgress]:
    """Show progress bars for a while.

    Parameters
    ----------
    console : rich.console.Console
        Where they are drawn; nothing is drawn where it is no terminal.

    Yields
    ------
    BarProgress
        To be handed to the store.
    """
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bars:
        progress = BarProgress(bars)
        yield progress
        progress.finish()


def _open_store(settings: Settings) -> ModelStore:
    root = settings.resolved_models_dir()
    return ModelStore(root, load_cards(root / "cards"), settings.allowed_licences)


@click.group()
def models() -> None:
    """See, fetch, check and carry the files of models."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_command(settings: Settings, *, as_json: bool) -> None:
    """Show every model with its licence, size and state."""
    entries = _open_store(settings).entries()
    if as_json:
        click.echo(json.dumps([_as_record(entry) for entry in entries], indent=2))
        return
    table = Table("name", "task", "licence", "size", "state")
    for entry in entries:
        state = entry.state if entry.is_allowed else f"{entry.state}, licence refused"
        size = f"{entry.card.size_bytes / 1e6:.1f} MB"
        table.add_row(entry.card.name, entry.card.task, entry.card.licence, size, state)
    Console().print(table)


def _as_record(entry: StoreEntry) -> dict[str, object]:
    card = entry.card
    return {
        "name": card.name,
        "kind": card.kind,
        "task": card.task,
        "version": card.version,
        "licence": card.licence,
        "licence_text": card.licence_text,
        "attribution": card.attribution,
        "size_bytes": card.size_bytes,
        "sha256": card.sha256,
        "precision": card.precision,
        "default": card.default,
        "state": entry.state,
        "licence_allowed": entry.is_allowed,
    }


@models.command("pull")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--samples", is_flag=True, help="Also the sample pictures.")
@click.option("--font", is_flag=True, help="Also the font for drawing Chinese labels.")
@click.option("--all", "everything", is_flag=True, help="Everything there is a card for.")
@click.pass_obj
def pull_command(
    settings: Settings, names: tuple[str, ...], *, samples: bool, font: bool, everything: bool
) -> None:
    """Fetch files; with no name, those that the service needs."""
    store = _open_store(settings)
    chosen = [store.card(name) for name in names]
    if everything:
        chosen = list(store.cards)
    elif not names:
        chosen += [card for card in store.cards if card.default]
    chosen += [card for card in store.cards if samples and card.kind == "picture"]
    chosen += [card for card in store.cards if font and card.kind == "font"]
    console = Console(stderr=True)
    with bar_progress(console) as progress:
        for card in {card.name: card for card in chosen}.values():
            path = store.pull(card, progress)
            console.print(f"{card.name}  {card.licence}  {path}", highlight=False, soft_wrap=True)


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def verify_command(settings: Settings, names: tuple[str, ...]) -> None:
    """Check files against their cards; with no name, those that are here."""
    store = _open_store(settings)
    chosen = [store.card(name) for name in names] or _here(store)
    console = Console(stderr=True)
    faults: list[OperatorError] = []
    with bar_progress(console) as progress:
        for card in chosen:
            try:
                store.verify(card, progress)
            except OperatorError as error:
                faults.append(error)
            else:
                console.print(f"{card.name}  verified", highlight=False)
    if faults:
        raise type(faults[0])("\n".join(fault.detail for fault in faults))


@models.command("export")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def export_command(settings: Settings, path: Path, names: tuple[str, ...]) -> None:
    """Pack files into the bundle PATH; with no name, those that are here."""
    store = _open_store(settings)
    chosen = [store.card(name) for name in names] or _here(store)
    console = Console(stderr=True)
    with bar_progress(console) as progress:
        export_bundle(store, chosen, path, progress)
    console.print(f"{len(chosen)} files packed into {path}", highlight=False, soft_wrap=True)


@models.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_command(settings: Settings, path: Path) -> None:
    """Take over the files of the bundle PATH."""
    console = Console(stderr=True)
    with bar_progress(console) as progress:
        taken = import_bundle(_open_store(settings), path, progress)
    for card in taken:
        console.print(f"{card.name}  {card.licence}", highlight=False)


def _here(store: ModelStore) -> list[Card]:
    return [entry.card for entry in store.entries() if entry.state != "missing"]
