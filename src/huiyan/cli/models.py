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
from rich.box import SIMPLE_HEAD
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
from rich.table import Column, Table

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


@click.group(short_help="See, fetch, check and carry models · 管理模型文件")
def models() -> None:
    """See, fetch, check and carry the files of models.

    查看、下载、校验、搬运模型文件。
    """


@models.command("list", short_help="Licence, size, state of each · 列出模型")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
@click.pass_obj
def list_command(settings: Settings, *, as_json: bool) -> None:
    """Show every model with its licence, size and state.

    列出每个模型及其许可证、大小和状态。
    """
    entries = _open_store(settings).entries()
    if as_json:
        click.echo(json.dumps([_as_record(entry) for entry in entries], indent=2))
        return
    table = Table(Column("name\n名称", no_wrap=True), box=SIMPLE_HEAD, padding=0)
    table.add_column("task\n用途", no_wrap=True)
    table.add_column("licence\n许可证", overflow="fold")
    table.add_column("size\n大小", justify="right", no_wrap=True)
    table.add_column("state\n状态")
    for entry in entries:
        card = entry.card
        refused = "" if entry.is_allowed else ", licence refused · 许可证不允许"
        size = f"{card.size_bytes / 1e6:.1f} MB"
        table.add_row(card.name, card.task, card.licence, size, entry.state + refused)
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


@models.command("pull", short_help="Fetch files · 下载")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--samples", is_flag=True, help="Also the sample pictures. 另取示例图片。")
@click.option("--font", is_flag=True, help="Also a font with Chinese characters. 另取中文字体。")
@click.option("--all", "everything", is_flag=True, help="Everything. 全部。")
@click.pass_obj
def pull_command(
    settings: Settings, names: tuple[str, ...], *, samples: bool, font: bool, everything: bool
) -> None:
    """Fetch files; with no name, those that the service needs.

    下载文件；不写名称时，下载服务需要的文件。
    """
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


@models.command("verify", short_help="Check files by SHA-256 · 校验")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def verify_command(settings: Settings, names: tuple[str, ...]) -> None:
    """Check files against their SHA-256; with no name, those that are here.

    用 SHA-256 校验文件；不写名称时，校验已有的全部文件。
    """
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


@models.command("export", short_help="Pack files into a bundle · 打包")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def export_command(settings: Settings, path: Path, names: tuple[str, ...]) -> None:
    """Pack files into the bundle PATH; with no name, those that are here.

    把文件打包到 PATH；不写名称时，打包已有的全部文件。
    """
    store = _open_store(settings)
    chosen = [store.card(name) for name in names] or _here(store)
    console = Console(stderr=True)
    with bar_progress(console) as progress:
        export_bundle(store, chosen, path, progress)
    console.print(f"{len(chosen)} files packed into {path}", highlight=False, soft_wrap=True)


@models.command("import", short_help="Take over a bundle's files · 导入")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_command(settings: Settings, path: Path) -> None:
    """Take over the files of the bundle PATH.

    导入 PATH 模型包中的文件。
    """
    console = Console(stderr=True)
    with bar_progress(console) as progress:
        taken = import_bundle(_open_store(settings), path, progress)
    for card in taken:
        console.print(f"{card.name}  {card.licence}", highlight=False)


def _here(store: ModelStore) -> list[Card]:
    return [entry.card for entry in store.entries() if entry.state != "missing"]
