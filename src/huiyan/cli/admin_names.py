"""From names on the command line to what they name.

Owns: how accounts, users, groups and projects are found by name or id, and what is said where there
is none. Has no opinion on: what is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from huiyan.administration import Administration
from huiyan.iam.bootstrap import FIRST_ACCOUNT
from huiyan.iam.directory.model import Group
from huiyan.iam.model import Account, Project, User
from huiyan.kernel.errors import ConflictError, NotFoundError, OperatorError

_Thing = TypeVar("_Thing")


def pick_account(opened: Administration, name: str | None) -> Account:
    """Find the account that a command is about.

    Parameters
    ----------
    opened : Administration
        The installation.
    name : str or None
        Name or id as it was given; None for the account of the first start, or the only one.

    Returns
    -------
    Account
        The account.

    Raises
    ------
    OperatorError
        There is none of that name, or it is one account's id and another's name.
    """
    accounts = opened.accounts.list_accounts()
    if name is None and len(accounts) == 1:
        return accounts[0]
    try:
        return opened.accounts.get(name or FIRST_ACCOUNT)
    except NotFoundError as error:
        raise OperatorError(
            f"no account named {name or FIRST_ACCOUNT}; `huiyan admin account list` shows them"
        ) from error
    except ConflictError as error:
        raise OperatorError(error.detail) from error


def pick_user(opened: Administration, account: Account, name: str) -> User:
    """Find a user of an account.

    Parameters
    ----------
    opened : Administration
        The installation.
    account : Account
        The account.
    name : str
        The user's id or name.

    Returns
    -------
    User
        The user.

    Raises
    ------
    OperatorError
        There is none, or it is one's id and another's name.
    """
    users = opened.people.roster.users(account.id)
    return _pick(
        "user", account, name, {user.name: user for user in users}, {u.id: u for u in users}
    )


def pick_group(opened: Administration, account: Account, name: str) -> Group:
    """Find a group of an account.

    Parameters
    ----------
    opened : Administration
        The installation.
    account : Account
        The account.
    name : str
        The group's id or name.

    Returns
    -------
    Group
        The group.

    Raises
    ------
    OperatorError
        There is none, or it is one's id and another's name.
    """
    groups = opened.people.roster.groups(account.id)
    return _pick(
        "group", account, name, {group.name: group for group in groups}, {g.id: g for g in groups}
    )


def projects_of(opened: Administration, account: Account) -> tuple[Project, ...]:
    """List the projects of an account.

    Parameters
    ----------
    opened : Administration
        The installation.
    account : Account
        The account.

    Returns
    -------
    tuple of Project
        By name.
    """
    opened.identity.refresh()
    found = opened.identity.directory.projects.values()
    own = [project for project in found if project.account_id == account.id]
    return tuple(sorted(own, key=lambda project: project.name))


def pick_project(opened: Administration, account: Account, name: str) -> Project:
    """Find a project of an account.

    Parameters
    ----------
    opened : Administration
        The installation.
    account : Account
        The account.
    name : str
        The project's id or its name, which is its region.

    Returns
    -------
    Project
        The project.

    Raises
    ------
    OperatorError
        There is none, or it is one's id and another's name.
    """
    projects = projects_of(opened, account)
    return _pick(
        "project", account, name, {p.name: p for p in projects}, {p.id: p for p in projects}
    )


def _pick(
    kind: str,
    account: Account,
    name: str,
    named: Mapping[str, _Thing],
    ids: Mapping[str, _Thing],
) -> _Thing:
    by_id, by_name = ids.get(name), named.get(name)
    if by_id is not None and by_name is not None and by_id != by_name:
        raise OperatorError(
            f"{name} is the id of one {kind} and the name of another; "
            "give the first one's name or the other's id"
        )
    found = by_id or by_name
    if found is None:
        listing = "enable --json" if kind == "project" else f"{kind} list"
        raise OperatorError(
            f"account {account.name} has no {kind} named {name}; "
            f"`huiyan admin {listing}` shows them"
        )
    return found
