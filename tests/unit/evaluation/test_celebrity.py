"""Sets of labelled faces, read the real way with a made reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colour_faces import DIMENSIONS, ColourFaces, paint_face

from huiyan.celebrity.calibration import Calibration, SideShift
from huiyan.evaluation.celebrity import (
    CelebrityEvaluator,
    CelebrityFigures,
    nearest_to_middle,
)
from huiyan.evaluation.identities import read_identities
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import OperatorError
from huiyan.perception.face_reader import FaceReadings
from huiyan.perception.faces import Faces

RED, GREEN, BLUE, GREY, BLACK = (250, 0, 0), (0, 250, 0), (0, 0, 250), (128, 128, 128), (0, 0, 0)
EVALUATOR = CelebrityEvaluator(
    reader=ColourFaces(),
    calibration=Calibration(0.1, 0.09, (SideShift(40, 0.0),)),
    limits=PictureLimits(frozenset(Format), min_side_px=1, max_side_px=1000),
    budget=MemoryBudget(1 << 26),
    clock=SystemClock(),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people with four pictures each, and a stranger."""
    for name, colour in (("Ann", RED), ("Bo", GREEN)):
        for number in range(4):
            paint_face(tmp_path / name / f"{number}.png", colour, has_second=number == 0)
    paint_face(tmp_path / "Cy" / "0.png", BLUE)
    return tmp_path


def _measure(folder: Path, draws: int = 3) -> CelebrityFigures:
    return EVALUATOR.measure(read_identities(folder), draws, 1, lambda: None)


def test_no_face_is_nearest_to_the_middle_of_nothing() -> None:
    nothing = np.zeros(0, np.float32)
    faces = Faces(np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), nothing)
    readings = FaceReadings(faces, np.zeros((0, DIMENSIONS), np.float32), nothing, nothing, nothing)
    assert nearest_to_middle(readings, (10, 10)) is None


def test_the_face_in_the_middle_is_whose_the_picture_is(folder: Path) -> None:
    figures = _measure(folder)
    assert figures.picture_count == 9
    assert (figures.known_count, figures.stranger_count) == (2, 1)
    assert figures.several_faces_count == 2
    assert figures.enrolled_one.rank1.value == 1
    assert figures.enrolled_one.false_names_at_wire.value == 0
    assert figures.enrolled_three is not None
    assert figures.enrolled_three.gallery_size == 6
    assert figures.suspects == ()


def test_three_photos_need_people_with_four(folder: Path) -> None:
    for name in ("Ann", "Bo"):
        (folder / name / "3.png").unlink()
    assert _measure(folder).enrolled_three is None


def test_pictures_without_a_face_are_named_and_missed(folder: Path) -> None:
    paint_face(folder / "Ann" / "0.png", BLACK)
    figures = _measure(folder)
    assert figures.without_face == (str(folder / "Ann" / "0.png"),)
    assert figures.enrolled_one.rank1.value == pytest.approx(5 / 6)


def test_damaged_and_absent_pictures_are_named_and_count_nowhere(folder: Path) -> None:
    (folder / "Ann" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n, and then nothing")
    files = read_identities(folder)
    (folder / "Bo" / "0.png").unlink()
    seen = []
    figures = EVALUATOR.measure(files, 2, 1, lambda: seen.append(1))
    assert len(seen) == 9
    assert figures.picture_count == 7
    assert [line.split(": ")[0][-9:] for line in figures.unreadable] == ["Ann/0.png", "/Bo/0.png"]
    assert figures.enrolled_one.rank1.value == 1


def test_people_who_look_the_same_are_suspected_of_being_one(folder: Path) -> None:
    paint_face(folder / "Cy" / "0.png", RED)
    figures = _measure(folder)
    assert len(figures.suspects) == 4
    assert {figures.suspects[0].file, figures.suspects[0].other_file} == {"Ann/0.png", "Cy/0.png"}
    assert figures.suspects[0].similarity == pytest.approx(1)
    assert figures.enrolled_one.false_names_at_wire.value == 1


def test_a_set_without_faces_is_an_error_that_says_so(tmp_path: Path) -> None:
    for name in ("Ann", "Bo"):
        for number in range(2):
            paint_face(tmp_path / name / f"{number}.png", BLACK)
    with pytest.raises(OperatorError, match=r"nothing to measure; 4 pictures .*no face"):
        _measure(tmp_path)


def test_a_set_without_readable_pictures_is_an_error_that_names_one(tmp_path: Path) -> None:
    for name in ("Ann", "Bo"):
        (tmp_path / name).mkdir()
        for number in range(2):
            (tmp_path / name / f"{number}.png").write_bytes(b"text")
    with pytest.raises(OperatorError, match=r"nothing to measure.*Ann/0\.png"):
        _measure(tmp_path)
