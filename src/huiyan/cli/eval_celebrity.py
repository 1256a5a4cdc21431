"""``huiyan eval celebrity``.

Owns: the command's options and how its figures are shown. Has no opinion on: how figures are
computed.
"""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from huiyan.assembly import Assembly
from huiyan.celebrity.calibration import load_calibration
from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.cli.eval_output import (
    ERR,
    OUT,
    SHOWN_UNREADABLE,
    folder_argument,
    json_option,
    print_unreadable,
    progress,
    two_columns,
    write_figures,
)
from huiyan.evaluation.celebrity import CelebrityEvaluator, CelebrityFigures
from huiyan.evaluation.identities import read_identities
from huiyan.evaluation.open_set import EnrolledFigures, Share
from huiyan.imaging.budget import MemoryBudget
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES

DEFAULT_DRAWS = 20


@click.command("celebrity", short_help="People against strangers · 评测名人识别")
@folder_argument
@json_option
@click.option(
    "--people",
    "most_people",
    type=click.IntRange(min=2),
    help="At most so many known people and strangers, spread evenly. 最多评测的人数（均匀抽取）。",
)
@click.option(
    "--draws",
    type=click.IntRange(1, 1000),
    default=DEFAULT_DRAWS,
    show_default=True,
    help="How often the enrolled photos are drawn. 抽取入库照片的次数。",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The same seed draws the same photos. 相同种子抽取相同照片。",
)
@click.pass_obj
def celebrity(  # noqa: PLR0913, PLR0917 -- one argument an option
    settings: Settings,
    folder: Path,
    json_path: Path | None,
    most_people: int | None,
    draws: int,
    seed: int,
) -> None:
    """Judge recognition of people: labels.csv (file, name, role), or a folder for each person.

    评测名人识别：labels.csv（列为 file、name、role），或每人一个文件夹。
    """
    files = read_identities(folder, most_people)
    reader = Assembly(settings).face_reader
    evaluator = CelebrityEvaluator(
        reader=reader,
        calibration=load_calibration(reader.model_id),
        limits=PICTURE_LIMITS,
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
        clock=SystemClock(),
    )
    with progress(len(files)) as advance:
        figures = evaluator.measure(files, draws, seed, advance)
    write_figures(figures, json_path, _print_figures)


def _print_figures(figures: CelebrityFigures) -> None:
    table = two_columns("People 人物")
    table.add_row("pictures 图片数", str(figures.picture_count))
    table.add_row("known people 已知人物", str(figures.known_count))
    table.add_row("strangers 陌生人", str(figures.stranger_count))
    table.add_row("no face found 未检出人脸", str(len(figures.without_face)))
    table.add_row("several faces 多张人脸", str(figures.several_faces_count))
    table.add_row("draws (seed) 抽取次数（种子）", f"{figures.draws} ({figures.seed})")
    table.add_row("pictures/s 每秒图片数", f"{figures.pictures_per_s:.1f}")
    OUT.print(table)
    enrolled = (figures.enrolled_one, figures.enrolled_three)
    OUT.print(_enrolled_table(tuple(it for it in enrolled if it is not None)))
    for pair in figures.suspects[:SHOWN_UNREADABLE]:
        files = escape(f"{pair.file} = {pair.other_file} ({pair.similarity:.2f})")
        ERR.print(f"[yellow]one person, two names? 疑似同一人：[/] {files}", highlight=False)
    if len(figures.suspects) > SHOWN_UNREADABLE:
        rest = len(figures.suspects) - SHOWN_UNREADABLE
        ERR.print(f"[yellow]one person, two names? 疑似同一人：[/] +{rest}", highlight=False)
    print_unreadable(tuple(f"{it}: no face 未检出人脸" for it in figures.without_face))
    print_unreadable(figures.unreadable)


def _enrolled_table(enrolled: tuple[EnrolledFigures, ...]) -> Table:
    table = Table(title="Recognition (95 % interval) 识别（95 % 区间）")
    table.add_column("photos of each person 每人照片数")
    for it in enrolled:
        table.add_column(f"{it.photos} ({it.gallery_size})", justify="right")
    rows = [
        ("rank-1 首位命中", [it.rank1 for it in enrolled]),
        ("found at 1 % false alarms 误报 1 % 时检出", [it.found_at_hundredth for it in enrolled]),
        (
            "found at 0.1 % false alarms 误报 0.1 % 时检出",
            [it.found_at_thousandth for it in enrolled],
        ),
        ("found at 0.9 置信度 0.9 时检出", [it.found_at_wire for it in enrolled]),
        ("wrong name at 0.9 认错", [it.misnamed_at_wire for it in enrolled]),
        ("stranger named at 0.9 陌生人误报", [it.false_names_at_wire for it in enrolled]),
    ]
    for place, point in enumerate(enrolled[0].det):
        shares = [it.det[place].missed for it in enrolled]
        rows.append((f"missed at {100 * point.false_alarm:g} % false alarms 漏检", shares))
    for heading, shares in rows:
        table.add_row(heading, *(_spell(share) for share in shares))
    return table


def _spell(share: Share) -> str:
    decimals = 1 if share.value >= 0.1 else 2
    low, high = (f"{100 * it:.{decimals}f}" for it in (share.low, share.high))
    return f"{100 * share.value:.{decimals}f} % ({low}–{high})"
