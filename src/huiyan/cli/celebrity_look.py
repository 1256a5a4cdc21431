"""``huiyan celebrity recognise`` and ``search``: who is in pictures.

Owns: both commands, how their answers are shown and drawn, and that a search in a project's gallery
is told to its audit log. Has no opinion on: who is whom, and how sure that is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from huiyan.celebrity.capability import INTERFACE, PICTURE_LIMITS, celebrity_capabilities
from huiyan.celebrity.gallery.source import read_photo
from huiyan.celebrity.model import Candidate, CelebrityParams, Sighting
from huiyan.celebrity.recogniser import CelebrityRecogniser, Lookup, Reader, tell
from huiyan.celebrity.wire import DEFAULT_THRESHOLD
from huiyan.cli.admin_output import as_operator_errors, show_json
from huiyan.cli.celebrity_desk import (
    SEARCH,
    OpenGallery,
    gallery,
    gallery_options,
    has_installation,
)
from huiyan.cli.drawing import DrawingTarget
from huiyan.cli.numbers import NumberRange
from huiyan.cli.pictures import (
    PICTURE_SUFFIXES,
    Answer,
    Question,
    ask_all,
    json_lines_option,
    pictures_argument,
    print_all,
    require_pictures,
)
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.draw_boxes import BoxLine, draw_boxes
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES, FloatArray
from huiyan.local import open_recognition, open_starter
from huiyan.persistence.query import Scope

_DRAWN_CONFIDENCE = 0.5
"""A name beside a face is believed, whatever number stands behind it."""

_ACTION = f"image:{INTERFACE}:run"
_NO_PROJECT = Scope(AccountId("local"), ProjectId("local"))


def _check_target(
    _context: click.Context, _option: click.Parameter, value: Path | None
) -> Path | None:
    """Refuse a picture that is there: drawings never overwrite one."""
    if value is not None and not value.is_dir():
        if value.exists():
            raise click.BadParameter(f"{value} is there already · 文件已存在，请换一个文件名")
        if value.suffix.lower() in PICTURE_SUFFIXES - {".png"}:
            raise click.BadParameter(f"{value}: drawings are PNG files · 结果为 PNG 文件")
    return value


_draw_option = click.option(
    "--draw",
    "draw_to",
    type=click.Path(path_type=Path),
    callback=_check_target,
    help="Draw boxes and names into this PNG or this folder. 把位置框和姓名画到该 PNG 或目录。",
)


@click.command("recognise", short_help="Who is in pictures · 识别名人")
@pictures_argument
@click.option(
    "--threshold",
    type=NumberRange(0, 1),
    default=DEFAULT_THRESHOLD,
    show_default=True,
    help="Least confidence of a name, 0 to 1. 姓名的最低置信度（0 至 1）。",
)
@json_lines_option
@_draw_option
@gallery_options
@click.pass_obj
def recognise(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    pictures: tuple[str, ...],
    *,
    threshold: float,
    as_json: bool,
    draw_to: Path | None,
    account_name: str | None,
    project_name: str | None,
) -> None:
    """Name the known people in pictures: files, folders or globs.

    识别图片中的名人：文件、目录或通配符。

    Where Huiyan was started before, the project's own people are looked for, too.
    若本机已有慧眼服务的数据，也会使用项目自己的人脸库。
    """
    paths = require_pictures(pictures)
    draw = None
    if draw_to is not None:
        single = len(paths) == 1
        target = DrawingTarget(settings, draw_to, single=single, suffix=".people.png")
        draw = _Drawing(target).draw
    with _open_known(settings, account_name, project_name) as known:
        recogniser = CelebrityRecogniser(known.reader, known.lookup)
        watched = _Watched(recogniser, known)
        capability = replace(celebrity_capabilities(recogniser)[0], recognise=watched.recognise)
        question = Question(capability, {"threshold": threshold})
        threads = settings.resolved_compute_threads()
        answers = ask_all(open_recognition(settings), question, paths, threads)
        print_all(answers, as_json=as_json, show=_show, draw=draw)


@dataclass(frozen=True, slots=True)
class _Known:
    """Who can be named here."""

    reader: Reader
    lookup: Lookup
    opened: OpenGallery | None

    @property
    def scope(self) -> Scope:
        return _NO_PROJECT if self.opened is None else self.opened.scope


@contextmanager
def _open_known(
    settings: Settings, account_name: str | None, project_name: str | None
) -> Iterator[_Known]:
    """Open the project's gallery with the starter gallery, or the starter gallery alone."""
    with ExitStack() as stack:
        if has_installation(settings):
            opened = stack.enter_context(gallery(settings, account_name, project_name))
            yield _Known(opened.desk.reader, opened.desk.memory, opened)
            return
        if account_name is not None or project_name is not None:
            raise OperatorError(
                f"there is no installation in {settings.data_dir}, and so no project's gallery: "
                "leave --account and --project out, or name its folder with --data-dir"
            )
        stack.enter_context(as_operator_errors())
        starter = open_starter(settings)
        yield _Known(starter.reader, starter.memory, None)


