"""``huiyan eval``.

Owns: the commands' options, the progress bar and how figures are printed. Has no opinion on: how
figures are computed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from huiyan.app import open_tagging
from huiyan.evaluation.figures import ReliabilityBin
from huiyan.evaluation.labelled import Half, find_pictures, read_labelled
from huiyan.evaluation.tagging import (
    DEFAULT_THRESHOLD,
    CoverageFigures,
    TaggingEvaluator,
    TaggingFigures,
)
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES

SHOWN_CLASSES = 10
SHOWN_UNREADABLE = 5
STANDARD_OUTPUT = Path("-")

_out = Console()
_err = Console(stderr=True)
_Item = TypeVar("_Item")

_folder = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_json = click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write all figures to a file, - for standard output. 把全部指标写入文件，- 为标准输出。",
)
_limit = click.option(
    "--limit",
    "limit_count",
    type=click.IntRange(min=1),
    help="At most so many pictures, spread evenly. 最多评测的图片数（均匀抽取）。",
)


@click.group("eval")
def evaluate() -> None:
    """Measure quality on your own pictures.

    用自己的图片评测质量。
    """


@evaluate.command("tagging")
@_folder
@click.option(
    "--half",
    type=click.Choice([half.value for half in Half]),
    default=Half.ALL.value,
    show_default=True,
    help="Which part, by a hash of the file name; the calibration saw none of held-out. "
    "按文件名哈希取哪一半；校准未使用 held-out。",
)
@_json
@_limit
@click.pass_obj
def tagging(
    settings: Settings, folder: Path, half: str, json_path: Path | None, limit_count: int | None
) -> None:
    """Judge tags against labels: labels.csv, or one folder for each class.

    对照标注评测标签：labels.csv，或每个类别一个子目录。
    """
    evaluator = _open_evaluator(settings)
    labelled = read_labelled(folder, evaluator.recogniser.vocabulary, Half(half))
    pictures = _spread(labelled, limit_count)
    with _progress(len(pictures)) as advance:
        figures = evaluator.measure(pictures, advance)
    _write(figures, json_path, _print_tagging)


@evaluate.command("coverage")
@_folder
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=DEFAULT_THRESHOLD,
    show_default=True,
    help="Least confidence of a tag. 标签的最低置信度。",
)
@_json
@_limit
@click.pass_obj
def coverage(
    settings: Settings,
    folder: Path,
    threshold: float,
    json_path: Path | None,
    limit_count: int | None,
) -> None:
    """Tell how many pictures get any tag; no labels are needed.

    有标签输出的图片占比，无需标注。
    """
    evaluator = _open_evaluator(settings)
    pictures = _spread(find_pictures(folder), limit_count)
    with _progress(len(pictures)) as advance:
        figures = evaluator.cover(pictures, threshold, advance)
    _write(figures, json_path, _print_coverage)


def _open_evaluator(settings: Settings) -> TaggingEvaluator:
    return TaggingEvaluator(
        recogniser=open_tagging(settings),
        limits=PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000),
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
        clock=SystemClock(),
    )


def _spread(items: Sequence[_Item], limit_count: int | None) -> tuple[_Item, ...]:
    """Take at most so many items, evenly over the whole, so that a list by class keeps its mix."""
    if limit_count is None or limit_count >= len(items):
        return tuple(items)
    return tuple(items[place * len(items) // limit_count] for place in range(limit_count))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err) as progress:
        task = progress.add_task("pictures 图片", total=total)
        yield lambda: progress.advance(task)


_Figures = TypeVar("_Figures", TaggingFigures, CoverageFigures)


def _write(figures: _Figures, json_path: Path | None, show: Callable[[_Figures], None]) -> None:
    if json_path is None:
        show(figures)
        return
    text = json.dumps(asdict(figures), indent=2, ensure_ascii=False)
    if json_path == STANDARD_OUTPUT:
        click.echo(text)
        return
    try:
        json_path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(json_path), str(error)) from error
    show(figures)


def _print_tagging(figures: TaggingFigures) -> None:
    table = _two_columns("Tagging 图像标签")
    table.add_row("pictures 图片数", str(figures.picture_count))
    table.add_row("top-1", _percent(figures.top1))
    table.add_row("top-5", _percent(figures.top5))
    table.add_row("ECE top-1 (15 equal-mass bins 等量分箱)", f"{figures.ece_top1:.4f}")
    table.add_row("ECE all tags ≥ 0.05 全部标签", f"{figures.ece_tags:.4f}")
    table.add_row("coverage at 0.60 覆盖率", _percent(figures.coverage))
    table.add_row("precision at 0.60 准确率", _percent(figures.precision))
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    _out.print(table)
    _out.print(_reliability_table("Reliability of top-1 置信度校准", figures.top1_reliability))
    _out.print(_class_table(figures))
    _print_unreadable(figures.unreadable)


def _print_coverage(figures: CoverageFigures) -> None:
    table = _two_columns("Coverage 覆盖率")
    table.add_row("pictures 图片数", str(figures.picture_count))
    table.add_row("threshold 阈值", f"{figures.threshold:.2f}")
    table.add_row("with a tag 有标签", _percent(figures.coverage))
    table.add_row("by the classes alone 仅按模型类别", _percent(figures.coverage_by_outputs))
    table.add_row("tags a picture 每图标签数", f"{figures.tags_per_picture:.1f}")
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    _out.print(table)
    _print_unreadable(figures.unreadable)


def _print_unreadable(unreadable: tuple[str, ...]) -> None:
    for line in unreadable[:SHOWN_UNREADABLE]:
        _err.print(f"[yellow]unreadable 无法读取:[/] {escape(line)}", highlight=False)
    if len(unreadable) > SHOWN_UNREADABLE:
        rest = len(unreadable) - SHOWN_UNREADABLE
        _err.print(f"[yellow]unreadable 无法读取:[/] +{rest}", highlight=False)


def _two_columns(title: str) -> Table:
    table = Table(title=title, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    return table


def _reliability_table(title: str, bins: tuple[ReliabilityBin, ...]) -> Table:
    table = Table(title=title)
    for heading in ("n", "from 从", "to 至", "claimed 置信度", "right 正确"):
        table.add_column(heading, justify="right")
    for row in bins:
        values = (row.lowest, row.highest, row.mean_confidence, row.share_right)
        table.add_row(str(row.count), *(f"{value:.3f}" for value in values))
    return table


def _class_table(figures: TaggingFigures) -> Table:
    table = Table(title=f"Weakest classes 最弱类别 ({SHOWN_CLASSES}/{len(figures.classes)})")
    table.add_column("class 类别")
    for heading in ("n", "top-1", "top-5"):
        table.add_column(heading, justify="right")
    for row in figures.classes[:SHOWN_CLASSES]:
        name = escape(row.name)
        table.add_row(name, str(row.picture_count), _percent(row.top1), _percent(row.top5))
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
