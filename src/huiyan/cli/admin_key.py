"""``huiyan admin key``: access keys.

Owns: these commands. Has no opinion on: how keys are made and how many a user may have.
"""

from __future__ import annotations

import click

from huiyan.administration import Administration
from huiyan.cli.admin_names import pick_account, pick_user
from huiyan.cli.admin_output import (
    account_option,
    administration,
    confirm,
    instant_text,
    json_option,
    key_record,
    require_private_output,
    show_json,
    show_key,
    show_lines,
    show_list,
    yes_option,
)
from huiyan.iam.model import Account, KeyStatus
from huiyan.iam.people.keys.model import StoredKey
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings

_HEADINGS = {
    "access": "access key\n访问密钥",
    "user": "user\n用户",
    "status": "status\n状态",
    "created": "created\n创建时间",
    "last_used": "last used\n最近使用",
    "description": "description\n描述",
}


@click.group(short_help="Access keys · 访问密钥")
def key() -> None:
    """Make, list, stop and remove access keys.

    创建、列出、停用、删除访问密钥。
    """


@key.command("create", short_help="Make a key · 创建")
@click.argument("user_name", metavar="USER")
@account_option
@click.option("--description", default="", help="Free text. 描述。")
@json_option
@click.pass_obj
def create_command(
    settings: Settings,
    *,
    user_name: str,
    account_name: str | None,
    description: str,
    as_json: bool,
) -> None:
    """Make a key for USER; its secret is shown once, at a terminal or with --json only.

    为 USER 创建密钥；密钥内容只显示一次（仅限终端或 --json）。
    """
    require_private_output(as_json=as_json)
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        user = pick_user(opened, account, user_name)
        _stored, issued = opened.do(
            account.id,
            "iam:credentials:createCredential",
            f"user:{user.name}",
            lambda: opened.people.keys.create(account.id, user.id, description),
        )
    if as_json:
        show_json(key_record(issued) | {"user": user.name})
    else:
        show_key(issued)


@key.command("list", short_help="List keys · 列出")
@account_option
@click.option("--user", "user_name", metavar="USER", help="Only this user's. 仅该用户。")
@json_option
@click.pass_obj
def list_command(
    settings: Settings, *, account_name: str | None, user_name: str | None, as_json: bool
) -> None:
    """List the keys of an account or of one user, without their secrets.

    列出账号或某个用户的密钥（不含密钥内容）。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        users = (
            opened.people.roster.users(account.id)
            if user_name is None
            else (pick_user(opened, account, user_name),)
        )
        records = [
            {
                "access": found.access_key,
                "user": user.name,
                "status": found.status,
                "created": instant_text(found.created_at),
                "last_used": instant_text(found.last_used_at),
                "description": found.description,
            }
            for user in users
            for found in opened.people.keys.keys_of(account.id, user.id)
        ]
    show_list(records, _HEADINGS, as_json=as_json)


@key.command("enable", short_help="Let a key sign again · 启用")
@click.argument("access_key", metavar="ACCESS_KEY")
@account_option
@click.pass_obj
def enable_command(settings: Settings, *, access_key: str, account_name: str | None) -> None:
    """Let the key ACCESS_KEY sign again.

    重新启用密钥 ACCESS_KEY。
    """
    _set_status(settings, access_key, account_name, "active")


@key.command("disable", short_help="Stop a key · 停用")
@click.argument("access_key", metavar="ACCESS_KEY")
@account_option
@click.pass_obj
def disable_command(settings: Settings, *, access_key: str, account_name: str | None) -> None:
    """Refuse whatever the key ACCESS_KEY signs.

    拒绝由密钥 ACCESS_KEY 签名的一切请求。
    """
    _set_status(settings, access_key, account_name, "inactive")


def _set_status(
    settings: Settings, access_key: str, account_name: str | None, status: KeyStatus
) -> None:
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = _pick_key(opened, account, access_key)
        opened.do(
            account.id,
            "iam:credentials:updateCredential",
            f"credential:{found.access_key}",
            lambda: opened.people.keys.change(account.id, found.access_key, status),
            {"credential.status": status},
        )
    show_lines([f"access key {found.access_key} {status}"])


@key.command("delete", short_help="Remove a key · 删除")
@click.argument("access_key", metavar="ACCESS_KEY")
@account_option
@yes_option
@click.pass_obj
def delete_command(
    settings: Settings, *, access_key: str, account_name: str | None, is_confirmed: bool
) -> None:
    """Remove the key ACCESS_KEY for good.

    永久删除密钥 ACCESS_KEY。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = _pick_key(opened, account, access_key)
        confirm(
            f"Remove access key {found.access_key} for good? 永久删除该密钥？",
            is_confirmed=is_confirmed,
        )
        opened.do(
            account.id,
            "iam:credentials:deleteCredential",
            f"credential:{found.access_key}",
            lambda: opened.people.keys.delete(account.id, found.access_key),
        )
    show_lines([f"access key {found.access_key} removed"])


def _pick_key(opened: Administration, account: Account, access_key: str) -> StoredKey:
    found = opened.people.keys.find(account.id, access_key)
    if found is None:
        raise OperatorError(
            f"account {account.name} has no access key {access_key}; "
            "`huiyan admin key list` shows them"
        )
    return found
