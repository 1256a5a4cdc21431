"""Recapture detection through the vendor's Python client against a server process."""

from __future__ import annotations

import base64
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer, tagging_body
from made_pictures import encoded, photograph_like
from PIL import Image
from strict_json import faults
from vendor_operations import RECAPTURE_DETECT, Call

pytestmark = pytest.mark.models

PATH, OLDER_PATH = RECAPTURE_DETECT.paths
OPPOSITE = {"original": "recapture", "recapture": "original"}
SCREEN_PIXEL_PX = 3


@pytest.fixture
def call(client: Any) -> Call:
    return RECAPTURE_DETECT.caller(client)


@pytest.fixture(scope="module")
def answer_schema(server: LiveServer) -> Any:
    """What the server itself says that it answers."""
    return RECAPTURE_DETECT.answer_schema(server)


def explained(server: LiveServer, picture: bytes, path: str = PATH) -> Any:
    """Ask for the field that the vendor's client does not know."""
    answer = server.tag(body=tagging_body(picture, explain=True), path=path)
    assert answer.status == 200, answer.body
    return answer.json["result"]["huiyan"]


def probability(answer: Any) -> float:
    """Give the probability of a recapture, as the client reads it."""
    shown = {one.label: float(one.confidence) for one in answer.result.detail}
    return shown["recapture"]


def shown_on_a_screen(picture: Image.Image) -> Image.Image:
    """Show each pixel by three stripes of one colour each, between dark lines."""
    width, height = picture.size
    large = picture.resize(
        (width * SCREEN_PIXEL_PX, height * SCREEN_PIXEL_PX), Image.Resampling.BOX
    )
    cell = Image.new("RGB", (SCREEN_PIXEL_PX, SCREEN_PIXEL_PX), (0, 0, 0))
    for column, colour in enumerate(((255, 40, 40), (40, 255, 40), (40, 40, 255))):
        for row in range(SCREEN_PIXEL_PX - 1):
            cell.putpixel((column, row), colour)
    stripes = Image.new("RGB", large.size)
    for left in range(0, large.width, SCREEN_PIXEL_PX):
        stripes.paste(cell, (left, 0))
    row_of_cells = stripes.crop((0, 0, large.width, SCREEN_PIXEL_PX))
    for top in range(0, large.height, SCREEN_PIXEL_PX):
        stripes.paste(row_of_cells, (0, top))
    lit = [
        Image.composite(band, Image.new("L", large.size), mask)
        for band, mask in zip(large.split(), stripes.split(), strict=True)
    ]
    return Image.merge("RGB", lit)


