"""One call of IAM, or of our own calls beside it, as a value.

Owns: what a handler may look at, what it answers, and what the table of calls says of each. Has no
opinion on: the web framework, and what any call does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from huiyan.iam.audit.detail import Telling
from huiyan.iam.errors_wire import Codes, Shape
from huiyan.iam.field import Document, object_field
from huiyan.iam.lane import Lane
from huiyan.iam.model import Session
from huiyan.iam.policy.model import Decision
from huiyan.kernel.errors import (
    InvalidParameterError,
    MalformedJsonError,
    MissingCredentialsError,
)
from huiyan.kernel.ids import ProjectId, RequestId, UserId
from huiyan.web.request import RawRequest

_PAGE_LIMIT = 5000

BODY_LIMIT_BYTES = 64 * 1024
"""What most calls take; none of them has much to say."""


NO_PROJECT = ProjectId("")
"""What calls of IAM are made in, for limits."""


class CallThrottle(Protocol):
    """What holds callers to their limits."""

    def enter(self, user_id: UserId, project_id: ProjectId) -> AbstractContextManager[None]:
        """Count one call, from here to the end of the block, or raise ``RateLimitError``."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler may look at.

    Parameters
    ----------
    request : RawRequest
        As sent.
    request_id : RequestId
        Ours.
    session : Session or None
        The caller; None for calls that need no credentials.
    path : mapping of str to str
        The path's variable parts, decoded.
    query : mapping of str to str
        The query's parameters, each given once.
    origin : str
        Scheme and host as the caller sees them, for ``links``.
    url : str
        The same with the path.
    """

    request: RawRequest
    request_id: RequestId
    session: Session | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    origin: str
    url: str

    def caller(self) -> Session:
        """Get the caller.

        Returns
        -------
        Session
            The caller.

        Raises
        ------
        MissingCredentialsError
            The call was made without credentials.
        """
        if self.session is None:
            raise MissingCredentialsError("x-auth-token not found")
        return self.session

    def header(self, name: bytes) -> bytes:
        """Find a header's value.

        Parameters
        ----------
        name : bytes
            Lower case.

        Returns
        -------
        bytes
            The first that is not empty, else the empty one.
        """
        for named, value in self.request.headers:
            if named.lower() == name and value.strip():
                return value.strip()
        return b""

    def document(self) -> Document:
        """Parse the body.

        Returns
        -------
        dict
            A JSON object.

        Raises
        ------
        MalformedJsonError
            It is none.
        """
        try:
            document = msgspec.json.decode(self.request.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise MalformedJsonError("the body is no JSON") from error
        if not isinstance(document, dict):
            raise MalformedJsonError("the body is no JSON object")
        return document

    def member(self, name: str) -> Document:
        """Get the one object that the body holds under the vendor's name for the thing.

        Parameters
        ----------
        name : str
            For example ``user``.

        Returns
        -------
        dict
            Its fields.

        Raises
        ------
        MalformedJsonError, MissingParameterError, InvalidParameterError
            The body is no object, lacks it, or it is none.
        """
        return object_field(self.document(), name)

    def require_known(self, known: Collection[str]) -> None:
        """Refuse parameters that mean nothing: a misspelt condition must not widen the answer.

        Parameters
        ----------
        known : collection of str
            The parameters of the query that mean something.

        Raises
        ------
        InvalidParameterError
            There is another.
        """
        for name in sorted(self.query.keys() - set(known)):
            raise InvalidParameterError(name[:64], "is not a parameter of this call")

    def flag(self, name: str) -> bool | None:
        """Read a parameter of the query that is true or false.

        Parameters
        ----------
        name : str
            The parameter.

        Returns
        -------
        bool or None
            None if it was not given or is empty.

        Raises
        ------
        InvalidParameterError
            It is neither.
        """
        text = self.query.get(name, "").lower()
        if not text:
            return None
        if text not in {"true", "false"}:
            raise InvalidParameterError(name, "must be true or false")
        return text == "true"

    def number(self, name: str, most: int = _PAGE_LIMIT, least: int = 1) -> int | None:
        """Read a parameter of the query that is a number.

        Parameters
        ----------
        name : str
            The parameter.
        most, least : int
            The bounds, both included.

        Returns
        -------
        int or None
            None if it was not given or is empty.

        Raises
        ------
        InvalidParameterError
            It is none, or out of bounds.
        """
        text = self.query.get(name, "")
        if not text:
            return None
        plain = text.isascii() and text.isdigit() and len(text) <= 15
        if not plain or not least <= int(text) <= most:
            raise InvalidParameterError(name, f"must be a whole number from {least} to {most}")
        return int(text)

    def page(self) -> slice:
        """Read which page of a list is wanted.

        Returns
        -------
        slice
            By ``page`` (from 1) and ``per_page``; everything if neither is given.

        Raises
        ------
        InvalidParameterError
            One of them is no number from 1 to 5000.
        """
        page, per_page = self.number("page"), self.number("per_page")
        if page is None and per_page is None:
            return slice(None)
        size = per_page or _PAGE_LIMIT
        start = ((page or 1) - 1) * size
        return slice(start, start + size)

    def list_links(self) -> Document:
        """Render the ``links`` of a list.

        Returns
        -------
        dict
            ``self``, and ``next`` and ``previous`` as null.
        """
        return {"self": self.url, "next": None, "previous": None}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers.

    Parameters
    ----------
    status : int
        HTTP status.
    document : dict or None
        The body; None for none.
    headers : mapping of str to str
        Beside those that every reply has.
    pieces : iterable of bytes, optional
        A body that is no document, sent piece by piece as it comes to be; iterated on worker
        threads, and closed at the end if it can be, also when the caller goes away before. A fault
        on the way breaks the reply off.
    media_type : str, default 'application/json'
        What the pieces are.
    told : mapping of str to str
        What the audit log is told of it beside what came to be: ids and numbers, nothing that
        somebody may ask to have deleted.
    """

    status: int = 200
    document: Document | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes] | None = None
    media_type: str = "application/json"
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a call turned out to do, and why it may.

    Parameters
    ----------
    action : str
        What it does: ``service:resource:operation``.
    decision : Decision
        By which statement.
    """

    action: str
    decision: Decision


Handler = Callable[[Call], Answer]
Own = Callable[[Call], bool]
Judge = Callable[[Call], Judgement]


def nobody(_call: Call) -> bool:
    """Tell that a call is nobody's own: it always needs the right.

    Parameters
    ----------
    _call : Call
        Any.

    Returns
    -------
    bool
        False.
    """
    return False


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the table of calls.

    Parameters
    ----------
    method : str
        HTTP method.
    path : str
        With names of variable parts in braces. A part named ``project_id`` under ``/huiyan/`` is
        the project that the action is authorised in.
    action : str
        What the caller needs the right to do, ``service:resource:operation``; empty for calls that
        every enabled user may make.
    handle : callable
        Answers; runs on a worker thread once the caller may.
    own : callable, optional
        Whether the call concerns only the caller's own user, who then needs no right unless a
        policy denies it. Must not fail on malformed input: False then.
    shape : Shape, default Shape.KEYSTONE
        How faults are told.
    codes : mapping, optional
        Codes that this call uses instead of its shape's.
    is_open : bool, default False
        Whether no credentials are looked at: the calls that give them.
    lane : Lane, default Lane.LIGHT
        How heavy it is: few calls of the heavy kinds run at once.
    body_limit_bytes : int, default 64 KiB
        The largest body. One that takes more is refused without credentials before it is read.
    by_any_role : bool, default False
        Whether any role in the project admits the call, as it does an Image call.
    service : str, optional
        For calls by any role: the service that must be open in the project.
    judge : callable, optional
        Decides in place of all this whether the caller may, for paths that do several things;
        raises if not. Must not fail on malformed input otherwise.
    tells : Telling, optional
        What the audit log is told of the body and the answer, nothing without it; and what counts
        as an id in the path.
    is_told : bool, default False
        Whether the audit log is told of it although it changes nothing; of changes it always is.
    """

    method: str
    path: str
    action: str
    handle: Handler
    own: Own = nobody
    shape: Shape = Shape.KEYSTONE
    codes: Codes = field(default_factory=dict)
    is_open: bool = False
    lane: Lane = Lane.LIGHT
    body_limit_bytes: int = BODY_LIMIT_BYTES
    by_any_role: bool = False
    service: str | None = None
    judge: Judge | None = None
    tells: Telling = field(default_factory=Telling)
    is_told: bool = False
