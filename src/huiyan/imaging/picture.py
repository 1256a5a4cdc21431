"""What a picture is, before and after decoding.

Owns: the decoded picture, what a header says, the formats known by sight, and the limits that an
operation sets. Has no opinion on: how bytes become pixels, or which operation allows what.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from huiyan.kernel.units import PixelArray

MAX_FILE_BYTES = 7_864_320
"""7.5 MiB, which base64 turns into exactly 10 MiB of text."""

MAX_PIXELS = 100_000_000
"""10,000 × 10,000: more is refused whatever the sides are, since it costs seconds of CPU."""


class Format(StrEnum):
    """A picture format that can be decoded."""

    JPEG = "JPEG"
    PNG = "PNG"
    BMP = "BMP"
    WEBP = "WEBP"


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself; no pixel has been touched.

    Attributes
    ----------
    format : Format
        By content, never by name.
    stored_size_wh : tuple of int
        Width and height as stored, in px, before orientation; each at least 1.
    channel_count : int
        Samples a pixel: 1 grey or palette, 2 grey and alpha, 3 colour, 4 colour and alpha or CMYK.
    bit_depth : int
        Bits a sample (a pixel, for BMP): 1 to 32.
    orientation : int
        The EXIF orientation, 1 (upright) to 8.
    frame_count : int
        1, or the number of frames of an animation.
    is_staged : bool
        The whole picture must be collected before its first row is ready: a progressive JPEG, an
        interlaced PNG, a run-length coded BMP.
    is_lossless : bool
        True for everything but JPEG and lossy WebP.
    has_alpha : bool
        Transparency may occur.
    sampling : tuple of tuple of int
        JPEG only: horizontal and vertical sampling factor of each component; else empty.
    """

    format: Format
    stored_size_wh: tuple[int, int]
    channel_count: int
    bit_depth: int = 8
    orientation: int = 1
    frame_count: int = 1
    is_staged: bool = False
    is_lossless: bool = True
    has_alpha: bool = False
    sampling: tuple[tuple[int, int], ...] = ()

    @property
    def size_wh(self) -> tuple[int, int]:
        """Tell the upright size.

        Returns
        -------
        tuple of int
            Width and height in px, after orientation.
        """
        width, height = self.stored_size_wh
        return (height, width) if self.orientation >= 5 else (width, height)


@dataclass(frozen=True, slots=True)
class Image:
    """A decoded picture.

    Attributes
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB, upright, C-contiguous; possibly reduced.
    size_wh : tuple of int
        Width and height of the full upright picture in px, before any reduction.
    """

    pixels: PixelArray
    size_wh: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What an operation takes.

    Attributes
    ----------
    formats : frozenset of Format
        The formats it takes.
    min_side_px : int
        The least that each side may have, in px.
    max_side_px : int
        The most that each side may have, in px.
    max_file_bytes : int
        The largest file, in bytes.
    max_pixels : int
        The most pixels, whatever the sides.
    """

    formats: frozenset[Format]
    min_side_px: int
    max_side_px: int
    max_file_bytes: int = MAX_FILE_BYTES
    max_pixels: int = MAX_PIXELS
