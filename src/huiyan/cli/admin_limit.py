"""``huiyan admin limit``: how much single users and projects may call.

Owns: these commands. Has no opinion on: how callers are held to limits, and what counts without one
(the settings).
"""

from __future__ import annotations

from collections.abc import Callable

import click

from huiyan.administration import Administration
from huiyan.cli.admin_names import pick_account, pick_project, pick_user
from huiyan.cli.admin_output import (
    account_option,
    administration,
    json_option,
    show_lines,
    show_list,
)
from huiyan.iam.directory.model import Limits
from huiyan.iam.limits.model import LimitSubject
from huiyan.iam.model import Account
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.ids import ProjectId, UserId
from huiyan.kernel.settings import Settings

_HEADINGS = {
    "subject": "of\n对象",
    "name": "name\n名称",
    "calls_per_minute": "calls a minute\n每分钟调用数",
    "concurrent_calls": "at once\n并发数",
}


@click.group(short_help="Limits of calls · 调用限额")
def limit() -> None:
    """Limit single users and projects otherwise than the settings do.

    为单个用户或项目设置不同于默认的限额。
    """


def _subject_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        account_option,
        click.option("--project", "project_name", metavar="REGION", help="A project. 项目。"),
        click.option("--user", "user_name", metavar="USER", help="A user. 用户。"),
    ):
        command = option(command)
    return command


@limit.command("set", short_help="Set a limit · 设置")
@_subject_options
@click.option(
    "--per-minute", type=click.IntRange(0), help="Calls a minute; 0: no limit. 每分钟调用数。"
)
@click.option("--at-once", type=click.IntRange(0), help="Calls at once; 0: no limit. 并发数。")
@click.pass_obj
def set_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    user_name: str | None,
    project_name: str | None,
    account_name: str | None,
    per_minute: int | None,
    at_once: int | None,
) -> None:
    """Limit a user or a project; a number that is not given stays as it counts now.

    限制用户或项目；未给出的数值保持不变。
    """
    if per_minute is None and at_once is None:
        raise OperatorError("say how much: --per-minute, --at-once or both; 0 means no limit")
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        subject, name = _pick_subject(opened, account, user_name, project_name)
        counts = opened.identity.directory.limits.get(subject.id) or _default(settings, subject)
        wanted = Limits(
            counts.calls_per_minute if per_minute is None else per_minute,
            counts.concurrent_calls if at_once is None else at_once,
        )
        opened.do(
            account.id,
            "huiyan:limit:set",
            f"{subject.kind}:{name}",
            lambda: opened.limits.set_limit(account.id, subject, wanted),
            {
                "limit.calls_per_minute": str(wanted.calls_per_minute),
                "limit.concurrent_calls": str(wanted.concurrent_calls),
            },
        )
    minute, once = _amount(wanted.calls_per_minute), _amount(wanted.concurrent_calls)
    show_lines([f"{subject.kind} {name}: {minute} calls a minute, {once} at once"])


@limit.command("list", short_help="List limits · 列出")
@account_option
@json_option
@click.pass_obj
def list_command(settings: Settings, *, account_name: str | None, as_json: bool) -> None:
    """List the limits that differ from the settings; 0 means no limit.

    列出不同于默认的限额；0 表示不限。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        records = [
            {
                "subject": subject.kind,
                "id": subject.id,
                "name": _name_of(opened, subject),
                "calls_per_minute": limits.calls_per_minute,
                "concurrent_calls": limits.concurrent_calls,
            }
            for subject, limits in opened.limits.list_limits(account.id)
        ]
    show_list(records, _HEADINGS, as_json=as_json)


@limit.command("remove", short_help="Remove a limit · 删除")
@_subject_options
@click.pass_obj
def remove_command(
    settings: Settings,
    *,
    user_name: str | None,
    project_name: str | None,
    account_name: str | None,
) -> None:
    """Let the settings count again for a user or a project.

    恢复用户或项目的默认限额。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        subject, name = _pick_subject(opened, account, user_name, project_name)
        if subject.id not in opened.identity.directory.limits:
            raise OperatorError(f"{subject.kind} {name} has no limit of its own")
        opened.do(
            account.id,
            "huiyan:limit:remove",
            f"{subject.kind}:{name}",
            lambda: opened.limits.remove_limit(account.id, subject),
        )
    show_lines([f"{subject.kind} {name}: the settings count"])


def _pick_subject(
    opened: Administration, account: Account, user_name: str | None, project_name: str | None
) -> tuple[LimitSubject, str]:
    if user_name is not None and project_name is None:
        user = pick_user(opened, account, user_name)
        return LimitSubject("user", user.id), user.name
    if project_name is not None and user_name is None:
        project = pick_project(opened, account, project_name)
        return LimitSubject("project", project.id), project.name
    raise OperatorError("say whose: one of --user USER and --project REGION")


def _default(settings: Settings, subject: LimitSubject) -> Limits:
    if subject.kind == "user":
        return Limits(settings.throttle_user_per_minute, settings.throttle_user_concurrent)
    return Limits(settings.throttle_project_per_minute, settings.throttle_project_concurrent)


def _name_of(opened: Administration, subject: LimitSubject) -> str:
    directory = opened.identity.directory
    found = (
        directory.users.get(UserId(subject.id))
        if subject.kind == "user"
        else directory.projects.get(ProjectId(subject.id))
    )
    return subject.id if found is None else found.name


def _amount(number: int) -> str:
    return "any number of" if number == 0 else str(number)
