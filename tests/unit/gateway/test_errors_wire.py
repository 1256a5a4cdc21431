"""What callers read when something goes wrong."""

from __future__ import annotations

import json

import pytest

from huiyan.gateway.errors_wire import TABLE, find_row, render_error
from huiyan.kernel import errors
from huiyan.kernel.ids import RequestId

REQUEST_ID = RequestId("0123456789abcdef0123456789abcdef")

# (error, status, code): the wire's own table, docs/wire.md, "Errors" and "Errors of the gateway".
EXPECTED = [
    (errors.MalformedRequestError("x"), 400, "APIGW.0201"),
    (errors.MissingProjectError("x"), 400, "APIGW.0201"),
    (errors.UnknownRouteError(), 404, "APIGW.0101"),
    (errors.WrongMethodError(), 404, "APIGW.0101"),
    (errors.UriTooLongError(), 414, "APIGW.0201"),
    (errors.HeadersTooLargeError(), 494, "APIGW.0201"),
    (errors.BodyTooLargeError(), 413, "APIGW.0201"),
    (errors.BodyTimeoutError("x"), 408, "APIGW.0201"),
    (errors.MissingHeaderError("x"), 400, "AIS.0010"),
    (errors.UnsupportedMediaTypeError("x"), 400, "AIS.0012"),
    (errors.MalformedJsonError("x"), 400, "AIS.0014"),
    (errors.MissingParameterError("x"), 400, "AIS.0011"),
    (errors.InvalidParameterError("limit", "x"), 400, "AIS.0501"),
    (errors.Base64Error("x"), 400, "AIS.0015"),
    (errors.PictureTextTooLargeError("x"), 400, "AIS.0020"),
    (errors.UnsupportedFormatError("x"), 400, "AIS.0502"),
    (errors.DamagedPictureError("x"), 400, "AIS.0503"),
    (errors.PictureSizeError("x"), 400, "AIS.0504"),
    (errors.RefusedUrlError("x"), 400, "AIS.0022"),
    (errors.DownloadError("x"), 400, "AIS.0029"),
    (errors.DownloadTooLargeError("x"), 400, "AIS.0504"),
    (errors.MissingCredentialsError(), 401, "APIGW.0301"),
    (errors.UnsupportedSchemeError("x"), 401, "APIGW.0301"),
    (errors.UnknownKeyError("AK"), 401, "APIGW.0301"),
    (errors.SignatureMismatchError("x"), 401, "APIGW.0301"),
    (errors.SignatureExpiredError("x"), 401, "APIGW.0301"),
    (errors.UnusableTokenError("x"), 401, "APIGW.0301"),
    (errors.ForeignProjectError("x"), 403, "APIGW.0302"),
    (errors.ServiceNotEnabledError("x"), 403, "ModelArts.4204"),
    (errors.QueueFullError("x"), 429, "ModelArts.4401"),
    (errors.RateLimitError("x"), 429, "APIGW.0308"),
    (errors.InferenceError("x"), 400, "AIS.0505"),
    (errors.RecordingError("x"), 400, "AIS.0003"),
    (errors.DatabaseError("x"), 400, "AIS.0003"),
    (RuntimeError("x"), 400, "AIS.0003"),
]

PUBLISHED_TEXTS = {
    "AIS.0003": "Failed to complete the request because of an internal service error.",
    "AIS.0010": "The header is missing or left empty.",
    "AIS.0011": "The request parameter is missing or left empty.",
    "AIS.0012": "The request parameter is not supported.",
    "AIS.0014": "The JSON format of the input data is incorrect.",
    "AIS.0015": "Base64 decoding of the input data is incorrect.",
    "AIS.0020": "The size of the request body exceeds the upper limit.",
    "AIS.0501": "The input parameter is invalid.",
    "AIS.0502": "The image format is not supported.",
    "AIS.0503": "The image is damaged.",
    "AIS.0504": "The image size does not meet requirements.",
    "AIS.0505": "Failed to run the algorithm.",
    "APIGW.0301": "Incorrect IAM authentication information",
    "APIGW.0302": "The IAM user is not authorized to access the API.",
    "APIGW.0308": "The throttling threshold has been reached:",
}


def body_of(error: Exception) -> dict[str, str]:
    body: dict[str, str] = json.loads(render_error(error, REQUEST_ID).body)
    return body


@pytest.mark.parametrize(
    ("error", "status", "code"), EXPECTED, ids=[type(row[0]).__name__ for row in EXPECTED]
)
def test_each_error_has_its_status_and_code(error: Exception, status: int, code: str) -> None:
    reply = render_error(error, REQUEST_ID)
    assert (reply.status, reply.error_code) == (status, code)
    body = json.loads(reply.body)
    assert body["error_code"] == code
    assert body["request_id"] == REQUEST_ID
    assert set(body) == {"error_code", "error_msg", "request_id"}


def test_published_texts_are_kept() -> None:
    for row in TABLE.values():
        assert row.text.startswith(PUBLISHED_TEXTS.get(row.code, ""))


def test_a_fault_that_is_not_ours_reveals_nothing() -> None:
    body = body_of(KeyError("/srv/secret"))
    assert "secret" not in body["error_msg"]


def test_the_parameter_is_named_as_the_caller_wrote_it() -> None:
    body = body_of(errors.InvalidParameterError("threshold", "must be a number"))
    assert body["error_msg"] == "The input parameter is invalid. threshold: must be a number"


def test_an_unknown_key_reads_as_the_vendor_says_it() -> None:
    assert body_of(errors.UnknownKeyError("AKX"))["error_msg"] == (
        "Incorrect IAM authentication information: Get secretKey failed,ak:AKX,err:ak not exist"
    )


def test_missing_credentials_read_as_the_vendor_says_it() -> None:
    assert body_of(errors.MissingCredentialsError("whatever"))["error_msg"] == (
        "Incorrect IAM authentication information: x-auth-token not found"
    )


def test_a_hostile_key_stays_inside_its_json_string() -> None:
    body = body_of(errors.UnknownKeyError('A","error_code":"X\r\n'))
    assert body["error_code"] == "APIGW.0301"


def test_only_overload_says_when_to_come_back() -> None:
    assert render_error(errors.QueueFullError("x", retry_after_s=7), REQUEST_ID).retry_after_s == 7
    assert render_error(errors.DamagedPictureError("x"), REQUEST_ID).retry_after_s is None


def test_an_error_without_a_detail_ends_in_no_space() -> None:
    assert body_of(errors.DamagedPictureError())["error_msg"] == "The image is damaged."


def test_a_new_leaf_reads_as_its_nearest_ancestor() -> None:
    class NewSizeError(errors.PictureSizeError):
        pass

    assert find_row(NewSizeError) is TABLE[errors.PictureSizeError]


def test_a_branch_without_a_row_has_none() -> None:
    assert find_row(errors.RequestError) is None
