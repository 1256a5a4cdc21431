"""``huiyan admin group``: users who get the same rights.

Owns: these commands. Has no opinion on: what groups may do (``huiyan admin policy grant``).
"""

from __future__ import annotations

from functools import partial

import click

from huiyan.cli.admin_names import pick_account, pick_group, pick_user
from huiyan.cli.admin_output import (
    account_option,
    administration,
    confirm,
    instant_text,
    json_option,
    show_json,
    show_lines,
    show_list,
    yes_option,
)
from huiyan.kernel.settings import Settings

_HEADINGS = {
    "name": "name\n名称",
    "id": "id\nID",
    "members": "members\n成员数",
    "description": "description\n描述",
}
_MEMBER_HEADINGS = {"name": "user\n用户", "id": "id\nID", "enabled": "enabled\n启用"}


@click.group(short_help="Groups and their members · 用户组")
def group() -> None:
    """Make, list and remove groups, and say who is in them.

    创建、列出、删除用户组，管理成员。
    """


@group.command("create", short_help="Make a group · 创建")
@click.argument("name")
@account_option
@click.option("--description", default="", help="Free text. 描述。")
@json_option
@click.pass_obj
def create_command(
    settings: Settings, *, name: str, account_name: str | None, description: str, as_json: bool
) -> None:
    """Make the group NAME with nobody in it.

    创建空的用户组 NAME。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        made = opened.do(
            account.id,
            "iam:groups:createGroup",
            f"group:{name}",
            lambda: opened.people.groups.create(account.id, name, description),
        )
    if as_json:
        show_json({"id": made.id, "name": made.name, "description": made.description})
    else:
        show_lines([f"group {made.name}  {made.id}"])


@group.command("list", short_help="List groups · 列出")
@account_option
@json_option
@click.pass_obj
def list_command(settings: Settings, *, account_name: str | None, as_json: bool) -> None:
    """List the groups of an account.

    列出账号的用户组。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        joined = opened.identity.directory.memberships
        records = [
            {
                "id": found.id,
                "name": found.name,
                "description": found.description,
                "members": sum(found.id in groups for groups in joined.values()),
                "created": instant_text(found.created_at),
            }
            for found in opened.people.roster.groups(account.id)
        ]
    show_list(records, _HEADINGS, as_json=as_json)


@group.command("delete", short_help="Remove a group · 删除")
@click.argument("name", metavar="GROUP")
@account_option
@yes_option
@click.pass_obj
def delete_command(
    settings: Settings, *, name: str, account_name: str | None, is_confirmed: bool
) -> None:
    """Remove the group GROUP; what it allowed its members ends at once.

    删除用户组 GROUP；其成员由此获得的权限立即失效。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = pick_group(opened, account, name)
        confirm(
            f"Remove group {found.name} of account {account.name} with its grants? "
            "删除该用户组及其授权？",
            is_confirmed=is_confirmed,
        )
        opened.do(
            account.id,
            "iam:groups:deleteGroup",
            f"group:{found.name}",
            lambda: opened.people.groups.delete(account.id, found.id),
        )
    show_lines([f"group {found.name} removed"])


@group.command("add", short_help="Put users in · 添加成员")
@click.argument("name", metavar="GROUP")
@click.argument("users", nargs=-1, required=True, metavar="USER...")
@account_option
@click.pass_obj
def add_command(
    settings: Settings, *, name: str, users: tuple[str, ...], account_name: str | None
) -> None:
    """Put users into the group GROUP.

    将用户加入用户组 GROUP。
    """
    _change_members(settings, name, users, account_name, is_joining=True)


@group.command("remove", short_help="Take users out · 移除成员")
@click.argument("name", metavar="GROUP")
@click.argument("users", nargs=-1, required=True, metavar="USER...")
@account_option
@click.pass_obj
def remove_command(
    settings: Settings, *, name: str, users: tuple[str, ...], account_name: str | None
) -> None:
    """Take users out of the group GROUP.

    将用户移出用户组 GROUP。
    """
    _change_members(settings, name, users, account_name, is_joining=False)


def _change_members(
    settings: Settings,
    name: str,
    users: tuple[str, ...],
    account_name: str | None,
    *,
    is_joining: bool,
) -> None:
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = pick_group(opened, account, name)
        # All are looked up first: a misspelt name changes nothing.
        for user in [pick_user(opened, account, user) for user in users]:
            groups = opened.people.groups
            change = groups.add_member if is_joining else groups.remove_member
            opened.do(
                account.id,
                f"iam:permissions:{'addUserToGroup' if is_joining else 'removeUserFromGroup'}",
                f"group:{found.name}",
                partial(change, account.id, found.id, user.id),
                {"user.name": user.name},
            )
            word = "is in" if is_joining else "is no longer in"
            show_lines([f"user {user.name} {word} group {found.name}"])


@group.command("members", short_help="List members · 列出成员")
@click.argument("name", metavar="GROUP")
@account_option
@json_option
@click.pass_obj
def members_command(
    settings: Settings, *, name: str, account_name: str | None, as_json: bool
) -> None:
    """List the users in the group GROUP.

    列出用户组 GROUP 的成员。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = pick_group(opened, account, name)
        records = [
            {"id": user.id, "name": user.name, "enabled": user.enabled}
            for user in opened.people.roster.members(account.id, found.id)
        ]
    show_list(records, _MEMBER_HEADINGS, as_json=as_json)
