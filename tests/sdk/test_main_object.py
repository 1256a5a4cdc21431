"""Main object detection through the vendor's Python client against a server process."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer
from made_pictures import encoded, jpeg, photograph_like, png_bomb
from PIL import Image
from signed_call import Account
from strict_json import faults

from huiyan.metering.repository import UseRepository
from huiyan.persistence.database import open_database
from huiyan.persistence.query import Scope

pytestmark = pytest.mark.models

PATH = "/v3/{project_id}/image/main-object-detection"
SHOWN = {
    "coffee": (53, 12, 515, 393),
    "rocket": (306, 128, 336, 412),
    "flower": (168, 84, 447, 360),
}
"""Where anyone would say that the subject is, in px."""

Box = tuple[float, float, float, float]
Call = Callable[..., Any]


def caller(client: Any) -> Call:
    """Give what calls the operation with the fields of its body."""
    import huaweicloudsdkimage.v2 as vendor  # noqa: PLC0415 -- after HOME was moved aside

    def call(picture: bytes | None = None, **fields: Any) -> Any:
        if picture is not None:
            fields["image"] = base64.b64encode(picture).decode("ascii")
        body = vendor.ImageMainObjectDetectionReq(**fields)
        request = vendor.RunImageMainObjectDetectionRequest(body=body)
        return client.run_image_main_object_detection(request)

    return call


@pytest.fixture
def call(sdk: Any, server: LiveServer) -> Call:
    account = server.account
    return caller(sdk.client_by_endpoint(account, server.url, account.project_id))


@pytest.fixture
def chelsea(photographs: dict[str, Path]) -> bytes:
    return photographs["chelsea"].read_bytes()


@pytest.fixture(scope="module")
def answer_schema(server: LiveServer) -> Any:
    """What the server itself says that it answers."""
    operation = server.get("/openapi.json").json["paths"][PATH]["post"]
    return operation["responses"]["200"]["content"]["application/json"]["schema"]


def found(answer: Any) -> list[Any]:
    assert answer.status_code == 200
    return list(answer.result)


def box_of(one: Any) -> Box:
    place = one.location
    left, top = place["top_left_x"], place["top_left_y"]
    return left, top, left + place["width"], top + place["height"]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)


class TestRealPhotographs:
    def test_the_main_object_is_where_anyone_sees_it(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        for name in set(SHOWN) & set(photographs):
            main = found(call(photographs[name].read_bytes()))[0]
            assert main.label == "main_object_box"
            assert overlap(box_of(main), SHOWN[name]) > 0.75, name

    def test_every_value_has_the_type_that_strict_clients_read(
        self, call: Call, photographs: dict[str, Path], answer_schema: Any
    ) -> None:
        for name, path in photographs.items():
            raw = call(path.read_bytes(), threshold=0).raw_content
            assert faults(raw, answer_schema) == [], name
            for one in json.loads(raw)["result"]:
                assert isinstance(one["confidence"], str)
                assert re.fullmatch(r"\d{1,3}\.\d\d", one["confidence"])
                for number in one["location"].values():
                    assert isinstance(number, float)
                    assert number == round(number, 2)

    def test_the_main_object_comes_first_and_once_and_the_others_fall(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        for path in photographs.values():
            with Image.open(path) as picture:
                width, height = picture.size
            main, *others = found(call(path.read_bytes(), threshold=0))
            assert main.label == "main_object_box"
            assert {one.label for one in others} <= {"bounding_box"}
            confidences = [float(one.confidence) for one in others]
            assert confidences == sorted(confidences, reverse=True)
            for one in (main, *others):
                left, top, right, bottom = box_of(one)
                assert 0 <= left < right <= width + 0.001
                assert 0 <= top < bottom <= height + 0.001

    def test_a_picture_that_its_exif_turns_has_its_box_in_upright_pixels(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        with Image.open(photographs["coffee"]) as picture:
            upright = picture.convert("RGB")
        turned = upright.transpose(Image.Transpose.ROTATE_90)
        orientation = Image.Exif()
        orientation[0x0112] = 6
        boxes = []
        for shown, exif in ((upright, Image.Exif()), (turned, orientation)):
            file = io.BytesIO()
            shown.save(file, "JPEG", quality=97, exif=exif)
            boxes.append(box_of(found(call(file.getvalue()))[0]))
        assert overlap(*boxes) > 0.9

    def test_a_picture_of_nothing_has_no_subject(self, call: Call) -> None:
        for colour in ((0, 0, 0), (127, 127, 127), (255, 255, 255)):
            plain = encoded(Image.new("RGB", (320, 240), colour), "PNG")
            assert json.loads(call(plain).raw_content) == {"result": []}

    @pytest.mark.parametrize(
        "size_wh", [(1, 1), (2, 3), (1, 10_000), (10_000, 1), (14, 14), (15, 4097)]
    )
    @pytest.mark.parametrize("form", ["JPEG", "PNG"])
    def test_pictures_at_the_limits_are_answered(
        self, call: Call, answer_schema: Any, size_wh: tuple[int, int], form: str
    ) -> None:
        width, height = size_wh
        answer = call(encoded(photograph_like(width, height), form), threshold=0)
        assert faults(answer.raw_content, answer_schema) == []
        for one in found(answer):
            left, top, right, bottom = box_of(one)
            assert 0 <= left < right <= width + 0.001
            assert 0 <= top < bottom <= height + 0.001

    @pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP"])
    def test_every_format_gets_the_same_answer(
        self, call: Call, photographs: dict[str, Path], form: str
    ) -> None:
        with Image.open(photographs["coffee"]) as picture:
            upright = picture.convert("RGB")
        options = {"lossless": True} if form == "WEBP" else {}
        main = found(call(encoded(upright, form, **options)))[0]
        assert overlap(box_of(main), SHOWN["coffee"]) > 0.75

    def test_by_region_the_client_completes_its_project_itself(
        self, sdk: Any, server: LiveServer, photographs: dict[str, Path]
    ) -> None:
        picture = photographs["coffee"].read_bytes()
        for region in ("cn-north-4", "cn-east-3"):
            call = caller(sdk.client_by_region(server.account, region))
            assert found(call(picture))

    def test_by_url(self, call: Call, files: str, photographs: dict[str, Path]) -> None:
        path = photographs["chelsea"]
        url = f"{files}/chelsea{path.suffix}"
        by_bytes = call(path.read_bytes()).raw_content
        assert call(url=url).raw_content == by_bytes
        assert call(url=url, image="").raw_content == by_bytes

    def test_sixteen_threads_get_what_one_gets(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        pictures = [path.read_bytes() for path in photographs.values()]
        alone = [call(picture).raw_content for picture in pictures]

        def same(turn: int) -> bool:
            which = turn % len(pictures)
            return bool(call(pictures[which]).raw_content == alone[which])

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(same, range(16)))


class TestThreshold:
    def test_it_is_30_percent_where_none_is_given(self, call: Call, chelsea: bytes) -> None:
        plain = call(chelsea).raw_content
        for same in (30, 30.0, ""):
            assert call(chelsea, threshold=same).raw_content == plain

    def test_what_is_below_is_left_out(self, call: Call, photographs: dict[str, Path]) -> None:
        for path in photographs.values():
            picture = path.read_bytes()
            everything = found(call(picture, threshold=0))
            for threshold in (50, 79.99):
                kept = found(call(picture, threshold=threshold))
                shown = [one.to_dict() for one in kept]
                assert shown == [
                    one.to_dict() for one in everything if float(one.confidence) >= threshold
                ]


PICTURE = jpeg(64, 48)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "neither": ({}, "AIS.0011"),
    "both empty": ({"image": "", "url": ""}, "AIS.0011"),
    "both": ({"image": "AAAA", "url": "http://example.com"}, "AIS.0501"),
    "no base64": ({"image": "????"}, "AIS.0015"),
    "a data URL": ({"image": "data:image/png;base64,AAAA"}, "AIS.0015"),
    "too much base64": ({"image": "A" * 10_485_764}, "AIS.0020"),
    "no picture": ({"image": "aGVsbG8gaGVsbG8="}, "AIS.0502"),
    "a threshold above": ({"image": "AAAA", "threshold": 100.01}, "AIS.0501"),
    "a threshold below": ({"image": "AAAA", "threshold": -0.5}, "AIS.0501"),
    "a threshold in words": ({"image": "AAAA", "threshold": "30"}, "AIS.0501"),
    "a threshold of yes": ({"image": "AAAA", "threshold": True}, "AIS.0501"),
    "an FTP URL": ({"url": "ftp://example.com/a.jpg"}, "AIS.0022"),
    "a private address": ({"url": "http://10.0.0.1/a.jpg"}, "AIS.0022"),
    "the cloud's metadata": ({"url": "http://169.254.169.254/latest"}, "AIS.0022"),
    "another port": ({"url": "http://127.0.0.1:22/"}, "AIS.0022"),
    "a password in the URL": ({"url": "http://a:b@127.0.0.1/"}, "AIS.0022"),
}


class TestErrors:
    def refused(self, sdk: Any, call: Callable[[], Any], status: int, code: str) -> Any:
        with pytest.raises(sdk.ClientRequestException) as caught:
            call()
        error = caught.value
        assert (error.status_code, error.error_code) == (status, code), error
        assert error.error_msg
        assert re.fullmatch("[0-9a-f]{32}", error.request_id)
        return error

    @pytest.mark.parametrize("name", REFUSED)
    def test_of_the_body(self, sdk: Any, call: Call, name: str) -> None:
        fields, code = REFUSED[name]
        self.refused(sdk, lambda: call(**fields), 400, code)

    @pytest.mark.parametrize(
        ("make", "code"),
        [
            (lambda: jpeg(10_001, 8), "AIS.0504"),
            (lambda: jpeg(8, 10_001), "AIS.0504"),
            (lambda: png_bomb(50_000, 50_000), "AIS.0504"),
            (lambda: PICTURE[:120], "AIS.0503"),
            (lambda: b"GIF89a" + bytes(64), "AIS.0502"),
        ],
    )
    def test_of_the_picture(self, sdk: Any, call: Call, make: Any, code: str) -> None:
        self.refused(sdk, lambda: call(make()), 400, code)

    @pytest.mark.parametrize(
        ("path", "code"),
        [("/absent.jpg", "AIS.0029"), ("/huge.jpg", "AIS.0504"), ("/page.html", "AIS.0502")],
    )
    def test_of_a_download(self, sdk: Any, call: Call, files: str, path: str, code: str) -> None:
        self.refused(sdk, lambda: call(url=files + path), 400, code)

    def test_of_a_body_over_12_mib(self, sdk: Any, call: Call) -> None:
        self.refused(sdk, lambda: call(url="x" * 13_000_000), 413, "APIGW.0201")

    def test_of_who_calls(self, sdk: Any, server: LiveServer) -> None:
        account = server.account
        thief = Account(account.access_key, "s" * 40, account.project_ids)
        stranger = Account("NOBODYNOBODYNOBODYNO", "s" * 40, account.project_ids)
        for who, project, status, code in (
            (thief, account.project_id, 401, "APIGW.0301"),
            (stranger, account.project_id, 401, "APIGW.0301"),
            (account, "f" * 32, 403, "APIGW.0302"),
            (account, None, 400, "APIGW.0201"),
        ):
            call = caller(sdk.client_by_endpoint(who, server.url, project))
            self.refused(sdk, lambda call=call: call(PICTURE), status, code)


def test_good_and_bad_calls_are_in_the_records_under_the_operations_name(
    sdk: Any, server: LiveServer, call: Call
) -> None:
    with pytest.raises(sdk.ClientRequestException) as caught:
        call(image="????")
    call(jpeg(320, 200))
    database = open_database(f"sqlite:///{server.data_dir / 'huiyan.db'}")
    try:
        with database.reading() as connection:
            (account_id,) = connection.exec_driver_sql("SELECT id FROM account").one()
        uses = UseRepository(database).list_uses(Scope(account_id), limit=100_000)
    finally:
        database.close()
    (bad,) = [use for use in uses if use.request_id == caught.value.request_id]
    assert (bad.interface, bad.version) == ("main-object-detection", "v3")
    assert (bad.succeeded, bad.error_code, bad.http_status) == (False, "AIS.0015", 400)
    good = [use for use in uses if use.succeeded and (use.width_px, use.height_px) == (320, 200)]
    assert [(use.interface, use.version) for use in good] == [("main-object-detection", "v3")]
