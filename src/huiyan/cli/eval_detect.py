"""``huiyan eval detect``.

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
    require_judged,
    spread,
    two_columns,
    write_figures,
)
from huiyan.evaluation.boxes import read_boxed
from huiyan.evaluation.detection import DetectionEvaluator, DetectionFigures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.perception.detector import COCO80_NAMES, Slicing

SHOWN_CLASSES = 10


@click.command("detect", short_help="Boxes against labels · 评测物体检测框")
@folder_argument
@click.option(
    "--slicing",
    type=click.Choice([slicing.value for slicing in Slicing]),
    default=Slicing.STANDARD.value,
    show_default=True,
    help="How closely each picture is looked at. 切片检测的精细程度。",
)
@json_option
@limit_option
@click.pass_obj
def detect(
    settings: Settings, folder: Path, slicing: str, json_path: Path | None, limit_count: int | None
) -> None:
    """Judge boxes of objects against labels: labels.json, or COCO's own form.

    对照标注评测物体检测框：labels.json，或 COCO 格式。
    """
    pictures = spread(read_boxed(folder, COCO80_NAMES), limit_count)
    evaluator = DetectionEvaluator(
        detector=Assembly(settings).detector,
        limits=PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000),
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
        clock=SystemClock(),
    )
    with progress(len(pictures)) as advance:
        figures = evaluator.measure(pictures, Slicing(slicing), advance)
    write_figures(figures, json_path, _print)
    require_judged(figures.picture_count, figures.unreadable)


def _print(figures: DetectionFigures) -> None:
    table = two_columns("Detection 物体检测")
    table.add_row("pictures 图片数", str(figures.picture_count))
    table.add_row("objects 物体数", str(figures.box_count))
    table.add_row("slicing 切片", figures.slicing)
    table.add_row("AP (IoU .50–.95)", _known(figures.ap))
    table.add_row("AP50", _known(figures.ap50))
    table.add_row("AP75", _known(figures.ap75))
    table.add_row("AP small 小物体 (< 32² px)", _known(figures.ap_small))
    table.add_row("AP medium 中等物体", _known(figures.ap_medium))
    table.add_row("AP large 大物体 (> 96² px)", _known(figures.ap_large))
    table.add_row("inferences a picture 每图推理次数", str(figures.inferences_per_picture))
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    OUT.print(table)
    if figures.classes:
        OUT.print(_class_table(figures))
    print_unreadable(figures.unreadable)


def _known(share: float | None) -> str:
    return "–" if share is None else percent(share)


def _class_table(figures: DetectionFigures) -> Table:
    shown = figures.classes[:SHOWN_CLASSES]
    table = Table(title=f"Weakest classes 最弱类别 ({len(shown)}/{len(figures.classes)})")
    table.add_column("class 类别")
    for heading in ("n", "AP"):
        table.add_column(heading, justify="right")
    for row in shown:
        table.add_row(escape(row.name), str(row.box_count), percent(row.ap))
    return table
