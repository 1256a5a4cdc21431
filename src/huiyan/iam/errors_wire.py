"""How the IAM calls say what went wrong.

Owns: one row for each fault: status and text, in IAM's own shape. Has no opinion on: the shapes of
other wires.
"""

from __future__ import annotations

import http
from collections.abc import Callable
from dataclasses import dataclass

from huiyan.kernel import errors

_CREDENTIALS = "Incorrect IAM authentication information"


@dataclass(frozen=True, slots=True)
class IamFault:
    """What a caller of IAM is told.

    Parameters
    ----------
    status : int
        The HTTP status, repeated in the body.
    message : str
        What went wrong.
    """

    status: int
    message: str

    def body(self) -> dict[str, dict[str, int | str]]:
        """Render the body.

        Returns
        -------
        dict
            ``error`` with ``code``, ``message`` and ``title``.

        Notes
        -----
        ``docs/wire.md``, section "IAM".
        """
        return {
            "error": {
                "code": self.status,
                "message": self.message,
                "title": http.HTTPStatus(self.status).phrase,
            }
        }


def _detail(error: errors.HuiyanError) -> str:
    return error.detail


def _fixed(text: str) -> Callable[[errors.HuiyanError], str]:
    return lambda _error: text


def _credentials(error: errors.HuiyanError) -> str:
    return f"{_CREDENTIALS}: {error.detail}"


def _signature(error: errors.HuiyanError) -> str:
    return f"{_CREDENTIALS}: verify aksk signature fail, {error.detail}"


def _key(error: errors.HuiyanError) -> str:
    access_key = error.access_key if isinstance(error, errors.UnknownKeyError) else ""
    return f"{_CREDENTIALS}: Get secretKey failed,ak:{access_key},err:ak not exist"


_ROWS: dict[type[errors.HuiyanError], tuple[int, Callable[[errors.HuiyanError], str]]] = {
    errors.MissingCredentialsError: (
        401,
        _fixed("The request you have made requires authentication."),
    ),
    errors.UnsupportedSchemeError: (401, _credentials),
    errors.UnknownKeyError: (401, _key),
    errors.SignatureMismatchError: (401, _signature),
    errors.SignatureExpiredError: (401, _signature),
    errors.UnusableTokenError: (401, _credentials),
    errors.ForeignProjectError: (404, _fixed("Could not find the project.")),
    errors.ServiceNotEnabledError: (403, _detail),
    errors.MalformedRequestError: (400, _detail),
    errors.MissingProjectError: (400, _detail),
    errors.UnknownRouteError: (404, _fixed("The resource could not be found.")),
    errors.WrongMethodError: (405, _fixed("The method is not allowed for this resource.")),
    errors.UriTooLongError: (414, _detail),
    errors.HeadersTooLargeError: (431, _detail),
    errors.BodyTooLargeError: (413, _detail),
    errors.BodyTimeoutError: (408, _detail),
    errors.BodyError: (400, _detail),
    errors.PictureError: (400, _detail),
    errors.FetchError: (400, _detail),
    errors.OverloadError: (429, _fixed("Too many requests; try again later.")),
    errors.RecordingError: (503, _fixed("The service is currently unavailable.")),
    errors.InferenceError: (500, _fixed("An unexpected error prevented the request.")),
    errors.DatabaseError: (503, _fixed("The service is currently unavailable.")),
    errors.OperatorError: (500, _fixed("An unexpected error prevented the request.")),
}


def render_fault(error: errors.HuiyanError) -> IamFault:
    """Render an error.

    Parameters
    ----------
    error : HuiyanError
        Any leaf of the tree; its own row counts, else its nearest branch's.

    Returns
    -------
    IamFault
        What the caller is told.

    Raises
    ------
    LookupError
        Neither the leaf nor a branch above it has a row; a test walks the tree.
    """
    for kind in type(error).__mro__:
        row = _ROWS.get(kind)
        if row is not None:
            status, text = row
            return IamFault(status, text(error))
    raise LookupError(f"no row for {type(error).__name__}")
