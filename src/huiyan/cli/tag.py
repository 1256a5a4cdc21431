"""``huiyan tag``: pictures on this machine, answered without a server.

Owns: which files a command names, and how tags are shown. Has no opinion on: how they are
found; the server's own ``answer()`` does that, so the JSON is the server's.
"""

from __future__ import annotations

import base64
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from huiyan.app import LocalDesk, open_desk, open_store
from huiyan.gateway.errors_wire import render_error
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.draw import TagLine, draw_tags, encode_png
from huiyan.imaging.font import find_font
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import InferenceError, ModelMissingError, RequestError, StoreError
from huiyan.kernel.ids import ProjectId, RegionId, new_request_id
from huiyan.kernel.language import Language
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.metering.model import NullMeter
from huiyan.recognition.model import LOCAL_PRINCIPAL, Caller
from huiyan.runtime.card import get_card
from huiyan.runtime.store import ModelStore
from huiyan.tagging.capability import PICTURE_LIMITS

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
FONT_CARD = "noto-sans-cjk-regular"

_err = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the command line asks of each picture."""

    language: Language
    threshold: float
    limit: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """One picture's answer, or its error, as the wire has it."""

    path: Path
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """The path as text that can always be printed, whatever bytes the name is made of."""
        return os.fsencode(self.path).decode("utf-8", "replace")

    @property
    def failed(self) -> bool:
        return "error_code" in self.body


@click.command()
@click.argument("pictures", nargs=-1, required=True)
@click.option(
    "--language",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="Language of tags. 标签语言。",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100),
    default=60.0,
    show_default=True,
    help="Least confidence in percent. 最低置信度（百分比）。",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 150),
    default=50,
    show_default=True,
    help="Most tags. 最多标签数。",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line a picture. 每图一行 JSON。")
@click.option(
    "--draw",
    "draw_to",
    type=click.Path(path_type=Path),
    help="Draw the tags into this PNG, or into this folder. 把标签画到该 PNG 或目录。",
)
@click.pass_obj
def tag(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    pictures: tuple[str, ...],
    *,
    language: Language,
    threshold: float,
    limit: int,
    as_json: bool,
    draw_to: Path | None,
) -> None:
    """Tag pictures: files, folders or globs · 给图片打标签：文件、目录或通配符."""
    paths = find_pictures(pictures)
    if not paths:
        raise click.UsageError("no picture found; give files, folders or globs · 没有找到图片")
    drawing = None if draw_to is None else _Drawing(settings, draw_to, single=len(paths) == 1)
    desk = open_desk(settings)
    wish = _Wish(language, threshold, limit)
    failed = 0
    for answer in _answers(desk, paths, wish, settings.resolved_compute_threads()):
        failed += answer.failed
        if as_json:
            line = {"file": answer.name, **answer.body}
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        else:
            _show(answer)
        if drawing is not None and not answer.failed:
            drawing.draw(answer)
    if failed:
        _err.print(f"{failed} of {len(paths)} pictures failed · {failed} 张图片失败", style="red")
        sys.exit(1)


def find_pictures(named: Sequence[str]) -> list[Path]:
    """Find the pictures that the command line names.

    Parameters
    ----------
    named : sequence of str
        Files as they are, folders with all below them that are named like pictures, and globs.

    Returns
    -------
    list of Path
        Each once, in the order named; the contents of folders and globs sorted.
    """
    found: dict[Path, None] = {}
    for name in named:
        path = Path(name)
        if path.is_dir():
            below = sorted(path.rglob("*"))
            found |= dict.fromkeys(p for p in below if p.suffix.lower() in PICTURE_SUFFIXES)
        elif has_magic(name) and not path.exists():
            found |= dict.fromkeys(sorted(map(Path, glob(name, recursive=True))))  # noqa: PTH207 -- absolute patterns too
        else:
            found[path] = None
    return list(found)


def _answers(
    desk: LocalDesk, paths: Sequence[Path], wish: _Wish, threads: int
) -> Iterator[_Answer]:
    """Answer for every picture in order, several at a time, with a progress bar for many."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with (
        ThreadPoolExecutor(threads) as pool,
        Progress(*columns, console=_err, transient=True, disable=len(paths) == 1) as progress,
    ):
        task = progress.add_task("tagging · 识别中", total=len(paths))
        for answer in pool.map(lambda path: _answer(desk, path, wish), paths):
            progress.advance(task)
            yield answer


def _answer(desk: LocalDesk, path: Path, wish: _Wish) -> _Answer:
    clock = SystemClock()
    caller = Caller(
        request_id=new_request_id(),
        principal=LOCAL_PRINCIPAL,
        project_id=ProjectId("local"),
        region=RegionId("local"),
        arrived=clock.now(),
        arrived_monotonic_s=clock.monotonic_s(),
    )
    try:
        body = msgspec.json.encode(
            {
                "image": base64.b64encode(path.read_bytes()).decode("ascii"),
                "language": wish.language,
                "threshold": wish.threshold,
                "limit": wish.limit,
            }
        )
    except OSError as error:
        return _Answer(path, {"error_code": "HY.0001", "error_msg": error.strerror or str(error)})
    try:
        reply = desk.recognition.answer(desk.tagging, body, caller, NullMeter())
    except (RequestError, InferenceError) as error:
        reply = render_error(error, caller.request_id).body
    return _Answer(path, msgspec.json.decode(reply))


def _show(answer: _Answer) -> None:
    console = Console()
    if answer.failed:
        _err.print(
            f"{answer.name}: {answer.body['error_code']} {answer.body['error_msg']}",
            style="red",
            markup=False,
        )
        return
    console.print(answer.name, style="bold", markup=False, soft_wrap=True)
    table = Table(header_style="bold")
    table.add_column("%", justify="right")
    table.add_column("tag · 标签")
    table.add_column("zh / en", style="dim")
    table.add_column("type · 类别")
    for entry in answer.body["result"]["tags"]:
        both = entry["i18n_tag"]
        table.add_row(
            entry["confidence"], entry["tag"], f"{both['zh']} / {both['en']}", entry["type"]
        )
    if table.rows:
        console.print(table)
    else:
        console.print("no tag at this threshold · 该阈值下没有标签", style="dim")


def _font_candidates(store: ModelStore) -> list[Path]:
    try:
        return [store.path(get_card(store.cards, FONT_CARD))]
    except ModelMissingError:
        return []


class _Drawing:
    """Draws tags beside pictures, into one file or a folder."""

    def __init__(self, settings: Settings, target: Path, *, single: bool) -> None:
        self._font = find_font(_font_candidates(open_store(settings)))
        self._to_file = single and target.suffix != "" and not target.is_dir()
        self._target = target
        self._drawn: Counter[str] = Counter()
        self._budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)

    def draw(self, answer: _Answer) -> None:
        """Draw one picture's tags."""
        target = self._target if self._to_file else self._target_in_folder(answer.path)
        image = decode(answer.path.read_bytes(), PICTURE_LIMITS, None, self._budget)
        lines = [
            TagLine(entry["tag"], float(entry["confidence"]) / 100)
            for entry in answer.body["result"]["tags"]
        ]
        drawn = encode_png(draw_tags(image.pixels, lines, self._font))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(drawn)
        except OSError as error:
            raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
        _err.print(f"drawn · 已绘制: {target}", markup=False, soft_wrap=True)

    def _target_in_folder(self, path: Path) -> Path:
        """Name the drawing after its picture; pictures of one name get numbers."""
        self._drawn[path.stem] += 1
        number = self._drawn[path.stem]
        return self._target / f"{path.stem}{'' if number == 1 else f'-{number}'}.tags.png"
