"""``huiyan eval celebrity`` with a made reader."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from colour_faces import ColourFaces, paint_face

from huiyan.cli.eval import evaluate
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings

RED, GREEN, BLUE, BLACK = (250, 0, 0), (0, 250, 0), (0, 0, 250), (0, 0, 0)
CALIBRATED = ColourFaces("sface-2021dec:0ba9fbfa01b5")


@dataclass(frozen=True)
class Opened:
    """Stands for the assembly; its reader claims to be the network that was calibrated."""

    face_reader: ColourFaces


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huiyan.cli.eval_celebrity.Assembly", lambda _settings: Opened(CALIBRATED))
    root = tmp_path / "people"
    for name, colour in (("Ann", RED), ("Bo", GREEN)):
        for number in range(4):
            paint_face(root / name / f"{number}.png", colour)
    paint_face(root / "Cy" / "0.png", BLUE)
    return root


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(
        evaluate, ("celebrity", *arguments), obj=Settings(), catch_exceptions=False
    )


def test_an_empty_folder_is_an_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(OperatorError, match="neither"):
        _run(str(tmp_path / "empty"))
    assert folder.is_dir()


def test_a_calibration_of_another_network_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Opened(ColourFaces("other:1"))
    monkeypatch.setattr("huiyan.cli.eval_celebrity.Assembly", lambda _settings: other)
    with pytest.raises(OperatorError, match="not for other:1"):
        _run(str(folder))


def test_both_galleries_stand_side_by_side(folder: Path) -> None:
    text = _run(str(folder), "--draws", "2").stdout
    for said in ("1 (2)", "3 (6)", "rank-1", "100.0 %", "found at 0.9", "missed at 0.3 %"):
        assert said in text


def test_what_is_odd_is_named_on_standard_error(folder: Path) -> None:
    paint_face(folder / "Cy" / "0.png", RED)
    paint_face(folder / "Bo" / "0.png", BLACK)
    (folder / "Bo" / "1.png").write_bytes(b"[bold]")
    shown = " ".join(_run(str(folder), "--draws", "2").stderr.split())
    assert "Ann/0.png = Cy/0.png (1.00)" in shown
    assert "no face" in shown
    assert "unreadable" in shown


def test_json_tells_the_figures_and_how_they_came_about(folder: Path) -> None:
    found = json.loads(_run(str(folder), "--people", "2", "--draws", "3", "--json", "-").stdout)
    assert (found["kind"], found["set"]) == ("celebrity", "people")
    assert found["options"] == {"--people": "2", "--draws": "3"}
    assert found["figures"]["draws"] == 3
    assert found["figures"]["enrolled_one"]["found_at_hundredth"]["value"] == 1.0
    assert len(found["figures"]["enrolled_three"]["det"]) == 5


@pytest.mark.parametrize("option", [("--draws", "0"), ("--people", "1"), ("--seed", "-1")])
def test_options_out_of_range_are_refused(folder: Path, option: tuple[str, str]) -> None:
    assert _run(str(folder), *option).exit_code == 2
