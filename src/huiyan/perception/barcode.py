"""The codes in a picture.

Owns: where one- and two-dimensional codes lie and what they say. Has no opinion on: what a code
means, and whether it was printed, shown on a screen or is on the goods themselves.

Looked at are a few reduced copies of the green channel, each for the kinds of code that its size
pays for: kinds that are slow on grain, and codes that are light on dark, in small copies only. A
picture may still be made of patterns that are slow to tell from codes, and a reading cannot be
broken off. So it is read in steps, and none is begun once the thread has spent its share of the
processor on the picture. The slowest patterns known take under 0.2 s in one step and under 0.3 s in
all on a core of today; a photograph stays far below that, so what is read in it hangs on no clock.
"""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import zxingcpp

from huiyan.imaging.bands import reduce_area
from huiyan.imaging.native import reduce_green
from huiyan.imaging.picture import Image
from huiyan.kernel.units import PixelArray

MAX_TEXT_CHARACTERS = 1024
"""More of a code's text is never shown; a QR code holds up to 7,089 digits."""

MAX_BARCODES = 16
"""More codes are not reported."""

_LARGEST_COPY_PIXELS = 4_000_000
"""Of 12 million pixels half of each side is kept: 3 px a module are then just readable."""
_ALL_KINDS_PIXELS, _MOST_KINDS_PIXELS = 650_000, 1_100_000
_LEAST_COPY_SIDE_PX, _MAX_COPIES = 200, 3
_SMOOTH = 2.5
"""Mean step of grey between neighbours up to which there is little grain to be averaged away."""
_EDGE_STEP = 16
_SAMPLED_ROWS = 64
_UNREADABLE = "\ufffd"
_CUT = "…"
_HARMFUL = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
"""Unicode's categories of what is not seen or changes how its surroundings are read."""

_LAST_START_S = 0.25
"""Processor time after which no step is begun; a photograph is done in 0.02 to 0.05."""
_CROWDED_S = 0.05
"""Parts of a copy that take longer together hold so much that the whole is not read."""
_PART_SIDE_PX = 500

_QUICK_BARS = ("EANUPC", "Code128", "ITF")
_ALL_BARS = (*_QUICK_BARS, "Code39", "Code93", "Codabar")
_CROWDING_KINDS = ("QRCodeModel2", "MicroQRCode", "PDF417")
"""Kinds whose marks are all compared with each other, or followed far: time grows with crowds."""
_LEAST_CHARACTERS = {"ITF": 6, "Codabar": 6, "Code39": 4, "Code93": 4}
"""Kinds with a weak checksum or none, which shorter texts on plain textures imitate."""


@dataclass(frozen=True, slots=True)
class Barcode:
    """One code that was read.

    Attributes
    ----------
    text : str
        What it says, harmless to show: no control characters, at most `MAX_TEXT_CHARACTERS` and an
        ellipsis; may be empty.
    symbology : str
        Its kind, such as ``QRCode``, ``EAN13`` or ``Code128``.
    corners_xy : tuple of tuple of float
        Four corners as (x, y) in px of the full, upright picture, in reading order: top left, top
        right, bottom right, bottom left of the code itself, however it is turned. Of a
        one-dimensional code, the rows that were read.
    """

    text: str
    symbology: str
    corners_xy: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Copy:
    """A reduced grey copy of a picture, or part of one: its px times `scale` are px of `pixels`."""

    grey: PixelArray
    scale: int
    is_finest: bool = False
    left_top: tuple[int, int] = (0, 0)

    @property
    def is_small(self) -> bool:
        return self.grey.size <= _ALL_KINDS_PIXELS

    @property
    def is_large(self) -> bool:
        return self.grey.size > _MOST_KINDS_PIXELS

    @property
    def has_light_codes(self) -> bool:
        return self.is_small or (self.is_finest and not self.is_large)

    def parts(self) -> Iterator[_Copy]:
        """Cut it into parts of about `_PART_SIDE_PX`; only itself where it is no larger."""
        height, width = self.grey.shape
        rows = np.linspace(0, height, math.ceil(height / _PART_SIDE_PX) + 1, dtype=int).tolist()
        columns = np.linspace(0, width, math.ceil(width / _PART_SIDE_PX) + 1, dtype=int).tolist()
        for top, below in pairwise(rows):
            for left, beside in pairwise(columns):
                part = np.ascontiguousarray(self.grey[top:below, left:beside])
                yield replace(self, grey=part, left_top=(left, top))


def find_barcodes(image: Image) -> tuple[Barcode, ...]:
    """Find and read the codes.

    Parameters
    ----------
    image : Image
        The picture, upright; the larger the better.

    Returns
    -------
    tuple of Barcode
        The largest first, at most `MAX_BARCODES`; empty where none can be read. Read are QR and
        Micro QR, Data Matrix, Aztec, PDF417, EAN and UPC, Code 128, 39 and 93, ITF and Codabar.

    Notes
    -----
    In 12 million pixels QR, EAN, UPC, Code 128 and ITF are read from 3 px a module (in strong grain
    five of six), Data Matrix from 8, the others and light codes on dark from about 16. All kinds
    and light codes in the finest copy, and parts at native resolution, would read some of these
    from half of that, and made pictures with grain take two to three times as long.

    Of a copy crowded with what looks like marks of codes, only parts are read, and of a picture
    that has taken `_LAST_START_S`, no more: large codes between many small ones may be missed.
    """
    begun_s = time.thread_time()
    found: list[Barcode] = []
    for copy in reversed(list(_reduced_copies(image.pixels))):
        for codes in _read_in_steps(copy, image.size_wh[0] / image.pixels.shape[1]):
            _add_new(found, codes)
            if time.thread_time() - begun_s > _LAST_START_S:
                return tuple(found)
    return tuple(found)


