"""Image tagging through the vendor's own Python client against a real server process."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer

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

    @pytest.mark.parametrize("calls", [32, pytest.param(64, marks=pytest.mark.slow)])
    def test_sixteen_threads_get_what_one_gets(
        self, sdk: Any, server: LiveServer, client: Any, photographs: dict[str, Path], calls: int
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
            assert all(pool.map(call, range(calls)))
