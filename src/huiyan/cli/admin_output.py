"""What every ``huiyan admin`` command shares.

Owns: the common options, how an installation is opened and its faults are told, how things are
shown, and when secrets may be. Has no opinion on: which commands there are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from huiyan.administration import Administration, open_administration
from huiyan.iam.model import FirstStart, IssuedKey
from huiyan.kernel.errors import (
    AccessError,
    HuiyanError,
    InferenceError,
    NotPermittedError,
    OperatorError,
    OverloadError,
    QuotaError,
    RecordingError,
    RequestError,
)
from huiyan.kernel.settings import Settings

_UNCUT = frozenset(("id", "access", "time", "created", "last_used"))
"""Fields that are copied or compared, and so stay on one line."""

_OUT = Console()
_ERR = Console(stderr=True)

account_option = click.option(
    "--account",
    "account_name",
    metavar="NAME",
    help="Name or id of the account. 账号名或 ID。[huiyan]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON. 输出 JSON。")
yes_option = click.option(
    "--yes", "is_confirmed", is_flag=True, help="Do not ask for confirmation. 不再询问。"
)


@contextmanager
def administration(settings: Settings) -> Iterator[Administration]:
    """Open the installation; whatever goes wrong ends as an operator's error with a hint.

    Parameters
    ----------
    settings : Settings
        Where it is.

    Yields
    ------
    Administration
        Its parts.

    Raises
    ------
    OperatorError
        Something went wrong.
    """
    with as_operator_errors(), open_administration(settings) as opened:
        yield opened


@contextmanager
def as_operator_errors() -> Iterator[None]:
    """Have whatever goes wrong end as an operator's error with a hint.

    Yields
    ------
    None
        Once.

    Raises
    ------
    OperatorError
        Something went wrong.
    """
    try:
        yield
    except OperatorError:
        raise
    except (RequestError, AccessError, OverloadError, RecordingError, InferenceError) as error:
        raise OperatorError(_explain(error)) from error


def _explain(error: HuiyanError) -> str:
    if isinstance(error, NotPermittedError) and error.reason:
        return error.reason
    if isinstance(error, QuotaError) and error.detail == "akSkNumExceed":
        return "the user has two access keys: remove one first with `huiyan admin key delete`"
    return error.detail


def confirm(question: str, *, is_confirmed: bool) -> None:
    """Have the operator confirm what cannot be undone or stops callers.

    Parameters
    ----------
    question : str
        What is about to happen, as a question.
    is_confirmed : bool
        Whether ``--yes`` was given.

    Raises
    ------
    OperatorError
        Nobody is there to answer.
    click.Abort
        The answer is no.
    """
    if is_confirmed:
        return
    try:
        answer = click.confirm(question, err=True)
    except click.Abort as error:
        if sys.stdin.isatty():
            raise
        raise OperatorError("not confirmed: add --yes where nobody can answer") from error
    if not answer:
        raise click.Abort


def read_password(*, from_stdin: bool) -> str:
    """Read a password by prompt or from standard input, never from an argument.

    Parameters
    ----------
    from_stdin : bool
        From the first line of standard input, for programs.

    Returns
    -------
    str
        The password.

    Raises
    ------
    OperatorError
        Standard input holds none.
    """
    if not from_stdin:
        return str(
            click.prompt(
                "Password 密码", hide_input=True, confirmation_prompt="Again 再输一次", err=True
            )
        )
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise OperatorError("--password-stdin: standard input holds no password")
    return line


def require_private_output(*, as_json: bool) -> None:
    """See that a secret goes to a person's terminal or, said so, to a program.

    Parameters
    ----------
    as_json : bool
        Whether ``--json`` was given.

    Raises
    ------
    OperatorError
        It would go to a pipe or a file unasked.
    """
    if not as_json and not sys.stdout.isatty():
        raise OperatorError(
            "the secret key is shown once, and standard output is no terminal: run this at a "
            "terminal, or add --json to have it printed all the same"
        )


def show_json(value: object) -> None:
    """Print JSON.

    Parameters
    ----------
    value : object
        What JSON can hold.
    """
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show_list(
    records: Sequence[Mapping[str, object]], headings: Mapping[str, str], *, as_json: bool
) -> None:
    """Print things of one kind.

    Parameters
    ----------
    records : sequence of mapping of str to object
        Each by field.
    headings : mapping of str to str
        The fields that a table shows, with their headings in both languages.
    as_json : bool
        JSON with every field instead of a table.
    """
    if as_json:
        show_json(list(records))
        return
    table = Table(box=SIMPLE_HEAD, padding=0)
    for field, heading in headings.items():
        table.add_column(heading, overflow="fold", no_wrap=field in _UNCUT)
    for record in records:
        table.add_row(*(Text(_cell(record[field])) for field in headings))
    _OUT.print(table)


def show_fields(record: Mapping[str, object]) -> None:
    """Print one thing, a field a line.

    Parameters
    ----------
    record : mapping of str to object
        Its fields.
    """
    show_lines(f"{field:<21} {_cell(value)}".rstrip() for field, value in record.items())


def show_lines(lines: Iterable[str]) -> None:
    """Print plain lines, so that nothing is cut or framed when it is copied.

    Parameters
    ----------
    lines : iterable of str
        The lines.
    """
    _OUT.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def show_note(line: str) -> None:
    """Print a line for a person beside what goes to programs.

    Parameters
    ----------
    line : str
        The line.
    """
    _ERR.print(line, highlight=False, markup=False, soft_wrap=True)


def show_key(key: IssuedKey, *, more: Iterable[str] = ()) -> None:
    """Print a key with its secret, this once.

    Parameters
    ----------
    key : IssuedKey
        The key.
    more : iterable of str, optional
        Lines that follow.
    """
    show_lines(
        [
            "Keep the secret now; it is not shown again.",
            "请立即保存密钥，之后不再显示。",
            "",
            f"  Access key (AK)     {key.access_key}",
            f"  Secret key (SK)     {key.secret_key}",
            *more,
            "",
        ]
    )


def founding_record(made: FirstStart) -> dict[str, object]:
    """Render a new account with its first key.

    Parameters
    ----------
    made : FirstStart
        What was made.

    Returns
    -------
    dict
        For JSON; it holds the secret.
    """
    return {
        "id": made.account.id,
        "name": made.account.name,
        "owner": {"id": made.owner.id, "name": made.owner.name},
        "projects": [
            {"id": project.id, "name": project.name, "services": sorted(project.services)}
            for project in made.projects
        ],
        "credential": key_record(made.key),
    }


def key_record(key: IssuedKey) -> dict[str, str]:
    """Render a new key.

    Parameters
    ----------
    key : IssuedKey
        The key.

    Returns
    -------
    dict
        For JSON; it holds the secret.
    """
    return {"access": key.access_key, "secret": key.secret_key}


def instant_text(instant: datetime | None) -> str | None:
    """Render an instant.

    Parameters
    ----------
    instant : datetime or None
        Aware.

    Returns
    -------
    str or None
        Such as ``2026-01-31T08:00:00Z``.
    """
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
