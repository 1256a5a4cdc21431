from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image as PilImage

from huiyan.cli.eval import evaluate
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import AnyArray
from huiyan.perception.classifier import Classifier
from huiyan.tagging.calibration import load_calibration
from huiyan.tagging.recogniser import TagRecogniser
from huiyan.vocabulary.load import load_vocabulary


class DogSession:
    """Sees a golden retriever everywhere."""

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        assert inputs[0].shape == (1, 280, 280, 3)
        logits = np.zeros((1, 1000), np.float32)
        logits[0, 207] = 20
        return logits, np.zeros((1, 1280), np.float32)


def _open_fake(_settings: Settings) -> TagRecogniser:
    return TagRecogniser(Classifier(DogSession()), load_vocabulary(), load_calibration())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huiyan.cli.eval_tagging.open_tagging", _open_fake)
    root = tmp_path / "set"
    for class_name, count in (("golden-retriever", 3), ("laptop", 1)):
        (root / class_name).mkdir(parents=True)
        for number in range(count):
            PilImage.new("RGB", (320, 320)).save(root / class_name / f"{number}.jpg")
    return root


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(evaluate, arguments, obj=Settings(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_both_judged_figures_are_printed(folder: Path) -> None:
    text = _run("tagging", str(folder))
    assert "top-1" in text
    assert "75.0 %" in text
    assert "ECE top-1" in text


def test_json_on_standard_output_is_nothing_but_json(folder: Path) -> None:
    figures = json.loads(_run("tagging", str(folder), "--json", "-"))
    assert figures["picture_count"] == 4
    assert figures["top1"] == 0.75
    assert figures["classes"][0]["name"] == "laptop"


def test_json_in_a_file_holds_the_same(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    assert "75.0 %" in _run("tagging", str(folder), "--json", str(target))
    assert json.loads(target.read_text(encoding="utf-8"))["top1"] == 0.75


def test_a_limit_spreads_over_the_whole_set(folder: Path) -> None:
    figures = json.loads(_run("tagging", str(folder), "--json", "-", "--limit", "2"))
    assert figures["picture_count"] == 2
    figures = json.loads(_run("tagging", str(folder), "--json", "-", "--limit", "99"))
    assert figures["picture_count"] == 4


def test_coverage_needs_no_labels(folder: Path) -> None:
    assert "100.0 %" in _run("coverage", str(folder))
    figures = json.loads(_run("coverage", str(folder), "--threshold", "0.9", "--json", "-"))
    assert (figures["coverage"], figures["threshold"]) == (1.0, 0.9)


def test_a_broken_picture_is_named_and_does_not_stop_the_run(folder: Path) -> None:
    (folder / "laptop" / "broken.jpg").write_bytes(b"")
    figures = json.loads(_run("tagging", str(folder), "--json", "-"))
    assert figures["picture_count"] == 4
    assert "broken.jpg" in figures["unreadable"][0]
