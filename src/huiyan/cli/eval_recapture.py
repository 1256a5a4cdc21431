"""``huiyan eval recapture``.

Owns: the command's options and how its figures are shown. Has no opinion on: how figures are
computed.
"""

from __future__ import annotations

import re
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
from huiyan.cli.recapture_words import MEDIUM_NAMES
from huiyan.evaluation.media_files import MEDIUM_BY_NAME, read_media
from huiyan.evaluation.open_set import Share
from huiyan.evaluation.recapture import RecaptureEvaluator
from huiyan.evaluation.recapture_figures import RecaptureFigures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.imaging.recompress import Recompression
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.recapture.model import Medium
from huiyan.recapture.wire import DEFAULT_THRESHOLD

SHOWN_COLLECTORS = 10
SHOWN_MISTAKES = 10
_LEFT_OUT = "skip"
_UNKNOWN = "–"
_WAY = re.compile(r"(\d{1,3})(?::(\d{1,5}))?")


def _read_way(value: str) -> Recompression | None:
    """Read how pictures are compressed anew; None for nothing."""
    if not value:
        return None
    found = _WAY.fullmatch(value)
    quality, side_px = (int(it or 0) for it in found.groups()) if found else (0, 0)
    if not 1 <= quality <= 100 or (side_px < 1 and ":" in value):
        raise click.BadParameter(
            f"{value}: give a JPEG quality from 1 to 100, or QUALITY:LONG_SIDE as 75:1600 · "
            "应为 JPEG 质量，或“质量:长边像素”，如 75:1600"
        )
    return Recompression(quality, side_px or None)


def _read_meanings(value: str) -> dict[str, Medium | None]:
    """Read what further labels mean; None leaves their pictures out."""
    meanings: dict[str, Medium | None] = {}
    for pair in value.split(",") if value else ():
        label, _, meaning = pair.partition("=")
        if not label or meaning not in {*MEDIUM_BY_NAME, _LEFT_OUT}:
            raise click.BadParameter(
                f"{pair}: give LABEL=MEDIUM, with {', '.join(MEDIUM_BY_NAME)} or {_LEFT_OUT} · "
                "应为 标签=介质"
            )
        meanings[label] = MEDIUM_BY_NAME.get(meaning)
    return meanings


def _check_way(_context: click.Context, _option: click.Parameter, value: str) -> str:
    _read_way(value)
    return value


def _check_meanings(_context: click.Context, _option: click.Parameter, value: str) -> str:
    _read_meanings(value)
    return value


@click.command("recapture", short_help="Screens and prints against originals · 评测翻拍检测")
@folder_argument
@click.option(
    "--threshold",
    type=NumberRange(0, 1),
    default=DEFAULT_THRESHOLD,
    show_default=True,
    help="From which probability a picture counts as recaptured. 判为翻拍的最低概率。",
)
@click.option(
    "--recompress",
    default="",
    callback=_check_way,
    metavar="QUALITY[:LONG_SIDE]",
    help="Write every picture anew as JPEG first, such as 75:1600, so that compression tells "
    "nothing. 先把每张图片统一重新压缩，如 75:1600。",
)
@click.option(
    "--as",
    "meanings",
    default="",
    callback=_check_meanings,
    metavar="LABEL=MEDIUM,...",
    help="What other labels mean, such as product=original,copy=print; skip leaves one out. "
    "其他标签的含义，如 product=original,copy=print；skip 表示略去。",
)
@json_option
@limit_option
@click.pass_obj
def recapture(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    folder: Path,
    *,
    threshold: float,
    recompress: str,
    meanings: str,
    json_path: Path | None,
    limit_count: int | None,
) -> None:
    """Judge recapture detection: labels.csv (file, label, collector), or folders real/screen/print.

    评测翻拍检测：labels.csv（列为 file、label、collector），或 real、screen、print 三个目录。
    """
    pictures = spread(read_media(folder, _read_meanings(meanings)), limit_count)
    evaluator = RecaptureEvaluator(
        judge=Assembly(settings).recapture,
        # All formats, so that sets may hold what the operation does not take from callers.
        limits=PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000),
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
        clock=SystemClock(),
        way=_read_way(recompress),
    )
    with progress(len(pictures)) as advance:
        figures = evaluator.measure(pictures, threshold, advance)
    write_figures(figures, json_path, _print_figures)
    require_judged(figures.picture_count, figures.unreadable)


