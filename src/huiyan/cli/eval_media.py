"""``huiyan eval media``.

Owns: the command's options and how its figures are shown. Has no opinion on: how figures are
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
from huiyan.evaluation.boxes import read_boxed
from huiyan.evaluation.labelled import Half
from huiyan.evaluation.media import MediaEvaluator, MediaFigures, take_half
from huiyan.evaluation.people import PeopleFigures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.perception.detector import COCO80_NAMES

SHOWN_KINDS = 10


@click.command("media", short_help="Media tags against boxed objects · 评测媒资标签")
@folder_argument
@click.option(
    "--half",
    type=click.Choice([half.value for half in Half]),
    default=Half.ALL.value,
    show_default=True,
    help="Which part, by a hash of the file name. 按文件名哈希取哪一半。",
)
@json_option
@limit_option
@click.pass_obj
def media(
    settings: Settings, folder: Path, half: str, json_path: Path | None, limit_count: int | None
) -> None:
    """Judge media tags against boxed objects: labels.json, or COCO's own form.

    对照物体标注评测媒资标签：labels.json，或 COCO 格式。
    """
    boxed = take_half(read_boxed(folder, COCO80_NAMES), Half(half))
    pictures = spread(boxed, limit_count)
    evaluator = MediaEvaluator(
        labeller=Assembly(settings).labeller,
        limits=PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000),
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
        clock=SystemClock(),
    )
    with progress(len(pictures)) as advance:
        figures = evaluator.measure(pictures, advance)
    write_figures(figures, json_path, _print)
    require_judged(figures.picture_count, figures.unreadable)


def _print(figures: MediaFigures) -> None:
    table = two_columns("Media tagging 媒资标签")
    table.add_row("pictures 图片数", str(figures.picture_count))
    table.add_row("kinds of object 物体类别数", str(figures.kind_count))
    table.add_row("mAP, all models together 融合", _known(figures.map_fused))
    table.add_row("mAP, detector alone 仅检测", _known(figures.map_detector))
    table.add_row("mAP, detector without slices 仅整图检测", _known(figures.map_whole))
    table.add_row("mAP, classifier alone 仅分类", _known(figures.map_classifier))
    gain = "–" if figures.gain is None else f"{100 * figures.gain:+.1f}"
    table.add_row("gain over the best alone, points 提升（百分点）", gain)
    table.add_row("ECE (15 equal-mass bins 等量分箱)", f"{figures.ece:.4f}")
    table.add_row("precision at 0.60 准确率", _known(figures.precision))
    table.add_row("recall at 0.60 召回率", _known(figures.recall))
    table.add_row("tags a picture at 0.60 每图标签数", f"{figures.tags_per_picture:.1f}")
    table.add_row("count of people right 人数正确", _known(figures.people.accuracy))
    table.add_row("ECE of counts 人数 ECE", f"{figures.people.ece:.4f}")
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    OUT.print(table)
    OUT.print(reliability_table("Reliability 置信度校准", figures.reliability))
    OUT.print(_people_table(figures.people))
    if figures.kinds:
        OUT.print(_kind_table(figures))
    print_unreadable(figures.unreadable)


def _known(share: float | None) -> str:
    return "–" if share is None else percent(share)


def _people_table(people: PeopleFigures) -> Table:
    table = Table(title="People 人数")
    for heading in ("people 人数", "n", "said 判为", "right 正确"):
        table.add_column(heading, justify="right")
    for row in people.groups:
        counts = (row.picture_count, row.said_count, row.right_count)
        table.add_row(row.people, *map(str, counts))
    return table


def _kind_table(figures: MediaFigures) -> Table:
    shown = figures.kinds[:SHOWN_KINDS]
    table = Table(title=f"Weakest kinds 最弱类别 ({len(shown)}/{len(figures.kinds)})")
    table.add_column("kind 类别")
    for heading in ("n", "AP", "detector 检测", "whole 整图", "classifier 分类"):
        table.add_column(heading, justify="right")
    for row in shown:
        precisions = (row.ap, row.ap_detector, row.ap_whole, row.ap_classifier)
        table.add_row(escape(row.name), str(row.picture_count), *map(percent, precisions))
    return table
