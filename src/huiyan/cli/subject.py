"""``huiyan subject``: the main subject of pictures on this machine, and what is made of it.

Owns: the command's options and how answers are shown. Has no opinion on: how subjects are found and
how pictures are edited.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from huiyan.assembly import Assembly
from huiyan.cli.drawing import HERE, DrawingTarget, check_place, check_target
from huiyan.cli.numbers import NumberRange
from huiyan.cli.pictures import (
    ERR,
    Answer,
    json_lines_option,
    language_option,
    pictures_argument,
    print_all,
    require_pictures,
)
from huiyan.cli.subject_files import RANK_NAMES, Wishes, make, name_pictures
from huiyan.gateway.errors_wire import render_error
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.header import read_header
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError, RequestError
from huiyan.kernel.ids import new_request_id
from huiyan.kernel.language import Bilingual, Language
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.subject.capability import PICTURE_LIMITS
from huiyan.subject.crop import parse_aspect
from huiyan.subject.edit import DEFAULT_BLUR_PERCENT, SubjectEdits
from huiyan.subject.layout import Layout
from huiyan.subject.model import SubjectParams
from huiyan.subject.recogniser import SubjectRecogniser
from huiyan.subject.wire import DEFAULT_THRESHOLD_PERCENT, LABEL_OF_RANK, render_v3

_MAX_EDITED_PIXELS = 24_000_000
"""Larger pictures are edited reduced: an edit takes some 27 bytes a pixel."""

_EDITED_AT_ONCE = 2
"""So that a folder of large pictures stays below 1.5 GB, whatever the machine."""

_RANK_OF_LABEL = {label: rank for rank, label in LABEL_OF_RANK.items()}
_SIDES = {
    "left": Bilingual(zh="左侧", en="left"),
    "top": Bilingual(zh="上方", en="top"),
    "right": Bilingual(zh="右侧", en="right"),
    "bottom": Bilingual(zh="下方", en="bottom"),
}


def _parse_aspects(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        try:
            parse_aspect(value)
        except ValueError as error:
            raise click.BadParameter(f"{error} · 宽高比应形如 1:1 或 16:9") from error
    return values


@click.command(short_help="Main subject: cut out, blur, crop · 主体识别")
@pictures_argument
@click.option(
    "--threshold",
    type=NumberRange(0, 100),
    default=DEFAULT_THRESHOLD_PERCENT,
    show_default=True,
    help="Least confidence of a subject in percent. 主体的最低置信度（百分比）。",
)
@language_option
@json_lines_option
@click.option(
    "--cutout",
    is_flag=False,
    flag_value=HERE,
    callback=check_target,
    metavar="[OUT]",
    help="Cut the subject out as PNG with alpha, into a file or folder OUT, else into --into. "
    "抠出主体（带透明通道的 PNG），写入 OUT 文件或目录，不写则写入 --into。",
)
@click.option(
    "--blur",
    is_flag=False,
    flag_value=HERE,
    callback=check_target,
    metavar="[OUT]",
    help="Blur the background, into OUT likewise. 虚化背景，同样写入 OUT。",
)
@click.option(
    "--blur-percent",
    type=NumberRange(0.1, 20),
    default=DEFAULT_BLUR_PERCENT,
    show_default=True,
    help="Strength of the blur, percent of the long side. 虚化强度（长边的百分比）。",
)
@click.option(
    "--crop",
    "aspects",
    multiple=True,
    callback=_parse_aspects,
    metavar="W:H",
    help="Crop to this shape around the subject, such as 1:1, into --into; may be repeated. "
    "按该宽高比（如 1:1）围绕主体裁剪，写入 --into，可重复。",
)
@click.option(
    "--draw",
    is_flag=False,
    flag_value=HERE,
    callback=check_target,
    metavar="[OUT]",
    help="Draw boxes and the mask's outline, into OUT likewise. "
    "画出位置框与主体轮廓，同样写入 OUT。",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=HERE,
    show_default=True,
    help="Folder for results without a path of their own. 未单独指定路径的结果写入此目录。",
)
@click.pass_obj
def subject(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    pictures: tuple[str, ...],
    *,
    threshold: float,
    language: Language,
    as_json: bool,
    cutout: str | None,
    blur: str | None,
    blur_percent: float,
    aspects: tuple[str, ...],
    draw: str | None,
    into: Path,
) -> None:
    """Find the main subject of pictures; cut it out, blur what is behind it, crop around it.

    识别图片主体，并可抠图、虚化背景、围绕主体裁剪。
    """
    paths = require_pictures(pictures)
    for option, named in (("--cutout", cutout), ("--blur", blur), ("--draw", draw)):
        if named is not None and named != HERE:
            check_place(Path(named), single=len(paths) == 1, option=option)

    def place(given: str | None) -> Path | None:
        return None if given is None else into if given == HERE else Path(given)

    draw_to, font_path = place(draw), None
    if draw_to is not None:
        target = DrawingTarget(settings, draw_to, single=len(paths) == 1, suffix=".subject.png")
        font_path = target.font_path
    wishes = Wishes(
        cutout=place(cutout),
        blur=place(blur),
        draw=draw_to,
        into=into,
        aspects=aspects,
        blur_percent=blur_percent,
        font_path=font_path,
        language=language,
    )
    studio = _Studio(
        recogniser=Assembly(settings).subject,
        params=SubjectParams(threshold / 100),
        wishes=wishes,
        names=name_pictures(paths),
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
    )
    threads = settings.resolved_compute_threads()
    if wishes.needs_pixels:
        threads = min(threads, _EDITED_AT_ONCE)
    answers = _answers(studio, paths, threads)
    print_all(answers, as_json=as_json, show=_show, draw=None)


@dataclass(frozen=True, slots=True)
class _Studio:
    """Answers for pictures and makes what is wished for."""

    recogniser: SubjectRecogniser
    params: SubjectParams
    wishes: Wishes
    names: dict[Path, str]
    budget: MemoryBudget

    def answer(self, path: Path) -> Answer:
        try:
            body = self._see(path)
        except OSError as error:
            body = {"error_code": "HY.0001", "error_msg": error.strerror or str(error)}
        except (RequestError, InferenceError) as error:
            body = msgspec.json.decode(render_error(error, new_request_id()).body)
        return Answer(path, body)

    def _see(self, path: Path) -> dict[str, Any]:
        image = self._decode(path.read_bytes())
        sight = self.recogniser.look(image)
        subjects = tuple(one for one in sight.subjects if one.confidence >= self.params.threshold)
        body: dict[str, Any] = msgspec.json.decode(render_v3(subjects, self.params))
        body |= {"width": sight.size_wh[0], "height": sight.size_wh[1]}
        body |= {"layout": None, "written": [], "clipped": []}
        # Even where only one of several reaches the threshold, edits keep all of them together.
        if subjects and sight.main is not None:
            edits = SubjectEdits(image, sight, sight.main)
            is_single = len(self.names) == 1
            made = make(edits, subjects, self.wishes, self.names[path], is_single=is_single)
            body["layout"] = asdict(edits.layout())
            body["written"] = [str(one) for one in made.written]
            body["clipped"] = [str(one) for one in made.clipped]
        return body

    def _decode(self, data: bytes) -> Image:
        needed_px = self.recogniser.min_short_side_px
        if not self.wishes.needs_pixels:
            return decode(data, PICTURE_LIMITS, needed_px, self.budget)
        width, height = read_header(data).size_wh
        if width * height <= _MAX_EDITED_PIXELS:
            return decode(data, PICTURE_LIMITS, None, self.budget)
        half_px = max(needed_px, min(width, height) // 2)
        return decode(data, PICTURE_LIMITS, half_px, self.budget)


def _answers(studio: _Studio, paths: Sequence[Path], threads: int) -> Iterator[Answer]:
    """Answer for every picture in order, several at a time, with a progress bar for many."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    is_quiet = len(paths) == 1 or not ERR.is_terminal
    with (
        ThreadPoolExecutor(threads) as pool,
        Progress(*columns, console=ERR, transient=True, disable=is_quiet) as progress,
    ):
        task = progress.add_task("pictures · 识别中", total=len(paths))
        for answer in pool.map(studio.answer, paths):
            progress.advance(task)
            yield answer


