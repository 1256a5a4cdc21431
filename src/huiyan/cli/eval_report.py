"""``huiyan eval report``.

Owns: the command's arguments, and where the page goes. Has no opinion on: what is on the page.
"""

from __future__ import annotations

from pathlib import Path

import click

from huiyan.evaluation.record import read_record
from huiyan.evaluation.report import Source, render_page


@click.command("report", short_help="The quality page from JSON · 生成质量页面")
@click.argument(
    "json_paths",
    metavar="JSON...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--write",
    "page_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page to a file. 把页面写入文件。",
)
def report(json_paths: tuple[Path, ...], page_path: Path | None) -> None:
    """Make the quality page from what other eval commands wrote with --json.

    由其他评测命令（--json）的结果生成质量页面。
    """
    sources = [Source(path.name, read_record(path)) for path in json_paths]
    page = render_page(sources)
    if page_path is None:
        click.echo(page, nl=False)
        return
    try:
        page_path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(page_path), str(error)) from error
