from pathlib import Path

import cv2
import numpy as np
import pytest
import recapture_views
from numpy.random import default_rng
from recapture_views import (
    ALTERED_COUNT,
    Crop,
    altered_squares,
    altered_views,
    corner_squares,
    plain_squares,
    plain_views,
    read_crops,
    read_files,
    recompressed_squares,
)

from huiyan.perception.recapture_networks import SIDE_PX

HEADER = (
    "file,label,collector,full_width_px,full_height_px,crop_x_px,crop_y_px,provenance,"
    "label_guessable_from_file,bytes\n"
)


def save(path: Path, size_hw: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = default_rng(5).integers(0, 256, (*size_hw, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 1.5))


def crop(folder: Path, size_hw: tuple[int, int], full_long_px: int) -> Crop:
    save(folder / "real/a.png", size_hw)
    save(folder / "overview/real/a.png", (192, 256))
    paths = folder / "real/a.png", folder / "overview/real/a.png"
    return Crop(*paths, "real", "c00", full_long_px, is_guessable=False)


def test_rows_become_crops(tmp_path: Path) -> None:
    row = "screen/b.jpg,screen,c07,1200,1600,336,592,camera,1,23575\n"
    (tmp_path / "labels.csv").write_text(HEADER + row, encoding="utf-8")
    (found,) = read_crops(tmp_path)
    assert found.path == tmp_path / "screen/b.jpg"
    assert found.overview_path == tmp_path / "overview/screen/b.jpg"
    assert (found.label, found.collector) == ("screen", "c07")
    assert found.full_long_px == 1600
    assert found.is_guessable


def test_files_need_no_collector(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\na.jpg,product\n", encoding="utf-8")
    (found,) = read_files(tmp_path)
    assert (found.label, found.collector) == ("product", "")


def test_no_rows_are_no_crops(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(HEADER, encoding="utf-8")
    assert read_crops(tmp_path) == ()


def test_the_four_squares_are_the_corners_at_native_resolution() -> None:
    pixels = default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    first, second, third, fourth = corner_squares(pixels)
    side = SIDE_PX
    assert np.array_equal(first, pixels[:side, :side])
    assert np.array_equal(second, pixels[:side, -side:])
    assert np.array_equal(third, pixels[-side:, :side])
    assert np.array_equal(fourth, pixels[-side:, -side:])


@pytest.mark.parametrize("size_hw", [(100, 480), (480, 130), (90, 90), (480, 480)])
def test_every_look_has_its_shape_whatever_the_crop(
    tmp_path: Path, size_hw: tuple[int, int]
) -> None:
    one = crop(tmp_path, size_hw, 4000)
    patch = (SIDE_PX, SIDE_PX, 3)
    view = (SIDE_PX, SIDE_PX, 3)
    assert plain_squares(one).shape == (4, *patch)
    assert recompressed_squares(one).shape == (4, *patch)
    assert altered_squares(one).shape == (ALTERED_COUNT, *patch)
    assert plain_views(one).shape == (2, *view)
    assert altered_views(one).shape == (ALTERED_COUNT, *view)


def test_alterations_are_the_same_each_time_and_differ_among_each_other(tmp_path: Path) -> None:
    one = crop(tmp_path, (480, 480), 4000)
    for look in (altered_squares, altered_views):
        views = look(one)
        assert np.array_equal(views, look(one))
        assert all(not np.array_equal(views[0], other) for other in views[1:])


def test_the_second_plain_view_is_the_first_one_mirrored(tmp_path: Path) -> None:
    first, second = plain_views(crop(tmp_path, (480, 480), 4000))
    assert np.array_equal(first[:, ::-1], second)


def test_recompression_reduces_by_the_whole_picture_not_by_the_crop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def corners(pixels: np.ndarray) -> np.ndarray:
        seen.append(pixels.shape[:2])
        return corner_squares(pixels)

    monkeypatch.setattr(recapture_views, "corner_squares", corners)
    recompressed_squares(crop(tmp_path, (480, 400), 3200))
    recompressed_squares(crop(tmp_path, (480, 400), 1200))
    assert seen == [(240, 200), (480, 400)]
