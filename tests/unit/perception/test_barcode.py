from __future__ import annotations

import time
import unicodedata

import numpy as np
import pytest
import zxingcpp

from huiyan.imaging.picture import Image
from huiyan.kernel.units import PixelArray
from huiyan.perception.barcode import MAX_BARCODES, MAX_TEXT_CHARACTERS, find_barcodes

KINDS = {
    "QRCode": "https://example.org/p/4711", "MicroQRCode": "X123", "DataMatrix": "0101234567",
    "Aztec": "X123", "PDF417": "X123 boarding", "EAN13": "5901234123457", "EAN8": "12345670",
    "Code128": "LOT-20391-A", "Code39": "ABC1234", "ITF": "12345678901231",
}  # fmt: skip


def _code(text: str | bytes, kind: str, module_px: int) -> PixelArray:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat[kind])
    return np.asarray(code.to_image(scale=module_px, add_quiet_zones=True))


def _image(grey: PixelArray) -> Image:
    return Image(np.repeat(grey[..., None], 3, axis=2), (grey.shape[1], grey.shape[0]))


def _canvas(size_wh: tuple[int, int], *codes: tuple[PixelArray, int, int]) -> Image:
    grey = np.full((size_wh[1], size_wh[0]), 255, np.uint8)
    for code, left, top in codes:
        grey[top : top + code.shape[0], left : left + code.shape[1]] = code
    return _image(grey)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 3), (600, 800)])
@pytest.mark.parametrize("value", [0, 127, 255])
def test_a_picture_without_a_code_has_none(shape: tuple[int, int], value: int) -> None:
    assert find_barcodes(_image(np.full(shape, value, np.uint8))) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_and_named(kind: str) -> None:
    code = _code(KINDS[kind], kind, 4)
    (found,) = find_barcodes(_canvas((900, 700), (code, 100, 150)))
    assert (found.text, found.symbology) == (KINDS[kind], kind)
    assert len(found.corners_xy) == 4
    assert all(98 <= x <= 102 + code.shape[1] for x, _ in found.corners_xy)
    assert all(148 <= y <= 152 + code.shape[0] for _, y in found.corners_xy)


def test_corners_are_in_the_reading_order_of_the_code_however_it_is_turned() -> None:
    code = np.rot90(_code("turned", "QRCode", 6), 2)
    (found,) = find_barcodes(_canvas((700, 700), (code, 200, 200)))
    top_left, top_right, bottom_right, bottom_left = found.corners_xy
    assert top_left[0] > top_right[0]
    assert top_left[1] > bottom_left[1]
    assert bottom_right[0] < bottom_left[0]


@pytest.mark.parametrize("size_wh", [(4000, 3000), (3000, 4000), (6000, 5000)])
@pytest.mark.parametrize("module_px", [6, 20])
def test_codes_of_any_size_lie_where_they_are_in_the_full_picture(
    size_wh: tuple[int, int], module_px: int
) -> None:
    code = _code("where it is", "QRCode", module_px)
    (found,) = find_barcodes(_canvas(size_wh, (code, 1500, 2000)))
    middle = np.mean(found.corners_xy, axis=0)
    expected = (1500 + code.shape[1] / 2, 2000 + code.shape[0] / 2)
    assert middle == pytest.approx(expected, abs=2 * module_px)


@pytest.mark.parametrize("grain", [0, 8])
@pytest.mark.parametrize("kind", ["QRCode", "EAN13", "Code128", "ITF"])
def test_a_fine_code_in_a_large_picture_is_read_even_in_grain(kind: str, grain: int) -> None:
    code = _code(KINDS[kind], kind, 4)
    grey = np.full((3000, 4000), 235, np.uint8)
    grey[900 : 900 + code.shape[0], 1700 : 1700 + code.shape[1]] = 15 + code // 255 * 220
    if grain:
        noise = np.random.default_rng(0).normal(0, grain, grey.shape).astype(np.int16)
        grey = np.clip(grey + noise, 0, 255).astype(np.uint8)
    (found,) = find_barcodes(_image(grey))
    assert found.text == KINDS[kind]
    assert np.mean(found.corners_xy, axis=0) == pytest.approx(
        (1700 + code.shape[1] / 2, 900 + code.shape[0] / 2), abs=20
    )


def test_a_light_code_on_dark_ground_is_read_in_a_large_picture_too() -> None:
    code = 255 - _code("inverted", "QRCode", 24)
    grey = np.zeros((3000, 4000), np.uint8)
    grey[900 : 900 + code.shape[0], 1700 : 1700 + code.shape[1]] = code
    (found,) = find_barcodes(_image(grey))
    assert found.text == "inverted"


