"""``huiyan detect``: what is where on pictures of this machine, answered without a server.

Owns: what is asked, and how tags with boxes are shown. Has no opinion on: which files are meant and
how answers are found (``pictures``), and how boxes are drawn (``imaging.draw_boxes``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from huiyan.cli.boxes import BoxNames
from huiyan.cli.drawing import DrawingTarget
from huiyan.cli.numbers import NumberRange
from huiyan.cli.pictures import (
    Answer,
    Question,
    ask_all,
    json_lines_option,
    language_option,
    pictures_argument,
    print_all,
    require_pictures,
)
from huiyan.imaging.draw_boxes import draw_boxes
from huiyan.kernel.language import Language
from huiyan.kernel.settings import Settings, override_settings
from huiyan.labelling.wire import MAX_LIMIT
from huiyan.local import open_desk
from huiyan.media_tagging.capability import PICTURE_LIMITS
from huiyan.perception.detector import Slicing
from huiyan.vocabulary.load import load_vocabulary


@click.command(short_help="Find what is where · 检测物体及其位置")
@pictures_argument
@language_option
@click.option(
    "--threshold",
    type=NumberRange(0, 100),
    default=20.0,
    show_default=True,
    help="Least confidence of a box in percent. 位置框的最低置信度（百分比）。",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    default=MAX_LIMIT,
    show_default=True,
    help="Most tags, with all their boxes. 最多标签数（每个标签含全部位置框）。",
)
@click.option(
    "--slicing",
    type=click.Choice([one.value for one in Slicing]),
    help="How closely to look for small things; else as set. 小物体的分块检测程度；默认取设置。",
)
@json_lines_option
@click.option(
    "--draw",
    "draw_to",
    type=click.Path(path_type=Path),
    help="Draw the boxes into this PNG, or into this folder. 把位置框画到该 PNG 或目录。",
)
@click.pass_obj
def detect(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    pictures: tuple[str, ...],
    *,
    language: Language,
    threshold: float,
    limit: int,
    slicing: str | None,
    as_json: bool,
    draw_to: Path | None,
) -> None:
    """Find what is where in pictures: files, folders or globs.

    检测图片中有什么、在哪里：文件、目录或通配符。
    """
    paths = require_pictures(pictures)
    drawing = None
    if draw_to is not None:
        target = DrawingTarget(settings, draw_to, single=len(paths) == 1, suffix=".boxes.png")
        drawing = _BoxDrawing(target, BoxNames(load_vocabulary()))
    desk = open_desk(override_settings(settings, {"detector_slicing": slicing}))
    fields = {"language": language, "threshold": threshold, "limit": limit}
    question = Question(desk.media_tagging_det, fields)
    answers = ask_all(desk.recognition, question, paths, settings.resolved_compute_threads())
    draw = None if drawing is None else drawing.draw
    print_all(answers, as_json=as_json, show=_show, draw=draw)


@dataclass(frozen=True, slots=True)
class _BoxDrawing:
    """Draws the boxes of answers."""

    target: DrawingTarget
    names: BoxNames

    def draw(self, answer: Answer) -> None:
        image = self.target.decode(answer.path, PICTURE_LIMITS)
        boxes = self.names.lines(answer.body["result"]["tags"], image)
        self.target.write(answer.path, draw_boxes(image.pixels, boxes, self.target.font_path))


def _show(answer: Answer) -> None:
    console = Console()
    console.print(answer.name, style="bold", markup=False, soft_wrap=True)
    table = Table(header_style="bold")
    table.add_column("%", justify="right")
    table.add_column("tag · 标签")
    table.add_column("zh / en", style="dim")
    table.add_column("type · 类别")
    table.add_column("x, y", justify="right", no_wrap=True)
    table.add_column("px", justify="right", no_wrap=True)
    for entry in answer.body["result"]["tags"]:
        both = entry["i18n_tag"]
        words = [entry["tag"], f"{both['zh']} / {both['en']}", entry["type"]]
        for instance in entry["instances"]:
            box = instance["bounding_box"]
            corner = f"{box['top_left_x']}, {box['top_left_y']}"
            size = f"{box['width']} × {box['height']}"
            table.add_row(instance["confidence"], *words, corner, size)
            words = ["", "", ""]
    if table.rows:
        console.print(table)
    else:
        console.print("no box at this threshold · 该阈值下没有位置框", style="dim")
