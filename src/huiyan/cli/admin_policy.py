"""``huiyan admin policy``: what there is to grant, and what is granted to groups.

Owns: these commands. Has no opinion on: what policies mean and where roles have an effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any

import click

from huiyan.administration import Administration
from huiyan.cli.admin_names import pick_account, pick_group, pick_project
from huiyan.cli.admin_output import (
    account_option,
    administration,
    confirm,
    json_option,
    show_json,
    show_lines,
    show_list,
    yes_option,
)
from huiyan.iam.directory.model import Grant, Place
from huiyan.iam.model import Account
from huiyan.iam.policy.model import Role
from huiyan.iam.policy.wire import MAX_DOCUMENT_CHARACTERS, render_policy
from huiyan.iam.roles.model import GrantFilter, RoleFilter
from huiyan.iam.roles.wire import parse_role_draft
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings

_HEADINGS = {
    "display_name": "name\n名称",
    "kind": "kind\n类型",
    "reach": "for\n范围",
    "description": "description\n描述",
}
_GRANT_HEADINGS = {"group": "group\n用户组", "policy": "policy\n策略", "where": "where\n范围"}
_TYPES = {"global": "AX", "project": "XA"}
_REACHES = {"AX": "global", "XA": "project", "AA": "both", "XX": "neither"}
_SUFFIXES: dict[Place, str] = {"domain": "OnDomain", "project": "OnProject", "inherited": ""}
_MOST_FILE_CHARACTERS = 8 * MAX_DOCUMENT_CHARACTERS


@click.group(short_help="Policies and grants · 策略与授权")
def policy() -> None:
    """List, make and remove policies, and grant them to groups.

    列出、创建、删除策略，并授予用户组。
    """


@policy.command("list", short_help="List policies · 列出")
@account_option
@click.option("--custom", "is_custom", is_flag=True, help="Only its own. 仅自定义策略。")
@json_option
@click.pass_obj
def list_command(
    settings: Settings, *, account_name: str | None, is_custom: bool, as_json: bool
) -> None:
    """List the system's roles and policies and the account's own.

    列出系统角色、系统策略和账号的自定义策略。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        found = opened.roles.custom_roles(account.id, RoleFilter())
        if not is_custom:
            found = (*opened.roles.system_roles(RoleFilter()), *found)
    show_list([_record(role) for role in found], _HEADINGS, as_json=as_json)


@policy.command("show", short_help="Show a policy as JSON · 查看")
@click.argument("name", metavar="POLICY")
@account_option
@click.pass_obj
def show_command(settings: Settings, *, name: str, account_name: str | None) -> None:
    """Show POLICY, by name or id, with its statements, as JSON.

    以 JSON 显示策略 POLICY（名称或 ID）及其语句。
    """
    with administration(settings) as opened:
        role = _pick_role(opened, pick_account(opened, account_name), name)
    show_json(_record(role) | {"policy": render_policy(role.policy)})


@policy.command("create", short_help="Make a policy from a file · 创建")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--name", required=True, help="1 to 64 characters. 名称。")
@click.option(
    "--type",
    "reach",
    type=click.Choice(tuple(_TYPES)),
    default="project",
    help="For global services, such as IAM and OBS, or for projects. 全局级或项目级。[project]",
)
@click.option("--description", default="", help="Free text. 描述。")
@account_option
@json_option
@click.pass_obj
def create_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    file: IO[str],
    name: str,
    reach: str,
    description: str,
    account_name: str | None,
    as_json: bool,
) -> None:
    """Make a policy from FILE, which holds {"Version": "1.1", "Statement": [...]}; - for input.

    由 FILE 创建策略，内容为 {"Version": "1.1", "Statement": [...]}；- 表示标准输入。
    """
    document = {
        "display_name": name,
        "type": _TYPES[reach],
        "description": description,
        "policy": _read_document(file),
    }
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        draft = parse_role_draft(document)
        made = opened.do(
            account.id,
            "iam:roles:createRole",
            f"role:{name}",
            lambda: opened.roles.create_role(account.id, draft),
            {"role.display_name": name},
        )
    if as_json:
        show_json(_record(made))
    else:
        show_lines([f"policy {made.display_name}  {made.id}"])


def _read_document(file: IO[str]) -> Any:  # noqa: ANN401 -- JSON of any shape, checked later
    try:
        text = file.read(_MOST_FILE_CHARACTERS + 1)
        if len(text) > _MOST_FILE_CHARACTERS:
            raise OperatorError(f"{file.name}: too large for a policy")
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OperatorError(f"{file.name}: not JSON: {error}") from error


