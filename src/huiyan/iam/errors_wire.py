"""How IAM's calls, and our own beside them, say what went wrong.

Owns: one row for each fault (status, text and the codes of each shape) and the three shapes of the
body. Has no opinion on: the shapes of other wires.
"""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from huiyan.kernel import errors

_CREDENTIALS = "Incorrect IAM authentication information"

Codes = Mapping[type[errors.HuiyanError] | str, str]
"""Codes that one call uses instead of its shape's: by kind, or by the parameter that is invalid."""


class Shape(Enum):
    """The bodies in which a fault can be told."""

    KEYSTONE = "error"
    """``{"error": {"code": 404, "message": …, "title": …}}``: the v3 calls."""

    CODED = "error_code"
    """``{"error_code": "IAM.0007", "error_msg": …}``: some of the v3.0 calls."""

    OWN = "huiyan"
    """``{"error_code": "HY.0005", "error_msg": …}``: calls that the vendor does not have."""


@dataclass(frozen=True, slots=True)
class IamFault:
    """What a caller of IAM is told.

    Parameters
    ----------
    status : int
        The HTTP status, repeated in the Keystone body.
    message : str
        What went wrong.
    code : str
        The code of the vendor's newer calls, ``IAM.nnnn``.
    own_code : str
        The code of our own calls, ``HY.nnnn``.
    retry_after_s : int or None
        For ``Retry-After``.
    """

    status: int
    message: str
    code: str
    own_code: str
    retry_after_s: int | None = None

    def body(self, shape: Shape = Shape.KEYSTONE) -> dict[str, object]:
        """Render the body.

        Parameters
        ----------
        shape : Shape, default Shape.KEYSTONE
            The call's.

        Returns
        -------
        dict
            The JSON object.

        Notes
        -----
        ``docs/wire.md``, section "Errors of IAM".
        """
        if shape is Shape.KEYSTONE:
            title = http.HTTPStatus(self.status).phrase
            return {"error": {"code": self.status, "message": self.message, "title": title}}
        code = self.code if shape is Shape.CODED else self.own_code
        return {"error_code": code, "error_msg": self.message}


@dataclass(frozen=True, slots=True)
class _Row:
    status: int
    text: Callable[[errors.HuiyanError], str]
    code: str
    own_code: str


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


def _action(error: errors.HuiyanError) -> str:
    action = error.action if isinstance(error, errors.NotPermittedError) else ""
    return f"You are not authorized to perform the requested action: {action}."


def _unauthenticated(text: Callable[[errors.HuiyanError], str]) -> _Row:
    return _Row(401, text, "IAM.0001", "HY.0001")


def _refused(text: Callable[[errors.HuiyanError], str]) -> _Row:
    return _Row(403, text, "IAM.0002", "HY.0002")


def _invalid(status: int = 400, code: str = "IAM.0007") -> _Row:
    return _Row(status, _detail, code, "HY.0005")


_UNEXPECTED = _Row(500, _fixed("An unexpected error prevented the request."), "IAM.0006", "HY.0011")
_UNAVAILABLE = _Row(503, _fixed("The service is currently unavailable."), "IAM.0006", "HY.0010")

_ROWS: dict[type[errors.HuiyanError], _Row] = {
    errors.MissingCredentialsError: _unauthenticated(
        _fixed("The request you have made requires authentication.")
    ),
    errors.UnsupportedSchemeError: _unauthenticated(_credentials),
    errors.UnknownKeyError: _unauthenticated(_key),
    errors.SignatureMismatchError: _unauthenticated(_signature),
    errors.SignatureExpiredError: _unauthenticated(_signature),
    errors.UnusableTokenError: _unauthenticated(_fixed(f"{_CREDENTIALS}: decrypt token fail")),
    errors.ExpiredTokenError: _unauthenticated(_fixed(f"{_CREDENTIALS}: token expires")),
    errors.WithdrawnTokenError: _unauthenticated(_fixed("The token must be updated.")),
    errors.WrongPasswordError: _unauthenticated(_fixed("The username or password is wrong.")),
    errors.LockedOutError: _unauthenticated(_detail),
    errors.ForeignProjectError: _Row(
        404, _fixed("Could not find the project."), "IAM.0007", "HY.0004"
    ),
    errors.DomainTokenError: _refused(_fixed("The token of the project type must be used.")),
    errors.DisabledUserError: _refused(_detail),
    errors.DisabledAccountError: _Row(403, _detail, "IAM.0002", "HY.0003"),
    errors.NotPermittedError: _Row(403, _action, "IAM.0003", "HY.0002"),
    errors.ServiceNotEnabledError: _Row(403, _detail, "IAM.0002", "HY.0003"),
    errors.NotFoundError: _Row(404, _detail, "IAM.0007", "HY.0004"),
    errors.ConflictError: _Row(409, _detail, "IAM.0007", "HY.0006"),
    errors.QuotaError: _Row(400, _detail, "IAM.0007", "HY.0009"),
    errors.GalleryModelError: _Row(409, _detail, "IAM.0007", "HY.0013"),
    errors.GalleryFileError: _Row(400, _detail, "IAM.0007", "HY.0014"),
    errors.WeakPasswordError: _invalid(code="IAM.1118"),
    errors.MalformedRequestError: _invalid(),
    errors.MissingProjectError: _invalid(),
    errors.UnknownRouteError: _Row(
        404, _fixed("The resource could not be found."), "IAM.0007", "HY.0004"
    ),
    errors.WrongMethodError: _Row(
        405, _fixed("The method is not allowed for this resource."), "IAM.0007", "HY.0005"
    ),
    errors.UriTooLongError: _invalid(414),
    errors.HeadersTooLargeError: _invalid(431),
    errors.BodyTooLargeError: _invalid(413),
    errors.BodyTimeoutError: _invalid(408),
    errors.BodyError: _invalid(),
    errors.MalformedJsonError: _invalid(code="IAM.0011"),
    errors.MissingParameterError: _invalid(code="IAM.0072"),
    errors.InvalidParameterError: _invalid(code="IAM.0073"),
    errors.UnfitFaceError: _Row(400, _detail, "IAM.0007", "HY.0012"),
    errors.PictureError: _invalid(),
    errors.FetchError: _invalid(),
    errors.OverloadError: _Row(
        429, _fixed("Too many requests; try again later."), "IAM.0006", "HY.0007"
    ),
    errors.RecordingError: _UNAVAILABLE,
    errors.InferenceError: _UNEXPECTED,
    errors.DatabaseError: _UNAVAILABLE,
    errors.OperatorError: _UNEXPECTED,
}


def render_fault(error: errors.HuiyanError, codes: Codes | None = None) -> IamFault:
    """Render an error.

    Parameters
    ----------
    error : HuiyanError
        Any leaf of the tree; its own row counts, else its nearest branch's.
    codes : mapping, optional
        Codes that this call uses instead of its shape's.

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
            return IamFault(
                status=row.status,
                message=row.text(error),
                code=_code(error, codes or {}, row.code),
                own_code=row.own_code,
                retry_after_s=(
                    error.retry_after_s if isinstance(error, errors.OverloadError) else None
                ),
            )
    raise LookupError(f"no row for {type(error).__name__}")


def _code(error: errors.HuiyanError, codes: Codes, usual: str) -> str:
    if isinstance(error, errors.InvalidParameterError) and error.parameter in codes:
        return codes[error.parameter]
    return codes.get(type(error), usual)
