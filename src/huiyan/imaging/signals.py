"""What can be measured of a whole picture without knowing what it shows.

Owns: the measures, each at one standard size so that they mean the same for every picture. Has no
opinion on: from which value on a picture deserves a word.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from huiyan.imaging.colour_space import average_boxes, reduce_by_area
from huiyan.kernel.units import AnyArray, FloatArray, PixelArray

_TONE_SIDE_PX = 96
_DETAIL_SIDE_PX = 320
_BLOCKS = 8
_LEAST_EDGE = 2.0
"""Mean step between neighbours, in levels of 255, that tells an edge from noise."""
_SHARPEST_BLOCKS = 0.1
_LIGHT_BINS = 16
_PLAIN_DELTA_E = 7.0
_WARM_FROM_DEG, _WARM_TO_DEG = 340.0, 100.0
_COOL_FROM_DEG, _COOL_TO_DEG = 170.0, 310.0
_LEAST_CHROMA = 10.0


@dataclass(frozen=True, slots=True)
class Signals:
    """Measures of a picture. Lightness and colour are CIELAB's (D65), over the whole area.

    Parameters
    ----------
    light_mean, light_low, light_high : float
        Mean, 5 % and 95 % quantile of lightness, 0 to 100.
    light_span : float
        Distance of the 1 % and the 99 % quantile of lightness.
    chroma_mean : float
        Mean chroma, 0 to about 130.
    chroma_high : float
        98 % quantile of the distance from the picture's own tint; near 0 in a picture without
        colours, whatever its paper's tint.
    tint_chroma, tint_hue_deg : float
        The mean colour's chroma, and its hue in degrees (0 to 360; red 40, yellow 103, blue 306).
    tone_spread : float
        98 % quantile of how far colours are from what their lightness tells: small in a picture
        toned with one ink.
    colourfulness : float
        Hasler and Süsstrunk's: 0 none, 33 moderate, 59 quite, 82 highly colourful.
    warm_share, cool_share : float
        Share of the area that is visibly tinted from red to yellow, and from cyan to violet.
    burnt_share, lost_share : float
        Share of the area that has run into white (every channel at least 251), and into black
        (every channel at most 6).
    burnt_floor_share : float
        Share of the lower border that has run into white: there a backdrop is, but no sky.
    blur : float
        Least blur of the picture's sharpest parts, 0 (crisp) to 1 (no detail at all); NaN never:
        a picture without any edge has 0.
    edge_share : float
        Share of blocks that have an edge by which blur can be told, 0 to 1.
    border_plain : float
        Share of the top, left and right border that has one colour, 0 to 1.
    border_light : float
        Lightness of the border's middle value, 0 to 100.
    inner_plain : float
        Share of the whole area that has that colour.

    Notes
    -----
    Colourfulness: Hasler and Süsstrunk 2003, doi:10.1117/12.477378. Blur: the re-blurring measure
    of Crete et al. 2007, doi:10.1117/12.702790, in blocks.
    """

    light_mean: float
    light_low: float
    light_high: float
    light_span: float
    chroma_mean: float
    chroma_high: float
    tint_chroma: float
    tint_hue_deg: float
    tone_spread: float
    colourfulness: float
    warm_share: float
    cool_share: float
    burnt_share: float
    lost_share: float
    burnt_floor_share: float
    blur: float
    edge_share: float
    border_plain: float
    border_light: float
    inner_plain: float


def measure_signals(pixels: PixelArray) -> Signals:
    """Measure a picture.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB; H and W at least 1.

    Returns
    -------
    Signals
        Every measure finite.
    """
    small = average_boxes(pixels, _TONE_SIDE_PX)
    detail = reduce_by_area(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), _DETAIL_SIDE_PX)  # type: ignore[arg-type]  # OpenCV's stubs know no dtypes
    lab = cv2.cvtColor(np.divide(small, 255, dtype=np.float32), cv2.COLOR_RGB2LAB)
    light, a, b = cv2.split(lab)
    chroma, hue_deg = cv2.cartToPolar(a, b, angleInDegrees=True)
    tint = (float(a.mean()), float(b.mean()))
    off_tint = cv2.magnitude(a - tint[0], b - tint[1])
    least, low, high, most = np.percentile(light, (1, 5, 95, 99))
    is_warm = (hue_deg <= _WARM_TO_DEG) | (hue_deg >= _WARM_FROM_DEG)
    is_cool = (hue_deg >= _COOL_FROM_DEG) & (hue_deg <= _COOL_TO_DEG)
    red, green, blue = cv2.split(small)
    is_burnt = cv2.min(cv2.min(red, green), blue) >= 251
    is_lost = cv2.max(cv2.max(red, green), blue) <= 6
    is_tinted = chroma > _LEAST_CHROMA
    blur, edge_share = _measure_blur(detail)
    border_plain, border_light, inner_plain = _measure_border(lab)
    return Signals(
        light_mean=float(light.mean()),
        light_low=float(low),
        light_high=float(high),
        light_span=float(most - least),
        chroma_mean=float(chroma.mean()),
        chroma_high=float(np.percentile(off_tint, 98)),
        tint_chroma=float(np.hypot(*tint)),
        tint_hue_deg=float(np.degrees(np.arctan2(tint[1], tint[0])) % 360),
        tone_spread=_measure_tone_spread(light.ravel(), a.ravel(), b.ravel()),
        colourfulness=_measure_colourfulness(red, green, blue),
        warm_share=_share(is_tinted & is_warm),
        cool_share=_share(is_tinted & is_cool),
        burnt_share=_share(is_burnt),
        lost_share=_share(is_lost),
        burnt_floor_share=_share(_cut_floor(is_burnt)),
        blur=blur,
        edge_share=edge_share,
        border_plain=border_plain,
        border_light=border_light,
        inner_plain=inner_plain,
    )


def _share(is_so: AnyArray) -> float:
    return float(np.count_nonzero(is_so)) / is_so.size


def _cut_floor(is_so: AnyArray) -> AnyArray:
    lower = is_so[is_so.shape[0] // 2 :]
    rows, columns = max(1, lower.shape[0] // 6), max(1, lower.shape[1] // 12)
    sides = (lower[-rows:], lower[:, :columns], lower[:, -columns:])
    return np.concatenate([side.ravel() for side in sides])


def _measure_tone_spread(light: AnyArray, a: AnyArray, b: AnyArray) -> float:
    bins = np.minimum((light * (_LIGHT_BINS / 100)).astype(np.intp), _LIGHT_BINS - 1)
    counts = np.maximum(np.bincount(bins, minlength=_LIGHT_BINS), 1)
    off_a, off_b = (axis - (np.bincount(bins, axis, _LIGHT_BINS) / counts)[bins] for axis in (a, b))
    return float(np.percentile(np.hypot(off_a, off_b), 98))


def _measure_colourfulness(red: AnyArray, green: AnyArray, blue: AnyArray) -> float:
    first = cv2.subtract(red, green, dtype=cv2.CV_32F)
    second = cv2.addWeighted(red, 0.5, green, 0.5, 0, dtype=cv2.CV_32F) - blue
    spread = np.hypot(first.std(), second.std())
    return float(spread + 0.3 * np.hypot(first.mean(), second.mean()))


def _measure_blur(grey: PixelArray) -> tuple[float, float]:
    """Re-blur: what was crisp loses much of its steps, what was blurred little."""
    blurs, edges = [], []
    if min(grey.shape) < 2 * _BLOCKS:
        return 0.0, 0.0
    for axis in (0, 1):
        size = (1, 9) if axis == 0 else (9, 1)
        smooth = cv2.blur(grey, size)
        before, after = _steps(grey, axis), _steps(smooth, axis)
        before_mean, lost_mean = _mean_blocks(before), _mean_blocks(cv2.subtract(before, after))
        blurs.append(1 - lost_mean / np.maximum(before_mean, 1e-3))
        edges.append(before_mean)
    has_edge = np.maximum(*edges) >= _LEAST_EDGE
    if not has_edge.any():
        return 0.0, 0.0
    # Motion blurs along one axis only; the worse axis counts.
    worst = np.maximum(*blurs)[has_edge]
    kept = max(1, round(worst.size * _SHARPEST_BLOCKS))
    return float(np.sort(worst)[:kept].mean()), _share(has_edge)


def _steps(grey: AnyArray, axis: int) -> AnyArray:
    first, second = (grey[1:], grey[:-1]) if axis == 0 else (grey[:, 1:], grey[:, :-1])
    return cv2.absdiff(first, second)


def _mean_blocks(steps: AnyArray) -> FloatArray:
    # A whole number of px a block is several times faster; fewer than 8 rows or columns go unseen.
    height, width = (length // _BLOCKS * _BLOCKS for length in steps.shape)
    seen = steps[:height, :width].astype(np.float32)
    return cv2.resize(seen, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]  # OpenCV's stubs know no dtypes


def _measure_border(lab: AnyArray) -> tuple[float, float, float]:
    height, width = lab.shape[:2]
    rows, columns = max(1, height // 12), max(1, width // 12)
    sides = (lab[:rows], lab[:, :columns], lab[:, -columns:])
    border = np.concatenate([side.reshape(-1, 3) for side in sides])
    middle = np.median(border, axis=0)
    near = [_near(part, middle) for part in (border, lab)]
    return _share(near[0]), float(middle[0]), _share(near[1])


def _near(lab: AnyArray, middle: AnyArray) -> AnyArray:
    off = lab - middle
    return np.asarray(np.einsum("...k,...k->...", off, off) <= _PLAIN_DELTA_E**2)
