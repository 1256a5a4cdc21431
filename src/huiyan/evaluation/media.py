"""How well media tagging does on a set of pictures whose objects are boxed.

Owns: running the real way (bytes, decode, all models) over a set, and boiling down what is said of
whole pictures: the fused list against each model alone, calibration, and the count of people. Has
no opinion on: which set, how figures are shown, what is good enough, and where boxes lie
(`huiyan.evaluation.detection`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from huiyan.evaluation.boxes import BoxedPicture
from huiyan.evaluation.figures import (
    ReliabilityBin,
    expected_calibration_error,
    reliability,
)
from huiyan.evaluation.labelled import Half, half_of
from huiyan.evaluation.people import PeopleFigures, PeopleTally
from huiyan.evaluation.ranking import average_precision
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Image, PictureLimits
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import OperatorError, PictureError
from huiyan.kernel.units import FloatArray
from huiyan.labelling.labeller import Seen
from huiyan.perception import classifier, detector
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import fold, membership_of, own_rows

DEFAULT_THRESHOLD = 0.6
LEAST_CONFIDENCE = 0.05
"""Below it nobody asks for tags; calibration leaves them out."""


class SeesPictures(Protocol):
    """What is judged; `huiyan.labelling.labeller.Labeller` is one."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The labels that confidences are given for."""
        ...

    @property
    def min_short_side_px(self) -> int:
        """How much of a picture decoding should keep."""
        ...

    def see(self, image: Image) -> Seen:
        """Look at a picture."""
        ...


@dataclass(frozen=True, slots=True)
class KindFigures:
    """One row of the table of kinds of object.

    Parameters
    ----------
    name : str
        The kind as COCO names it.
    picture_count : int
        Pictures that show it; at least 1.
    ap : float
        Average precision of the fused list, in [0, 1].
    ap_detector : float
        Of the detector alone, its best score in any view.
    ap_whole : float
        Of the detector alone, looking at the whole picture only.
    ap_classifier : float
        Of the classifier alone; the share of pictures where it has no class of the kind.
    """

    name: str
    picture_count: int
    ap: float
    ap_detector: float
    ap_whole: float
    ap_classifier: float


@dataclass(frozen=True, slots=True)
class MediaFigures:
    """What a boxed set shows about media tagging.

    Each kind of object that a picture shows is right for it, however small; boxes do not matter.

    Parameters
    ----------
    picture_count : int
        Pictures answered.
    unreadable : tuple of str
        The files that no answer could be given for; they count nowhere else.
    kind_count : int
        Kinds of object that occur, of 80; the means are over them.
    map_fused : float or None
        Mean average precision of the fused list, in [0, 1]. None, here and below, where the set
        shows no object.
    map_detector : float or None
        Of the detector alone, its best score in any view.
    map_whole : float or None
        Of the detector alone, looking at the whole picture only.
    map_classifier : float or None
        Of the classifier alone.
    gain : float or None
        How far the fused list lies above the best single model.
    ece : float
        Calibration error of the confidences of 0.05 or more in the 80 kinds, 15 bins of equal
        mass, in [0, 1].
    precision : float or None
        Share of the kinds said at the default threshold that are there; None where none is said.
    recall : float or None
        Share of the kinds that are there which are said at the default threshold.
    tags_per_picture : float
        Labels of all sorts at the default threshold, on average.
    people : PeopleFigures
        The count of people.
    pictures_per_s : float
        Reading, decoding and looking with all models, one picture after the other.
    reliability : tuple of ReliabilityBin
        Behind `ece`.
    kinds : tuple of KindFigures
        The worst of the fused list first, ties by name.
    """

    picture_count: int
    unreadable: tuple[str, ...]
    kind_count: int
    map_fused: float | None
    map_detector: float | None
    map_whole: float | None
    map_classifier: float | None
    gain: float | None
    ece: float
    precision: float | None
    recall: float | None
    tags_per_picture: float
    people: PeopleFigures
    pictures_per_s: float
    reliability: tuple[ReliabilityBin, ...]
    kinds: tuple[KindFigures, ...]


def take_half(pictures: Sequence[BoxedPicture], half: Half) -> tuple[BoxedPicture, ...]:
    """Keep a part of a set, by the same hash as `huiyan.evaluation.labelled.read_labelled`.

    Parameters
    ----------
    pictures : sequence of BoxedPicture
        The set.
    half : Half
        Which part is wanted.

    Returns
    -------
    tuple of BoxedPicture
        At least one, in their old order.

    Raises
    ------
    OperatorError
        Nothing is left.
    """
    kept = tuple(it for it in pictures if half is Half.ALL or half_of(it.path.name) is half)
    if not kept:
        raise OperatorError(f"no boxed pictures in the part {half.value!r}")
    return kept


