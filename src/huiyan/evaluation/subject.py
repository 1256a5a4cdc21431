"""How well main subjects are found on a set of pictures with masks.

Owns: running the real way (bytes, decode, recogniser) over a set and boiling masks and boxes down
to figures. Has no opinion on: which set, which networks, how figures are shown, and what is good
enough.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.cutout import full_mask
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import PictureLimits
from huiyan.imaging.read_mask import decode_mask
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import DamagedPictureError, OperatorError, PictureError
from huiyan.kernel.units import FloatArray
from huiyan.subject.grouping import iou
from huiyan.subject.recogniser import SubjectRecogniser

LABELS_FILE = "labels.csv"
COLUMNS = ("image", "mask")
LEVEL_COUNT = 256
BETA_SQUARED = 0.3
"""Precision counts more than recall (Achanta et al., doi:10.1109/CVPR.2009.5206596)."""

_LeveledArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MaskedPicture:
    """A picture and the mask of its main subject.

    Parameters
    ----------
    path : Path
        The picture.
    mask_path : Path
        Its mask, of the same size, light where the subject is.
    """

    path: Path
    mask_path: Path


@dataclass(frozen=True, slots=True)
class SubjectFigures:
    """What a set shows about main subjects.

    Parameters
    ----------
    picture_count : int
        Pictures answered.
    unreadable : tuple of str
        Files that no answer could be given for, and why; they count nowhere else.
    max_f : float
        The best F-measure (beta² = 0.3) of the mean precision and recall over 256 thresholds.
    max_f_threshold : float
        Where it is reached, in [0, 1].
    mean_f : float
        The mean over the thresholds.
    mae : float
        Mean absolute error of the mask, mean over pictures.
    box_iou : float
        Mean intersection over union of the main subject's box and that of the true mask.
    box_over_half, box_over_three_quarters : float
        Share of pictures where that exceeds 0.5 and 0.75.
    without_subject : int
        Pictures for which no subject was named; their box counts as 0.
    with_several : int
        Pictures for which several were named.
    pictures_per_s : float
        Reading, decoding and recognising, one after the other.
    """

    picture_count: int
    unreadable: tuple[str, ...]
    max_f: float
    max_f_threshold: float
    mean_f: float
    mae: float
    box_iou: float
    box_over_half: float
    box_over_three_quarters: float
    without_subject: int
    with_several: int
    pictures_per_s: float


def read_masked(folder: Path) -> tuple[MaskedPicture, ...]:
    """Read which pictures and masks a folder holds.

    Parameters
    ----------
    folder : Path
        Holds ``labels.csv`` with the columns ``image`` and ``mask``, paths below the folder.

    Returns
    -------
    tuple of MaskedPicture
        At least one, in the file's order.

    Raises
    ------
    OperatorError
        There is no such file, it has other columns or no rows.
    """
    index = folder / LABELS_FILE
    try:
        with index.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OperatorError(f"{index}: cannot be read: {error}") from error
    if not rows or not all(row.get(column) for row in rows for column in COLUMNS):
        raise OperatorError(f"{index}: needs rows with the columns {' and '.join(COLUMNS)}")
    return tuple(MaskedPicture(folder / row["image"], folder / row["mask"]) for row in rows)


@dataclass(frozen=True, slots=True)
class SubjectEvaluator:
    """Runs the recogniser over sets.

    Parameters
    ----------
    recogniser : SubjectRecogniser
        What is judged.
    limits : PictureLimits
        Which pictures are taken.
    budget : MemoryBudget
        The memory that decoding may take.
    clock : Clock
        For the pictures a second.
    """

    recogniser: SubjectRecogniser
    limits: PictureLimits
    budget: MemoryBudget
    clock: Clock

    def measure(
        self, pictures: tuple[MaskedPicture, ...], on_picture: Callable[[], None]
    ) -> SubjectFigures:
        """Judge masks and boxes against true masks.

        Parameters
        ----------
        pictures : tuple of MaskedPicture
            The set; at least one.
        on_picture : callable
            Called after each picture, for a progress bar.

        Returns
        -------
        SubjectFigures
            All zero where no picture could be read.

        Raises
        ------
        InferenceError
            A network failed.
        """
        tally = _Tally()
        for picture in pictures:
            try:
                self._add(picture, tally)
            except (OSError, PictureError) as error:
                tally.unreadable.append(f"{picture.path}: {error}")
            on_picture()
        return tally.figures()

    def _add(self, picture: MaskedPicture, tally: _Tally) -> None:
        truth = decode_mask(picture.mask_path.read_bytes())
        start_s = self.clock.monotonic_s()
        data = picture.path.read_bytes()
        image = decode(data, self.limits, self.recogniser.min_short_side_px, self.budget)
        sight = self.recogniser.look(image)
        busy_s = self.clock.monotonic_s() - start_s
        if truth.shape != sight.size_wh[::-1] or not truth.any():
            raise DamagedPictureError(f"{picture.mask_path}: empty, or not of the picture's size")
        tally.busy_s += busy_s
        mask = full_mask(sight.mask, sight.size_wh)
        precision, recall = precision_and_recall(mask, truth)
        tally.precisions.append(precision)
        tally.recalls.append(recall)
        tally.errors.append(float(np.abs(mask - truth).mean()))
        tally.subject_counts.append(len(sight.subjects))
        main = sight.main
        tally.ious.append(
            0.0 if main is None else iou(np.array(main.xyxy, np.float32), box_of(truth))
        )


def box_of(claim: NDArray[np.bool_]) -> FloatArray:
    """Find the box around everything that is claimed.

    Parameters
    ----------
    claim : ndarray of shape (H, W), bool
        With one True at least.

    Returns
    -------
    ndarray of shape (4,), float32
        (left, top, right, bottom) in px.
    """
    rows, columns = np.flatnonzero(claim.any(axis=1)), np.flatnonzero(claim.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def precision_and_recall(
    mask: FloatArray, truth: NDArray[np.bool_]
) -> tuple[_LeveledArray, _LeveledArray]:
    """Compare a mask with the truth at 256 thresholds.

    Parameters
    ----------
    mask : ndarray of shape (H, W), float32
        0 to 1.
    truth : ndarray of shape (H, W), bool
        With one True at least.

    Returns
    -------
    tuple of ndarray of shape (256,), float64
        Precision and recall of everything that is at least k / 255; precision is 1 where nothing
        is.
    """
    levels = np.floor(mask * (LEVEL_COUNT - 1)).astype(np.intp)
    right = np.bincount(levels[truth], minlength=LEVEL_COUNT)[::-1].cumsum()[::-1]
    claimed = np.bincount(levels.ravel(), minlength=LEVEL_COUNT)[::-1].cumsum()[::-1]
    precision = np.where(claimed > 0, right / np.maximum(claimed, 1), 1.0)
    return precision, right / truth.sum()


@dataclass(slots=True)
class _Tally:
    """The little that is kept of each answer, so that a set of any size fits in memory."""

    unreadable: list[str] = field(default_factory=list)
    precisions: list[_LeveledArray] = field(default_factory=list)
    recalls: list[_LeveledArray] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    subject_counts: list[int] = field(default_factory=list)
    busy_s: float = 0.0

    def figures(self) -> SubjectFigures:
        count = len(self.ious)
        if not count:
            return SubjectFigures(0, tuple(self.unreadable), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        precision, recall = np.mean(self.precisions, axis=0), np.mean(self.recalls, axis=0)
        both = BETA_SQUARED * precision + recall
        f_measure = (1 + BETA_SQUARED) * precision * recall / np.maximum(both, 1e-9)
        best = int(f_measure.argmax())
        ious = np.array(self.ious)
        return SubjectFigures(
            picture_count=count,
            unreadable=tuple(self.unreadable),
            max_f=float(f_measure[best]),
            max_f_threshold=best / (LEVEL_COUNT - 1),
            mean_f=float(f_measure.mean()),
            mae=float(np.mean(self.errors)),
            box_iou=float(ious.mean()),
            box_over_half=float((ious > 0.5).mean()),
            box_over_three_quarters=float((ious > 0.75).mean()),
            without_subject=sum(number == 0 for number in self.subject_counts),
            with_several=sum(number > 1 for number in self.subject_counts),
            pictures_per_s=count / self.busy_s if self.busy_s > 0 else 0.0,
        )
