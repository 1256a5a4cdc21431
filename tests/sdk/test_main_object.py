"""Main object detection through the vendor's Python client against a server process."""

from __future__ import annotations

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer
from made_pictures import encoded, photograph_like
from PIL import Image
from strict_json import faults
from vendor_operations import MAIN_OBJECT_DETECTION, Call

pytestmark = pytest.mark.models

SHOWN = {
    "coffee": (53, 12, 515, 393),
    "rocket": (306, 128, 336, 412),
    "flower": (168, 84, 447, 360),
}
"""Where anyone would say that the subject is, in px."""

Box = tuple[float, float, float, float]


@pytest.fixture
def call(client: Any) -> Call:
    return MAIN_OBJECT_DETECTION.caller(client)


@pytest.fixture(scope="module")
def answer_schema(server: LiveServer) -> Any:
    """What the server itself says that it answers."""
    return MAIN_OBJECT_DETECTION.answer_schema(server)


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
            call = MAIN_OBJECT_DETECTION.caller(sdk.client_by_region(server.account, region))
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
