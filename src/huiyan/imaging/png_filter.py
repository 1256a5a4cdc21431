"""PNG's row filters, undone at native speed in bounded memory.

Owns: turning filtered rows into plain ones, band after band. Has no opinion on: what the bytes of a
row mean.

Filters work on bytes, not on colours, and each row needs the plain row above it. So each band is
wrapped as a small PNG of its own, of whichever colour type has as many bytes a pixel, whose first
row is the last plain row of the band before, stored without a filter. OpenCV then undoes the
filters exactly, and nothing larger than a band is ever held.
"""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np

from huiyan.kernel.errors import DamagedPictureError
from huiyan.kernel.units import PixelArray

# bytes a pixel -> bit depth and colour type of the wrapping PNG
_WRAPPING = {1: (8, 0), 2: (16, 0), 3: (8, 2), 4: (8, 6), 6: (16, 2), 8: (16, 6)}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return b"".join((struct.pack(">I4s", len(body), kind), body, struct.pack(">I", checksum)))


class RowFilter:
    """Undoes the filters of one picture, or of one interlace pass.

    Parameters
    ----------
    row_bytes : int
        Bytes of a plain row, without the filter byte; a multiple of `step_bytes`.
    step_bytes : int
        Bytes of a whole pixel, at least 1: 1, 2, 3, 4, 6 or 8.
    """

    __slots__ = ("_above", "_row_bytes", "_step_bytes")

    def __init__(self, row_bytes: int, step_bytes: int) -> None:
        self._row_bytes = row_bytes
        self._step_bytes = step_bytes
        self._above: bytes | None = None

    def undo(self, filtered: bytes, row_count: int) -> PixelArray:
        """Undo the filters of the next rows.

        Parameters
        ----------
        filtered : bytes
            ``row_count`` rows, each a filter byte and ``row_bytes`` bytes.
        row_count : int
            How many rows; at least 1.

        Returns
        -------
        ndarray of shape (row_count, row_bytes // step_bytes, step_bytes), uint8
            The plain bytes in file order.

        Raises
        ------
        DamagedPictureError
            A row names a filter that does not exist.
        """
        kinds = np.frombuffer(filtered, np.uint8)[:: self._row_bytes + 1]
        if kinds.max() > 4:
            raise DamagedPictureError("a row of the PNG names a filter that does not exist")
        seed = b"" if self._above is None else b"\x00" + self._above
        if not kinds.any():
            rows = np.frombuffer(filtered, np.uint8).reshape(row_count, self._row_bytes + 1)[:, 1:]
            plain: PixelArray = np.ascontiguousarray(rows)
        else:
            plain = self._decode(seed + filtered, row_count + bool(seed))[bool(seed) :]
        self._above = plain[-1].tobytes()
        return plain.reshape(row_count, -1, self._step_bytes)

    def _decode(self, filtered: bytes, row_count: int) -> PixelArray:
        depth, colour = _WRAPPING[self._step_bytes]
        width = self._row_bytes // self._step_bytes
        header = struct.pack(">IIBBBBB", width, row_count, depth, colour, 0, 0, 0)
        wrapped = b"".join(
            (
                _SIGNATURE,
                _chunk(b"IHDR", header),
                _chunk(b"IDAT", zlib.compress(filtered, 0)),
                _chunk(b"IEND", b""),
            )
        )
        decoded = cv2.imdecode(np.frombuffer(wrapped, np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is None or decoded.shape[:2] != (row_count, width):
            raise DamagedPictureError("the PNG's rows cannot be decoded")
        if decoded.ndim == 3:
            code = cv2.COLOR_BGR2RGB if decoded.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
            decoded = cv2.cvtColor(decoded, code, dst=decoded)
        if decoded.dtype == np.uint16:
            decoded = decoded.byteswap(inplace=True)
        return decoded.view(np.uint8).reshape(row_count, self._row_bytes)
