"""What ``huiyan celebrity`` needs of an installation, and whose gallery a command is about.

Owns: the desk that commands work at, the options that name account and project, and how a change
is told to the audit log: by ids, never by names. Has no opinion on: which commands there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import click

from huiyan.administration import Administration
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.service import Addition, GalleryService
from huiyan.celebrity.recogniser import Lookup, Reader
from huiyan.cli.admin_names import pick_account, pick_project, projects_of
from huiyan.cli.admin_output import account_option, as_operator_errors
from huiyan.iam.model import Account, Project
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings
from huiyan.local import open_gallery
from huiyan.persistence.query import Scope

WRITE = "huiyan:gallery:write"
SEARCH = "huiyan:gallery:search"
EXPORT = "huiyan:gallery:export"
"""Actions in the audit log: those of the calls that do the same."""

_Answer = TypeVar("_Answer")
_Command = Callable[..., object]

project_option = click.option(
    "--project",
    "project_name",
    metavar="REGION",
    help="Name or id of the project whose gallery it is. 项目名或 ID。[default region 默认区域]",
)


class GalleryDesk(Protocol):
    """An installation's galleries, as `huiyan.local.open_gallery` opens them.

    Opening it loads no network and reads no gallery: ``reader``, ``intake`` and ``memory`` do
    that when they are first asked for, so that a list takes no seconds.
    """

    @property
    def administration(self) -> Administration:
        """Accounts, projects and the audit log."""
        ...

    @property
    def service(self) -> GalleryService:
        """Galleries; nothing is loaded for it."""
        ...

    @property
    def reader(self) -> Reader:
        """What reads faces; serves all threads."""
        ...

    @property
    def intake(self) -> Intake:
        """What judges photos; serves all threads."""
        ...

    @property
    def memory(self) -> Lookup:
        """Who a face may be, in a project's gallery and the starter gallery."""
        ...


@dataclass(frozen=True, slots=True)
class OpenGallery:
    """The gallery of one project, open for a command.

    Parameters
    ----------
    desk : GalleryDesk
        The installation's galleries.
    account : Account
        Whose it is.
    project : Project
        Which project's.
    """

    desk: GalleryDesk
    account: Account
    project: Project

    @property
    def scope(self) -> Scope:
        """Whose rows the command touches.

        Returns
        -------
        Scope
            The account and the project.
        """
        return Scope(self.account.id, self.project.id)

    def tell(
        self,
        action: str,
        resource: str,
        detail: Mapping[str, str] | None = None,
        *,
        reason: str = "the operator may",
    ) -> None:
        """Tell the audit log something about this gallery.

        Parameters
        ----------
        action : str
            What: one of this module's constants.
        resource : str
            On what, such as ``person:<id>``; empty for the whole gallery.
        detail : mapping of str to str, optional
            Further facts: ids and numbers, never a name.
        reason : str, optional
            Why it is allowed, or what came of it.

        Raises
        ------
        RecordingError
            It cannot be made durable: then nothing must be done.
        """
        self.desk.administration.tell(
            self.account.id, action, resource, detail, reason=reason, project_id=self.project.id
        )

    def do(
        self,
        action: str,
        resource: str,
        deed: Callable[[], _Answer],
        detail: Mapping[str, str] | None = None,
    ) -> _Answer:
        """Do something that the audit log is told of first, and of its failure after.

        Parameters
        ----------
        action : str
            What: one of this module's constants.
        resource : str
            On what, such as ``person:<id>``; empty for the whole gallery.
        deed : callable
            Does it.
        detail : mapping of str to str, optional
            Further facts: ids and numbers, never a name.

        Returns
        -------
        object
            What the deed gives.

        Raises
        ------
        RecordingError
            The log cannot be written; nothing was done.
        HuiyanError
            The deed failed.
        """
        return self.desk.administration.do(
            self.account.id, action, resource, deed, detail, project_id=self.project.id
        )

    def make_person(self, deed: Callable[[], Addition], photo_count: int) -> Addition:
        """Make a person, telling the audit log before, and their id after.

        Parameters
        ----------
        deed : callable
            Makes the person.
        photo_count : int
            With how many photos.

        Returns
        -------
        Addition
            Who was made, and who is likely the same.

        Raises
        ------
        RecordingError
            The log cannot be written; nothing was done.
        HuiyanError
            The deed failed.
        """
        detail = {"deed": "addPerson", "photos": str(photo_count)}
        made = self.do(WRITE, "", deed, detail)
        self.tell(
            WRITE,
            person_resource(made.person.id),
            {**detail, "made": made.person.id},
            reason="done",
        )
        return made


def person_resource(person_id: str) -> str:
    """Name a person to the audit log.

    Parameters
    ----------
    person_id : str
        The id.

    Returns
    -------
    str
        Kind and id.
    """
    return f"person:{person_id}"


def gallery_options(command: _Command) -> _Command:
    """Let a command be told whose gallery it is about.

    Parameters
    ----------
    command : callable
        Takes ``account_name`` and ``project_name``.

    Returns
    -------
    callable
        The command with both options.
    """
    return account_option(project_option(command))


@contextmanager
def gallery(
    settings: Settings, account_name: str | None, project_name: str | None
) -> Iterator[OpenGallery]:
    """Open the gallery that a command is about; whatever goes wrong ends as an operator's error.

    Parameters
    ----------
    settings : Settings
        Where the installation is.
    account_name : str or None
        Name or id of the account; None for the only one, or that of the first start.
    project_name : str or None
        Name or id of the project; None for the account's in the default region.

    Yields
    ------
    OpenGallery
        The gallery.

    Raises
    ------
    OperatorError
        Something went wrong.
    """
    with as_operator_errors(), open_gallery(settings) as desk:
        yield pick_gallery(desk, settings, account_name, project_name)


def pick_gallery(
    desk: GalleryDesk, settings: Settings, account_name: str | None, project_name: str | None
) -> OpenGallery:
    """Find the gallery that a command is about.

    Parameters
    ----------
    desk : GalleryDesk
        The installation's galleries.
    settings : Settings
        Its default region is the one meant where none is named.
    account_name, project_name : str or None
        As for `gallery`.

    Returns
    -------
    OpenGallery
        The gallery.

    Raises
    ------
    OperatorError
        There is no such account or project.
    """
    account = pick_account(desk.administration, account_name)
    if project_name is not None:
        return OpenGallery(desk, account, pick_project(desk.administration, account, project_name))
    own = {project.name: project for project in projects_of(desk.administration, account)}
    if not own:
        raise OperatorError(f"account {account.name} has no project, and so no gallery")
    return OpenGallery(desk, account, own.get(settings.default_region) or next(iter(own.values())))


def has_installation(settings: Settings) -> bool:
    """Tell whether there is an installation that commands can look into.

    Parameters
    ----------
    settings : Settings
        Where it would be.

    Returns
    -------
    bool
        True also where a database is named: that it cannot be used is told when it is opened.
    """
    return settings.database_url is not None or (settings.data_dir / "huiyan.db").exists()
