from __future__ import annotations

import numpy as np
import pytest

from huiyan.perception.face_quality import measure_frontality

# Right eye, left eye, nose, right and left corner of the mouth: (x across, y down, z to the camera)
# in distances of eyes to mouth.
HEAD = np.array(
    [[-0.43, -0.5, 0], [0.43, -0.5, 0], [0, 0.065, 0.5], [-0.36, 0.5, 0.05], [0.36, 0.5, 0.05]]
)


def _seen(yaw: float = 0, pitch: float = 0, roll: float = 0, side_px: float = 80) -> np.ndarray:
    y, p, r = np.deg2rad([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    flat = (HEAD @ about_y.T @ about_x.T)[:, :2]
    turn = np.array([[np.cos(r), -np.sin(r)], [np.sin(r), np.cos(r)]])
    return (flat @ turn.T * side_px + 300).astype(np.float32)


def _frontality(points: np.ndarray) -> float:
    return float(measure_frontality(points[np.newaxis])[0])


def test_no_face_has_no_frontality() -> None:
    empty = measure_frontality(np.zeros((0, 5, 2), np.float32))
    assert (empty.shape, empty.dtype) == ((0,), np.dtype(np.float32))


@pytest.mark.parametrize(
    "points",
    [np.zeros((5, 2)), np.full((5, 2), 7.0), np.full((5, 2), np.nan), np.full((5, 2), np.inf)],
    ids=["zero", "one place", "nan", "inf"],
)
def test_points_that_make_no_face_have_none(points: np.ndarray) -> None:
    assert _frontality(points.astype(np.float32)) == 0


def test_straight_into_the_camera_is_nearly_one() -> None:
    assert _frontality(_seen()) > 0.95


@pytest.mark.parametrize("roll", [-180, -90, -35, 20, 90])
@pytest.mark.parametrize("side_px", [8, 900])
def test_leaning_to_the_side_and_size_change_nothing(roll: float, side_px: float) -> None:
    turned = _frontality(_seen(yaw=25, roll=roll, side_px=side_px))
    assert turned == pytest.approx(_frontality(_seen(yaw=25)), abs=0.02)


@pytest.mark.parametrize("sign", [-1, 1])
def test_turning_away_lowers_it_to_a_half_at_45_degrees(
    sign: int,
) -> None:
    values = [_frontality(_seen(yaw=sign * yaw)) for yaw in (0, 15, 30, 45, 60, 75)]
    assert values == sorted(values, reverse=True)
    assert values[3] == pytest.approx(0.5, abs=0.12)
    assert values[5] < 0.4


@pytest.mark.parametrize("sign", [-1, 1])
def test_looking_up_or_down_lowers_it(sign: int) -> None:
    values = [_frontality(_seen(pitch=sign * pitch)) for pitch in (0, 10, 20, 30)]
    assert values == sorted(values, reverse=True)
    assert values[2] < 0.9


def test_mixed_faces_keep_their_order() -> None:
    rows = np.stack([_seen(yaw=40), _seen(), np.zeros((5, 2), np.float32)])
    values = measure_frontality(rows)
    assert values.argsort().tolist() == [2, 0, 1]
