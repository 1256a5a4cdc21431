"""How each error reads on the wire of the gateway and of the Image operations.

Owns: error to (status, vendor code, text), and the error body. Has no opinion on: why it happened.

Source: ``docs/wire.md``, "Errors". The walk from an error's class towards the root finds its row,
so a new leaf needs one only where it reads differently; a test asks for one of every leaf.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from huiyan.gateway.call import Reply
from huiyan.kernel import errors
from huiyan.kernel.ids import RequestId


@dataclass(frozen=True, slots=True)
class WireError:
    """One row of the table.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        The vendor's code.
    text : str
        The vendor's text where one is published, else ours.
    says_detail : bool
        Whether the error's own detail follows the text.
    """

    status: int
    code: str
    text: str
    says_detail: bool = True


_INTERNAL = WireError(
    400,
    "AIS.0003",
    "Failed to complete the request because of an internal service error.",
    says_detail=False,
)
_UNAUTHENTICATED = "Incorrect IAM authentication information"

_NOT_PERMITTED = WireError(
    403, "APIGW.0302", "The IAM user is not authorized to access the API.", says_detail=False
)

TABLE: dict[type[errors.HuiyanError], WireError] = {
    errors.MalformedRequestError: WireError(400, "APIGW.0201", "API request error."),
    errors.MissingProjectError: WireError(400, "APIGW.0201", "API request error."),
    errors.UnknownRouteError: WireError(
        404,
        "APIGW.0101",
        "The API does not exist or has not been published in the environment.",
        says_detail=False,
    ),
    errors.WrongMethodError: WireError(
        404, "APIGW.0101", "The API does not exist.", says_detail=False
    ),
    errors.UriTooLongError: WireError(
        414, "APIGW.0201", "Request URI too large.", says_detail=False
    ),
    errors.HeadersTooLargeError: WireError(
        494, "APIGW.0201", "Request headers too large.", says_detail=False
    ),
    errors.BodyTooLargeError: WireError(
        413, "APIGW.0201", "Request entity too large.", says_detail=False
    ),
    errors.BodyTimeoutError: WireError(408, "APIGW.0201", "API request error."),
    errors.MissingHeaderError: WireError(400, "AIS.0010", "The header is missing or left empty."),
    errors.UnsupportedMediaTypeError: WireError(
        400, "AIS.0012", "The request parameter is not supported."
    ),
    errors.MalformedJsonError: WireError(
        400, "AIS.0014", "The JSON format of the input data is incorrect."
    ),
    errors.MissingParameterError: WireError(
        400, "AIS.0011", "The request parameter is missing or left empty."
    ),
    errors.InvalidParameterError: WireError(400, "AIS.0501", "The input parameter is invalid."),
    errors.Base64Error: WireError(
        400, "AIS.0015", "Base64 decoding of the input data is incorrect."
    ),
    errors.PictureTextTooLargeError: WireError(
        400, "AIS.0020", "The size of the request body exceeds the upper limit."
    ),
    errors.UnsupportedFormatError: WireError(400, "AIS.0502", "The image format is not supported."),
    errors.DamagedPictureError: WireError(400, "AIS.0503", "The image is damaged."),
    errors.PictureSizeError: WireError(
        400, "AIS.0504", "The image size does not meet requirements."
    ),
    errors.UnfitFaceError: WireError(400, "AIS.0504", "The image size does not meet requirements."),
    errors.RefusedUrlError: WireError(400, "AIS.0022", "The URL is not allowed."),
    errors.DownloadError: WireError(
        400, "AIS.0029", "Failed to download the file from the public network."
    ),
    errors.DownloadTooLargeError: WireError(
        400, "AIS.0504", "The image size does not meet requirements."
    ),
    errors.MissingCredentialsError: WireError(
        401, "APIGW.0301", f"{_UNAUTHENTICATED}: x-auth-token not found", says_detail=False
    ),
    errors.UnsupportedSchemeError: WireError(401, "APIGW.0301", f"{_UNAUTHENTICATED}:"),
    errors.SignatureMismatchError: WireError(
        401, "APIGW.0301", f"{_UNAUTHENTICATED}: verify aksk signature fail,"
    ),
    errors.SignatureExpiredError: WireError(401, "APIGW.0301", f"{_UNAUTHENTICATED}:"),
    errors.UnusableTokenError: WireError(
        401, "APIGW.0301", f"{_UNAUTHENTICATED}: decrypt token fail", says_detail=False
    ),
    errors.ExpiredTokenError: WireError(
        401, "APIGW.0301", f"{_UNAUTHENTICATED}: token expires", says_detail=False
    ),
    errors.WithdrawnTokenError: WireError(
        401, "APIGW.0307", "The token must be updated.", says_detail=False
    ),
    errors.WrongPasswordError: WireError(
        401, "APIGW.0301", f"{_UNAUTHENTICATED}: wrong user or password", says_detail=False
    ),
    errors.LockedOutError: WireError(401, "APIGW.0301", f"{_UNAUTHENTICATED}:"),
    errors.DomainTokenError: WireError(
        400,
        "AIS.0026",
        "The token type is incorrect. The token of the project type must be used.",
        says_detail=False,
    ),
    errors.DisabledUserError: _NOT_PERMITTED,
    errors.NotPermittedError: _NOT_PERMITTED,
    errors.DisabledAccountError: WireError(403, "ModelArts.4204", "The API is not subscribed:"),
    errors.NotFoundError: WireError(400, "AIS.0501", "The input parameter is invalid."),
    errors.ConflictError: WireError(400, "AIS.0501", "The input parameter is invalid."),
    errors.QuotaError: WireError(400, "AIS.0501", "The input parameter is invalid."),
    errors.GalleryModelError: WireError(400, "AIS.0505", "Failed to run the algorithm."),
    errors.GalleryFileError: WireError(400, "AIS.0501", "The input parameter is invalid."),
    errors.WeakPasswordError: WireError(400, "AIS.0501", "The input parameter is invalid."),
    errors.ForeignProjectError: _NOT_PERMITTED,
    errors.ServiceNotEnabledError: WireError(
        403, "ModelArts.4204", "The API is not subscribed: enable the service first."
    ),
    errors.QueueFullError: WireError(429, "ModelArts.4401", "Too many concurrent requests."),
    errors.RateLimitError: WireError(
        429, "APIGW.0308", "The throttling threshold has been reached:"
    ),
    errors.InferenceError: WireError(
        400, "AIS.0505", "Failed to run the algorithm.", says_detail=False
    ),
    errors.RecordingError: _INTERNAL,
    errors.OperatorError: _INTERNAL,
}


class _ErrorBody(msgspec.Struct):
    error_code: str
    error_msg: str
    request_id: str


_ENCODER = msgspec.json.Encoder()


def find_row(error_type: type[errors.HuiyanError]) -> WireError | None:
    """Find the row of an error, or of its nearest ancestor.

    Parameters
    ----------
    error_type : type
        A class of the error tree.

    Returns
    -------
    WireError or None
        The row.
    """
    for ancestor in error_type.__mro__:
        if ancestor in TABLE:
            return TABLE[ancestor]
    return None


def render_error(error: Exception, request_id: RequestId) -> Reply:
    """Render an error.

    Parameters
    ----------
    error : Exception
        Any; what is not of our tree reads as an internal error and reveals nothing.
    request_id : RequestId
        The call's id.

    Returns
    -------
    Reply
        Status, body and, for overload, the time to wait.
    """
    if isinstance(error, errors.UnknownKeyError):
        text = f"{_UNAUTHENTICATED}: Get secretKey failed,ak:{error.access_key},err:ak not exist"
        return _reply(WireError(401, "APIGW.0301", text, says_detail=False), text, request_id)
    row = find_row(type(error)) if isinstance(error, errors.HuiyanError) else None
    row = row or _INTERNAL
    detail = str(error) if row.says_detail else ""
    reply = _reply(row, f"{row.text} {detail}".rstrip(), request_id)
    if isinstance(error, errors.OverloadError):
        return Reply(reply.status, reply.body, reply.error_code, error.retry_after_s)
    return reply


def _reply(row: WireError, text: str, request_id: RequestId) -> Reply:
    body = _ENCODER.encode(_ErrorBody(row.code, text, request_id))
    return Reply(status=row.status, body=body, error_code=row.code)
