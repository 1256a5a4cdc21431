"""``huiyan admin account`` and ``huiyan admin enable``: accounts, and what is open in them.

Owns: these commands. Has no opinion on: what an account is and what a closed service answers.
"""

from __future__ import annotations

from functools import partial

import click

from huiyan.cli.admin_names import pick_account, pick_project, projects_of
from huiyan.cli.admin_output import (
    account_option,
    administration,
    confirm,
    founding_record,
    json_option,
    require_private_output,
    show_json,
    show_key,
    show_lines,
    show_list,
    yes_option,
)
from huiyan.iam.bootstrap import FIRST_OWNER
from huiyan.iam.model import IMAGE_SERVICE, Account
from huiyan.kernel.settings import Settings

_ACCOUNT_HEADINGS = {
    "name": "name\n名称",
    "id": "id\nID",
    "enabled": "enabled\n启用",
    "users": "users\n用户",
    "description": "description\n描述",
}
_PROJECT_HEADINGS = {
    "name": "region\n区域",
    "id": "project id\n项目 ID",
    "services": "open services\n已开通服务",
}


@click.group(short_help="Accounts · 账号")
def account() -> None:
    """Make, list and stop accounts.

    创建、列出、停用账号。
    """


@account.command("create", short_help="Make an account · 创建")
@click.argument("name")
@click.option("--owner", "owner_name", default=FIRST_OWNER, help="Its owner. 所有者。[admin]")
@click.option("--description", default="", help="Free text. 描述。")
@click.option(
    "--enable", "is_open", is_flag=True, help="Open image recognition at once. 同时开通图像识别。"
)
@json_option
@click.pass_obj
def create_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    name: str,
    owner_name: str,
    description: str,
    is_open: bool,
    as_json: bool,
) -> None:
    """Make the account NAME with an owner, a project a region and a first key, shown once.

    创建账号 NAME，含所有者、各区域项目和首个密钥（只显示一次）。
    """
    require_private_output(as_json=as_json)
    with administration(settings) as opened:
        made = opened.accounts.create(
            name,
            owner_name,
            description=description,
            is_image_open=is_open,
            announce=lambda new: opened.tell(
                new.id, "huiyan:account:create", f"account:{name}", {"account.owner": owner_name}
            ),
        )
    if as_json:
        show_json(founding_record(made))
        return
    show_key(
        made.key,
        more=(
            f"  Account             {made.account.name}  {made.account.id}",
            f"  Owner               {made.owner.name}  {made.owner.id}",
            *(f"  Project {project.name:<11} {project.id}" for project in made.projects),
        ),
    )
    if not is_open:
        show_lines([f"Open the service 开通服务: huiyan admin enable --account {name}"])


@account.command("list", short_help="List accounts · 列出")
@json_option
@click.pass_obj
def list_command(settings: Settings, *, as_json: bool) -> None:
    """List every account.

    列出全部账号。
    """
    with administration(settings) as opened:
        directory = opened.identity.directory
        records = [
            {
                "id": found.id,
                "name": found.name,
                "enabled": found.enabled,
                "description": found.description,
                "users": sum(user.account_id == found.id for user in directory.users.values()),
                "projects": [
                    {"id": project.id, "name": project.name, "services": sorted(project.services)}
                    for project in projects_of(opened, found)
                ],
            }
            for found in opened.accounts.list_accounts()
        ]
    show_list(records, _ACCOUNT_HEADINGS, as_json=as_json)


@account.command("enable", short_help="Let its users call again · 启用")
@click.argument("name")
@click.pass_obj
def enable_account_command(settings: Settings, *, name: str) -> None:
    """Let the users of account NAME call again.

    重新允许账号 NAME 的用户调用。
    """
    _set_enabled(settings, name, enabled=True, is_confirmed=True)


@account.command("disable", short_help="Refuse all its calls · 停用")
@click.argument("name")
@yes_option
@click.pass_obj
def disable_account_command(settings: Settings, *, name: str, is_confirmed: bool) -> None:
    """Refuse every call of account NAME, whatever key or token it carries.

    拒绝账号 NAME 的一切调用，不论使用何种密钥或令牌。
    """
    _set_enabled(settings, name, enabled=False, is_confirmed=is_confirmed)


def _set_enabled(settings: Settings, name: str, *, enabled: bool, is_confirmed: bool) -> None:
    with administration(settings) as opened:
        found: Account = pick_account(opened, name)
        confirm(
            f"Every call of account {found.name} will be refused. 将拒绝该账号的一切调用。Go on?",
            is_confirmed=is_confirmed,
        )
        deed = "enable" if enabled else "disable"
        opened.do(
            found.id,
            f"huiyan:account:{deed}",
            f"account:{found.name}",
            lambda: opened.accounts.set_enabled(found, enabled=enabled),
        )
    show_lines([f"account {found.name} {deed}d"])


@click.command("enable", short_help="Open the service for an account · 开通服务")
@account_option
@click.option(
    "--region", "regions", multiple=True, metavar="REGION", help="Only there. 仅该区域。[all 全部]"
)
@click.option(
    "--service",
    type=click.Choice([IMAGE_SERVICE]),
    default=IMAGE_SERVICE,
    help="Which one. 哪项服务。[image]",
)
@click.option("--off", "is_off", is_flag=True, help="Close it instead. 改为关闭。")
@yes_option
@json_option
@click.pass_obj
def enable(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    account_name: str | None,
    regions: tuple[str, ...],
    service: str,
    is_off: bool,
    is_confirmed: bool,
    as_json: bool,
) -> None:
    """Open a service for an account, in every region or in some; and show what is open.

    为账号开通服务（全部或指定区域），并显示已开通的服务。
    """
    with administration(settings) as opened:
        found = pick_account(opened, account_name)
        chosen = [pick_project(opened, found, region) for region in regions]
        chosen = chosen or list(projects_of(opened, found))
        if is_off:
            confirm(
                f"Calls of account {found.name} in {', '.join(p.name for p in chosen)} will be "
                "refused. 将拒绝其调用。Go on?",
                is_confirmed=is_confirmed,
            )
        for project in chosen:
            opened.do(
                found.id,
                f"huiyan:service:{'disable' if is_off else 'enable'}",
                f"project:{project.name}",
                partial(opened.identity.set_service, project, service, enabled=not is_off),
                {"service.name": service},
            )
        records = [
            {"id": project.id, "name": project.name, "services": sorted(project.services)}
            for project in projects_of(opened, found)
        ]
    show_list(records, _PROJECT_HEADINGS, as_json=as_json)