@dataclass(frozen=True, slots=True)
class MediaEvaluator:
    """Runs all models together over sets of pictures.

    Parameters
    ----------
    labeller : SeesPictures
        What is judged.
    limits : PictureLimits
        What a picture may be; one outside them counts as unreadable.
    budget : MemoryBudget
        The memory that decoding may take.
    clock : Clock
        For the pictures a second.
    """

    labeller: SeesPictures
    limits: PictureLimits
    budget: MemoryBudget
    clock: Clock

    def measure(
        self, pictures: Sequence[BoxedPicture], on_picture: Callable[[], None]
    ) -> MediaFigures:
        """Judge what is said of a boxed set.

        Parameters
        ----------
        pictures : sequence of BoxedPicture
            The set; at least one. Their classes are COCO's 80 in the detector's order.
        on_picture : callable
            Called after each picture, for a progress bar.

        Returns
        -------
        MediaFigures
            Without any mean average precision where no picture could be read.

        Raises
        ------
        InferenceError
            A network failed.
        VocabularyError
            The vocabulary has no label for a kind of object or a count of people.
        """
        tally = _Tally(self.labeller.vocabulary)
        unreadable: list[str] = []
        busy_s = 0.0
        for picture in pictures:
            start_s = self.clock.monotonic_s()
            try:
                data = picture.path.read_bytes()
                side_px = self.labeller.min_short_side_px
                image = decode(data, self.limits, side_px, self.budget)
            except (OSError, PictureError) as error:
                unreadable.append(f"{picture.path}: {error}")
            else:
                seen = self.labeller.see(image)
                busy_s += self.clock.monotonic_s() - start_s
                tally.add(picture, seen)
            on_picture()
        return tally.figures(tuple(unreadable), busy_s)


class _Tally:
    """The little that is kept of each answer, so that a set of any size fits in memory."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._kind_rows = own_rows(vocabulary, detector.OUTPUT_LAYER, detector.OUTPUT_COUNT)
        self._classes = membership_of(vocabulary, classifier.OUTPUT_LAYER, classifier.OUTPUT_COUNT)
        self._truth: list[NDArray[np.bool_]] = []
        self._fused: list[FloatArray] = []
        self._any_view: list[FloatArray] = []
        self._whole: list[FloatArray] = []
        self._classified: list[FloatArray] = []
        self._tag_counts: list[int] = []
        self._people = PeopleTally(vocabulary)

    def add(self, picture: BoxedPicture, seen: Seen) -> None:
        truth = np.zeros(detector.OUTPUT_COUNT, np.bool_)
        truth[[box.class_index for box in picture.boxes]] = True
        by_view = seen.evidence.detections.by_view
        by_output, by_label = seen.confidences.by_output, seen.confidences.by_label
        self._truth.append(truth)
        self._fused.append(by_label[self._kind_rows])
        self._any_view.append(by_view.max(axis=0))
        self._whole.append(by_view[0])
        self._classified.append(fold(self._classes, by_output)[self._kind_rows])
        self._tag_counts.append(int((by_label >= DEFAULT_THRESHOLD).sum()))
        self._people.add(picture, by_label)

    def figures(self, unreadable: tuple[str, ...], busy_s: float) -> MediaFigures:
        count = len(self._truth)
        fused, truth = _stack(self._fused), _stack(self._truth) > 0
        kinds = self._kinds(truth)
        singles = [_mean([getattr(row, name) for row in kinds]) for name in _SINGLE_MODELS]
        known = [single for single in singles if single is not None]
        map_fused = _mean([row.ap for row in kinds])
        is_asked = fused >= LEAST_CONFIDENCE
        table = reliability(fused[is_asked], truth[is_asked])
        is_said = fused >= DEFAULT_THRESHOLD
        right = int((is_said & truth).sum())
        return MediaFigures(
            picture_count=count,
            unreadable=unreadable,
            kind_count=len(kinds),
            map_fused=map_fused,
            map_detector=singles[0],
            map_whole=singles[1],
            map_classifier=singles[2],
            gain=None if map_fused is None else map_fused - max(known),
            ece=expected_calibration_error(table),
            precision=_ratio(right, int(is_said.sum())),
            recall=_ratio(right, int(truth.sum())),
            tags_per_picture=sum(self._tag_counts) / count if count else 0.0,
            people=self._people.figures(),
            pictures_per_s=count / busy_s if busy_s > 0 else 0.0,
            reliability=table,
            kinds=kinds,
        )

    def _kinds(self, truth: NDArray[np.bool_]) -> tuple[KindFigures, ...]:
        models = [_stack(it) for it in (self._fused, self._any_view, self._whole, self._classified)]
        rows = []
        for kind, name in enumerate(detector.COCO80_NAMES):
            shown = truth[:, kind]
            found = [average_precision(scores[:, kind], shown) for scores in models]
            known = [ap for ap in found if ap is not None]
            if known:
                rows.append(KindFigures(name, int(shown.sum()), *known))
        return tuple(sorted(rows, key=lambda row: (row.ap, row.name)))


_SINGLE_MODELS = ("ap_detector", "ap_whole", "ap_classifier")


def _stack(rows: Sequence[NDArray[np.bool_]] | Sequence[FloatArray]) -> FloatArray:
    """Put rows of 80 below each other; none give an array of shape (0, 80)."""
    stacked: FloatArray = np.array(rows, np.float32).reshape(-1, detector.OUTPUT_COUNT)
    return stacked


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
