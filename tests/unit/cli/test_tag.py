"""``huiyan tag`` on real files; the network is the pulled one."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made_pictures import jpeg, png_bomb
from PIL import Image

from huiyan.cli.main import cli
from huiyan.kernel.errors import StoreError
from huiyan.kernel.settings import load_settings


def test_without_a_picture_it_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["tag", f"{tmp_path}/*.jpg"])
    assert done.exit_code == 2
    assert "no picture found" in done.output


@pytest.mark.models
class TestTagging:
    @pytest.fixture
    def run(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> Any:
        monkeypatch.setenv("HUIYAN_MODELS_DIR", str(load_settings().resolved_models_dir()))
        data_dir = tmp_path_factory.getbasetemp() / "cli-data"
        monkeypatch.setenv("COLUMNS", "120")

        def invoke(*arguments: str | Path) -> Result:
            words = ["--data-dir", str(data_dir), "tag", *map(str, arguments)]
            return CliRunner().invoke(cli, words)

        return invoke

    @pytest.fixture
    def chelsea(self, model_store: Any) -> Path:
        return Path(model_store.path(model_store.card("sample-chelsea")))

    def test_a_table_shows_both_languages(self, run: Any, chelsea: Path) -> None:
        done = run(chelsea)
        assert done.exit_code == 0, done.output
        assert "猫 / cat" in done.stdout
        assert "动物" in done.stdout

    def test_the_json_is_the_servers(self, run: Any, chelsea: Path) -> None:
        done = run("--json", "--language", "en", "--limit", "2", chelsea)
        (line,) = done.stdout.splitlines()
        answer = json.loads(line)
        assert answer["file"] == str(chelsea)
        tags = answer["result"]["tags"]
        assert len(tags) == 2
        assert set(tags[0]) == {"confidence", "type", "tag", "i18n_tag", "i18n_type", "instances"}
        assert tags[0]["tag"] == tags[0]["i18n_tag"]["en"]
        assert isinstance(tags[0]["confidence"], str)

    def test_a_folder_gives_a_line_a_picture_and_bad_ones_their_code(
        self, run: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "a.jpg").write_bytes(jpeg(64, 48))
        (tmp_path / "b.png").write_bytes(b"hello, no picture")
        (tmp_path / "c.bmp").write_bytes(b"")
        (tmp_path / "d.png").write_bytes(png_bomb(20_000, 20_000))
        done = run("--json", tmp_path, tmp_path / "absent.jpg")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [Path(line["file"]).name for line in lines] == [
            "a.jpg",
            "b.png",
            "c.bmp",
            "d.png",
            "absent.jpg",
        ]
        codes = [line.get("error_code") for line in lines]
        assert codes == [None, "AIS.0502", "AIS.0503", "AIS.0504", "HY.0001"]
        assert done.exit_code == 1
        assert "4 of 5" in done.stderr

    def test_a_table_of_errors_goes_to_standard_error(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "b[red].png").write_bytes(b"hello, no picture")
        done = run(tmp_path / "b[red].png")
        assert done.exit_code == 1
        assert "AIS.0502" in done.stderr
        assert "b[red].png" in done.stderr
        assert done.stdout == ""

    def test_a_name_of_any_bytes_is_shown(self, run: Any, tmp_path: Path) -> None:
        odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff[b]\xe7\x8b\x97.jpg")
        Path(odd).write_bytes(jpeg(64, 48))
        for options in (["--json"], []):
            done = run(*options, tmp_path)
            assert done.exit_code == 0, done.output
            assert "[b]狗.jpg" in done.stdout

    def test_drawing_writes_a_png_beside_nothing_else(
        self, run: Any, chelsea: Path, tmp_path: Path
    ) -> None:
        done = run("--draw", tmp_path / "out.png", chelsea)
        assert done.exit_code == 0, done.output
        with Image.open(chelsea) as plain, Image.open(tmp_path / "out.png") as drawn:
            assert drawn.format == "PNG"
            assert drawn.width > plain.width
            assert drawn.height >= plain.height

    def test_chinese_names_are_drawn_with_glyphs_of_their_own(
        self, run: Any, chelsea: Path, tmp_path: Path
    ) -> None:
        for language in ("zh", "en"):
            run("--language", language, "--draw", tmp_path / f"{language}.png", chelsea)
        assert (tmp_path / "zh.png").read_bytes() != (tmp_path / "en.png").read_bytes()
        with Image.open(tmp_path / "zh.png") as drawn:
            words = words_beside(drawn)
        assert len(set(words)) == len(words) >= 4

    def test_pictures_of_one_name_are_each_drawn(self, run: Any, tmp_path: Path) -> None:
        for name in ("one/a.jpg", "two/a.jpg", "two/a.png"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            picture = io.BytesIO()
            Image.new("RGB", (64, 48), (200, 30, 30)).save(picture, "PNG")
            (tmp_path / name).write_bytes(picture.getvalue())
        done = run("--draw", tmp_path / "out", tmp_path / "one", tmp_path / "two")
        assert done.exit_code == 0, done.output
        drawn = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert drawn == ["a-2.tags.png", "a-3.tags.png", "a.tags.png"]

    def test_where_nothing_can_be_written_it_says_so(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(jpeg(64, 48))
        (tmp_path / "file").touch()
        done = run("--draw", tmp_path / "file" / "out.png", tmp_path / "a.jpg")
        assert isinstance(done.exception, StoreError)
        assert "cannot write" in str(done.exception)

    def test_nothing_is_recorded_and_no_account_is_made(
        self, run: Any, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
    ) -> None:
        (tmp_path / "a.jpg").write_bytes(jpeg(64, 48))
        run(tmp_path)
        data_dir = tmp_path_factory.getbasetemp() / "cli-data"
        assert not (data_dir / "huiyan.db").exists()


def words_beside(drawn: Image.Image) -> list[bytes]:
    """Cut the first letters of each line of text out of the panel at the right.

    If the font had no Chinese, every letter would be the same square and lines alike.
    """
    left = drawn.convert("L").crop((drawn.width - 345, 0, drawn.width - 180, drawn.height))
    bright = left.point([255 if value > 200 else 0 for value in range(256)])
    is_text = [max(bright.crop((0, y, bright.width, y + 1)).tobytes()) for y in range(left.height)]
    words, start = [], None
    for y, value in enumerate([*is_text, 0]):
        if value and start is None:
            start = y
        elif not value and start is not None:
            if y - start > 6:
                words.append(bright.crop((0, start, bright.width, start + 20)).tobytes())
            start = None
    return words
