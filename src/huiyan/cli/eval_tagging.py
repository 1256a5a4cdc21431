"""``huiyan eval tagging`` and ``huiyan eval coverage``.

Owns: the two commands' options and how their figures are shown. Has no opinion on: how figures are
computed.
"""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from huiyan.assembly import Assembly
from huiyan.cli.eval_output import (
    OUT,
    folder_argument,
    json_option,
    limit_option,
    percent,
    print_unreadable,
    progress,
    reliability_table,
    require_judged,
    spread,
    two_columns,
    write_figures,
)
from huiyan.cli.numbers import NumberRange
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


@click.command("tagging", short_help="Tags against labels · 评测标签")
@folder_argument
@click.option(
    "--half",
    type=click.Choice([half.value for half in Half]),
    default=Half.ALL.value,
    show_default=True,
    help="Which part, by a hash of the file name; the calibration saw none of held-out. "
    "按文件名哈希取哪一半；校准未使用 held-out。",
)
@json_option
@limit_option
@click.pass_obj
def tagging(
    settings: Settings, folder: Path, half: str, json_path: Path | None, limit_count: int | None
) -> None:
    """Judge tags against labels: labels.csv, or one folder for each class.

    对照标注评测标签：labels.csv，或每个类别一个子目录。
    """
    evaluator = _open_evaluator(settings)
    labelled = read_labelled(folder, evaluator.labeller.vocabulary, Half(half))
    pictures = spread(labelled, limit_count)
    with progress(len(pictures)) as advance:
        figures = evaluator.measure(pictures, advance)
    write_figures(figures, json_path, _print_tagging)
    require_judged(figures.picture_count, figures.unreadable)


@click.command("coverage", short_help="How many pictures get a tag · 有标签的图片占比")
@folder_argument
@click.option(
    "--threshold",
    type=NumberRange(0, 1),
    default=DEFAULT_THRESHOLD,
    show_default=True,
    help="Least confidence of a tag. 标签的最低置信度。",
)
@json_option
@limit_option
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
    pictures = spread(find_pictures(folder), limit_count)
    with progress(len(pictures)) as advance:
        figures = evaluator.cover(pictures, threshold, advance)
    write_figures(figures, json_path, _print_coverage)
    require_judged(figures.picture_count, figures.unreadable)


def _open_evaluator(settings: Settings) -> TaggingEvaluator:
    return TaggingEvaluator(
        labeller=Assembly(settings).labeller,
        limits=PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000),
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
        clock=SystemClock(),
    )


def _print_tagging(figures: TaggingFigures) -> None:
    table = two_columns("Tagging 图像标签")
    table.add_row("pictures 图片数", str(figures.picture_count))
    table.add_row("top-1", percent(figures.top1))
    table.add_row("top-5", percent(figures.top5))
    table.add_row("ECE top-1 (15 equal-mass bins 等量分箱)", f"{figures.ece_top1:.4f}")
    table.add_row("ECE all tags ≥ 0.05 全部标签", f"{figures.ece_tags:.4f}")
    table.add_row("coverage at 0.60 覆盖率", percent(figures.coverage))
    table.add_row("precision at 0.60 准确率", percent(figures.precision))
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    OUT.print(table)
    OUT.print(reliability_table("Reliability of top-1 置信度校准", figures.top1_reliability))
    OUT.print(_class_table(figures))
    print_unreadable(figures.unreadable)


def _print_coverage(figures: CoverageFigures) -> None:
    table = two_columns("Coverage 覆盖率")
    table.add_row("pictures 图片数", str(figures.picture_count))
    table.add_row("threshold 阈值", f"{figures.threshold:.2f}")
    table.add_row("with a tag 有标签", percent(figures.coverage))
    table.add_row("by the classes alone 仅按模型类别", percent(figures.coverage_by_outputs))
    table.add_row("tags a picture 每图标签数", f"{figures.tags_per_picture:.1f}")
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    OUT.print(table)
    print_unreadable(figures.unreadable)


def _class_table(figures: TaggingFigures) -> Table:
    table = Table(title=f"Weakest classes 最弱类别 ({SHOWN_CLASSES}/{len(figures.classes)})")
    table.add_column("class 类别")
    for heading in ("n", "top-1", "top-5"):
        table.add_column(heading, justify="right")
    for row in figures.classes[:SHOWN_CLASSES]:
        name = escape(row.name)
        table.add_row(name, str(row.picture_count), percent(row.top1), percent(row.top5))
    return table
