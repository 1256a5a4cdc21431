"""PNG's colour types, turned into RGB over white.

Owns: sample depths, palettes, transparency. Has no opinion on: where the bytes come from.
"""

from __future__ import annotations

import cv2
import numpy as np

from huiyan.kernel.errors import DamagedPictureError
from huiyan.kernel.units import AnyArray, PixelArray

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def over_white(colour: PixelArray, alpha: PixelArray) -> PixelArray:
    """Lay a transparent picture over white.

    Parameters
    ----------
    colour : ndarray of shape (H, W) or (H, W, 3), uint8
        Not premultiplied.
    alpha : ndarray of shape (H, W), uint8
        0 transparent to 255 opaque.

    Returns
    -------
    ndarray of the shape of `colour`, uint8
        The same array where nothing is transparent, else a new one.
    """
    if alpha.min() == 255:
        return colour
    spread = cv2.merge([alpha, alpha, alpha]) if colour.ndim == 3 else alpha
    kept = cv2.multiply(colour, spread, scale=1 / 255)
    return cv2.add(kept, cv2.bitwise_not(spread))  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


class PngColour:
    """How one PNG's bytes mean colours.

    Parameters
    ----------
    colour_type : int
        0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha.
    bit_depth : int
        Bits a sample: 1, 2, 4, 8 or 16.
    palette : bytes
        The palette chunk, red, green, blue a colour; empty if there is none.
    transparency : bytes
        The transparency chunk; empty if there is none.

    Raises
    ------
    DamagedPictureError
        The palette is missing or has an impossible length.
    """

    __slots__ = ("_bit_depth", "_channels", "_clear", "_colour_type", "_table", "step_bytes")

    def __init__(
        self, colour_type: int, bit_depth: int, palette: bytes, transparency: bytes
    ) -> None:
        self._colour_type = colour_type
        self._bit_depth = bit_depth
        self._channels = _CHANNELS[colour_type]
        self.step_bytes = max(1, self._channels * bit_depth // 8)
        self._table = _build_table(palette, transparency) if colour_type == 3 else None
        self._clear: AnyArray | None = None
        if colour_type in {0, 2} and len(transparency) == 2 * self._channels:
            self._clear = np.frombuffer(transparency, ">u2")

    def row_bytes(self, width: int) -> int:
        """Tell how long a row is.

        Parameters
        ----------
        width : int
            Pixels of the row.

        Returns
        -------
        int
            Bytes, without the filter byte.
        """
        return -(-width * self._channels * self._bit_depth // 8)

    def to_rgb(self, raw: PixelArray, width: int) -> PixelArray:
        """Turn plain rows into colours.

        Parameters
        ----------
        raw : ndarray of shape (N, row_bytes // step_bytes, step_bytes), uint8
            Rows in file order, their filters undone.
        width : int
            Pixels of a row.

        Returns
        -------
        ndarray of shape (N, width, 3) RGB or (N, width) grey, uint8
            Over white where transparent.
        """
        if self._bit_depth == 16:
            wide = raw.view(">u2")
            samples = np.ascontiguousarray(raw[..., 0::2])
        else:
            samples = self._unpack(raw, width) if self._bit_depth < 8 else raw
            wide = samples
        if self._table is not None:
            return self._table[samples[..., 0]]
        if self._colour_type in {4, 6}:
            colour = np.ascontiguousarray(samples[..., :-1])
            alpha = np.ascontiguousarray(samples[..., -1])
            return over_white(colour[..., 0] if self._colour_type == 4 else colour, alpha)
        if self._bit_depth < 8:
            samples = samples * np.uint8(255 // ((1 << self._bit_depth) - 1))
        if self._clear is not None:
            clear = (wide == self._clear).all(axis=2)
            if clear.any():
                samples = np.where(clear[..., None], np.uint8(255), samples)
        return samples[..., 0] if self._channels == 1 else samples

    def _unpack(self, raw: PixelArray, width: int) -> PixelArray:
        bits = self._bit_depth
        packed = raw[..., 0]
        mask = (1 << bits) - 1
        shifted = [(packed >> shift) & mask for shift in range(8 - bits, -1, -bits)]
        return np.stack(shifted, axis=2).reshape(packed.shape[0], -1)[:, :width, None]


def _build_table(palette: bytes, transparency: bytes) -> PixelArray:
    if not palette or len(palette) % 3 or len(palette) > 768:
        raise DamagedPictureError("the PNG has no usable palette")
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 3)
    alpha = np.full(len(colours), 255, np.uint8)
    given = np.frombuffer(transparency[: len(colours)], np.uint8)
    alpha[: len(given)] = given
    table: PixelArray = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = over_white(colours[None], alpha[None])[0]
    return table
