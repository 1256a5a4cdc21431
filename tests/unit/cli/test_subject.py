"""``huiyan subject`` and ``huiyan eval subject``; the networks are the pulled ones."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made_pictures import jpeg
from PIL import Image

from huiyan.cli.eval_subject import subject as eval_subject
from huiyan.cli.subject import subject
from huiyan.cli.subject_files import name_pictures
from huiyan.kernel.settings import load_settings


def test_without_a_picture_it_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(subject, [f"{tmp_path}/*.jpg"], obj=load_settings())
    assert done.exit_code == 2
    assert "no picture found" in done.output


def test_another_shape_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    done = CliRunner().invoke(subject, [str(tmp_path), "--crop", "square"], obj=load_settings())
    assert done.exit_code == 2
    assert "aspect ratio" in done.output


def test_pictures_of_one_name_get_numbers() -> None:
    paths = [Path("a/x.jpg"), Path("b/x.jpg"), Path("b/y.jpg")]
    assert list(name_pictures(paths).values()) == ["x", "x-2", "y"]


def test_a_number_is_never_the_name_of_another_picture() -> None:
    paths = [Path("a/x.jpg"), Path("b/x.jpg"), Path("a/x-2.jpg"), Path("c/x.jpg")]
    assert list(name_pictures(paths).values()) == ["x", "x-2", "x-2-2", "x-3"]


@pytest.mark.parametrize("option", ["--cutout", "--blur", "--draw"])
def test_a_bare_option_before_two_pictures_overwrites_neither(tmp_path: Path, option: str) -> None:
    one, other = tmp_path / "one.jpg", tmp_path / "other.jpg"
    one.write_bytes(jpeg(8, 8))
    other.write_bytes(jpeg(8, 8))
    done = CliRunner().invoke(subject, [option, str(one), str(other)], obj=load_settings())
    assert done.exit_code == 2
    assert "results are PNG files" in done.output
    assert one.read_bytes() == jpeg(8, 8)


@pytest.mark.parametrize("option", ["--cutout", "--blur", "--draw"])
def test_a_file_that_is_there_is_never_written_over(tmp_path: Path, option: str) -> None:
    one, other = tmp_path / "one.png", tmp_path / "other.jpg"
    one.write_bytes(b"a picture")
    other.write_bytes(jpeg(8, 8))
    done = CliRunner().invoke(subject, [option, str(one), str(other)], obj=load_settings())
    assert done.exit_code == 2
    assert "is there already" in done.output
    assert one.read_bytes() == b"a picture"


@pytest.mark.models
class TestSubject:
    @pytest.fixture
    def run(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> Any:
        models_dir = load_settings().resolved_models_dir()
        monkeypatch.setenv("HUIYAN_MODELS_DIR", str(models_dir))
        data_dir = tmp_path_factory.getbasetemp() / "cli-data"
        monkeypatch.setenv("COLUMNS", "120")

        def invoke(*arguments: str | Path) -> Result:
            settings = load_settings(None, data_dir=data_dir)
            return CliRunner().invoke(subject, [*map(str, arguments)], obj=settings)

        return invoke

    @pytest.fixture
    def flower(self, model_store: Any) -> Path:
        return Path(model_store.path(model_store.card("sample-flower")))

    def test_everything_is_made_with_bare_options(
        self, run: Any, flower: Path, tmp_path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.chdir(tmp_path)
        done = run(flower, "--cutout", "--blur", "--crop", "1:1", "--crop", "16:9", "--draw")
        assert done.exit_code == 0, done.output
        assert "main subject · 主体" in done.stdout
        assert "headroom" in done.stdout
        sizes = {}
        for path in tmp_path.iterdir():
            with Image.open(path) as made:
                sizes[path.name.removeprefix(flower.stem)] = (made.mode, made.size)
        assert sizes[".cutout.png"] == ("RGBA", (640, 427))
        assert sizes[".blur.png"] == ("RGB", (640, 427))
        assert set(sizes) == {
            ".cutout.png", ".blur.png", ".crop-1x1.png", ".crop-16x9.png", ".subject.png",
        }  # fmt: skip
        (wide, high) = sizes[".crop-1x1.png"][1]
        assert abs(wide - high) <= 1

    def test_a_crop_that_cannot_hold_the_whole_subject_is_told(
        self, run: Any, flower: Path, tmp_path: Path
    ) -> None:
        shapes = ("--crop", "1:1", "--crop", "1:20")
        done = run(flower, *shapes, "--into", tmp_path)
        assert done.stderr.count("does not fit") == 1
        (line,) = run("--json", flower, *shapes, "--into", tmp_path).stdout.splitlines()
        clipped = [Path(name).name for name in json.loads(line)["clipped"]]
        assert clipped == [f"{flower.stem}.crop-1x20.png"]

    def test_the_json_has_the_wire_s_result_and_plain_keys(
        self, run: Any, flower: Path, tmp_path: Path
    ) -> None:
        done = run("--json", "--cutout", tmp_path / "cut.png", flower)
        (line,) = done.stdout.splitlines()
        answer = json.loads(line)
        assert answer["result"][0]["label"] == "main_object_box"
        assert (answer["width"], answer["height"]) == (640, 427)
        assert {"left_percent", "top_percent", "roomiest"} < set(answer["layout"])
        assert answer["written"] == [str(tmp_path / "cut.png")]

    def test_bad_pictures_get_their_code_and_plain_ones_no_subject(
        self, run: Any, tmp_path: Path
    ) -> None:
        plain = io.BytesIO()
        Image.new("RGB", (1, 1), (9, 9, 9)).save(plain, "PNG")
        (tmp_path / "a.png").write_bytes(plain.getvalue())
        (tmp_path / "b.png").write_bytes(b"hello, no picture")
        (tmp_path / "c.jpg").write_bytes(jpeg(64, 48))
        done = run("--json", "--cutout", tmp_path / "out", tmp_path, tmp_path / "absent.jpg")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line.get("error_code") for line in lines] == [None, "AIS.0502", None, "HY.0001"]
        assert lines[0]["result"] == []
        assert lines[0]["layout"] is None
        assert done.exit_code == 1

    def test_where_nothing_can_be_written_it_says_so(
        self, run: Any, flower: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        done = run("--cutout", tmp_path / "file" / "cut.png", flower)
        assert "cannot write" in str(done.exception)

    def test_a_set_is_measured(self, flower: Path, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.setenv("COLUMNS", "120")
        Image.new("L", (640, 427), 255).save(tmp_path / "mask.png")
        (tmp_path / "p.jpg").write_bytes(flower.read_bytes())
        (tmp_path / "labels.csv").write_text("image,mask\np.jpg,mask.png\n", "utf-8")
        runner = CliRunner()
        done = runner.invoke(eval_subject, [str(tmp_path), "--json", "-"], obj=load_settings())
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["figures"]["picture_count"] == 1
        done = runner.invoke(eval_subject, [str(tmp_path)], obj=load_settings())
        assert "MAE" in done.stdout
