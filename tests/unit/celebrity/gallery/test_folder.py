"""Folders and lists as sources of photos, hostile ones first."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from huiyan.celebrity.gallery.csv_list import read_list
from huiyan.celebrity.gallery.folder import MAX_FACTS_BYTES, read_folder
from huiyan.celebrity.gallery.source import PhotoFile, Unusable, parse_name, printable
from huiyan.kernel.errors import GalleryFileError


def photos(found: list[PhotoFile | Unusable]) -> list[PhotoFile]:
    return [it for it in found if isinstance(it, PhotoFile)]


def reasons(found: list[PhotoFile | Unusable]) -> dict[str, str]:
    return {it.name: it.reason for it in found if isinstance(it, Unusable)}


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")


class TestNames:
    @pytest.mark.parametrize(
        ("text", "name_zh", "name_en"),
        [
            ("", "", ""),
            ("__ ", "", ""),
            ("姚明", "姚明", ""),
            ("Yao Ming", "", "Yao Ming"),
            ("Yao_Ming", "", "Yao Ming"),
            ("姚明 Yao Ming", "姚明", "Yao Ming"),
            ("姚明_Yao_Ming", "姚明", "Yao Ming"),
            ("Yao Ming 姚明", "姚明", "Yao Ming"),
            ("弗拉基米尔·普京 Vladimir Putin", "弗拉基米尔·普京", "Vladimir Putin"),
            ("Zoë Łukasz", "", "Zoë Łukasz"),
            ("𠮷田 Yoshida", "𠮷田", "Yoshida"),
        ],
    )
    def test_words_with_chinese_characters_are_the_chinese_name(
        self, text: str, name_zh: str, name_en: str
    ) -> None:
        facts = parse_name(text)
        assert (facts.name_zh, facts.name_en) == (name_zh, name_en)

    def test_names_that_steer_a_terminal_are_shown_harmlessly(self) -> None:
        shown = printable(Path("a\x1b[31m\nb"))
        assert shown.isprintable()


class TestFolder:
    def test_an_empty_folder_has_no_photos(self, tmp_path: Path) -> None:
        assert list(read_folder(tmp_path)) == []

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(GalleryFileError, match="No such file"):
            list(read_folder(tmp_path / "none"))

    def test_each_folder_is_a_person_and_each_file_a_photo(self, tmp_path: Path) -> None:
        put(tmp_path, "姚明 Yao Ming/2.jpg", "姚明 Yao Ming/1.jpg", "Adele/1.png")
        found = photos(list(read_folder(tmp_path)))
        assert [it.name for it in found] == [
            "Adele/1.png",
            "姚明 Yao Ming/1.jpg",
            "姚明 Yao Ming/2.jpg",
        ]
        assert found[1].key == found[2].key != found[0].key
        assert found[1].facts.name_zh == "姚明"

    def test_hidden_files_and_folders_are_passed_over(self, tmp_path: Path) -> None:
        put(tmp_path, ".git/1.jpg", "Adele/.DS_Store", "Adele/1.jpg", ".hidden")
        assert [it.name for it in read_folder(tmp_path)] == ["Adele/1.jpg"]

    def test_a_person_without_any_photo_is_told(self, tmp_path: Path) -> None:
        put(tmp_path, "Adele/.DS_Store", "Bob/person.json", "Cher/1.jpg", "Dido/more/1.jpg")
        (tmp_path / "Bob" / "person.json").write_text("{}")
        (tmp_path / "Eve").mkdir()
        told = reasons(list(read_folder(tmp_path)))
        assert [name for name, why in told.items() if why.startswith("no photo in it")] == [
            "Adele",
            "Bob",
            "Eve",
        ]
        assert set(told) == {"Adele", "Bob", "Dido/more", "Eve"}

    def test_what_lies_in_the_wrong_place_is_told(self, tmp_path: Path) -> None:
        put(tmp_path, "stray.jpg", "Adele/more/1.jpg")
        told = reasons(list(read_folder(tmp_path)))
        assert "no person's folder" in told["stray.jpg"]
        assert "not looked into" in told["Adele/more"]

    def test_links_that_lead_out_are_not_followed(self, tmp_path: Path) -> None:
        put(tmp_path, "outside/secret.jpg", "inside/Adele/1.jpg")
        root = tmp_path / "inside"
        (root / "Adele" / "2.jpg").symlink_to(tmp_path / "outside" / "secret.jpg")
        (root / "Adele" / "3.jpg").symlink_to("3.jpg")
        (root / "Bob").symlink_to(tmp_path / "outside")
        (root / "Adele" / "4.jpg").symlink_to("1.jpg")
        found = list(read_folder(root))
        assert [it.name for it in photos(found)] == ["Adele/1.jpg", "Adele/4.jpg"]
        told = reasons(found)
        assert set(told) == {"Adele/2.jpg", "Adele/3.jpg", "Bob"}
        assert "outside" in told["Adele/2.jpg"]

    def test_pipes_are_no_photos(self, tmp_path: Path) -> None:
        (tmp_path / "Adele").mkdir()
        os.mkfifo(tmp_path / "Adele" / "1.jpg")
        assert reasons(list(read_folder(tmp_path))) == {"Adele/1.jpg": "it is no file"}

    def test_names_of_any_bytes_can_be_read_and_shown(self, tmp_path: Path) -> None:
        folder = tmp_path / os.fsdecode(b"\xff\xfe")
        folder.mkdir()
        (folder / os.fsdecode(b"\xff.jpg")).write_bytes(b"picture")
        found = photos(list(read_folder(tmp_path)))
        assert len(found) == 1
        assert found[0].name.isprintable()
        assert found[0].path.read_bytes() == b"picture"

    def test_a_file_of_facts_says_more_than_the_folders_name(self, tmp_path: Path) -> None:
        put(tmp_path, "姚明/1.jpg")
        facts = {
            "name_zh": "姚明",
            "name_en": "Yao Ming",
            "aliases": ["小巨人"],
            "occupation": "篮球",
        }
        (tmp_path / "姚明" / "person.json").write_text(json.dumps(facts), "utf-8-sig")
        (found,) = photos(list(read_folder(tmp_path)))
        assert found.facts.name_en == "Yao Ming"
        assert found.facts.aliases == ("小巨人",)

    def test_facts_without_a_name_leave_the_folders(self, tmp_path: Path) -> None:
        put(tmp_path, "Adele/1.jpg")
        (tmp_path / "Adele" / "person.json").write_text('{"occupation": "singer"}')
        (found,) = photos(list(read_folder(tmp_path)))
        assert (found.facts.name_en, found.facts.occupation) == ("Adele", "singer")

    @pytest.mark.parametrize(
        "text",
        ["", "[]", "{", '{"name": "x"}', '{"name_zh": 1}', " " * (MAX_FACTS_BYTES + 1), "[" * 9999],
    )
    def test_bad_facts_leave_the_person_out_and_are_told(self, tmp_path: Path, text: str) -> None:
        put(tmp_path, "Adele/1.jpg", "Bob/1.jpg")
        (tmp_path / "Adele" / "person.json").write_text(text)
        found = list(read_folder(tmp_path))
        assert [it.name for it in photos(found)] == ["Bob/1.jpg"]
        assert "nobody was imported" in reasons(found)["Adele/person.json"]


class TestList:
    def read(self, folder: Path, data: str | bytes) -> list[PhotoFile | Unusable]:
        path = folder / "list.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return list(read_list(path))

    def test_rows_become_photos(self, tmp_path: Path) -> None:
        put(tmp_path, "a/1.jpg")
        text = (
            "photo,name_zh,name_en,aliases,occupation,link,person,at\n"
            'a/1.jpg,姚明,Yao Ming,小巨人; Yao,篮球,https://example.org,p1,"12,34.5"\n'
        )
        (found,) = photos(self.read(tmp_path, text))
        assert found.facts.aliases == ("小巨人", "Yao")
        assert found.facts.link == "https://example.org"
        assert (found.key, found.at) == ("p1", (12.0, 34.5))
        assert found.name == "a/1.jpg (list.csv:2)"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    def test_spreadsheets_in_chinese_can_be_read(self, tmp_path: Path, encoding: str) -> None:
        put(tmp_path, "1.jpg")
        data = "照片,中文名,别名\r\n1.jpg,姚明,小巨人；大姚\r\n".encode(encoding)
        (found,) = photos(self.read(tmp_path, data))
        assert (found.facts.name_zh, found.facts.aliases) == ("姚明", ("小巨人", "大姚"))

    @pytest.mark.parametrize("delimiter", ["\t", ";"])
    def test_other_delimiters_are_recognised(self, tmp_path: Path, delimiter: str) -> None:
        put(tmp_path, "1.jpg")
        rows = [["photo", "name_en"], ["1.jpg", "Adele"]]
        (found,) = photos(self.read(tmp_path, "\n".join(map(delimiter.join, rows))))
        assert found.facts.name_en == "Adele"

    def test_paths_of_windows_are_understood(self, tmp_path: Path) -> None:
        put(tmp_path, "a/1.jpg")
        (found,) = photos(self.read(tmp_path, "photo,name_en\na\\1.jpg,Adele\n"))
        assert found.path == tmp_path.resolve() / "a" / "1.jpg"

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "must name its columns"),
            (b"\n\n", "must name its columns"),
            (b"1.jpg,Adele\n", "unknown"),
            (b"photo\n1.jpg\n", "must name its columns"),
            (b"name_en\nAdele\n", "must name its columns"),
            (b"photo,name_en,age\n", "'age' are unknown"),
            (b"photo,name_en,name_en\n", "twice"),
            ("photo,name_en\n".encode("utf-16"), "in UTF-8"),
            (b"\xef\xbb\xbfphoto,name_en\n\xff", "damaged"),
            (b"photo,name_en\n1.jpg,\xff\xff\n", "in UTF-8"),
        ],
    )
    def test_a_list_that_cannot_be_read_is_refused(
        self, tmp_path: Path, data: bytes, why: str
    ) -> None:
        with pytest.raises(GalleryFileError, match=why):
            self.read(tmp_path, data)

    @pytest.mark.parametrize(
        "photo",
        ["../secret.jpg", "/etc/hostname", "a/../../secret.jpg", "..\\secret.jpg", "link.jpg"],
    )
    def test_no_row_reaches_out_of_the_lists_folder(self, tmp_path: Path, photo: str) -> None:
        put(tmp_path, "secret.jpg", "inside/a/1.jpg")
        (tmp_path / "inside" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
        found = self.read(tmp_path / "inside", f"photo,name_en\n{photo},Adele\na/1.jpg,Adele\n")
        assert len(photos(found)) == 1
        assert len(reasons(found)) == 1

    @pytest.mark.parametrize(
        ("row", "why"),
        [
            (",Adele", "names no photo"),
            ("none.jpg,Adele", "No such file"),
            ("1.jpg,Adele,x,y", "more cells"),
            ("1.jpg,Adele,here", "a point"),
            ("\0.jpg,Adele", "cannot be read"),
            ("x" * 5000 + ".jpg,Adele", "cannot be read"),
            ("inside,Adele", "no file"),
        ],
    )
    def test_a_bad_row_is_told_and_the_next_one_is_read(
        self, tmp_path: Path, row: str, why: str
    ) -> None:
        put(tmp_path, "1.jpg", "inside/1.jpg")
        found = self.read(tmp_path, f"photo,name_en,at\n{row}\n\n1.jpg,Adele,\n")
        assert [it.facts.name_en for it in photos(found)] == ["Adele"]
        assert why in next(iter(reasons(found).values()))

    def test_a_cell_without_an_end_ends_the_list_and_is_told(self, tmp_path: Path) -> None:
        put(tmp_path, "1.jpg")
        text = 'photo,name_en\n1.jpg,Adele\n1.jpg,"' + "x" * 200_000
        found = self.read(tmp_path, text)
        assert len(photos(found)) == 1
        assert "cannot be read on" in next(iter(reasons(found).values()))

    def test_rows_without_a_key_are_grouped_by_names(self, tmp_path: Path) -> None:
        put(tmp_path, "1.jpg")
        text = "photo,name_en,name_zh\n1.jpg,Adele,\n1.jpg,Bob,\n1.jpg,Adele,\n1.jpg,,Adele\n"
        keys = [it.key for it in photos(self.read(tmp_path, text))]
        assert keys[0] == keys[2]
        assert len(set(keys)) == 3
