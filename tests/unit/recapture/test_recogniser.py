"""Where is looked, that a code is judged first, and that no shape of picture breaks it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.units import AnyArray, PixelArray
from huiyan.perception.patches import choose_places, overview
from huiyan.perception.recapture_networks import SIDE_PX, RecaptureNetwork
from huiyan.recapture.fusion import Fusion, Line, PictureWeights, SquareWeights
from huiyan.recapture.model import (
    Judgement,
    Medium,
    PatchEvidence,
    RecaptureParams,
    Suggestion,
)
from huiyan.recapture.recogniser import CODE_PATCH_COUNT, PATCH_COUNT, RecaptureRecogniser
from huiyan.runtime.fan_out import FanOut

PARAMS = RecaptureParams(0.95)
ALONE = FanOut(1)
SHAPES = ((1, 1), (1, 2), (2, 1), (1, 10_000), (10_000, 1), (14, 9_999), (239, 241), (240, 240))
FUSION = Fusion(
    recaptured=PictureWeights(
        lite0_squares=0.5, lite0_view=0, lite2_squares=0.5, lite2_view=0, bias=0
    ),
    printed=SquareWeights(lite0=0.5, lite2=0.5, bias=0),
    lite0_patch=Line(factor=1, bias=0),
    lite2_patch=Line(factor=1, bias=0),
    code_share=1.0,
    original_threshold=0.8,
)
"""Believes the code alone where there is one, and the squares where there is none."""


class FakeSession:
    """Suspects what is blue; calls it a print; remembers what it was shown."""

    def __init__(self, answer: AnyArray | None = None) -> None:
        self.answer = answer
        self.shown: list[AnyArray] = []

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        self.shown.extend(inputs)
        if self.answer is not None:
            return (self.answer,)
        suspicion = inputs[0][..., 2].mean() / 16 - 2
        return (np.array([[suspicion, suspicion, suspicion]], np.float32),)


class House:
    """A recogniser and what its networks were shown."""

    def __init__(self, fan_out: FanOut = ALONE, fusion: Fusion = FUSION) -> None:
        self.lite0, self.lite2 = FakeSession(), FakeSession()
        self.recogniser = RecaptureRecogniser(
            RecaptureNetwork(self.lite0), RecaptureNetwork(self.lite2), fusion, fan_out
        )

    def judge(self, image: Image) -> Judgement:
        return self.recogniser.recognise(image, PARAMS)

    def squares(self, image: Image) -> list[list[AnyArray]]:
        """What each network was shown beside the whole picture."""
        view = overview(image, SIDE_PX).tobytes()
        return [
            [it for it in session.shown if it.tobytes() != view]
            for session in (self.lite0, self.lite2)
        ]


@pytest.fixture
def house() -> House:
    return House()


def _image(pixels: PixelArray, times: int = 1) -> Image:
    height, width = pixels.shape[:2]
    return Image(pixels, (times * width, times * height))


def _scene(width: int, height: int, seed: int = 5) -> PixelArray:
    """Texture without any blue."""
    pixels = np.random.default_rng(seed).integers(60, 200, (height, width, 3), dtype=np.uint8)
    pixels[..., 2] = 0
    return pixels


def _with_code(pixels: PixelArray, left: int, top: int, module_px: int) -> int:
    """Put a code with blue in it there; its side in px."""
    code = zxingcpp.create_barcode("judge me first", zxingcpp.BarcodeFormat.QRCode)
    grey = np.asarray(code.to_image(scale=module_px, add_quiet_zones=True))
    pixels[top : top + len(grey), left : left + len(grey)] = grey[..., None]
    return len(grey)


def _shown_of(
    evidence: list[PatchEvidence], pixels: PixelArray, house: House, times: int = 1
) -> list[int]:
    """Count what each network was shown of some evidence."""
    corners = [(it.left_px // times, it.top_px // times) for it in evidence]
    parts = {pixels[top : top + SIDE_PX, left : left + SIDE_PX].tobytes() for left, top in corners}
    return [
        sum(it.tobytes() in parts for it in session.shown) for session in (house.lite0, house.lite2)
    ]


def test_pictures_are_wanted_at_full_size(house: House) -> None:
    assert house.recogniser.min_short_side_px is None


def test_a_picture_without_a_code_is_looked_at_in_squares_and_as_a_whole(house: House) -> None:
    pixels = _scene(1200, 900)
    image = _image(pixels)
    found = house.judge(image)
    assert found.barcode is None
    first, second = house.squares(image)
    assert len(first) == len(second) == PATCH_COUNT / 2
    assert len(house.lite0.shown) == len(house.lite2.shown) == PATCH_COUNT / 2 + 1
    assert {it.shape for it in house.lite0.shown} == {(1, SIDE_PX, SIDE_PX, 3)}
    shown = {it.tobytes() for it in first + second}
    assert len(shown) == len(found.patches) == PATCH_COUNT, "each network has its own squares"
    for it in found.patches:
        assert it.side_px == SIDE_PX
        part = pixels[it.top_px : it.top_px + it.side_px, it.left_px : it.left_px + it.side_px]
        assert part.tobytes() in shown
    assert found.original_threshold == FUSION.original_threshold
    assert found.recaptured < 0.2
    assert found.medium is Medium.ORIGINAL


def test_the_whole_picture_is_weighed_for_each_network_by_itself() -> None:
    weights = {"lite0_squares": 0.0, "lite2_squares": 0.0, "bias": 0.0}
    answers = []
    for lite0, lite2 in ((1.0, 0.0), (0.0, 1.0)):
        recaptured = PictureWeights(**weights, lite0_view=lite0, lite2_view=lite2)
        house = House(fusion=msgspec.structs.replace(FUSION, recaptured=recaptured))
        house.lite0.answer = np.array([[9, 9, -1]], np.float32)
        house.lite2.answer = np.array([[9, 9, 2]], np.float32)
        answers.append(house.judge(_image(_scene(600, 500))).recaptured)
    assert answers == pytest.approx([1 / (1 + math.e), 1 / (1 + math.exp(-2))])


def test_one_place_that_both_networks_look_at_is_told_once_as_their_mean(house: House) -> None:
    house.lite0.answer = np.array([[0, 0, 0]], np.float32)
    house.lite2.answer = np.array([[math.log(3), 0, 0]], np.float32)
    (found,) = house.judge(_image(_scene(200, 150))).patches
    assert found.recaptured == pytest.approx((0.5 + 0.75) / 2)


def test_a_code_is_judged_first_and_by_its_own_patches(house: House) -> None:
    pixels = _scene(1600, 1200)
    side = _with_code(pixels, 300, 200, 20)
    found = house.judge(_image(pixels))
    assert found.barcode is not None
    assert found.barcode.text == "judge me first"
    assert side > 2 * SIDE_PX
    on_code = [
        it
        for it in found.patches
        if 300 - 16 <= it.left_px <= 300 + side - SIDE_PX + 16
        and 200 - 16 <= it.top_px <= 200 + side - SIDE_PX + 16
    ]
    assert len(on_code) == CODE_PATCH_COUNT
    assert len(found.patches) == PATCH_COUNT
    assert _shown_of(on_code, pixels, house) == [1, 1], "each network sees one square of the code"
    assert len({(it.left_px, it.top_px) for it in found.patches}) == len(found.patches)
    assert found.recaptured > 0.95
    assert found.medium is Medium.PRINT


def test_a_code_smaller_than_a_patch_lies_wholly_within_one(house: House) -> None:
    pixels = _scene(1500, 1100)
    side = _with_code(pixels, 1000, 700, 4)
    assert side < SIDE_PX
    found = house.judge(_image(pixels))
    assert found.barcode is not None
    assert any(
        it.left_px <= 1000 + 16
        and it.top_px <= 700 + 16
        and it.left_px + it.side_px >= 1000 + side - 16
        and it.top_px + it.side_px >= 700 + side - 16
        for it in found.patches
    )
    assert found.recaptured > 0.5
    assert len({(it.left_px, it.top_px) for it in found.patches}) == len(found.patches)


@pytest.mark.parametrize(("off_px", "is_looked_at"), [(0, False), (40, False), (130, True)])
def test_what_code_patches_mostly_cover_is_not_looked_at_again(
    house: House, off_px: int, *, is_looked_at: bool
) -> None:
    pixels = _scene(1600, 1200)
    ((left, top),) = choose_places(_image(pixels), SIDE_PX, 1)
    side = _with_code(np.zeros_like(pixels), 0, 0, 5)
    inset = (SIDE_PX - side) // 2
    _with_code(pixels, left + inset + off_px, top + inset + off_px, 5)
    found = house.judge(_image(pixels))
    assert found.barcode is not None
    near = [it for it in found.patches if abs(it.left_px - left) < 8 and abs(it.top_px - top) < 8]
    code_patch_count = 1 if off_px == 0 else 0
    assert len(near) == code_patch_count + is_looked_at
    assert [len(shown) for shown in house.squares(_image(pixels))] == [2, 2]


@pytest.mark.parametrize("has_code", [False, True])
def test_a_picture_smaller_than_a_patch_is_looked_at_once(house: House, *, has_code: bool) -> None:
    pixels = _scene(180, 150)
    if has_code:
        _with_code(pixels, 10, 10, 4)
    found = house.judge(_image(pixels))
    assert (found.barcode is not None) == has_code
    assert [(it.left_px, it.top_px) for it in found.patches] == [(0, 0)]
    for session in (house.lite0, house.lite2):
        assert [it.shape for it in session.shown] == [(1, SIDE_PX, SIDE_PX, 3)] * 2
    assert (found.recaptured > 0.5) == has_code


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", [0, 127, 255])
def test_of_a_blank_picture_both_are_equally_probable(
    house: House, shape: tuple[int, int], value: int
) -> None:
    image = _image(np.full((*shape, 3), value, np.uint8))
    found = house.judge(image)
    assert (found.recaptured, found.medium, found.patches) == (0.5, Medium.ORIGINAL, ())
    assert found.suggestion(0.95) is Suggestion.UNCERTAIN
    assert house.recogniser.look_densely(image, 9)


@pytest.mark.parametrize("shape", [it for it in SHAPES if min(it) > 1])
def test_no_shape_breaks_it(house: House, shape: tuple[int, int]) -> None:
    grain = np.random.default_rng(5).integers(96, 160, (*shape, 3), dtype=np.uint8)
    image = _image(grain)
    found = house.judge(image)
    assert 1 <= len(found.patches) <= PATCH_COUNT
    for it in found.patches:
        assert 0 <= it.left_px < image.size_wh[0]
        assert 0 <= it.top_px < image.size_wh[1]
    assert house.recogniser.look_densely(image, 9)


def test_of_a_reduced_picture_all_is_told_in_px_of_the_full_one(house: House) -> None:
    pixels = _scene(800, 600)
    side = _with_code(pixels, 350, 250, 4)
    found = house.judge(_image(pixels, times=2))
    assert found.barcode is not None
    for x, y in found.barcode.corners_xy:
        assert 2 * 350 <= x <= 2 * (350 + side)
        assert 2 * 250 <= y <= 2 * (250 + side)
    assert {it.side_px for it in found.patches} == {2 * SIDE_PX}
    first = found.patches[0]
    assert first.left_px <= 2 * 350
    assert first.left_px + first.side_px >= 2 * (350 + side)
    assert first.top_px <= 2 * 250
    assert first.top_px + first.side_px >= 2 * (250 + side)
    shown = {it.tobytes() for it in house.lite0.shown + house.lite2.shown}
    for it in found.patches:
        left, top = it.left_px // 2, it.top_px // 2
        part = pixels[top : top + SIDE_PX, left : left + SIDE_PX]
        assert part.tobytes() in shown
    dense = house.recogniser.look_densely(_image(pixels, times=2), 100)
    assert max(it.left_px + it.side_px for it in dense) == 1600
    assert max(it.top_px + it.side_px for it in dense) == 1200


def test_the_squares_on_a_code_of_a_reduced_picture_lie_on_it(house: House) -> None:
    pixels = _scene(1500, 1100)
    side = _with_code(pixels, 900, 200, 18)
    assert side > 2 * SIDE_PX
    image = _image(pixels, times=2)
    found = house.judge(image)
    assert found.barcode is not None
    left, top = 2 * 900, 2 * 200
    on_code = [
        it
        for it in found.patches
        if left - 32 <= it.left_px <= left + 2 * side - it.side_px + 32
        and top - 32 <= it.top_px <= top + 2 * side - it.side_px + 32
    ]
    assert len(on_code) == CODE_PATCH_COUNT
    assert found.recaptured > 0.95, "the code alone is blue, and each network saw a square of it"
    assert _shown_of(on_code, pixels, house, times=2) == [1, 1]


def test_the_same_picture_is_judged_alike_by_one_thread_and_by_many() -> None:
    pixels = _scene(900, 700)
    pixels[..., 2] = np.linspace(0, 255, 900, dtype=np.uint8)
    _with_code(pixels, 500, 300, 5)
    expected = House().judge(_image(pixels))
    many = FanOut(4)
    try:
        assert [House(many).judge(_image(pixels)) for _ in range(3)] == [expected] * 3
    finally:
        many.close()


def test_what_a_caller_wants_to_hear_changes_no_judgement(house: House) -> None:
    image = _image(_scene(300, 300))
    expected = house.judge(image)
    for params in (RecaptureParams(0.0), RecaptureParams(1.0, explains=True)):
        assert house.recogniser.recognise(image, params) == expected


@pytest.mark.parametrize("network", ["lite0", "lite2"])
@pytest.mark.parametrize(
    "answer", [[[0, 0, np.nan]], [[np.inf, 0, 0]], [[0, 0]], [0, 0, 0], [[0, 0, 0, 0]]]
)
def test_no_number_of_either_network_is_an_inference_error(network: str, answer: object) -> None:
    house = House()
    getattr(house, network).answer = np.array(answer, np.float32)
    with pytest.raises(InferenceError):
        house.judge(_image(_scene(300, 260)))


def test_a_map_asks_only_the_smaller_network_and_begins_with_the_worst(house: House) -> None:
    pixels = _scene(960, 720)
    pixels[480:, 720:, 2] = 255
    found = house.recogniser.look_densely(_image(pixels), 50)
    assert len(found) == len(house.lite0.shown) == 12
    assert house.lite2.shown == []
    assert (found[0].left_px, found[0].top_px) == (720, 480)
    assert all(one.recaptured >= other.recaptured for one, other in pairwise(found))


def _spans(starts: set[int]) -> Iterator[tuple[int, int]]:
    return ((start, start + SIDE_PX) for start in sorted(starts))


@given(st.integers(1, 1500), st.integers(1, 1500), st.integers(1, 60))
def test_a_map_is_never_empty_and_never_more_than_was_asked(
    width: int, height: int, most: int
) -> None:
    image = _image(np.zeros((height, width, 3), np.uint8))
    found = House().recogniser.look_densely(image, most)
    lefts, tops = {it.left_px for it in found}, {it.top_px for it in found}
    assert 1 <= len(found) <= most
    assert {(it.left_px, it.top_px) for it in found} == {(x, y) for x in lefts for y in tops}
    needed = -(-width // SIDE_PX) * -(-height // SIDE_PX)
    if needed <= most:
        assert len(found) == needed
    for starts, length in ((lefts, width), (tops, height)):
        spans = list(_spans(starts))
        before, after = spans[0][0], max(0, length - spans[-1][1])
        assert abs(before - after) <= 1
        if needed <= most:
            assert before == after == 0
            assert all(right >= left for (_, right), (left, _) in pairwise(spans))


@pytest.mark.parametrize(
    ("size_wh", "most", "expected"),
    [
        ((4000, 3000), 12, (4, 3)),
        ((3000, 4000), 12, (3, 4)),
        ((2400, 1200), 8, (4, 2)),
        ((10_000, 1), 7, (7, 1)),
        ((1, 10_000), 7, (1, 7)),
        ((10_000, 250), 42, (42, 1)),
        ((4000, 3000), 1, (1, 1)),
        ((4000, 3000), 2, (2, 1)),
    ],
)
def test_a_map_of_few_patches_has_gaps_as_wide_across_as_down(
    size_wh: tuple[int, int], most: int, expected: tuple[int, int]
) -> None:
    width, height = size_wh
    row = np.zeros((1, width, 3), np.uint8)
    image = Image(np.broadcast_to(row, (height, width, 3)), size_wh)
    found: tuple[PatchEvidence, ...] = House().recogniser.look_densely(image, most)
    shape = len({it.left_px for it in found}), len({it.top_px for it in found})
    assert shape == expected
