"""Memory of a picture is counted while it is looked at, and spared where it would not do."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode, decode_planned, open_picture, plan_decode
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import DamagedPictureError, PictureSizeError
from huiyan.kernel.units import PixelArray

MIB = 2**20
LIMITS = PictureLimits(frozenset(Format), 1, 10_000)
COUNTED_SIDE_PX = 2600
"""Large enough to count: smaller pictures wait for nobody."""


def _save(picture: PillowImage.Image, name: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, name, **options)
    return target.getvalue()


def _scene(width: int = 900, height: int = 600) -> PillowImage.Image:
    noise = np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    return PillowImage.fromarray(noise).resize((width, height), PillowImage.Resampling.BICUBIC)


def _turned(orientation: int, **options: object) -> bytes:
    exif = PillowImage.Exif()
    exif[0x112] = orientation
    return _save(_scene(), "JPEG", exif=exif.tobytes(), **options)


def _half(data: bytes) -> PixelArray:
    picture = ImageOps.exif_transpose(PillowImage.open(io.BytesIO(data)))
    return np.asarray(picture.convert("RGB").reduce(2))


def _free_bytes(budget: MemoryBudget) -> int:
    return budget._free_bytes  # asking by reserving would hang where it is wrong


def _large_jpeg(**options: object) -> bytes:
    return _save(
        PillowImage.new("RGB", (COUNTED_SIDE_PX, COUNTED_SIDE_PX), "teal"), "JPEG", **options
    )


PIXEL_BYTES = 3 * COUNTED_SIDE_PX**2


@pytest.mark.parametrize("progressive", [False, True])
def test_after_decoding_only_the_pixels_are_counted_and_afterwards_nothing(
    *, progressive: bool
) -> None:
    budget = MemoryBudget(64 * MIB)
    data = _large_jpeg(progressive=progressive)
    with open_picture(data, LIMITS, None, budget) as image:
        assert image.pixels.nbytes == PIXEL_BYTES
        assert _free_bytes(budget) == 64 * MIB - PIXEL_BYTES
    assert _free_bytes(budget) == 64 * MIB


def test_a_failing_look_gives_the_share_back() -> None:
    budget = MemoryBudget(64 * MIB)
    with pytest.raises(ZeroDivisionError), open_picture(_large_jpeg(), LIMITS, None, budget):
        raise ZeroDivisionError
    assert _free_bytes(budget) == 64 * MIB


def test_a_failing_decode_gives_the_share_back() -> None:
    budget = MemoryBudget(64 * MIB)
    data = _large_jpeg()
    with (
        pytest.raises(DamagedPictureError),
        open_picture(data[: len(data) // 2], LIMITS, None, budget),
    ):
        raise AssertionError
    assert _free_bytes(budget) == 64 * MIB


def test_what_is_decoded_to_be_kept_is_not_counted_afterwards() -> None:
    budget = MemoryBudget(64 * MIB)
    image = decode(_large_jpeg(), LIMITS, None, budget)
    assert image.pixels.nbytes == PIXEL_BYTES
    assert _free_bytes(budget) == 64 * MIB


def test_a_second_picture_waits_until_the_first_was_looked_at() -> None:
    budget = MemoryBudget(30 * MIB)
    data = _large_jpeg()
    opened = threading.Event()

    def look() -> None:
        with open_picture(data, LIMITS, None, budget):
            opened.set()

    second = threading.Thread(target=look)
    with open_picture(data, LIMITS, None, budget):
        second.start()
        assert not opened.wait(0.2)
        with open_picture(_turned(1), LIMITS, None, budget) as small:
            assert small.size_wh == (900, 600)
    assert opened.wait(20)
    second.join(20)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_jpeg_that_would_not_fit_is_decoded_at_half(orientation: int) -> None:
    data = _turned(orientation, quality=95)
    budget = MemoryBudget(5 * MIB // 2)
    with open_picture(data, LIMITS, None, budget) as image:
        assert image.size_wh == ((900, 600) if orientation < 5 else (600, 900))
        expected = _half(data)
        assert image.pixels.shape == expected.shape
        assert np.abs(image.pixels.astype(int) - expected).mean() < 3
    with open_picture(_turned(1), LIMITS, None, budget) as upright:
        assert upright.pixels.shape == (600, 900, 3)


def test_a_progressive_jpeg_that_would_not_fit_is_decoded_at_half() -> None:
    data = _save(_scene(), "JPEG", progressive=True, quality=95)
    with open_picture(data, LIMITS, None, MemoryBudget(5 * MIB // 2)) as image:
        assert image.size_wh == (900, 600)
        assert image.pixels.shape == (300, 450, 3)
        assert np.abs(image.pixels.astype(int) - _half(data)).mean() < 3


def test_a_png_that_would_not_fit_is_averaged_on_the_way() -> None:
    board = (np.indices((3000, 3000)).sum(axis=0) % 2 * 255).astype(np.uint8)
    data = _save(PillowImage.fromarray(board), "PNG", compress_level=1)
    with open_picture(data, LIMITS, None, MemoryBudget(40 * MIB)) as image:
        assert image.size_wh == (3000, 3000)
        assert image.pixels.shape == (1500, 1500, 3)
        assert np.abs(image.pixels.astype(int) - 127).max() <= 1


@pytest.mark.parametrize(
    ("budget_bytes", "shape"),
    [(1_750_000, (600, 900)), (1_730_000, (300, 450)), (300_000, (150, 225)), (150_000, (75, 113))],
)
def test_no_picture_is_reduced_further_than_it_must_be(
    budget_bytes: int, shape: tuple[int, int]
) -> None:
    with open_picture(_turned(1), LIMITS, None, MemoryBudget(budget_bytes)) as image:
        assert image.pixels.shape == (*shape, 3)


def test_a_picture_is_spared_even_below_the_short_side_that_was_asked_for() -> None:
    with open_picture(_turned(1), LIMITS, 300, MemoryBudget(300_000)) as image:
        assert image.pixels.shape == (150, 225, 3)


@pytest.mark.parametrize(
    ("name", "options", "budget_bytes"),
    [
        ("JPEG", {}, 130_000),
        ("JPEG", {"progressive": True}, 1_500_000),
        ("PNG", {}, 1_500_000),
        ("BMP", {}, 1_500_000),
        ("WEBP", {}, 1_500_000),
    ],
)
def test_what_fits_not_even_reduced_is_refused_unseen(
    name: str, options: dict[str, object], budget_bytes: int
) -> None:
    budget = MemoryBudget(budget_bytes)
    with (
        pytest.raises(PictureSizeError, match="MiB of memory"),
        open_picture(_save(_scene(), name, **options), LIMITS, None, budget),
    ):
        raise AssertionError
    assert _free_bytes(budget) == budget_bytes


def test_a_plan_takes_no_memory_and_waits_for_none() -> None:
    budget = MemoryBudget(64 * MIB)
    with budget.reserve(64 * MIB):
        plan = plan_decode(_large_jpeg(), LIMITS, None, budget)
    assert plan.factor == 1
    assert PIXEL_BYTES <= plan.needed_bytes <= PIXEL_BYTES + MIB
    assert _free_bytes(budget) == 64 * MIB


@pytest.mark.parametrize("min_short_side_px", [None, 100])
def test_what_is_decoded_as_planned_is_what_is_opened(min_short_side_px: int | None) -> None:
    budget = MemoryBudget(64 * MIB)
    data = _turned(6)
    image = decode_planned(data, plan_decode(data, LIMITS, min_short_side_px, budget))
    with open_picture(data, LIMITS, min_short_side_px, budget) as opened:
        assert image.size_wh == opened.size_wh == (600, 900)
        assert np.array_equal(image.pixels, opened.pixels)


@pytest.mark.parametrize(("side_px", "kept"), [(3200, (3200, 3200)), (4000, (2000, 2000))])
def test_the_least_budget_keeps_ten_megapixels_whole_and_halves_more(
    side_px: int, kept: tuple[int, int]
) -> None:
    """``decode_budget_mib`` goes down to 64; a picture that is turned takes its result twice."""
    exif = PillowImage.Exif()
    exif[0x112] = 6
    picture = PillowImage.new("L", (side_px, 3000 if side_px == 4000 else 3200))
    data = _save(picture, "JPEG", exif=exif.tobytes())
    with open_picture(data, LIMITS, None, MemoryBudget(64 * MIB)) as image:
        assert image.pixels.shape[0] == kept[0]
