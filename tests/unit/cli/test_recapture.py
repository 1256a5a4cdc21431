"""``huiyan recapture`` with a made judge."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image as PillowImage
from PIL import ImageFont

from huiyan.cli.main import cli
from huiyan.cli.recapture import DENSE_PATCHES, recapture
from huiyan.imaging.draw_heat import HeatMap, HeatSquare
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError, StoreError
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import PixelArray
from huiyan.perception.barcode import Barcode
from huiyan.recapture.model import Judgement, PatchEvidence, RecaptureParams

CORNERS = ((10.0, 10.0), (60.0, 12.0), (58.0, 60.0), (9.0, 58.0))
CODE = Barcode("[bold]https://例子.example\u202e", "QRCode", CORNERS)


@dataclass
class MadeJudge:
    """Answers what it is told to, and remembers what it was shown."""

    recaptured: float = 0.987
    screen: float = 0.9
    barcode: Barcode | None = None
    fails: bool = False
    thresholds: list[float] = field(default_factory=list)
    dense_sizes: list[tuple[int, ...]] = field(default_factory=list)
    dense_scale: int = 1

    min_short_side_px = None

    def recognise(self, image: Image, params: RecaptureParams) -> Judgement:  # noqa: ARG002 -- all pictures are alike to it
        if self.fails:
            raise InferenceError("the network is broken")
        self.thresholds.append(params.threshold)
        patches = (PatchEvidence(0, 0, 64, 0.97), PatchEvidence(64, 32, 64, 0.4))
        return Judgement(self.recaptured, self.screen, 0.9, self.barcode, patches)

    def look_densely(self, image: Image, max_patches: int) -> tuple[PatchEvidence, ...]:
        assert max_patches == DENSE_PATCHES
        self.dense_sizes.append(image.pixels.shape)
        height, width = image.pixels.shape[:2]
        places = [(x, y) for y in range(0, height, 64) for x in range(0, width, 64)]
        scale = self.dense_scale
        return tuple(PatchEvidence(x * scale, y * scale, 64 * scale, x / width) for x, y in places)


@dataclass(frozen=True)
class Opened:
    """Stands for the assembly."""

    recapture: MadeJudge


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> MadeJudge:
    made = MadeJudge()
    monkeypatch.setattr("huiyan.cli.recapture.Assembly", lambda _settings: Opened(made))
    monkeypatch.setenv("COLUMNS", "120")
    return made


@pytest.fixture
def chinese_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A font without Chinese must do here: what it lacks becomes question marks."""
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    (tmp_path / "latin.ttf").write_bytes(font.font_bytes)
    monkeypatch.setattr("huiyan.cli.drawing.find_font", lambda _paths: tmp_path / "latin.ttf")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "pictures" / "a.png"
    path.parent.mkdir()
    PillowImage.new("RGB", (160, 120), (90, 120, 150)).save(path)
    return path


def _run(*arguments: str | Path) -> Result:
    words = [str(it) for it in arguments]
    return CliRunner().invoke(recapture, words, obj=Settings(), catch_exceptions=False)


def test_the_command_is_one_of_huiyan() -> None:
    assert "recapture" in cli.commands


def test_without_a_picture_it_says_so(judge: MadeJudge, tmp_path: Path) -> None:
    done = _run(tmp_path / "*.jpg")
    assert done.exit_code == 2
    assert "no picture found" in done.output
    assert judge.thresholds == []


@pytest.mark.parametrize("threshold", ["-0.1", "1.5", "much"])
def test_a_threshold_out_of_range_is_refused(
    judge: MadeJudge, picture: Path, threshold: str
) -> None:
    assert _run(picture, "--threshold", threshold).exit_code == 2
    assert judge.thresholds == []


def test_a_table_in_both_languages(judge: MadeJudge, picture: Path) -> None:
    text = _run(picture).stdout
    for said in ("recaptured · 翻拍", "98.7 %", "screen · 屏幕", "88.8 %", "code · 条码", "a.png"):
        assert said in text
    assert judge.thresholds == [0.95]


def test_the_threshold_decides_the_suggestion(judge: MadeJudge, picture: Path) -> None:
    judge.recaptured = 0.6
    assert "uncertain · 不确定" in _run(picture).stdout
    assert "uncertain" not in _run(picture, "--threshold", "0.55").stdout
    assert judge.thresholds == [0.95, 0.55]
    judge.recaptured = 0.01
    assert "genuine · 实拍" in _run(picture).stdout


def test_a_code_is_told_as_it_is_and_is_no_markup(judge: MadeJudge, picture: Path) -> None:
    judge.barcode = CODE
    assert "QRCode: [bold]https://例子.example" in _run(picture).stdout


def test_the_json_is_the_server_s_with_what_it_explains(judge: MadeJudge, picture: Path) -> None:
    judge.barcode = CODE
    (line,) = _run("--json", picture).stdout.splitlines()
    answer = json.loads(line)
    assert answer["file"] == str(picture)
    assert answer["result"]["suggestion"] == "false"
    assert answer["result"]["detail"][0] == {"label": "recapture", "confidence": "0.9870"}
    assert answer["result"]["huiyan"]["medium"] == "screen"
    assert answer["result"]["huiyan"]["barcode"]["text"] == CODE.text


def test_bad_pictures_are_told_and_the_others_answered(
    judge: MadeJudge, picture: Path, tmp_path: Path
) -> None:
    (picture.parent / "b.png").write_bytes(b"no picture")
    (picture.parent / "c.png").write_bytes(b"")
    PillowImage.new("RGB", (8, 8)).save(picture.parent / "d.webp")
    done = _run("--json", picture.parent, tmp_path / "absent.jpg")
    codes = [json.loads(line).get("error_code") for line in done.stdout.splitlines()]
    assert codes == [None, "AIS.0502", "AIS.0503", "AIS.0502", "HY.0001"]
    assert done.exit_code == 1
    assert len(judge.thresholds) == 1


