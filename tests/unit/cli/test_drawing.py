"""Where drawings go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_pictures import jpeg
from PIL import Image

from huiyan.cli.drawing import DRAWN_SHORT_SIDE_PX, DrawingTarget
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import StoreError
from huiyan.kernel.settings import load_settings

LIMITS = PictureLimits(frozenset(Format), 1, 10_000)
PIXELS = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture
def target_of(model_store: Any) -> Any:
    assert model_store  # it holds the font

    def make(target: Path, *, single: bool) -> DrawingTarget:
        return DrawingTarget(load_settings(), target, single=single, suffix=".boxes.png")

    return make


pytestmark = pytest.mark.models


def test_a_single_picture_is_drawn_into_the_file_named(target_of: Any, tmp_path: Path) -> None:
    target_of(tmp_path / "new" / "out.png", single=True).write(Path("a.jpg"), PIXELS)
    with Image.open(tmp_path / "new" / "out.png") as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (6, 4))


def test_several_pictures_are_drawn_into_a_folder_whatever_it_is_called(
    target_of: Any, tmp_path: Path
) -> None:
    target = target_of(tmp_path / "out.png", single=False)
    for path in ("a.jpg", "deep/a.png", "b.jpg", "a-2.jpg"):
        target.write(Path(path), PIXELS)
    names = sorted(path.name for path in (tmp_path / "out.png").iterdir())
    assert names == ["a-2-2.boxes.png", "a-2.boxes.png", "a.boxes.png", "b.boxes.png"]


def test_a_single_picture_goes_into_a_folder_that_is_there(target_of: Any, tmp_path: Path) -> None:
    target_of(tmp_path, single=True).write(Path("a.jpg"), PIXELS)
    assert (tmp_path / "a.boxes.png").exists()


def test_where_nothing_can_be_written_it_says_so(target_of: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        target_of(tmp_path / "file" / "out.png", single=True).write(Path("a.jpg"), PIXELS)


def test_what_is_drawn_on_is_no_larger_than_a_drawing_needs(target_of: Any, tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(jpeg(7000, 3500))
    image = target_of(tmp_path, single=True).decode(tmp_path / "large.jpg", LIMITS)
    assert image.size_wh == (7000, 3500)
    assert DRAWN_SHORT_SIDE_PX <= image.pixels.shape[0] < 3500