def test_corners_are_px_of_the_full_picture_where_it_was_decoded_reduced() -> None:
    code = _code("half", "QRCode", 5)
    whole = _canvas((600, 600), (code, 100, 100))
    (found,) = find_barcodes(Image(whole.pixels, (1200, 1200)))
    assert min(x for x, _ in found.corners_xy) >= 200


def test_the_largest_code_comes_first_and_none_comes_twice() -> None:
    small, large = _code("small", "QRCode", 4), _code("large", "QRCode", 12)
    found = find_barcodes(_canvas((1600, 1200), (small, 60, 60), (large, 500, 300)))
    assert [code.text for code in found] == ["large", "small"]


def test_a_light_code_on_dark_ground_is_read() -> None:
    code = 255 - _code("inverted", "QRCode", 6)
    grey = np.zeros((600, 600), np.uint8)
    grey[100 : 100 + code.shape[0], 100 : 100 + code.shape[1]] = code
    (found,) = find_barcodes(_image(grey))
    assert found.text == "inverted"


@pytest.mark.parametrize(
    "content",
    [
        "\x1b]0;owned\x07\x1b[31m", "a\x00b\x1d\x7f", "safe\u202egnp.exe", "one\r\ntwo\ttwo",
        "zero\u200bwidth\ufeff", "line\u2028para\u2029",
    ],
)  # fmt: skip
def test_nothing_in_a_text_acts_on_who_shows_it(content: str) -> None:
    (found,) = find_barcodes(_canvas((700, 700), (_code(content, "QRCode", 6), 50, 50)))
    bad = {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}
    assert not bad & {unicodedata.category(sign) for sign in found.text}
    assert found.text


@pytest.mark.parametrize("seed", range(6))
def test_any_bytes_become_text_that_can_be_written(seed: int) -> None:
    content = np.random.default_rng(seed).integers(0, 256, 60, dtype=np.uint8).tobytes()
    (found,) = find_barcodes(_canvas((700, 700), (_code(content, "QRCode", 6), 50, 50)))
    assert found.text.encode("utf-8").decode("utf-8").isprintable()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a\x00b\x1bc", "a\ufffdb\ufffdc"), ("<NUL> is text", "<NUL> is text"),
        ("\x7f\x7f", "\ufffd\ufffd"), ("慧眼", "慧眼"),
    ],
)  # fmt: skip
def test_a_text_is_what_the_code_holds_not_how_it_would_be_printed_below_it(
    content: str, text: str
) -> None:
    (found,) = find_barcodes(_canvas((700, 700), (_code(content, "QRCode", 6), 50, 50)))
    assert found.text == text


def test_a_long_text_is_cut() -> None:
    code = _code("1" * 7000, "QRCode", 4)
    (found,) = find_barcodes(_canvas((900, 900), (code, 20, 20)))
    assert found.text == "1" * MAX_TEXT_CHARACTERS + "…"


def test_a_flood_of_codes_is_bounded() -> None:
    code = _code("flood", "QRCode", 3)
    found = find_barcodes(_image(np.tile(code, (10, 14))))
    assert len(found) == MAX_BARCODES


def _rings(*from_outside: int) -> PixelArray:
    side = 2 * len(from_outside) - 1
    grey = np.zeros((side, side), np.uint8)
    for at, value in enumerate(from_outside):
        grey[at : side - at, at : side - at] = value
    return grey


def _bars(*widths: int) -> PixelArray:
    return np.repeat([255 * (at % 2) for at in range(len(widths))], widths)[None].astype(np.uint8)


def _borders_of_data_matrix(side: int) -> PixelArray:
    grey = np.full((side, side), 255, np.uint8)
    grey[0, ::2] = grey[::2, -1] = 0
    grey[:, 0] = grey[-1] = 0
    return grey


FINDER = _rings(0, 255, 0, 0)
TILES = {
    "finders of QR": np.pad(FINDER, (0, 1), constant_values=255),
    "finders of QR further apart": np.pad(FINDER, (0, 3), constant_values=255),
    "finders of QR, rows shifted": np.vstack([
        np.roll(np.pad(FINDER, (0, 1), constant_values=255), at, 1) for at in (0, 3)
    ]),
    "small bull's-eyes": np.pad(_rings(0, 255, 0, 255, 0), (0, 3), constant_values=255),
    "bull's-eyes": np.pad(_rings(0, 255, 0, 255, 0, 255, 0), (0, 1), constant_values=255),
    "borders of Data Matrix": np.pad(_borders_of_data_matrix(26), (0, 1), constant_values=255),
    "starts of PDF417": _bars(8, 1, 1, 1, 1, 1, 1, 4),
    "starts of Code 128": _bars(2, 1, 1, 2, 1, 4, 2, 1, 1, 4, 1, 3),
    "guards of EAN": _bars(1, 1, 1, 1),
    "stripes": _bars(1, 1),
    "chequers": np.array([[0, 255], [255, 0]], np.uint8),
    "noise": np.random.default_rng(1).integers(0, 2, (300, 400), dtype=np.uint8) * 255,
}  # fmt: skip


