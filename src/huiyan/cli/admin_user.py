"""``huiyan admin user``: people and programs of an account.

Owns: these commands. Has no opinion on: which names and passwords are good.
"""

from __future__ import annotations

from functools import partial

import click

from huiyan.administration import Administration
from huiyan.cli.admin_names import pick_account, pick_group, pick_user
from huiyan.cli.admin_output import (
    account_option,
    administration,
    confirm,
    instant_text,
    json_option,
    read_password,
    show_fields,
    show_json,
    show_lines,
    show_list,
    yes_option,
)
from huiyan.iam.model import AccessMode, User
from huiyan.iam.people.model import NewUser, UserChange
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings

_HEADINGS = {
    "name": "name\n名称",
    "enabled": "enabled\n启用",
    "owner": "owner\n所有者",
    "access_mode": "access\n访问方式",
    "groups": "groups\n用户组",
    "created": "created\n创建时间",
}

password_stdin_option = click.option(
    "--password-stdin",
    "from_stdin",
    is_flag=True,
    help="Read the password from standard input. 从标准输入读取密码。",
)
keep_option = click.option(
    "--keep",
    "is_final",
    is_flag=True,
    help="The user need not change it. 用户无需再修改。",
)


@click.group(short_help="Users · 用户")
def user() -> None:
    """Make, show, stop and remove users, and set passwords.

    创建、查看、停用、删除用户，设置密码。
    """


@user.command("create", short_help="Make a user · 创建")
@click.argument("name")
@account_option
@click.option("--description", default="", help="Free text. 描述。")
@click.option("--email", default="", help="Email address. 邮箱。")
@click.option(
    "--access",
    "access_mode",
    type=click.Choice(("default", "programmatic", "console")),
    default="default",
    help=(
        "programmatic: API by keys or a password. console: by a password only, keys are refused. "
        "default: both. 访问方式：编程访问（密钥或密码）、控制台（仅密码）或两者。[default]"
    ),
)
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="Put in. 加入用户组。")
@click.option("--password", "is_asked", is_flag=True, help="Ask for a password. 提示输入密码。")
@password_stdin_option
@keep_option
@json_option
@click.pass_obj
def create_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    name: str,
    account_name: str | None,
    description: str,
    email: str,
    access_mode: AccessMode,
    groups: tuple[str, ...],
    is_asked: bool,
    from_stdin: bool,
    is_final: bool,
    as_json: bool,
) -> None:
    """Make the user NAME, without a password unless one is asked for.

    创建用户 NAME；除非另行指定，否则没有密码。
    """
    if is_final and not (is_asked or from_stdin):
        raise OperatorError("--keep is about a password: add --password or --password-stdin")
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        joined = [pick_group(opened, account, group) for group in groups]
        password = read_password(from_stdin=from_stdin) if is_asked or from_stdin else None
        new = NewUser(
            name=name,
            password=password,
            description=description,
            email=email,
            access_mode=access_mode,
            must_change_password=not is_final,
        )
        made = opened.do(
            account.id,
            "iam:users:createUser",
            f"user:{name}",
            lambda: opened.people.create_user(account.id, new),
            {"user.name": name, "user.access_mode": access_mode},
        )
        for group in joined:
            opened.do(
                account.id,
                "iam:permissions:addUserToGroup",
                f"group:{group.name}",
                partial(opened.people.groups.add_member, account.id, group.id, made.id),
                {"user.name": name},
            )
        record = _record(opened, made)
    if as_json:
        show_json(record)
    else:
        show_lines([f"user {made.name}  {made.id}"])


@user.command("list", short_help="List users · 列出")
@account_option
@json_option
@click.pass_obj
def list_command(settings: Settings, *, account_name: str | None, as_json: bool) -> None:
    """List the users of an account.

    列出账号的用户。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = opened.people.roster.users(account.id)
        records = [_record(opened, one) for one in found]
    show_list(records, _HEADINGS, as_json=as_json)


@user.command("show", short_help="Show a user · 查看")
@click.argument("name", metavar="USER")
@account_option
@json_option
@click.pass_obj
def show_command(settings: Settings, *, name: str, account_name: str | None, as_json: bool) -> None:
    """Show the user USER with its groups and keys.

    查看用户 USER 及其用户组和密钥。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = pick_user(opened, account, name)
        keys = opened.people.keys.keys_of(account.id, found.id)
        record = _record(opened, found) | {
            "description": found.description,
            "email": found.email,
            "has_password": found.must_change_password is not None,
            "must_change_password": bool(found.must_change_password),
            "keys": [f"{key.access_key} ({key.status})" for key in keys],
        }
    if as_json:
        show_json(record | {"keys": [{"access": k.access_key, "status": k.status} for k in keys]})
        return
    show_fields(record)


