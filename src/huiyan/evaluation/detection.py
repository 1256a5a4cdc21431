"""How well objects are found in a set of pictures.

Owns: running the real way (bytes, decode, detector) over a set and boiling the answers down to
COCO's figures. Has no opinion on: which set, how the figures are shown, and what is good enough.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from huiyan.evaluation.boxes import BoxedPicture
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import PictureLimits
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import OperatorError, PictureError
from huiyan.perception.detector import (
    COCO80_NAMES,
    Detections,
    Detector,
    Slicing,
    count_inferences,
    min_short_side_px,
)

_SUMMARY = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


@dataclass(frozen=True, slots=True)
class ClassDetectionFigures:
    """One row of the table of classes.

    Parameters
    ----------
    name : str
        The class in English.
    box_count : int
        Objects of it in the set, crowds left out; at least 1.
    ap : float
        Average precision, mean over IoU .50 to .95, in [0, 1].
    """

    name: str
    box_count: int
    ap: float


@dataclass(frozen=True, slots=True)
class DetectionFigures:
    """What a boxed set shows about detection.

    Parameters
    ----------
    picture_count : int
        Pictures answered.
    box_count : int
        Objects in them, crowds left out.
    unreadable : tuple of str
        The files that no answer could be given for, or that are not of the size that their boxes
        belong to; they count nowhere else.
    slicing : str
        How closely the pictures were looked at.
    ap : float or None
        Average precision, mean over IoU .50 to .95 and over the classes that occur, in [0, 1].
        None, here and below, where the set has no object to find.
    ap50 : float or None
        The same at IoU .50.
    ap75 : float or None
        The same at IoU .75.
    ap_small : float or None
        The same as `ap`, for objects below 32² px.
    ap_medium : float or None
        Up to 96² px.
    ap_large : float or None
        Above.
    inferences_per_picture : int
        How often the network ran for each.
    pictures_per_s : float
        Reading, decoding and detecting, one picture after the other.
    classes : tuple of ClassDetectionFigures
        The worst first, ties by name.
    """

    picture_count: int
    box_count: int
    unreadable: tuple[str, ...]
    slicing: str
    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    inferences_per_picture: int
    pictures_per_s: float
    classes: tuple[ClassDetectionFigures, ...]


@dataclass(frozen=True, slots=True)
class DetectionEvaluator:
    """Runs a detector over sets of pictures.

    Parameters
    ----------
    detector : Detector
        What is judged.
    limits : PictureLimits
        What a picture may be; one outside them counts as unreadable.
    budget : MemoryBudget
        The memory that decoding may take.
    clock : Clock
        For the pictures a second.
    """

    detector: Detector
    limits: PictureLimits
    budget: MemoryBudget
    clock: Clock

    def measure(
        self, pictures: Sequence[BoxedPicture], slicing: Slicing, on_picture: Callable[[], None]
    ) -> DetectionFigures:
        """Judge what is found in a boxed set.

        Parameters
        ----------
        pictures : sequence of BoxedPicture
            The set; at least one.
        slicing : Slicing
            How closely each picture is looked at.
        on_picture : callable
            Called after each picture, for a progress bar.

        Returns
        -------
        DetectionFigures
            Without any average precision where no picture could be read.

        Raises
        ------
        OperatorError
            pycocotools is not installed.
        InferenceError
            The network failed.
        """
        coco, cocoeval = _import_pycocotools()
        answered: list[BoxedPicture] = []
        found: list[Detections] = []
        unreadable: list[str] = []
        busy_s = 0.0
        for picture in pictures:
            start_s = self.clock.monotonic_s()
            try:
                found.append(self._detect(picture, slicing))
            except (OSError, PictureError) as error:
                unreadable.append(f"{picture.path}: {error}")
            else:
                busy_s += self.clock.monotonic_s() - start_s
                answered.append(picture)
            on_picture()
        summary, classes = _judge(coco, cocoeval, answered, found)
        return DetectionFigures(
            picture_count=len(answered),
            box_count=sum(row.box_count for row in classes),
            unreadable=tuple(unreadable),
            slicing=slicing.value,
            **summary,
            inferences_per_picture=count_inferences(slicing),
            pictures_per_s=len(answered) / busy_s if busy_s > 0 else 0.0,
            classes=classes,
        )

    def _detect(self, picture: BoxedPicture, slicing: Slicing) -> Detections:
        data = picture.path.read_bytes()
        image = decode(data, self.limits, min_short_side_px(slicing), self.budget)
        if image.size_wh != picture.size_wh:
            raise PictureError(f"has {image.size_wh} px; its boxes belong to {picture.size_wh} px")
        return self.detector.detect(image, slicing)


def _import_pycocotools() -> tuple[Any, Any]:
    try:
        coco = importlib.import_module("pycocotools.coco")
        return coco.COCO, importlib.import_module("pycocotools.cocoeval").COCOeval
    except ImportError as error:
        raise OperatorError(
            f"pycocotools cannot be loaded ({error}); install it: pip install 'huiyan[evaluation]'"
        ) from error


def _judge(
    coco: Any,  # noqa: ANN401 -- untyped library
    cocoeval: Any,  # noqa: ANN401 -- untyped library
    pictures: list[BoxedPicture],
    found: list[Detections],
) -> tuple[dict[str, float | None], tuple[ClassDetectionFigures, ...]]:
    rows = _detection_rows(found)
    if not any(picture.boxes for picture in pictures):
        return dict.fromkeys(_SUMMARY), ()
    if not len(rows):
        # The library refuses an empty list of finds; one of no size finds nothing.
        rows = np.zeros((1, 7))
    with contextlib.redirect_stdout(io.StringIO()):  # the library talks while it works
        truth = coco()
        truth.dataset = _truth(pictures)
        truth.createIndex()
        run = cocoeval(truth, truth.loadRes(rows), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    summary = {
        name: _known(value)
        for name, value in zip(_SUMMARY, run.stats[: len(_SUMMARY)], strict=True)
    }
    # Axes: IoU, recall, class, area (0 is all), most finds a picture (the last is 100).
    precision = run.eval["precision"][:, :, :, 0, -1]
    counts = np.bincount(
        [box.class_index for it in pictures for box in it.boxes if not box.is_crowd],
        minlength=len(COCO80_NAMES),
    )
    classes = [
        ClassDetectionFigures(name, int(counts[index]), float(precision[:, :, index].mean()))
        for index, name in enumerate(COCO80_NAMES)
        if counts[index]
    ]
    return summary, tuple(sorted(classes, key=lambda row: (row.ap, row.name)))


def _known(value: float) -> float | None:
    """COCO writes -1 where there was nothing to find."""
    return float(value) if value >= 0 else None


def _detection_rows(found: list[Detections]) -> Any:  # noqa: ANN401 -- as the library takes it
    """Picture, left, top, width, height, score and class of each find."""
    rows = []
    for number, it in enumerate(found):
        sizes = it.xyxy[:, 2:] - it.xyxy[:, :2]
        picture = np.full(len(it.scores), number)
        rows.append(np.column_stack([picture, it.xyxy[:, :2], sizes, it.scores, it.classes]))
    return np.concatenate(rows) if rows else np.zeros((0, 7))


def _truth(pictures: list[BoxedPicture]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures):
        for box in picture.boxes:
            left, top, right, bottom = box.xyxy
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": box.class_index,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": box.area_px,
                    "iscrowd": int(box.is_crowd),
                }
            )
    return {
        "images": [{"id": number} for number in range(len(pictures))],
        "annotations": annotations,
        "categories": [{"id": index, "name": name} for index, name in enumerate(COCO80_NAMES)],
    }
