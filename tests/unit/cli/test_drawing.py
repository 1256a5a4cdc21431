"""Where drawings go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click import BadParameter
from made_pictures import jpeg
from PIL import Image

from huiyan.cli.drawing import DRAWN_SHORT_SIDE_PX, DrawingTarget, check_place
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


@pytest.mark.parametrize("name", ["one.png", "ONE.PNG", "one.jpg"])
def test_several_results_fit_into_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadParameter, match="name a folder · 图片有多张") as refused:
        check_place(tmp_path / name, single=False, option="--draw")
    assert refused.value.param_hint == "--draw"


def test_the_folder_that_a_file_is_to_lie_in_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for parent in (tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(StoreError, match=f"{parent} is no folder.*目录 {parent} 不存在"):
            check_place(parent / "one.png", single=True, option="--draw")
    assert [it.name for it in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("single", [True, False])
def test_a_folder_may_be_made(tmp_path: Path, single: bool) -> None:  # noqa: FBT001 -- pytest passes by name
    check_place(tmp_path / "absent" / "maps", single=single, option="--draw")
    check_place(tmp_path, single=single, option="--draw")


@pytest.mark.models
def test_a_single_picture_is_drawn_into_the_file_named(target_of: Any, tmp_path: Path) -> None:
    target_of(tmp_path / "out.png", single=True).write(Path("a.jpg"), PIXELS)
    with Image.open(tmp_path / "out.png") as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (6, 4))


@pytest.mark.models
@pytest.mark.parametrize("name", ["out", "deep/out.v2"])
def test_several_pictures_are_drawn_into_a_folder_that_is_made(
    target_of: Any, tmp_path: Path, name: str
) -> None:
    target = target_of(tmp_path / name, single=False)
    for path in ("a.jpg", "deep/a.png", "b.jpg", "a-2.jpg"):
        target.write(Path(path), PIXELS)
    names = sorted(path.name for path in (tmp_path / name).iterdir())
    assert names == ["a-2-2.boxes.png", "a-2.boxes.png", "a.boxes.png", "b.boxes.png"]


@pytest.mark.models
def test_a_single_picture_goes_into_a_folder_that_is_there(target_of: Any, tmp_path: Path) -> None:
    target_of(tmp_path, single=True).write(Path("a.jpg"), PIXELS)
    assert (tmp_path / "a.boxes.png").exists()


@pytest.mark.models
def test_where_nothing_can_be_written_it_says_so(target_of: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target, single in ((tmp_path / "file" / "out", False), (tmp_path / "o.d" / "a.d", True)):
        with pytest.raises(StoreError, match="cannot write"):
            target_of(target, single=single).write(Path("a.jpg"), PIXELS)


@pytest.mark.models
def test_a_folder_that_is_there_may_be_called_like_a_picture(
    target_of: Any, tmp_path: Path
) -> None:
    (tmp_path / "out.png").mkdir()
    target_of(tmp_path / "out.png", single=False).write(Path("a.jpg"), PIXELS)
    assert (tmp_path / "out.png" / "a.boxes.png").is_file()


@pytest.mark.models
def test_what_is_drawn_on_is_no_larger_than_a_drawing_needs(target_of: Any, tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(jpeg(7000, 3500))
    image = target_of(tmp_path, single=True).decode(tmp_path / "large.jpg", LIMITS)
    assert image.size_wh == (7000, 3500)
    assert DRAWN_SHORT_SIDE_PX <= image.pixels.shape[0] < 3500
