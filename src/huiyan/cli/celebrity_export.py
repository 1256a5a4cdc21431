"""``huiyan celebrity export`` and ``reembed``: galleries that move, and networks that change.

Owns: both commands, and that an export is written whole or not at all. Has no opinion on: the
file's form, and how embeddings are made.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import click

from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.source import read_photo
from huiyan.cli.admin_output import (
    confirm,
    json_option,
    show_fields,
    show_json,
    show_note,
    yes_option,
)
from huiyan.cli.celebrity_desk import EXPORT, WRITE, gallery, gallery_options
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.kernel.errors import InferenceError, RequestError, StoreError
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES, FloatArray

_STANDARD_OUTPUT = Path("-")


@click.command("export", short_help="Write the gallery to a file · 导出")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--pictures", "with_pictures", is_flag=True, help="Kept pictures, too. 同时导出保存的图片。"
)
@gallery_options
@click.pass_obj
def export_command(
    settings: Settings,
    *,
    file: Path,
    with_pictures: bool,
    account_name: str | None,
    project_name: str | None,
) -> None:
    """Write the project's own gallery to FILE, for `huiyan celebrity import` elsewhere.

    将项目人脸库导出到 FILE，可在其他机器上用 import 导入。

    The file is not encrypted: it holds names and what tells faces apart.
    文件未加密，含姓名与人脸特征，请妥善保管。
    """
    if file != _STANDARD_OUTPUT and file.exists():
        raise StoreError(f"{file} is there already: name another file")
    with gallery(settings, account_name, project_name) as opened:
        service = opened.desk.service

        def write() -> None:
            lines = service.export(opened.scope, pictures=with_pictures)
            if file == _STANDARD_OUTPUT:
                for line in lines:
                    sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            else:
                _write_whole(file, lines)

        opened.do(EXPORT, "", write, {"pictures": str(with_pictures).lower()})
    if file != _STANDARD_OUTPUT:
        show_note(f"written, not encrypted · 已写入（未加密）: {file}")


def _write_whole(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file that only its owner may read; it gets its name when it is whole."""
    try:
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            for line in lines:
                file.write(line)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        Path(part).unlink(missing_ok=True)


@click.command("reembed", short_help="After another face network · 重算特征")
@click.option(
    "--originals",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with the photos that the gallery was made of, for those whose picture is not "
    "kept. 原照片目录，用于未保存图片的照片。",
)
@click.option(
    "--drop-rest",
    "drops_rest",
    is_flag=True,
    help="Remove photos that cannot be made anew. 删除无法重算的照片。",
)
@yes_option
@gallery_options
@json_option
@click.pass_obj
def reembed(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    originals: Path | None,
    drops_rest: bool,
    is_confirmed: bool,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Make the gallery's embeddings anew with the present face network; may be run again.

    用当前的人脸模型重算人脸库特征，可重复运行。
    """
    if drops_rest:
        confirm(
            "Photos that cannot be made anew will be removed for good. "
            "将永久删除无法重算的照片。Go on?",
            is_confirmed=is_confirmed,
        )
    files = {} if originals is None else _index(originals)
    with gallery(settings, account_name, project_name) as opened:
        budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
        done = opened.do(
            WRITE,
            "",
            partial(
                opened.desk.service.reembed,
                opened.scope,
                partial(_embed, opened.desk.intake, budget),
                lambda digest: _read_original(files, digest),
                drop_rest=drops_rest,
            ),
            {"deed": "reembed", "dropRest": str(drops_rest).lower()},
        )
        counts = {"photos": str(done.done), "left": str(done.left_count)}
        opened.tell(WRITE, "", {"deed": "reembed", **counts}, reason="done")
    record: dict[str, object] = {
        "done": done.done,
        "left": done.left_count,
        "left_ids": list(done.left),
        "switched": done.switched,
    }
    show_json(record) if as_json else show_fields(record)
    if not done.switched:
        show_note(
            "photos are left that need their original: give --originals FOLDER, or --drop-rest · "
            "部分照片需要原图：请用 --originals 指定目录，或用 --drop-rest 删除"
        )


def _index(folder: Path) -> dict[str, Path]:
    """Find every photo below a folder by its digest."""
    files: dict[str, Path] = {}
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                data = read_photo(path, PICTURE_LIMITS.max_file_bytes)
                files[hashlib.sha256(data).hexdigest()] = path
        except (OSError, RequestError):
            continue  # no photo of the gallery: it was none when it came either
    return files


def _read_original(files: dict[str, Path], digest: str) -> bytes | None:
    path = files.get(digest)
    if path is None:
        return None
    try:
        return read_photo(path, PICTURE_LIMITS.max_file_bytes)
    except (OSError, RequestError):
        return None


def _embed(intake: Intake, budget: MemoryBudget, data: bytes) -> FloatArray | None:
    try:
        image = decode(data, PICTURE_LIMITS, intake.min_short_side_px, budget)
        return intake.judge(image, data, keeps_picture=False).embedding
    except (RequestError, InferenceError):
        return None
