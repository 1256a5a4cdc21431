"""What every ``huiyan eval`` command shares.

Owns: the common options, the progress bar, writing figures and their origin as JSON, and the look
of tables. Has no opinion on: which figures there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from huiyan.evaluation.figures import ReliabilityBin
from huiyan.evaluation.record import Record, render_record
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SHOWN_UNREADABLE = 5
STANDARD_OUTPUT = Path("-")

_JSON_PARAMETER = "json_path"
_FOLDER_PARAMETER = "folder"
_ENGINES = {
    "cpu": (("OpenVINO", "openvino"),),
    "cuda": (("ONNX Runtime", "onnxruntime-gpu"), ("ONNX Runtime", "onnxruntime")),
}
"""By device: the engine's name, and the distributions that may have brought it."""

OUT = Console()
ERR = Console(stderr=True)

_Item = TypeVar("_Item")
_Figures = TypeVar("_Figures", bound="DataclassInstance")

folder_argument = click.argument(
    _FOLDER_PARAMETER, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
json_option = click.option(
    "--json",
    _JSON_PARAMETER,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write all figures to a file, - for standard output. 把全部指标写入文件，- 为标准输出。",
)
limit_option = click.option(
    "--limit",
    "limit_count",
    type=click.IntRange(min=1),
    help="At most so many pictures, spread evenly. 最多评测的图片数（均匀抽取）。",
)


def spread(items: Sequence[_Item], limit_count: int | None) -> tuple[_Item, ...]:
    """Take at most so many items, evenly over the whole, so that a list by class keeps its mix.

    Parameters
    ----------
    items : sequence
        All of them.
    limit_count : int or None
        How many at most; None for all.

    Returns
    -------
    tuple
        In their old order.
    """
    if limit_count is None or limit_count >= len(items):
        return tuple(items)
    return tuple(items[place * len(items) // limit_count] for place in range(limit_count))


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on standard error while the block runs.

    Parameters
    ----------
    total : int
        How many pictures there are.

    Yields
    ------
    callable
        To be called after each picture.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERR) as bar:
        task = bar.add_task("pictures 图片", total=total)
        yield lambda: bar.advance(task)


def write_figures(
    figures: _Figures, json_path: Path | None, show: Callable[[_Figures], None]
) -> None:
    """Write figures as JSON where asked for, and show them where nothing else is printed.

    The JSON text says which command with which options on which set gave them.

    Parameters
    ----------
    figures : dataclass
        All figures of one run.
    json_path : Path or None
        The file for the JSON text; `STANDARD_OUTPUT` prints it and nothing else.
    show : callable
        Prints the figures for people.

    Raises
    ------
    ClickException
        The file cannot be written.
    """
    if json_path is None:
        show(figures)
        return
    text = render_record(_record(figures))
    if json_path == STANDARD_OUTPUT:
        click.echo(text)
        return
    try:
        json_path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(json_path), str(error)) from error
    show(figures)


def _record(figures: DataclassInstance) -> Record:
    """Join figures with where the running command has them from."""
    context = click.get_current_context()
    settings = context.ensure_object(Settings)
    folder: Path = context.params[_FOLDER_PARAMETER]
    return Record(
        kind=str(context.info_name),
        huiyan=metadata.version("huiyan"),
        engine=f"{_engine(settings.device)} ({settings.device})",
        cores=len(os.sched_getaffinity(0)),
        slicing=settings.detector_slicing,
        set_name=folder.resolve().name,
        options=_given_options(context),
        figures=asdict(figures),
    )


def _engine(device: str) -> str:
    for name, distribution in _ENGINES[device]:
        try:
            return f"{name} {metadata.version(distribution)}"
        except metadata.PackageNotFoundError:
            continue
    return _ENGINES[device][0][0]


def _given_options(context: click.Context) -> dict[str, str]:
    return {
        parameter.opts[0]: str(context.params[parameter.name])
        for parameter in context.command.params
        if isinstance(parameter, click.Option)
        and parameter.name != _JSON_PARAMETER
        and context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    }


def print_unreadable(unreadable: tuple[str, ...]) -> None:
    """Name the first files that could not be read, on standard error.

    Parameters
    ----------
    unreadable : tuple of str
        A line for each file.
    """
    for line in unreadable[:SHOWN_UNREADABLE]:
        ERR.print(f"[yellow]unreadable 无法读取:[/] {escape(line)}", highlight=False)
    if len(unreadable) > SHOWN_UNREADABLE:
        rest = len(unreadable) - SHOWN_UNREADABLE
        ERR.print(f"[yellow]unreadable 无法读取:[/] +{rest}", highlight=False)


def require_judged(picture_count: int, unreadable: tuple[str, ...]) -> None:
    """End the command where it judged nothing: what it showed then says nothing.

    Parameters
    ----------
    picture_count : int
        Pictures that were judged.
    unreadable : tuple of str
        A line for each of the others.

    Raises
    ------
    OperatorError
        None was judged.
    """
    if not picture_count:
        first = f": {unreadable[0]}" if unreadable else ""
        raise OperatorError(
            f"none of {len(unreadable)} pictures could be judged · "
            f"{len(unreadable)} 张图片均无法评测{first}"
        )


def two_columns(title: str) -> Table:
    """Make an empty table of figures and their values.

    Parameters
    ----------
    title : str
        Stands above it.

    Returns
    -------
    Table
        Of two columns, the second to the right.
    """
    table = Table(title=title, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    return table


def reliability_table(
    title: str, bins: tuple[ReliabilityBin, ...], truth: str = "right 正确"
) -> Table:
    """Make a reliability table.

    Parameters
    ----------
    title : str
        Stands above it.
    bins : tuple of ReliabilityBin
        The rows.
    truth : str, default "right 正确"
        What holds of the share in the last column.

    Returns
    -------
    Table
        Confidence rising.
    """
    table = Table(title=title)
    for heading in ("n", "from 从", "to 至", "claimed 置信度", truth):
        table.add_column(heading, justify="right")
    for row in bins:
        values = (row.lowest, row.highest, row.mean_confidence, row.share_right)
        table.add_row(str(row.count), *(f"{value:.3f}" for value in values))
    return table


def percent(share: float) -> str:
    """Write a share as percent.

    Parameters
    ----------
    share : float
        In [0, 1].

    Returns
    -------
    str
        With one decimal.

    Examples
    --------
    >>> percent(0.1234)
    '12.3 %'
    """
    return f"{100 * share:.1f} %"
