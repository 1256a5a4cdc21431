from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from colour_labeller import ColourLabeller, fused_labeller, paint
from made_evidence import Made

from huiyan.cli.eval import evaluate
from huiyan.kernel.settings import Settings
from huiyan.vocabulary.load import load_vocabulary

GOLDEN_RETRIEVER, LAPTOP = 207, 620
DOG = 16
BOX = (10.0, 10.0, 300.0, 300.0)


@dataclass(frozen=True)
class Opened:
    """Stands for the assembly: what it opens is already open."""

    labeller: ColourLabeller


@pytest.fixture(scope="module")
def labeller() -> ColourLabeller:
    """See a golden retriever in red and a laptop in green."""
    dog = Made(logits={GOLDEN_RETRIEVER: 20}, boxes=((DOG, 0.9, BOX),))
    return fused_labeller(load_vocabulary(), {"red": dog, "green": Made(logits={LAPTOP: 20})})


@pytest.fixture
def folder(tmp_path: Path, labeller: ColourLabeller, monkeypatch: pytest.MonkeyPatch) -> Path:
    def open_fake(_settings: Settings) -> Opened:
        return Opened(labeller)

    for command in ("tagging", "media"):
        monkeypatch.setattr(f"huiyan.cli.eval_{command}.Assembly", open_fake)
    root = tmp_path / "set"
    for class_name, count in (("golden-retriever", 3), ("laptop", 1)):
        (root / class_name).mkdir(parents=True)
        for number in range(count):
            paint(root / class_name / f"{number}.jpg", "red")
    return root


@pytest.fixture
def boxed_folder(folder: Path) -> Path:
    for number in range(2):
        paint(folder / f"{number}.jpg", "red")
    paint(folder / "2.jpg", "green")
    box = [*BOX, "dog"]
    images = [
        {"file": f"{number}.jpg", "width": 320, "height": 320, "boxes": boxes}
        for number, boxes in enumerate(([box], [box], [[1, 1, 9, 9, "cat"]]))
    ]
    labels = json.dumps({"categories": ["dog", "cat"], "images": images})
    (folder / "labels.json").write_text(labels, encoding="utf-8")
    return folder


def _run(*arguments: str, settings: Settings | None = None) -> str:
    result = CliRunner().invoke(
        evaluate, arguments, obj=settings or Settings(), catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def _figures(*arguments: str) -> dict[str, Any]:
    return dict(json.loads(_run(*arguments, "--json", "-"))["figures"])


def test_both_judged_figures_are_printed(folder: Path) -> None:
    text = _run("tagging", str(folder))
    assert "top-1" in text
    assert "75.0 %" in text
    assert "ECE top-1" in text


def test_json_on_standard_output_is_nothing_but_json(folder: Path) -> None:
    figures = _figures("tagging", str(folder))
    assert figures["picture_count"] == 4
    assert figures["top1"] == 0.75
    assert figures["classes"][0]["name"] == "laptop"


def test_json_in_a_file_holds_the_same(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    assert "75.0 %" in _run("tagging", str(folder), "--json", str(target))
    record = json.loads(target.read_text(encoding="utf-8"))
    assert record["figures"]["top1"] == 0.75


def test_json_says_how_the_figures_came_about_and_not_where_the_pictures_lie(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for named in (".", str(folder), f"{folder}/"):
        text = _run("tagging", named, "--limit", "2", "--json", "-")
        record = json.loads(text)
        assert (record["kind"], record["set"]) == ("tagging", "set")
        assert record["options"] == {"--limit": "2"}
        assert record["slicing"] == "standard"
        assert record["engine"].startswith("OpenVINO 2")
        assert record["huiyan"]
        assert str(folder) not in text


def test_every_command_says_what_it_is(boxed_folder: Path) -> None:
    for command in ("coverage", "media"):
        record = json.loads(_run(command, str(boxed_folder), "--json", "-"))
        assert (record["kind"], record["options"]) == (command, {})


def test_options_are_told_as_they_were_given(boxed_folder: Path) -> None:
    settings = Settings(detector_slicing="fine")
    arguments = ("media", str(boxed_folder), "--half", "all", "--json", "-")
    record = json.loads(_run(*arguments, settings=settings))
    assert (record["options"], record["slicing"]) == ({"--half": "all"}, "fine")


def test_a_limit_spreads_over_the_whole_set(folder: Path) -> None:
    assert _figures("tagging", str(folder), "--limit", "2")["picture_count"] == 2
    assert _figures("tagging", str(folder), "--limit", "99")["picture_count"] == 4


def test_coverage_needs_no_labels(folder: Path) -> None:
    assert "100.0 %" in _run("coverage", str(folder))
    figures = _figures("coverage", str(folder), "--threshold", "0.9")
    assert (figures["coverage"], figures["threshold"]) == (1.0, 0.9)


def test_a_broken_picture_is_named_and_does_not_stop_the_run(folder: Path) -> None:
    (folder / "laptop" / "broken.jpg").write_bytes(b"")
    figures = _figures("tagging", str(folder))
    assert figures["picture_count"] == 4
    assert "broken.jpg" in figures["unreadable"][0]


def test_media_tags_are_judged_against_boxes(boxed_folder: Path) -> None:
    text = _run("media", str(boxed_folder))
    for said in ("mAP", "gain", "ECE", "dog", "10+"):
        assert said in text
    figures = _figures("media", str(boxed_folder))
    assert (figures["picture_count"], figures["kind_count"]) == (3, 2)
    assert {row["name"]: row["ap"] for row in figures["kinds"]} == {"dog": 1.0, "cat": 1 / 3}


def test_a_folder_of_pictures_without_objects_is_answered(boxed_folder: Path) -> None:
    images = [{"file": "0.jpg", "width": 320, "height": 320, "boxes": []}]
    labels = json.dumps({"categories": [], "images": images})
    (boxed_folder / "labels.json").write_text(labels, encoding="utf-8")
    assert "–" in _run("media", str(boxed_folder))


def test_the_page_is_made_of_what_was_written(boxed_folder: Path, tmp_path: Path) -> None:
    target, page = tmp_path / "media.json", tmp_path / "quality.md"
    _run("media", str(boxed_folder), "--json", str(target))
    shown = _run("report", str(target))
    assert _run("report", str(target), "--write", str(page)) == ""
    assert page.read_text(encoding="utf-8") == shown
    assert "huiyan eval media set --json media.json" in shown
    assert str(tmp_path) not in shown


def test_a_page_that_cannot_be_written_is_told(boxed_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "media.json"
    _run("media", str(boxed_folder), "--json", str(target))
    arguments = ("report", str(target), "--write", str(tmp_path / "absent" / "page.md"))
    result = CliRunner().invoke(evaluate, arguments, obj=Settings())
    assert result.exit_code == 1
    assert "page.md" in result.output
