"""How well tagging does on a set of pictures.

Owns: running the real way (bytes, decode, recogniser) over a set and boiling the answers down to
figures. Has no opinion on: which set, which model, how the figures are shown, and what is good
enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huiyan.evaluation.figures import (
    ReliabilityBin,
    expected_calibration_error,
    reliability,
    top_outputs,
)
from huiyan.evaluation.labelled import LabelledPicture
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import PictureLimits
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import PictureError
from huiyan.kernel.units import FloatArray
from huiyan.labelling.fusion import SCENE_COUNT
from huiyan.labelling.labeller import Labeller, Seen
from huiyan.perception import detector, heads
from huiyan.perception.classifier import OUTPUT_COUNT, OUTPUT_LAYER
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import fold, membership_of

DEFAULT_THRESHOLD = 0.6
TOP_COUNT = 5
LEAST_CONFIDENCE = 0.05
"""Below it nobody asks for tags; the figures of all tags leave them out."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One row of the table of classes.

    Parameters
    ----------
    name : str
        The class as the folder names it.
    picture_count : int
        Its pictures; at least 1.
    top1 : float
        Share of them whose most likely output was right, in [0, 1].
    top5 : float
        Share of them that had a right output among the five most likely, in [0, 1].
    """

    name: str
    picture_count: int
    top1: float
    top5: float


@dataclass(frozen=True, slots=True)
class TaggingFigures:
    """What a labelled set shows about tagging.

    Parameters
    ----------
    picture_count : int
        Pictures answered.
    unreadable : tuple of str
        Names of the files that no answer could be given for; they count nowhere else.
    top1 : float
        Share of pictures whose most likely output was right, in [0, 1].
    top5 : float
        Share with a right output among the five most likely, in [0, 1].
    ece_top1 : float
        Calibration error of the most likely output, 15 bins of equal mass, in [0, 1].
    ece_tags : float
        Calibration error of all decidable tags (`decidable_labels`) of a confidence of 0.05 or
        more, broad ones included.
    coverage : float
        Share of pictures with at least one tag of their content (`content_labels`) at the default
        threshold, in [0, 1].
    precision : float
        Share of the decidable tags at the default threshold that are right, in [0, 1].
    pictures_per_s : float
        Reading, decoding and recognising, one after the other.
    top1_reliability : tuple of ReliabilityBin
        Behind `ece_top1`.
    tags_reliability : tuple of ReliabilityBin
        Behind `ece_tags`.
    classes : tuple of ClassFigures
        The worst first, ties by name.
    """

    picture_count: int
    unreadable: tuple[str, ...]
    top1: float
    top5: float
    ece_top1: float
    ece_tags: float
    coverage: float
    precision: float
    pictures_per_s: float
    top1_reliability: tuple[ReliabilityBin, ...]
    tags_reliability: tuple[ReliabilityBin, ...]
    classes: tuple[ClassFigures, ...]


@dataclass(frozen=True, slots=True)
class CoverageFigures:
    """What a set without labels shows about tagging.

    Parameters
    ----------
    picture_count : int
        Pictures answered.
    unreadable : tuple of str
        Names of the files that no answer could be given for; they count nowhere else.
    threshold : float
        The threshold asked for, in [0, 1].
    coverage : float
        Share of pictures with at least one tag at the threshold, in [0, 1].
    coverage_by_outputs : float
        The same if only the network's own classes counted, without broader labels, in [0, 1].
    tags_per_picture : float
        Tags at the threshold, on average.
    pictures_per_s : float
        Reading, decoding and recognising, one after the other.
    """

    picture_count: int
    unreadable: tuple[str, ...]
    threshold: float
    coverage: float
    coverage_by_outputs: float
    tags_per_picture: float
    pictures_per_s: float


@dataclass(frozen=True, slots=True)
class TaggingEvaluator:
    """Runs a labeller over sets of pictures.

    Parameters
    ----------
    labeller : Labeller
        What is judged.
    limits : PictureLimits
        What a picture may be; one outside them counts as unreadable.
    budget : MemoryBudget
        The memory that decoding may take.
    clock : Clock
        For the pictures a second.
    """

    labeller: Labeller
    limits: PictureLimits
    budget: MemoryBudget
    clock: Clock

    def measure(
        self, pictures: tuple[LabelledPicture, ...], on_picture: Callable[[], None]
    ) -> TaggingFigures:
        """Judge the answers to a labelled set.

        Parameters
        ----------
        pictures : tuple of LabelledPicture
            The set; at least one.
        on_picture : callable
            Called after each picture, for a progress bar.

        Returns
        -------
        TaggingFigures
            All zero where no picture could be read.

        Raises
        ------
        InferenceError
            The network failed.
        """
        vocabulary = self.labeller.vocabulary
        tally = _Tally(decidable_labels(vocabulary), content_labels(vocabulary))
        membership = membership_of(vocabulary, OUTPUT_LAYER, OUTPUT_COUNT)
        run = _Run()
        for place, seen in self._answers([picture.path for picture in pictures], run, on_picture):
            truth = np.zeros(OUTPUT_COUNT, dtype=np.float32)
            truth[sorted(pictures[place].outputs)] = 1
            tally.add(pictures[place].class_name, seen, truth > 0, fold(membership, truth) > 0)
        hits = np.array(tally.hits, dtype=np.bool_).reshape(-1, TOP_COUNT)
        is_top1: NDArray[np.bool_] = hits[:, 0]
        top1_table = reliability(np.array(tally.top1_confidences, dtype=np.float32), is_top1)
        shown, shown_is_true = _join(tally.shown, np.float32), _join(tally.shown_is_true, np.bool_)
        tags_table = reliability(shown, shown_is_true)
        return TaggingFigures(
            picture_count=len(hits),
            unreadable=tuple(run.unreadable),
            top1=_share(is_top1),
            top5=_share(_any_hit(hits)),
            ece_top1=expected_calibration_error(top1_table),
            ece_tags=expected_calibration_error(tags_table),
            coverage=_share(np.array(tally.is_covered, dtype=np.bool_)),
            precision=_share(shown_is_true[shown >= DEFAULT_THRESHOLD]),
            pictures_per_s=run.pictures_per_s(len(hits)),
            top1_reliability=top1_table,
            tags_reliability=tags_table,
            classes=_by_class(tally.class_names, hits),
        )

    def cover(
        self, paths: tuple[Path, ...], threshold: float, on_picture: Callable[[], None]
    ) -> CoverageFigures:
        """Find for how many pictures of a set anything would be said.

        Parameters
        ----------
        paths : tuple of Path
            The set; at least one.
        threshold : float
            Tags of a lower confidence do not count; in [0, 1].
        on_picture : callable
            Called after each picture, for a progress bar.

        Returns
        -------
        CoverageFigures
            All zero where no picture could be read.

        Raises
        ------
        InferenceError
            The network failed.
        """
        run = _Run()
        is_content = content_labels(self.labeller.vocabulary)
        counts: list[int] = []
        covered_by_outputs: list[bool] = []
        for _, seen in self._answers(paths, run, on_picture):
            counts.append(int((seen.confidences.by_label[is_content] >= threshold).sum()))
            covered_by_outputs.append(bool(seen.confidences.by_output.max() >= threshold))
        tag_counts = np.array(counts, dtype=np.int32)
        return CoverageFigures(
            picture_count=len(counts),
            unreadable=tuple(run.unreadable),
            threshold=threshold,
            coverage=_share(tag_counts > 0),
            coverage_by_outputs=_share(np.array(covered_by_outputs, dtype=np.bool_)),
            tags_per_picture=float(tag_counts.mean()) if counts else 0.0,
            pictures_per_s=run.pictures_per_s(len(counts)),
        )

    def _answers(
        self, paths: Sequence[Path], run: _Run, on_picture: Callable[[], None]
    ) -> Iterator[tuple[int, Seen]]:
        """Answer picture by picture, noting in `run` what went wrong and how long it took."""
        side_px = self.labeller.min_short_side_px
        for place, path in enumerate(paths):
            start_s = self.clock.monotonic_s()
            try:
                image = decode(path.read_bytes(), self.limits, side_px, self.budget)
            except (OSError, PictureError) as error:
                run.unreadable.append(f"{path}: {error}")
            else:
                seen = self.labeller.see(image)
                run.busy_s += self.clock.monotonic_s() - start_s
                yield place, seen
            on_picture()


@dataclass(slots=True)
class _Run:
    """What is noted on the way through a set."""

    unreadable: list[str] = field(default_factory=list)
    busy_s: float = 0.0

    def pictures_per_s(self, picture_count: int) -> float:
        return picture_count / self.busy_s if self.busy_s > 0 else 0.0


@dataclass(slots=True)
class _Tally:
    """The little that is kept of each answer, so that a set of any size fits in memory."""

    decidable: NDArray[np.bool_]
    is_content: NDArray[np.bool_]
    class_names: list[str] = field(default_factory=list)
    hits: list[NDArray[np.bool_]] = field(default_factory=list)
    top1_confidences: list[float] = field(default_factory=list)
    is_covered: list[bool] = field(default_factory=list)
    shown: list[FloatArray] = field(default_factory=list)
    shown_is_true: list[NDArray[np.bool_]] = field(default_factory=list)

    def add(
        self,
        class_name: str,
        seen: Seen,
        output_is_true: NDArray[np.bool_],
        label_is_true: NDArray[np.bool_],
    ) -> None:
        by_output, by_label = seen.confidences.by_output, seen.confidences.by_label
        ranked = top_outputs(by_output, seen.evidence.features.logits, TOP_COUNT)
        kept = (by_label >= LEAST_CONFIDENCE) & self.decidable
        self.class_names.append(class_name)
        self.hits.append(output_is_true[ranked])
        self.top1_confidences.append(float(by_output[ranked[0]]))
        self.is_covered.append(bool(by_label[self.is_content].max() >= DEFAULT_THRESHOLD))
        self.shown.append(by_label[kept])
        self.shown_is_true.append(label_is_true[kept])


def decidable_labels(vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Find the labels that a picture with one class can tell right from wrong.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels.

    Returns
    -------
    ndarray of shape (n_labels,), bool
        True where only the classifier speaks: the class says nothing about a person, a colour or
        any other thing beside the main one.
    """
    of_classes = membership_of(vocabulary, OUTPUT_LAYER, OUTPUT_COUNT)
    of_kinds = membership_of(vocabulary, detector.OUTPUT_LAYER, detector.OUTPUT_COUNT)
    has_classes, has_kinds = np.diff(of_classes.offsets) > 0, np.diff(of_kinds.offsets) > 0
    is_decidable: NDArray[np.bool_] = has_classes & ~has_kinds
    return is_decidable


