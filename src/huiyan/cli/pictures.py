"""Pictures that a command line names, each answered without a server.

Owns: which files the words of a command line mean, asking one operation about each of them, and how
a picture that failed is told. Has no opinion on: what is asked, and how answers are shown; the
server's own ``answer()`` finds them, so the JSON is the server's.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from huiyan.gateway.errors_wire import render_error
from huiyan.iam.audit.model import NullAuditLog
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import DamagedPictureError, InferenceError, RequestError
from huiyan.kernel.ids import ProjectId, RegionId, new_request_id
from huiyan.metering.model import NullMeter
from huiyan.recognition.model import LOCAL_PRINCIPAL, AnyCapability, Caller
from huiyan.recognition.service import RecognitionService

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
ERR = Console(stderr=True)

pictures_argument = click.argument("pictures", nargs=-1, required=True)
language_option = click.option(
    "--language",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="Language of tags. 标签语言。",
)
_IN_CHINESE = {
    "HY.0001": "无法读取文件",
    "AIS.0020": "图片文件过大",
    "AIS.0502": "不支持的图片格式",
    "AIS.0503": "图片已损坏",
    "AIS.0504": "图片尺寸不符合要求",
    "AIS.0505": "识别失败",
}
"""What people are told of a picture that failed, beside the wire's English."""

json_lines_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON line a picture. 每图一行 JSON。"
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about each picture.

    Parameters
    ----------
    capability : Capability
        The operation.
    fields : mapping of str to object
        The fields of its body beside the picture, as the wire names them.
    """

    capability: AnyCapability
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """One picture's answer, or its error, as the wire has it.

    Parameters
    ----------
    path : Path
        The picture.
    body : dict
        The JSON answer.
    """

    path: Path
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """The path as text that can always be printed, whatever bytes the name is made of.

        Returns
        -------
        str
            The path.
        """
        return os.fsencode(self.path).decode("utf-8", "replace")

    @property
    def failed(self) -> bool:
        """Whether the body is an error's.

        Returns
        -------
        bool
            True for an error.
        """
        return "error_code" in self.body


def find_pictures(named: Sequence[str]) -> list[Path]:
    """Find the pictures that the command line names.

    Parameters
    ----------
    named : sequence of str
        Files as they are, folders with all below them that are named like pictures, and globs.

    Returns
    -------
    list of Path
        Each once, in the order named; the contents of folders and globs sorted.
    """
    found: dict[Path, None] = {}
    for name in named:
        path = Path(name)
        if path.is_dir():
            below = sorted(path.rglob("*"))
            found |= dict.fromkeys(p for p in below if p.suffix.lower() in PICTURE_SUFFIXES)
        elif has_magic(name) and not path.exists():
            found |= dict.fromkeys(sorted(map(Path, glob(name, recursive=True))))  # noqa: PTH207 -- absolute patterns too
        else:
            found[path] = None
    return list(found)


def require_pictures(named: Sequence[str]) -> list[Path]:
    """Find the pictures that the command line names, of which there must be one.

    Parameters
    ----------
    named : sequence of str
        As for `find_pictures`.

    Returns
    -------
    list of Path
        At least one.

    Raises
    ------
    UsageError
        There is none.
    """
    paths = find_pictures(named)
    if not paths:
        raise click.UsageError("no picture found; give files, folders or globs · 没有找到图片")
    return paths


def ask_all(
    recognition: RecognitionService, question: Question, paths: Sequence[Path], threads: int
) -> Iterator[Answer]:
    """Ask about every picture, several at a time, with a progress bar for many.

    Parameters
    ----------
    recognition : RecognitionService
        The one way from body to answer.
    question : Question
        What is asked.
    paths : sequence of Path
        The pictures.
    threads : int
        How many at a time; at least 1.

    Yields
    ------
    Answer
        One a picture, in their order.
    """
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
        for answer in pool.map(lambda path: ask(recognition, question, path), paths):
            progress.advance(task)
            yield answer


def ask(recognition: RecognitionService, question: Question, path: Path) -> Answer:
    """Ask about one picture.

    Parameters
    ----------
    recognition : RecognitionService
        The one way from body to answer.
    question : Question
        What is asked.
    path : Path
        The picture.

    Returns
    -------
    Answer
        The answer or the error; a file that cannot be read is ``HY.0001``. Nothing is recorded.
    """
    clock = SystemClock()
    caller = Caller(
        request_id=new_request_id(),
        principal=LOCAL_PRINCIPAL,
        project_id=ProjectId("local"),
        region=RegionId("local"),
        arrived=clock.now(),
        arrived_monotonic_s=clock.monotonic_s(),
        address="",
    )
    try:
        data = path.read_bytes()
    except OSError as error:
        return Answer(path, {"error_code": "HY.0001", "error_msg": error.strerror or str(error)})
    text = base64.b64encode(data).decode("ascii")
    body = msgspec.json.encode({"image": text, **question.fields})
    try:
        if not data:
            # As base64 it would be a field left out, which is not what the person did.
            raise DamagedPictureError("the picture is empty")
        reply = recognition.answer(question.capability, body, caller, NullMeter(), NullAuditLog())
    except (RequestError, InferenceError) as error:
        reply = render_error(error, caller.request_id).body
    return Answer(path, msgspec.json.decode(reply))


def print_all(
    answers: Iterable[Answer],
    *,
    as_json: bool,
    show: Callable[[Answer], None],
    draw: Callable[[Answer], None] | None,
) -> None:
    """Print all answers as they come, errors too, and end the command where there were any.

    Parameters
    ----------
    answers : iterable of Answer
        The answers.
    as_json : bool
        A line of JSON each, errors too, in place of what `show` prints.
    show : callable
        Prints a good answer for people.
    draw : callable or None
        Draws a good answer; None where nothing is to be drawn.

    Raises
    ------
    SystemExit
        With status 1, after the last answer, where a picture failed.
    """
    failed = total = 0
    for answer in answers:
        total += 1
        failed += answer.failed
        if as_json:
            line = {"file": answer.name, **answer.body}
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        elif answer.failed:
            ERR.print(_tell(answer), style="red", markup=False, soft_wrap=True)
        else:
            show(answer)
        if draw is not None and not answer.failed:
            draw(answer)
    if failed:
        told = f"{failed} of {total} pictures failed · {total} 张图片中有 {failed} 张失败"
        ERR.print(told, style="red", soft_wrap=True)
        sys.exit(1)


def _tell(failed: Answer) -> str:
    code = failed.body["error_code"]
    told = f"{failed.name}: {code} {failed.body['error_msg']}"
    return f"{told} · {_IN_CHINESE[code]}" if code in _IN_CHINESE else told
