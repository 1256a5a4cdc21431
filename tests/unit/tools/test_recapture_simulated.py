from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.random import default_rng
from recapture_simulated import (
    SIMULATED_MEDIA,
    SQUARES_A_MEDIUM,
    code_views,
    originals,
    simulated_squares,
)
from recapture_views import Crop

from huiyan.perception.recapture_networks import SIDE_PX


def crop(folder: Path, label: str, size_hw: tuple[int, int] = (400, 330)) -> Crop:
    noise = default_rng(5).integers(0, 256, (*size_hw, 3), np.uint8)
    path = folder / f"{label}.png"
    assert cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 2))
    return Crop(path, path, label, "c00", 1600, is_guessable=False)


def test_only_originals_are_photographed_anew(tmp_path: Path) -> None:
    crops = tuple(crop(tmp_path, label) for label in ("real", "screen", "print"))
    assert originals(crops) == crops[:1]
    assert originals(()) == ()


@pytest.mark.parametrize("size_hw", [(400, 330), (120, 90)])
def test_each_medium_gives_its_squares_and_the_same_ones_each_time(
    tmp_path: Path, size_hw: tuple[int, int]
) -> None:
    one = crop(tmp_path, "real", size_hw)
    squares = simulated_squares(one)
    count = len(SIMULATED_MEDIA) * SQUARES_A_MEDIUM
    assert squares.shape == (count, SIDE_PX, SIDE_PX, 3)
    assert squares.dtype == np.uint8
    assert np.array_equal(squares, simulated_squares(one))


def test_codes_differ_by_number_and_are_the_same_each_time() -> None:
    views = code_views(3)
    assert views.shape == (len(SIMULATED_MEDIA), SIDE_PX, SIDE_PX, 3)
    assert np.array_equal(views, code_views(3))
    assert not np.array_equal(views, code_views(4))
