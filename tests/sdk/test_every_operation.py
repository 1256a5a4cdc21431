"""What every operation does alike, through the vendor's Python client against a server process.

What it refuses and with which code, whoever calls, and what is recorded of good and bad calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from live_server import LiveServer, tagging_body
from made_pictures import encoded, jpeg, photograph_like, png_bomb
from signed_call import Account
from vendor_operations import OPERATIONS, Call, Operation

from huiyan.metering.repository import UseRepository
from huiyan.persistence.database import open_database
from huiyan.persistence.query import Scope

pytestmark = pytest.mark.models

PICTURE = jpeg(64, 48)
STRANGER = "NOBODYNOBODYNOBODYNO"
WRONG_SECRET = "s" * 40
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "neither": ({}, "AIS.0011"),
    "both empty": ({"image": "", "url": ""}, "AIS.0011"),
    "both": ({"image": "AAAA", "url": "http://example.com"}, "AIS.0501"),
    "no base64": ({"image": "????"}, "AIS.0015"),
    "a data URL": ({"image": "data:image/png;base64,AAAA"}, "AIS.0015"),
    "too much base64": ({"image": "A" * 10_485_764}, "AIS.0020"),
    "no picture": ({"image": "aGVsbG8gaGVsbG8="}, "AIS.0502"),
    "a threshold in words": ({"image": "AAAA", "threshold": "0.9"}, "AIS.0501"),
    "a threshold of yes": ({"image": "AAAA", "threshold": True}, "AIS.0501"),
    "an image that is a number": ({"image": 7}, "AIS.0501"),
    "a URL that is a list": ({"url": ["http://example.com"]}, "AIS.0501"),
    "an FTP URL": ({"url": "ftp://example.com/a.jpg"}, "AIS.0022"),
    "a private address": ({"url": "http://10.0.0.1/a.jpg"}, "AIS.0022"),
    "the cloud's metadata": ({"url": "http://169.254.169.254/latest"}, "AIS.0022"),
    "another port": ({"url": "http://127.0.0.1:22/"}, "AIS.0022"),
    "a password in the URL": ({"url": "http://a:b@127.0.0.1/"}, "AIS.0022"),
}
"""Bodies that every operation refuses; ``Operation.refuses`` has those of one alone."""

FORMS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF")
DOWNLOADS = {"/absent.jpg": "AIS.0029", "/huge.jpg": "AIS.0504", "/page.html": "AIS.0502"}


def half(form: str) -> bytes:
    """Too little to show, enough to tell the format that is taken from one that is not."""
    whole = encoded(photograph_like(320, 240), form)
    return whole[: len(whole) // 2]


def refused_bodies(operation: Operation) -> dict[str, tuple[Any, str]]:
    own = {name: (fields, "AIS.0501") for name, fields in operation.refuses.items()}
    return REFUSED | own


def refused_pictures(operation: Operation) -> dict[str, tuple[Callable[[], bytes], str]]:
    shortest_px, longest_px = operation.sides_px
    short_px = max(8, shortest_px)
    sizes_wh = {
        "too wide": (longest_px + 1, short_px),
        "much too wide": (longest_px * 5 // 4, short_px),
        "too high": (short_px, longest_px + 1),
    }
    if shortest_px > 1:
        sizes_wh["too narrow"] = (shortest_px - 1, 400)
        sizes_wh["too low"] = (400, shortest_px - 1)
        sizes_wh["too small"] = (shortest_px - 1, shortest_px - 1)
    made: dict[str, tuple[Callable[[], bytes], str]] = {
        name: (partial(jpeg, *size_wh), "AIS.0504") for name, size_wh in sizes_wh.items()
    }
    made["a bomb"] = (partial(png_bomb, 50_000, 50_000), "AIS.0504")
    made["cut short"] = (lambda: PICTURE[:120], "AIS.0503")
    made["the head of a GIF"] = (lambda: b"GIF89a" + bytes(64), "AIS.0502")
    for form in FORMS:
        if form in operation.formats:
            made[f"half a {form}"] = (partial(half, form), "AIS.0503")
        else:
            made[f"a whole {form}"] = (partial(encoded, photograph_like(), form), "AIS.0502")
    return made


def case(operation: Operation, name: str, *values: Any) -> Any:
    return pytest.param(*values, id=f"{operation.interface}-{name}")


BODIES = [
    case(operation, name, operation, fields, code)
    for operation in OPERATIONS
    for name, (fields, code) in refused_bodies(operation).items()
]
BODIES_OF_OLDER_PATHS = [
    case(operation, name, operation.older_path, fields, operation.older_codes.get(name, code))
    for operation in OPERATIONS
    for name, (fields, code) in refused_bodies(operation).items()
    if operation.older_path is not None
]
PICTURES = [
    case(operation, name, operation, make, code)
    for operation in OPERATIONS
    for name, (make, code) in refused_pictures(operation).items()
]
EACH = pytest.mark.parametrize("operation", OPERATIONS, ids=[it.interface for it in OPERATIONS])


@pytest.fixture
def call(operation: Operation, client: Any) -> Call:
    return operation.caller(client)


def refused(sdk: Any, call: Callable[[], Any], status: int, code: str) -> Any:
    with pytest.raises(sdk.ClientRequestException) as caught:
        call()
    error = caught.value
    assert (error.status_code, error.error_code) == (status, code), error
    assert error.error_msg
    assert re.fullmatch("[0-9a-f]{32}", error.request_id)
    return error


def test_these_are_all_operations(server: LiveServer) -> None:
    served = {
        path
        for path, item in server.get("/openapi.json").json["paths"].items()
        if "image" in item.get("post", {}).get("tags", ())
    }
    assert served == {path for operation in OPERATIONS for path in operation.paths}


class TestErrors:
    @pytest.mark.parametrize(("operation", "fields", "code"), BODIES)
    def test_of_the_body(self, sdk: Any, call: Call, fields: dict[str, Any], code: str) -> None:
        refused(sdk, partial(call, **fields), 400, code)

    @pytest.mark.parametrize(("path", "fields", "code"), BODIES_OF_OLDER_PATHS)
    def test_of_the_body_on_the_older_path(
        self, server: LiveServer, path: str, fields: dict[str, Any], code: str
    ) -> None:
        answer = server.tag(body=json.dumps(fields).encode(), path=path)
        assert (answer.status, answer.error_code) == (400, code)

    @pytest.mark.parametrize(("operation", "make", "code"), PICTURES)
    def test_of_the_picture(
        self, sdk: Any, call: Call, make: Callable[[], bytes], code: str
    ) -> None:
        refused(sdk, partial(call, make()), 400, code)

    @pytest.mark.parametrize("path", DOWNLOADS)
    @EACH
    def test_of_a_download(self, sdk: Any, call: Call, files: str, path: str) -> None:
        refused(sdk, partial(call, url=files + path), 400, DOWNLOADS[path])

    @EACH
    def test_of_a_body_over_12_mib(self, sdk: Any, call: Call) -> None:
        refused(sdk, partial(call, url="x" * 13_000_000), 413, "APIGW.0201")

    def test_of_an_operation_that_is_not_served(self, sdk: Any, client: Any) -> None:
        from huaweicloudsdkimage.v2 import (  # noqa: PLC0415 -- after HOME was moved aside
            ImageTaggingReq,
            RunImageTaggingRequest,
        )

        # All that this client knows is served; an older one knew this path, too.
        request = RunImageTaggingRequest(body=ImageTaggingReq(image="AAAA"))
        call = client._run_image_tagging_http_info(request)
        call["resource_path"] = "/v2/{project_id}/image/image-super-resolution"
        refused(sdk, partial(client._call_api, **call), 404, "APIGW.0101")


@EACH
class TestWhoCalls:
    def call(
        self, sdk: Any, server: LiveServer, operation: Operation, who: Account, project: str | None
    ) -> Callable[[], Any]:
        return partial(operation.caller(sdk.client_by_endpoint(who, server.url, project)), PICTURE)

    def test_with_another_secret(self, sdk: Any, server: LiveServer, operation: Operation) -> None:
        own = server.account
        thief = Account(own.access_key, WRONG_SECRET, own.project_ids)
        call = self.call(sdk, server, operation, thief, own.project_id)
        error = refused(sdk, call, 401, "APIGW.0301")
        assert "verify aksk signature fail" in error.error_msg

    def test_with_an_unknown_key(self, sdk: Any, server: LiveServer, operation: Operation) -> None:
        own = server.account
        stranger = Account(STRANGER, WRONG_SECRET, own.project_ids)
        call = self.call(sdk, server, operation, stranger, own.project_id)
        error = refused(sdk, call, 401, "APIGW.0301")
        assert f"Get secretKey failed,ak:{STRANGER},err:ak not exist" in error.error_msg

    def test_with_an_unknown_key_while_completing_the_project(
        self, sdk: Any, server: LiveServer, operation: Operation
    ) -> None:
        stranger = Account("STRANGERSTRANGERSTRA", WRONG_SECRET, server.account.project_ids)
        with pytest.raises(sdk.SdkException) as caught:
            operation.caller(sdk.client_by_region(stranger, "cn-north-4"))(PICTURE)
        assert caught.value.error_msg

    def test_in_a_foreign_project(self, sdk: Any, server: LiveServer, operation: Operation) -> None:
        call = self.call(sdk, server, operation, server.account, "f" * 32)
        refused(sdk, call, 403, "APIGW.0302")

    def test_with_a_client_built_without_project_and_region(
        self, sdk: Any, server: LiveServer, operation: Operation
    ) -> None:
        call = self.call(sdk, server, operation, server.account, None)
        error = refused(sdk, call, 400, "APIGW.0201")
        assert "without a project id" in error.error_msg


@EACH
def test_good_and_bad_calls_are_in_the_records_under_the_operations_name(
    sdk: Any, server: LiveServer, operation: Operation, call: Call
) -> None:
    width_px = 331 + OPERATIONS.index(operation)  # tells its pictures from all others
    error = refused(sdk, partial(call, image="????"), 400, "AIS.0015")
    bad_ids = {error.request_id: operation.version}
    call(jpeg(width_px, 203))
    good_sizes_wh = {(width_px, 203): operation.version}
    if operation.older_path is not None and operation.older_version is not None:
        older = server.tag(body=b'{"image": "????"}', path=operation.older_path)
        bad_ids[older.request_id] = operation.older_version
        older = server.tag(body=tagging_body(jpeg(width_px, 204)), path=operation.older_path)
        assert older.status == 200
        good_sizes_wh[width_px, 204] = operation.older_version
    database = open_database(f"sqlite:///{server.data_dir / 'huiyan.db'}")
    try:
        with database.reading() as connection:
            (account_id,) = connection.exec_driver_sql("SELECT id FROM account").one()
        uses = UseRepository(database).list_uses(Scope(account_id), limit=100_000)
    finally:
        database.close()
    for request_id, version in bad_ids.items():
        (bad,) = [use for use in uses if use.request_id == request_id]
        assert (bad.interface, bad.version) == (operation.interface, version)
        assert (bad.succeeded, bad.error_code, bad.http_status) == (False, "AIS.0015", 400)
    for size_wh, version in good_sizes_wh.items():
        (good,) = [use for use in uses if (use.width_px, use.height_px) == size_wh]
        assert (good.interface, good.version) == (operation.interface, version)
        assert good.succeeded
