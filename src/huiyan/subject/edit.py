"""What is made of a picture once its subject is known.

Owns: which mask goes into which edit. Has no opinion on: how pixels are changed (``imaging``), and
where results are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from huiyan.imaging.cutout import blur_background, cut_out, cutout_mask, draw_outline, full_mask
from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.subject.crop import Crop, crop_around
from huiyan.subject.layout import Layout, lay_out
from huiyan.subject.model import Box, Sight, Subject

DEFAULT_BLUR_PERCENT = 2.0


@dataclass(frozen=True)
class SubjectEdits:
    """A picture and its main subject, ready to be cut out, blurred around, cropped and drawn.

    Not for several threads at once: what several edits need is made once and kept.

    Parameters
    ----------
    image : Image
        The picture; full-size where the results shall be.
    sight : Sight
        What was seen in it.
    main : Subject
        Its main subject.
    """

    image: Image
    sight: Sight
    main: Subject

    @cached_property
    def alpha(self) -> FloatArray:
        """The mask for cutting out.

        Returns
        -------
        ndarray of shape (H, W), float32
            0 to 1, of the picture's pixels.
        """
        return cutout_mask(self.sight.mask, self.image.pixels)

    def cut_out(self) -> PixelArray:
        """Cut the subject out.

        Returns
        -------
        ndarray of shape (H, W, 4), uint8
            RGB and alpha.
        """
        return cut_out(self.image.pixels, self.alpha)

    def blur(self, blur_percent: float = DEFAULT_BLUR_PERCENT) -> PixelArray:
        """Blur what is not the subject.

        Parameters
        ----------
        blur_percent : float
            How far colours run, in percent of the long side; above 0.

        Returns
        -------
        ndarray of shape (H, W, 3), uint8
            RGB.
        """
        radius_px = max(self.image.pixels.shape[:2]) * blur_percent / 100
        return blur_background(self.image.pixels, self.alpha, radius_px)

    def crop(self, aspect: float) -> tuple[PixelArray, Crop]:
        """Crop around the subject.

        Parameters
        ----------
        aspect : float
            Width by height; above 0.

        Returns
        -------
        tuple of ndarray and Crop
            The pixels, uint8 of shape (h, w, 3), RGB; and where they are in `image.pixels`.
        """
        height, width = self.image.pixels.shape[:2]
        crop = crop_around(self._decoded(self.main.xyxy), (width, height), aspect)
        left, top, right, bottom = crop.xyxy
        return np.ascontiguousarray(self.image.pixels[top:bottom, left:right]), crop

    def outline(self) -> PixelArray:
        """Draw the mask's border.

        Returns
        -------
        ndarray of shape (H, W, 3), uint8
            RGB.
        """
        height, width = self.image.pixels.shape[:2]
        return draw_outline(self.image.pixels, full_mask(self.sight.mask, (width, height)))

    def layout(self) -> Layout:
        """Tell where the subject sits.

        Returns
        -------
        Layout
            Shares of the picture.
        """
        return lay_out(self.main.xyxy, self.sight.size_wh, self.sight.mask)

    def _decoded(self, xyxy: Box) -> Box:
        """Move a box from the full picture to the pixels at hand."""
        height, width = self.image.pixels.shape[:2]
        across, down = width / self.image.size_wh[0], height / self.image.size_wh[1]
        left, top, right, bottom = xyxy
        return left * across, top * down, right * across, bottom * down
