"""Large scenes with faces of known sizes in known places.

Owns: how portraits and backgrounds become one picture with its ground truth, and which found boxes
are which faces. Has no opinion on: whose portraits they are, and what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from huiyan.imaging.slices import squash_slice
from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.perception.suppression import IndexArray

_SURROUNDINGS = 2.0
"""Side of what is pasted, in sides of the face."""

_GAP_PX = 8
_MAX_TRIES = 400
_MIN_IOU = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A picture with one face.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    xyxy : ndarray of shape (4,), float32
        The face as (left, top, right, bottom), in px.
    """

    pixels: PixelArray
    xyxy: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture with faces in known places.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), uint8
        RGB.
    xyxy : ndarray of shape (N, 4), float32
        The faces as (left, top, right, bottom), in px.
    sides_px : ndarray of shape (N,), intp
        How large each was wanted, its longer side.
    portraits : ndarray of shape (N,), intp
        Which portrait each is of.
    """

    pixels: PixelArray
    xyxy: FloatArray
    sides_px: IndexArray
    portraits: IndexArray


def compose_scene(
    portraits: Sequence[Portrait],
    backgrounds: Sequence[PixelArray],
    size_wh: tuple[int, int],
    sides_px: Sequence[int],
    seed: int,
) -> Scene:
    """Paste faces of given sizes onto a background of many pictures.

    Parameters
    ----------
    portraits : sequence of Portrait
        At least one; taken in turn.
    backgrounds : sequence of ndarray of shape (H, W, 3), uint8
        RGB, without people, at least one; laid side by side at their own size.
    size_wh : tuple of int
        Width and height of the scene in px.
    sides_px : sequence of int
        The longer side of each face that is wanted.
    seed : int
        Decides where they lie.

    Returns
    -------
    Scene
        Faces with twice their surroundings, none of which overlap; those that found no place are
        left out.
    """
    rng = np.random.default_rng(seed)
    scene = _lay_background(backgrounds, size_wh, rng)
    taken = np.zeros((0, 4), np.int64)
    truth: list[tuple[FloatArray, int, int]] = []
    for number in np.argsort([-side for side in sides_px], kind="stable").tolist():
        which = number % len(portraits)
        crop, box = _cut_around(portraits[which])
        scale = sides_px[number] / max(box[2] - box[0], box[3] - box[1])
        patch_px = max(1, round(crop.shape[0] * scale))
        place = _find_place(size_wh, patch_px, taken, rng)
        if place is None:
            continue
        left, top = place
        patch = squash_slice(crop, (0, 0, crop.shape[1], crop.shape[0]), patch_px)
        scene[top : top + patch_px, left : left + patch_px] = patch
        taken = np.vstack([taken, [left, top, left + patch_px, top + patch_px]])
        own = (box * (patch_px / crop.shape[0]) + np.tile([left, top], 2)).astype(np.float32)
        truth.append((own, sides_px[number], which))
    return Scene(
        scene,
        np.array([it[0] for it in truth], np.float32).reshape(-1, 4),
        np.array([it[1] for it in truth], np.intp),
        np.array([it[2] for it in truth], np.intp),
    )


def match_faces(truth_xyxy: FloatArray, found_xyxy: FloatArray) -> IndexArray:
    """Tell which found box is which face.

    Parameters
    ----------
    truth_xyxy : ndarray of shape (N, 4), float32
        The faces; none overlap.
    found_xyxy : ndarray of shape (M, 4), float32
        Boxes, surest first; M may be 0.

    Returns
    -------
    ndarray of shape (M,), intp
        Which face each box is, by an intersection over union of at least 0.4; -1 for a box of no
        face and for one of a face that a surer box has.
    """
    matches = np.full(len(found_xyxy), -1, np.intp)
    for number, box in enumerate(found_xyxy):
        shared = _areas(
            np.hstack(
                [np.maximum(truth_xyxy[:, :2], box[:2]), np.minimum(truth_xyxy[:, 2:], box[2:])]
            )
        )
        union = _areas(truth_xyxy) + _areas(box[np.newaxis]) - shared
        fits = np.flatnonzero(shared >= _MIN_IOU * union)
        if len(fits) and fits[0] not in matches:
            matches[number] = fits[0]
    return matches


def _areas(xyxy: FloatArray) -> FloatArray:
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    areas: FloatArray = sides[:, 0] * sides[:, 1]
    return areas


def _lay_background(
    backgrounds: Sequence[PixelArray], size_wh: tuple[int, int], rng: np.random.Generator
) -> PixelArray:
    width, height = size_wh
    scene = np.zeros((height, width, 3), np.uint8)
    row_px = min(it.shape[0] for it in backgrounds)
    for top in range(0, height, row_px):
        left = 0
        while left < width:
            pixels = backgrounds[int(rng.integers(len(backgrounds)))][: height - top]
            pixels = pixels[:row_px, : width - left]
            scene[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
            left += pixels.shape[1]
    return scene


def _cut_around(portrait: Portrait) -> tuple[PixelArray, FloatArray]:
    """Cut the square around a face, as large as the picture allows."""
    height, width = portrait.pixels.shape[:2]
    box = portrait.xyxy
    side_px = min(height, width, round(_SURROUNDINGS * float(max(box[2:] - box[:2]))))
    middle = (box[:2] + box[2:]) / 2
    left = int(np.clip(middle[0] - side_px / 2, 0, width - side_px))
    top = int(np.clip(middle[1] - side_px / 2, 0, height - side_px))
    crop = portrait.pixels[top : top + side_px, left : left + side_px]
    return crop, (box - np.tile([left, top], 2)).astype(np.float32)


def _find_place(
    size_wh: tuple[int, int], patch_px: int, taken: IndexArray, rng: np.random.Generator
) -> tuple[int, int] | None:
    if patch_px > min(size_wh):
        return None
    for _ in range(_MAX_TRIES):
        left, top = (int(rng.integers(length_px - patch_px + 1)) for length_px in size_wh)
        is_apart = (
            (taken[:, 0] > left + patch_px + _GAP_PX)
            | (taken[:, 2] + _GAP_PX < left)
            | (taken[:, 1] > top + patch_px + _GAP_PX)
            | (taken[:, 3] + _GAP_PX < top)
        )
        if is_apart.all():
            return left, top
    return None