def _print_figures(figures: RecaptureFigures) -> None:
    table = two_columns("Recapture (95 % interval) 翻拍检测（95 % 区间）")
    table.add_row("pictures 图片数", str(figures.picture_count))
    table.add_row("people who took them 拍摄者", str(figures.collector_count or _UNKNOWN))
    table.add_row("AUC", _spell_number(figures.auc))
    table.add_row("balanced accuracy at 0.5 平衡准确率", _spell(figures.balanced_accuracy))
    table.add_row("accuracy at 0.5 准确率", _spell(figures.accuracy))
    threshold = f"{figures.threshold:g}"
    table.add_row(
        f"originals accused at {threshold} 实拍误判为翻拍", _spell(figures.originals_accused)
    )
    table.add_row("recaptures passed 翻拍判为实拍", _spell(figures.recaptures_passed))
    table.add_row("uncertain 不确定", _spell(figures.uncertain))
    table.add_row("ECE 校准误差", _UNKNOWN if figures.ece is None else f"{figures.ece:.3f}")
    if figures.spread is not None:
        spread_ = figures.spread
        over = f"{spread_.lowest:.2f} · {spread_.lower_quartile:.2f} · {spread_.median:.2f}"
        people = f"of {spread_.collector_count} people"
        table.add_row(f"lowest · quartile · median {people}\n各人最低 · 四分位 · 中位", over)
    table.add_row("with a code 含条码", str(figures.with_code))
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    OUT.print(table)
    if figures.media:
        OUT.print(_media_table(figures))
    if figures.collectors:
        OUT.print(_collector_table(figures))
    if figures.reliability:
        title, truth = "Reliability 置信度校准", "recaptured 实为翻拍"
        OUT.print(reliability_table(title, figures.reliability, truth))
        _print_mistakes(figures)
    print_unreadable(figures.unreadable)


def _spell(share: Share | None) -> str:
    if share is None:
        return _UNKNOWN
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f}–{100 * share.high:.1f})"


def _spell_number(share: Share | None) -> str:
    if share is None:
        return _UNKNOWN
    return f"{share.value:.3f} ({share.low:.3f}–{share.high:.3f})"


def _media_table(figures: RecaptureFigures) -> Table:
    """Stand the media side by side: as rows, their figures do not fit into 80 columns."""
    table = Table(title="Media 介质")
    table.add_column("figure 指标")
    for row in figures.media:
        name = MEDIUM_NAMES[Medium(row.medium)]
        table.add_column(f"{name.en} {name.zh}", justify="right", no_wrap=True)
    table.add_row("pictures 图片数", *(str(it.picture_count) for it in figures.media))
    table.add_row("right at 0.5 正确", *(percent(it.decided.value) for it in figures.media))
    intervals = [f"{100 * it.decided.low:.1f}–{100 * it.decided.high:.1f}" for it in figures.media]
    table.add_row("  95 % interval 区间", *intervals)
    rows = {
        "medium named right 介质正确": [it.named for it in figures.media],
        "said genuine 判为实拍": [it.genuine for it in figures.media],
        "uncertain 不确定": [it.uncertain for it in figures.media],
        "said recaptured 判为翻拍": [it.recaptured for it in figures.media],
    }
    for heading, shares in rows.items():
        table.add_row(heading, *(percent(it.value) for it in shares))
    return table


def _collector_table(figures: RecaptureFigures) -> Table:
    shown = figures.collectors[:SHOWN_COLLECTORS]
    table = Table(title=f"Weakest people 最弱的拍摄者 ({len(shown)}/{len(figures.collectors)})")
    table.add_column("who 拍摄者", overflow="fold")
    for heading in ("original\n实拍", "recaptured\n翻拍", "AUC", "balanced accuracy\n平衡准确率"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in shown:
        counts = str(row.original_count), str(row.recaptured_count)
        shares = f"{row.auc:.3f}", percent(row.balanced_accuracy)
        table.add_row(escape(row.collector), *counts, *shares)
    return table


def _print_mistakes(figures: RecaptureFigures) -> None:
    wrong = [
        it for it in figures.judged if (it.recaptured >= 0.5) is (it.medium == Medium.ORIGINAL)
    ]
    if not wrong:
        return
    shown = wrong[:SHOWN_MISTAKES]
    table = Table(title=f"Most wrong 错得最多 ({len(shown)}/{len(wrong)})")
    table.add_column("file 文件", overflow="fold")
    table.add_column("truth 实际")
    table.add_column("recaptured 翻拍概率", justify="right")
    for it in shown:
        table.add_row(escape(it.file), it.medium, percent(it.recaptured))
    OUT.print(table)
