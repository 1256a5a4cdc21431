"""Media tagging, list and boxes, through the vendor's Python client against a server process."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer
from made_pictures import jpeg
from PIL import Image
from vendor_operations import MEDIA_TAGGING, MEDIA_TAGGING_DET, Call, Operation

pytestmark = pytest.mark.models

OPERATIONS = (MEDIA_TAGGING, MEDIA_TAGGING_DET)
NAMES = [it.interface for it in OPERATIONS]
SHOWN = {"chelsea": "cat", "astronaut": "person", "coffee": "cup"}
"""What anyone would say of a photograph, and where it is seen a detector finds a box of it."""


@pytest.fixture(scope="module")
def vendor(sdk: Any) -> Any:
    assert sdk  # HOME was moved aside: importing the vendor's modules writes there
    import huaweicloudsdkimage.v2  # noqa: PLC0415 -- after HOME was moved aside

    return huaweicloudsdkimage.v2


@pytest.fixture
def listed(client: Any) -> Call:
    return MEDIA_TAGGING.caller(client)


@pytest.fixture
def boxed(client: Any) -> Call:
    return MEDIA_TAGGING_DET.caller(client)


@pytest.fixture(params=OPERATIONS, ids=NAMES)
def call(request: pytest.FixtureRequest, client: Any) -> Call:
    operation: Operation = request.param
    return operation.caller(client)


def tags_of(answer: Any) -> list[Any]:
    assert answer.status_code == 200
    return list(answer.result.tags)


def type_faults(vendor: Any, value: Any, declared: str, place: str = "$") -> Iterator[str]:
    """Name every place of a raw answer that has not the very type that the vendor declares."""
    inside = re.fullmatch(r"list\[(\w+)\]", declared)
    plain: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "bool": bool}
    if inside is not None:
        if not isinstance(value, list):
            yield f"{place}: no array"
            return
        for index, item in enumerate(value):
            yield from type_faults(vendor, item, inside[1], f"{place}[{index}]")
    elif declared in plain:
        if not isinstance(value, plain[declared]) or isinstance(value, bool):
            yield f"{place}: {value!r} is no {declared}"
    else:
        fields = getattr(vendor, declared).openapi_types
        if set(value) != set(fields):
            yield f"{place}: has {sorted(value)}, declared are {sorted(fields)}"
        for name in set(value) & set(fields):
            yield from type_faults(vendor, value[name], fields[name], f"{place}.{name}")


def boxes_of(tag: Any) -> list[tuple[int, int, int, int]]:
    boxes = [it.bounding_box for it in tag.instances]
    return [
        (it.top_left_x, it.top_left_y, it.top_left_x + it.width, it.top_left_y + it.height)
        for it in boxes
    ]


def overlap(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)


class TestRealPhotographs:
    def test_each_gets_tags(self, listed: Call, photographs: dict[str, Path]) -> None:
        for name, path in photographs.items():
            tags = tags_of(listed(path.read_bytes(), threshold=20, language="en", limit=50))
            shown = ", ".join(f"{tag.tag} {tag.confidence}" for tag in tags)
            assert tags, name
            assert SHOWN.get(name, tags[0].tag) in {tag.tag for tag in tags}, f"{name}: {shown}"

    def test_what_is_plain_to_see_has_a_box_around_it(
        self, boxed: Call, photographs: dict[str, Path]
    ) -> None:
        for name in set(SHOWN) & set(photographs):
            tags = tags_of(boxed(photographs[name].read_bytes(), language="en", limit=150))
            found = {tag.tag: boxes_of(tag) for tag in tags}
            assert SHOWN[name] in found, f"{name}: {found}"

    @pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_every_value_has_the_very_type_that_the_vendor_declares(
        self,
        vendor: Any,
        client: Any,
        photographs: dict[str, Path],
        operation: Operation,
        language: str,
    ) -> None:
        call = operation.caller(client)
        for path in photographs.values():
            answer = call(path.read_bytes(), threshold=0, limit=150, language=language)
            raw = json.loads(answer.raw_content)
            declared = type(answer).openapi_types["result"]
            assert set(raw) == {"result"}
            assert list(type_faults(vendor, raw["result"], declared)) == []

    def test_the_list_has_names_in_both_languages_and_no_boxes(
        self, listed: Call, chelsea: bytes
    ) -> None:
        previous = 100.0
        for tag in tags_of(listed(chelsea, threshold=10, limit=150)):
            assert re.fullmatch(r"\d{1,3}\.\d\d", tag.confidence)
            assert 10 <= float(tag.confidence) <= previous
            previous = float(tag.confidence)
            assert (tag.tag, tag.type) == (tag.i18n_tag.zh, tag.i18n_type.zh)
            assert all((tag.i18n_tag.en, tag.i18n_tag.zh, tag.i18n_type.en, tag.i18n_type.zh))
            assert tag.instances == []

    def test_boxes_lie_inside_the_picture_and_a_tag_comes_once(
        self, boxed: Call, photographs: dict[str, Path]
    ) -> None:
        for name, path in photographs.items():
            with Image.open(path) as picture:
                width, height = picture.size
            tags = tags_of(boxed(path.read_bytes(), threshold=0, limit=150))
            assert len({tag.i18n_tag.en for tag in tags}) == len(tags), name
            confidences = [float(tag.confidence) for tag in tags]
            assert confidences == sorted(confidences, reverse=True)
            for tag in tags:
                of_boxes = [float(it.confidence) for it in tag.instances]
                assert of_boxes == sorted(of_boxes, reverse=True)
                assert tag.confidence == tag.instances[0].confidence
                for left, top, right, bottom in boxes_of(tag):
                    assert 0 <= left < right <= width, name
                    assert 0 <= top < bottom <= height, name

    def test_image_tagging_and_media_tagging_say_the_same(
        self, sdk: Any, client: Any, listed: Call, photographs: dict[str, Path]
    ) -> None:
        for path in photographs.values():
            picture = path.read_bytes()
            media = listed(picture, threshold=5, limit=150)
            image = sdk.tag(client, picture, threshold=5, limit=150)
            assert media.raw_content == image.raw_content

    def test_a_picture_that_its_exif_turns_has_boxes_in_upright_pixels(
        self, boxed: Call, photographs: dict[str, Path]
    ) -> None:
        with Image.open(photographs["chelsea"]) as picture:
            upright = picture.convert("RGB")
        turned = upright.transpose(Image.Transpose.ROTATE_90)
        orientation = Image.Exif()
        orientation[0x0112] = 6
        found = []
        for shown, exif in ((upright, None), (turned, orientation)):
            file = io.BytesIO()
            shown.save(file, "JPEG", quality=97, **({} if exif is None else {"exif": exif}))
            tags = tags_of(boxed(file.getvalue(), language="en", limit=150))
            (cat,) = [tag for tag in tags if tag.tag == "cat"]
            found.append(boxes_of(cat)[0])
        assert overlap(*found) > 0.9

    @pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1), (14, 14), (15, 4097)])
    def test_pictures_at_the_limits_are_answered(
        self, call: Call, size_wh: tuple[int, int]
    ) -> None:
        width, height = size_wh
        for tag in tags_of(call(jpeg(width, height), threshold=0, limit=150)):
            for left, top, right, bottom in boxes_of(tag):
                assert 0 <= left < right <= width
                assert 0 <= top < bottom <= height

    def test_by_region_the_client_completes_its_project_itself(
        self, sdk: Any, server: LiveServer, chelsea: bytes
    ) -> None:
        for region in ("cn-north-4", "cn-east-3"):
            client = sdk.client_by_region(server.account, region)
            for operation in OPERATIONS:
                assert tags_of(operation.caller(client)(chelsea, threshold=10))

    def test_by_url(self, call: Call, files: str, photographs: dict[str, Path]) -> None:
        path = photographs["chelsea"]
        url = f"{files}/chelsea{path.suffix}"
        by_bytes = call(path.read_bytes()).raw_content
        assert call(url=url).raw_content == by_bytes
        assert call(url=url, image="").raw_content == by_bytes

    def test_sixteen_threads_get_what_one_gets(
        self, client: Any, photographs: dict[str, Path]
    ) -> None:
        pictures = [path.read_bytes() for path in photographs.values()]
        calls = [operation.caller(client) for operation in OPERATIONS]
        jobs = [(call, picture) for call in calls for picture in pictures]
        alone = [call(picture).raw_content for call, picture in jobs]

        def same(turn: int) -> bool:
            call, picture = jobs[turn % len(jobs)]
            return bool(call(picture).raw_content == alone[turn % len(jobs)])

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(same, range(2 * len(jobs))))


class TestParameters:
    def test_the_defaults_of_the_list_are_60_percent_10_tags_and_chinese(
        self, listed: Call, chelsea: bytes
    ) -> None:
        plain = listed(chelsea).raw_content
        assert plain == listed(chelsea, threshold=60, limit=10, language="zh").raw_content
        assert plain == listed(chelsea, threshold=60.0, limit=10, language="").raw_content

    def test_the_defaults_of_the_boxes_are_20_percent_10_tags_and_chinese(
        self, boxed: Call, chelsea: bytes
    ) -> None:
        plain = boxed(chelsea).raw_content
        assert plain == boxed(chelsea, threshold=20, limit=10, language="zh").raw_content

    def test_the_threshold_leaves_out_what_is_below(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        picture = photographs.get("astronaut", photographs["chelsea"]).read_bytes()
        everything = tags_of(call(picture, threshold=0, limit=150))
        middle = float(everything[len(everything) // 2].confidence)
        kept = tags_of(call(picture, threshold=middle, limit=150))
        assert 0 < len(kept) <= len(everything)
        for tag in kept:
            assert all(float(it.confidence) >= middle for it in (tag, *tag.instances))
        assert [tag.tag for tag in kept] == [tag.tag for tag in everything[: len(kept)]]

    def test_the_limit_keeps_the_first_tags(self, call: Call, chelsea: bytes) -> None:
        everything = tags_of(call(chelsea, threshold=0, limit=150))
        for limit in (1, 2, 150):
            tags = tags_of(call(chelsea, threshold=0, limit=limit))
            assert [tag.to_dict() for tag in tags] == [it.to_dict() for it in everything[:limit]]
        assert len(tags_of(call(chelsea, threshold=0))) == min(10, len(everything))

    def test_the_language_changes_the_plain_names_only(self, call: Call, chelsea: bytes) -> None:
        chinese = tags_of(call(chelsea, threshold=10, language="zh"))
        english = tags_of(call(chelsea, threshold=10, language="en"))
        assert chinese
        assert len(chinese) == len(english)
        for zh, en in zip(chinese, english, strict=True):
            assert (zh.tag, en.tag) == (zh.i18n_tag.zh, zh.i18n_tag.en)
            assert zh.i18n_tag.to_dict() == en.i18n_tag.to_dict()
            assert zh.type != en.type
