from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.random import default_rng
from recapture_alterations import (
    TRIALS,
    add_noise,
    blur,
    drop_colours,
    frame,
    looks_at,
    scale_levels,
)
from recapture_views import CORNER_COUNT, Crop, plain_squares

from huiyan.perception.recapture_networks import SIDE_PX


def save(path: Path, size_hw: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = default_rng(5).integers(60, 196, (*size_hw, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 1.5))


def crop(folder: Path, label: str, size_hw: tuple[int, int] = (480, 480)) -> Crop:
    save(folder / label / "a.png", size_hw)
    save(folder / "overview" / label / "a.png", (192, 256))
    paths = folder / label / "a.png", folder / "overview" / label / "a.png"
    return Crop(*paths, label, "c00", 1600, is_guessable=False)


@pytest.mark.parametrize("size_hw", [(100, 480), (90, 90), (480, 480)])
def test_every_altered_look_has_its_shape_and_is_the_same_each_time(
    tmp_path: Path, size_hw: tuple[int, int]
) -> None:
    one = crop(tmp_path, "real", size_hw)
    for look in (looks_at(trial) for trial in (*TRIALS, None)):
        seen = look(one)
        assert seen.shape == (CORNER_COUNT + 1, SIDE_PX, SIDE_PX, 3)
        assert np.array_equal(seen, look(one))


def test_no_alteration_depends_on_the_label(tmp_path: Path) -> None:
    one, other = crop(tmp_path, "real"), crop(tmp_path, "screen")
    for look in (looks_at(trial) for trial in (*TRIALS, None)):
        assert np.array_equal(look(one), look(other))


def test_a_picture_as_it_is_shows_what_the_service_sees(tmp_path: Path) -> None:
    one = crop(tmp_path, "real")
    seen = looks_at(TRIALS[0])(one)
    assert np.array_equal(seen[:CORNER_COUNT], plain_squares(one))
    assert seen.shape == (CORNER_COUNT + 1, SIDE_PX, SIDE_PX, 3)


def test_a_frame_is_seen_in_the_whole_picture_only(tmp_path: Path) -> None:
    one = crop(tmp_path, "real")
    plain = looks_at(TRIALS[0])(one)
    for trial, level in zip((it for it in TRIALS if it.is_of_view), (0, 255), strict=True):
        seen = looks_at(trial)(one)
        assert np.array_equal(seen[:CORNER_COUNT], plain[:CORNER_COUNT])
        assert (seen[-1][:8] == level).all()
        assert (seen[-1][:, :8] == level).all()


def test_noise_is_averaged_away_where_a_large_picture_is_reduced(tmp_path: Path) -> None:
    one = crop(tmp_path, "real")
    plain, noisy = looks_at(TRIALS[0])(one), looks_at(TRIALS[2])(one)
    change = np.abs(noisy.astype(float) - plain).mean(axis=(1, 2, 3))
    assert change[:CORNER_COUNT].min() > 3 * change[-1]


def test_each_alteration_does_what_it_is_called() -> None:
    pixels = default_rng(3).integers(60, 196, (64, 80, 3), np.uint8)
    assert scale_levels(pixels, 0.3).mean() == pytest.approx(0.3 * pixels.mean(), abs=0.5)
    assert scale_levels(pixels, 2.0).max() == 255
    grey = drop_colours(pixels)
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert blur(pixels, 1.0).std() < pixels.std()
    added = add_noise(pixels, 5, "a").astype(float) - pixels
    assert added.std() == pytest.approx(5, rel=0.05)
    assert frame(pixels, 0.125, 0.25, 9).shape == (80, 120, 3)
