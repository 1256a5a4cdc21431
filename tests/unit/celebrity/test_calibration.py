"""Similarities become confidences that mean what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.celebrity.calibration import Calibration, SideShift, load_calibration
from huiyan.kernel.errors import OperatorError

LARGE = np.array([200], np.float32)
MADE = Calibration(0.1, 0.09, (SideShift(25, 0.04), SideShift(40, 0.01), SideShift(80, 0.0)))
GOOD: dict[str, Any] = {
    "model": "m:1",
    "impostors": {"mean": 0.1, "sd": 0.09},
    "sides": [{"side_px": 40, "shift": 0.01}, {"side_px": 80, "shift": 0}],
    "fit": {},
}

similarities = st.floats(-1, 1, width=32)
photo_counts = st.integers(1, 10**9)


def _one(similarity: float, photos: int, side_px: float = 200) -> float:
    at = np.array([similarity], np.float32)
    return float(MADE.confidence(at, photos, np.array([side_px], np.float32))[0])


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "calibration.json"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5)])
def test_no_similarities_give_no_confidences(shape: tuple[int, ...]) -> None:
    found = MADE.confidence(np.zeros(shape, np.float32), 10, LARGE)
    assert found.shape == shape
    assert found.dtype == np.float32


def test_each_face_has_its_own_side() -> None:
    found = MADE.confidence(
        np.full((2, 3), 0.5, np.float32), 100, np.array([[200], [25]], np.float32)
    )
    assert found.shape == (2, 3)
    assert (found[0] > found[1]).all()


@pytest.mark.parametrize("photos", [1, 50, 1300, 10**6])
def test_nine_tenths_stand_where_one_stranger_in_a_thousand_is_named(photos: int) -> None:
    at = MADE.similarity_for(0.9, photos)
    alarm = MADE.false_alarm(np.array([at], np.float32), photos, LARGE)[0]
    assert alarm == pytest.approx(1e-3, rel=1e-4)


def test_what_everybody_reaches_is_as_sure_as_the_share_of_known_faces() -> None:
    assert _one(-1, 1000) == pytest.approx(1 / 112.1, rel=1e-3)


def test_the_same_picture_is_certain_even_among_a_thousand_million() -> None:
    assert _one(1.0, 10**9) > 0.999


@given(similarities, similarities, photo_counts, st.floats(1, 1000))
def test_more_alike_is_never_less_sure(one: float, two: float, photos: int, side: float) -> None:
    low, high = sorted((one, two))
    assert _one(low, photos, side) <= _one(high, photos, side)


@given(similarities, photo_counts, photo_counts)
def test_more_photos_never_make_it_surer(similarity: float, one: int, two: int) -> None:
    few, many = sorted((one, two))
    assert _one(similarity, many) <= _one(similarity, few)


@given(similarities, photo_counts, st.floats(0, 1000), st.floats(0, 1000))
def test_smaller_faces_are_never_surer(
    similarity: float, photos: int, one: float, two: float
) -> None:
    small, large = sorted((one, two))
    assert _one(similarity, photos, small) <= _one(similarity, photos, large)


@given(st.floats(0.02, 0.999), st.integers(1, 10**7))
def test_similarity_and_confidence_are_each_others_inverse(confidence: float, photos: int) -> None:
    assert _one(MADE.similarity_for(confidence, photos), photos) == pytest.approx(
        confidence, abs=1e-4
    )


@pytest.mark.parametrize(
    ("confidence", "similarity"), [(-1, -1), (0, -1), (0.001, -1), (1, 1), (2, 1)]
)
def test_confidences_out_of_reach_have_the_outermost_similarity(
    confidence: float, similarity: float
) -> None:
    assert MADE.similarity_for(confidence, 100) == similarity


def test_a_gallery_without_photos_is_no_error() -> None:
    assert MADE.confidence(np.zeros(0, np.float32), 0, np.zeros(0, np.float32)).size == 0
    assert MADE.similarity_for(0.9, 0) == MADE.similarity_for(0.9, 1)


def test_the_shipped_parameters_can_be_read_and_tell_where_they_are_from() -> None:
    calibration = load_calibration("sface-2021dec:0ba9fbfa01b5")
    assert 0.4 < calibration.similarity_for(0.9, 50) < calibration.similarity_for(0.9, 10**6) < 0.7


def test_parameters_of_another_network_are_refused(tmp_path: Path) -> None:
    file = _file(tmp_path, json.dumps(GOOD))
    assert load_calibration("m:1", file).mean == 0.1
    with pytest.raises(OperatorError, match="fitted for m:1, not for m:2"):
        load_calibration("m:2", file)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"absent\.json: cannot be read"):
        load_calibration(file=tmp_path / "absent.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
        json.dumps({**GOOD, "impostors": {"mean": "0.1", "sd": 0.09}}),
        json.dumps({**GOOD, "more": 1}),
        json.dumps({key: GOOD[key] for key in ("model", "impostors", "fit")}),
        json.dumps({**GOOD, "impostors": {"mean": float("nan"), "sd": 0.09}}),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        load_calibration(file=_file(tmp_path, text))


@pytest.mark.parametrize(
    "changes",
    [
        {"impostors": {"mean": 1, "sd": 0.09}},
        {"impostors": {"mean": 0.1, "sd": 0}},
        {"impostors": {"mean": 0.1, "sd": -0.1}},
        {"sides": []},
        {"sides": [{"side_px": 0, "shift": 0}]},
        {"sides": [{"side_px": 40, "shift": 0.01}]},
        {"sides": [{"side_px": 40, "shift": -0.01}, {"side_px": 80, "shift": 0}]},
        {"sides": [{"side_px": 80, "shift": 0.01}, {"side_px": 40, "shift": 0}]},
        {"sides": [{"side_px": 40, "shift": 0}, {"side_px": 60, "shift": 0.1}]},
        {"sides": [{"side_px": 40, "shift": 0}, {"side_px": 1e300, "shift": 0}]},
    ],
)
def test_impossible_values_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(OperatorError, match="impossible value"):
        load_calibration(file=_file(tmp_path, json.dumps({**GOOD, **changes})))
