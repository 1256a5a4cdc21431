"""What a file is, read from its first bytes.

Owns: recognising formats by content and reading their headers. Has no opinion on: the file's name,
what an operation takes, and pixels.
"""

from __future__ import annotations

from huiyan.imaging import bmp, jpeg, png, webp
from huiyan.imaging.picture import Format, Header
from huiyan.kernel.errors import DamagedPictureError, UnsupportedFormatError

_KNOWN = (
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "BigTIFF"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x02\x00", "CUR"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"qoif", "QOI"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"DDS ", "DDS"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x8aMNG", "MNG"),
)
_BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF",
    b"avif": "AVIF", b"avis": "AVIF",
}  # fmt: skip
_ALL_FORMATS = frozenset(Format)


def read_header(data: bytes, wanted: frozenset[Format] = _ALL_FORMATS) -> Header:
    """Recognise a file and read its header.

    Parameters
    ----------
    data : bytes
        The file.
    wanted : frozenset of Format, default all
        What the text of an error names as taken; at least one. Other formats are read all the same.

    Returns
    -------
    Header
        Its format and size; no pixel is touched.

    Raises
    ------
    UnsupportedFormatError
        The file is no JPEG, PNG, BMP or WebP; the text says what it is, where that is known.
    DamagedPictureError
        It is empty, or its header is cut off or impossible.
    """
    if data[:3] == b"\xff\xd8\xff":
        return jpeg.read_header(data)
    if data[:8] == png.SIGNATURE:
        return png.read_header(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp.read_header(data)
    if data[:2] == b"BM" and len(data) >= 18:
        return bmp.read_header(data)
    if not data:
        raise DamagedPictureError("the picture is empty")
    raise UnsupportedFormatError(f"the file is {_describe(data)}, not a {_list(wanted)}")


def _list(formats: frozenset[Format]) -> str:
    names = ["WebP" if it is Format.WEBP else it.value for it in Format if it in formats]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _describe(data: bytes) -> str:
    for magic, name in _KNOWN:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a video")
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<svg", b"<?xml", b"<!doctype", b"<html")):
        return "SVG, XML or HTML"
    readable = start.decode("utf-8", "ignore").encode()
    is_text = len(start) - len(readable) < 4  # the excerpt may end inside a character
    if readable and is_text and all(byte >= 32 or byte in b"\t\r\n" for byte in readable):
        return "text"
    return "of no known format"
