"""Which operation a path and method name."""

from __future__ import annotations

import pytest

from huiyan.gateway.route import RouteTable
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import MissingProjectError, WrongMethodError
from huiyan.recognition.model import AnyCapability, Capability, ParsedRequest, PictureBytes


def capability(version: str, path: str) -> AnyCapability:
    return Capability(
        interface="tagging",
        version=version,
        path=path,
        limits=PictureLimits(frozenset({Format.JPEG}), 1, 2),
        min_short_side_px=None,
        parse=lambda body: ParsedRequest(None, PictureBytes(body)),
        recognise=lambda _image, _params, _scope: None,
        render=lambda _result, _params: b"{}",
    )


V2 = capability("v2", "/v2/{project_id}/image/tagging")
V1 = capability("v1.0", "/v1.0/image/tagging")
TABLE = RouteTable([V2, V1])


def test_an_empty_table_knows_no_path() -> None:
    assert RouteTable([]).find("POST", b"/v2/p/image/tagging") is None


def test_a_path_with_a_project_names_operation_and_project() -> None:
    target = TABLE.find("POST", b"/v2/0a1b/image/tagging")
    assert target is not None
    assert target.capability is V2
    assert target.project_id == "0a1b"


def test_a_path_without_a_project_names_the_operation() -> None:
    target = TABLE.find("POST", b"/v1.0/image/tagging")
    assert target is not None
    assert target.capability is V1
    assert target.project_id is None


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"*",
        b"//",
        b"/v2",
        b"/v2/p/image",
        b"/v2/p/image/tagging/",
        b"/v2/p/image/tagging/x",
        b"/v2//p/image/tagging",
        b"//v2/p/image/tagging",
        b"/V2/p/image/tagging",
        b"/v3/p/image/tagging",
        b"/v2/p/image/Tagging",
        b"/v2/p/q/image/tagging",
        b"/v2/p/../v2/p/image/tagging",
        b"/v2/p/image%2Ftagging",
        b"/v2/p/image/media-tagging",
        b"/v1.0/p/image/tagging",
        b"/v1.0/image/tagging/",
        b"v2/p/image/tagging",
        b"http://host/v2/p/image/tagging",
        b"/healthz",
        b"/\xff\xfe",
    ],
)
def test_every_other_path_is_none_of_ours(path: bytes) -> None:
    assert TABLE.find("POST", path) is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post", ""])
def test_another_method_on_a_known_path_is_wrong(method: str) -> None:
    with pytest.raises(WrongMethodError):
        TABLE.find(method, b"/v2/p/image/tagging")
    with pytest.raises(WrongMethodError):
        TABLE.find(method, b"/v1.0/image/tagging")


@pytest.mark.parametrize(
    "path",
    [
        b"/v2/%7Bproject_id%7D/image/tagging",
        b"/v2/%7bproject_id%7d/image/tagging",
        b"/v2/{project_id}/image/tagging",
    ],
)
def test_a_placeholder_in_the_path_says_what_to_do(path: bytes) -> None:
    with pytest.raises(MissingProjectError, match="without a project id"):
        TABLE.find("POST", path)


@pytest.mark.parametrize(
    ("sent", "project_id"),
    [
        (b"", ""),
        (b"a%2Fb", "a/b"),
        (b"%E9%A1%B9", "项"),
        (b"%ff", "\ufffd"),
        (b"%zz", "%zz"),
        (b"..", ".."),
    ],
)
def test_a_strange_project_goes_on_as_text_for_authorisation_to_refuse(
    sent: bytes, project_id: str
) -> None:
    target = TABLE.find("POST", b"/v2/" + sent + b"/image/tagging")
    assert target is not None
    assert target.project_id == project_id