def test_a_broken_network_fails_the_picture_only(judge: MadeJudge, picture: Path) -> None:
    judge.fails = True
    done = _run(picture)
    assert done.exit_code == 1
    assert "1 of 1 pictures failed" in done.stderr


@pytest.mark.usefixtures("chinese_font")
def test_a_bare_draw_goes_here(
    judge: MadeJudge, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    judge.barcode = CODE
    done = _run(picture, "--draw")
    assert done.exit_code == 0, done.output
    assert "a.recapture.png" in done.stderr
    drawn = np.asarray(PillowImage.open(tmp_path / "a.recapture.png"))
    assert drawn.shape[1] == 640
    assert judge.dense_sizes == [(120, 160, 3)]
    left, right = drawn[400, 100].astype(int), drawn[400, 600].astype(int)
    assert left[2] > left[0]
    assert right[0] > right[2]


@pytest.mark.usefixtures("chinese_font")
def test_on_a_picture_halved_for_its_memory_all_lies_where_it_is_in_the_full_one(
    judge: MadeJudge, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[tuple[int, ...], HeatMap]] = []

    def keep(pixels: PixelArray, heat_map: HeatMap, _words: object, _font: Path) -> PixelArray:
        drawn.append((pixels.shape, heat_map))
        return pixels

    monkeypatch.setattr("huiyan.cli.recapture.draw_heat", keep)
    monkeypatch.setattr("huiyan.cli.recapture.MIB_BYTES", 4096)  # 64 of them instead of 64 MiB
    PillowImage.new("RGB", (480, 360), (90, 120, 150)).save(picture, "JPEG")
    judge.barcode = CODE
    judge.dense_scale = 2
    settings = Settings(decode_budget_mib=64)
    done = CliRunner().invoke(
        recapture, [str(picture), "--draw", str(tmp_path / "map.png")], obj=settings
    )
    assert done.exit_code == 0, done.output
    ((shape, heat_map),) = drawn
    assert shape == (180, 240, 3)
    assert heat_map.framed == (HeatSquare(0, 0, 32, 0.97), HeatSquare(32, 16, 32, 0.4))
    assert {(it.left_px, it.top_px, it.side_px) for it in heat_map.field} == {
        (x, y, 64) for x in range(0, 240, 64) for y in range(0, 180, 64)
    }
    (outline,) = heat_map.codes
    assert outline.corners_xy == ((5.0, 5.0), (30.0, 6.0), (29.0, 30.0), (4.5, 29.0))


@pytest.mark.usefixtures("chinese_font")
def test_one_drawing_goes_to_a_file_and_several_to_a_folder(
    judge: MadeJudge, picture: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "a.png"
    other.parent.mkdir()
    other.write_bytes(picture.read_bytes())
    _run(picture, "--draw", tmp_path / "one.png")
    _run(picture, other, "--draw", tmp_path / "maps")
    assert (tmp_path / "one.png").is_file()
    names = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert names == ["a-2.recapture.png", "a.recapture.png"]
    assert len(judge.dense_sizes) == 3


@pytest.mark.usefixtures("chinese_font")
def test_nothing_is_drawn_of_a_picture_that_failed(
    judge: MadeJudge, picture: Path, tmp_path: Path
) -> None:
    picture.write_bytes(b"no picture")
    assert _run(picture, "--draw", tmp_path / "maps").exit_code == 1
    assert not (tmp_path / "maps").exists()
    assert judge.dense_sizes == []


@pytest.mark.usefixtures("judge")
def test_a_bare_draw_before_the_pictures_overwrites_none(picture: Path) -> None:
    before = picture.read_bytes()
    done = _run("--draw", picture, picture)
    assert done.exit_code == 2
    assert "is there already" in done.output
    assert picture.read_bytes() == before


@pytest.mark.usefixtures("chinese_font")
def test_a_picture_that_vanishes_before_it_is_drawn_is_told(
    judge: MadeJudge, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = judge.recognise

    def vanish(image: Image, params: RecaptureParams) -> Judgement:
        picture.unlink()
        return look(image, params)

    monkeypatch.setattr(judge, "recognise", vanish)
    with pytest.raises(StoreError, match="changed while it was looked at"):
        _run(picture, "--draw", tmp_path / "maps")


@pytest.mark.usefixtures("judge", "chinese_font")
def test_where_nothing_can_be_written_it_says_so(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        _run(picture, "--draw", tmp_path / "file" / "map.png")


@pytest.mark.usefixtures("chinese_font")
def test_several_pictures_are_not_drawn_into_a_file_nor_one_into_a_folder_that_is_not_there(
    judge: MadeJudge, picture: Path, tmp_path: Path
) -> None:
    other = picture.with_name("b.png")
    other.write_bytes(picture.read_bytes())
    done = _run(picture, other, "--draw", tmp_path / "one.png")
    assert done.exit_code == 2
    assert "目录" in done.output
    with pytest.raises(StoreError, match="absent is no folder"):
        _run(picture, "--draw", tmp_path / "absent" / "one.png")
    assert judge.thresholds == []
    assert {it.name for it in tmp_path.iterdir()} == {"latin.ttf", "pictures"}


def test_nothing_is_cut_at_80_columns(
    judge: MadeJudge, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    judge.barcode = replace(CODE, text="https://example.org/" + "a" * 200)
    text = _run(picture).stdout
    assert "…" not in text
    assert text.count("a") > 200