def content_labels(vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Find the labels that say what a picture shows.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels.

    Returns
    -------
    ndarray of shape (n_labels,), bool
        True for what the classifier, the detector or the scene head can give; False for formats,
        colours and the like, of which every picture has some.
    """
    layers = (
        (OUTPUT_LAYER, OUTPUT_COUNT),
        (detector.OUTPUT_LAYER, detector.OUTPUT_COUNT),
        (heads.SCENE_LAYER, SCENE_COUNT),
    )
    counts = [np.diff(membership_of(vocabulary, *layer).offsets) for layer in layers]
    is_content: NDArray[np.bool_] = np.add.reduce(counts) > 0
    return is_content


def _join(parts: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)


def _share(claims: NDArray[np.bool_]) -> float:
    return float(claims.mean()) if claims.size else 0.0


def _any_hit(hits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    is_hit: NDArray[np.bool_] = np.logical_or.reduce(hits, axis=1)
    return is_hit


def _by_class(names: list[str], hits: NDArray[np.bool_]) -> tuple[ClassFigures, ...]:
    rows_by_name: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows_by_name.setdefault(name, []).append(row)
    is_top1: NDArray[np.bool_] = hits[:, 0]
    is_top5 = _any_hit(hits)
    figures = [
        ClassFigures(name, len(rows), _share(is_top1[rows]), _share(is_top5[rows]))
        for name, rows in rows_by_name.items()
    ]
    return tuple(sorted(figures, key=lambda row: (row.top1, row.top5, row.name)))