@policy.command("delete", short_help="Remove a policy · 删除")
@click.argument("name", metavar="POLICY")
@account_option
@yes_option
@click.pass_obj
def delete_command(
    settings: Settings, *, name: str, account_name: str | None, is_confirmed: bool
) -> None:
    """Remove the account's own POLICY; it must be granted nowhere.

    删除账号的自定义策略 POLICY（须未被授予）。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        role = _pick_role(opened, account, name)
        if role.is_system:
            raise OperatorError(f"policy {role.display_name} is the system's and stays")
        confirm(f"Remove policy {role.display_name}? 删除该策略？", is_confirmed=is_confirmed)
        opened.do(
            account.id,
            "iam:roles:deleteRole",
            f"role:{role.display_name}",
            lambda: opened.roles.delete_role(account.id, role.id),
        )
    show_lines([f"policy {role.display_name} removed"])


def _grant_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        account_option,
        click.option("--project", "project_name", metavar="REGION", help="In one. 单个项目。"),
        click.option("--global", "is_global", is_flag=True, help="On IAM and OBS. 全局服务。"),
        click.option(
            "--everywhere", "is_everywhere", is_flag=True, help="In all projects. 所有项目。"
        ),
        click.option(
            "--policy", "--role", "role_name", metavar="POLICY", required=True, help="What. 策略。"
        ),
        click.option(
            "--group", "group_name", metavar="GROUP", required=True, help="Whom. 用户组。"
        ),
    ):
        command = option(command)
    return command


@policy.command("grant", short_help="Give a policy to a group · 授权")
@_grant_options
@click.pass_obj
def grant_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    group_name: str,
    role_name: str,
    is_everywhere: bool,
    is_global: bool,
    project_name: str | None,
    account_name: str | None,
) -> None:
    """Give a policy to a group: in all projects, present and future, on global services, or in one.

    将策略授予用户组：所有项目（含以后创建的）、全局服务或单个项目。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        role = _pick_role(opened, account, role_name)
        place = _Where(is_everywhere, is_global, project_name)
        grant = place.grant(opened, account, group_name, role)
        opened.do(
            account.id,
            f"iam:permissions:grantRoleToGroup{place.suffix}",
            f"group:{group_name}",
            lambda: opened.grants.grant(grant),
            {"role.display_name": role.display_name, "place": place.words},
        )
    show_lines([f"group {group_name} has {role.display_name} {place.words}"])


@policy.command("revoke", short_help="Take a policy from a group · 撤销")
@_grant_options
@click.pass_obj
def revoke_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    group_name: str,
    role_name: str,
    is_everywhere: bool,
    is_global: bool,
    project_name: str | None,
    account_name: str | None,
) -> None:
    """Take a policy from a group where it was granted.

    撤销用户组在某范围内的授权。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        role = _pick_role(opened, account, role_name)
        place = _Where(is_everywhere, is_global, project_name)
        grant = place.grant(opened, account, group_name, role)
        opened.do(
            account.id,
            f"iam:permissions:revokeRoleFromGroup{place.suffix}",
            f"group:{group_name}",
            lambda: opened.grants.withdraw(grant),
            {"role.display_name": role.display_name, "place": place.words},
        )
    show_lines([f"group {group_name} no longer has {role.display_name} {place.words}"])


@policy.command("grants", short_help="List what is granted · 列出授权")
@click.option("--group", "group_name", metavar="GROUP", help="Only this one's. 仅该用户组。")
@account_option
@json_option
@click.pass_obj
def grants_command(
    settings: Settings, *, group_name: str | None, account_name: str | None, as_json: bool
) -> None:
    """List what is granted to the groups of an account, or to one.

    列出授予用户组的策略。
    """
    with administration(settings) as opened:
        account = pick_account(opened, account_name)
        group = None if group_name is None else pick_group(opened, account, group_name).id
        directory = opened.people.roster.directory()
        names: dict[str, str] = {it.id: it.name for it in directory.groups.values()}
        records = [
            {
                "group": names.get(grant.subject_id, grant.subject_id),
                "policy": directory.roles[grant.role_id].display_name,
                "where": _where(opened, grant),
            }
            for grant in opened.grants.grants(
                account.id, GrantFilter(subject="group", subject_id=group)
            )
            if grant.role_id in directory.roles
        ]
    show_list(records, _GRANT_HEADINGS, as_json=as_json)


class _Where:
    """Where a grant counts, as the options say it."""

    def __init__(self, is_everywhere: bool, is_global: bool, project_name: str | None) -> None:  # noqa: FBT001 -- the options as they came
        if is_everywhere + is_global + (project_name is not None) != 1:
            raise OperatorError("say where: one of --everywhere, --global and --project REGION")
        self.place: Place = (
            "domain" if is_global else "inherited" if project_name is None else "project"
        )
        self.suffix = _SUFFIXES[self.place]
        self._project_name = project_name
        self.words = (
            "on global services"
            if is_global
            else "in all projects"
            if project_name is None
            else f"in project {project_name}"
        )

    def grant(self, opened: Administration, account: Account, group_name: str, role: Role) -> Grant:
        group = pick_group(opened, account, group_name)
        project = self._project_name and pick_project(opened, account, self._project_name).id
        return Grant(account.id, "group", group.id, role.id, self.place, project or None)


def _where(opened: Administration, grant: Grant) -> str:
    if grant.place == "domain":
        return "global"
    if grant.project_id is None:
        return "everywhere"
    project = opened.identity.directory.projects.get(grant.project_id)
    return f"project {grant.project_id if project is None else project.name}"


def _pick_role(opened: Administration, account: Account, name: str) -> Role:
    roles = (
        *opened.roles.custom_roles(account.id, RoleFilter()),
        *opened.roles.system_roles(RoleFilter()),
    )
    found = [role for role in roles if name in {role.display_name, role.name, role.id}]
    if len(found) > 1:
        raise OperatorError(
            f"{name} means more than one policy: give the id or name that only one of them has"
        )
    if found:
        return found[0]
    raise OperatorError(
        f"account {account.name} sees no policy named {name}; `huiyan admin policy list` shows them"
    )


def _record(role: Role) -> dict[str, object]:
    kind = "policy" if role.policy.version == "1.1" else "role"
    return {
        "id": role.id,
        "name": role.name,
        "display_name": role.display_name,
        "kind": f"system {kind}" if role.is_system else "custom policy",
        "reach": _REACHES[role.type.value],
        "description": role.description,
    }
