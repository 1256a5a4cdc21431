"""``huiyan eval recapture`` with a made judge."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image as PillowImage
from rich.cells import cell_len

from huiyan.cli.eval import evaluate
from huiyan.evaluation.record import read_record
from huiyan.evaluation.report import Source, render_page
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings
from huiyan.recapture.model import Judgement, RecaptureParams


class BrightnessJudge:
    """Takes bright pictures for recaptures."""

    min_short_side_px = None

    def recognise(self, image: Image, params: RecaptureParams) -> Judgement:
        assert params.threshold >= 0
        return Judgement(float(image.pixels.mean() / 255), 0.8, 0.9, None, ())


@dataclass(frozen=True)
class Opened:
    """Stands for the assembly."""

    recapture: BrightnessJudge


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    opened = Opened(BrightnessJudge())
    monkeypatch.setattr("huiyan.cli.eval_recapture.Assembly", lambda _settings: opened)
    monkeypatch.setenv("COLUMNS", "160")
    root = tmp_path / "media"
    for label, level in (("real", 5), ("screen", 250), ("print", 200)):
        (root / label).mkdir(parents=True)
        for number in range(3):
            grey = (level - number,) * 3
            PillowImage.new("RGB", (64, 48), grey).save(root / label / f"{number}.png")
    return root


def _label(folder: Path, rows: str) -> None:
    (folder / "labels.csv").write_text(f"file,label,collector\n{rows}", "utf-8")


def _run(*arguments: str | Path) -> Result:
    words = ["recapture", *map(str, arguments)]
    return CliRunner().invoke(evaluate, words, obj=Settings(), catch_exceptions=False)


@pytest.mark.usefixtures("folder")
def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(OperatorError, match="no pictures · 目录中没有图片"):
        _run(tmp_path / "empty")


def test_folders_are_enough(folder: Path) -> None:
    text = _run(folder).stdout
    for said in ("AUC", "100.0 % (", "print 打印", "screen 屏幕", "originals accused at 0.95"):
        assert said in text
    assert "Most wrong" not in text


def test_people_and_mistakes_are_shown(folder: Path) -> None:
    _label(folder, "real/0.png,real,[ann]\nprint/0.png,real,[ann]\nscreen/0.png,screen,[ann]\n")
    text = _run(folder).stdout
    for said in ("Weakest people", "[ann]", "75.0 %", "Most wrong", "print/0.png"):
        assert said in text


def test_what_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "real" / "0.png").write_bytes(b"no picture")
    assert "real/0.png" in _run(folder).stderr


def test_where_nothing_can_be_judged_no_figure_is_made_up(folder: Path, tmp_path: Path) -> None:
    for path in folder.rglob("*.png"):
        path.write_bytes(b"no picture")
    words = ["recapture", str(folder)]
    done = CliRunner().invoke(evaluate, words, obj=Settings())
    assert isinstance(done.exception, OperatorError)
    assert re.search(
        r"none of 9 pictures could be judged · 9 张.*print/0\.png", str(done.exception)
    )
    assert re.search(r"ECE 校准误差 *│ *– *│", done.stdout)
    assert "0.0 %" not in done.stdout
    file = tmp_path / "figures.json"
    with pytest.raises(OperatorError, match="none of 9"):
        _run(folder, "--json", file)
    record = read_record(file)
    assert record.figures["ece"] is None
    assert len(record.figures["unreadable"]) == 9
    assert "| ECE | – |" in render_page([Source(file.name, record)])


def test_what_passed_and_what_is_uncertain_are_told_apart(folder: Path) -> None:
    for number, level in enumerate((5, 128, 250)):  # passed, uncertain, found
        PillowImage.new("RGB", (64, 48), (level,) * 3).save(folder / "screen" / f"{number}.png")
    text = _run(folder, "--as", "print=skip").stdout
    assert re.search(r"recaptures passed 翻拍判为实拍 *│ *33\.3 %", text)
    assert re.search(r"│ uncertain 不确定 *│ *16\.7 %", text)
    assert re.search(r"originals accused at 0\.95 实拍误判为翻拍 *│ *0\.0 %", text)
    for said in ("said genuine 判为实拍", "uncertain 不确定", "said recaptured 判为翻拍"):
        assert re.search(rf"{said} *│ *(100|0)\.0 % *│ *33\.3 % *│", text)


def test_the_reliability_tells_how_many_were_recaptured_and_says_so(folder: Path) -> None:
    text = _run(folder).stdout
    assert "recaptured 实为翻拍" in text
    assert "right 正确" not in text
    # The originals, which are judged rightly.
    assert re.search(r"│ *0\.0\d\d │ *0\.0\d\d │ *0\.0\d\d │ *0\.000 │", text)


def test_nothing_is_cut_at_80_columns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ("a long name with spaces", "x" * 70, "拍" * 40)
    rows = [
        f"{label}/{number}.png,{truth},{name}\n"
        for number, name in enumerate(names)
        for label, truth in (("real", "real"), ("screen", "screen"), ("print", "real"))
    ]
    _label(folder, "".join(rows))
    text = _run(folder).stdout
    assert "…" not in text
    for heading in ("Most wrong", "original 实拍", "uncertain 不确定", "balanced accuracy"):
        assert heading in text
    assert max(cell_len(line) for line in text.splitlines()) <= 80


def test_json_tells_the_figures_and_makes_a_page(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "recapture.json"
    options = ("--recompress", "75:1600", "--as", "print=skip", "--limit", "5", "--json", file)
    assert _run(folder, *options).exit_code == 0
    record = read_record(file)
    assert (record.kind, record.set_name) == ("recapture", "media")
    wanted = {"--recompress": "75:1600", "--as": "print=skip", "--limit": "5"}
    assert record.options == wanted
    assert record.figures["picture_count"] == 5
    assert {it["medium"] for it in record.figures["media"]} == {"original", "screen"}
    page = render_page([Source(file.name, record)])
    assert "huiyan eval recapture media --recompress 75:1600 --as print=skip" in page
    printed = json.loads(_run(folder, "--json", "-").stdout)
    assert printed["figures"]["judged"][0]["file"] == "print/2.png"


def test_other_labels_get_a_meaning(folder: Path) -> None:
    _label(folder, "real/0.png,product,\nscreen/0.png,copy,\n")
    with pytest.raises(OperatorError, match=r"unknown label 'product'.*标签未知"):
        _run(folder)
    found = json.loads(_run(folder, "--as", "product=original,copy=print", "--json", "-").stdout)
    assert {it["medium"] for it in found["figures"]["media"]} == {"original", "print"}


@pytest.mark.parametrize(
    "option",
    [
        ("--recompress", "0"),
        ("--recompress", "101:1600"),
        ("--recompress", "75:0"),
        ("--recompress", "75:"),
        ("--recompress", "fine"),
        ("--as", "product"),
        ("--as", "=original"),
        ("--as", "a=moon"),
        ("--as", "a=real,"),
        ("--threshold", "1.5"),
        ("--limit", "0"),
    ],
)
def test_options_that_mean_nothing_are_refused(folder: Path, option: tuple[str, str]) -> None:
    assert _run(folder, *option).exit_code == 2
