"""A call that succeeds: its reply, its record, its count."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_assembly import SCENE, findings_of
from in_process import House
from live_server import tagging_body
from made_pictures import encoded, jpeg, photograph_like

PICTURE = jpeg(64, 48)


def test_a_picture_gets_its_tags_in_chinese_by_default(house: House) -> None:
    answer = house.ask(house.request(tagging_body(PICTURE)))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "result": {
            "tags": [
                {
                    "confidence": "92.38",
                    "type": "动物",
                    "tag": "狗",
                    "i18n_tag": {"zh": "狗", "en": "dog"},
                    "i18n_type": {"zh": "动物", "en": "Animal"},
                    "instances": [],
                },
                {
                    "confidence": "70.00",
                    "type": "场景",
                    "tag": "海滩",
                    "i18n_tag": {"zh": "海滩", "en": "beach"},
                    "i18n_type": {"zh": "场景", "en": "Scene"},
                    "instances": [],
                },
            ]
        }
    }


def test_the_record_holds_the_whole_call(house: House) -> None:
    before = datetime.now(UTC)
    body = tagging_body(PICTURE)
    answer = house.ask(house.request(body))
    (use,) = house.uses()
    assert use.request_id == answer.request_id
    assert re.fullmatch("[0-9a-f]{32}", use.request_id)
    assert before - timedelta(milliseconds=1) <= use.at <= datetime.now(UTC)
    assert (use.account_id, use.project_id) == (house.account_id, house.account.project_id)
    assert (use.region, use.credential_id) == ("cn-north-4", house.account.access_key)
    assert (use.interface, use.version) == ("tagging", "v2")
    assert (use.succeeded, use.error_code, use.http_status) == (True, None, 200)
    assert (use.bytes_in, use.width_px, use.height_px) == (len(body), 64, 48)
    assert 0 <= use.duration_ms < 20_000


def test_the_count_and_the_duration_move(house: House) -> None:
    house.ask(house.request(tagging_body(PICTURE)))
    house.ask(house.request(tagging_body(PICTURE)))
    assert house.calls_counted(interface="tagging", version="v2", status="200") == 2
    assert house.sample("huiyan_call_duration_seconds_count", interface="tagging") == 2
    assert house.sample("huiyan_calls_in_hand") == 0


def test_the_size_recorded_is_that_of_the_upright_picture(house: House) -> None:
    exif = photograph_like().getexif()
    exif[0x0112] = 6
    turned = encoded(photograph_like(64, 48), exif=exif)
    house.ask(house.request(tagging_body(turned)))
    (use,) = house.uses()
    assert (use.width_px, use.height_px) == (48, 64)


def test_a_callers_request_id_is_never_ours(house: House) -> None:
    request = house.request(tagging_body(PICTURE), extra={"X-Request-Id": "a" * 32})
    first, second = house.ask(request), house.ask(request)
    assert "a" * 32 not in {first.request_id, second.request_id}
    assert {use.request_id for use in house.uses()} == {first.request_id, second.request_id}


@pytest.mark.parametrize(
    ("fields", "tags"),
    [
        ({}, ["狗", "海滩"]),
        ({"language": "en"}, ["dog", "beach"]),
        ({"language": None, "threshold": None, "limit": None}, ["狗", "海滩"]),
        ({"language": "", "threshold": "", "limit": "", "url": ""}, ["狗", "海滩"]),
        ({"threshold": 0}, ["狗", "海滩", "猫"]),
        ({"threshold": 90.5}, ["狗"]),
        ({"threshold": 100}, []),
        ({"limit": 1}, ["狗"]),
        ({"scene": ["x"], "anything": {"at": "all"}}, ["狗", "海滩"]),
    ],
)
def test_each_parameter_does_what_it_says(
    house: House, fields: dict[str, Any], tags: list[str]
) -> None:
    answer = house.ask(house.request(tagging_body(PICTURE, **fields)))
    assert [tag["tag"] for tag in answer.json["result"]["tags"]] == tags


def test_base64_may_hold_line_breaks(house: House) -> None:
    text = base64.encodebytes(PICTURE).decode()
    for ending in ("\n", "\r\n"):
        body = json.dumps({"image": text.replace("\n", ending)}).encode()
        assert house.ask(house.request(body)).status == 200


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/json;charset=utf-8", "Application/JSON ; charset=UTF-8"],
)
def test_any_way_to_say_json_is_taken(house: House, media_type: str) -> None:
    request = house.request(tagging_body(PICTURE), content_type=media_type)
    assert house.ask(request).status == 200


def test_a_picture_by_url_is_fetched_and_recorded_with_its_size(house: House) -> None:
    house.fetcher.pages["https://example.com/a.jpg"] = PICTURE
    body = json.dumps({"url": "https://example.com/a.jpg", "image": ""}).encode()
    assert house.ask(house.request(body)).status == 200
    (use,) = house.uses()
    assert (use.bytes_in, use.width_px, use.height_px) == (len(body), 64, 48)


def test_the_other_region_has_a_project_of_its_own(house: House) -> None:
    project = house.account.project_ids["cn-east-3"]
    path = f"/v2/{project}/image/tagging"
    assert house.ask(house.request(tagging_body(PICTURE), path=path)).status == 200
    (use,) = house.uses()
    assert (use.project_id, use.region) == (project, "cn-east-3")


class TestV1:
    PATH = "/v1.0/image/tagging"

    def test_it_answers_in_its_own_shape(self, house: House) -> None:
        answer = house.ask(house.request(tagging_body(PICTURE), path=self.PATH))
        assert answer.json["result"]["tags"] == [
            {"confidence": 92.38, "type": "object", "tag": "狗", "i18n_tag": DOG},
            {"confidence": 70.0, "type": "scene", "tag": "海滩", "i18n_tag": BEACH},
            {"confidence": 25.0, "type": "object", "tag": "猫", "i18n_tag": CAT},
        ]

    def test_what_is_out_of_range_means_the_default(self, house: House) -> None:
        for fields in ({"limit": -1}, {"limit": 0}, {"limit": 151}, {"threshold": 101}):
            body = tagging_body(PICTURE, **fields)
            answer = house.ask(house.request(body, path=self.PATH))
            assert len(answer.json["result"]["tags"]) == 3

    def test_thirty_tags_are_given_where_the_limit_means_nothing(self, house: House) -> None:
        house.assembly.findings = findings_of(
            {(f"东西 {it}", f"thing-{it:02}"): (SCENE, 0.5, {}) for it in range(40)}
        )
        for fields in ({}, {"limit": -1}):
            body = tagging_body(PICTURE, **fields)
            answer = house.ask(house.request(body, path=self.PATH))
            assert len(answer.json["result"]["tags"]) == 30

    def test_without_a_project_the_default_regions_is_charged(self, house: House) -> None:
        house.ask(house.request(tagging_body(PICTURE), path=self.PATH))
        (use,) = house.uses()
        assert (use.project_id, use.region) == (house.account.project_id, "cn-north-4")
        assert (use.interface, use.version) == ("tagging", "v1.0")
        assert house.calls_counted(version="v1.0", status="200") == 1

    def test_the_project_of_the_header_is_charged(self, house: House) -> None:
        project = house.account.project_ids["cn-east-3"]
        extra = {"X-Project-Id": project}
        house.ask(house.request(tagging_body(PICTURE), path=self.PATH, extra=extra))
        (use,) = house.uses()
        assert (use.project_id, use.region) == (project, "cn-east-3")

    def test_a_foreign_project_in_the_header_is_refused(self, house: House) -> None:
        extra = {"X-Project-Id": "f" * 32}
        answer = house.ask(house.request(tagging_body(PICTURE), path=self.PATH, extra=extra))
        assert (answer.status, answer.error_code) == (403, "APIGW.0302")


DOG = {"zh": "狗", "en": "dog"}
BEACH = {"zh": "海滩", "en": "beach"}
CAT = {"zh": "猫", "en": "cat"}
