"""Which pictures a command line names, and what becomes of each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest
from made_pictures import jpeg

from huiyan.cli.pictures import (
    Answer,
    Question,
    ask,
    ask_all,
    find_pictures,
    print_all,
    require_pictures,
)
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import MIB_BYTES
from huiyan.persistence.query import Scope
from huiyan.recognition.model import Capability, ParsedRequest
from huiyan.recognition.service import RecognitionService
from huiyan.recognition.wire import WireFields, parse_fields


class TestFindPictures:
    def test_nothing_named_finds_nothing(self) -> None:
        assert find_pictures(()) == []

    def test_a_file_is_taken_as_it_is(self, tmp_path: Path) -> None:
        assert find_pictures([str(tmp_path / "absent.txt")]) == [tmp_path / "absent.txt"]

    def test_a_folder_gives_the_pictures_below_it_sorted(self, tmp_path: Path) -> None:
        names = ["b.JPG", "a.png", "deep/er/c.webp", "d.bmp", "notes.txt", "movie.mp4"]
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        found = [str(path.relative_to(tmp_path)) for path in find_pictures([str(tmp_path)])]
        assert found == ["a.png", "b.JPG", "d.bmp", "deep/er/c.webp"]

    def test_a_glob_gives_what_it_matches_and_nothing_twice(self, tmp_path: Path) -> None:
        for name in ("a.jpg", "b.jpg", "c.png"):
            (tmp_path / name).touch()
        found = find_pictures([f"{tmp_path}/*.jpg", f"{tmp_path}/a.jpg", f"{tmp_path}/**"])
        assert [path.name for path in found if path.suffix][:2] == ["a.jpg", "b.jpg"]
        assert len(found) == len(set(found))

    def test_a_glob_that_matches_nothing_finds_nothing(self, tmp_path: Path) -> None:
        assert find_pictures([f"{tmp_path}/*.jpg"]) == []

    def test_a_file_whose_name_looks_like_a_glob_is_a_file(self, tmp_path: Path) -> None:
        odd = tmp_path / "[a].jpg"
        odd.touch()
        assert find_pictures([str(odd)]) == [odd]


class NoFetcher:
    def fetch(self, url: str) -> bytes:
        raise AssertionError(url)


def service() -> RecognitionService:
    return RecognitionService(NoFetcher(), MemoryBudget(64 * MIB_BYTES), SystemClock(), 2, 2)


def parse(body: bytes) -> ParsedRequest[WireFields]:
    fields = parse_fields(body)
    return ParsedRequest(fields, fields.source)


def size_and_limit(image: Image, fields: WireFields, _scope: Scope) -> Any:
    if fields.limit == 0:
        raise InferenceError("the network failed")
    return [*image.size_wh, fields.limit]


CAPABILITY: Capability[WireFields, Any] = Capability(
    interface="size",
    version="v2",
    path="/size",
    limits=PictureLimits(frozenset(Format), 1, 10_000),
    min_short_side_px=None,
    parse=parse,
    recognise=size_and_limit,
    render=lambda result, _params: json.dumps({"result": result}).encode(),
)


def question(**fields: object) -> Question:
    return Question(CAPABILITY, fields)


class TestAsking:
    def test_the_fields_reach_the_operation_beside_the_picture(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.write_bytes(jpeg(64, 48))
        answer = ask(service(), question(limit=7), path)
        assert (answer.failed, answer.body) == (False, {"result": [64, 48, 7]})

    def test_a_file_that_cannot_be_read_is_an_error_of_its_own(self, tmp_path: Path) -> None:
        for path in (tmp_path / "absent.jpg", tmp_path):
            answer = ask(service(), question(), path)
            assert answer.failed
            assert answer.body["error_code"] == "HY.0001"

    def test_a_file_that_is_no_picture_has_the_wires_error(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.write_bytes(b"hello, no picture")
        assert ask(service(), question(), path).body["error_code"] == "AIS.0502"

    def test_an_empty_file_is_damaged_and_not_a_field_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.touch()
        assert ask(service(), question(), path).body["error_code"] == "AIS.0503"

    def test_a_network_that_fails_fails_that_picture_only(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.write_bytes(jpeg(64, 48))
        assert ask(service(), question(limit=0), path).body["error_code"] == "AIS.0505"

    def test_answers_come_in_the_order_of_the_pictures(self, tmp_path: Path) -> None:
        paths = [tmp_path / f"{number}.jpg" for number in range(9)]
        for number, path in enumerate(paths):
            path.write_bytes(jpeg(40 + number, 40))
        answers = list(ask_all(service(), question(), paths, 4))
        assert [answer.path for answer in answers] == paths
        assert [answer.body["result"][0] for answer in answers] == list(range(40, 49))


def test_no_picture_is_a_wrong_use_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="no picture found"):
        require_pictures([f"{tmp_path}/*.jpg"])


GOOD = Answer(Path("a.jpg"), {"result": []})
BAD = Answer(Path("b[red].jpg"), {"error_code": "AIS.0502", "error_msg": "no [picture]"})


class TestPrinting:
    def test_good_answers_are_shown_and_drawn_and_bad_ones_neither(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shown: list[Answer] = []
        drawn: list[Answer] = []
        with pytest.raises(SystemExit) as caught:
            print_all([BAD, GOOD], as_json=False, show=shown.append, draw=drawn.append)
        assert caught.value.code == 1
        assert (shown, drawn) == ([GOOD], [GOOD])
        told = capsys.readouterr()
        assert told.out == ""
        assert "b[red].jpg: AIS.0502 no [picture]" in told.err
        assert "不支持的图片格式" in told.err
        assert "1 of 2" in told.err
        assert "2 张图片中有 1 张失败" in told.err

    def test_with_json_there_is_nothing_else_on_standard_output(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shown: list[Answer] = []
        with pytest.raises(SystemExit):
            print_all([GOOD, BAD], as_json=True, show=shown.append, draw=None)
        assert shown == []
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert lines == [{"file": "a.jpg", **GOOD.body}, {"file": "b[red].jpg", **BAD.body}]

    def test_where_all_is_well_the_command_goes_on(self) -> None:
        print_all([GOOD], as_json=False, show=lambda _: None, draw=None)

    def test_a_line_of_json_names_its_file_whatever_bytes_that_is_made_of(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = Path(os.fsdecode(b"/\xff[b]\xe7\x8b\x97.jpg"))
        print_all([Answer(path, {})], as_json=True, show=lambda _: None, draw=None)
        assert json.loads(capsys.readouterr().out) == {"file": "/\ufffd[b]狗.jpg"}
