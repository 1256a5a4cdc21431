"""``huiyan eval subject``.

Owns: the command's options and how its figures are shown. Has no opinion on: how figures are
computed.
"""

from __future__ import annotations

from pathlib import Path

import click

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
from huiyan.evaluation.subject import SubjectEvaluator, SubjectFigures, read_masked
from huiyan.imaging.budget import MemoryBudget
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.subject.capability import PICTURE_LIMITS


@click.command("subject", short_help="Main subjects against masks · 评测主体识别")
@folder_argument
@json_option
@limit_option
@click.pass_obj
def subject(
    settings: Settings, folder: Path, json_path: Path | None, limit_count: int | None
) -> None:
    """Judge main subjects against masks: labels.csv with image and mask.

    对照掩码评测主体识别：labels.csv，列为 image 与 mask。
    """
    pictures = spread(read_masked(folder), limit_count)
    evaluator = SubjectEvaluator(
        recogniser=Assembly(settings).subject,
        limits=PICTURE_LIMITS,
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
        clock=SystemClock(),
    )
    with progress(len(pictures)) as advance:
        figures = evaluator.measure(pictures, advance)
    write_figures(figures, json_path, _print_figures)
    require_judged(figures.picture_count, figures.unreadable)


def _print_figures(figures: SubjectFigures) -> None:
    table = two_columns("Main subject 主体识别")
    table.add_row("pictures 图片数", str(figures.picture_count))
    at_best = f"{figures.max_f:.3f} ({figures.max_f_threshold:.2f})"
    table.add_row("max F (threshold) 最大 F 值（阈值）", at_best)
    table.add_row("mean F 平均 F 值", f"{figures.mean_f:.3f}")
    table.add_row("MAE 平均绝对误差", f"{figures.mae:.4f}")
    table.add_row("box IoU 位置框交并比", f"{figures.box_iou:.3f}")
    table.add_row("box IoU > 0.5", percent(figures.box_over_half))
    table.add_row("box IoU > 0.75", percent(figures.box_over_three_quarters))
    table.add_row("no subject 无主体", str(figures.without_subject))
    table.add_row("several 多个主体", str(figures.with_several))
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    OUT.print(table)
    print_unreadable(figures.unreadable)
