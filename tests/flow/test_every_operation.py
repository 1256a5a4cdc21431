"""Each operation all the way: its reply, its record, its count, and each of them on failure.

What all operations share is tried on image tagging, beside this file; here is what could be wired
wrongly for one of them alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bad_bodies import BODIES, PICTURE, URL, body
from fake_assembly import findings_of
from in_process import Gate, House
from live_server import tagging_body
from made_pictures import encoded, jpeg, photograph_like
from strict_json import faults

from huiyan.app import VENDOR_REGIONS
from huiyan.celebrity.schema import CELEBRITY_SCHEMAS
from huiyan.iam.audit.model import AuditEntry, AuditQuery
from huiyan.kernel.errors import DownloadError, InferenceError
from huiyan.media_tagging.schema import MEDIA_TAGGING_SCHEMAS
from huiyan.recapture.schema import RECAPTURE_SCHEMAS
from huiyan.subject.schema import SUBJECT_SCHEMAS
from huiyan.tagging.schema import TAGGING_SCHEMAS

DOG = {"zh": "狗", "en": "dog"}
ANIMAL = {"zh": "动物", "en": "Animal"}
OPERATIONS: dict[str, tuple[str, Any]] = {
    "tagging": ("v2", TAGGING_SCHEMAS["v2"]),
    "media-tagging": ("v2", MEDIA_TAGGING_SCHEMAS["media-tagging"]),
    "media-tagging-det": ("v2", MEDIA_TAGGING_SCHEMAS["media-tagging-det"]),
    "celebrity-recognition": ("v2", CELEBRITY_SCHEMAS["v2"]),
    "main-object-detection": ("v3", SUBJECT_SCHEMAS["v3"]),
    "recapture-detect": ("v2", RECAPTURE_SCHEMAS["v2"]),
}
NEW = [name for name in OPERATIONS if name != "tagging"]
TAGGERS = [name for name in OPERATIONS if "tagging" in name]

SIDES_ARE_FREE = {"a side too short": None, "a side too long": None}
IGNORED = {
    "another language": None,
    "a number as language": None,
    "limit 0": None,
    "limit -1": None,
    "limit above": None,
    "limit a fraction": None,
    "limit huge": None,
    "limit as boolean": None,
}
"""Fields that only tagging operations have; None means that the call is answered."""
THRESHOLDS_ARE_FREE = {"threshold below": None, "threshold above": None}
"""Out of range means the default."""
EXCEPTIONS: dict[str, dict[str, None]] = {
    "media-tagging": SIDES_ARE_FREE,
    "media-tagging-det": SIDES_ARE_FREE,
    "celebrity-recognition": SIDES_ARE_FREE | IGNORED,
    "main-object-detection": SIDES_ARE_FREE | IGNORED,
    "recapture-detect": SIDES_ARE_FREE | IGNORED | THRESHOLDS_ARE_FREE,
}


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(house: House, operation: str, sent: bytes) -> Any:
    return house.ask(house.request(sent, path=house.path(operation)))


def box(left: int, top: int, right: int, bottom: int) -> dict[str, int]:
    return {"width": right - left, "height": bottom - top, "top_left_x": left, "top_left_y": top}


def test_these_are_all_that_is_offered(house: House) -> None:
    newest = {it.interface: it.version for it in house.offered if it.version != "v1.0"}
    assert newest == {name: version for name, (version, _) in OPERATIONS.items()}
    assert all(house.path(name).endswith(f"/image/{name}") for name in OPERATIONS)


class TestReplies:
    def test_the_list_says_what_the_picture_shows(self, house: House) -> None:
        answer = ask(house, "media-tagging", tagging_body(PICTURE))
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        tags = answer.json["result"]["tags"]
        assert tags[0] == {
            "confidence": "92.38",
            "type": "动物",
            "tag": "狗",
            "i18n_tag": DOG,
            "i18n_type": ANIMAL,
            "instances": [],
        }
        assert [tag["tag"] for tag in tags] == ["狗", "海滩"]

    def test_the_boxes_say_where(self, house: House) -> None:
        answer = ask(house, "media-tagging-det", tagging_body(PICTURE, language="en"))
        assert answer.json == {
            "result": {
                "tags": [
                    {
                        "confidence": "92.38",
                        "type": "Animal",
                        "tag": "dog",
                        "i18n_tag": DOG,
                        "instances": [
                            {"bounding_box": box(8, 4, 41, 44), "confidence": "92.38"},
                            {"bounding_box": box(45, 10, 64, 30), "confidence": "31.00"},
                        ],
                    },
                    {
                        "confidence": "25.00",
                        "type": "Animal",
                        "tag": "cat",
                        "i18n_tag": {"zh": "猫", "en": "cat"},
                        "instances": [{"bounding_box": box(1, 1, 9, 9), "confidence": "25.00"}],
                    },
                ]
            }
        }

    def test_the_main_object_comes_first_and_then_the_others(self, house: House) -> None:
        answer = ask(house, "main-object-detection", tagging_body(PICTURE))
        assert answer.json == {
            "result": [
                {
                    "label": "main_object_box",
                    "confidence": "80.00",
                    "location": {
                        "width": 55.6,
                        "height": 40.0,
                        "top_left_x": 8.4,
                        "top_left_y": 4.0,
                    },
                },
                {
                    "label": "bounding_box",
                    "confidence": "91.00",
                    "location": {
                        "width": 32.2,
                        "height": 40.0,
                        "top_left_x": 8.4,
                        "top_left_y": 4.0,
                    },
                },
            ]
        }

    def test_known_people_come_with_their_places_and_the_surest_first(self, house: House) -> None:
        answer = ask(house, "celebrity-recognition", tagging_body(PICTURE, threshold=0.1))
        assert answer.json == {
            "result": [
                {
                    "confidence": 0.9877,
                    "face_detail": {"w": 33, "h": 40, "x": 8, "y": 4},
                    "label": "科菲·安南",
                },
                {
                    "confidence": 0.5,
                    "face_detail": {"w": 19, "h": 20, "x": 45, "y": 10},
                    "label": "Lena Horne",
                },
            ]
        }

    def test_a_recapture_is_told_in_texts(self, house: House) -> None:
        answer = ask(house, "recapture-detect", tagging_body(PICTURE))
        assert answer.json == {
            "result": {
                "suggestion": "false",
                "category": "recapture",
                "score": "0.9731",
                "detail": [
                    {"label": "recapture", "confidence": "0.9731"},
                    {"label": "original", "confidence": "0.0269"},
                ],
            }
        }

    def test_the_older_path_of_recaptures_answers_alike(self, house: House) -> None:
        sent = tagging_body(PICTURE, scene=["recapture"], threshold="", explain=True)
        older = house.ask(house.request(sent, path="/v1.0/image/recapture-detect"))
        assert older.status == 200
        assert older.body == ask(house, "recapture-detect", sent).body
        assert {use.version for use in house.uses()} == {"v1.0", "v2"}
        assert {use.interface for use in house.uses()} == {"recapture-detect"}

    @pytest.mark.parametrize(
        ("recaptured", "fields", "suggestion"),
        [
            (0.97, {}, "false"),
            (0.97, {"threshold": ""}, "false"),
            (0.97, {"threshold": None, "limit": -1, "language": "fr"}, "false"),
            (0.97, {"threshold": 0.98}, "uncertainty"),
            (0.94, {}, "uncertainty"),
            (0.94, {"threshold": 95}, "uncertainty"),
            (0.94, {"threshold": -1}, "uncertainty"),
            (0.94, {"threshold": 0.94}, "false"),
            (0.1, {}, "true"),
            (0.1, {"threshold": 0}, "false"),
        ],
    )
    def test_from_when_a_picture_is_recaptured_depends_on_the_threshold(
        self, house: House, recaptured: float, fields: dict[str, Any], suggestion: str
    ) -> None:
        house.assembly.judgement = replace(house.assembly.judgement, recaptured=recaptured)
        result = ask(house, "recapture-detect", tagging_body(PICTURE, **fields)).json["result"]
        assert result["suggestion"] == suggestion
        assert (result["category"] == "") is (suggestion == "true")

    @pytest.mark.parametrize("threshold", ["0.95", True, [0.95], {}])
    def test_a_threshold_of_recaptures_is_a_number(self, house: House, threshold: object) -> None:
        sent = tagging_body(PICTURE, threshold=threshold)
        answer = ask(house, "recapture-detect", sent)
        assert (answer.status, answer.error_code) == (400, "AIS.0501")

    def test_why_a_picture_is_recaptured_is_told_to_who_asks(self, house: House) -> None:
        plain = ask(house, "recapture-detect", tagging_body(PICTURE)).json["result"]
        for asked in (False, "true", 1, None):
            sent = tagging_body(PICTURE, explain=asked)
            assert ask(house, "recapture-detect", sent).json["result"] == plain
        sent = tagging_body(PICTURE, explain=True)
        told = ask(house, "recapture-detect", sent)
        assert faults(told.body, RECAPTURE_SCHEMAS["v2"].response) == []
        result = told.json["result"]
        explanation = result.pop("huiyan")
        assert result == plain
        assert explanation["medium"] == "screen"
        assert explanation["barcode"]["text"] == "6901234567892"
        assert [it["side"] for it in explanation["patches"]] == [32, 32]

    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_every_value_is_of_the_type_that_strict_clients_read(
        self, house: House, operation: str, language: str
    ) -> None:
        sent = tagging_body(PICTURE, threshold=0, language=language)
        answer = ask(house, operation, sent)
        assert answer.json["result"]
        assert faults(answer.body, OPERATIONS[operation][1].response) == []

    @pytest.mark.parametrize("name", TAGGERS)
    def test_a_picture_of_nothing_has_an_empty_list(self, house: House, name: str) -> None:
        house.assembly.findings = findings_of({})
        answer = ask(house, name, tagging_body(PICTURE, threshold=0))
        assert (answer.status, answer.body) == (200, b'{"result":{"tags":[]}}')

    def test_a_picture_without_a_subject_has_an_empty_array(self, house: House) -> None:
        house.assembly.subjects = ()
        answer = ask(house, "main-object-detection", tagging_body(PICTURE, threshold=0))
        assert (answer.status, answer.body) == (200, b'{"result":[]}')

    def test_a_picture_of_nobody_has_an_empty_array(self, house: House) -> None:
        house.assembly.people = ()
        answer = ask(house, "celebrity-recognition", tagging_body(PICTURE, threshold=0))
        assert (answer.status, answer.body) == (200, b'{"result":[]}')

    @pytest.mark.parametrize(
        ("fields", "labels"),
        [
            ({}, ["科菲·安南"]),
            ({"threshold": "", "language": "en"}, ["科菲·安南"]),
            ({"threshold": 0.5}, ["科菲·安南", "Lena Horne"]),
            ({"threshold": 0, "limit": 1}, ["科菲·安南", "Lena Horne"]),
            ({"threshold": 0.98765}, ["科菲·安南"]),
            ({"threshold": 1}, []),
        ],
    )
    def test_who_is_named_depends_on_the_threshold_alone(
        self, house: House, fields: dict[str, Any], labels: list[str]
    ) -> None:
        answer = ask(house, "celebrity-recognition", tagging_body(PICTURE, **fields))
        assert [it["label"] for it in answer.json["result"]] == labels

    @pytest.mark.parametrize("threshold", [-0.01, 1.01, 60, "0.9", True, [0.9]])
    def test_a_threshold_of_people_is_a_number_from_0_to_1(
        self, house: House, threshold: object
    ) -> None:
        sent = tagging_body(PICTURE, threshold=threshold)
        answer = ask(house, "celebrity-recognition", sent)
        assert (answer.status, answer.error_code) == (400, "AIS.0501")

    @pytest.mark.parametrize(
        ("fields", "labels"),
        [
            ({"threshold": 0}, ["main_object_box", "bounding_box", "bounding_box"]),
            ({"threshold": 85}, ["bounding_box"]),
            ({"threshold": 100}, []),
            ({"threshold": "", "url": ""}, ["main_object_box", "bounding_box"]),
            ({"threshold": None, "limit": 1}, ["main_object_box", "bounding_box"]),
            ({"language": "fr", "limit": -1}, ["main_object_box", "bounding_box"]),
        ],
    )
    def test_the_main_object_has_a_threshold_and_nothing_else(
        self, house: House, fields: dict[str, Any], labels: list[str]
    ) -> None:
        answer = ask(house, "main-object-detection", tagging_body(PICTURE, **fields))
        assert [it["label"] for it in answer.json["result"]] == labels

    @pytest.mark.parametrize(
        ("fields", "listed", "boxed"),
        [
            ({}, ["狗", "海滩"], ["狗", "猫"]),
            ({"threshold": None, "limit": "", "language": ""}, ["狗", "海滩"], ["狗", "猫"]),
            ({"threshold": 0}, ["狗", "海滩", "猫"], ["狗", "猫"]),
            ({"threshold": 30.5}, ["狗", "海滩"], ["狗"]),
            ({"threshold": 100}, [], []),
            ({"limit": 1}, ["狗"], ["狗"]),
            ({"language": "en", "scene": 1}, ["dog", "beach"], ["dog", "cat"]),
        ],
    )
    def test_each_parameter_of_media_tagging_does_what_it_says(
        self, house: House, fields: dict[str, Any], listed: list[str], boxed: list[str]
    ) -> None:
        for name, wanted in (("media-tagging", listed), ("media-tagging-det", boxed)):
            answer = ask(house, name, tagging_body(PICTURE, **fields))
            assert [tag["tag"] for tag in answer.json["result"]["tags"]] == wanted, name

    def test_three_defaults_for_one_list(self, house: House) -> None:
        house.assembly.findings = findings_of(
            {
                (f"东西 {it}", f"thing-{it:02}"): (
                    house.assembly.findings.vocabulary.categories[0],
                    0.9,
                    {(0.0, 0.0, 4.0, 4.0): 0.9},
                )
                for it in range(60)
            }
        )
        counts = {
            name: len(ask(house, name, tagging_body(PICTURE)).json["result"]["tags"])
            for name in TAGGERS
        }
        assert counts == {"tagging": 50, "media-tagging": 10, "media-tagging-det": 10}
        for name in TAGGERS:
            answer = ask(house, name, tagging_body(PICTURE, limit=150))
            assert len(answer.json["result"]["tags"]) == 60


class TestRecords:
    def test_a_good_call_is_recorded_once_under_its_own_name(
        self, house: House, operation: str
    ) -> None:
        sent = tagging_body(PICTURE)
        answer = ask(house, operation, sent)
        (use,) = house.uses()
        assert use.request_id == answer.request_id
        assert (use.interface, use.version) == (operation, OPERATIONS[operation][0])
        assert (use.account_id, use.project_id) == (house.account_id, house.account.project_id)
        assert (use.region, use.credential_id) == ("cn-north-4", house.account.access_key)
        assert (use.succeeded, use.error_code, use.http_status) == (True, None, 200)
        assert (use.bytes_in, use.width_px, use.height_px) == (len(sent), 64, 48)

    def test_its_count_and_its_duration_move_and_no_others(
        self, house: House, operation: str
    ) -> None:
        for _ in range(2):
            ask(house, operation, tagging_body(PICTURE))
        version = OPERATIONS[operation][0]
        assert house.calls_counted(interface=operation, version=version, status="200") == 2
        assert house.sample("huiyan_call_duration_seconds_count", interface=operation) == 2
        assert house.calls_counted() == 2
        assert house.sample("huiyan_calls_in_hand") == 0

    def test_the_picture_is_looked_at_once_and_upright(self, house: House, operation: str) -> None:
        exif = photograph_like().getexif()
        exif[0x0112] = 6
        turned = encoded(photograph_like(64, 48), exif=exif)
        ask(house, operation, tagging_body(turned))
        (use,) = house.uses()
        assert (use.width_px, use.height_px) == (48, 64)
        assert house.assembly.looks == [(48, 64)]

    def test_a_picture_by_url(self, house: House, operation: str) -> None:
        house.fetcher.pages[URL] = PICTURE
        assert ask(house, operation, body(url=URL, image="")).status == 200
        house.fetcher.pages[URL] = DownloadError("too slow")
        answer = ask(house, operation, body(url=URL))
        assert (answer.status, answer.error_code) == (400, "AIS.0029")
        assert [use.interface for use in house.uses()] == [operation] * 2
        assert {use.succeeded for use in house.uses()} == {True, False}

    @pytest.mark.parametrize("operation", NEW)
    def test_every_bad_body_is_refused_and_recorded_as_a_failure_once(
        self, house: House, operation: str
    ) -> None:
        for name, (make, usual) in BODIES.items():
            code = EXCEPTIONS[operation].get(name, usual)
            answer = ask(house, operation, make())
            if code is None:
                assert answer.status == 200, f"{name}: {answer.body!r}"
                continue
            assert (answer.status, answer.error_code) == (400, code), f"{name}: {answer.body!r}"
            (use,) = [use for use in house.uses() if use.request_id == answer.request_id]
            assert (use.interface, use.version) == (operation, OPERATIONS[operation][0])
            assert (use.succeeded, use.error_code, use.http_status) == (False, code, 400), name
            assert (use.width_px, use.height_px) == (None, None)
        assert len(house.uses()) == len(BODIES)
        answered = sum(house.calls_counted(interface=operation, status=it) for it in ("200", "400"))
        assert answered == len(BODIES)

    def test_a_network_that_fails_is_a_failure_of_the_call(
        self, house: House, operation: str
    ) -> None:
        def fail() -> None:
            raise InferenceError("secret detail")

        house.assembly.before = fail
        answer = ask(house, operation, tagging_body(PICTURE))
        assert (answer.status, answer.error_code) == (400, "AIS.0505")
        assert b"secret" not in answer.body
        (use,) = house.uses()
        assert (use.interface, use.succeeded, use.error_code) == (operation, False, "AIS.0505")
        assert house.calls_counted(interface=operation, error_code="AIS.0505") == 1

    def test_without_a_durable_record_no_success_leaves(self, house: House, operation: str) -> None:
        house.meter.fails = True
        answer = ask(house, operation, tagging_body(PICTURE))
        assert (answer.status, answer.error_code) == (400, "AIS.0003")
        assert house.uses() == ()
        assert house.calls_counted(status="200") == 0


class TestAudit:
    def told(self, house: House) -> list[AuditEntry]:
        page = house.parts.audit.entries(house.account_id, AuditQuery(), 100)
        return [record.entry for record in page.records]

    def test_who_looked_for_people_is_told_with_the_ids_of_whom_they_found(
        self, house: House
    ) -> None:
        answer = ask(house, "celebrity-recognition", tagging_body(PICTURE))
        (entry,) = self.told(house)
        assert entry.request_id == answer.request_id
        assert (entry.action, entry.allowed) == ("image:celebrity-recognition:run", True)
        assert (entry.project_id, entry.address) == (house.account.project_id, "127.0.0.1")
        assert entry.credential_id == house.account.access_key
        assert entry.detail == {"faces": "3", "people": "Kofi Annan"}

    @pytest.mark.parametrize("name", [name for name in OPERATIONS if "celebrity" not in name])
    def test_other_operations_are_in_the_use_records_only(self, house: House, name: str) -> None:
        ask(house, name, tagging_body(PICTURE))
        assert self.told(house) == []

    def test_nobody_is_named_while_the_log_cannot_be_written(self, house: House) -> None:
        with house.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE audit_record")
        answer = ask(house, "celebrity-recognition", tagging_body(PICTURE))
        assert (answer.status, answer.error_code) == (400, "AIS.0003")
        assert [use.succeeded for use in house.uses()] == []


class TestPictures:
    @pytest.mark.parametrize("name", NEW)
    @pytest.mark.parametrize("size_wh", [(1, 1), (1, 10_000), (10_000, 1), (14, 4097)])
    def test_any_side_from_1_to_10000_px_is_taken(
        self, house: House, name: str, size_wh: tuple[int, int]
    ) -> None:
        assert ask(house, name, tagging_body(jpeg(*size_wh))).status == 200
        (use,) = house.uses()
        assert (use.width_px, use.height_px) == size_wh

    @pytest.mark.parametrize("name", NEW)
    @pytest.mark.parametrize("size_wh", [(10_001, 1), (1, 10_001)])
    def test_one_pixel_more_is_not(self, house: House, name: str, size_wh: tuple[int, int]) -> None:
        answer = ask(house, name, tagging_body(jpeg(*size_wh)))
        assert (answer.status, answer.error_code) == (400, "AIS.0504")
        assert house.assembly.looks == []

    @pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP"])
    def test_four_formats_are_taken_but_webp_not_as_a_recapture(
        self, house: House, operation: str, form: str
    ) -> None:
        answer = ask(house, operation, tagging_body(encoded(photograph_like(), form)))
        if (operation, form) == ("recapture-detect", "WEBP"):
            assert (answer.status, answer.error_code) == (400, "AIS.0502")
            assert house.assembly.looks == []
        else:
            assert answer.status == 200


class TestAccess:
    def test_a_foreign_project_is_refused_and_recorded(self, house: House, operation: str) -> None:
        path = house.path(operation).replace(house.account.project_id, "f" * 32)
        answer = house.ask(house.request(tagging_body(PICTURE), path=path))
        assert (answer.status, answer.error_code) == (403, "APIGW.0302")
        (use,) = house.uses()
        assert (use.interface, use.error_code) == (operation, "APIGW.0302")

    def test_a_call_that_nobody_signed_is_counted_and_not_recorded(
        self, house: House, operation: str
    ) -> None:
        request = house.request(tagging_body(PICTURE), path=house.path(operation))
        answer = house.ask(request, {"content-type": "application/json", "host": "h"})
        assert (answer.status, answer.error_code) == (401, "APIGW.0301")
        assert house.uses() == ()
        assert house.calls_counted(interface=operation, status="401") == 1

    def test_the_same_name_in_another_version_is_no_operation(self, house: House) -> None:
        for name, (version, _) in OPERATIONS.items():
            for other in {"v1", "v2", "v3"} - {version}:
                path = house.path(name).replace(f"/{version}/", f"/{other}/")
                answer = house.ask(house.request(tagging_body(PICTURE), path=path))
                assert (answer.status, answer.error_code) == (404, "APIGW.0101"), path
        older = {it.interface for it in house.offered if it.version == "v1.0"}
        for name in set(OPERATIONS) - older:
            path = f"/v1.0/image/{name}"
            assert house.ask(house.request(tagging_body(PICTURE), path=path)).status == 404
        assert house.uses() == ()

    def test_where_the_vendor_does_not_offer_it_there_is_no_such_path(
        self, open_a_house: Callable[..., House]
    ) -> None:
        house = open_a_house(regions=VENDOR_REGIONS)
        answered = {
            (name, region)
            for name in OPERATIONS
            for region in ("cn-north-4", "cn-east-3")
            if self._status(house, name, region) == 200
        }
        assert answered == {
            *((name, "cn-north-4") for name in OPERATIONS),
            ("tagging", "cn-east-3"),
        }
        assert len(house.uses()) == len(answered)

    def _status(self, house: House, name: str, region: str) -> int:
        path = house.path(name, region)
        answer = house.ask(house.request(tagging_body(PICTURE), path=path))
        assert answer.status == 200 or answer.error_code == "APIGW.0101"
        return answer.status


def test_operations_side_by_side_are_each_recorded_once(open_a_house: Callable[..., House]) -> None:
    house = open_a_house(queue_limit=30 * len(OPERATIONS))  # room for all in one project
    requests = [
        house.request(tagging_body(PICTURE), path=house.path(name)) for name in OPERATIONS
    ] * 10

    async def run() -> list[str]:
        answers = await asyncio.gather(*(house.answer(request) for request in requests))
        assert {answer.status for answer in answers} == {200}
        return [answer.request_id for answer in answers]

    told = asyncio.run(run())
    assert sorted(told) == sorted(use.request_id for use in house.uses())
    for name in OPERATIONS:
        assert len([use for use in house.uses() if use.interface == name]) == 10


def test_all_operations_wait_in_one_queue(open_a_house: Callable[..., House]) -> None:
    house = open_a_house(queue_limit=3)  # of which one project may have two
    gate = Gate()
    house.assembly.before = gate
    requests = {
        name: house.request(tagging_body(PICTURE), path=house.path(name)) for name in OPERATIONS
    }

    async def run() -> None:
        held = [
            asyncio.create_task(house.answer(requests[name]))
            for name in ("media-tagging-det", "main-object-detection")
        ]
        for _ in held:
            await asyncio.to_thread(gate.arrived.acquire)
        try:
            for request in requests.values():
                refused = await house.answer(request)
                assert (refused.status, refused.error_code) == (429, "ModelArts.4401")
                assert int(refused.headers["retry-after"]) >= 1
        finally:
            gate.open()
        assert [answer.status for answer in await asyncio.gather(*held)] == [200, 200]

    asyncio.run(run())
    assert len(house.uses()) == 2


def test_the_answer_is_plain_utf_8(house: House, operation: str) -> None:
    answer = ask(house, operation, tagging_body(PICTURE, threshold=0))
    assert json.loads(answer.body.decode("utf-8")) == answer.json
    assert b"\\u" not in answer.body