@user.command("enable", short_help="Let it call again · 启用")
@click.argument("name", metavar="USER")
@account_option
@click.pass_obj
def enable_command(settings: Settings, *, name: str, account_name: str | None) -> None:
    """Let the user USER call again; tokens from before stay withdrawn.

    重新启用用户 USER；此前的令牌仍然失效。
    """
    _set_enabled(settings, name, account_name, enabled=True)


@user.command("disable", short_help="Refuse all its calls · 停用")
@click.argument("name", metavar="USER")
@account_option
@click.pass_obj
def disable_command(settings: Settings, *, name: str, account_name: str | None) -> None:
    """Refuse every call of the user USER and withdraw its tokens.

    拒绝用户 USER 的一切调用，并使其令牌失效。
    """
    _set_enabled(settings, name, account_name, enabled=False)


def _set_enabled(settings: Settings, name: str, account_name: str | None, *, enabled: bool) -> None:
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = pick_user(opened, account, name)
        opened.do(
            account.id,
            "iam:users:updateUser",
            f"user:{found.name}",
            lambda: opened.people.change_user(account.id, found.id, UserChange(enabled=enabled)),
            {"user.enabled": str(enabled).lower()},
        )
    show_lines([f"user {found.name} {'enabled' if enabled else 'disabled'}"])


@user.command("delete", short_help="Remove it with its keys · 删除")
@click.argument("name", metavar="USER")
@account_option
@yes_option
@click.pass_obj
def delete_command(
    settings: Settings, *, name: str, account_name: str | None, is_confirmed: bool
) -> None:
    """Remove the user USER with its keys and memberships.

    删除用户 USER 及其密钥和用户组关系。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = pick_user(opened, account, name)
        confirm(
            f"Remove user {found.name} of account {account.name} with all keys? "
            "删除该用户及其密钥？",
            is_confirmed=is_confirmed,
        )
        opened.do(
            account.id,
            "iam:users:deleteUser",
            f"user:{found.name}",
            lambda: opened.people.delete_user(account.id, found.id),
        )
    show_lines([f"user {found.name} removed"])


@user.command("password", short_help="Set a password · 设置密码")
@click.argument("name", metavar="USER")
@account_option
@password_stdin_option
@keep_option
@click.pass_obj
def password_command(
    settings: Settings,
    *,
    name: str,
    account_name: str | None,
    from_stdin: bool,
    is_final: bool,
) -> None:
    """Set the password of USER, by prompt or from standard input; its tokens are withdrawn.

    设置 USER 的密码（提示输入或从标准输入读取）；其令牌随即失效。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = pick_user(opened, account, name)
        password = read_password(from_stdin=from_stdin)
        change = UserChange(password=password, must_change_password=not is_final)
        opened.do(
            account.id,
            "iam:users:updateUser",
            f"user:{found.name}",
            lambda: opened.people.change_user(account.id, found.id, change),
            {"user": "another password"},
        )
    show_lines([f"password of user {found.name} set"])


def _record(opened: Administration, found: User) -> dict[str, object]:
    groups = opened.people.roster.groups_of(found.account_id, found.id)
    return {
        "id": found.id,
        "name": found.name,
        "enabled": found.enabled,
        "owner": found.is_owner,
        "access_mode": found.access_mode,
        "groups": [group.name for group in groups],
        "created": instant_text(found.created_at),
    }


@user.command("unlock", short_help="End lock-outs · 解除锁定")
@account_option
@click.pass_obj
def unlock_command(settings: Settings, *, account_name: str | None) -> None:
    """End the lock-outs after wrong passwords: of all users of an account, and of all addresses.

    解除因密码错误造成的锁定：账号的全部用户，以及全部来源地址。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        opened.do(
            account.id,
            "iam:users:updateUser",
            "user:*",
            lambda: opened.lockouts.clear(account.id),
            {"user": "lock-outs ended"},
        )
    show_lines([f"lock-outs of account {account.name} and of all addresses ended"])
