"""``huiyan celebrity import``: many photos, or an exported gallery, into a gallery.

Owns: the command, what it recognises its source by, and how the report looks. Has no opinion on:
what becomes of each photo.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, get_args

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.celebrity.gallery.csv_list import read_list
from huiyan.celebrity.gallery.folder import read_folder
from huiyan.celebrity.gallery.model import NewPhoto, Person, PersonFacts, PersonId
from huiyan.celebrity.gallery.photo_import import ImportRules, Outcome, PhotoImport, SameName
from huiyan.celebrity.gallery.source import PhotoFile, Unusable
from huiyan.cli.admin_output import json_option, show_fields, show_json, show_note
from huiyan.cli.celebrity_desk import (
    WRITE,
    OpenGallery,
    gallery,
    gallery_options,
    person_resource,
)
from huiyan.cli.celebrity_names import find_person
from huiyan.cli.celebrity_refusals import in_chinese
from huiyan.cli.pictures import ERR
from huiyan.imaging.budget import MemoryBudget
from huiyan.kernel.errors import OperatorError, StoreError
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES, FloatArray

_SHOWN_ROWS = 200
_FATES = {
    "added": "added 已添加",
    "odd": "added, but look like somebody else 已添加但不像同一人",
    "there": "already there 已存在",
    "refused": "refused 被拒绝",
}

_Source = Callable[[], Iterator[PhotoFile | Unusable]]


@click.command("import", short_help="Import folders, a list, or an export · 导入")
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="PATH")
@click.option(
    "--on-same-name",
    "same_name",
    type=click.Choice(get_args(SameName)),
    default="add",
    show_default=True,
    help="Photos of a name that one person has already: theirs, somebody new's, or left out. "
    "已有同名人物时：追加照片、新建人物或跳过。",
)
@click.option(
    "--strict",
    "is_strict",
    is_flag=True,
    help="Refuse photos that do not look like the person's others. 拒绝与本人其他照片不像的照片。",
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what became of each photo as CSV. 将每张照片的结果写入 CSV。",
)
@gallery_options
@json_option
@click.pass_obj
def import_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    source: Path,
    same_name: SameName,
    is_strict: bool,
    report_path: Path | None,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Import PATH: a folder with a folder for each person, a CSV list, or an exported gallery.

    导入 PATH：每人一个子目录的目录、CSV 列表，或导出的人脸库文件。

    What is there already is passed over, so an import that was interrupted is just run again.
    已存在的照片会跳过，中断后再次运行即可继续。
    """
    read = _recognise_source(source)
    with gallery(settings, account_name, project_name) as opened:
        if read is None:
            _import_export(opened, source, as_json=as_json)
            return
        rules = ImportRules(
            limits=PICTURE_LIMITS,
            keeps_pictures=opened.desk.service.describe(opened.scope).keeps_pictures,
            same_name=same_name,
            is_strict=is_strict,
            threads=settings.resolved_compute_threads(),
        )
        budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
        importing = PhotoImport(opened.desk.intake, _GalleryPeople(opened), budget, rules)
        with ExitStack() as stack:
            tally = _Tally(as_json=as_json)
            if report_path is not None:
                tally.report = stack.enter_context(_open_report(report_path))
            try:
                for outcome in _with_progress(read, importing):
                    tally.count(outcome)
            except KeyboardInterrupt:
                show_note("interrupted: run the same import again · 已中断，再次运行即可继续")
                raise
    tally.show()
    if tally.fates["refused"]:
        raise SystemExit(1)


def _recognise_source(path: Path) -> _Source | None:
    """Tell how a source is read; None for an exported gallery."""
    if path.is_dir():
        return partial(read_folder, path)
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror or error}") from error
    if start.startswith(b"{"):
        return None
    if path.suffix.lower() in {".csv", ".tsv", ".txt"}:
        return partial(read_list, path)
    raise OperatorError(
        f"{path} is neither a folder, nor a list that ends in .csv, nor an exported gallery"
    )


def _import_export(opened: OpenGallery, path: Path, *, as_json: bool) -> None:
    with path.open("rb") as file:
        done = opened.do(
            WRITE,
            "",
            partial(opened.desk.service.import_, opened.scope, file),
            {"deed": "import"},
        )
    counts = {"people": str(done.people_added), "photos": str(done.photos_added)}
    opened.tell(WRITE, "", {"deed": "import", **counts}, reason="done")
    record: dict[str, object] = {
        "people_added": done.people_added,
        "people_there": done.people_known,
        "photos_added": done.photos_added,
        "photos_there": done.photos_known,
        "refused": [f"{it.where}: {it.reason}" for it in done.refusals],
    }
    show_json(record) if as_json else show_fields(record)
    if done.refusals:
        raise SystemExit(1)


