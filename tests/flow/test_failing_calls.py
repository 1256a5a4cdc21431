"""Every error that image tagging can give, and what is recorded of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from bad_bodies import BODIES, PICTURE, URL, body, picture
from in_process import House
from live_server import tagging_body
from signed_call import Account, Answer, SignedRequest

from huiyan.kernel.errors import (
    DownloadError,
    DownloadTooLargeError,
    InferenceError,
    RefusedUrlError,
)
from huiyan.kernel.ids import AccessKey, RegionId


def assert_vendor_shaped(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.error_code) == (status, code), answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error_msg"]
    assert answer.json["request_id"] == answer.request_id
    assert "result" not in answer.json


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_refused_and_recorded_as_a_failure_once(house: House, name: str) -> None:
    make, code = BODIES[name]
    sent = make()
    answer = house.ask(house.request(sent))
    assert_vendor_shaped(answer, 400, code)
    (use,) = house.uses()
    assert use.request_id == answer.request_id
    assert (use.succeeded, use.error_code, use.http_status) == (False, code, 400)
    assert (use.bytes_in, use.width_px, use.height_px) == (len(sent), None, None)
    assert use.project_id == house.account.project_id
    assert house.calls_counted(status="400", error_code=code) == 1


def test_an_empty_picture_is_no_picture_at_all(house: House) -> None:
    assert house.ask(house.request(body(image=""))).error_code == "AIS.0011"


def test_a_prefix_is_named_in_the_text(house: House) -> None:
    answer = house.ask(house.request(body(image="data:image/png;base64,AAAA")))
    assert "data:" in answer.json["error_msg"]


def test_a_bad_parameter_is_named_as_the_caller_wrote_it(house: House) -> None:
    answer = house.ask(house.request(tagging_body(PICTURE, limit=0)))
    assert "limit" in answer.json["error_msg"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RefusedUrlError("a private address"), "AIS.0022"),
        (DownloadError("too slow"), "AIS.0029"),
        (DownloadTooLargeError("more than 7.5 MiB"), "AIS.0504"),
    ],
)
def test_a_url_that_fails_says_why(house: House, error: Exception, code: str) -> None:
    house.fetcher.pages[URL] = error
    answer = house.ask(house.request(body(url=URL)))
    assert_vendor_shaped(answer, 400, code)
    (use,) = house.uses()
    assert (use.succeeded, use.error_code) == (False, code)


@pytest.mark.parametrize(
    ("media_type", "code"), [(None, "AIS.0010"), ("", "AIS.0010"), ("text/plain", "AIS.0012")]
)
def test_the_content_type_must_be_json(house: House, media_type: str | None, code: str) -> None:
    answer = house.ask(house.request(picture(PICTURE), content_type=media_type))
    assert_vendor_shaped(answer, 400, code)
    (use,) = house.uses()
    assert use.error_code == code


@pytest.mark.parametrize(
    ("error", "code"), [(InferenceError("nan"), "AIS.0505"), (ZeroDivisionError("x"), "AIS.0003")]
)
def test_a_fault_of_ours_reveals_nothing_and_is_recorded(
    house: House, error: Exception, code: str
) -> None:
    def fail() -> None:
        raise error

    house.assembly.before = fail
    answer = house.ask(house.request(picture(PICTURE)))
    assert_vendor_shaped(answer, 400, code)
    assert str(error) not in answer.json["error_msg"].split()
    (use,) = house.uses()
    assert (use.succeeded, use.error_code) == (False, code)


def test_without_a_durable_record_no_success_leaves(house: House) -> None:
    house.meter.fails = True
    answer = house.ask(house.request(picture(PICTURE)))
    assert_vendor_shaped(answer, 400, "AIS.0003")
    assert "disk" not in answer.json["error_msg"]
    assert house.uses() == ()
    assert house.calls_counted(status="200") == 0


def test_without_a_durable_record_a_failure_reads_as_ours(house: House) -> None:
    house.meter.fails = True
    assert_vendor_shaped(house.ask(house.request(b"{}")), 400, "AIS.0003")


class TestAuthorisation:
    def test_a_foreign_project_is_refused_and_recorded(self, house: House) -> None:
        answer = house.ask(house.request(picture(PICTURE), path=f"/v2/{'f' * 32}/image/tagging"))
        assert_vendor_shaped(answer, 403, "APIGW.0302")
        (use,) = house.uses()
        assert (use.account_id, use.project_id) == (house.account_id, "f" * 32)
        assert use.error_code == "APIGW.0302"

    @pytest.mark.parametrize("project", ["%00", "a" * 300, "..", "%E7%8B%97"])
    def test_an_impossible_project_is_refused_and_recorded(
        self, house: House, project: str
    ) -> None:
        answer = house.ask(house.request(picture(PICTURE), path=f"/v2/{project}/image/tagging"))
        assert_vendor_shaped(answer, 403, "APIGW.0302")
        assert len(house.uses()) == 1

    def test_a_service_that_is_not_enabled_is_refused(self, house: House) -> None:
        principal = house.identity.authenticate(raw(house.request(picture(PICTURE))))
        project = house.identity.project(principal, house.account.project_id)
        house.identity.set_service(project, "image", enabled=False)
        answer = house.ask(house.request(picture(PICTURE)))
        assert_vendor_shaped(answer, 403, "ModelArts.4204")
        (use,) = house.uses()
        assert use.error_code == "ModelArts.4204"
        house.identity.set_service(project, "image", enabled=True)
        assert house.ask(house.request(picture(PICTURE))).status == 200


class TestBeforeAuthentication:
    """Refusals that nobody can be charged with: counted, not recorded."""

    def refused(self, house: House, answer: Answer, text: str) -> None:
        assert_vendor_shaped(answer, 401, "APIGW.0301")
        assert text in answer.json["error_msg"]
        assert house.uses() == ()
        assert house.calls_counted(status="401", error_code="APIGW.0301") == 1

    def test_no_credentials(self, house: House) -> None:
        headers = {"content-type": "application/json", "host": "h"}
        answer = house.ask(house.request(picture(PICTURE)), headers)
        self.refused(house, answer, "x-auth-token not found")

    @pytest.mark.parametrize("empty", [{}, {"authorization": "", "x-auth-token": ""}])
    def test_no_credentials_are_refused_before_the_body_has_come(
        self, house: House, empty: dict[str, str]
    ) -> None:
        headers = {"content-type": "application/json", "content-length": "5000000"} | empty

        async def run() -> Answer:
            never = house.answer(house.request(b""), headers, chunks=[])
            return await asyncio.wait_for(never, 2)

        self.refused(house, asyncio.run(run()), "x-auth-token not found")

    def test_a_token_that_nobody_issued(self, house: House) -> None:
        headers = {"content-type": "application/json", "host": "h", "x-auth-token": "MIIabc"}
        answer = house.ask(house.request(picture(PICTURE)), headers)
        self.refused(house, answer, "decrypt token fail")

    def test_an_unknown_key(self, house: House) -> None:
        stranger = Account("NOBODYNOBODYNOBODYNO", "s" * 40, house.account.project_ids)
        answer = house.ask(house.request(picture(PICTURE), account=stranger))
        text = "Get secretKey failed,ak:NOBODYNOBODYNOBODYNO,err:ak not exist"
        self.refused(house, answer, text)

    def test_a_stopped_key_reads_like_an_unknown_one(self, house: House) -> None:
        access_key = house.account.access_key
        house.parts.people.keys.change(house.account_id, AccessKey(access_key), "inactive")
        answer = house.ask(house.request(picture(PICTURE)))
        self.refused(house, answer, f"Get secretKey failed,ak:{access_key},err:ak not exist")

    def test_a_wrong_secret(self, house: House) -> None:
        thief = Account(house.account.access_key, "s" * 40, house.account.project_ids)
        answer = house.ask(house.request(picture(PICTURE), account=thief))
        self.refused(house, answer, "verify aksk signature fail")

    def test_a_body_changed_on_its_way(self, house: House) -> None:
        request = house.request(picture(PICTURE))
        headers = request.headers
        request.body += b" "
        self.refused(house, house.ask(request, headers), "verify aksk signature fail")

    @pytest.mark.parametrize("minutes", [-16, 16])
    def test_a_clock_that_is_off(self, house: House, minutes: int) -> None:
        moment = datetime.now(UTC) + timedelta(minutes=minutes)
        answer = house.ask(house.request(picture(PICTURE), at=moment))
        self.refused(house, answer, "Incorrect IAM authentication information")

    def test_an_unsigned_payload(self, house: House) -> None:
        extra = {"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
        answer = house.ask(house.request(picture(PICTURE), extra=extra))
        self.refused(house, answer, "Incorrect IAM authentication information")

    def test_a_signing_scheme_that_is_not_spoken(self, house: House) -> None:
        headers = house.request(picture(PICTURE)).headers
        scheme = headers["Authorization"].replace("SDK-HMAC-SHA256", "SDK-SM2-SM3")
        answer = house.ask(house.request(picture(PICTURE)), headers | {"Authorization": scheme})
        self.refused(house, answer, "Incorrect IAM authentication information")


class TestIamCalls:
    """Guessed keys leave a trace, and no label that grows with the guesses."""

    def test_calls_are_counted_by_route_and_status(self, house: House) -> None:
        thief = Account(house.account.access_key, "s" * 40, house.account.project_ids)
        own = house.account.project_id
        for path in ("/v3/projects", f"/v3/projects/{own}", f"/v3/projects/{'f' * 32}"):
            assert house.ask(house.request(path=path, method="GET", account=thief)).status == 401
        assert house.ask(house.request(path="/v3/projects", method="GET")).status == 200
        shown = house.ask(house.request(path="/metrics", method="GET")).body.decode()
        for labels, count in (
            ('route="/v3/projects",status="401"', 1),
            ('route="/v3/projects/{project_id}",status="401"', 2),
            ('route="/v3/projects",status="200"', 1),
        ):
            assert f"huiyan_iam_calls_total{{{labels}}} {count}.0" in shown
        assert own not in shown
        assert house.uses() == ()


class TestRouting:
    """No operation, no record: counted by themselves."""

    def refused(self, house: House, answer: Answer, text: str) -> None:
        assert_vendor_shaped(answer, 404, "APIGW.0101")
        assert text in answer.json["error_msg"]
        assert house.uses() == ()
        assert house.sample("huiyan_refused_requests_total", error_code="APIGW.0101") == 1
        assert house.sample("huiyan_calls_total") == 0

    @pytest.mark.parametrize(
        "path",
        [
            "/v2/",
            "/v2",
            "/v2/{}/image/description",
            "/v2/{}/image/tagging/",
            "/v2/{}/image/Tagging",
            "/v3/{}/image/tagging",
            "/v2//{}/image/tagging",
            "/v1.0/image/tagging/x",
            "/v1.0/vision/defog",
        ],
    )
    def test_an_unknown_path(self, house: House, path: str) -> None:
        path = path.format(house.account.project_id)
        self.refused(house, house.ask(house.request(picture(PICTURE), path=path)), "published")

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
    @pytest.mark.parametrize("path", ["/v2/{}/image/tagging", "/v1.0/image/tagging", "/healthz"])
    def test_a_wrong_method(self, house: House, method: str, path: str) -> None:
        if (path, method) == ("/healthz", "GET"):
            return
        path = path.format(house.account.project_id)
        request = house.request(picture(PICTURE), path=path, method=method)
        self.refused(house, house.ask(request), "The API does not exist")

    @pytest.mark.parametrize("placeholder", ["%7Bproject_id%7D", "{project_id}"])
    def test_a_client_built_without_a_project(self, house: House, placeholder: str) -> None:
        path = f"/v2/{placeholder}/image/tagging"
        answer = house.ask(house.request(picture(PICTURE), path=path))
        assert_vendor_shaped(answer, 400, "APIGW.0201")
        assert "without a project id" in answer.json["error_msg"]
        assert house.uses() == ()

    def test_where_the_vendor_does_not_offer_it_there_is_no_such_path(
        self, open_a_house: Callable[..., House]
    ) -> None:
        house = open_a_house(regions={"tagging": frozenset({RegionId("cn-north-4")})})
        assert house.ask(house.request(picture(PICTURE))).status == 200
        path = f"/v2/{house.account.project_ids['cn-east-3']}/image/tagging"
        answer = house.ask(house.request(picture(PICTURE), path=path))
        assert_vendor_shaped(answer, 404, "APIGW.0101")
        assert len(house.uses()) == 1


def raw(request: SignedRequest) -> object:
    from huiyan.web.request import RawRequest  # noqa: PLC0415 -- used by one test

    return RawRequest(
        method=request.method,
        raw_path=request.path.encode(),
        raw_query=b"",
        headers=tuple((n.encode(), v.encode()) for n, v in request.headers.items()),
        body=request.body,
        client_address="",
    )
