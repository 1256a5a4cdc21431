"""``huiyan admin audit``: reading the audit log.

Owns: these commands. Has no opinion on: what is told to the log, and the form of its entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import IO

import click

from huiyan.administration import Administration
from huiyan.cli.admin_names import pick_account, pick_project
from huiyan.cli.admin_output import (
    account_option,
    administration,
    json_option,
    show_json,
    show_lines,
)
from huiyan.iam.audit.model import AuditQuery
from huiyan.iam.audit.wire import render_lines, render_record, render_table
from huiyan.iam.model import Account
from huiyan.kernel.settings import Settings


class _Instant(click.ParamType[datetime]):
    name = "instant"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no instant such as 2026-01-31T08:00:00Z", param, ctx)
        return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


@click.group(short_help="Read the audit log · 审计日志")
def audit() -> None:
    """Read the audit log: who did or tried what, when and from where.

    查阅审计日志：何人、何时、从何处、做了什么。
    """


def _query_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        account_option,
        click.option("--text", help="With this text. 含该文字。"),
        click.option("--denied", "is_denied", is_flag=True, help="Only refusals. 仅被拒绝的。"),
        click.option("--action", help="Such as iam:users:*. 操作，可以 * 结尾。"),
        click.option("--user", "user_name", metavar="NAME", help="By this user. 该用户。"),
        click.option("--project", "project_name", metavar="REGION", help="In this one. 该项目。"),
        click.option("--until", type=_Instant(), metavar="INSTANT", help="Before. 此前（UTC）。"),
        click.option("--since", type=_Instant(), metavar="INSTANT", help="From. 此后（UTC）。"),
    ):
        command = option(command)
    return command


@audit.command("list", short_help="The newest entries · 最新记录")
@_query_options
@click.option(
    "--limit", "most", type=click.IntRange(1, 1000), default=50, help="How many. 条数。[50]"
)
@json_option
@click.pass_obj
def list_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    since: datetime | None,
    until: datetime | None,
    project_name: str | None,
    user_name: str | None,
    action: str | None,
    is_denied: bool,
    text: str | None,
    account_name: str | None,
    most: int,
    as_json: bool,
) -> None:
    """List the newest entries of an account's log, the newest first.

    列出账号最新的审计记录，最新的在前。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        query = AuditQuery(
            since=since,
            until=until,
            project_id=_project_id(opened, account, project_name),
            user_name=user_name,
            action=action,
            allowed=False if is_denied else None,
            text=text,
        )
        page = opened.audit.entries(account.id, query, most)
    records = [render_record(record) for record in page.records]
    if as_json:
        show_json(records)
    else:
        show_lines(line for record in records for line in _lines(record))


def _lines(record: Mapping[str, object]) -> Iterator[str]:
    """Tell one entry in two lines; a table of this many columns fits no terminal."""
    mark = "  " if record["allowed"] else "! "
    who = f"{record['user_name'] or '-'} ({record['address'] or '-'})"
    yield f"{mark}{record['time']}  {record['action']}  {who}"
    yield f"    {record['resource'] or '-'}  {record['reason']}"


@audit.command("export", short_help="All entries as JSON lines or CSV · 导出")
@_query_options
@click.option(
    "--format",
    "form",
    type=click.Choice(("jsonl", "csv")),
    default="jsonl",
    help="JSON, one entry a line, or CSV. 每行一个 JSON，或 CSV。[jsonl]",
)
@click.option(
    "--output",
    "-o",
    "file",
    type=click.File("wb", lazy=False, atomic=True),
    default="-",
    help="A file. 文件。[- standard output 标准输出]",
)
@click.pass_obj
def export_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    since: datetime | None,
    until: datetime | None,
    project_name: str | None,
    user_name: str | None,
    action: str | None,
    is_denied: bool,
    text: str | None,
    account_name: str | None,
    form: str,
    file: IO[bytes],
) -> None:
    """Write every entry of an account's log that is asked for, the newest first.

    导出账号的全部（或所选）审计记录，最新的在前。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        query = AuditQuery(
            since=since,
            until=until,
            project_id=_project_id(opened, account, project_name),
            user_name=user_name,
            action=action,
            allowed=False if is_denied else None,
            text=text,
        )
        render = render_table if form == "csv" else render_lines
        for chunk in render(opened.audit.export(account.id, query)):
            file.write(chunk)


def _project_id(opened: Administration, account: Account, name: str | None) -> str | None:
    return None if name is None else pick_project(opened, account, name).id
