"""``huiyan celebrity`` on a real data folder; only the networks are made up."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from made_faces import BLURRED, DIMENSIONS, EMPTY, TWO, MadeFaceReader, photo
from migrated import open_migrated

from huiyan.administration import open_administration
from huiyan.celebrity.calibration import load_calibration
from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.comparison import Comparison
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.memory import GalleryMemory
from huiyan.celebrity.gallery.model import ModelId, PersonFacts
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.model import Candidate
from huiyan.celebrity.starter import load_starter
from huiyan.cli.celebrity import celebrity
from huiyan.cli.celebrity_look import number_boxes
from huiyan.cli.celebrity_refusals import in_chinese, telling_files
from huiyan.iam.bootstrap import first_start
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.vault import open_vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import ConflictError, OperatorError
from huiyan.kernel.settings import Settings

REGIONS = ("cn-north-4", "cn-east-3")


class MadeDesk:
    """The galleries of an installation, looked at by a made-up network."""

    def __init__(self, administration: Any) -> None:
        self.administration = administration
        self.reader = MadeFaceReader()
        self.intake = Intake(self.reader)
        model, clock = ModelId(self.reader.model_id), SystemClock()
        repository = GalleryRepository(administration.database)
        cipher = GalleryCipher(administration.vault)
        starter = load_starter()
        nobody = starter.without(person.id for person in starter.people)
        comparison = Comparison(model, DIMENSIONS, load_calibration())
        self.memory = GalleryMemory(repository, cipher, nobody, comparison, 2**28)
        self.service = GalleryService(
            repository, cipher, model, clock, memory=self.memory, finder=self.memory
        )


@contextmanager
def open_made_gallery(settings: Settings) -> Iterator[MadeDesk]:
    with open_administration(settings) as administration:
        yield MadeDesk(administration)


class House:
    """An installation, some pictures, and a command line."""

    def __init__(self, folder: Path, pictures: Path) -> None:
        self.settings = Settings(data_dir=folder, regions=REGIONS)
        self.pictures = pictures
        self.shown = ""

    def put(self, name: str, data: bytes) -> str:
        path = self.pictures / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    def run(self, *arguments: str, given: str | None = None) -> Result:
        result = CliRunner().invoke(celebrity, arguments, obj=self.settings, input=given)
        self.shown += result.output
        return result

    def do(self, *arguments: str, given: str | None = None) -> str:
        result = self.run(*arguments, given=given)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def ask(self, *arguments: str) -> Any:
        return json.loads(self.do(*arguments, "--json"))

    def refuse(self, *arguments: str, given: str | None = None) -> str:
        result = self.run(*arguments, given=given)
        assert isinstance(result.exception, OperatorError), (result.output, result.exception)
        return result.exception.detail

    def add(self, name: str, person: int, *more: str) -> str:
        made = self.ask("add", name, self.put(f"{person}-0.png", photo(person)), *more)
        return str(made["id"])

    def audit(self) -> list[tuple[str, str, str, dict[str, str], str]]:
        with sqlite3.connect(self.settings.data_dir / "huiyan.db") as database:
            rows = database.execute(
                "SELECT action, resource, reason, detail, project_id FROM audit_record ORDER BY 1"
            ).fetchall()
        database.close()
        return [(row[0], row[1], row[2], json.loads(row[3] or "{}"), row[4]) for row in rows]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("started")
    database = open_migrated(f"sqlite:///{folder / 'huiyan.db'}")
    vault = open_vault(None, folder / "instance.key", frozenset())
    first_start(IdentityRepository(database), vault, REGIONS, SystemClock())
    database.close()
    return folder


@pytest.fixture
def house(started: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    for name in [name for name in os.environ if name.startswith("HUIYAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("huiyan.cli.celebrity_desk.open_gallery", open_made_gallery)
    return House(shutil.copytree(started, tmp_path / "data"), tmp_path / "pictures")


def test_every_command_has_help_in_both_languages() -> None:
    assert len(celebrity.commands) > 15
    for command in (celebrity, *celebrity.commands.values()):
        texts = [command.help or "", command.short_help or ""]
        texts += [o.help or "" for o in command.params if isinstance(o, click.Option)]
        for text in texts:
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text), (command.name, text)


def test_where_nothing_was_started_yet_a_gallery_is_refused_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    result = CliRunner().invoke(celebrity, ["list"], obj=settings)
    assert isinstance(result.exception, OperatorError)
    assert "huiyan serve" in str(result.exception)
    assert not (tmp_path / "data").exists()


class TestPeople:
    def test_an_empty_gallery_lists_nobody(self, house: House) -> None:
        assert house.ask("list") == []
        assert house.ask("duplicates") == []
        assert house.ask("misfits") == []

    def test_who_is_added_is_listed_shown_and_found(self, house: House) -> None:
        person = house.add("姚明 Yao Ming", 1, "--alias", "小巨人", "--occupation", "篮球运动员")
        (listed,) = house.ask("list", "--text", "yao")
        assert (listed["id"], listed["name_zh"], listed["name_en"]) == (person, "姚明", "Yao Ming")
        for name in (person, "姚明", "yao ming", "姚明 Yao Ming", "小巨人"):
            shown = house.ask("show", name)
            assert shown["id"] == person
        assert [set(it) >= {"id", "digest", "quality"} for it in shown["photos"]] == [True]
        assert "embedding" not in json.dumps(shown)
        (face,) = house.ask("search", house.put("again.png", photo(1, 5)))
        assert face["candidates"][0]["id"] == person
        assert face["candidates"][0]["confidence"] > 0.9
        assert "姚明" in house.do("search", house.put("again.png", photo(1, 5)))

    def test_a_poor_photo_is_refused_in_both_languages_and_nobody_is_made(
        self, house: House
    ) -> None:
        good, blurred = house.put("1.png", photo(1)), house.put("2.png", photo(1, 1, BLURRED))
        empty, broken = house.put("3.png", photo(1, 2, EMPTY)), house.put("4.png", b"")
        told = house.refuse("add", "Adele", good, blurred, empty, broken, f"{good}.none")
        for part in (
            *("blurred", "人脸模糊", "no face", "没有找到人脸"),
            *("empty", "文件为空", "No such file", "无法读取"),
        ):
            assert part in told
        assert house.ask("list") == []

    @pytest.mark.parametrize("name", ["", "  ", "_ _", "\u3000"])
    def test_an_empty_name_is_told_in_both_languages(self, house: House, name: str) -> None:
        told = house.refuse("add", name, house.put("1.png", photo(1)))
        assert "NAME is empty" in told
        assert "姓名" in told
        assert house.audit() == []

    def test_of_several_faces_one_is_named_by_a_point(self, house: House) -> None:
        both = house.put("both.png", photo(1, 0, TWO))
        assert "45,80 150,80" in house.refuse("add", "Adele", both)
        house.do("add", "Adele", both, "--at", "45,80")
        assert house.run("add", "Bob", both, "--at", "here").exit_code == 2
        assert house.run("add", "Bob", both, both, "--at", "1,2").exit_code == 2

    def test_who_looks_alike_is_told(self, house: House) -> None:
        first = house.add("Adele", 1)
        other = house.ask("add", "Somebody", house.put("x.png", photo(1, 7)))
        assert [it["id"] for it in other["alike"]] == [first]
        house.do("remove", other["id"], "--yes")
        shown = house.run("add", "Somebody", house.put("x.png", photo(1, 7))).output
        (other,) = house.ask("list", "--text", "Somebody")
        assert f"huiyan celebrity merge {first} {other['id']}\n" in shown
        (pair,) = house.ask("duplicates")
        assert {pair["id"], pair["other_id"]} == {first, other["id"]}

    def test_the_same_file_twice_is_refused(self, house: House) -> None:
        person = house.add("Adele", 1)
        fresh = house.put("fresh.png", photo(1, 9))
        told = house.refuse("add-photos", person, fresh, house.put("1-0.png", photo(1)))
        assert f"{house.pictures / '1-0.png'} is there already" in told
        twice = house.refuse("add-photos", person, fresh, fresh)
        assert f"{fresh} is the same file as {fresh}" in twice
        assert len(house.ask("show", person)["photos"]) == 1
        assert house.ask("add-photos", person, house.put("b.png", photo(1, 2)))["photo_count"] == 2

    def test_names_and_facts_change_and_what_is_not_given_stays(self, house: House) -> None:
        person = house.add("Adele", 1, "--alias", "A", "--link", "https://example.org/a")
        changed = house.ask("change", "Adele", "--name-zh", "阿黛尔", "--occupation", "singer")
        assert (changed["name_zh"], changed["name_en"]) == ("阿黛尔", "Adele")
        assert (changed["aliases"], changed["link"]) == (["A"], "https://example.org/a")
        assert house.ask("change", person, "--no-aliases")["aliases"] == []
        assert house.ask("rename", person, "Bob")["name_zh"] == ""
        assert "nothing to change" in house.refuse("change", person)
        house.refuse("change", person, "--link", "javascript:alert(1)")
        assert "NAME is empty" in house.refuse("rename", person, " ")

    def test_a_disabled_person_is_never_named_until_enabled(self, house: House) -> None:
        house.add("Adele", 1)
        picture = house.put("x.png", photo(1, 5))
        house.do("disable", "Adele")
        assert house.ask("search", picture)[0]["candidates"] == []
        assert [it["enabled"] for it in house.ask("list", "--disabled")] == [False]
        house.do("enable", "Adele")
        assert len(house.ask("search", picture)[0]["candidates"]) == 1

    def test_a_name_of_several_people_asks_for_an_id(self, house: House) -> None:
        ids = {house.add("Li Wei", 1), house.add("Li Wei", 2)}
        told = house.refuse("show", "Li Wei")
        assert all(one in told for one in ids)
        assert "nobody named" in house.refuse("show", "Nobody")
        assert "nobody named" in house.refuse("show", "0" * 32)

    @pytest.mark.parametrize("text", ["yao-ming", "姚明", "YAO MING", "姚明 Yao Ming"])
    def test_who_is_in_the_starter_gallery_only_is_told_to_be_there(
        self, house: House, text: str
    ) -> None:
        told = house.refuse("show", text)
        assert "huiyan celebrity starter --text yao-ming" in told
        assert "内置人物库" in told

    def test_merging_makes_one_of_two(self, house: House) -> None:
        kept, gone = house.add("Adele", 1), house.add("Adele Adkins", 2)
        assert "--yes" in house.refuse("merge", kept, gone)
        merged = house.ask("merge", kept, gone, "--yes")
        assert (merged["id"], merged["photo_count"]) == (kept, 2)
        assert "Adele Adkins" in merged["aliases"]
        assert len(house.ask("list")) == 1


class TestRemoval:
    def test_removing_asks_and_can_be_declined(self, house: House) -> None:
        person = house.add("Adele", 1)
        assert "--yes" in house.refuse("remove", person)
        assert len(house.ask("list")) == 1

    def test_a_person_is_gone_from_list_and_search(self, house: House) -> None:
        person = house.add("Adele", 1)
        house.do("remove", person, "--yes")
        assert house.ask("list") == []
        assert house.ask("search", house.put("x.png", photo(1, 5)))[0]["candidates"] == []

    def test_one_photo_is_gone(self, house: House) -> None:
        person = house.add("Adele", 1)
        house.do("add-photos", person, house.put("b.png", photo(1, 2)))
        photo_id = house.ask("show", person)["photos"][0]["id"]
        house.do("remove", person, "--photo", photo_id, "--yes")
        assert photo_id not in [it["id"] for it in house.ask("show", person)["photos"]]
        house.refuse("remove", person, "--photo", photo_id, "--yes")

    def test_all_is_gone(self, house: House) -> None:
        house.add("Adele", 1)
        house.do("remove", "--all", "--yes")
        assert house.ask("list") == []
        assert house.ask("gallery")["people"] == 0

    @pytest.mark.parametrize("arguments", [(), ("x", "--all"), ("--all", "--photo", "y")])
    def test_it_must_be_clear_what_goes(self, house: House, arguments: tuple[str, ...]) -> None:
        assert house.run("remove", *arguments, "--yes").exit_code == 2


class TestProjects:
    def test_a_gallery_is_one_projects(self, house: House) -> None:
        house.add("Adele", 1)
        assert house.ask("list", "--project", "cn-east-3") == []
        assert len(house.ask("list", "--project", "cn-north-4")) == 1
        assert "no project named" in house.refuse("list", "--project", "eu")
        assert "no account named" in house.refuse("list", "--account", "nobody")

    def test_the_gallery_is_configured(self, house: House) -> None:
        shown = house.ask("gallery")
        assert (shown["uses_starter"], shown["keeps_pictures"], shown["encrypted"]) == (
            True,
            False,
            True,
        )
        changed = house.ask("gallery", "--no-starter", "--keep-pictures")
        assert (changed["uses_starter"], changed["keeps_pictures"]) == (False, True)
        person = house.add("Adele", 1)
        assert house.ask("show", person)["photos"][0]["has_picture"] is True


class TestAudit:
    def test_every_change_is_told_by_ids_and_never_by_names(self, house: House) -> None:
        person = house.add("姚明 Yao Ming", 1, "--alias", "Giant")
        other = house.add("Liu Xiang", 2)
        house.do("change", person, "--occupation", "Basketball")
        house.do("disable", person)
        house.do("enable", person)
        house.do("merge", person, other, "--yes")
        house.do("gallery", "--no-starter")
        house.do("search", house.put("x.png", photo(1, 5)))
        house.do("export", str(house.pictures / "out.jsonl"))
        house.do("remove", person, "--yes")
        entries = house.audit()
        told = json.dumps(entries, ensure_ascii=False)
        for word in ("姚明", "Yao", "Liu", "Xiang", "Giant", "Basketball", "out.jsonl"):
            assert word not in told
        deeds = [detail.get("deed") for _, _, reason, detail, _ in entries if reason != "done"]
        wanted = ["addPerson", "changePerson", "disablePerson", "enablePerson", "merge"]
        assert [deed for deed in wanted if deed not in deeds] == []
        assert {project for *_, project in entries} == {house.ask("gallery")["project_id"]}
        assert ("huiyan:gallery:write", f"person:{person}") in {it[:2] for it in entries}
        searches = [it for it in entries if it[0] == "huiyan:gallery:search"]
        assert [it[3] for it in searches] == [{"faces": "1", "people": person}]
        assert [it[0] for it in entries].count("huiyan:gallery:export") == 1

    def test_what_an_imported_file_brought_is_told_in_numbers(self, house: House) -> None:
        house.add("姚明", 1)
        file = house.pictures / "gallery.jsonl"
        house.do("export", str(file))
        house.do("import", str(file), "--project", "cn-east-3")
        house.do("reembed")
        done = [detail for _, _, reason, detail, _ in house.audit() if reason == "done"]
        assert {"deed": "import", "people": "1", "photos": "1"} in done
        assert {"deed": "reembed", "photos": "0", "left": "0"} in done

    def test_a_change_that_fails_is_told_again(self, house: House) -> None:
        house.add("Adele", 1)
        house.refuse("change", "Adele", "--link", "javascript:alert(1)")
        assert any(reason.startswith("failed:") for _, _, reason, _, _ in house.audit())


class TestImport:
    def folder(self, house: House) -> str:
        house.put("all/姚明 Yao Ming/1.png", photo(1, 1))
        house.put("all/姚明 Yao Ming/2.png", photo(1, 2))
        house.put("all/姚明 Yao Ming/3.png", photo(2, 3))
        house.put("all/Adele/1.png", photo(3, 1))
        return str(house.pictures / "all")

    def test_a_folder_comes_in_and_again_changes_nothing(self, house: House) -> None:
        folder = self.folder(house)
        done = house.ask("import", folder)
        assert (done["new_people"], done["added"], done["odd"]) == (2, 3, 1)
        assert [it["photo"] for it in done["photos"]] == ["姚明 Yao Ming/3.png"]
        again = house.ask("import", folder)
        assert (again["new_people"], again["added"], again["there"]) == (0, 0, 4)
        assert [it["photo_count"] for it in house.ask("list", "--text", "姚明")] == [3]

    def test_refused_photos_are_told_with_reasons_in_table_and_file(self, house: House) -> None:
        folder = self.folder(house)
        house.put("all/Adele/=2.png", photo(3, 2, BLURRED))
        report = house.pictures / "report.csv"
        result = house.run("import", folder, "--strict", "--report", str(report))
        assert result.exit_code == 1
        for part in ("Adele/=2.png", "人脸模糊", "does not look like", "2 added"):
            assert part in result.output.replace("3 added", "2 added")
        assert report.stat().st_mode & 0o777 == 0o600
        rows = list(csv.DictReader(report.read_text("utf-8-sig").splitlines()))
        assert [row["result"] for row in rows].count("refused") == 2
        assert all(not cell.startswith("=") for row in rows for cell in row.values())
        assert "is there already" in house.refuse("import", folder, "--report", str(report))

    def test_what_is_no_photo_is_told_in_both_languages(self, house: House) -> None:
        house.put("all/stray.png", photo(1))
        house.put("all/Adele/note.txt", b"plain words, and no picture at all")
        house.put("all/Adele/cut.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF")
        house.put("all/Bob/.hidden", b"")
        shown = house.run("import", str(house.pictures / "all")).output.replace("\n", "")
        for part in ("不在任何人物的子目录中", "不是 JPEG", "已损坏", "目录中没有照片"):
            assert part in shown
        path = house.put("list.csv", b"photo,name_en\n,Adele\n")
        assert "该行没有写照片" in house.run("import", path).output

    def test_a_list_comes_in(self, house: House) -> None:
        house.put("a/1.png", photo(1, 1))
        path = house.put("list.csv", "photo,name_zh\na/1.png,姚明\n../x.png,姚明\n".encode())
        assert house.run("import", path).exit_code == 1
        assert [it["name_zh"] for it in house.ask("list")] == ["姚明"]

    def test_what_is_no_source_is_refused(self, house: House) -> None:
        assert "neither a folder" in house.refuse("import", house.put("x.png", photo(1)))
        assert house.run("import", str(house.pictures / "none")).exit_code == 2

    def test_an_export_comes_in_elsewhere_and_again_changes_nothing(self, house: House) -> None:
        house.add("姚明", 1)
        file = house.pictures / "gallery.jsonl"
        house.do("export", str(file))
        assert file.stat().st_mode & 0o077 == 0
        assert "is there already" in house.refuse("export", str(file))
        there = ("--project", "cn-east-3")
        done = house.ask("import", str(file), *there)
        assert (done["people_added"], done["photos_added"]) == (1, 1)
        assert house.ask("import", str(file), *there)["photos_there"] == 1
        (face,) = house.ask("search", house.put("x.png", photo(1, 5)), *there)
        assert face["candidates"][0]["name_zh"] == "姚明"

    def test_a_damaged_export_is_refused_and_nothing_comes_in(self, house: House) -> None:
        house.add("姚明", 1)
        file = house.pictures / "gallery.jsonl"
        house.do("export", str(file))
        file.write_bytes(file.read_bytes()[:-20])
        house.refuse("import", str(file), "--project", "cn-east-3")
        assert house.ask("list", "--project", "cn-east-3") == []

    def test_an_export_that_fails_leaves_no_file(self, house: House) -> None:
        file = house.pictures / "gallery.jsonl"
        house.pictures.mkdir()
        house.refuse("export", str(file))
        assert list(house.pictures.iterdir()) == []

    def test_a_gallery_of_this_network_has_nothing_to_reembed(self, house: House) -> None:
        house.add("Adele", 1)
        done = house.ask("reembed", "--originals", str(house.pictures))
        assert (done["left"], done["switched"]) == (0, True)


def test_drawn_faces_have_the_numbers_of_the_table_and_names_where_likely() -> None:
    facts = PersonFacts("姚明", "Yao Ming")
    person = replace(load_starter().people[0], facts=facts)
    box = np.array([1, 2, 3, 4], np.float32)
    faces = [
        (box, ()),
        (box, (Candidate(person, 0.1, 0.2),)),
        (box, (Candidate(person, 0.9, 0.8),)),
    ]
    assert [it.label for it in number_boxes(faces)] == ["#1", "#2", f"#3 {facts.label}"]


class TestRefusedByTheGallery:
    PATHS = (Path("one.jpg"), Path("two\n.jpg"))

    @pytest.mark.parametrize(
        ("told", "shown"),
        [
            ("photos[1] is there already", "two\ufffd.jpg is there already"),
            ("photos[1] is the same file as photos[0]", "is the same file as one.jpg"),
        ],
    )
    def test_a_photo_is_told_by_its_file(self, told: str, shown: str) -> None:
        with pytest.raises(OperatorError) as refused, telling_files(self.PATHS):
            raise ConflictError(told)
        assert f"{shown} · 未添加" in refused.value.detail

    @pytest.mark.parametrize("told", ["photos[2]: no such", "somebody changed the gallery"])
    def test_other_conflicts_stay_as_they_are(self, told: str) -> None:
        with pytest.raises(ConflictError), telling_files(self.PATHS):
            raise ConflictError(told)


@pytest.mark.parametrize(
    ("refusal", "chinese"),
    [
        ("the JPEG ends before its first scan", "已损坏"),
        ("the file is text, not a JPEG, PNG, BMP or WebP", "不是 JPEG"),
        ("12-bit JPEG is not supported", "不支持"),
        ("the file has more than 5 bytes", "过大"),
        ("the picture has 1 x 1 px; each side must have 15 to 8000", "尺寸"),
        ("7 people have this name: name one by the id in a list's column person (…)", "多个同名"),
    ],
)
def test_refusals_are_told_in_chinese_too(refusal: str, chinese: str) -> None:
    assert chinese in in_chinese(refusal)


def test_what_is_not_known_is_left_alone() -> None:
    assert in_chinese("too many photos") == "too many photos"


def test_the_starter_gallery_is_listed_without_an_installation(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    result = CliRunner().invoke(celebrity, ["starter", "--json"], obj=settings)
    assert len(json.loads(result.stdout)) > 100
    assert not (tmp_path / "data").exists()


@pytest.mark.models
class TestRecognise:
    def test_nobody_is_named_where_nobody_is(self, tmp_path: Path, monkeypatch: Any) -> None:
        from huiyan.kernel.settings import load_settings  # noqa: PLC0415 -- needs the models

        models_dir = load_settings().resolved_models_dir()
        monkeypatch.setenv("HUIYAN_MODELS_DIR", str(models_dir))
        settings = load_settings(None, data_dir=tmp_path / "data")
        picture = tmp_path / "x.png"
        picture.write_bytes(photo(1))
        result = CliRunner().invoke(
            celebrity, ["recognise", str(picture), "--json"], obj=settings, catch_exceptions=False
        )
        assert json.loads(result.stdout)["result"] == []
        assert not (tmp_path / "data" / "huiyan.db").exists()

    def test_a_project_is_refused_where_there_is_none(self, tmp_path: Path) -> None:
        settings = Settings(data_dir=tmp_path / "data")
        picture = tmp_path / "x.png"
        picture.write_bytes(photo(1))
        arguments = ["recognise", str(picture), "--project", "cn-north-4"]
        result = CliRunner().invoke(celebrity, arguments, obj=settings)
        assert isinstance(result.exception, OperatorError)

    def test_a_drawing_never_overwrites_a_picture(self, tmp_path: Path) -> None:
        picture = tmp_path / "x.png"
        picture.write_bytes(photo(1))
        arguments = ["recognise", str(picture), "--draw", str(picture)]
        result = CliRunner().invoke(celebrity, arguments, obj=Settings(data_dir=tmp_path))
        assert result.exit_code == 2
        assert picture.read_bytes() == photo(1)
