"""``huiyan tag``: tags of pictures on this machine, answered without a server.

Owns: what is asked, and how tags are shown. Has no opinion on: which files are meant and how
answers are found (``pictures``), and how tags are drawn (``imaging``).
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
    ask,
    ask_all,
    json_lines_option,
    language_option,
    pictures_argument,
    print_all,
    require_pictures,
)
from huiyan.imaging.draw import TagLine, draw_tags
from huiyan.imaging.draw_boxes import draw_boxes
from huiyan.imaging.picture import PictureLimits
from huiyan.kernel.errors import StoreError
from huiyan.kernel.language import Language
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import PixelArray
from huiyan.labelling.wire import MAX_LIMIT
from huiyan.local import open_desk
from huiyan.recognition.service import RecognitionService
from huiyan.vocabulary.load import load_vocabulary


@click.command(short_help="Tag pictures · 给图片打标签")
@pictures_argument
@click.option("--media", is_flag=True, help="As media tagging answers. 按媒资图像标签回答。")
@language_option
@click.option(
    "--threshold",
    type=NumberRange(0, 100),
    default=60.0,
    show_default=True,
    help="Least confidence in percent. 最低置信度（百分比）。",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 150),
    help="Most tags; 50, with --media 10. 最多标签数；默认 50，加 --media 时 10。",
)
@json_lines_option
@click.option(
    "--draw",
    "draw_to",
    type=click.Path(path_type=Path),
    help="Draw the tags, with --media also where they are, into this PNG or this folder. "
    "把标签画到该 PNG 或目录；加 --media 时也画位置框。",
)
@click.pass_obj
def tag(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    pictures: tuple[str, ...],
    *,
    media: bool,
    language: Language,
    threshold: float,
    limit: int | None,
    as_json: bool,
    draw_to: Path | None,
) -> None:
    """Tag pictures: files, folders or globs.

    给图片打标签：文件、目录或通配符。
    """
    paths = require_pictures(pictures)
    target = None
    if draw_to is not None:
        target = DrawingTarget(settings, draw_to, single=len(paths) == 1, suffix=".tags.png")
    desk = open_desk(settings)
    fields: dict[str, object] = {"language": language, "threshold": threshold}
    if limit is not None:
        fields["limit"] = limit
    question = Question(desk.media_tagging if media else desk.tagging, fields)
    answers = ask_all(desk.recognition, question, paths, settings.resolved_compute_threads())
    draw = None
    if target is not None:
        drawing = _TagDrawing(target, question.capability.limits)
        draw = drawing.draw
        if media:
            places = {**fields, "limit": MAX_LIMIT}
            where = Question(desk.media_tagging_det, places)
            draw = _MediaDrawing(drawing, desk.recognition, where, BoxNames(load_vocabulary())).draw
    print_all(answers, as_json=as_json, show=_show, draw=draw)


def _show(answer: Answer) -> None:
    console = Console()
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


@dataclass(frozen=True, slots=True)
class _TagDrawing:
    """Draws the tags of answers beside their pictures."""

    target: DrawingTarget
    limits: PictureLimits

    def draw(self, answer: Answer) -> None:
        self.draw_beside(answer, self.target.decode(answer.path, self.limits).pixels)

    def draw_beside(self, answer: Answer, pixels: PixelArray) -> None:
        lines = [
            TagLine(entry["tag"], float(entry["confidence"]) / 100)
            for entry in answer.body["result"]["tags"]
        ]
        self.target.write(answer.path, draw_tags(pixels, lines, self.target.font_path))


@dataclass(frozen=True, slots=True)
class _MediaDrawing:
    """Draws the tags of answers, and boxes where they are seen."""

    panel: _TagDrawing
    recognition: RecognitionService
    where: Question
    names: BoxNames

    def draw(self, answer: Answer) -> None:
        target = self.panel.target
        image = target.decode(answer.path, self.panel.limits)
        # The list has no boxes on the wire, so they are asked for.
        places = ask(self.recognition, self.where, answer.path)
        if places.failed:
            raise StoreError(f"{answer.name} has changed: {places.body['error_msg']}")
        said = {entry["tag"] for entry in answer.body["result"]["tags"]}
        tags = [entry for entry in places.body["result"]["tags"] if entry["tag"] in said]
        boxes = self.names.lines(tags, image)
        self.panel.draw_beside(answer, draw_boxes(image.pixels, boxes, target.font_path))
