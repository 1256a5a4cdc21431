"""What a call about a gallery names.

Owns: how the gallery, the person and the photo are taken from a call. Has no opinion on: whether
they are there; what cannot be an id is told as what is not there.
"""

from __future__ import annotations

import re

from huiyan.celebrity.gallery.model import PersonId, PhotoId
from huiyan.iam.call import Call
from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import ProjectId
from huiyan.persistence.query import Scope

ID_FORM = re.compile(r"[0-9a-f]{32}")
"""What the ids of projects, people and photos look like. Nothing else that stands in their place is
told to anyone: it may be a name."""


def scope_of(call: Call) -> Scope:
    """Tell whose gallery a call is about.

    Parameters
    ----------
    call : Call
        Authorised in the project that its path names.

    Returns
    -------
    Scope
        The caller's account and that project.

    Raises
    ------
    MissingCredentialsError
        The call has no caller.
    """
    return Scope(call.caller().principal.account_id, project_of(call))


def project_of(call: Call) -> ProjectId:
    """Tell in which project's turn a call's pictures are looked at.

    Parameters
    ----------
    call : Call
        Authorised in the project that its path names.

    Returns
    -------
    ProjectId
        That project.
    """
    return ProjectId(call.path["project_id"])


def person_of(call: Call) -> PersonId:
    """Tell which person a call's path names.

    Parameters
    ----------
    call : Call
        The call.

    Returns
    -------
    PersonId
        Theirs, or nobody's.

    Raises
    ------
    NotFoundError
        It can be nobody's.
    """
    return PersonId(_id(call, "person_id", "person"))


def photo_of(call: Call) -> PhotoId:
    """Tell which photo a call's path names.

    Parameters
    ----------
    call : Call
        The call.

    Returns
    -------
    PhotoId
        Its id, or no photo's.

    Raises
    ------
    NotFoundError
        It can be no photo's.
    """
    return PhotoId(_id(call, "photo_id", "photo"))


def _id(call: Call, name: str, thing: str) -> str:
    text = call.path[name]
    if not ID_FORM.fullmatch(text):
        raise NotFoundError(f"there is no such {thing} in this gallery")
    return text
