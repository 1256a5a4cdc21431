"""``huiyan eval``.

Owns: the group of its commands. Has no opinion on: any one of them.
"""

from __future__ import annotations

import click

from huiyan.cli.eval_tagging import coverage, tagging


@click.group("eval")
def evaluate() -> None:
    """Measure quality on your own pictures.

    用自己的图片评测质量。
    """


evaluate.add_command(tagging)
evaluate.add_command(coverage)
