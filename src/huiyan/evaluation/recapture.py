"""How well screens and prints are told from the thing itself on a labelled set.

Owns: running the real way (bytes, decode, recogniser) over a set and boiling judgements down to
figures. Has no opinion on: which set, which network, how figures are shown, and what is good
enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from huiyan.evaluation.figures import expected_calibration_error, reliability
from huiyan.evaluation.media_files import MediumPicture
from huiyan.evaluation.open_set import Share
from huiyan.evaluation.recapture_figures import (
    CollectorFigures,
    JudgedPicture,
    MediumFigures,
    RecaptureFigures,
    Spread,
)
from huiyan.evaluation.resampling import Resampling, area_under_curve, balanced, mean_of
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import PictureLimits
from huiyan.imaging.recompress import Recompression, recompress
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import PictureError
from huiyan.recapture.capability import Recogniser
from huiyan.recapture.model import Medium, RecaptureParams, Suggestion

DECIDED_AT = 0.5
SEED = 1

_Claims = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RecaptureEvaluator:
    """Runs the recogniser over sets.

    Parameters
    ----------
    judge : Recogniser
        What is judged.
    limits : PictureLimits
        Which pictures are taken.
    budget : MemoryBudget
        The memory that decoding may take.
    clock : Clock
        For the pictures a second.
    way : Recompression or None
        What is done to every picture before it is judged; None for nothing.
    """

    judge: Recogniser
    limits: PictureLimits
    budget: MemoryBudget
    clock: Clock
    way: Recompression | None

    def measure(
        self,
        pictures: Sequence[MediumPicture],
        threshold: float,
        on_picture: Callable[[], None],
    ) -> RecaptureFigures:
        """Judge every picture and compare with the truth.

        Parameters
        ----------
        pictures : sequence of MediumPicture
            The set.
        threshold : float
            From which probability a picture is suggested as recaptured, in [0, 1].
        on_picture : callable
            Called after each picture, for a progress bar.

        Returns
        -------
        RecaptureFigures
            All shares and rows are missing where no picture could be read.

        Raises
        ------
        InferenceError
            The network failed.
        """
        tally = _Tally(RecaptureParams(threshold))
        for picture in pictures:
            try:
                self._add(picture, tally)
            except (OSError, PictureError) as error:
                tally.unreadable.append(f"{picture.file}: {error}")
            on_picture()
        return tally.figures()

    def _add(self, picture: MediumPicture, tally: _Tally) -> None:
        data = picture.path.read_bytes()
        if self.way is not None:
            whole = decode(data, self.limits, None, self.budget)
            data = recompress(whole.pixels, self.way)
            del whole
        start_s = self.clock.monotonic_s()
        image = decode(data, self.limits, self.judge.min_short_side_px, self.budget)
        judgement = self.judge.recognise(image, tally.params)
        tally.busy_s += self.clock.monotonic_s() - start_s
        tally.judged.append(
            JudgedPicture(
                file=picture.file,
                medium=picture.medium.value,
                collector=picture.collector,
                recaptured=judgement.recaptured,
                named=judgement.medium.value,
                suggestion=judgement.suggestion(tally.params.threshold).value,
                code="" if judgement.barcode is None else judgement.barcode.symbology,
            )
        )


@dataclass(slots=True)
class _Tally:
    """The little that is kept of each answer, so that a set of any size fits in memory."""

    params: RecaptureParams
    unreadable: list[str] = field(default_factory=list)
    judged: list[JudgedPicture] = field(default_factory=list)
    busy_s: float = 0.0

    def figures(self) -> RecaptureFigures:
        answers = _Answers(self.judged)
        table = reliability(answers.scores.astype(np.float32), answers.is_recaptured)
        collectors = answers.collectors()
        return RecaptureFigures(
            picture_count=len(self.judged),
            unreadable=tuple(self.unreadable),
            collector_count=len({it.collector for it in self.judged} - {""}),
            threshold=self.params.threshold,
            auc=answers.auc(),
            balanced_accuracy=answers.balanced_accuracy(),
            accuracy=answers.share(answers.is_right, answers.everything),
            originals_accused=answers.share(
                answers.suggested(Suggestion.RECAPTURED), ~answers.is_recaptured
            ),
            recaptures_passed=answers.share(
                answers.suggested(Suggestion.GENUINE), answers.is_recaptured
            ),
            uncertain=answers.share(answers.suggested(Suggestion.UNCERTAIN), answers.everything),
            ece=expected_calibration_error(table) if table else None,
            spread=_spread_of(collectors),
            with_code=sum(bool(it.code) for it in self.judged),
            pictures_per_s=len(self.judged) / self.busy_s if self.busy_s > 0 else 0.0,
            media=answers.media(),
            collectors=collectors,
            reliability=table,
            judged=tuple(sorted(self.judged, key=_wrongness, reverse=True)),
        )


def _wrongness(picture: JudgedPicture) -> float:
    is_original = picture.medium == Medium.ORIGINAL.value
    return picture.recaptured if is_original else 1 - picture.recaptured


class _Answers:
    """Judgements as arrays."""

    def __init__(self, judged: Sequence[JudgedPicture]) -> None:
        self._judged = judged
        self.scores = np.array([it.recaptured for it in judged], np.float64)
        self._media = np.array([it.medium for it in judged], np.str_)
        self._collectors = np.array([it.collector for it in judged], np.str_)
        self._has_code: _Claims = np.array([bool(it.code) for it in judged], np.bool_)
        self.is_recaptured: _Claims = self._media != Medium.ORIGINAL.value
        self.is_right: _Claims = (self.scores >= DECIDED_AT) == self.is_recaptured
        self.everything: _Claims = np.ones(len(judged), np.bool_)
        self._sample = Resampling(self._collectors.tolist(), SEED)

    def share(self, values: _Claims, among: _Claims) -> Share | None:
        return self._sample.share(mean_of(values, among), among)

    def suggested(self, suggestion: Suggestion) -> _Claims:
        return np.array([it.suggestion == suggestion.value for it in self._judged], np.bool_)

    def auc(self) -> Share | None:
        figure = area_under_curve(self.scores, self.is_recaptured)
        return self._sample.share(figure, self.everything)

    def balanced_accuracy(self) -> Share | None:
        originals = mean_of(self.is_right, ~self.is_recaptured)
        others = mean_of(self.is_right, self.is_recaptured)
        return self._sample.share(balanced(originals, others), self.everything)

    def media(self) -> tuple[MediumFigures, ...]:
        rows = []
        for medium in Medium:
            among: _Claims = self._media == medium.value
            is_named = np.array([it.named == medium.value for it in self._judged], np.bool_)
            decided, named = self.share(self.is_right, among), self.share(is_named, among)
            genuine, uncertain, recaptured = (
                self.share(self.suggested(it), among)
                for it in (Suggestion.GENUINE, Suggestion.UNCERTAIN, Suggestion.RECAPTURED)
            )
            if decided and named and genuine and uncertain and recaptured:
                rows.append(
                    MediumFigures(
                        medium=medium.value,
                        picture_count=int(among.sum()),
                        collector_count=len(set(self._collectors[among].tolist()) - {""}),
                        with_code=int((among & self._has_code).sum()),
                        decided=decided,
                        named=named,
                        genuine=genuine,
                        uncertain=uncertain,
                        recaptured=recaptured,
                    )
                )
        return tuple(rows)

    def collectors(self) -> tuple[CollectorFigures, ...]:
        rows = []
        figure = area_under_curve(self.scores, self.is_recaptured)
        for collector in sorted({*self._collectors.tolist()} - {""}):
            own: _Claims = self._collectors == collector
            others, originals = own & self.is_recaptured, own & ~self.is_recaptured
            if others.any() and originals.any():
                right = (self.is_right[others].mean() + self.is_right[originals].mean()) / 2
                area = figure(own.astype(np.float64))
                counts = int(originals.sum()), int(others.sum())
                rows.append(CollectorFigures(collector, *counts, area, float(right)))
        return tuple(sorted(rows, key=lambda it: (it.balanced_accuracy, it.auc)))


def _spread_of(collectors: Sequence[CollectorFigures]) -> Spread | None:
    if not collectors:
        return None
    values = np.array([it.balanced_accuracy for it in collectors])
    lowest, quartile, median, highest = np.percentile(values, (0, 25, 50, 100)).tolist()
    return Spread(len(values), lowest, quartile, median, highest, float(values.std()))