def _show(answer: Answer) -> None:
    console = Console()
    console.print(answer.name, style="bold", markup=False, soft_wrap=True)
    table = Table(header_style="bold")
    table.add_column("%", justify="right")
    table.add_column("subject · 主体")
    table.add_column("x, y", justify="right")
    table.add_column("px", justify="right")
    for entry in answer.body["result"]:
        name, box = RANK_NAMES[_RANK_OF_LABEL[entry["label"]]], entry["location"]
        table.add_row(
            entry["confidence"],
            f"{name.en} · {name.zh}",
            f"{box['top_left_x']:.0f}, {box['top_left_y']:.0f}",
            f"{box['width']:.0f} × {box['height']:.0f}",
        )
    if not table.rows:
        console.print("no subject at this threshold · 该阈值下没有主体", style="dim")
        return
    console.print(table)
    console.print(_layout_table(Layout(**answer.body["layout"])))
    for path in answer.body["written"]:
        note = ""
        if path in answer.body["clipped"]:
            note = "  (the subject does not fit into this shape · 该比例放不下整个主体)"
        ERR.print(f"written · 已写入: {path}{note}", markup=False, soft_wrap=True)


def _layout_table(layout: Layout) -> Table:
    table = Table(show_header=False)
    table.add_column()
    table.add_column()
    place, roomiest = layout.place, _SIDES[layout.roomiest]
    table.add_row("place · 位置", f"{place.en} · {place.zh}")
    covers = f"{layout.area_percent:.1f} % (box · 位置框 {layout.box_percent:.1f} %)"
    table.add_row("covers · 占画面", covers)
    table.add_row("headroom · 头顶空间", f"{layout.top_percent:.1f} %")
    margins = (
        f"{_SIDES[side].en} {side_percent:.1f} %"
        for side, side_percent in (
            ("left", layout.left_percent),
            ("right", layout.right_percent),
            ("bottom", layout.bottom_percent),
        )
    )
    table.add_row("margins · 边距 (左/右/下)", " · ".join(margins))
    table.add_row("most room · 最空", f"{roomiest.en} · {roomiest.zh}")
    return table
