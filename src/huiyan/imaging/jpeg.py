"""JPEG: its header, and its pixels at the smallest scale that will do.

Owns: the markers up to the first scan, DCT scaling, and which warnings of the decoder count as
damage. Has no opinion on: limits and budgets.
"""

from __future__ import annotations

import re
import struct

import simplejpeg

from huiyan.imaging.bands import reduced_size_wh
from huiyan.imaging.orientation import read_orientation
from huiyan.imaging.picture import Format, Header
from huiyan.kernel.errors import DamagedPictureError, UnsupportedFormatError
from huiyan.kernel.units import PixelArray

_SCALES = (8, 4, 2)
_MIN_SCANS_ALLOWED, _MAX_SCANS_ALLOWED = 20, 100
_MAX_SCANNED_PIXELS = 2_000_000_000  # each scan is a pass over the picture: about 2.5 s in all
_MAX_MARKERS = 10_000
"""Cameras write some ten before the first scan; millions of empty ones would cost seconds."""
_MARKER = re.compile(rb"\xff([^\xff\x00\x01\xd0-\xd8])")
"""The next one that a length follows; fill bytes and those without a length are passed over."""
_REFUSED_FRAMES = {
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical",
    0xC9: "arithmetic-coded", 0xCA: "arithmetic-coded", 0xCB: "arithmetic-coded",
    0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "hierarchical",
}  # fmt: skip
_HARMLESS = re.compile(
    "extraneous bytes|Invalid SOS parameters|Unknown Adobe|Inconsistent progression"
    "|bad Huffman code|premature end of data segment|restart marker|Invalid JFIF",
)


def read_header(data: bytes) -> Header:
    """Read the markers up to the first scan.

    Parameters
    ----------
    data : bytes
        The file; whatever follows its first picture is ignored.

    Returns
    -------
    Header
        Without a pixel touched.

    Raises
    ------
    UnsupportedFormatError
        12-bit, lossless, hierarchical or arithmetic-coded JPEG, which no browser shows either.
    DamagedPictureError
        There is no usable frame.

    Notes
    -----
    Markers as in ITU-T T.81, annex B.
    """
    orientation = 1
    frame: tuple[int, int, int, tuple[tuple[int, int], ...]] | None = None
    position = 2
    try:
        for _ in range(_MAX_MARKERS):
            marker, position = _find_marker(data, position)
            length = (data[position] << 8) | data[position + 1]
            if marker == 0xE1 and orientation == 1 and data[position + 2 : position + 6] == b"Exif":
                orientation = read_orientation(data[position + 2 : position + length])
            elif marker in {0xC0, 0xC1, 0xC2}:
                if frame is not None:
                    raise DamagedPictureError("the JPEG has two frame headers")
                frame = (marker, *_read_frame(data, position))
            elif marker in _REFUSED_FRAMES:
                raise UnsupportedFormatError(f"{_REFUSED_FRAMES[marker]} JPEG is not supported")
            elif marker == 0xDA and frame is not None:
                return _build_header(data, frame, data[position + 2], orientation)
            position += max(length, 2)
    except (IndexError, struct.error):
        pass
    raise DamagedPictureError("the JPEG ends before its first scan")


def _find_marker(data: bytes, position: int) -> tuple[int, int]:
    found = _MARKER.search(data, position)
    if found is None or found[1] == b"\xd9":
        raise DamagedPictureError("the JPEG ends before its first scan")
    return found[1][0], found.end()


def _read_frame(data: bytes, position: int) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    _, bits, height, width, count = struct.unpack_from(">HBHHB", data, position)
    if bits != 8:
        raise UnsupportedFormatError(f"{bits}-bit JPEG is not supported")
    if not width or not height or count not in {1, 3, 4}:
        raise DamagedPictureError("the JPEG's frame header is not usable")
    sampling = tuple(
        (data[at] >> 4, data[at] & 15) for at in range(position + 9, position + 9 + 3 * count, 3)
    )
    if not all(1 <= across <= 4 and 1 <= down <= 4 for across, down in sampling):
        raise DamagedPictureError("the JPEG's sampling factors are out of range")
    return width, height, sampling


def _build_header(
    data: bytes,
    frame: tuple[int, int, int, tuple[tuple[int, int], ...]],
    scan_components: int,
    orientation: int,
) -> Header:
    marker, width, height, sampling = frame
    is_staged = marker == 0xC2 or scan_components < len(sampling)
    fair = _MAX_SCANNED_PIXELS // (width * height)
    allowed = max(_MIN_SCANS_ALLOWED, min(_MAX_SCANS_ALLOWED, fair))
    if is_staged and data.count(b"\xff\xda") > allowed:
        raise DamagedPictureError(f"the JPEG has more than {allowed} scans")
    return Header(
        format=Format.JPEG,
        stored_size_wh=(width, height),
        channel_count=len(sampling),
        orientation=orientation,
        is_staged=is_staged,
        is_lossless=False,
        sampling=sampling,
    )


def choose_factor(header: Header, min_short_side_px: int) -> int:
    """Choose the strongest scale that leaves enough.

    Parameters
    ----------
    header : Header
        The JPEG's.
    min_short_side_px : int
        What the short side must keep, in px.

    Returns
    -------
    int
        1, 2, 4 or 8: the decoder's fast scales (3/8 to 7/8 cost more than no scaling).
    """
    short = min(header.stored_size_wh)
    for factor in _SCALES:
        if -(-short // factor) >= min_short_side_px:
            return factor
    return 1


def estimate_bytes(header: Header, factor: int) -> int:
    """Estimate what decoding takes.

    Parameters
    ----------
    header : Header
        The JPEG's.
    factor : int
        The reduction, from `choose_factor`.

    Returns
    -------
    int
        Bytes at the peak: the result, rows in work, and for staged files every coefficient.
    """
    width, height = header.stored_size_wh
    out_width, out_height = reduced_size_wh(header.stored_size_wh, factor)
    total = 3 * out_width * out_height + 128 * width
    if header.is_staged:
        most_across = max(across for across, _ in header.sampling)
        most_down = max(down for _, down in header.sampling)
        units_across = -(-width // (8 * most_across))
        units_down = -(-height // (8 * most_down))
        total += sum(
            128 * units_across * across * units_down * down for across, down in header.sampling
        )
    return total


def decode_pixels(data: bytes, header: Header, factor: int) -> PixelArray:
    """Decode a JPEG.

    Parameters
    ----------
    data : bytes
        The file.
    header : Header
        Its header.
    factor : int
        The reduction, from `choose_factor`.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB as stored, not yet upright.

    Raises
    ------
    DamagedPictureError
        The decoder failed, or the file ends early.
    """
    out_width, out_height = reduced_size_wh(header.stored_size_wh, factor)
    smallest = {"min_height": out_height, "min_width": out_width}
    try:
        stored_height, stored_width = simplejpeg.decode_jpeg_header(data)[:2]
        if (stored_width, stored_height) != header.stored_size_wh:
            raise DamagedPictureError("the JPEG contradicts its own header")
        try:
            pixels = simplejpeg.decode_jpeg(data, "RGB", **smallest)
        except ValueError as warning:
            if not _HARMLESS.search(str(warning)):
                raise
            pixels = simplejpeg.decode_jpeg(data, "RGB", strict=False, **smallest)
    except ValueError as error:
        raise DamagedPictureError(f"the JPEG cannot be decoded: {error}") from error
    if pixels.shape != (out_height, out_width, 3):
        raise DamagedPictureError("the JPEG contradicts its own header")
    return pixels  # type: ignore[no-any-return]  # simplejpeg has no array types
