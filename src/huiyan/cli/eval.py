"""``huiyan eval``.

Owns: the group of its commands. Has no opinion on: any one of them.
"""

from __future__ import annotations

import click

from huiyan.cli.eval_celebrity import celebrity
from huiyan.cli.eval_detect import detect
from huiyan.cli.eval_media import media
from huiyan.cli.eval_recapture import recapture
from huiyan.cli.eval_report import report
from huiyan.cli.eval_subject import subject
from huiyan.cli.eval_tagging import coverage, tagging


@click.group("eval", short_help="Measure quality on your own pictures · 评测质量")
def evaluate() -> None:
    """Measure quality on your own pictures.

    用自己的图片评测质量。
    """


for _command in (tagging, coverage, media, detect, subject, celebrity, recapture, report):
    evaluate.add_command(_command)