def _with_progress(read: _Source, importing: PhotoImport) -> Iterator[Outcome]:
    """Import with a bar that knows its end, where somebody can see it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    is_quiet = not ERR.is_terminal
    total = None if is_quiet else sum(1 for _ in read())
    with Progress(*columns, console=ERR, transient=True, disable=is_quiet) as progress:
        task = progress.add_task("photos · 导入中", total=total)
        for outcome in importing.run(read()):
            progress.advance(task)
            yield outcome


def _open_report(path: Path) -> IO[str]:
    """Open a new file that only its owner may read: names and ids stand in it side by side."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        return os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
    except FileExistsError as error:
        raise StoreError(f"{path} is there already: name another file for the report") from error
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


@dataclass(slots=True)
class _Tally:
    """Counts what became of photos, and keeps what a person has to look at."""

    as_json: bool
    report: IO[str] | None = None
    fates: Counter[str] = field(default_factory=Counter)
    new_people: int = 0
    notable: list[Outcome] = field(default_factory=list)
    left_out: int = 0
    """Notable ones that are counted only, so that a huge import stays small."""

    def count(self, outcome: Outcome) -> None:
        if self.report is not None:
            writer = csv.writer(self.report)
            if not self.fates:
                writer.writerow(("photo", "result", "reason", "person"))
            row = (outcome.name, outcome.fate, in_chinese(outcome.reason), outcome.person_id or "")
            writer.writerow(map(_harmless, row))
            self.report.flush()
        self.fates[outcome.fate] += 1
        self.new_people += outcome.is_new
        if outcome.reason and (self.as_json or len(self.notable) < _SHOWN_ROWS):
            self.notable.append(outcome)
        elif outcome.reason:
            self.left_out += 1

    def show(self) -> None:
        if self.as_json:
            rows = [
                {"photo": it.name, "result": it.fate, "reason": it.reason, "person": it.person_id}
                for it in self.notable
            ]
            fates = {fate: self.fates[fate] for fate in _FATES}
            show_json({"new_people": self.new_people, **fates, "photos": rows})
            return
        console = Console()
        if self.notable:
            table = Table(box=SIMPLE_HEAD, padding=0)
            for heading in ("photo\n照片", "result\n结果", "why\n原因"):
                table.add_column(heading, overflow="fold")
            for it in self.notable:
                reason = in_chinese(it.reason)
                table.add_row(*map(Text, (it.name, it.fate, reason)))
            console.print(table)
        if self.left_out:
            console.print(f"… {self.left_out} more; see --report · 其余见 --report")
        counts = [f"{self.fates[fate]} {told}" for fate, told in _FATES.items() if self.fates[fate]]
        console.print(f"photos 照片: {', '.join(counts) or 0}", highlight=False, soft_wrap=True)
        console.print(f"new people 新人物: {self.new_people}", highlight=False)


def _harmless(cell: str) -> str:
    """Keep a spreadsheet from taking a file's name for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell


@dataclass(frozen=True, slots=True)
class _GalleryPeople:
    """The gallery as an import sees it; every change is told to the audit log."""

    opened: OpenGallery

    def find_by_id(self, text: str) -> Person | None:
        return find_person(self.opened, text)

    def find_by_name(self, facts: PersonFacts) -> Sequence[Person]:
        names = [name for name in (facts.name_zh, facts.name_en) if name]
        return self.opened.desk.service.find_people_by_name(self.opened.scope, *names)

    def digests(self, person_id: PersonId) -> frozenset[str]:
        photos = self.opened.desk.service.list_photos(self.opened.scope, person_id)
        return frozenset(photo.digest for photo in photos)

    def likeness(self, person_id: PersonId, embeddings: FloatArray) -> FloatArray:
        return self.opened.desk.service.likeness(self.opened.scope, person_id, embeddings)

    def add_person(self, facts: PersonFacts, photos: Sequence[NewPhoto]) -> Person:
        deed = partial(self.opened.desk.service.add_person, self.opened.scope, facts, photos)
        return self.opened.make_person(deed, len(photos)).person

    def add_photos(self, person_id: PersonId, photos: Sequence[NewPhoto]) -> None:
        self.opened.do(
            WRITE,
            person_resource(person_id),
            partial(self.opened.desk.service.add_photos, self.opened.scope, person_id, photos),
            {"deed": "addPhotos", "photos": str(len(photos))},
        )
