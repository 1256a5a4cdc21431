"""``huiyan detect`` and ``huiyan tag --media``: what they ask, show and draw.

What is found is fixed here, but for the tests of the pulled networks at the end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from made_pictures import jpeg
from PIL import Image, ImageChops

from huiyan.cli.main import cli
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Image as Picture
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import StoreError
from huiyan.kernel.settings import Settings, load_settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.labelling.model import Findings, Instance
from huiyan.media_tagging.capability import media_tagging_capabilities
from huiyan.media_tagging.recogniser import MediaTagRecogniser
from huiyan.recognition.model import AnyCapability
from huiyan.recognition.service import RecognitionService
from huiyan.tagging.capability import tagging_capabilities
from huiyan.tagging.recogniser import TagRecogniser
from huiyan.vocabulary.load import load_vocabulary

VOCABULARY = load_vocabulary()
CAT, DOG = (VOCABULARY.row_by_id[name] for name in ("cat", "dog"))


class NoFetcher:
    def fetch(self, url: str) -> bytes:
        raise AssertionError(url)


class Known:
    """Finds a cat in the left half and, less surely, a dog in the right; many things at 5 %."""

    min_short_side_px = None

    def find(self, image: Picture) -> Findings:
        return Findings(VOCABULARY, self.locate(image).by_label, {})

    def locate(self, image: Picture) -> Findings:
        by_label = np.full(len(VOCABULARY.labels), 0.05, np.float32)
        by_label[[CAT, DOG]] = 0.93, 0.7
        width, height = image.size_wh
        instances = {
            CAT: (Instance((0.0, 0.0, width / 2, height), 0.9),),
            DOG: (Instance((width / 2, 0.0, width, height), 0.25),),
        }
        return Findings(VOCABULARY, by_label, instances)


@dataclass
class Desk:
    """Answers as `LocalDesk` does, with what is known; keeps the settings that it is asked for."""

    tagging: AnyCapability = tagging_capabilities(TagRecogniser(Known()))[0]
    media_tagging: AnyCapability = media_tagging_capabilities(MediaTagRecogniser(Known()))[0]
    media_tagging_det: AnyCapability = media_tagging_capabilities(MediaTagRecogniser(Known()))[1]
    recognition: RecognitionService = field(
        default_factory=lambda: RecognitionService(
            NoFetcher(), MemoryBudget(64 * MIB_BYTES), SystemClock(), 2, 2
        )
    )
    settings: Settings | None = None

    def open(self, settings: Settings) -> Desk:
        self.settings = settings
        return self


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HUIYAN_MODELS_DIR", str(load_settings().resolved_models_dir()))
    data_dir = tmp_path_factory.getbasetemp() / "cli-data"
    monkeypatch.setenv("COLUMNS", "120")

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(cli, ["--data-dir", str(data_dir), *map(str, arguments)])

    return invoke


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    known = Desk()
    for command in ("tag", "detect"):
        monkeypatch.setattr(f"huiyan.cli.{command}.open_desk", known.open)
    return known


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(640, 480))
    return path


def lines_of(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def differs(one: Path, other: Path) -> bool:
    with Image.open(one) as first, Image.open(other) as second:
        if first.size != second.size:
            return True
        return (
            ImageChops.difference(first.convert("RGB"), second.convert("RGB")).getbbox() is not None
        )


def test_without_a_picture_it_says_so(run: Any, tmp_path: Path) -> None:
    done = run("detect", f"{tmp_path}/*.jpg")
    assert done.exit_code == 2
    assert "no picture found" in done.output


@pytest.mark.usefixtures("desk")
class TestDetecting:
    def test_a_table_shows_a_line_a_box_in_both_languages(self, run: Any, picture: Path) -> None:
        done = run("detect", picture)
        assert done.exit_code == 0, done.output
        (row,) = [line for line in done.stdout.splitlines() if "猫 / cat" in line]
        for cell in ("90.00", "动物", "0, 0", "320 × 480"):
            assert cell in row
        assert "320, 0" in done.stdout

    def test_the_json_is_the_servers(self, run: Any, picture: Path) -> None:
        (answer,) = lines_of(run("detect", "--json", "--language", "en", "--limit", "1", picture))
        assert answer["file"] == str(picture)
        (tag,) = answer["result"]["tags"]
        assert set(tag) == {"confidence", "type", "tag", "i18n_tag", "instances"}
        assert (tag["tag"], tag["type"]) == ("cat", "Animal")
        box = {"width": 320, "height": 480, "top_left_x": 0, "top_left_y": 0}
        assert tag["instances"] == [{"bounding_box": box, "confidence": "90.00"}]

    def test_the_threshold_is_that_of_each_box(self, run: Any, picture: Path) -> None:
        counts = []
        for threshold in ("20", "25.5", "100"):
            (answer,) = lines_of(run("detect", "--json", "--threshold", threshold, picture))
            counts.append(len(answer["result"]["tags"]))
        assert counts == [2, 1, 0]

    def test_no_box_is_told_in_words(self, run: Any, picture: Path) -> None:
        done = run("detect", "--threshold", "100", picture)
        assert done.exit_code == 0
        assert "没有位置框" in done.stdout

    @pytest.mark.parametrize("slicing", ["off", "standard", "fine"])
    def test_small_things_can_be_looked_for_more_closely(
        self, run: Any, desk: Desk, picture: Path, slicing: str
    ) -> None:
        assert run("detect", "--slicing", slicing, picture).exit_code == 0
        assert desk.settings is not None
        assert desk.settings.detector_slicing == slicing

    def test_without_a_word_it_is_as_set(
        self, run: Any, desk: Desk, picture: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HUIYAN_DETECTOR_SLICING", "fine")
        run("detect", picture)
        assert desk.settings is not None
        assert desk.settings.detector_slicing == "fine"

    def test_bad_pictures_have_their_code_and_the_others_their_answer(
        self, run: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "a.jpg").write_bytes(jpeg(1, 1))
        (tmp_path / "b.png").write_bytes(b"hello, no picture")
        done = run("detect", "--json", tmp_path, tmp_path / "absent.jpg")
        codes = [line.get("error_code") for line in lines_of(done)]
        assert codes == [None, "AIS.0502", "HY.0001"]
        assert done.exit_code == 1
        assert "2 of 3" in done.stderr

    @pytest.mark.models
    def test_drawing_writes_boxes_into_a_png(self, run: Any, picture: Path, tmp_path: Path) -> None:
        run("detect", "--draw", tmp_path / "zh.png", picture)
        run("detect", "--draw", tmp_path / "en.png", "--language", "en", picture)
        run("detect", "--draw", tmp_path / "none.png", "--threshold", "100", picture)
        assert differs(tmp_path / "zh.png", tmp_path / "none.png")
        assert differs(tmp_path / "zh.png", tmp_path / "en.png")

    @pytest.mark.models
    def test_drawings_of_a_folder_are_named_after_their_pictures(
        self, run: Any, tmp_path: Path
    ) -> None:
        for name in ("one/a.jpg", "two/a.jpg"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(jpeg(64, 48))
        done = run("detect", "--draw", tmp_path / "out", tmp_path / "one", tmp_path / "two")
        assert done.exit_code == 0, done.output
        drawn = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert drawn == ["a-2.boxes.png", "a.boxes.png"]

    @pytest.mark.models
    def test_a_picture_of_one_pixel_is_drawn(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(jpeg(1, 1))
        done = run("detect", "--draw", tmp_path / "out.png", tmp_path / "a.jpg")
        assert done.exit_code == 0, done.output

    @pytest.mark.models
    def test_where_nothing_can_be_written_it_says_so(
        self, run: Any, picture: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        done = run("detect", "--draw", tmp_path / "file" / "out.png", picture)
        assert isinstance(done.exception, StoreError)


@pytest.mark.usefixtures("desk")
class TestMediaTags:
    def test_they_are_the_first_ten_of_image_tagging(self, run: Any, picture: Path) -> None:
        (media,) = lines_of(run("tag", "--media", "--json", "--threshold", "0", picture))
        (plain,) = lines_of(run("tag", "--json", "--threshold", "0", picture))
        assert (len(media["result"]["tags"]), len(plain["result"]["tags"])) == (10, 50)
        assert media["result"]["tags"] == plain["result"]["tags"][:10]

    def test_a_picture_of_one_pixel_is_media_and_no_image_to_tag(
        self, run: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "a.jpg").write_bytes(jpeg(1, 1))
        assert run("tag", "--media", tmp_path / "a.jpg").exit_code == 0
        assert "AIS.0504" in run("tag", tmp_path / "a.jpg").stderr

    @pytest.mark.models
    def test_drawing_shows_the_panel_and_where_its_tags_are(
        self, run: Any, picture: Path, tmp_path: Path
    ) -> None:
        run("tag", "--draw", tmp_path / "plain.png", picture)
        done = run("tag", "--media", "--draw", tmp_path / "media.png", picture)
        assert done.exit_code == 0, done.output
        with Image.open(tmp_path / "plain.png") as plain:
            size_wh = plain.size
        with Image.open(tmp_path / "media.png") as media:
            assert (media.size, media.width > 640) == (size_wh, True)
        assert differs(tmp_path / "plain.png", tmp_path / "media.png")

    @pytest.mark.models
    def test_a_tag_that_is_not_shown_has_no_box(
        self, run: Any, picture: Path, tmp_path: Path
    ) -> None:
        for name, threshold in (("one.png", "60"), ("none.png", "99")):
            run("tag", "--media", "--draw", tmp_path / name, "--threshold", threshold, picture)
        with Image.open(picture) as plain, Image.open(tmp_path / "none.png") as drawn:
            assert drawn.size == plain.size
            difference = ImageChops.difference(drawn.convert("RGB"), plain.convert("RGB"))
            assert max(high for _, high in difference.getextrema()) < 16


@pytest.mark.models
def test_the_pulled_networks_find_a_cat(run: Any, model_store: Any, tmp_path: Path) -> None:
    chelsea = Path(model_store.path(model_store.card("sample-chelsea")))
    (answer,) = lines_of(run("detect", "--json", "--draw", tmp_path / "out.png", chelsea))
    assert "cat" in {tag["i18n_tag"]["en"] for tag in answer["result"]["tags"]}
    assert (tmp_path / "out.png").exists()
