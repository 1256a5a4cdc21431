"""The command ``huiyan``.

Owns: the group of commands, reading the settings once, and how an operator's error ends the
program. Has no opinion on: what each command does.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from huiyan.cli.admin import admin
from huiyan.cli.celebrity import celebrity
from huiyan.cli.detect import detect
from huiyan.cli.eval import evaluate
from huiyan.cli.models import models
from huiyan.cli.recapture import recapture
from huiyan.cli.serve import serve
from huiyan.cli.subject import subject
from huiyan.cli.tag import tag
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings

EXIT_OPERATOR_ERROR = 2


@click.group()
@click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with settings. 设置文件（TOML）。",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for models, database and keys. 存放模型、数据库和密钥的目录。",
)
@click.version_option(package_name="huiyan")
@click.pass_context
def cli(context: click.Context, config_path: Path | None, data_dir: Path | None) -> None:
    """Image recognition on your own machines.

    慧眼：在自己的机器上识别图像。
    """
    context.obj = load_settings(config_path, data_dir=data_dir)


cli.add_command(serve)
cli.add_command(tag)
cli.add_command(detect)
cli.add_command(subject)
cli.add_command(celebrity)
cli.add_command(recapture)
cli.add_command(models)
cli.add_command(evaluate)
cli.add_command(admin)


def main() -> None:
    """Run the command line; an operator's error ends it with its text and status 2."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Chinese must not keep anyone from reading a new secret.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        cli(standalone_mode=True)
    except OperatorError as error:
        # Texts hold square brackets, for example of extras: they are no markup.
        shown = Text.assemble(("huiyan:", "bold red"), " ", str(error))
        Console(stderr=True).print(shown, soft_wrap=True)
        sys.exit(EXIT_OPERATOR_ERROR)
