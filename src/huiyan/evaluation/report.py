"""The quality page, made of the records of evaluations.

Owns: turning records into the page's tables, and filling the page's template, which holds the
prose. Has no opinion on: which figures are worth showing (`huiyan.evaluation.report_tables`), how
they were computed, and where the page is kept.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any

from huiyan.evaluation.record import Record
from huiyan.evaluation.report_cells import percent
from huiyan.evaluation.report_tables import CHAPTERS, Chapter, Listing, Row
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings

TEMPLATE_FILE = "quality.md.in"
PAGE = "docs/quality.md"

_HELD_OUT = ("--half", "held-out")
_DEFAULT_SLICING = Settings.model_fields["detector_slicing"].default
_UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Source:
    """A record and the file that it was in.

    Parameters
    ----------
    file_name : str
        Without the folders above it.
    record : Record
        What the file holds.
    """

    file_name: str
    record: Record


def read_template() -> str:
    """Read the page's prose.

    Returns
    -------
    str
        Markdown, with a ``$name`` for each chapter, ``$origin`` and ``$made_by``.
    """
    file = resources.files("huiyan.evaluation") / "data" / TEMPLATE_FILE
    return file.read_text(encoding="utf-8")


def render_page(sources: Sequence[Source]) -> str:
    """Write the quality page.

    Parameters
    ----------
    sources : sequence of Source
        At least one. Several of one kind stand side by side, in this order.

    Returns
    -------
    str
        Markdown. It names folders and files without where they lie.

    Raises
    ------
    OperatorError
        There is none, one is of an unknown kind, or a figure is missing.
    """
    if not sources:
        raise OperatorError(
            "a quality page needs the figures of at least one evaluation · 至少需要一份评测结果"
        )
    known = {chapter.kind for chapter in CHAPTERS}
    for source in sources:
        if source.record.kind not in known:
            raise OperatorError(
                f"{source.file_name}: no evaluation {source.record.kind!r} · 未知的评测"
            )
    chapters = {chapter.kind: _render_chapter(chapter, sources) for chapter in CHAPTERS}
    names = " ".join(shlex.quote(source.file_name) for source in sources)
    return Template(read_template()).substitute(
        **chapters,
        origin=_render_origin(sources),
        made_by=f"huiyan eval report {names} --write {PAGE}",
    )


def _render_origin(sources: Sequence[Source]) -> str:
    """Say what was measured, once for each kind of set-up."""
    lines = dict.fromkeys(
        f"Huiyan {record.huiyan}, {record.engine}, {record.cores} cores"
        for record in (source.record for source in sources)
    )
    return "; ".join(lines)


def _render_chapter(chapter: Chapter, sources: Sequence[Source]) -> str:
    chosen = [source for source in sources if source.record.kind == chapter.kind]
    if not chosen:
        return f"Not measured for this page: `huiyan eval {chapter.kind} DIR`."
    headings = [_render_run(chapter, source.record) for source in chosen]
    rows = [
        (row.heading, *(_render_figure(row, source) for source in chosen), row.meaning)
        for row in chapter.rows
    ]
    parts = [_render_table(("figure", *headings, "meaning"), rows)]
    largest = max(chosen, key=lambda source: _figure(source, "picture_count"))
    unseen = next((it for it in chosen if _HELD_OUT in it.record.options.items()), largest)
    for listing in chapter.listings:
        parts += _render_listing(chapter, listing, largest)
    for key, title, truth in chapter.reliability:
        said = f"Reliability, {title}, {_render_run(chapter, unseen.record)}:"
        parts += _render_reliability(said, _figure(unseen, key), truth, unseen)
    commands = "\n".join(_render_command(chapter, source) for source in chosen)
    parts.append(f"```\n{commands}\n```")
    return "\n\n".join(parts)


def _render_listing(chapter: Chapter, listing: Listing, source: Source) -> list[str]:
    items: list[dict[str, Any]] | None = _figure(source, listing.key)
    if not items:
        return []
    shown = items if listing.shown_count is None else items[: listing.shown_count]
    rows = [
        tuple(
            _UNKNOWN if (value := _value(item, key, source)) is None else write(value)
            for _, key, write in listing.columns
        )
        for item in shown
    ]
    count = "" if listing.shown_count is None else f" ({len(shown)} of {len(items)})"
    title = f"{listing.title}{count}, {_render_run(chapter, source.record)}:"
    return [title, _render_table([heading for heading, _, _ in listing.columns], rows)]


def _render_reliability(
    said: str, bins: list[dict[str, Any]] | None, truth: str, source: Source
) -> list[str]:
    if not bins:
        return []
    keys = ("lowest", "highest", "mean_confidence", "share_right")
    rows = [
        (str(_value(it, "count", source)), *(percent(_value(it, key, source)) for key in keys))
        for it in bins
    ]
    return [said, _render_table(("answers", "from", "to", "claimed", truth), rows)]


def _render_figure(row: Row, source: Source) -> str:
    value = _figure(source, row.key)
    return _UNKNOWN if value is None else row.write(value)


def _figure(source: Source, dotted_key: str) -> Any:  # noqa: ANN401 -- JSON
    value: Any = source.record.figures
    for key in dotted_key.split("."):
        if value is None:  # figures of which a set has none
            return None
        value = _value(value, key, source)
    return value


def _value(values: Any, key: str, source: Source) -> Any:  # noqa: ANN401 -- JSON
    try:
        return values[key]
    except (KeyError, TypeError) as error:
        raise OperatorError(
            f"{source.file_name}: has no figure {key!r}; measure anew · 缺少该指标，请重新评测"
        ) from error


def _render_run(chapter: Chapter, record: Record) -> str:
    """Name a run by its set and what is special about it."""
    words = [record.set_name, *(f"{name} {value}" for name, value in record.options.items())]
    if chapter.uses_slicing and record.slicing != _DEFAULT_SLICING:
        words.append(f"slicing {record.slicing}")
    return ", ".join(words)


def _render_command(chapter: Chapter, source: Source) -> str:
    record = source.record
    words = ["huiyan", "eval", record.kind, record.set_name]
    words += [word for option in record.options.items() for word in option]
    command = shlex.join([*words, "--json", source.file_name])
    if chapter.uses_slicing and record.slicing != _DEFAULT_SLICING:
        return f"HUIYAN_DETECTOR_SLICING={record.slicing} {command}"
    return command


def _render_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(_escape, cells))} |" for cells in lines)


def _escape(cell: str) -> str:
    return " ".join(cell.replace("\\", "\\\\").replace("|", "\\|").split())