def _reduced_copies(pixels: PixelArray) -> Iterator[_Copy]:
    """Give copies of the whole picture, each half as large as the one before."""
    height, width = pixels.shape[:2]
    step = math.ceil(math.sqrt(height * width / _LARGEST_COPY_PIXELS))
    # Of a box of px one is sharper than their average, but its grain makes reading slow.
    if step == 1 or _measure_steps(pixels) <= _SMOOTH:
        first = (step - 1) // 2
        grey = np.ascontiguousarray(pixels[min(first, height - 1) :: step, first::step, 1])
    else:
        grey = reduce_green(pixels, step)
    copy = _Copy(grey, step, is_finest=True)
    yield copy
    for _ in range(_MAX_COPIES - 1):
        if max(copy.grey.shape) < 2 * _LEAST_COPY_SIDE_PX:
            return
        copy = _Copy(reduce_area(copy.grey, 2), 2 * copy.scale)
        yield copy


def _measure_steps(pixels: PixelArray) -> float:
    """Tell how far neighbouring px differ in the mean; an edge counts no more than strong grain."""
    row_step = max(1, pixels.shape[0] // _SAMPLED_ROWS)
    rows = np.ascontiguousarray(pixels[row_step // 2 :: row_step, :, 1])
    left, right = rows[:, :-1], rows[:, 1:]
    steps = np.maximum(left, right) - np.minimum(left, right)
    return float(np.minimum(steps, _EDGE_STEP).mean()) if steps.size else 0.0


def _read_in_steps(copy: _Copy, full_by_px: float) -> Iterator[list[Barcode]]:
    """Read a copy, each step what takes at most about 0.2 s whatever is in the picture."""
    quick, crowding = _choose_kinds(copy)
    begun_s = time.thread_time()
    if max(copy.grey.shape) > _PART_SIDE_PX:
        for part in copy.parts():
            yield _read(part, crowding, full_by_px, with_light=copy.has_light_codes)
    if time.thread_time() - begun_s <= _CROWDED_S:
        quick += crowding
    if quick:
        yield _read(copy, quick, full_by_px, with_light=copy.has_light_codes)


def _choose_kinds(copy: _Copy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choose kinds whose time grows with the copy's size alone, and kinds that mind crowds."""
    if copy.is_small:
        return (*_ALL_BARS, "DataMatrix", "Aztec"), _CROWDING_KINDS
    # Bars are read as well from the finest copy, however wide they are.
    bars = () if not copy.is_finest else _QUICK_BARS if copy.is_large else _ALL_BARS
    return bars if copy.is_large else (*bars, "DataMatrix"), _CROWDING_KINDS[:1]


def _read(
    copy: _Copy, kinds: tuple[str, ...], full_by_px: float, *, with_light: bool
) -> list[Barcode]:
    codes = zxingcpp.read_barcodes(
        copy.grey,
        formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat[name] for name in kinds]),
        try_downscale=False,
        try_invert=with_light,
        text_mode=zxingcpp.TextMode.Plain,
    )
    return [
        _describe(code, copy, full_by_px)
        for code in codes
        if len(code.text) >= _LEAST_CHARACTERS.get(code.format.name, 0)
    ]


def _describe(code: zxingcpp.Barcode, copy: _Copy, full_by_px: float) -> Barcode:
    at, (left, top) = code.position, copy.left_top
    px = full_by_px * copy.scale
    corners = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
    return Barcode(
        text=_make_harmless(code.text),
        symbology=code.format.name,
        corners_xy=tuple(((point.x + left) * px, (point.y + top) * px) for point in corners),
    )


def _make_harmless(text: str) -> str:
    short = text[:MAX_TEXT_CHARACTERS]
    clean = "".join(_make_sign_harmless(sign) for sign in short)
    return clean if len(short) == len(text) else clean + _CUT


def _make_sign_harmless(sign: str) -> str:
    category = unicodedata.category(sign)
    if category == "Zs" or sign in "\r\n\t":
        return " "
    return _UNREADABLE if category in _HARMFUL else sign


def _add_new(found: list[Barcode], more: list[Barcode]) -> None:
    # Of a flood only what can be reported is compared with the rest.
    for code in sorted(more, key=_area, reverse=True)[:MAX_BARCODES]:
        known = next((at for at, old in enumerate(found) if _is_inside(_middle(code), old)), None)
        if known is None:
            found.append(code)
        elif found[known].text == code.text:
            found[known] = code  # a finer copy knows the corners better
    found.sort(key=_area, reverse=True)
    del found[MAX_BARCODES:]


def _is_inside(point_xy: tuple[float, float], code: Barcode) -> bool:
    left, top, right, bottom = _bounds(code)
    return left <= point_xy[0] <= right and top <= point_xy[1] <= bottom


def _middle(code: Barcode) -> tuple[float, float]:
    left, top, right, bottom = _bounds(code)
    return (left + right) / 2, (top + bottom) / 2


def _bounds(code: Barcode) -> tuple[float, float, float, float]:
    across, down = zip(*code.corners_xy, strict=True)
    return min(across), min(down), max(across), max(down)


def _area(code: Barcode) -> float:
    points = code.corners_xy
    pairs = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs)) / 2
