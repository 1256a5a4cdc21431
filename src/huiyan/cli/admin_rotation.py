"""``huiyan admin rotate-key``: another instance key.

Owns: the command, and what it tells the operator to do next. Has no opinion on: how a key is
replaced.
"""

from __future__ import annotations

import click

from huiyan.cli.admin_output import (
    administration,
    confirm,
    json_option,
    show_json,
    show_lines,
    show_note,
    yes_option,
)
from huiyan.iam.rotation.service import SETTLE_S, LastStep, Rotation, Stage
from huiyan.kernel.errors import HuiyanError
from huiyan.kernel.settings import Settings

_ACTION = "huiyan:instanceKey:rotate"
_WORDS = {
    "prepared": "the new key opens secrets, and does not seal any yet",
    "written": "the new key seals; the old one still opens",
    "sealed": "{resealed} secrets are sealed under the new key",
    "settling": f"waiting {SETTLE_S:.0f} s for what running servers are about to store",
    "dropped": "the old key is gone from the file",
    "restored": "a late secret needs the old key: it is back in the file, once more",
}


@click.command("rotate-key", short_help="Replace the instance key · 更换实例密钥")
@click.option(
    "--step",
    "last_step",
    type=click.Choice(("prepare", "seal", "drop")),
    default="drop",
    help="How far to go; for several machines. 执行到哪一步（多机时用）。[drop]",
)
@yes_option
@json_option
@click.pass_obj
def rotate_key(
    settings: Settings, *, last_step: LastStep, is_confirmed: bool, as_json: bool
) -> None:
    """Replace the instance key and seal every stored secret anew, while servers run.

    更换实例密钥并重新加密全部已存密钥，服务无需停止。

    Run it again if it was interrupted: it goes on where it stopped.
    中断后再次运行即可继续。
    """
    confirm(
        "Replace the instance key? Backups made until now need the old one: keep a copy with them. "
        "更换实例密钥？此前的备份需要旧密钥，请随备份保存。",
        is_confirmed=is_confirmed,
    )
    with administration(settings) as opened:
        accounts = opened.accounts.list_accounts()
        for account in accounts:
            opened.tell(account.id, _ACTION, "", {"step": last_step})
        try:
            done = opened.rotation.rotate(last_step, _note)
        except HuiyanError as error:
            reason = f"failed: {type(error).__name__}"
            for account in accounts:
                opened.tell(account.id, _ACTION, "", {"step": last_step}, reason=reason)
            raise
    if as_json:
        show_json(
            {
                "key_id": done.key_id,
                "resealed": done.resealed,
                "dropped_key_ids": list(done.dropped_ids),
                "remaining_key_ids": list(done.remaining_ids),
            }
        )
    else:
        show_lines([f"instance key {done.key_id}", *_next_steps(done, last_step)])


def _note(stage: Stage, resealed: int) -> None:
    if stage in _WORDS:
        show_note(_WORDS[stage].format(resealed=resealed))


def _next_steps(done: Rotation, last_step: LastStep) -> list[str]:
    if not done.is_from_file:
        return [
            "Now set HUIYAN_INSTANCE_KEY to the new key alone for every server and restart them."
        ]
    if last_step == "prepare":
        return ["Now copy instance.key to every machine; then: huiyan admin rotate-key --step seal"]
    if last_step == "seal":
        return ["Now copy instance.key to every machine; then: huiyan admin rotate-key"]
    return ["Copy instance.key to a safe place, and to every other machine of this installation."]