class TestRealPhotographs:
    def test_none_is_accused_at_the_default(self, call: Call, photographs: dict[str, Path]) -> None:
        for name, path in photographs.items():
            answer = call(path.read_bytes())
            assert answer.status_code == 200
            assert answer.result.suggestion in {"true", "uncertainty"}, name

    def test_sub_pixels_are_more_suspicious_than_the_photograph_they_show(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        with Image.open(photographs["chelsea"]) as picture:
            upright = picture.convert("RGB")
        before = probability(call(encoded(upright, "PNG")))
        after = probability(call(encoded(shown_on_a_screen(upright), "JPEG", quality=92)))
        assert after > before

    def test_every_value_is_text_and_the_labels_are_one_together(
        self, call: Call, photographs: dict[str, Path], answer_schema: Any
    ) -> None:
        for name, path in photographs.items():
            answer = call(path.read_bytes())
            assert faults(answer.raw_content, answer_schema) == [], name
            raw = json.loads(answer.raw_content)["result"]
            assert list(raw) == ["suggestion", "category", "score", "detail"]
            first, second = raw["detail"]
            for text in (raw["score"], first["confidence"], second["confidence"]):
                assert isinstance(text, str)
                assert re.fullmatch(r"[01]\.\d{4}", text)
            assert first["label"] == OPPOSITE[second["label"]]
            assert raw["score"] == first["confidence"] >= second["confidence"]
            assert float(first["confidence"]) + float(second["confidence"]) == pytest.approx(1)
            assert raw["category"] == ("" if raw["suggestion"] == "true" else "recapture")

    def test_a_picture_that_its_exif_turns_is_judged_upright(
        self, server: LiveServer, photographs: dict[str, Path]
    ) -> None:
        with Image.open(photographs["coffee"]) as picture:
            upright = picture.convert("RGB")
        orientation = Image.Exif()
        orientation[0x0112] = 6
        file = io.BytesIO()
        turned = upright.transpose(Image.Transpose.ROTATE_90)
        turned.save(file, "JPEG", quality=97, exif=orientation)
        for patch in explained(server, file.getvalue())["patches"]:
            assert patch["left"] < upright.width
            assert patch["top"] < upright.height

    @pytest.mark.parametrize(
        "size_wh", [(1, 1), (2, 3), (1, 10_000), (10_000, 1), (14, 14), (15, 4097)]
    )
    @pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP"])
    def test_pictures_at_the_limits_are_answered(
        self, call: Call, answer_schema: Any, size_wh: tuple[int, int], form: str
    ) -> None:
        answer = call(encoded(photograph_like(*size_wh), form))
        assert faults(answer.raw_content, answer_schema) == []

    @pytest.mark.parametrize("colour", [(0, 0, 0), (127, 127, 127), (255, 255, 255)])
    @pytest.mark.parametrize("form", ["JPEG", "PNG"])
    def test_a_picture_of_nothing_is_neither_accused_nor_acquitted(
        self, call: Call, colour: tuple[int, int, int], form: str
    ) -> None:
        result = call(encoded(Image.new("RGB", (640, 480), colour), form)).result
        assert (result.suggestion, result.score) == ("uncertainty", "0.5000")
        assert result.detail[0].label == "original"

    def test_lossless_formats_get_the_same_answer(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        with Image.open(photographs["coffee"]) as picture:
            upright = picture.convert("RGB")
        png, bmp = (call(encoded(upright, form)).raw_content for form in ("PNG", "BMP"))
        assert png == bmp

    def test_by_region_the_client_completes_its_project_itself(
        self, sdk: Any, server: LiveServer, chelsea: bytes
    ) -> None:
        for region in ("cn-north-4", "cn-east-3"):
            assert RECAPTURE_DETECT.caller(sdk.client_by_region(server.account, region))(
                chelsea
            ).result.suggestion

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
    def test_it_is_95_hundredths_where_none_is_given(self, call: Call, chelsea: bytes) -> None:
        plain = call(chelsea).raw_content
        for same in (0.95, ""):
            assert call(chelsea, threshold=same).raw_content == plain

    @pytest.mark.parametrize("threshold", [-1, -0.001, 1.001, 95, 1e300])
    def test_out_of_range_it_means_the_default(
        self, call: Call, chelsea: bytes, threshold: float
    ) -> None:
        assert call(chelsea, threshold=threshold).raw_content == call(chelsea).raw_content

    def test_it_moves_the_suggestion_and_no_probability(self, call: Call, chelsea: bytes) -> None:
        plain, all_accused = call(chelsea).result, call(chelsea, threshold=0).result
        assert (all_accused.suggestion, all_accused.category) == ("false", "recapture")
        assert all_accused.score == plain.score
        assert [it.to_dict() for it in all_accused.detail] == [it.to_dict() for it in plain.detail]


class TestOwnFields:
    def test_the_answer_explains_itself_where_it_is_asked_to(
        self, server: LiveServer, call: Call, photographs: dict[str, Path], answer_schema: Any
    ) -> None:
        for name, path in photographs.items():
            picture = path.read_bytes()
            with Image.open(path) as opened:
                width, height = opened.size
            answer = server.tag(body=tagging_body(picture, explain=True), path=PATH)
            assert faults(answer.body, answer_schema) == [], name
            result = answer.json["result"]
            told = result.pop("huiyan")
            assert {"result": result} == json.loads(call(picture).raw_content)
            assert sum(told["probabilities"].values()) == pytest.approx(1)
            assert told["patches"], name
            for patch in told["patches"]:
                assert patch["left"] < width
                assert patch["top"] < height

    def test_a_photograph_of_no_code_has_none(self, server: LiveServer, chelsea: bytes) -> None:
        assert explained(server, chelsea)["barcode"] is None

    def test_a_client_that_knows_nothing_of_them_reads_the_rest(
        self, sdk: Any, server: LiveServer, chelsea: bytes
    ) -> None:
        import huaweicloudsdkimage.v2 as vendor  # noqa: PLC0415 -- after HOME was moved aside

        known = vendor.RecaptureDetectReq
        more = {
            "openapi_types": {**known.openapi_types, "explain": "bool"},
            "attribute_map": {**known.attribute_map, "explain": "explain"},
            "explain": True,
        }
        account = server.account
        client = sdk.client_by_endpoint(account, server.url, account.project_id)
        body = type("Explaining", (known,), more)(image=base64.b64encode(chelsea).decode())
        answer = client.run_recapture_detect(vendor.RunRecaptureDetectRequest(body=body))
        assert "huiyan" in json.loads(answer.raw_content)["result"]
        assert answer.result.score == answer.result.detail[0].confidence


class TestOlderPath:
    def test_it_answers_what_v2_answers(
        self, server: LiveServer, call: Call, chelsea: bytes
    ) -> None:
        for fields in ({}, {"scene": ["recapture"], "threshold": 0.95, "url": ""}):
            answer = server.tag(body=tagging_body(chelsea, **fields), path=OLDER_PATH)
            assert answer.status == 200
            assert answer.json == json.loads(call(chelsea).raw_content)

    def test_it_explains_too(self, server: LiveServer, chelsea: bytes) -> None:
        assert explained(server, chelsea, OLDER_PATH) == explained(server, chelsea)
