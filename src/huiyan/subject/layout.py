"""Where a subject sits in its picture.

Owns: the figures that help to place text, check a composition or compare pictures. Has no opinion
on: what a good composition is.
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.kernel.language import Bilingual
from huiyan.kernel.units import FloatArray
from huiyan.subject.model import Box

_COLUMNS = (("left", "左"), ("centre", "中"), ("right", "右"))
_ROWS = (("top", "上"), ("middle", "中"), ("bottom", "下"))
_SUBJECT_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Layout:
    """How a subject's box lies in the picture.

    Parameters
    ----------
    column, row : int
        The cell of the thirds grid that holds the middle of the box, 0 to 2 from the upper left.
    area_percent : float
        Share of the picture that the subject itself covers, by the mask; 0 to 100.
    box_percent : float
        Share that its box covers; 0 to 100.
    left_percent, top_percent, right_percent, bottom_percent : float
        Space between the box and each edge, as a share of the picture's width or height; 0 to 100.
        The upper one is the headroom.
    roomiest : {'left', 'top', 'right', 'bottom'}
        The side with the most space in px, where a text fits best.
    """

    column: int
    row: int
    area_percent: float
    box_percent: float
    left_percent: float
    top_percent: float
    right_percent: float
    bottom_percent: float
    roomiest: str

    @property
    def place(self) -> Bilingual:
        """The cell in words.

        Returns
        -------
        Bilingual
            Such as ``top left`` and ``左上``.
        """
        (across_en, across_zh), (down_en, down_zh) = _COLUMNS[self.column], _ROWS[self.row]
        if (self.column, self.row) == (1, 1):
            return Bilingual(zh="正中", en="centre")
        zh = f"{across_zh}{down_zh}"
        if self.column == 1:
            zh = f"{down_zh}方居中"
        elif self.row == 1:
            zh = f"{across_zh}侧居中"
        return Bilingual(zh=zh, en=f"{down_en} {across_en}")


def lay_out(xyxy: Box, size_wh: tuple[int, int], mask: FloatArray) -> Layout:
    """Tell where a subject sits.

    Parameters
    ----------
    xyxy : tuple of float
        Its box in px of the picture.
    size_wh : tuple of int
        Width and height of the picture in px.
    mask : ndarray of shape (H, W), float32
        How much each place belongs to the subject, 0 to 1, over the whole picture.

    Returns
    -------
    Layout
        Percentages with two decimals.
    """
    width, height = size_wh
    left, top, right, bottom = xyxy
    spaces_px = {"left": left, "top": top, "right": width - right, "bottom": height - bottom}

    def percent(share: float) -> float:
        return round(100 * min(1.0, max(0.0, share)), 2)

    return Layout(
        column=min(2, int((left + right) / 2 / width * 3)),
        row=min(2, int((top + bottom) / 2 / height * 3)),
        area_percent=percent(float((mask > _SUBJECT_THRESHOLD).mean())),
        box_percent=percent((right - left) * (bottom - top) / (width * height)),
        left_percent=percent(spaces_px["left"] / width),
        top_percent=percent(spaces_px["top"] / height),
        right_percent=percent(spaces_px["right"] / width),
        bottom_percent=percent(spaces_px["bottom"] / height),
        roomiest=max(spaces_px, key=lambda side: spaces_px[side]),
    )
