"""Image tagging through the vendor's own Python client against a real server process."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer
from made_pictures import jpeg, png_bomb
from signed_call import Account

from huiyan.metering.repository import UseRepository
from huiyan.persistence.database import open_database
from huiyan.persistence.query import Scope

pytestmark = pytest.mark.models

EXPECTED = {
    "chelsea": "cat",
    "coffee": "cup",
    "astronaut": None,
    "rocket": None,
    "china": None,
    "flower": None,
}
OTHER_NAMES = {"cup": {"cup", "coffee cup", "espresso", "coffee mug", "drink", "mug"}}


@pytest.fixture
def client(sdk: Any, server: LiveServer) -> Any:
    return sdk.client_by_endpoint(server.account, server.url, server.account.project_id)


def tags_of(answer: Any) -> list[Any]:
    return list(answer.result.tags)


class TestRealPhotographs:
    def test_each_gets_tags(self, sdk: Any, client: Any, photographs: dict[str, Path]) -> None:
        for name, path in photographs.items():
            tags = tags_of(sdk.tag(client, path.read_bytes(), threshold=20, language="en"))
            shown = ", ".join(f"{tag.tag} {tag.confidence}" for tag in tags)
            assert tags, name
            wanted = EXPECTED[name]
            if wanted is not None:
                assert OTHER_NAMES.get(wanted, {wanted}) & {tag.tag for tag in tags}, shown

    def test_the_reply_has_the_types_that_every_client_expects(
        self, sdk: Any, client: Any, photographs: dict[str, Path]
    ) -> None:
        answer = sdk.tag(client, photographs["chelsea"].read_bytes())
        assert answer.status_code == 200
        previous = 100.0
        for tag in tags_of(answer):
            assert re.fullmatch(r"\d{1,3}\.\d\d", tag.confidence)
            assert 60 <= float(tag.confidence) <= previous
            previous = float(tag.confidence)
            assert tag.tag == tag.i18n_tag.zh
            assert tag.type == tag.i18n_type.zh
            assert all((tag.i18n_tag.en, tag.i18n_tag.zh, tag.i18n_type.en, tag.i18n_type.zh))
            assert tag.instances == []
        raw = answer.to_json_object()
        assert set(raw) == {"result"}

    def test_by_region_the_client_completes_its_project_itself(
        self, sdk: Any, server: LiveServer, photographs: dict[str, Path]
    ) -> None:
        for region in ("cn-north-4", "cn-east-3"):
            client = sdk.client_by_region(server.account, region)
            assert tags_of(sdk.tag(client, photographs["chelsea"].read_bytes()))

    def test_by_url(self, sdk: Any, client: Any, files: str, photographs: dict[str, Path]) -> None:
        name = f"chelsea{photographs['chelsea'].suffix}"
        by_url = sdk.tag_url(client, f"{files}/{name}")
        by_bytes = sdk.tag(client, photographs["chelsea"].read_bytes())
        assert by_url.to_json_object() == by_bytes.to_json_object()
        assert (
            sdk.tag_url(client, f"{files}/{name}", image="").to_json_object()
            == by_url.to_json_object()
        )

    def test_each_parameter(self, sdk: Any, client: Any, photographs: dict[str, Path]) -> None:
        picture = photographs["chelsea"].read_bytes()
        everything = tags_of(sdk.tag(client, picture, threshold=0, limit=150))
        assert len(everything) > 20
        assert len(tags_of(sdk.tag(client, picture, threshold=0))) == min(50, len(everything))
        assert len(tags_of(sdk.tag(client, picture, threshold=0, limit=3))) == 3
        high = tags_of(sdk.tag(client, picture, threshold=95.5))
        assert all(float(tag.confidence) >= 95.5 for tag in high)
        (english,) = tags_of(sdk.tag(client, picture, language="en", limit=1))
        (chinese,) = tags_of(sdk.tag(client, picture, language="zh", limit=1))
        assert (english.tag, english.type) == (english.i18n_tag.en, english.i18n_type.en)
        assert (chinese.tag, chinese.type) == (english.i18n_tag.zh, english.i18n_type.zh)

    def test_sixteen_threads_get_what_one_gets(
        self, sdk: Any, server: LiveServer, client: Any, photographs: dict[str, Path]
    ) -> None:
        pictures = [path.read_bytes() for path in photographs.values()]
        alone = [sdk.tag(client, picture).to_json_object() for picture in pictures]
        clients = [
            sdk.client_by_endpoint(server.account, server.url, server.account.project_id)
            for _ in range(16)
        ]

        def call(turn: int) -> bool:
            which = turn % len(pictures)
            answer = sdk.tag(clients[turn % 16], pictures[which])
            return bool(answer.to_json_object() == alone[which])

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(call, range(64)))


PICTURE = jpeg(64, 48)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "neither": ({}, "AIS.0011"),
    "both": ({"image": "AAAA", "url": "http://example.com"}, "AIS.0501"),
    "no base64": ({"image": "????"}, "AIS.0015"),
    "a data URL": ({"image": "data:image/png;base64,AAAA"}, "AIS.0015"),
    "too much base64": ({"image": "A" * 10_485_764}, "AIS.0020"),
    "no picture": ({"image": "aGVsbG8gaGVsbG8="}, "AIS.0502"),
    "a language": ({"image": "AAAA", "language": "fr"}, "AIS.0501"),
    "a threshold": ({"image": "AAAA", "threshold": 101}, "AIS.0501"),
    "a limit": ({"image": "AAAA", "limit": 0}, "AIS.0501"),
    "a limit of old clients": ({"image": "AAAA", "limit": -1}, "AIS.0501"),
    "an FTP URL": ({"url": "ftp://example.com/a.jpg"}, "AIS.0022"),
    "a private address": ({"url": "http://10.0.0.1/a.jpg"}, "AIS.0022"),
    "the cloud's metadata": ({"url": "http://169.254.169.254/latest"}, "AIS.0022"),
    "another port": ({"url": "http://127.0.0.1:22/"}, "AIS.0022"),
    "a password in the URL": ({"url": "http://a:b@127.0.0.1/"}, "AIS.0022"),
}


class TestErrors:
    def refused(self, sdk: Any, call: Any, status: int, code: str) -> Any:
        with pytest.raises(sdk.ClientRequestException) as caught:
            call()
        error = caught.value
        assert (error.status_code, error.error_code) == (status, code), error
        assert error.error_msg
        assert re.fullmatch("[0-9a-f]{32}", error.request_id)
        return error

    @pytest.mark.parametrize("name", REFUSED)
    def test_of_the_body(self, sdk: Any, client: Any, name: str) -> None:
        fields, code = REFUSED[name]
        self.refused(sdk, lambda: sdk.run(client, **fields), 400, code)

    @pytest.mark.parametrize(
        ("make", "code"),
        [
            (lambda: jpeg(14, 14), "AIS.0504"),
            (lambda: jpeg(5000, 20), "AIS.0504"),
            (lambda: png_bomb(50_000, 50_000), "AIS.0504"),
            (lambda: PICTURE[:120], "AIS.0503"),
        ],
    )
    def test_of_the_picture(self, sdk: Any, client: Any, make: Any, code: str) -> None:
        self.refused(sdk, lambda: sdk.tag(client, make()), 400, code)

    @pytest.mark.parametrize(
        ("path", "code"),
        [("/absent.jpg", "AIS.0029"), ("/huge.jpg", "AIS.0504"), ("/page.html", "AIS.0502")],
    )
    def test_of_a_download(self, sdk: Any, client: Any, files: str, path: str, code: str) -> None:
        self.refused(sdk, lambda: sdk.tag_url(client, files + path), 400, code)

    def test_of_a_body_over_12_mib(self, sdk: Any, client: Any) -> None:
        self.refused(sdk, lambda: sdk.run(client, url="x" * 13_000_000), 413, "APIGW.0201")

    def test_of_the_secret(self, sdk: Any, server: LiveServer) -> None:
        thief = Account(server.account.access_key, "s" * 40, server.account.project_ids)
        client = sdk.client_by_endpoint(thief, server.url, thief.project_id)
        error = self.refused(sdk, lambda: sdk.tag(client, PICTURE), 401, "APIGW.0301")
        assert "verify aksk signature fail" in error.error_msg

    def test_of_the_key(self, sdk: Any, server: LiveServer) -> None:
        stranger = Account("NOBODYNOBODYNOBODYNO", "s" * 40, server.account.project_ids)
        client = sdk.client_by_endpoint(stranger, server.url, stranger.project_id)
        error = self.refused(sdk, lambda: sdk.tag(client, PICTURE), 401, "APIGW.0301")
        assert "Get secretKey failed,ak:NOBODYNOBODYNOBODYNO,err:ak not exist" in error.error_msg

    def test_of_the_key_while_completing_the_project(self, sdk: Any, server: LiveServer) -> None:
        stranger = Account("STRANGERSTRANGERSTRA", "s" * 40, server.account.project_ids)
        with pytest.raises(sdk.SdkException) as caught:
            sdk.tag(sdk.client_by_region(stranger, "cn-north-4"), PICTURE)
        assert caught.value.error_msg

    def test_of_a_foreign_project(self, sdk: Any, server: LiveServer) -> None:
        client = sdk.client_by_endpoint(server.account, server.url, "f" * 32)
        self.refused(sdk, lambda: sdk.tag(client, PICTURE), 403, "APIGW.0302")

    def test_of_a_client_built_without_project_and_region(
        self, sdk: Any, server: LiveServer
    ) -> None:
        client = sdk.client_by_endpoint(server.account, server.url, None)
        error = self.refused(sdk, lambda: sdk.tag(client, PICTURE), 400, "APIGW.0201")
        assert "without a project id" in error.error_msg

    def test_of_an_operation_that_is_not_served(self, sdk: Any, client: Any) -> None:
        from huaweicloudsdkimage.v2 import (  # noqa: PLC0415 -- after HOME was moved aside
            RecaptureDetectReq,
            RunRecaptureDetectRequest,
        )

        request = RunRecaptureDetectRequest(body=RecaptureDetectReq(image="AAAA"))
        self.refused(sdk, lambda: client.run_recapture_detect(request), 404, "APIGW.0101")


def test_every_error_that_a_client_saw_is_in_the_records(
    sdk: Any, server: LiveServer, client: Any
) -> None:
    with pytest.raises(sdk.ClientRequestException) as caught:
        sdk.run(client, image="????")
    database = open_database(f"sqlite:///{server.data_dir / 'huiyan.db'}")
    try:
        with database.reading() as connection:
            (account_id,) = connection.exec_driver_sql("SELECT id FROM account").one()
        uses = UseRepository(database).list_uses(Scope(account_id), limit=100_000)
    finally:
        database.close()
    (use,) = [use for use in uses if use.request_id == caught.value.request_id]
    assert (use.succeeded, use.error_code, use.http_status) == (False, "AIS.0015", 400)