def _tiled(tile: PixelArray, size_wh: tuple[int, int], px: int = 1) -> PixelArray:
    width, height = size_wh
    tile = np.repeat(np.repeat(tile, px, axis=0), px, axis=1)
    return np.tile(tile, (height // tile.shape[0] + 1, width // tile.shape[1] + 1))[:height, :width]


def _cost_s(image: Image) -> float:
    start_s = time.thread_time()
    find_barcodes(image)
    return time.thread_time() - start_s


def _is_cheap(grey: PixelArray) -> bool:
    image = _image(grey)
    return any(_cost_s(image) < 0.5 for _ in range(3))


@pytest.mark.parametrize("side", [800, 2000])
@pytest.mark.parametrize("name", TILES)
def test_patterns_made_to_be_slow_cost_half_a_second_at_most(name: str, side: int) -> None:
    assert _is_cheap(_tiled(TILES[name], (side, side)))


@pytest.mark.parametrize(("size_wh", "px"), [((490, 490), 1), ((1040, 1040), 1), ((4000, 3000), 2)])
@pytest.mark.parametrize("name", ["finders of QR", "bull's-eyes", "noise"])
def test_pictures_of_other_sizes_cost_no_more(name: str, size_wh: tuple[int, int], px: int) -> None:
    assert _is_cheap(_tiled(TILES[name], size_wh, px))


@pytest.mark.parametrize("name", ["finders of QR", "starts of PDF417", "small bull's-eyes"])
def test_patterns_half_of_which_are_light_on_dark_cost_no_more(name: str) -> None:
    for side in (800, 1040):
        grey = _tiled(TILES[name], (side, side))
        grey[:, side // 2 :] = 255 - grey[:, side // 2 :]
        assert _is_cheap(grey)


def test_patterns_that_are_slow_in_every_copy_cost_no_more() -> None:
    finders = TILES["finders of QR"]
    rows = [_tiled(finders, (2000, 1000)), _tiled(finders, (2000, 500), 2)]
    rows += [_tiled(finders, (2000, 250), 4), _tiled(TILES["starts of PDF417"], (2000, 250), 4)]
    assert _is_cheap(np.vstack(rows))


def test_a_hundred_million_px_of_finders_cost_no_more() -> None:
    small = _tiled(TILES["finders of QR"], (2000, 2000))
    large = np.repeat(np.repeat(small, 5, axis=0), 5, axis=1)
    # One channel seen three times: the test holds a third of what a service would.
    image = Image(np.broadcast_to(large[..., None], (*large.shape, 3)), (10_000, 10_000))
    assert any(_cost_s(image) < 0.5 for _ in range(3))


@pytest.mark.parametrize(
    ("kind", "side"), [("QRCode", 2000), ("PDF417", 800), ("DataMatrix", 1040), ("Aztec", 800)]
)
def test_a_sheet_of_damaged_codes_costs_no_more(kind: str, side: int) -> None:
    code = _code("damaged " * 20, kind, 1)
    hit = np.random.default_rng(2).random(code.shape) < 0.1
    hit[:12, :12] = hit[:12, -12:] = hit[-12:, :12] = False
    assert _is_cheap(_tiled(np.where(hit, 255 - code, code).astype(np.uint8), (side, side), 2))


def test_a_sheet_of_many_codes_is_read_at_the_cost_of_a_hostile_picture() -> None:
    sheet = _tiled(_code("x" * 100, "QRCode", 3), (2000, 2000))
    assert len(find_barcodes(_image(sheet))) == MAX_BARCODES
    assert _is_cheap(sheet)


@pytest.mark.parametrize("kind", ["QRCode", "DataMatrix"])
@pytest.mark.parametrize("module_px", [3, 4])
def test_the_densest_codes_are_read_where_they_fill_the_picture(kind: str, module_px: int) -> None:
    text = "Z9" * (1400 if kind == "QRCode" else 700)
    (found,) = find_barcodes(_image(_code(text, kind, module_px)))
    assert found.text == text[:MAX_TEXT_CHARACTERS] + "…"


@pytest.mark.parametrize("left_top", [(0, 0), (444, 444), (900, 700), (1240, 940)])
def test_a_code_that_lies_across_the_parts_of_a_copy_is_read_once(
    left_top: tuple[int, int],
) -> None:
    code = _code("x" * 60, "QRCode", 3)
    (found,) = find_barcodes(_canvas((1400, 1100), (code, *left_top)))
    middle = np.add(left_top, code.shape[0] / 2)
    assert np.mean(found.corners_xy, axis=0) == pytest.approx(middle, abs=6)