class _Watched:
    """Recognises in one project, and tells its audit log who was named."""

    def __init__(self, recogniser: CelebrityRecogniser, known: _Known) -> None:
        self._recogniser = recogniser
        self._known = known
        self._telling = threading.Lock()

    def recognise(self, image: Image, params: CelebrityParams, _scope: Scope) -> Sighting:
        sighting = self._recogniser.recognise(image, params, self._known.scope)
        if self._known.opened is not None:
            # Several pictures are worked on at once; the log is one thread's at a time.
            with self._telling:
                self._known.opened.tell(_ACTION, "", tell(sighting))
        return sighting


def _show(answer: Answer) -> None:
    console = Console()
    console.print(answer.name, style="bold", markup=False, soft_wrap=True)
    table = Table(header_style="bold")
    table.add_column("confidence · 置信度", justify="right")
    table.add_column("name · 姓名")
    table.add_column("x, y", justify="right")
    table.add_column("px", justify="right")
    for entry in answer.body["result"]:
        box = entry["face_detail"]
        table.add_row(
            f"{entry['confidence']:.4f}",
            entry["label"],
            f"{box['x']}, {box['y']}",
            f"{box['w']} × {box['h']}",
        )
    if table.rows:
        console.print(table)
    else:
        console.print("nobody known at this threshold · 该阈值下没有已知人物", style="dim")


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Draws the people of answers."""

    target: DrawingTarget

    def draw(self, answer: Answer) -> None:
        boxes = []
        for entry in answer.body["result"]:
            place = entry["face_detail"]
            left, top = float(place["x"]), float(place["y"])
            xyxy = (left, top, left + place["w"], top + place["h"])
            boxes.append(BoxLine(xyxy, entry["label"], entry["confidence"], entry["label"]))
        draw_faces(self.target, answer.path, boxes)


def draw_faces(target: DrawingTarget, path: Path, boxes: list[BoxLine]) -> None:
    """Draw faces into a picture.

    Parameters
    ----------
    target : DrawingTarget
        Where the drawing goes.
    path : Path
        The picture.
    boxes : list of BoxLine
        The faces, in px of the full upright picture.
    """
    image = target.decode(path, PICTURE_LIMITS)
    height, width = image.pixels.shape[:2]
    scale = np.array([width / image.size_wh[0], height / image.size_wh[1]] * 2)
    scaled = []
    for box in boxes:
        left, top, right, bottom = (scale * box.xyxy).tolist()
        scaled.append(replace(box, xyxy=(left, top, right, bottom)))
    target.write(path, draw_boxes(image.pixels, scaled, target.font_path))


@click.command("search", short_help="Who it may be, face by face · 查找")
@click.argument("picture", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--count",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="Candidates a face. 每张人脸的候选人数。",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
@_draw_option
@gallery_options
@click.pass_obj
def search(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    picture: Path,
    count: int,
    as_json: bool,
    draw_to: Path | None,
    account_name: str | None,
    project_name: str | None,
) -> None:
    """Tell for every face of PICTURE who it may be, however unsure.

    列出 PICTURE 中每张人脸最像的人，不论置信度高低。
    """
    target = None
    if draw_to is not None:
        target = DrawingTarget(settings, draw_to, single=True, suffix=".people.png")
    with gallery(settings, account_name, project_name) as opened:
        desk = opened.desk
        budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
        data = read_photo(picture, PICTURE_LIMITS.max_file_bytes)
        image = decode(data, PICTURE_LIMITS, desk.reader.min_short_side_px, budget)
        readings = desk.reader.read(image)
        found: tuple[tuple[Candidate, ...], ...] = ()
        if len(readings.side_px):
            found = desk.memory.identify(opened.scope, readings.embeddings, readings.side_px, count)
        ids = dict.fromkeys(it.person.id for candidates in found for it in candidates)
        opened.tell(SEARCH, "", {"faces": str(len(readings.side_px)), "people": " ".join(ids)})
        faces = list(zip(readings.faces.xyxy, found, strict=True))
    if as_json:
        show_json([_face_record(xyxy, candidates) for xyxy, candidates in faces])
    else:
        _show_faces(faces)
    if target is not None:
        draw_faces(target, picture, number_boxes(faces))


def number_boxes(faces: Sequence[tuple[FloatArray, tuple[Candidate, ...]]]) -> list[BoxLine]:
    """Give faces the numbers of the table, with a name where one is likely.

    Parameters
    ----------
    faces : sequence of (ndarray of shape (4,), tuple of Candidate)
        Boxes (left, top, right, bottom) in px, each with who it may be, the likeliest first.

    Returns
    -------
    list of BoxLine
        One a face, in their order.
    """
    boxes = []
    for number, (xyxy, candidates) in enumerate(faces, 1):
        left, top, right, bottom = xyxy.tolist()
        confidence = candidates[0].confidence if candidates else 0.0
        name = candidates[0].person.facts.label if confidence >= _DRAWN_CONFIDENCE else ""
        label = f"#{number} {name}".rstrip()
        boxes.append(BoxLine((left, top, right, bottom), label, confidence, name))
    return boxes


def _face_record(xyxy: FloatArray, candidates: tuple[Candidate, ...]) -> dict[str, object]:
    return {
        "xyxy": [round(float(edge), 1) for edge in xyxy],
        "candidates": [
            {
                "id": it.person.id,
                "name_zh": it.person.facts.name_zh,
                "name_en": it.person.facts.name_en,
                "origin": it.person.origin,
                "confidence": round(it.confidence, 4),
                "similarity": round(it.similarity, 4),
            }
            for it in candidates
        ],
    }


def _show_faces(faces: list[tuple[FloatArray, tuple[Candidate, ...]]]) -> None:
    console = Console()
    if not faces:
        console.print("no face · 没有人脸", style="dim")
    for number, (xyxy, candidates) in enumerate(faces, 1):
        left, top, right, bottom = (round(float(edge)) for edge in xyxy)
        place = f"{left}, {top}, {right - left} × {bottom - top} px"
        table = Table(title=f"face 人脸 {number}: {place}", title_justify="left")
        table.add_column("conf.\n置信度", justify="right")
        table.add_column("cosine\n相似度", justify="right")
        table.add_column("name\n姓名", overflow="fold")
        table.add_column("gallery\n人脸库")
        table.add_column("id", no_wrap=True)
        for it in candidates:
            facts = it.person.facts
            table.add_row(
                f"{it.confidence:.4f}",
                f"{it.similarity:.3f}",
                " / ".join(name for name in (facts.name_zh, facts.name_en) if name),
                it.person.origin,
                it.person.id,
            )
        console.print(table)
