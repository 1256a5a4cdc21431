"""The order of stages; what each outcome means for the record is in ``tests/flow``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from in_process import House, open_house
from live_server import tagging_body
from made_pictures import jpeg

from huiyan.kernel.errors import RefusedUrlError


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path)
    yield opened
    opened.close()


def test_who_calls_is_asked_before_whose_project_it_is(house: House) -> None:
    request = house.request(b"{}", path=f"/v2/{'f' * 32}/image/tagging")
    headers = request.headers | {"Authorization": "SDK-HMAC-SHA256 Access=X"}
    assert house.ask(request, headers).status == 401


def test_whose_project_it_is_is_asked_before_what_the_body_says(house: House) -> None:
    path = f"/v2/{'f' * 32}/image/tagging"
    assert house.ask(house.request(b"nonsense", path=path, content_type=None)).status == 403


def test_the_content_type_is_asked_before_what_the_body_says(house: House) -> None:
    request = house.request(b"nonsense", content_type="text/plain")
    assert house.ask(request).error_code == "AIS.0012"


def test_the_parameters_are_checked_before_anything_is_fetched(house: House) -> None:
    house.fetcher.pages["http://a/"] = RefusedUrlError("not to be reached")
    body = b'{"url": "http://a/", "limit": 0}'
    assert house.ask(house.request(body)).error_code == "AIS.0501"


def test_the_picture_is_decoded_before_it_is_recognised(house: House) -> None:
    assert house.ask(house.request(tagging_body(b"no picture"))).error_code == "AIS.0502"
    assert house.assembly.looks == []


def test_the_record_says_when_the_call_came_not_when_it_ended(house: House) -> None:
    started: list[datetime] = []
    house.assembly.before = lambda: started.append(datetime.now(UTC))
    house.ask(house.request(tagging_body(jpeg())))
    (use,) = house.uses()
    assert use.at <= started[0]
